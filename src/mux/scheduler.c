/* Whose turn it is, and what the upstream must do first. One command is in flight at a time. A job whose turn has come
 * stays `current` while commands on its behalf (leaving, switching, learning the tail, a look) go out one by one; after
 * each its need is judged anew, until its own command can be built or nothing is left to do.
 *
 *   waiting --pick--> current --prepare (LEAVE SELECT SEARCH_* LEARN NOOP STATUS FLAGS)*--> JOB --tagged--> done
 *
 * Nobody is served from what an earlier command told unless that is fresh: a look counts only if it was written after
 * the job was submitted. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "imap/mailbox_name.h"
#include "mux/account_inside.h"
#include "mux/upstream.h"

#define ATTEMPTS_MAX    5
#define LEARNED_IN_VAIN 3

/* --- jobs */

static struct job *new_job(struct account *account, const struct job *wanted)
{
    struct job *job = malloc(sizeof(*job));

    if (!job)
        return NULL;
    *job = *wanted;
    job->account = account;
    job->submitted = upstream_commands(account->upstream);
    job->uidvalidity = wanted->mailbox ? wanted->mailbox->uidvalidity : 0;
    job->attempts = job->passes = 0;
    job->written = job->spoilt = job->garbled = job->asked = job->doomed = job->riding = false;
    DL_APPEND(account->jobs, job);
    task_wake(&account->task);
    return job;
}

struct job *job_submit(struct account *account, const struct job *wanted)
{
    return new_job(account, wanted);
}

static void free_job(void *object)
{
    free(object);
}

static void dispose(struct job *job)
{
    runqueue_dispose(job->account->ground->runqueue, free_job, job);
}

void job_abandon(struct job *job)
{
    struct account *account = job->account;

    job->ops = NULL;
    if (account->current == job) {
        if (account->intake.open && account->intake.left > account_settings(account)->drain_max)
            upstream_drop(account->upstream, "reconnecting rather than reading what its client no longer wants");
        return;
    }
    if (job->riding)
        sharing_leave(job);
    else
        DL_DELETE(account->jobs, job);
    dispose(job);
}

static void end_job(struct job *job, const struct job_result *result)
{
    const struct job_ops *ops = job->ops;

    job->ops = NULL;
    if (ops)
        ops->done(job, result);
    dispose(job);
}

/* The current job's turn is over. */
static void finish(struct account *account, enum job_status status, const struct response *response, const char *text)
{
    struct job *job = account->current;
    struct job_result result = {.status = status, .response = response, .text = text};

    account->current = NULL;
    account->learned = false;
    account->owes_a_turn = false;
    account->drained = 0;
    end_job(job, &result);
    while ((job = sharing_next(account)))
        end_job(job, &result);
    task_wake(&account->task);
}

static void own_done(struct job *job, const struct job_result *result)
{
    (void)job;
    (void)result;
}

static enum job_turn own_build(struct job *job, struct outgoing *out)
{
    (void)job;
    outgoing_text(out, "NOOP");
    return JOB_SEND;
}

static const struct job_ops own_ops = {.build = own_build, .done = own_done};

/* Which mailboxes are below which must be known before the first RENAME. */
static enum job_turn separator_build(struct job *job, struct outgoing *out)
{
    (void)job;
    outgoing_text(out, "LIST \"\" \"\"");
    return JOB_SEND;
}

static void separator_told(struct job *job, const struct response *response)
{
    const struct value *separator = response->arguments ? response->arguments->next : NULL;

    if (response->kind == RESPONSE_LIST && separator && value_is_string(separator) && separator->text.length == 1)
        account_note_separator(job->account, separator->text.data[0]);
}

static const struct job_ops separator_ops = {.build = separator_build, .untagged = separator_told, .done = own_done};

void scheduler_learn_separator(struct account *account)
{
    struct job wanted = {.ops = &separator_ops, .title = "own", .goal = JOB_RUN, .policy = POLICY_LIST};

    (void)new_job(account, &wanted);
}

void scheduler_submit_own(struct account *account, struct mailbox *mailbox, enum job_goal goal, bool background)
{
    struct job wanted = {.ops = &own_ops,
                         .title = "own",
                         .goal = goal,
                         .policy = POLICY_LOOK,
                         .mailbox = mailbox,
                         .background = background};
    struct job *job;

    DL_FOREACH (account->jobs, job) {
        if (job->ops == &own_ops && job->mailbox == mailbox && job->goal == goal && job->background == background)
            return;
    }
    (void)new_job(account, &wanted);
}

