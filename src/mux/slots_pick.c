/* Which slot may take which job. Two slots never have one mailbox in hand, nor is a mailbox in hand of one while a
 * command that may take its name away is under way in another. Nobody waits for ever: of the slots that are logged in
 * one, the worker, takes whatever is in nobody's hand. */
#include <string.h>

#include "mux/slots.h"

/* One slot on the look-out for a job. */
struct search {
    const struct slots *slots;
    const struct scheduler *scheduler; /* of the slot */
    const struct mailbox *selected;    /* there; where it rests there is one */
    bool rests;                        /* clients in IDLE wait on its mailbox, and another slot does the work */
    bool helps;        /* the others are busy: it does what takes it away from that mailbox for a moment */
    bool names_change; /* a job waits that changes names */
};

static unsigned idlers(const struct slot *slot, const struct members *members)
{
    const struct mailbox *selected = selection_mailbox(slot_selection(slot));

    return selected ? members_idling(members, selected) : 0;
}

/* Is it the better one to be taken away from its mailbox? */
static bool is_freer(const struct slot *slot, const struct slot *other, const struct members *members)
{
    const struct mailbox *selected = selection_mailbox(slot_selection(other));
    unsigned own = idlers(slot, members), others = idlers(other, members);

    return own < others || (own == others && selected && strcmp(selected->name, "INBOX") == 0);
}

struct slot *slots_worker(const struct slots *slots)
{
    struct slot *worker = NULL;

    for (size_t i = slots->count; i-- > 0;) {
        struct slot *slot = slots->at[i];
        if (slot_is_working(slot) && (!worker || is_freer(slot, worker, slots->options.members)))
            worker = slot;
    }
    return worker;
}

/* --- commands that take names away */

static bool changes_names(const struct job *job)
{
    return job->change || job->leaves;
}

static bool concerns(const struct slots *slots, const struct job *job, const struct mailbox *mailbox)
{
    return (job->ops && job->leaves && job->leaves(job, mailbox)) ||
           (job->change && mailboxes_may_change(slots->options.mailboxes, mailbox, job->change));
}

/* One that waits, before `job` (NULL: wherever it stands), for this session or for any, and concerns the mailbox. */
static bool one_waits_that_concerns(const struct search *search, const struct job *before,
                                    const struct mailbox *mailbox)
{
    const struct jobs *jobs = search->slots->options.jobs;

    for (const struct job *job = jobs_next(jobs, NULL); job && job != before; job = jobs_next(jobs, job)) {
        if (!job->place && changes_names(job) && concerns(search->slots, job, mailbox))
            return true;
    }
    return false;
}

/* In whose hand is a mailbox that the job concerns? */
struct visit {
    const struct slots *slots;
    const struct job *job;
    const struct scheduler *by; /* this one does not count */
    bool found;
};

static void look_for_hand(void *context, struct mailbox *mailbox)
{
    struct visit *visit = context;

    for (size_t i = 0; i < visit->slots->count && !visit->found; i++) {
        const struct scheduler *scheduler = slot_scheduler(visit->slots->at[i]);
        visit->found = scheduler != visit->by && scheduler_needs(scheduler, mailbox) &&
                       concerns(visit->slots, visit->job, mailbox);
    }
}

static bool is_in_anothers_hand(const struct search *search, const struct job *job)
{
    struct visit visit = {search->slots, job, search->scheduler, false};

    mailboxes_each(search->slots->options.mailboxes, look_for_hand, &visit);
    return visit.found;
}

/* The one of the slots with a concerned mailbox that stands first carries the command out. */
static bool leaves_for_another(const struct search *search, const struct mailbox *selected)
{
    const struct slots *slots = search->slots;
    const struct jobs *jobs = slots->options.jobs;

    for (const struct job *job = jobs_next(jobs, NULL); job; job = jobs_next(jobs, job)) {
        if (job->place || !changes_names(job) || !concerns(slots, job, selected))
            continue;
        for (size_t i = 0; slot_scheduler(slots->at[i]) != search->scheduler; i++) {
            const struct mailbox *other = selection_mailbox(slot_selection(slots->at[i]));
            if (other && concerns(slots, job, other))
                return true;
        }
    }
    return false;
}

/* --- what a slot may take */

