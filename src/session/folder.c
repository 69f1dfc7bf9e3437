/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. DELETE and RENAME of the upstream's selected mailbox leave it first
 * (RENAME: also for mailboxes below it, and for the target), and nothing gets in between; on OK the views on it end,
 * those of others with BYE. RFC 3501 section 6.3.3 to 6.3.7, RFC 6154 (CREATE with USE). */
#include <string.h>

#include "imap/mailbox_name.h"
#include "session/run.h"

static struct slice argument(const struct session *session, unsigned index)
{
    const struct value *value = session_command(session)->arguments;
    struct slice name = {0};

    while (index-- > 0)
        value = value->next;
    (void)value_astring(value, &name);
    return mailbox_name_canonical(name);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    const struct command *command = session_command(run->session);

    (void)mailbox;
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

/* Names are compared without case and without separators, since the server may take another spelling for the same
 * mailbox, and separates names as it likes: to leave it in vain costs little. */
static bool is_or_is_below(const struct mailbox *selected, struct slice name)
{
    if (name.length > 1 && strchr(MAILBOX_NAME_SEPARATORS, name.data[name.length - 1]))
        name.length--;
    return slice_starts_nocase(slice_of(selected->name), name);
}

static bool leaves(const struct run *run, const struct mailbox *selected)
{
    const struct session *session = run->session;

    if (session_command(session)->name == COMMAND_DELETE)
        return is_or_is_below(selected, argument(session, 0));
    return is_or_is_below(selected, argument(session, 0)) || is_or_is_below(selected, argument(session, 1));
}

static struct name_change *change_of(const struct run *run)
{
    enum command_name command = session_command(run->session)->name;
    struct slice name = argument(run->session, 0);

    if (command == COMMAND_RENAME)
        return name_change_new(NAME_RENAMED, name, argument(run->session, 1));
    return name_change_new(command == COMMAND_DELETE ? NAME_DELETED : NAME_CREATED, name, SLICE(""));
}

/* DELETE or RENAME has been done. */
static void is_gone(struct session *session)
{
    struct account *account = session_account(session);
    struct view *own = session->membership.view;
    struct slice name = argument(session, 0);

    if (session_command(session)->name == COMMAND_DELETE) {
        account_mailbox_gone(account, name, "The mailbox that you had selected has been deleted", own);
    } else if (slice_equal(name, SLICE("INBOX"))) {
        account_mailbox_out_of_step(account, name); /* it stays, its messages have moved */
    } else {
        account_mailbox_gone(account, name, "The mailbox that you had selected has been renamed", own);
        /* the former knowledge of the target's name was about another mailbox */
        account_mailbox_gone(account, argument(session, 1), "The mailbox that you had selected has been replaced", own);
    }
    if (!session_view(session))
        membership_unselect(&session->membership);
}

static bool takes_away(enum command_name name)
{
    return name == COMMAND_DELETE || name == COMMAND_RENAME;
}

static void done(struct run *run, const struct job_result *result)
{
    struct session *session = run->session;

    if (result->status == JOB_OK && takes_away(session_command(session)->name))
        is_gone(session);
    run_result(session, result);
}

static const struct run_step subscribe = {.goal = JOB_RUN, .policy = POLICY_FOLDERS, .build = build, .done = done};
static const struct run_step create = {
    .goal = JOB_RUN, .policy = POLICY_FOLDERS, .change = change_of, .build = build, .done = done};
static const struct run_step take_away = {
    .goal = JOB_RUN, .policy = POLICY_FOLDERS, .leaves = leaves, .change = change_of, .build = build, .done = done};

static const struct run_step *step_of(enum command_name name)
{
    return takes_away(name) ? &take_away : name == COMMAND_CREATE ? &create : &subscribe;
}

/* Anything else would be for the server to read, and may be more than it takes for one value. */
static bool are_plain(const struct value *value)
{
    for (; value; value = value->next) {
        bool plain = value->kind == VALUE_ATOM || value->kind == VALUE_QUOTED;
        if (!plain && !(value_is_list(value) && are_plain(value->first)))
            return false;
    }
    return true;
}

/* "(USE (\\Sent))": each with a list of its own or none. */
static bool are_parameters(const struct offer *offer, const struct value *list)
{
    if (!value_is_list(list) || !list->first || !are_plain(list))
        return false;
    for (const struct value *value = list->first; value; value = value->next) {
        if (value->kind != VALUE_ATOM || !offer_adds(offer, WORD_CREATE, value->text))
            return false;
        if (value->next && value_is_list(value->next))
            value = value->next;
    }
    return true;
}

static const char *fault(const struct session *session)
{
    const struct command *command = session_command(session);
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
    if (value && !are_parameters(&session->offer, value))
        return "CREATE takes a mailbox name and optionally a list of parameters";
    return NULL;
}

static void start(struct run *run)
{
    const char *found = fault(run->session);

    if (found)
        run_bad(run->session, found);
    else
        (void)!run_submit(run->session, step_of(session_command(run->session)->name), NULL);
}

const struct run_ops folder_ops = {.size = sizeof(struct run), .start = start};