bool scheduler_has_work(const struct account *account)
{
    return account->jobs || account->current;
}

void scheduler_end(struct account *account, const char *text)
{
    struct job_result result = {.status = JOB_DEAD, .text = text};
    struct job *job, *next;

    if (account->current)
        finish(account, JOB_DEAD, NULL, text);
    DL_FOREACH_SAFE (account->jobs, job, next) {
        DL_DELETE(account->jobs, job);
        end_job(job, &result);
    }
}

/* Jobs for a mailbox that is gone die; the current one is judged when its command is answered. */
void scheduler_mailbox_gone(struct account *account, const struct mailbox *mailbox)
{
    struct job_result result = {.status = JOB_DEAD, .text = "the mailbox is gone"};
    struct job *job, *next;

    DL_FOREACH_SAFE (account->jobs, job, next) {
        if (job->mailbox != mailbox)
            continue;
        DL_DELETE(account->jobs, job);
        end_job(job, &result);
    }
}

/* --- whose turn */

void scheduler_mailbox_reset(struct account *account, const struct mailbox *mailbox)
{
    struct job *job;

    DL_FOREACH (account->jobs, job) {
        if (job->mailbox == mailbox && job->goal == JOB_RUN)
            job->doomed = true;
    }
    if (account->current && account->current->mailbox == mailbox && account->current->goal == JOB_RUN)
        account->current->doomed = true;
}

static bool is_here(const struct account *account, const struct job *job)
{
    if (!job->mailbox || job->mailbox == account->selected)
        return true;
    return job->goal == JOB_LOOK && job->mailbox->known; /* STATUS will do, for a beginning */
}

/* Jobs for the selected mailbox first, up to a quantum; then the next mailbox has its turn. Those in the background
 * last. */
static struct job *pick(struct account *account)
{
    struct job *here = NULL, *other = NULL, *background = NULL, *job, *picked;

    DL_FOREACH (account->jobs, job) {
        struct job **kind = job->background ? &background : is_here(account, job) ? &here : &other;
        if (!*kind)
            *kind = job;
    }
    if (here && (!other || account->quantum_used < account_settings(account)->quantum)) {
        picked = here;
        account->quantum_used++;
    } else {
        picked = other ? other : background;
        account->quantum_used = 0;
    }
    if (picked)
        DL_DELETE(account->jobs, picked);
    return picked;
}

/* --- its own command */

static void build(struct account *account, struct job *job)
{
    struct outgoing *out = preparation_command(account);
    enum job_turn turn;

    if (!out)
        return;
    turn = job->ops->build(job, out);
    if (turn == JOB_SEND && !outgoing_failed(out)) {
        job->written = true;
        job->spoilt = job->garbled = false;
        sharing_gather(account, out);
        account_send(account, ACTIVITY_JOB, out);
        return;
    }
    outgoing_free(out);
    if (turn == JOB_SEND)
        finish(account, JOB_REFUSED, NULL,
               "the command cannot be sent: out of memory, or it holds what IMAP cannot carry");
    else
        finish(account, turn == JOB_NOTHING ? JOB_OK : JOB_REFUSED, NULL, NULL);
}

/* Has the mailbox become another since the job was submitted? Its UIDs mean nothing any more. */
static bool is_dead(const struct job *job)
{
    const struct mailbox *mailbox = job->mailbox;

    return mailbox && (mailbox->deleted || job->doomed ||
                       (job->uidvalidity != 0 && mailbox->uidvalidity != 0 &&
                        job->uidvalidity != mailbox->uidvalidity && job->goal == JOB_RUN));
}

static void advance(struct account *account)
{
    struct job *job = account->current;

    if (!job->ops || is_dead(job))
        finish(account, JOB_DEAD, NULL, "the mailbox is gone, or is another one now");
    else if (!preparation_send(account, job) && !upstream_busy(account->upstream)) {
        if (job->goal == JOB_RUN)
            build(account, job);
        else
            finish(account, JOB_OK, NULL, NULL);
    }
}

void scheduler_step(struct account *account, usec now)
{
    (void)now;
    while (account->logged_in && !upstream_busy(account->upstream)) {
        if (!account->current)
            account->current = pick(account);
        if (!account->current)
            return;
        advance(account);
    }
}

/* --- answers */

