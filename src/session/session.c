/* A client's session: the calls of its link, and the step that does all work. The step ends the session if asked, runs
 * the command in progress, and takes the next ones from the queue. The families have the commands' work
 * (session/family.h). Written here: the greeting, and the server's ALERT between lines. */
#include "session/session.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/text.h"
#include "session/commands.h"
#include "session/run.h"

#define ALERT_MAX 1000 /* octets of the server's text */

/* --- ending */

/* Leaves account, view, job and login. */
static void detach(struct session *session)
{
    run_drop(session);
    membership_leave(&session->membership);
}

static void free_session(void *object)
{
    struct session *session = object;

    queue_clear(&session->queue);
    intake_clear(&session->intake);
    output_clear(&session->output);
    free((char *)(uintptr_t)session->options.peer);
    free(session);
}

/* The registry may be gone when the step is over, and its spooler with it. */
static void go(struct session *session)
{
    detach(session);
    intake_drop_upload(&session->intake);
    queue_clear(&session->queue);
    task_clear(&session->task);
    runqueue_dispose(session->ground->runqueue, free_session, session);
}

/* Not within a verb of run.h or an op of a family. */
static void end(struct session *session)
{
    session_end(session);
    if (session->left_until != 0) {
        go(session);
        return;
    }
    detach(session);
    task_set_deadline(&session->task, USEC_NEVER);
    session_wake_link(session);
}

void session_bye(struct session *session, const char *reason)
{
    session_ask_to_end(session, SESSION_END_BYE, reason);
    if (session->phase != SESSION_ENDING)
        end(session);
}

/* --- callbacks of the account */

static void member_end(void *owner, const char *reason)
{
    session_bye(owner, reason);
    detach(owner); /* it may have been ending already */
}

static void member_retire(void *owner, const char *reason)
{
    struct session *session = owner;

    session->retiring = reason;
    task_wake(&session->task);
}

static void member_alert(void *owner, struct slice text)
{
    struct session *session = owner;
    struct evbuffer *printed = evbuffer_new();

    text.length = text.length < ALERT_MAX ? text.length : ALERT_MAX;
    if (printed && text_print(text, printed) && append_bytes(printed, "", 1))
        output_whole_line(&session->output, "* OK [ALERT] %s\r\n", (const char *)evbuffer_pullup(printed, -1));
    else
        output_fail(&session->output);
    if (printed)
        evbuffer_free(printed);
    session_wake_link(session);
}

static void doom(void *owner)
{
    run_doom(owner);
}

static const struct membership_ops membership_ops = {
    .end = member_end, .retire = member_retire, .alert = member_alert, .doom = doom};

/* --- callbacks of intake */

static bool runs_first(enum command_name name)
{
    const struct command_row *row = commands_row(name);

    return row && (row->flags & ROW_RUNS_FIRST) != 0;
}

static bool take_line(void *owner, struct slice line)
{
    return run_take_line(owner, line) && run_in_progress(owner);
}

static void go_on(void *owner)
{
    session_wake_link(owner);
}

static void too_large(void *owner, const char *reason)
{
    session_ask_to_end(owner, SESSION_END_BYE, reason);
}

static const struct intake_ops intake_ops = {
    .runs_first = runs_first, .line = take_line, .go_on = go_on, .too_large = too_large};

/* --- commands */

static const char *state_fault(const struct session *session, enum command_name name)
{
    unsigned states = command_states(name);

    if (session->phase == SESSION_NOT_LOGGED_IN)
        return states & COMMAND_BEFORE_LOGIN ? NULL : "Log in first";
    if (session->membership.view)
        return states & COMMAND_SELECTED ? NULL : "You are already logged in";
    if (states & COMMAND_AFTER_LOGIN)
        return NULL;
    return states & COMMAND_SELECTED ? "Select a mailbox first" : "You are already logged in";
}

/* Once the client has gone: does the server come to another state by it, or the session to another mailbox? */
static bool matters(const struct queued *queued, unsigned flags)
{
    const struct command_row *row = commands_row(queued->command.name);

    return row && (row->flags & flags) != 0;
}

