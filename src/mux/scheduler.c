/* Jobs and the selection they are carried out on. A job whose turn has come stays `current` while commands of the
 * selection's own go out for it one by one; after each its need is judged again, until its own command can be built or
 * nothing is left to do. A job that may have been carried out is never sent again unless its policy says so. */
#include "mux/scheduler.h"

#include <assert.h>
#include <stdlib.h>

#include "mux/refusal.h"
#include "mux/scheduler_inside.h"

#define ATTEMPTS_MAX 5 /* with answers that contradict the map */

struct selection *scheduler_selection(const struct scheduler *scheduler)
{
    return scheduler->selection;
}

bool scheduler_works(const struct scheduler *scheduler)
{
    return scheduler->current != NULL;
}

const struct job *scheduler_current(const struct scheduler *scheduler)
{
    return scheduler->current;
}

usec scheduler_served_at(const struct scheduler *scheduler)
{
    return scheduler->served_at;
}

uint64_t scheduler_turns(const struct scheduler *scheduler)
{
    return scheduler->turns;
}

bool scheduler_needs(const struct scheduler *scheduler, const struct mailbox *mailbox)
{
    return selection_needs(scheduler->selection, mailbox) ||
           (scheduler->current && scheduler->current->mailbox == mailbox);
}

/* --- the end of a turn */

static void turn_over(struct scheduler *scheduler)
{
    scheduler->current = NULL;
    scheduler->turns++;
}

/* Its client, if it is still there, has been told already. */
static void note_change(const struct scheduler *scheduler, const struct job *job, enum job_status status)
{
    bool perhaps = (status == JOB_LOST || status == JOB_GARBAGE) && job->course.written;

    if (job->change && (status == JOB_OK || perhaps))
        mailboxes_changed(scheduler->options.mailboxes, job->change, status == JOB_OK);
}

void scheduler_finish(struct scheduler *scheduler, enum job_status status, const struct response *response,
                      const char *text)
{
    struct job_result result = {.status = status, .response = response, .text = text};
    struct job *job = scheduler->current;

    if (job->account)
        scheduler->served_at = runqueue_now(scheduler->options.ground->runqueue);
    turn_over(scheduler);
    selection_turn_over(scheduler->selection);
    scheduler->drained = 0;
    jobs_end(scheduler->options.jobs, job, &result);
    note_change(scheduler, job, status);
    task_wake(scheduler->options.task);
}

/* The current job waits again, before all others. */
static void put_back(struct scheduler *scheduler)
{
    struct job *job = scheduler->current;

    scheduler->current = NULL;
    jobs_put_back(scheduler->options.jobs, job);
}

void scheduler_end(struct scheduler *scheduler, const char *text)
{
    if (scheduler->current)
        scheduler_finish(scheduler, JOB_DEAD, NULL, text);
    jobs_end_all(scheduler->options.jobs, text);
}

static void drop_rather_than_read(struct scheduler *scheduler)
{
    upstream_drop(scheduler->options.upstream,
                  "the client has gone and more than drain_max of its answer is left to read");
}

void scheduler_abandon(struct scheduler *scheduler, struct job *job)
{
    jobs_abandon(scheduler->options.jobs, job);
    if (job == scheduler->current &&
        selection_literal_left(scheduler->selection) > scheduler->options.ground->settings->drain_max)
        drop_rather_than_read(scheduler);
}

void scheduler_mailbox_dropped(struct scheduler *scheduler, const struct mailbox *mailbox)
{
    selection_forget(scheduler->selection, mailbox);
    jobs_end_mailbox(scheduler->options.jobs, scheduler->current, mailbox, "the mailbox is gone");
}

/* --- its own command */

struct equality {
    struct scheduler *scheduler;
    const struct outgoing *command;
};

/* Would this job send the very same command? */
static bool is_equal(void *context, struct job *job)
{
    const struct equality *equality = context;
    const struct job *current = equality->scheduler->current;
    struct outgoing *own;
    bool equal;

    if (job->policy != current->policy || job->ops != current->ops)
        return false;
    own = outgoing_new();
    equal = own && job->ops->build(job, own) == JOB_SEND && job->ops && outgoing_equal(own, equality->command);
    outgoing_free(own);
    return equal;
}

