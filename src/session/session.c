/* A client's session: one command after the other, each through the table below. Here a command begins and a session
 * ends; what commands do is in the files of their families, how they are read in intake.c, how they are answered in
 * answer.c. Nothing is written here but the greeting and BYE, and nothing at all while a line is open. */
#include "session/session.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/append.h"
#include "session/state.h"
#include "session/tell.h"

/*
 *   NOT_LOGGED_IN --login OK--> LOGGED_IN (view: none or one)
 *         |                        |
 *         +------ BYE, abort ------+--> ENDING --link closed--> freed
 */

static void (*const starts[])(struct session *) = {
    [COMMAND_APPEND] = session_start_append,
    [COMMAND_AUTHENTICATE] = session_start_authenticate,
    [COMMAND_CAPABILITY] = session_start_capability,
    [COMMAND_CHECK] = session_start_noop,
    [COMMAND_CLOSE] = session_start_close,
    [COMMAND_COPY] = session_start_copy,
    [COMMAND_CREATE] = session_start_mailbox_change,
    [COMMAND_DELETE] = session_start_mailbox_change,
    [COMMAND_ENABLE] = session_start_enable,
    [COMMAND_EXAMINE] = session_start_select,
    [COMMAND_EXPUNGE] = session_start_expunge,
    [COMMAND_FETCH] = session_start_fetch,
    [COMMAND_ID] = session_start_id,
    [COMMAND_IDLE] = session_start_idle,
    [COMMAND_LIST] = session_start_list,
    [COMMAND_LOGIN] = session_start_login,
    [COMMAND_LOGOUT] = session_start_logout,
    [COMMAND_LSUB] = session_start_list,
    [COMMAND_MOVE] = session_start_copy,
    [COMMAND_NAMESPACE] = session_start_list,
    [COMMAND_NOOP] = session_start_noop,
    [COMMAND_RENAME] = session_start_mailbox_change,
    [COMMAND_SEARCH] = session_start_search,
    [COMMAND_SELECT] = session_start_select,
    [COMMAND_STARTTLS] = session_start_starttls,
    [COMMAND_STATUS] = session_start_status,
    [COMMAND_STORE] = session_start_store,
    [COMMAND_SUBSCRIBE] = session_start_mailbox_change,
    [COMMAND_UNSELECT] = session_start_unselect,
    [COMMAND_UNSUBSCRIBE] = session_start_mailbox_change,
    [COMMAND_XLIST] = session_start_list,
};

const struct settings *session_settings(const struct session *session)
{
    return registry_ground(session->registry)->settings;
}

usec session_now(const struct session *session)
{
    return task_now(&session->task);
}

const char *session_account_name(const struct session *session)
{
    return session->account ? account_name(session->account) : "-";
}

void session_log(struct session *session, enum log_level level, const char *text)
{
    log_line(registry_ground(session->registry)->log, level, "%s: client %s: %s", session_account_name(session),
             session->options.peer, text);
}

void session_wake_link(struct session *session)
{
    session->options.wake(session->options.link);
}

/* --- the view */

static void view_changed(void *owner, enum view_change change)
{
    struct session *session = owner;

    if (change == VIEW_CHANGED_NUMBERS)
        session->changed_numbers = true;
    else
        session->changed_flags = true;
    if (session->idling)
        task_wake(&session->task);
}

static void view_ended(void *owner, const char *reason)
{
    struct session *session = owner;

    /* NULL: its own DELETE or RENAME; the view just ends. */
    session->view_ended = reason ? reason : "";
    if (reason && session->job)
        job_doom(session->job); /* the mailbox may live on: it must not be built for a view that does not */
    session->member.view = NULL;
    task_wake(&session->task);
}

const struct view_ops session_view_ops = {.changed = view_changed, .ended = view_ended};

void session_leave_view(struct session *session)
{
    if (!session->view)
        return;
    view_free(session->view);
    session->view = session->member.view = NULL;
    session->view_ended = NULL;
    session->changed_numbers = session->changed_flags = false;
    if (session->account)
        account_interest_changed(session->account);
}

/* --- ending */

static void end_run(struct session *session)
{
    struct run *run = session->run;

    if (session->job)
        job_abandon(session->job);
    session->job = NULL;
    session->run = NULL;
    session->run_until = USEC_NEVER;
    if (run)
        run->free(run);
}

void session_detach(struct session *session)
{
    struct account *account = session->account;

    if (session->login)
        login_cancel(session->login);
    session->login = NULL;
    end_run(session);
    session->idling = session->member.idling = false;
    session_leave_view(session);
    session->account = NULL;
    if (account)
        account_leave(account, &session->member);
}

