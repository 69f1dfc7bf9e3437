/* LIST (also extended, RFC 5258, with RETURN STATUS, RFC 5819), LSUB, XLIST, NAMESPACE: passed on as values, the
 * answers held until they are complete, so that a repetition after a lost line shows nothing twice. A STATUS of the
 * mailbox that the upstream has selected would be stale: it is made from the truth. */
#include <event2/buffer.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/mailbox_name.h"
#include "imap/structure.h"
#include "session/state.h"

struct list_run {
    struct run run;
    struct evbuffer *answers;
};

static void free_list(struct run *run)
{
    struct list_run *list = (struct list_run *)run;

    if (list->answers)
        evbuffer_free(list->answers);
    free(list);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct list_run *list = (struct list_run *)session->run;
    const struct command *command = &session->current->command;

    evbuffer_drain(list->answers, evbuffer_get_length(list->answers));
    outgoing_text(out, command_title(command->name));
    for (const struct value *value = command->arguments; value; value = value->next) {
        outgoing_text(out, " ");
        outgoing_value(out, value);
    }
    return JOB_SEND;
}

/* "* LIST (\HasNoChildren) "/" name ..." */
static bool print_list(const char *word, const struct value *values, struct evbuffer *out)
{
    const struct value *separator = values ? values->next : NULL;
    const struct value *name = separator ? separator->next : NULL;
    struct slice text;

    if (!value_is_list(values) || !name || !value_astring(name, &text))
        return true; /* malformed: not shown */
    append_format(out, "* %s ", word);
    if (!value_print(values, out) || !append_bytes(out, " ", 1) || !structure_print_separator(separator, out) ||
        !append_bytes(out, " ", 1) || !value_print_astring(text, out))
        return false;
    if (name->next && (!append_bytes(out, " ", 1) || !value_print_all(name->next, out)))
        return false;
    return append_bytes(out, "\r\n", 2);
}

static void note_separator(struct session *session, const struct value *values)
{
    const struct value *separator = values ? values->next : NULL;

    if (separator && value_is_string(separator) && separator->text.length == 1)
        account_note_separator(session->account, separator->text.data[0]);
}

static bool print_status(struct session *session, const struct value *values, struct evbuffer *out)
{
    struct slice name;
    const struct mailbox *mailbox;

    if (!value_astring(values, &name) || !value_is_list(values->next))
        return true;
    mailbox = account_find_mailbox(session->account, name);
    append_format(out, "* STATUS ");
    if (!value_print_astring(name, out))
        return false;
    append_format(out, " ");
    if (mailbox && account_in_step(session->account, mailbox))
        status_print(session, mailbox, values->next->first, values->next->first, out);
    else if (!value_print(values->next, out))
        return false;
    return append_bytes(out, "\r\n", 2);
}

static void answered(struct job *job, const struct response *response)
{
    struct session *session = job->owner;
    struct evbuffer *out = ((struct list_run *)session->run)->answers;
    bool ok = true;

    if (response->kind == RESPONSE_LIST || response->kind == RESPONSE_LSUB || response->kind == RESPONSE_XLIST) {
        const char *word = response->kind == RESPONSE_LIST   ? "LIST"
                           : response->kind == RESPONSE_LSUB ? "LSUB"
                                                             : "XLIST";
        note_separator(session, response->arguments);
        ok = print_list(word, response->arguments, out);
    } else if (response->kind == RESPONSE_MAILBOX_STATUS) {
        ok = print_status(session, response->arguments, out);
    } else if (response->kind == RESPONSE_NAMESPACE) {
        append_format(out, "* NAMESPACE ");
        ok = structure_print_namespaces(response->arguments, out) && append_bytes(out, "\r\n", 2);
    }
    if (!ok)
        session_no_memory(session);
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct list_run *list = (struct list_run *)session->run;

    session->job = NULL;
    if (!append_buffer(session->output, list->answers))
        session_no_memory(session);
    else
        session_finish_result(session, result);
}

static const struct job_ops list_ops = {.build = build, .untagged = answered, .done = done};

/* No NUL, CR or LF goes upstream in a name or a pattern; literals are printed anew as what they are. */
static bool are_clean(const struct value *value)
{
    for (; value; value = value->next) {
        struct slice text;
        if (value->kind == VALUE_SPOOLED || value->kind == VALUE_LITERAL8)
            return false;
        if (value->kind == VALUE_LIST ? !are_clean(value->first) : !value_astring(value, &text))
            return false;
    }
    return true;
}

/* What is wrong with the arguments; NULL: nothing. */
static const char *fault(const struct command *command)
{
    size_t count = value_count(command->arguments);

    if (command->name == COMMAND_NAMESPACE)
        return count == 0 ? NULL : "NAMESPACE takes no arguments";
    if (!are_clean(command->arguments))
        return "Names and patterns must not hold NUL, CR or LF";
    if (command->name == COMMAND_LIST)
        return count >= 2 && count <= 6 ? NULL : "LIST takes a reference and a mailbox pattern";
    return count == 2 ? NULL : "This command takes a reference and a mailbox pattern";
}

void session_start_list(struct session *session)
{
    const struct command *command = &session->current->command;
    struct job wanted = {.ops = &list_ops, .goal = JOB_RUN, .policy = POLICY_LIST};
    struct list_run *list;

    if (fault(command)) {
        session_bad(session, fault(command));
        return;
    }
    list = calloc(1, sizeof(*list));
    if (list)
        list->answers = evbuffer_new();
    if (!list || !list->answers) {
        free(list);
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    list->run.free = free_list;
    session->run = &list->run;
    (void)!session_submit(session, &wanted);
}