/* Equal commands that wait together go up once: LIST, STATUS, which need no mailbox selected and change nothing. */
static void gather(struct scheduler *scheduler, const struct outgoing *command)
{
    struct job *current = scheduler->current;
    struct equality equality = {scheduler, command};

    if (!policy_is_shared(current->policy))
        return;
    assert(!current->mailbox && policy_loss(current->policy) == POLICY_REPEAT);
    jobs_gather(scheduler->options.jobs, current, is_equal, &equality);
}

static enum selection_effect effect_of(const struct job *job)
{
    if (scheduler_is_own(job))
        return SELECTION_LOOKS;
    return job->sets_seen ? SELECTION_SETS_SEEN : SELECTION_NO_EFFECT;
}

static void send(struct scheduler *scheduler, struct outgoing *command)
{
    struct job *job = scheduler->current;

    job->course.written = true;
    job->course.spoilt = job->course.garbled = false;
    gather(scheduler, command);
    selection_send(scheduler->selection, command, effect_of(job), policy_patience(job->policy), job->sole);
}

static void build(struct scheduler *scheduler)
{
    struct outgoing *out = outgoing_new();
    enum job_turn turn;

    if (!out) {
        upstream_drop(scheduler->options.upstream, "out of memory");
        return;
    }
    turn = scheduler->current->ops->build(scheduler->current, out);
    if (turn == JOB_SEND && !outgoing_failed(out)) {
        send(scheduler, out);
        return;
    }
    outgoing_free(out);
    if (turn == JOB_SEND)
        scheduler_finish(scheduler, JOB_REFUSED, NULL,
                         "the command cannot be sent: out of memory, or it has characters that IMAP cannot carry");
    else
        scheduler_finish(scheduler, turn == JOB_NOTHING ? JOB_OK : JOB_REFUSED, NULL, NULL);
}

/* Has the mailbox become another since the job was submitted? Its UIDs mean nothing any more. */
static bool is_dead(const struct job *job)
{
    const struct mailbox *mailbox = job->mailbox;

    return job->queueing.doomed ||
           (mailbox &&
            (mailbox->deleted || (job->goal == JOB_RUN && job->queueing.uidvalidity != 0 && mailbox->uidvalidity != 0 &&
                                  job->queueing.uidvalidity != mailbox->uidvalidity)));
}

static enum wish_need need_of(const struct job *job, const struct mailbox *selected)
{
    if (!job->mailbox)
        return job->leaves && selected && job->leaves(job, selected) ? WISH_LEFT : WISH_NOTHING;
    switch (job->goal) {
    case JOB_RUN:
        return WISH_SELECTED;
    case JOB_LOOK:
        return WISH_LOOK;
    case JOB_SELECTED:
        return WISH_FRESH;
    case JOB_FLAGS:
        return WISH_FLAGS;
    }
    abort();
}

static enum selection_turn prepare(struct scheduler *scheduler)
{
    struct job *job = scheduler->current;
    struct wish wish = {.need = need_of(job, selection_mailbox(scheduler->selection)),
                        .mailbox = job->mailbox,
                        .read_write = job->read_write,
                        .background = job->background,
                        .submitted = job->queueing.submitted,
                        .progress = &job->progress};

    return selection_prepare(scheduler->selection, &wish);
}

static void fulfilled(struct scheduler *scheduler)
{
    if (scheduler->current->goal == JOB_RUN)
        build(scheduler);
    else
        scheduler_finish(scheduler, JOB_OK, NULL, NULL);
}

static void advance(struct scheduler *scheduler)
{
    struct job *job = scheduler->current;

    if (!job->ops || is_dead(job)) {
        scheduler_finish(scheduler, JOB_DEAD, NULL, "the mailbox is gone or has been replaced");
        return;
    }
    switch (prepare(scheduler)) {
    case SELECTION_READY:
        if (!upstream_busy(scheduler->options.upstream))
            fulfilled(scheduler);
        break;
    case SELECTION_UNTOLD:
        scheduler_finish(scheduler, JOB_GARBAGE, NULL, "the server announces messages and does not tell their UIDs");
        break;
    case SELECTION_SHUT:
        scheduler_finish(scheduler, JOB_NOT_SELECTED, NULL,
                         "The mail server had trouble with this mailbox a moment ago; please try again later");
        break;
    case SELECTION_SENT:
    case SELECTION_DROPPED:
        break;
    }
}

