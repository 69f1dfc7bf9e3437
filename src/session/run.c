/* See run.h. The only writer of session->current. */
#include "session/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"
#include "imap/text.h"
#include "mux/jobs.h"
#include "session/answer.h"
#include "session/run_progress.h"
#include "session/tell.h"

static bool row_has(const struct session *session, enum row_flag flag)
{
    const struct command_row *row = session->current.row;

    return row && (row->flags & flag) != 0;
}

bool run_in_progress(const struct session *session)
{
    return session->current.queued != NULL;
}

/* Its job has been abandoned or is done. */
static void clear(struct current *current)
{
    unsigned bad_in_a_row = current->bad_in_a_row;

    assert(!current->job);
    if (current->run && current->run->ops->clear)
        current->run->ops->clear(current->run);
    free(current->run);
    queued_free(current->queued);
    if (current->tagged)
        evbuffer_free(current->tagged);
    seqset_clear(&current->ghosts);
    *current = (struct current){.until = USEC_NEVER, .word_at = USEC_NEVER, .bad_in_a_row = bad_in_a_row};
}

/* The tagged answer has been written. */
static void end(struct session *session)
{
    if (session->current.run && session->current.run->compresses)
        output_divide(&session->output);
    clear(&session->current);
}

static void abandon_job(struct current *current)
{
    if (current->job)
        job_abandon(current->job);
    current->job = NULL;
}

/* --- news */

/* An EXPUNGE would shift the numbers of this command, or of one that the client has sent already, whole or in part. */
static bool holds_expunges(const struct session *session)
{
    return (row_has(session, ROW_HOLDS_EXPUNGES) && !session_command(session)->uid) ||
           queue_uses_numbers(&session->queue) || intake_awaits_rest(&session->intake);
}

/* Tells what may be told before a tagged answer. False: some of it is left for the next step. */
static bool tell(struct session *session)
{
    if (!tell_news(session_view(session), &session->output, &session->enabled,
                   (struct tell_kinds){.expunges = !holds_expunges(session), .flags = true}))
        return false;
    tell_settled_modseq(session_view(session), &session->output, &session->enabled);
    return true;
}

/* --- beginning */

void run_init(struct session *session)
{
    session->current = (struct current){.until = USEC_NEVER, .word_at = USEC_NEVER};
}

void run_take(struct session *session, struct queued *queued, const struct command_row *row)
{
    assert(!session->current.queued && !session->current.run); /* the former one has had its tagged answer */
    session->current.queued = queued;
    session->current.row = row;
    run_progress_begin(session);
}

static const char *argument_fault(const struct session *session, char *text, size_t size)
{
    const struct command *command = session_command(session);

    if (!row_has(session, ROW_NO_ARGUMENTS) || command->uid || !command->arguments)
        return NULL;
    snprintf(text, size, "%s takes no arguments", command_title(command->name));
    return text;
}

static bool is_not_offered(const struct session *session)
{
    return session->phase == SESSION_LOGGED_IN &&
           !offer_permits(&session->offer, WORD_COMMAND, slice_of(command_title(session_command(session)->name)));
}

void run_start(struct session *session)
{
    struct current *current = &session->current;
    const struct run_ops *ops = current->row->ops;
    char text[64];

    if (argument_fault(session, text, sizeof(text))) {
        run_bad(session, text);
        return;
    }
    if (is_not_offered(session)) {
        run_bad(session, "The mail server does not support this command");
        return;
    }
    if (ops->instead && ops->instead(session))
        ops = ops->instead(session);
    assert(ops->size >= sizeof(struct run));
    current->run = calloc(1, ops->size);
    if (!current->run) {
        if (row_has(session, ROW_LEAVES_MAILBOX))
            membership_unselect(&session->membership);
        run_no_memory(session);
        return;
    }
    *current->run = (struct run){.ops = ops, .session = session};
    ops->start(current->run);
    if (session->left_until != 0)
        run_left(session);
}

/* The tagged answer is owed: the next part of the news is told after each event round, and behind the last of it the
 * answer. */
static void go_on_ending(struct session *session, usec now)
{
    if (session_is_over(session) || now < session->current.until)
        return;
    run_wake_at(session, now + 1);
    if (!tell(session))
        return;
    output_move(&session->output, session->current.tagged);
    end(session);
}