static void drop_queue(struct session *session)
{
    while (session->queue) {
        struct queued *next = session->queue->next;
        queued_free(session->queue);
        session->queue = next;
    }
    session->queue_length = 0;
    queued_free(session->current);
    session->current = NULL;
}

static void end(struct session *session, unsigned want)
{
    if (session->phase == SESSION_ENDING)
        return;
    session->phase = SESSION_ENDING;
    session->wants = want;
    session->login_by = USEC_NEVER;
    session_detach(session);
    task_set_deadline(&session->task, USEC_NEVER);
    session_wake_link(session);
}

void session_abort(struct session *session, const char *reason)
{
    session_log(session, LOG_INFO, reason);
    end(session, SESSION_ABORT);
}

/* Called in the middle of everything: the run, the view and the account stay until the next step. */
void session_no_memory(struct session *session)
{
    if (session->phase == SESSION_ENDING)
        return;
    session_log(session, LOG_INFO, "out of memory");
    append_fail(session->output); /* whoever is writing: nothing more */
    session->phase = SESSION_ENDING;
    session->wants = SESSION_ABORT;
    session->login_by = USEC_NEVER;
    if (session->job)
        job_abandon(session->job);
    session->job = NULL;
    task_wake(&session->task);
    session_wake_link(session);
}

void session_bye(struct session *session, const char *reason)
{
    if (session->phase == SESSION_ENDING)
        return;
    if (session->line_open) { /* a BYE would become part of the message */
        session_abort(session, reason);
        return;
    }
    session_log(session, LOG_DEBUG, reason);
    end(session, append_format(session->output, "* BYE %s\r\n", reason) ? SESSION_CLOSE : SESSION_ABORT);
}

static void member_end(void *owner, const char *reason)
{
    session_bye(owner, reason);
    session_detach(owner); /* it may have been ending already */
}

static void member_retire(void *owner, const char *reason)
{
    struct session *session = owner;

    session->retiring = reason;
    task_wake(&session->task);
}

/* Written between lines only, even if a line is open now. */
static void member_alert(void *owner, struct slice text)
{
    struct session *session = owner;
    struct evbuffer *out = session->line_open ? session->held_lines : session->output;

    append_format(out, "* OK [ALERT] %.*s\r\n", (int)(text.length < 1000 ? text.length : 1000), text.data);
    session_wake_link(session);
}

/* --- commands */

static const char *state_fault(const struct session *session)
{
    unsigned states = command_states(session->current->command.name);

    if (session->phase == SESSION_NOT_LOGGED_IN)
        return states & COMMAND_BEFORE_LOGIN ? NULL : "Log in first";
    if (session->view)
        return states & COMMAND_SELECTED ? NULL : "You are logged in already";
    if (states & COMMAND_AFTER_LOGIN)
        return NULL;
    return states & COMMAND_SELECTED ? "Select a mailbox first" : "You are logged in already";
}

/* The answer to a command that was refused as it was read: "NO [TOOBIG] ..." */
static void answer_refused(struct session *session)
{
    const char *text = session->current->refused;

    if (strncmp(text, "BAD ", 4) == 0)
        session_bad(session, text + 4);
    else
        session_no(session, NULL, text + 3);
}

static void start_next(struct session *session)
{
    struct queued *queued = session->queue;
    const char *fault;

    session->queue = queued->next;
    session->queue_length--;
    session->current = queued;
    fault = queued->command.fault ? queued->command.fault : NULL;
    if (queued->refused)
        answer_refused(session);
    else if (fault || (fault = state_fault(session)))
        session_bad(session, fault);
    else
        starts[queued->command.name](session);
}

static bool handle_ended_view(struct session *session)
{
    const char *reason = session->view_ended;

    if (!reason)
        return true;
    if (reason[0] == '\0') {
        if (!session->current)
            session_leave_view(session);
        return true;
    }
    session_bye(session, reason);
    return false;
}

static usec earliest(const struct session *session)
{
    const usec all[] = {session->login_by, session->gather_until, session->still_here_at, session->run_until};
    usec at = USEC_NEVER;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i] < at)
            at = all[i];
    }
    return at;
}

static void run_deadlines(struct session *session, usec now)
{
    if (now >= session->login_by)
        session_bye(session, "Too long without a login; please connect again");
    if (session->phase == SESSION_ENDING || now < session->run_until)
        return;
    session->run_until = USEC_NEVER;
    session->run_late(session);
}