static void start_next(struct session *session)
{
    struct queued *queued = queue_take(&session->queue);
    const struct refused *refused = queued->refused;
    const char *fault = queued->command.fault;

    if (session->left_until != 0 && !matters(queued, ROW_CHANGES | ROW_LEAVES_MAILBOX)) {
        queued_free(queued);
        return;
    }
    run_take(session, queued, commands_row(queued->command.name));
    if (refused && refused->status == RESPONSE_NO)
        run_no(session, refused->code, refused->text);
    else if (refused)
        run_bad(session, refused->text);
    else if (fault || (fault = state_fault(session, queued->command.name)))
        run_bad(session, fault);
    else
        run_start(session);
}

static void start_commands(struct session *session)
{
    while (!session_is_over(session) && !run_in_progress(session) && session->queue.first && !session->retiring)
        start_next(session);
}

/* --- the step */

/* A view that the session itself has ended (DELETE, RENAME) is left; another one is a reason to end. */
static void judge_view(struct session *session)
{
    const char *ended = session->membership.ended;

    if (!ended)
        return;
    if (ended[0] != '\0')
        session_ask_to_end(session, SESSION_END_BYE, ended);
    else if (!run_in_progress(session))
        membership_unselect(&session->membership);
}

static void judge_time(struct session *session, usec now)
{
    if (now >= session->login_by)
        session_ask_to_end(session, SESSION_END_BYE, "Too long without a login; please connect again");
}

/* The client sends no more, and nothing is left that could be answered: a command that waits for a line of it (IDLE's
 * DONE, AUTHENTICATE's next message) waits in vain. */
static bool is_left(const struct session *session)
{
    return session->end_of_input && (!run_in_progress(session) || session->intake.line_awaited);
}

/* Not while a command is in progress, but IDLE. */
static void judge_retirement(struct session *session)
{
    if (session->retiring && (!run_in_progress(session) || membership_is_idling(&session->membership)))
        session_ask_to_end(session, SESSION_END_BYE, session->retiring);
    else if (is_left(session))
        session_ask_to_end(session, SESSION_END_BYE, "Connection closed");
}

static void step_ending(struct session *session)
{
    detach(session);
    task_set_deadline(&session->task, USEC_NEVER);
    queue_clear(&session->queue);
    session_wake_link(session);
}

/* --- a client that has gone: what it has sent whole is carried out, as if only its sending side had ended */

/* Has it sent a command that changes something, and is not answered? */
static bool is_unfinished(const struct session *session)
{
    const struct queued *queued = session->current.queued;

    if (queued && !session->current.tagged && matters(queued, ROW_CHANGES))
        return true;
    for (queued = session->queue.first; queued; queued = queued->next) {
        if (matters(queued, ROW_CHANGES))
            return true;
    }
    return false;
}

static void step_left(struct session *session, usec now)
{
    usec until;

    judge_view(session);
    run_step(session, now);
    start_commands(session);
    evbuffer_drain(session->output.bytes, evbuffer_get_length(session->output.bytes));
    judge_retirement(session);
    if (!is_unfinished(session) || now >= session->left_until)
        session_ask_to_end(session, SESSION_END_QUIETLY, NULL);
    if (session_is_over(session)) {
        end(session);
        return;
    }
    until = run_deadline(session);
    task_set_deadline(&session->task, until < session->left_until ? until : session->left_until);
}

static void wake_nobody(void *link)
{
    (void)link;
}

static void leave(struct session *session)
{
    const struct queued *queued = session->current.queued;

    session->left_until = session_now(session) + SESSION_LEFT_TIME;
    session->options.wake = wake_nobody;
    session_log(session, LOG_DEBUG, "has gone; its commands are carried out");
    intake_stop(&session->intake);
    intake_drop_upload(&session->intake);
    if (queued && (session->current.tagged || !matters(queued, ROW_CHANGES | ROW_LEAVES_MAILBOX)))
        run_drop(session);
    if (session_view(session))
        view_decline_recent(session_view(session), false);
    run_left(session);
    task_wake(&session->task);
}