static struct job *pick(struct scheduler *scheduler)
{
    const struct scheduler_options *options = &scheduler->options;
    struct jobs_picker here = {.turns = &scheduler->row,
                               .selected = selection_mailbox(scheduler->selection),
                               .quantum = options->ground->settings->quantum};

    return options->pick ? options->pick(options->picker, scheduler, &here) : jobs_pick(options->jobs, &here);
}

void scheduler_step(struct scheduler *scheduler)
{
    while (!upstream_busy(scheduler->options.upstream)) {
        if (!scheduler->current)
            hierarchy_ask(scheduler->options.hierarchy, scheduler->options.ground->commands);
        if (!scheduler->current)
            scheduler->current = pick(scheduler);
        if (!scheduler->current)
            return;
        advance(scheduler);
    }
}

/* --- answers */

static enum job_status status_of(enum response_status status)
{
    return status == RESPONSE_OK ? JOB_OK : status == RESPONSE_NO ? JOB_NO : JOB_BAD;
}

/* A job that may be sent again waits again; the others end with the server's answer. */
static bool try_again(struct scheduler *scheduler)
{
    struct job *job = scheduler->current;

    if (policy_loss(job->policy) != POLICY_REPEAT || ++job->course.attempts >= ATTEMPTS_MAX)
        return false;
    job->course.written = false;
    put_back(scheduler);
    return true;
}

static void answered(void *owner, const struct response *response)
{
    struct scheduler *scheduler = owner;
    struct job *job = scheduler->current;
    const struct job_course *course = &job->course;
    bool heard = job->ops || job->queueing.riders;

    if ((course->garbled || course->spoilt) && policy_loss(job->policy) == POLICY_FIND_OUT)
        scheduler_finish(scheduler, JOB_LOST, NULL, NULL);
    else if (course->garbled && heard && !job->judges_answers)
        scheduler_finish(scheduler, JOB_GARBAGE, NULL, "the server's answer could not be understood");
    else if (course->spoilt && policy_loss(job->policy) == POLICY_REPEAT && !try_again(scheduler))
        scheduler_finish(scheduler, JOB_GARBAGE, NULL, "the server keeps contradicting itself");
    else if (scheduler->current == job)
        scheduler_finish(scheduler, status_of(response->status), response, NULL);
}

static void prepared(void *owner, bool part)
{
    struct scheduler *scheduler = owner;
    struct job *job = scheduler->current;

    if (!part || !job->background || selection_flags_learned(scheduler->selection, job->mailbox))
        return;
    turn_over(scheduler); /* the others have their turn between two parts */
    jobs_put_last(scheduler->options.jobs, job);
}

static void refused(void *owner, const struct response *tagged, const char *text)
{
    struct scheduler *scheduler = owner;

    if (scheduler->current)
        scheduler_finish(scheduler, JOB_NOT_SELECTED, tagged, text);
}

static void untagged(void *owner, const struct response *response)
{
    struct scheduler *scheduler = owner;
    struct job *current = scheduler->current, *next;

    if (current->ops && current->ops->untagged)
        current->ops->untagged(current, response);
    for (struct job *rider = current->queueing.riders; rider; rider = next) {
        next = rider->next;
        rider->ops->untagged(rider, response);
    }
}

/* Nothing was learned, so no client may be told that there is no news. */
static void denied(void *owner, const struct response *tagged)
{
    struct scheduler *scheduler = owner;

    if (!scheduler->current)
        return;
    if (tagged->status == RESPONSE_OK)
        scheduler_finish(scheduler, JOB_GARBAGE, NULL, "the server's answer lacks what was asked");
    else
        scheduler_finish(scheduler, JOB_NO, tagged, NULL);
}