usec run_deadline(const struct session *session)
{
    const struct current *current = &session->current;

    return current->until < current->word_at ? current->until : current->word_at;
}

void run_step(struct session *session, usec now)
{
    struct current *current = &session->current;

    if (current->tagged) {
        go_on_ending(session, now);
        return;
    }
    run_progress_tell(session, now);
    if (!session_is_over(session) && now >= current->until) {
        void (*then)(struct run *) = current->then;
        current->until = USEC_NEVER;
        current->then = NULL;
        if (then) {
            abandon_job(current);
            then(current->run);
        }
    }
    if (!session_is_over(session) && current->run && current->run->ops->step)
        current->run->ops->step(current->run, now);
}

bool run_take_line(struct session *session, struct slice line)
{
    bool (*take)(struct run *, struct slice) = session->current.line;

    assert(take);
    session->current.line = NULL;
    return take(session->current.run, line);
}

void run_doom(struct session *session)
{
    if (session->current.job)
        job_doom(session->current.job);
}

/* A removal that may be repeated names its messages. */
static enum policy policy_of(const struct current *current)
{
    return current->repeats && current->step->policy == POLICY_EXPUNGE ? POLICY_REMOVE : current->step->policy;
}

/* Nobody waits for its answer. False: it has no more time than with its client. */
static bool owe(struct session *session, usec until)
{
    struct current *current = &session->current;
    struct run *run = current->run;

    current->repeats = run->ops->left && run->ops->left(run);
    if (!current->repeats && !current->begun && !(current->job && job_was_sent(current->job)))
        return false;
    current->owed_until = until;
    if (current->job)
        job_owe(current->job, until, policy_of(current));
    return true;
}

void run_left(struct session *session)
{
    if (session->current.run && !session_is_over(session))
        (void)owe(session, session->left_until);
}

void run_drop(struct session *session)
{
    struct current *current = &session->current;
    struct run *run = current->run;

    if (current->job && run && run->ops->leave && run->ops->leave(run, current->job))
        current->job = NULL;
    abandon_job(current);
    clear(&session->current);
}

/* --- ending */

bool run_note_ghosts(struct session *session)
{
    struct current *current = &session->current;
    const struct view *view = session_view(session);
    uint32_t uid = 0;

    if (current->ghosts_noted || !view)
        return true;
    current->ghosts_noted = true;
    while ((uid = view_next_ghost(view, uid)) != 0) {
        if (!seqset_add(&current->ghosts, uid)) {
            output_fail(&session->output);
            return false;
        }
    }
    return true;
}

void run_tell_own(struct session *session, const struct seqset *own)
{
    if (!session_is_over(session))
        tell_own_expunges(session_view(session), &session->output, &session->enabled, own, &session->current.ghosts);
}

static bool print_tagged(const struct session *session, enum response_status status, const char *code, const char *text,
                         struct evbuffer *out)
{
    struct slice tag = session_command(session)->tag;

    return append_format(out, "%.*s %s %s%s%s", tag.length ? (int)tag.length : 1, tag.length ? tag.data : "*",
                         response_status_name(status), code ? "[" : "", code ? code : "", code ? "] " : "") &&
           text_print(slice_of(text), out) && append_bytes(out, "\r\n", 2);
}

/* The client has gone. What it sent behind a command that has failed may rest on that one: a COPY, then an EXPUNGE. */
static void finish_unheard(struct session *session, enum response_status status)
{
    clear(&session->current);
    if (status == RESPONSE_OK)
        task_wake(&session->task);
    else
        session_ask_to_end(session, SESSION_END_QUIETLY, NULL);
}

void run_finish(struct session *session, enum response_status status, const char *code, const char *text)
{
    struct current *current = &session->current;
    bool told;

    if (session_is_over(session))
        return;
    if (session->left_until != 0) {
        finish_unheard(session, status);
        return;
    }
    assert(!session->output.line_open && !current->tagged);
    if (status != RESPONSE_BAD)
        current->bad_in_a_row = 0;
    told = tell(session);
    task_wake(&session->task);
    if (told) {
        output_check(&session->output, print_tagged(session, status, code, text, session->output.bytes));
        end(session);
        return;
    }
    run_wake_at(session, session_now(session) + 1);
    current->word_at = USEC_NEVER;
    current->tagged = evbuffer_new();
    if (!current->tagged || !print_tagged(session, status, code, text, current->tagged))
        output_fail(&session->output);
}

