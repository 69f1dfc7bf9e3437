/* The account's own work. What is due by the clock (flags, rounds, polls) has its turn like a job; all else waits until
 * nobody has one. Each function below either asks for a job or gives the time to look again. Nothing here may be due
 * again at once after it was asked for in vain, or the account would go round. */
#include "mux/watch.h"

#include <string.h>

#include <utlist.h>

struct rest { /* one call of watch_rest */
    struct watch *watch;
    const struct watch_facts *facts;
    const struct watch_ops *ops;
    void *owner;
    usec *deadline;
    bool asked;
};

void watch_init(struct watch *watch)
{
    *watch = (struct watch){.park_wanted_since = USEC_NEVER};
}

void watch_connected(struct watch *watch, const struct settings *settings, usec now)
{
    *watch = (struct watch){.quiet_since = now,
                            .round_at = now + settings->watch_interval,
                            .polled_at = now,
                            .park_wanted_since = USEC_NEVER,
                            .idle_began = watch->idle_began};
}

void watch_finished(struct watch *watch, usec now)
{
    watch->quiet_since = now;
}

void watch_idle_over(struct watch *watch, bool refused, usec now)
{
    watch->idle_refused |= refused;
    watch->quiet_since = now;
}

static void at(const struct rest *rest, usec when)
{
    if (when < *rest->deadline)
        *rest->deadline = when;
}

static bool ask(struct rest *rest, struct mailbox *mailbox, enum job_goal goal, bool background)
{
    bool added = rest->ops->ask(rest->owner, mailbox, goal, background);

    rest->asked |= added;
    return added;
}

static bool can_idle(const struct rest *rest)
{
    return rest->facts->announces_idle && !rest->watch->idle_refused;
}

/* --- the selected mailbox: its map at once, its flags as often as the server makes it cheap */

static bool map_in_step(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    struct mailbox *mailbox = facts->selected;

    if (!mailbox || !mailbox->views || facts->in_step)
        return false;
    if (facts->now < mailbox->shut_until) { /* asked for now, it would be refused at once, without end */
        at(rest, mailbox->shut_until);
        return false;
    }
    return ask(rest, mailbox, JOB_SELECTED, false);
}

/* At least so long that IDLE comes between, where a server tells what it holds back. */
static usec flag_interval(const struct settings *settings)
{
    usec least = 2 * settings->idle_delay;

    return settings->flag_interval > least ? settings->flag_interval : least;
}

static bool flags_in_step(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    struct mailbox *mailbox = facts->selected;
    usec due;

    if (!mailbox || !mailbox->views || !facts->in_step || mailbox->flags_in_step)
        return false;
    due = mailbox->flags_urgent ? facts->now : mailbox->flags_at + flag_interval(facts->settings);
    if (facts->now < due) {
        at(rest, due);
        return false;
    }
    mailbox_flags_tried(mailbox, facts->now);
    return ask(rest, mailbox, JOB_FLAGS, true);
}

/* --- rounds over the others */

static bool flags_show_in_status(const struct watch_facts *facts, const struct mailbox *mailbox)
{
    return facts->condstore && !mailbox->nomodseq && mailbox->left_with_flags;
}

static void visit(void *context, struct mailbox *mailbox)
{
    struct rest *rest = context;
    const struct watch_facts *facts = rest->facts;

    if (!mailbox->views || mailbox == facts->selected || mailbox->holder)
        return;
    if (!flags_show_in_status(facts, mailbox) && facts->now - mailbox->flags_at >= facts->settings->watch_full_interval)
        (void)ask(rest, mailbox, JOB_FLAGS, true);
    else
        (void)ask(rest, mailbox, JOB_LOOK, false);
}

static bool round_over_the_others(struct rest *rest)
{
    struct watch *watch = rest->watch;

    if (!rest->facts->makes_rounds)
        return false;
    if (rest->facts->now >= watch->round_at) {
        watch->round_at = rest->facts->now + rest->facts->settings->watch_interval;
        mailboxes_each(rest->facts->mailboxes, visit, rest);
    }
    at(rest, watch->round_at);
    return rest->asked;
}

/* --- the best mailbox for IDLE */

static unsigned idlers(const struct watch_facts *facts, const struct mailbox *mailbox)
{
    const struct account_member *member;
    unsigned count = 0;

    DL_FOREACH (facts->members, member) {
        count += member->idling && member->view && member->view->mailbox == mailbox;
    }
    return count;
}

/* Another upstream session watches it. */
static bool is_elsewhere(const struct watch_facts *facts, const struct mailbox *mailbox)
{
    return mailbox->holder && mailbox != facts->selected;
}

/* Of those that are not elsewhere, the one that most idling sessions have selected, INBOX at a tie; NULL: none idles.
 */