/* The mailbox is gone by another program's DELETE or RENAME. */
static void gone(void *owner, struct mailbox *mailbox)
{
    struct scheduler *scheduler = owner;

    log_line(scheduler->options.ground->log, LOG_INFO, "%s: %s: the server has no such mailbox any more",
             scheduler->options.name, mailbox->name);
    mailboxes_gone(scheduler->options.mailboxes, slice_of(mailbox->name),
                   "The mailbox has been deleted or renamed by another program; please reconnect", NULL);
}

/* The job that asks for messages of the selected mailbox; NULL: none, or its client has gone. */
static struct job *fetching(const struct scheduler *scheduler)
{
    struct job *job = scheduler->current;
    bool asks = job && job->ops && job->ops->fetch && job->mailbox == selection_mailbox(scheduler->selection);

    return asks ? job : NULL;
}

static void fetch(void *owner, uint32_t uid, const struct fetch_answer *part)
{
    struct job *job = fetching(owner);
    struct job_fetch answer = {.uid = uid, .part = part};

    if (job)
        job->ops->fetch(job, &answer);
}

static void fetch_data(void *owner, struct slice bytes)
{
    struct job *job = fetching(owner);

    if (job)
        job->ops->fetch_data(job, bytes);
}

static void fetch_broken(void *owner, bool sound)
{
    const struct scheduler *scheduler = owner;
    struct job *job = scheduler->current;

    if (job && job->ops && job->ops->fetch_broken)
        job->ops->fetch_broken(job, sound);
}

static void literal_read(void *owner, size_t octets)
{
    struct scheduler *scheduler = owner;

    if (scheduler->current && scheduler->current->ops)
        return;
    scheduler->drained += octets;
    if (scheduler->drained > scheduler->options.ground->settings->drain_max)
        drop_rather_than_read(scheduler);
}

static void contradicted(void *owner)
{
    const struct scheduler *scheduler = owner;

    if (scheduler->current)
        scheduler->current->course.spoilt = true;
}

static void garbled(void *owner)
{
    const struct scheduler *scheduler = owner;

    if (scheduler->current)
        scheduler->current->course.garbled = true;
}

static void meaning_lost(void *owner, struct mailbox *mailbox)
{
    const struct scheduler *scheduler = owner;

    jobs_doom_mailbox(scheduler->options.jobs, scheduler->current, mailbox);
}

static const struct selection_ops selection_ops = {
    .fetch = fetch,
    .fetch_data = fetch_data,
    .fetch_broken = fetch_broken,
    .literal_read = literal_read,
    .untagged = untagged,
    .answered = answered,
    .prepared = prepared,
    .refused = refused,
    .denied = denied,
    .gone = gone,
    .contradicted = contradicted,
    .garbled = garbled,
    .meaning_lost = meaning_lost,
};

/* "BAD User is authenticated but not connected." and the like say nothing about the command: the server's session has
 * ended.
 */
static bool session_is_void(struct scheduler *scheduler, const struct response *response)
{
    struct job *job = scheduler->current;
    enum refusal refusal;

    if (response->status != RESPONSE_BAD || (job && job->course.losses + 1 >= SCHEDULER_TRIES_MAX))
        return false;
    refusal = refusal_classify(REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD, response->text, scheduler->options.settings);
    if (refusal != REFUSAL_THROTTLED && !slice_contains_nocase(response->text, SLICE("not connected")))
        return false; /* the same words may be about the command */
    if (job)
        job->course.written = false; /* it was not carried out */
    upstream_drop_refused(scheduler->options.upstream, refusal, response->text);
    return true;
}

void scheduler_tagged(struct scheduler *scheduler, const struct response *response)
{
    if (!session_is_void(scheduler, response))
        selection_tagged(scheduler->selection, response);
}

/* --- making and ending */

struct scheduler *scheduler_new(const struct scheduler_options *options)
{
    struct scheduler *scheduler = calloc(1, sizeof(*scheduler));

    if (!scheduler)
        return NULL;
    scheduler->options = *options;
    scheduler->served_at = -1;
    scheduler->selection = selection_new(options->ground, options->upstream, options->name, &selection_ops, scheduler);
    if (scheduler->selection)
        return scheduler;
    free(scheduler);
    return NULL;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    assert(!scheduler->current);
    selection_free(scheduler->selection);
    free(scheduler);
}