/* The client sends no more, and nothing is left that could be answered: a command that waits for a line of it (IDLE's
 * DONE, AUTHENTICATE's next message) waits in vain. */
static bool is_left(const struct session *session)
{
    return session->end_of_input && (!session->current || session->line);
}

static void step(struct task *task, usec now)
{
    struct session *session = (struct session *)task;

    if (session->phase == SESSION_ENDING) {
        session_detach(session);
        task_set_deadline(&session->task, USEC_NEVER);
        drop_queue(session);
        session_wake_link(session);
        return;
    }
    if (!handle_ended_view(session))
        return;
    run_deadlines(session, now);
    if (session->idling)
        idle_step(session, now);
    while (session->phase != SESSION_ENDING && !session->current && session->queue && !session->retiring)
        start_next(session);
    if (session->phase == SESSION_ENDING)
        return;
    if (session->retiring && (!session->current || session->idling))
        session_bye(session, session->retiring);
    else if (is_left(session))
        session_bye(session, "Connection closed");
    if (session->phase == SESSION_ENDING)
        return;
    intake_resume(session);
    task_set_deadline(&session->task, earliest(session));
    if (evbuffer_get_length(session->output) > 0) /* a link that is woken for nothing would wake us again */
        session_wake_link(session);
}

/* --- what the link calls */

static bool greet(struct session *session)
{
    struct evbuffer *list = evbuffer_new();

    if (!list)
        return false;
    session_print_capabilities(session, list);
    append_format(session->output, "* OK [CAPABILITY ");
    append_buffer(session->output, list);
    append_format(session->output, "] imapmux ready\r\n");
    evbuffer_free(list);
    return !append_failed(session->output);
}

static void free_session(void *object)
{
    struct session *session = object;

    drop_queue(session);
    command_reader_free(session->reader);
    if (session->output)
        evbuffer_free(session->output);
    if (session->held_lines)
        evbuffer_free(session->held_lines);
    free((char *)(uintptr_t)session->options.peer);
    free(session);
}

struct session *session_new(struct registry *registry, const struct session_options *options)
{
    struct session *session = calloc(1, sizeof(*session));
    const struct settings *settings = registry_ground(registry)->settings;

    if (!session)
        return NULL;
    task_init(&session->task, registry_ground(registry)->runqueue, step);
    session->registry = registry;
    session->options = *options;
    session->options.peer = slice_copy(slice_of(options->peer));
    session->member =
        (struct account_member){.owner = session, .end = member_end, .retire = member_retire, .alert = member_alert};
    session->gather_until = session->still_here_at = session->run_until = USEC_NEVER;
    session->login_by = session_now(session) + settings->login_timeout;
    session->output = evbuffer_new();
    session->held_lines = evbuffer_new();
    session->reader = command_reader_new(settings->client_line_max_before_login < settings->client_line_max
                                             ? settings->client_line_max_before_login
                                             : settings->client_line_max,
                                         true);
    if (!session->options.peer || !session->output || !session->held_lines || !session->reader || !greet(session)) {
        task_clear(&session->task);
        free_session(session);
        return NULL;
    }
    task_set_deadline(&session->task, session->login_by);
    return session;
}

/* Before the step is over: by then the registry may be gone, and its spooler with it. */
static void drop_upload(struct session *session)
{
    shared_spool_release(session->upload);
    session->upload = NULL;
}

void session_closed(struct session *session)
{
    session_detach(session);
    drop_upload(session);
    task_clear(&session->task);
    runqueue_dispose(registry_ground(session->registry)->runqueue, free_session, session);
}

void session_receive(struct session *session, struct evbuffer *in)
{
    size_t before;

    if (session->phase == SESSION_ENDING) {
        evbuffer_drain(in, evbuffer_get_length(in));
        return;
    }
    before = evbuffer_get_length(in);
    intake_take(session, in);
    if (evbuffer_get_length(in) != before)
        task_wake(&session->task);
}

void session_end_of_input(struct session *session)
{
    session->end_of_input = true;
    task_wake(&session->task);
}

struct evbuffer *session_output(struct session *session)
{
    return session->output;
}

unsigned session_wants(const struct session *session)
{
    return session->wants;
}

bool session_is_logged_in(const struct session *session)
{
    return session->account != NULL;
}

void session_secured(struct session *session)
{
    session->wants &= ~(unsigned)SESSION_START_TLS;
    session->options.secure = true;
    session->blocked = false;
    task_wake(&session->task);
}