static void ok_text(const struct session *session, char *text, size_t size)
{
    const struct command *command = session_command(session);

    snprintf(text, size, "%s%s completed.", command->uid ? "UID " : "", command_title(command->name));
}

void run_ok(struct session *session, const char *text)
{
    char standard[64];

    ok_text(session, standard, sizeof(standard));
    run_finish(session, RESPONSE_OK, NULL, text ? text : standard);
}

/* Up to here the client will have been told everything at the tagged answer. 0: there is no mod-sequence. */
static uint64_t modseq_at_end(const struct session *session)
{
    const struct view *view = session_view(session);

    if (!view || !view->has_modseqs)
        return 0;
    if (holds_expunges(session) || view->mailbox->modseq < view->modseq)
        return view->modseq;
    return view->mailbox->modseq;
}

void run_ok_removed(struct session *session)
{
    uint64_t modseq = session->enabled.qresync ? modseq_at_end(session) : 0;
    char code[48], text[64];

    snprintf(code, sizeof(code), "HIGHESTMODSEQ %" PRIu64, modseq);
    ok_text(session, text, sizeof(text));
    run_finish(session, RESPONSE_OK, modseq ? code : NULL, text);
}

void run_no(struct session *session, const char *code, const char *text)
{
    run_finish(session, RESPONSE_NO, code, text);
}

void run_no_memory(struct session *session)
{
    run_no(session, "UNAVAILABLE", "Out of memory; please try again later");
}

void run_bad(struct session *session, const char *text)
{
    const struct settings *settings = session_settings(session);
    uint64_t most = session->phase == SESSION_LOGGED_IN ? settings->max_bad : settings->max_bad_before_login;

    if (session->current.queued->arena.out_of_memory) { /* then the client is not to blame */
        run_no_memory(session);
        return;
    }
    session->current.bad_in_a_row++;
    run_finish(session, RESPONSE_BAD, NULL, text);
    if (session->current.bad_in_a_row >= most)
        session_ask_to_end(session, SESSION_END_BYE, "Too many invalid commands");
}

void run_result(struct session *session, const struct job_result *result)
{
    bool lost = offer_has_lost(&session->offer, account_capabilities(session_account(session)));
    struct answer answer;

    if (!answer_of_result(result, row_has(session, ROW_CHANGES), lost, &answer)) {
        output_fail(&session->output);
        return;
    }
    if (answer.text)
        run_finish(session, answer.status, offer_permits_code(&session->offer, answer.code) ? answer.code : NULL,
                   answer.text);
    else
        run_ok(session, NULL);
    answer_clear(&answer);
}

/* --- jobs: the account calls with the job, the family is called with its run */

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct run *run = session->current.run;
    enum job_turn turn;

    if (session_is_over(session))
        return JOB_REFUSE;
    run->sole = 0;
    turn = session->current.step->build(run, job->mailbox, out);
    job->sole = run->sole;
    return turn;
}

static void untagged(struct job *job, const struct response *response)
{
    struct session *session = job->owner;
    const struct run_step *step = session->current.step;

    if (step->untagged && !session_is_over(session))
        step->untagged(session->current.run, response);
}

static void fetch(struct job *job, const struct job_fetch *fetched)
{
    struct session *session = job->owner;
    const struct run_step *step = session->current.step;

    if (step->fetch && !session_is_over(session))
        step->fetch(session->current.run, fetched->uid, fetched->part);
}

static void fetch_data(struct job *job, struct slice bytes)
{
    struct session *session = job->owner;
    const struct run_step *step = session->current.step;

    if (step->fetch_data && !session_is_over(session))
        step->fetch_data(session->current.run, bytes);
}

static void fetch_broken(struct job *job, bool sound)
{
    struct session *session = job->owner;
    const struct run_step *step = session->current.step;

    if (step->fetch_broken && !session_is_over(session))
        step->fetch_broken(session->current.run, sound);
}

/* Its job is done, or somebody else's. */
static void job_is_over(struct session *session, const struct job_result *result)
{
    const struct run_step *step = session->current.step;

    session->current.job = NULL;
    session->current.step = NULL;
    session->current.begun |= result->status == JOB_OK && result->response != NULL;
    if (session->left_until != 0 && session->current.begun)
        session->current.owed_until = session->left_until;
    if (!session_is_over(session))
        step->done(session->current.run, result);
}