static void step(struct task *task, usec now)
{
    struct session *session = (struct session *)task;
    usec until;

    if (session->phase == SESSION_ENDING) {
        step_ending(session);
        return;
    }
    if (session->left_until != 0) {
        step_left(session, now);
        return;
    }
    judge_view(session);
    judge_time(session, now);
    run_step(session, now);
    start_commands(session);
    judge_retirement(session);
    if (session_is_over(session)) {
        end(session);
        return;
    }
    intake_resume(&session->intake, !run_in_progress(session) && !session->queue.first);
    until = run_deadline(session);
    task_set_deadline(&session->task, session->login_by < until ? session->login_by : until);
    if (output_length(&session->output) > 0) /* a link that is woken for nothing would wake us again */
        session_wake_link(session);
}

/* --- calls of the link */

static bool greet(struct session *session)
{
    struct evbuffer *list = evbuffer_new();

    if (!list)
        return false;
    session_print_capabilities(session, list);
    output_format(&session->output, "* OK [CAPABILITY ");
    output_move(&session->output, list);
    output_format(&session->output, "] imapmux ready\r\n");
    evbuffer_free(list);
    return !output_failed(&session->output);
}

struct session *session_new(struct registry *registry, const struct session_options *options)
{
    struct session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->registry = registry;
    session->ground = registry_ground(registry);
    task_init(&session->task, session->ground->runqueue, step);
    session->options = *options;
    session->options.peer = slice_copy(slice_of(options->peer));
    run_init(session);
    membership_init(&session->membership, &membership_ops, session, &session->task);
    session_start_login_clock(session);
    if (!session->options.peer || !output_init(&session->output, &session->task) ||
        !intake_init(&session->intake, &intake_ops, session, session->ground, &session->output, &session->queue) ||
        !greet(session)) {
        task_clear(&session->task);
        free_session(session);
        return NULL;
    }
    task_set_deadline(&session->task, session->login_by);
    return session;
}

void session_closed(struct session *session)
{
    if (session->phase == SESSION_LOGGED_IN && !session_is_over(session) && !session->retiring &&
        is_unfinished(session))
        leave(session);
    else
        go(session);
}

void session_receive(struct session *session, struct evbuffer *in)
{
    size_t before = evbuffer_get_length(in);

    if (session->phase == SESSION_ENDING) {
        evbuffer_drain(in, before);
        return;
    }
    intake_take(&session->intake, in);
    if (evbuffer_get_length(in) != before)
        task_wake(&session->task);
}

bool session_awaits_rest(const struct session *session)
{
    return intake_awaits_rest(&session->intake);
}

void session_end_of_input(struct session *session)
{
    session->end_of_input = true;
    task_wake(&session->task);
}

struct evbuffer *session_output(struct session *session)
{
    return output_first(&session->output);
}

unsigned session_wants(const struct session *session)
{
    if (session->end == SESSION_END_ABORT || output_failed(&session->output))
        return SESSION_ABORT;
    if (output_is_divided(&session->output))
        return SESSION_COMPRESS; /* a BYE may stand in what is to be compressed */
    if (session->phase == SESSION_ENDING)
        return SESSION_CLOSE;
    return (session->intake.paused ? SESSION_PAUSE : 0) |
           (session->intake.awaits == INTAKE_TLS ? SESSION_START_TLS : 0);
}

const char *session_account_name(const struct session *session)
{
    return session_log_name(session);
}

bool session_is_logged_in(const struct session *session)
{
    return session_account(session) != NULL;
}

void session_secured(struct session *session)
{
    session->options.secure = true;
    intake_changed(&session->intake);
    task_wake(&session->task);
}

void session_compressed(struct session *session)
{
    output_join(&session->output);
    intake_changed(&session->intake);
    task_wake(&session->task);
}