void account_status_seen(struct account *account, struct mailbox *mailbox, const struct value *items)
{
    if (!mailbox->known || account_is_selected(account, mailbox) || !mailbox_status_differs(mailbox, items))
        return;
    mailbox_differs(mailbox);
    if (mailbox->views)
        scheduler_submit_own(account, mailbox, JOB_SELECTED, false);
}

static void status_answer(struct account *account, const struct response *response)
{
    struct slice name;

    if (response->kind != RESPONSE_MAILBOX_STATUS || !value_astring(response->arguments, &name) ||
        !value_is_list(response->arguments->next) || !account->current || !account->current->mailbox)
        return;
    if (slice_equal(mailbox_name_canonical(name), slice_of(account->current->mailbox->name)))
        account->status_differs = mailbox_status_differs(account->current->mailbox, response->arguments->next->first);
}

static enum mailbox_result vanished(struct mailbox *mailbox, const struct value *set)
{
    enum mailbox_result result = MAILBOX_OK;
    struct seqset uids = {0};

    switch (response_uid_set(set, &uids)) {
    case SEQSET_OK:
        result = mailbox_vanished(mailbox, &uids);
        break;
    case SEQSET_TOO_BIG:
        result = MAILBOX_NO_MEMORY;
        break;
    case SEQSET_BAD:
        break;
    }
    seqset_clear(&uids);
    return result;
}

/* The map of the selected mailbox hears of it. */
static void numbers(struct account *account, const struct response *response)
{
    struct mailbox *mailbox = account->selected;
    enum mailbox_result result = MAILBOX_OK;

    if (!mailbox || !mailbox->map_in_step)
        return;
    if (response->kind == RESPONSE_EXISTS)
        result = mailbox_exists(mailbox, response->number);
    else if (response->kind == RESPONSE_EXPUNGE)
        result = mailbox_expunge(mailbox, response->number);
    else if (response->kind == RESPONSE_VANISHED && !value_is_list(response->arguments))
        result = vanished(mailbox, response->arguments);
    if (result == MAILBOX_BROKEN)
        account_broken(account, "numbers that cannot be");
    else if (result == MAILBOX_NO_MEMORY)
        upstream_drop(account->upstream, "out of memory");
}

static void to_job(struct account *account, const struct response *response)
{
    struct job *job = account->current;

    if (account->activity != ACTIVITY_JOB || !job)
        return;
    if (job->ops && job->ops->untagged)
        job->ops->untagged(job, response);
    sharing_untagged(account, response);
}

/* Untagged FLAGS and PERMANENTFLAGS outside of a switch. */
static bool take_flags(struct account *account, const struct response *response)
{
    if (response->kind == RESPONSE_FLAGS) {
        if (account->selected)
            mailbox_take_flag_list(account->selected, response->arguments, false);
        return true;
    }
    if (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_PERMANENTFLAGS) {
        if (account->selected && !account->selected_read_only)
            mailbox_take_flag_list(account->selected, response->code.arguments, true);
        return true;
    }
    return false;
}

static void note_modseq(struct account *account, const struct response *response)
{
    uint64_t modseq;

    if (account->selected && response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_HIGHESTMODSEQ &&
        value_number(response->code.arguments, INT64_MAX, &modseq))
        mailbox_note_highestmodseq(account->selected, modseq);
}

static bool is_numbers(const struct response *response)
{
    return response->kind == RESPONSE_EXISTS || response->kind == RESPONSE_EXPUNGE ||
           response->kind == RESPONSE_RECENT || response->kind == RESPONSE_VANISHED;
}

void scheduler_untagged(struct account *account, const struct response *response)
{
    if (account->resync.mailbox) {
        resync_untagged(account, response);
        return;
    }
    if (is_numbers(response)) {
        numbers(account, response);
        return;
    }
    if (take_flags(account, response))
        return;
    note_modseq(account, response);
    if (account->activity == ACTIVITY_STATUS)
        status_answer(account, response);
    else
        to_job(account, response);
}

/* A command has been answered with this mailbox selected: what it told is complete up to here. Only NOOP makes every
 * server look for news, so only NOOP counts as a look. */
static void command_finished(struct account *account, enum account_activity activity)
{
    struct mailbox *mailbox = account->selected;

    if (!mailbox || !mailbox->map_in_step)
        return;
    mailbox_settle_modseq(mailbox);
    if (activity != ACTIVITY_NOOP &&
        !(activity == ACTIVITY_JOB && account->current && account->current->ops == &own_ops))
        return;
    mailbox_looked(mailbox, account->activity_number, task_now(&account->task));
}

