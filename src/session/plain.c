/* Commands that need no job of their own, or just a look: CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE. RFC 3501 section
 * 6.1, RFC 2971, RFC 5161. */
#include <event2/buffer.h>

#include "base/append.h"
#include "session/run.h"

/* --- CAPABILITY */

static void start_capability(struct run *run)
{
    struct session *session = run->session;
    struct output *output = &session->output;

    output_format(output, "* CAPABILITY ");
    session_print_capabilities(session, output->bytes);
    output_format(output, "\r\n");
    run_ok(session, NULL);
}

const struct run_ops capability_ops = {.size = sizeof(struct run), .start = start_capability};

/* --- NOOP and CHECK: a look at the mailbox, then its news */

static void looked(struct run *run, const struct job_result *result)
{
    if (result->status == JOB_OK)
        run_ok(run->session, NULL);
    else /* nothing was learned, and old knowledge is no answer */
        run_result(run->session, result);
}

static const struct run_step look = {.goal = JOB_LOOK, .policy = POLICY_LOOK, .done = looked};

static void start_noop(struct run *run)
{
    struct view *view = session_view(run->session);

    if (view)
        (void)!run_submit(run->session, &look, view->mailbox);
    else
        run_ok(run->session, NULL);
}

const struct run_ops noop_ops = {.size = sizeof(struct run), .start = start_noop};

/* --- LOGOUT */

static void start_logout(struct run *run)
{
    struct session *session = run->session;

    membership_unselect(&session->membership); /* the client does not miss news that it was not told */
    output_format(&session->output, "* BYE Logging out\r\n");
    run_ok(session, NULL);
    session_ask_to_end(session, SESSION_END_QUIETLY, NULL);
}

const struct run_ops logout_ops = {.size = sizeof(struct run), .start = start_logout};

/* --- ID */

static void log_id(struct session *session, const struct value *fields)
{
    char quoted[LOG_QUOTE_SIZE];
    struct evbuffer *told = evbuffer_new();

    if (told && value_print(fields, told)) {
        struct slice text = {(const char *)evbuffer_pullup(told, -1), evbuffer_get_length(told)};
        log_line(session->ground->log, LOG_DEBUG, "%s: client %s calls itself %s", session_log_name(session),
                 session->options.peer, log_quote(text, quoted, sizeof(quoted)));
    }
    if (told)
        evbuffer_free(told);
}

static void start_id(struct run *run)
{
    struct session *session = run->session;
    const struct value *arguments = session_command(session)->arguments;

    if (!arguments || arguments->next || !(value_is_list(arguments) || value_is_nil(arguments))) {
        run_bad(session, "ID takes a list of fields and values, or NIL");
        return;
    }
    log_id(session, arguments);
    output_format(&session->output, "* ID (\"name\" \"imapmux\" \"version\" \"%s\")\r\n", session->ground->version);
    run_ok(session, NULL);
}

const struct run_ops id_ops = {.size = sizeof(struct run), .start = start_id};

/* --- ENABLE: unknown names, and those that the client was not offered, are ignored. */

static bool are_atoms(const struct value *value)
{
    for (; value; value = value->next) {
        if (value->kind != VALUE_ATOM)
            return false;
    }
    return true;
}

static void start_enable(struct run *run)
{
    struct session *session = run->session;
    struct enabled enabled = session->enabled;
    const struct value *arguments = session_command(session)->arguments;

    if (!arguments || !are_atoms(arguments)) {
        run_bad(session, "ENABLE takes names of capabilities");
        return;
    }
    output_format(&session->output, "* ENABLED");
    for (const struct value *name = arguments; name; name = name->next) {
        if (offer_adds(&session->offer, WORD_ENABLE, name->text) && enabled_switch_on(&enabled, name->text))
            output_format(&session->output, " %.*s", (int)name->text.length, name->text.data);
    }
    output_format(&session->output, "\r\n");
    if (enabled.condstore)
        session_enable_condstore(session);
    session->enabled = enabled;
    run_ok(session, NULL);
}

const struct run_ops enable_ops = {.size = sizeof(struct run), .start = start_enable};
