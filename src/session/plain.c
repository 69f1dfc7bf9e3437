/* Commands that need no job of their own, or just a look: CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE. */
#include <event2/buffer.h>

#include "session/state.h"
#include "session/tell.h"

static bool takes_nothing(struct session *session)
{
    if (!session->current->command.arguments)
        return true;
    session_bad(session, "This command takes no arguments");
    return false;
}

void session_start_capability(struct session *session)
{
    if (!takes_nothing(session))
        return;
    session_write(session, "* CAPABILITY ");
    session_print_capabilities(session, session->output);
    session_write(session, "\r\n");
    session_ok(session, NULL);
}

/* --- NOOP and CHECK: a look at the mailbox, then what is new */

static void looked(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    session->job = NULL;
    if (result->status == JOB_DEAD) /* its mailbox is another one now: what is known of it is no answer */
        session_finish_result(session, result);
    else /* it was asked, or could not be: what is known is told */
        session_ok(session, NULL);
}

static const struct job_ops look_ops = {.done = looked};

void session_start_noop(struct session *session)
{
    struct job look = {.ops = &look_ops, .goal = JOB_LOOK, .policy = POLICY_LOOK};

    if (!takes_nothing(session))
        return;
    if (!session->view || !session->view->mailbox) {
        session_ok(session, NULL);
        return;
    }
    look.mailbox = session->view->mailbox;
    (void)!session_submit(session, &look);
}

void session_start_logout(struct session *session)
{
    if (!takes_nothing(session))
        return;
    session_leave_view(session); /* what it has not been told it will not miss */
    session_write(session, "* BYE Logging out\r\n");
    session_ok(session, NULL);
    session->phase = SESSION_ENDING;
    session->wants = SESSION_CLOSE;
    session_detach(session);
    session_wake_link(session);
}

/* --- ID (RFC 2971) */

void session_start_id(struct session *session)
{
    char quoted[LOG_QUOTE_SIZE];
    struct evbuffer *told = evbuffer_new();
    const struct value *arguments = session->current->command.arguments;

    if (!arguments || arguments->next || !(value_is_list(arguments) || value_is_nil(arguments)))
        session_bad(session, "ID takes a list of fields and values, or NIL");
    else {
        if (told && value_print(arguments, told)) {
            struct slice text = {(const char *)evbuffer_pullup(told, -1), evbuffer_get_length(told)};
            log_line(registry_ground(session->registry)->log, LOG_DEBUG, "%s: client %s calls itself %s",
                     session_account_name(session), session->options.peer, log_quote(text, quoted, sizeof(quoted)));
        }
        session_write(session, "* ID (\"name\" \"imapmux\" \"version\" \"%s\")\r\n",
                      registry_ground(session->registry)->version);
        session_ok(session, NULL);
    }
    if (told)
        evbuffer_free(told);
}

/* RFC 5161: what is not known is ignored. Nothing that can be enabled is offered yet. */
void session_start_enable(struct session *session)
{
    const struct value *value = session->current->command.arguments;

    for (const struct value *each = value; each; each = each->next) {
        if (each->kind != VALUE_ATOM)
            value = NULL;
    }
    if (!value) {
        session_bad(session, "ENABLE takes names of capabilities");
        return;
    }
    session_write(session, "* ENABLED\r\n");
    session_ok(session, NULL);
}