static void learned(struct account *account)
{
    struct mailbox *mailbox = account->selected;

    if (!mailbox || mailbox->tail_count == 0) {
        account->learned_in_vain = 0;
        return;
    }
    if (++account->learned_in_vain < LEARNED_IN_VAIN)
        return;
    account->learned_in_vain = 0;
    account_broken(account, "messages whose UIDs the server does not tell");
}

static enum job_status status_of(enum response_status status)
{
    return status == RESPONSE_OK ? JOB_OK : status == RESPONSE_NO ? JOB_NO : JOB_BAD;
}

/* What a job that may be sent again needs; the others end with what the server said. */
static bool try_again(struct account *account, struct job *job)
{
    if (policy_loss(job->policy) != POLICY_REPEAT || ++job->attempts >= ATTEMPTS_MAX)
        return false;
    job->written = false;
    account->current = NULL;
    sharing_give_back(account);
    DL_PREPEND(account->jobs, job);
    return true;
}

static void job_answered(struct account *account, const struct response *response)
{
    struct job *job = account->current;

    if ((job->garbled || job->spoilt) && policy_loss(job->policy) == POLICY_FIND_OUT)
        finish(account, JOB_LOST, NULL, NULL);
    else if (job->garbled && (job->ops || account->riders))
        finish(account, JOB_GARBAGE, NULL, "the server's answer could not be understood");
    else if (job->spoilt && policy_loss(job->policy) == POLICY_REPEAT && !try_again(account, job))
        finish(account, JOB_GARBAGE, NULL, "the server keeps contradicting itself");
    else if (account->current == job)
        finish(account, status_of(response->status), response, NULL);
}

/* "BAD User is authenticated but not connected." and the like: no word about the command, but the end of the session.
 */
static bool session_is_void(struct account *account, const struct response *response)
{
    enum refusal refusal;

    if (response->status != RESPONSE_BAD || (account->current && account->current->attempts >= 2))
        return false;
    refusal = refusal_classify(REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD, response->text, account->settings);
    if (refusal != REFUSAL_THROTTLED && !slice_contains_nocase(response->text, SLICE("not connected")))
        return false; /* the same words may be about the command */
    if (account->current)
        account->current->written = false; /* it was not carried out */
    upstream_drop_refused(account->upstream, refusal, response->text);
    return true;
}

static void background_goes_on(struct account *account)
{
    struct job *job = account->current;

    if (!job || !job->background || preparation_flags_are_learned(account, job->mailbox))
        return;
    account->current = NULL; /* the others have their turn between two parts */
    account->owes_a_turn = false;
    DL_APPEND(account->jobs, job);
}

void scheduler_tagged(struct account *account, const struct response *response)
{
    enum account_activity activity = account->activity;
    bool refused = false;

    account->activity = ACTIVITY_NONE;
    if (session_is_void(account, response))
        return;
    note_modseq(account, response);
    if (account->resync.mailbox) {
        resync_tagged(account, activity, response, &refused);
        if (refused && account->current)
            finish(account, JOB_NOT_SELECTED, response, NULL);
        return;
    }
    command_finished(account, activity);
    if (response->status == RESPONSE_OK)
        account->backoff = 0;
    if (activity == ACTIVITY_JOB && account->current)
        job_answered(account, response);
    else if (activity == ACTIVITY_LEARN)
        learned(account);
    else if (activity == ACTIVITY_STATUS && account->current && account->current->mailbox && !account->status_differs)
        mailbox_confirmed(account->current->mailbox, account->activity_number);
    else if (activity == ACTIVITY_FLAGS)
        background_goes_on(account);
}

/* The line is gone: the current job is kept (a server may not like what it was asked, so that what was written in part
 * is not tried for ever), found to have an unknown outcome, or given up. */
void scheduler_lost(struct account *account)
{
    struct job *job = account->current;

    fetch_intake_broken(account);
    resync_clear(account);
    account->activity = ACTIVITY_NONE;
    account->learned = false;
    account->learned_in_vain = 0;
    if (!job)
        return;
    sharing_give_back(account);
    job->asked = false;
    if (job->attempts < ATTEMPTS_MAX && upstream_was_unsent(account->upstream))
        job->written = false;
    if (!job->written && job->ops && ++job->attempts < ATTEMPTS_MAX * 4) {
        account->current = NULL;
        DL_PREPEND(account->jobs, job);
    } else if (!job->ops || !try_again(account, job)) {
        finish(account, JOB_LOST, NULL, "the connection to the server was lost");
    }
}