/* It sends nothing more, and most that do so have gone. An end of input behind LOGOUT has not been read yet. */
static bool is_leaving(const struct session *session)
{
    return session->end_of_input || queue_has(&session->queue, COMMAND_LOGOUT);
}

static bool submit(struct session *session, const struct run_step *step, struct mailbox *mailbox, const char *title);

/* A removal was lost whose client probably has gone without waiting for it: it is submitted again, once. */
static bool remove_again(struct session *session, struct job *job, const struct job_result *result)
{
    struct current *current = &session->current;
    const struct run_step *step = current->step;

    if (result->status != JOB_LOST || step->policy != POLICY_EXPUNGE || current->owed_until != 0 || !job->mailbox ||
        session_is_over(session) || !is_leaving(session))
        return false;
    current->job = NULL;
    return owe(session, session_now(session) + SESSION_LEFT_TIME) && current->repeats &&
           submit(session, step, job->mailbox, job->title);
}

static void done(struct job *job, const struct job_result *result)
{
    if (!remove_again(job->owner, job, result))
        job_is_over(job->owner, result);
}

static bool overdue(struct job *job, const char *text)
{
    struct session *session = job->owner;
    struct run *run = session->current.run;
    struct job_result result = {.status = JOB_DEAD, .text = text};

    if (session_is_over(session))
        return false;
    if (is_leaving(session) && session->current.owed_until == 0 &&
        owe(session, session_now(session) + SESSION_LEFT_TIME))
        return true;
    if (!run->ops->leave || !run->ops->leave(run, job))
        return false;
    job_is_over(session, &result);
    return true;
}

static bool leaves(const struct job *job, const struct mailbox *selected)
{
    const struct session *session = job->owner;

    return session->current.step->leaves(session->current.run, selected);
}

static const struct job_ops job_ops = {.build = build,
                                       .untagged = untagged,
                                       .fetch = fetch,
                                       .fetch_data = fetch_data,
                                       .fetch_broken = fetch_broken,
                                       .overdue = overdue,
                                       .done = done};

/* False: out of memory. */
static bool submit(struct session *session, const struct run_step *step, struct mailbox *mailbox, const char *title)
{
    struct job wanted = {
        .ops = &job_ops,
        .owner = session,
        .title = title,
        .goal = step->goal,
        .policy = step->policy,
        .mailbox = mailbox,
        .read_write = step->read_write,
        .sets_seen = step->sets_seen,
        .judges_answers = step->judges_answers,
        .leaves = step->leaves ? leaves : NULL,
    };

    if (step->change) {
        wanted.change = step->change(session->current.run);
        if (!wanted.change)
            return false;
    }
    assert(!session->current.job && step->done && (step->goal != JOB_RUN || step->build));
    session->current.step = step;
    if (session->current.owed_until != 0) {
        wanted.owed_until = session->current.owed_until;
        wanted.policy = policy_of(&session->current);
    }
    session->current.job = job_submit(session_account(session), &wanted);
    if (!session->current.job)
        free(wanted.change);
    return session->current.job != NULL;
}

bool run_submit(struct session *session, const struct run_step *step, struct mailbox *mailbox)
{
    if (session_is_over(session))
        return false;
    if (submit(session, step, mailbox, command_title(session_command(session)->name)))
        return true;
    run_no_memory(session);
    return false;
}

static void looked(struct run *run, const struct job_result *result)
{
    struct current *current = &run->session->current;
    void (*then)(struct run *) = current->then;

    (void)result;
    current->then = NULL;
    current->until = USEC_NEVER;
    then(run);
}

void run_look(struct session *session, struct mailbox *mailbox, usec patience, void (*then)(struct run *run))
{
    static const struct run_step look = {.goal = JOB_LOOK, .policy = POLICY_LOOK, .done = looked};

    if (session_is_over(session))
        return;
    if (session->left_until != 0 || !submit(session, &look, mailbox, "look")) {
        then(session->current.run);
        return;
    }
    session->current.then = then;
    run_wake_at(session, session_now(session) + patience);
    task_wake(&session->task); /* for the deadline */
}

void run_await_line(struct session *session, bool (*line)(struct run *run, struct slice line))
{
    session->current.line = line;
    intake_await_line(&session->intake);
    task_wake(&session->task);
}

void run_wake_at(struct session *session, usec at)
{
    session->current.until = at;
}
