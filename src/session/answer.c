/* How a command ends: what the client may be told is told, then one tagged line, then the next command. Response codes
 * of the server are handed on from a list; text is handed on as text. The only place that writes a tagged answer. */
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/append.h"
#include "imap/value.h"
#include "session/state.h"
#include "session/tell.h"

void session_write(struct session *session, const char *format, ...)
{
    va_list arguments;
    bool written;

    if (session->phase == SESSION_ENDING)
        return;
    va_start(arguments, format);
    written = append_arguments(session->output, format, arguments);
    va_end(arguments);
    if (!written)
        session_no_memory(session);
}

void session_write_slice(struct session *session, struct slice bytes)
{
    if (session->phase != SESSION_ENDING && !append_bytes(session->output, bytes.data, bytes.length))
        session_no_memory(session);
}

/* The current command is over. */
static void clear_current(struct session *session)
{
    struct run *run = session->run;

    session->run = NULL;
    session->job = NULL;
    session->run_until = USEC_NEVER;
    if (run)
        run->free(run);
    queued_free(session->current);
    session->current = NULL;
    task_wake(&session->task);
}

void session_finish(struct session *session, enum response_status status, const char *code, const char *text)
{
    struct slice tag = session->current->command.tag;

    if (session->phase == SESSION_ENDING)
        return;
    tell_before_tag(session, NULL);
    session_write(session, "%.*s %s %s%s%s%s\r\n", tag.length ? (int)tag.length : 1, tag.length ? tag.data : "*",
                  response_status_name(status), code ? "[" : "", code ? code : "", code ? "] " : "", text);
    if (status != RESPONSE_BAD)
        session->bad_in_a_row = 0;
    clear_current(session);
}

void session_quiet_end(struct session *session)
{
    session->bad_in_a_row = 0;
    clear_current(session);
}

void session_ok(struct session *session, const char *text)
{
    const struct command *command = &session->current->command;
    char standard[64];

    snprintf(standard, sizeof(standard), "%s%s completed.", command->uid ? "UID " : "", command_title(command->name));
    session_finish(session, RESPONSE_OK, NULL, text ? text : standard);
}

void session_no(struct session *session, const char *code, const char *text)
{
    session_finish(session, RESPONSE_NO, code, text);
}

void session_bad(struct session *session, const char *text)
{
    const struct settings *settings = session_settings(session);
    uint64_t most = session->phase == SESSION_LOGGED_IN ? settings->max_bad : settings->max_bad_before_login;
    bool too_many;

    if (session->current->arena.out_of_memory) { /* whatever was found wrong for want of memory is not the client's */
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    too_many = ++session->bad_in_a_row >= most;
    session_finish(session, RESPONSE_BAD, NULL, text);
    if (too_many)
        session_bye(session, "Too many commands in a row that are none");
}

/* --- from upstream results */

/* Codes that mean to a client of ours what they mean to us. Those with numbers of messages are not among them. */
static const char *const handed_on[] = {
    "ALREADYEXISTS", "APPENDUID",    "AUTHORIZATIONFAILED",
    "BADCHARSET",    "CANNOT",       "CLIENTBUG",
    "COPYUID",       "CONTACTADMIN", "CORRUPTION",
    "EXPUNGEISSUED", "HASCHILDREN",  "INUSE",
    "LIMIT",         "NONEXISTENT",  "NOPERM",
    "OVERQUOTA",     "PARSE",        "SERVERBUG",
    "TOOBIG",        "TRYCREATE",    "UNAVAILABLE",
    "UNKNOWN-CTE",
};

static bool is_handed_on(struct slice code)
{
    for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
        if (slice_equal_nocase(code, slice_of(handed_on[i])))
            return true;
    }
    return false;
}

/* "CODE arguments" into out; nothing if there is none to hand on. */
static void print_code(const struct response *response, struct evbuffer *out)
{
    if (response->code.name == RESPONSE_CODE_NONE || !is_handed_on(response->code.atom))
        return;
    append_bytes(out, response->code.atom.data, response->code.atom.length);
    if (response->code.arguments) {
        append_bytes(out, " ", 1);
        (void)!value_print_all(response->code.arguments, out);
    }
}

/* Text for a human: printable, and not to be taken for a code. */
static void print_text(struct slice text, struct evbuffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        char shown = text.data[i];
        if (i == 0 && shown == '[')
            shown = '(';
        else if ((unsigned char)shown < ' ' || shown == 0x7f)
            shown = '?';
        append_bytes(out, &shown, 1);
    }
}

static void finish_as_told(struct session *session, enum response_status status, const struct response *response)
{
    struct evbuffer *code = evbuffer_new(), *text = evbuffer_new();

    if (code && text) {
        print_code(response, code);
        print_text(response->text, text);
        if (evbuffer_get_length(text) == 0)
            append_bytes(text, "Done.", 5);
        append_bytes(code, "", 1);
        append_bytes(text, "", 1);
    }
    if (!code || !text || append_failed(code) || append_failed(text) || !evbuffer_pullup(code, -1) ||
        !evbuffer_pullup(text, -1))
        session_no_memory(session);
    else
        session_finish(session, status, evbuffer_get_length(code) > 1 ? (const char *)evbuffer_pullup(code, -1) : NULL,
                       (const char *)evbuffer_pullup(text, -1));
    if (code)
        evbuffer_free(code);
    if (text)
        evbuffer_free(text);
}

/* Done twice it would not be the same as done once. */
static bool changes_something(enum command_name name)
{
    static const enum command_name names[] = {COMMAND_APPEND, COMMAND_CLOSE,     COMMAND_COPY,       COMMAND_CREATE,
                                              COMMAND_DELETE, COMMAND_EXPUNGE,   COMMAND_MOVE,       COMMAND_RENAME,
                                              COMMAND_STORE,  COMMAND_SUBSCRIBE, COMMAND_UNSUBSCRIBE};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i] == name)
            return true;
    }
    return false;
}

void session_finish_result(struct session *session, const struct job_result *result)
{
    switch (result->status) {
    case JOB_OK:
        if (result->response)
            finish_as_told(session, RESPONSE_OK, result->response);
        else
            session_ok(session, NULL);
        return;
    case JOB_NO:
    case JOB_NOT_SELECTED:
        if (result->response)
            finish_as_told(session, RESPONSE_NO, result->response);
        else
            session_no(session, NULL, result->text ? result->text : "The mail server refused");
        return;
    case JOB_BAD:
        if (session_has_lost_something(session))
            session_no(session, "CANNOT", "The mail server can do less than before, and does not understand this");
        else
            finish_as_told(session, RESPONSE_BAD, result->response);
        return;
    case JOB_REFUSED:
        session_no(session, NULL, result->text ? result->text : "The command cannot be carried out");
        return;
    case JOB_LOST:
        session_no(session, "UNAVAILABLE",
                   "The connection to the mail server was lost; whether this was done is not known");
        return;
    case JOB_GARBAGE:
        session_no(session, "SERVERBUG",
                   changes_something(session->current->command.name)
                       ? "The mail server's answer could not be understood; whether this was done is not known"
                       : "The mail server's answer could not be understood; please try again");
        return;
    case JOB_DEAD:
        session_no(session, "UNAVAILABLE", result->text ? result->text : "The mailbox is gone");
        return;
    }
    abort();
}

bool session_submit(struct session *session, const struct job *wanted)
{
    struct job job = *wanted;

    if (session->phase == SESSION_ENDING)
        return false;
    job.owner = session;
    job.title = command_title(session->current->command.name);
    session->job = job_submit(session->account, &job);
    if (session->job)
        return true;
    session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    return false;
}
