/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. DELETE and RENAME of what the upstream has selected (RENAME: also of
 * what is below, and the target) leave it first, and nothing gets in between; on OK the views on it end, those of
 * others with BYE. RFC 3501 section 6.3.3 to 6.3.7, RFC 6154 (CREATE with USE). */
#include "imap/mailbox_name.h"
#include "session/state.h"

static struct slice argument(const struct session *session, unsigned index)
{
    const struct value *value = session->current->command.arguments;
    struct slice name = {0};

    while (index-- > 0)
        value = value->next;
    (void)value_astring(value, &name);
    return mailbox_name_canonical(name);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    const struct command *command = &session->current->command;

    outgoing_text(out, command_title(command->name));
    for (const struct value *value = command->arguments; value; value = value->next) {
        struct slice name;
        outgoing_text(out, " ");
        if (value_astring(value, &name))
            outgoing_astring(out, mailbox_name_canonical(name));
        else
            outgoing_value(out, value);
    }
    return JOB_SEND;
}

static bool is_or_is_below(const struct session *session, const struct mailbox *selected, struct slice name)
{
    struct slice has = slice_of(selected->name);

    return slice_equal(has, name) || mailbox_name_is_inferior(has, name, account_separator(session->account));
}

static bool leaves(const struct job *job, const struct mailbox *selected)
{
    const struct session *session = job->owner;

    if (session->current->command.name == COMMAND_DELETE)
        return slice_equal(slice_of(selected->name), argument(session, 0));
    return is_or_is_below(session, selected, argument(session, 0)) ||
           is_or_is_below(session, selected, argument(session, 1));
}

/* DELETE or RENAME has been done. */
static void is_gone(struct session *session)
{
    struct slice name = argument(session, 0);

    if (session->current->command.name == COMMAND_DELETE) {
        account_mailbox_gone(session->account, name, false, "The mailbox that you had selected has been deleted",
                             session->view);
    } else if (slice_equal(name, SLICE("INBOX"))) {
        account_mailbox_out_of_step(session->account, name); /* it stays, its messages have moved */
    } else {
        account_mailbox_gone(session->account, name, true, "The mailbox that you had selected has been renamed",
                             session->view);
        /* what was known of the target's name was about another mailbox */
        account_mailbox_gone(session->account, argument(session, 1), true,
                             "The mailbox that you had selected has been replaced", session->view);
    }
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    enum command_name name = session->current->command.name;

    session->job = NULL;
    if (result->status == JOB_OK && (name == COMMAND_DELETE || name == COMMAND_RENAME)) {
        is_gone(session);
        if (session->view && !session->view->mailbox)
            session_leave_view(session);
    }
    session_finish_result(session, result);
}

static const struct job_ops change_ops = {.build = build, .done = done};

static const char *fault(const struct command *command)
{
    const struct value *value = command->arguments;
    size_t count = value_count(value), names = command->name == COMMAND_RENAME ? 2 : 1;
    const char *error = "The arguments of this command are mailbox names";
    struct slice name;

    if (count < names || (count > names && command->name != COMMAND_CREATE) || count > names + 1)
        return command->name == COMMAND_RENAME ? "RENAME takes two mailbox names" : "This command takes a mailbox name";
    for (size_t i = 0; i < names; i++, value = value->next) {
        if (!value_astring(value, &name) || !mailbox_name_valid(name, &error))
            return error;
    }
    if (value && !value_is_list(value))
        return "CREATE takes a mailbox name, and a list of parameters at most";
    return NULL;
}

void session_start_mailbox_change(struct session *session)
{
    const struct command *command = &session->current->command;
    struct job wanted = {.ops = &change_ops, .goal = JOB_RUN, .policy = POLICY_FOLDERS};

    if (fault(command)) {
        session_bad(session, fault(command));
        return;
    }
    if (command->name == COMMAND_DELETE || command->name == COMMAND_RENAME)
        wanted.leaves = leaves;
    (void)!session_submit(session, &wanted);
}