/* In another's hand, or taken away just now. */
static bool is_elsewhere(const struct search *search, const struct mailbox *mailbox)
{
    const struct slots *slots = search->slots;

    for (size_t i = 0; i < slots->count; i++) {
        const struct scheduler *other = slot_scheduler(slots->at[i]);
        const struct job *current = scheduler_current(other);
        if (other != search->scheduler && (scheduler_needs(other, mailbox) ||
                                           (current && changes_names(current) && concerns(slots, current, mailbox))))
            return true;
    }
    return false;
}

static bool changes_names_elsewhere(const struct search *search)
{
    for (size_t i = 0; i < search->slots->count; i++) {
        const struct scheduler *other = slot_scheduler(search->slots->at[i]);
        const struct job *current = scheduler_current(other);
        if (other != search->scheduler && current && !current->place && changes_names(current))
            return true;
    }
    return false;
}

/* Then nobody else may carry it out. */
static bool concerns_selected(const struct search *search, const struct job *job)
{
    return changes_names(job) && concerns(search->slots, job, search->selected);
}

static bool admits(void *context, const struct job *job)
{
    const struct search *search = context;
    const struct mailbox *mailbox = job->mailbox;

    if (job->place)
        return job->place == search->scheduler;
    if (!mailbox && changes_names(job) && (changes_names_elsewhere(search) || is_in_anothers_hand(search, job)))
        return false;
    if (!mailbox)
        return !search->rests || search->helps || job->urgent || concerns_selected(search, job);
    if (is_elsewhere(search, mailbox) || mailboxes_is_doubted(search->slots->options.mailboxes, mailbox) ||
        (search->names_change && one_waits_that_concerns(search, job, mailbox)))
        return false;
    return !search->rests || scheduler_needs(search->scheduler, mailbox);
}

/* --- a slot on the look-out */

static bool any_changes_names(const struct slots *slots)
{
    for (const struct job *job = jobs_next(slots->options.jobs, NULL); job; job = jobs_next(slots->options.jobs, job)) {
        if (!job->place && changes_names(job))
            return true;
    }
    return false;
}

/* Every other slot that is logged in has a job, or rests. */
static bool the_worker_is_busy(const struct slot *worker)
{
    return !slot_can_work(worker) || scheduler_works(slot_scheduler(worker));
}

static struct job *pick(void *owner, struct scheduler *scheduler, const struct jobs_picker *here)
{
    struct slots *slots = owner;
    struct search search = {.slots = slots, .scheduler = scheduler, .selected = here->selected};
    struct jobs_picker picker = *here;
    const struct slot *worker;

    if (slots->count == 1)
        return jobs_pick(slots->options.jobs, here);
    worker = slots_worker(slots);
    search.rests = worker && slot_scheduler(worker) != scheduler && here->selected &&
                   members_idling(slots->options.members, here->selected) > 0;
    search.helps = search.rests && the_worker_is_busy(worker);
    search.names_change = any_changes_names(slots);
    if (search.names_change && here->selected && leaves_for_another(&search, here->selected))
        scheduler_leave(scheduler);
    picker.admits = admits;
    picker.context = &search;
    return jobs_pick(slots->options.jobs, &picker);
}

/* --- several lost at once */

/* Within so long it is one event: the line or the server is gone, and no mailbox has cost a connection. */
#define AT_ONCE USEC_SECOND

static void excuse(void *context, struct mailbox *mailbox)
{
    mailbox_excused_line(mailbox, *(const usec *)context);
}

/* One that was lost with no mailbox to blame speaks for the mailboxes that the others are blamed on, whichever was lost
 * first. */
static void lost(void *owner, const struct slot *slot, bool by_mailbox)
{
    struct slots *slots = owner;
    usec now = runqueue_now(slots->options.ground->runqueue), since = now - AT_ONCE;
    bool another = slots->lost && slots->lost != slot && slots->lost_at >= since;

    if (!by_mailbox) {
        slots->lost = slot;
        slots->lost_at = now;
    }
    if (slots->count > 1 && (another || !by_mailbox))
        mailboxes_each(slots->options.mailboxes, excuse, &since);
}

static bool makes_rounds(void *owner, const struct slot *slot)
{
    const struct slots *slots = owner;

    return slots->count == 1 || slots_worker(slots) == slot;
}

const struct slot_peers slots_peers = {.pick = pick, .lost = lost, .makes_rounds = makes_rounds};
