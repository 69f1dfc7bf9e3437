/* See state.h. */
#include "session/state.h"

#include <assert.h>
#include <stdlib.h>

#include "imap/text.h"
#include "session/tell.h"

static bool is_edge(enum session_phase from, enum session_phase to)
{
    switch (from) {
    case SESSION_NOT_LOGGED_IN:
        return to == SESSION_LOGGED_IN || to == SESSION_ENDING;
    case SESSION_LOGGED_IN:
        return to == SESSION_ENDING;
    case SESSION_ENDING:
        return false;
    }
    abort();
}

void session_set_phase(struct session *session, enum session_phase phase)
{
    assert(is_edge(session->phase, phase));
    assert(phase != SESSION_LOGGED_IN || session->membership.account);
    session->phase = phase;
    session->login_by = USEC_NEVER;
    if (phase == SESSION_LOGGED_IN) {
        intake_logged_in(&session->intake);
    } else {
        output_seal(&session->output);
        intake_stop(&session->intake);
    }
}

void session_ask_to_end(struct session *session, enum session_end end, const char *reason)
{
    if (session->end != SESSION_END_NONE || session->phase == SESSION_ENDING)
        return;
    session->end = end;
    session->end_reason = reason;
    intake_stop(&session->intake);
    if (end == SESSION_END_ABORT)
        output_seal(&session->output);
    task_wake(&session->task);
}

/* Chooses the possible end: after half a line a BYE would become part of a message. */
static enum session_end possible_end(const struct session *session)
{
    if (output_failed(&session->output) || (session->end == SESSION_END_BYE && session->output.line_open))
        return SESSION_END_ABORT;
    return session->end;
}

void session_end(struct session *session)
{
    if (output_failed(&session->output))
        session->end_reason = "out of memory";
    session->end = possible_end(session);
    if (session->end_reason)
        session_log(session, session->end == SESSION_END_BYE ? LOG_DEBUG : LOG_INFO, session->end_reason);
    if (session->end == SESSION_END_BYE) {
        output_format(&session->output, "* BYE ");
        output_check(&session->output, text_print(slice_of(session->end_reason), session->output.bytes));
        output_format(&session->output, "\r\n");
        session->end = possible_end(session);
    }
    session_set_phase(session, SESSION_ENDING);
}

bool session_is_over(const struct session *session)
{
    return session->end != SESSION_END_NONE || !output_takes(&session->output);
}

void session_start_login_clock(struct session *session)
{
    session->login_by = session_now(session) + session_settings(session)->login_timeout;
}

void session_stop_login_clock(struct session *session)
{
    session->login_left = session->login_by - session_now(session);
    session->login_by = USEC_NEVER;
}

void session_resume_login_clock(struct session *session)
{
    session->login_by = session_now(session) + session->login_left;
}

void session_enable_condstore(struct session *session)
{
    struct view *view = session_view(session);
    bool before = session->enabled.condstore;

    session->enabled.condstore = true;
    if (view)
        view_brings_flags(view);
    if (!before && view && view->has_modseqs)
        tell_highestmodseq(view, &session->output);
}

const struct settings *session_settings(const struct session *session)
{
    return session->ground->settings;
}

usec session_now(const struct session *session)
{
    return task_now(&session->task);
}

struct account *session_account(const struct session *session)
{
    return session->membership.account;
}

struct view *session_view(const struct session *session)
{
    return membership_view(&session->membership);
}

const struct command *session_command(const struct session *session)
{
    assert(session->current.queued);
    return &session->current.queued->command;
}

bool session_can(const struct session *session, enum capability capability)
{
    return account_capabilities(session_account(session))->has[capability];
}

static void print_before_login(const struct session *session, struct evbuffer *out)
{
    const struct session_options *options = &session->options;
    bool login = options->secure || options->plaintext_login;
    struct offer_before_login offer = {
        .starttls = options->starttls && !options->secure,
        .login = login,
        .tokens = login && registry_offers_tokens(session->registry, options->upstream),
    };

    offer_print_before_login(&offer, out);
}

void session_print_capabilities(const struct session *session, struct evbuffer *out)
{
    if (session_account(session))
        offer_print(&session->offer, account_capabilities(session_account(session)),
                    session_settings(session)->append_max, out);
    else
        print_before_login(session, out);
}

const char *session_log_name(const struct session *session)
{
    return session_account(session) ? account_name(session_account(session)) : "-";
}

void session_log(struct session *session, enum log_level level, const char *text)
{
    log_line(session->ground->log, level, "%s: client %s: %s", session_log_name(session), session->options.peer, text);
}

void session_wake_link(struct session *session)
{
    session->options.wake(session->options.link);
}