static struct mailbox *park_target(const struct watch_facts *facts)
{
    const struct account_member *member;
    struct mailbox *best = NULL;
    unsigned most = 0;

    DL_FOREACH (facts->members, member) {
        struct mailbox *mailbox = member->idling && member->view ? member->view->mailbox : NULL;
        unsigned count = mailbox && !is_elsewhere(facts, mailbox) ? idlers(facts, mailbox) : 0;
        if (count > most || (count == most && count > 0 && strcmp(mailbox->name, "INBOX") == 0)) {
            best = mailbox;
            most = count;
        }
    }
    return best;
}

/* The mailbox of some member's view, not elsewhere; NULL: nobody has one. */
static struct mailbox *any_view(const struct watch_facts *facts)
{
    const struct account_member *member;

    DL_FOREACH (facts->members, member) {
        if (member->view && member->view->mailbox && !is_elsewhere(facts, member->view->mailbox))
            return member->view->mailbox;
    }
    return NULL;
}

/* Do as many idle clients watch the selected mailbox as the target? */
static bool is_well_parked(const struct watch_facts *facts, const struct mailbox *target)
{
    const struct mailbox *selected = facts->selected;

    if (!target || target == selected)
        return true;
    return selected && strcmp(target->name, "INBOX") != 0 && idlers(facts, selected) >= idlers(facts, target);
}

static bool park(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    struct watch *watch = rest->watch;
    struct mailbox *target = park_target(facts);
    usec from;
    /* Nothing is left for it, as after a reconnect, and clients wait there: at once, but only once. */
    bool at_once = target && !facts->selected && watch->park_wanted_since == USEC_NEVER;

    if (!target && !facts->selected)
        target = any_view(facts);
    if (is_well_parked(facts, target)) {
        watch->park_wanted_since = USEC_NEVER;
        return false;
    }
    if (watch->park_wanted_since == USEC_NEVER)
        watch->park_wanted_since = facts->now;
    from = watch->quiet_since > watch->park_wanted_since ? watch->quiet_since : watch->park_wanted_since;
    if (!at_once && facts->now - from < facts->settings->park_delay) {
        at(rest, from + facts->settings->park_delay);
        return false;
    }
    watch->park_wanted_since = facts->now; /* again in park_delay if it does not work */
    return ask(rest, target, JOB_SELECTED, false);
}

/* --- IDLE, or NOOP where there is none */

static void keep_idle(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    usec age = rest->watch->idle_began + facts->idle_reissue;
    usec silence = facts->heard_at + facts->settings->idle_probe;
    usec until = age < silence ? age : silence;

    if (facts->now >= until)
        rest->ops->end_idle(rest->owner); /* without an answer the connection is given up */
    else
        at(rest, until);
}

static void idle(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    usec due = rest->watch->quiet_since + facts->settings->idle_delay;

    if (facts->idling) {
        keep_idle(rest);
    } else if (facts->ready && facts->now < due) {
        at(rest, due);
    } else if (facts->ready) {
        rest->watch->idle_began = facts->now;
        rest->ops->idle(rest->owner);
    }
}

/* The selected mailbox has its NOOPs however busy the connection is: the rounds over the others say nothing of it.
 */
static bool poll(struct rest *rest)
{
    const struct watch_facts *facts = rest->facts;
    const struct mailbox *mailbox = facts->selected;
    struct watch *watch = rest->watch;
    usec due = watch->quiet_since + facts->idle_reissue;

    if (mailbox && mailbox->views && !can_idle(rest)) {
        usec last = mailbox->looked_at > watch->polled_at ? mailbox->looked_at : watch->polled_at;
        if (last + facts->settings->poll_interval < due)
            due = last + facts->settings->poll_interval;
    }
    if (facts->now < due) {
        at(rest, due);
        return false;
    }
    watch->polled_at = facts->now;
    return ask(rest, facts->selected, JOB_RUN, false);
}

void watch_clock(struct watch *watch, const struct watch_facts *facts, const struct watch_ops *ops, void *owner,
                 usec *deadline)
{
    struct rest rest = {watch, facts, ops, owner, deadline, false};

    (void)flags_in_step(&rest);
    (void)round_over_the_others(&rest);
    if (!can_idle(&rest))
        (void)poll(&rest);
}

bool watch_rest(struct watch *watch, const struct watch_facts *facts, const struct watch_ops *ops, void *owner,
                usec *deadline)
{
    struct rest rest = {watch, facts, ops, owner, deadline, false};

    if (map_in_step(&rest) || flags_in_step(&rest) || round_over_the_others(&rest) || park(&rest))
        return true;
    if (!can_idle(&rest) || !facts->selected)
        return poll(&rest);
    idle(&rest);
    return false;
}
