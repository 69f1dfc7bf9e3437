/* LIST (also extended, RFC 5258, with RETURN STATUS, RFC 5819, MYRIGHTS, METADATA), LSUB, XLIST, NAMESPACE: passed on
 * as values, the answers held until they are complete, so that a repetition after a lost connection shows nothing
 * twice. A STATUS of the mailbox that the upstream has selected would be stale: it is made from the truth, after a
 * look. */
#include <event2/buffer.h>

#include "base/append.h"
#include "imap/structure.h"
#include "session/lines.h"
#include "session/run.h"
#include "session/status_items.h"

struct list_run {
    struct run run;
    struct evbuffer *answers;
    struct value *stale; /* name and items of the STATUS line about the selected mailbox, in the command's arena; NULL:
                            there was none */
};

static void clear(struct run *run)
{
    struct list_run *list = (struct list_run *)run;

    if (list->answers)
        evbuffer_free(list->answers);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct list_run *list = (struct list_run *)run;
    const struct command *command = session_command(run->session);

    (void)mailbox;
    evbuffer_drain(list->answers, evbuffer_get_length(list->answers));
    list->stale = NULL;
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

    if (!(value_is_list(values) || value_is_nil(values)) || !name || !value_astring(name, &text))
        return true; /* malformed: not shown */
    append_format(out, "* %s ", word);
    if (!structure_print_attributes(values, out) || !append_bytes(out, " ", 1) ||
        !structure_print_separator(separator, out) || !append_bytes(out, " ", 1) || !value_print_astring(text, out))
        return false;
    if (name->next && (!append_bytes(out, " ", 1) || !value_print_all(name->next, out)))
        return false;
    return append_bytes(out, "\r\n", 2);
}

static void note_separator(struct account *account, const struct value *values)
{
    if (values)
        account_note_separator(account, values->next);
}

/* NAMESPACE: three lists of (prefix separator ...), or NIL. */
static void note_separators(struct account *account, const struct value *namespaces)
{
    for (; namespaces; namespaces = namespaces->next) {
        if (!value_is_list(namespaces))
            continue;
        for (const struct value *one = namespaces->first; one; one = one->next) {
            if (value_is_list(one))
                note_separator(account, one->first);
        }
    }
}

/* "MESSAGES 3 UIDNEXT 5" */
static bool are_sound(const struct value *items)
{
    while (items && items->kind == VALUE_ATOM && status_item_fits(items, items->next))
        items = items->next->next;
    return !items;
}

static bool print_items(const struct list_run *list, const struct value *items, struct evbuffer *out)
{
    const char *space = "";

    append_bytes(out, "(", 1);
    for (; items; items = items->next->next) {
        append_format(out, "%s%.*s", space, (int)items->text.length, items->text.data);
        status_item_print(items, items->next, session_settings(list->run.session)->append_max, out);
        space = " ";
    }
    return append_bytes(out, ")", 1);
}

static bool print_status(struct list_run *list, const struct value *values)
{
    struct account *account = session_account(list->run.session);
    struct evbuffer *out = list->answers;
    struct slice name;
    const struct mailbox *mailbox;

    if (!value_astring(values, &name) || !value_is_list(values->next) || !are_sound(values->next->first))
        return true; /* malformed: not shown */
    mailbox = account_find_mailbox(account, name);
    if (mailbox && account_is_selected(account, mailbox)) {
        if (list->stale)
            return true;
        list->stale = value_copy(&list->run.session->current.queued->arena, values);
        return list->stale != NULL;
    }
    append_format(out, "* STATUS ");
    return value_print_astring(name, out) && append_bytes(out, " ", 1) && print_items(list, values->next->first, out) &&
           append_bytes(out, "\r\n", 2);
}

/* Has the client asked for it: RETURN (MYRIGHTS METADATA (...))? */
static bool asks_for(const struct command *command, const char *option)
{
    for (const struct value *value = command->arguments; value; value = value->next) {
        const struct value *each = value_is_atom(value, "RETURN") && value->next ? value->next->first : NULL;
        while (each && !value_is_atom(each, option))
            each = each->next;
        if (each)
            return true;
    }
    return false;
}

/* RFC 8440, RFC 9590 */
static bool print_asked(struct list_run *list, const struct response *response, const char *option)
{
    if (!asks_for(session_command(list->run.session), option) || !line_is_sound(response))
        return true;
    return line_print(response->kind, line_name(response), response->arguments, list->answers);
}

static void answered(struct run *run, const struct response *response)
{
    struct account *account = session_account(run->session);
    struct evbuffer *out = ((struct list_run *)run)->answers;
    bool ok = true;

    if (response->kind == RESPONSE_LIST || response->kind == RESPONSE_LSUB || response->kind == RESPONSE_XLIST) {
        const char *word = response->kind == RESPONSE_LIST   ? "LIST"
                           : response->kind == RESPONSE_LSUB ? "LSUB"
                                                             : "XLIST";
        note_separator(account, response->arguments);
        ok = print_list(word, response->arguments, out);
    } else if (response->kind == RESPONSE_MAILBOX_STATUS) {
        ok = print_status((struct list_run *)run, response->arguments);
    } else if (response->kind == RESPONSE_MYRIGHTS) {
        ok = print_asked((struct list_run *)run, response, "MYRIGHTS");
    } else if (response->kind == RESPONSE_METADATA) {
        ok = print_asked((struct list_run *)run, response, "METADATA");
    } else if (response->kind == RESPONSE_NAMESPACE) {
        note_separators(account, response->arguments);
        append_format(out, "* NAMESPACE ");
        ok = structure_print_namespaces(response->arguments, out) && append_bytes(out, "\r\n", 2);
    }
    output_check(&run->session->output, ok);
}

static void looked(struct run *run, const struct job_result *result)
{
    struct list_run *list = (struct list_run *)run;
    struct session *session = run->session;
    const struct account *account = session_account(session);
    const struct mailbox *mailbox = account_find_mailbox(session_account(session), list->stale->text);
    const struct value *items = list->stale->next->first;

    if (result->status != JOB_OK || !mailbox) { /* of all other mailboxes it is known */
        run_result(session, result);
        return;
    }
    output_format(&session->output, "* STATUS ");
    output_check(&session->output, value_print_astring(list->stale->text, session->output.bytes));
    output_format(&session->output, " ");
    status_items_print(account, session_settings(session)->append_max, mailbox, items, items, NULL,
                       session->output.bytes);
    output_format(&session->output, "\r\n");
    run_ok(session, NULL);
}

static const struct run_step look_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = looked};
static const struct run_step look_flags_step = {.goal = JOB_FLAGS, .policy = POLICY_LOOK, .done = looked};

/* The server's own line may be old, and so may the truth: it is looked at. */
static void look(const struct list_run *list)
{
    struct session *session = list->run.session;
    struct mailbox *mailbox = account_mailbox(session_account(session), list->stale->text);
    bool flags = false;

    for (const struct value *item = list->stale->next->first; item; item = item->next)
        flags |= value_is_atom(item, "UNSEEN");
    if (mailbox)
        (void)!run_submit(session, flags ? &look_flags_step : &look_step, mailbox);
    else
        run_no_memory(session);
}

static void done(struct run *run, const struct job_result *result)
{
    const struct list_run *list = (struct list_run *)run;

    output_move(&run->session->output, list->answers);
    if (result->status == JOB_OK && list->stale)
        look(list);
    else
        run_result(run->session, result);
}

static const struct run_step list_step = {
    .goal = JOB_RUN, .policy = POLICY_LIST, .build = build, .untagged = answered, .done = done};

/* No NUL, CR or LF goes upstream in a name or a pattern; literals are printed again as literals. */
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

/* Words that the client was offered, each with a list of its own or none. */
static bool are_options(const struct offer *offer, enum extension_word kind, const struct value *option)
{
    for (; option; option = option->next) {
        const struct value *list = option->next && value_is_list(option->next) ? option->next : NULL;
        if (option->kind != VALUE_ATOM || !offer_adds(offer, kind, option->text))
            return false;
        if (value_is_atom(option, "STATUS") && !(list && list->first && status_items_known(offer, list->first)))
            return false;
        if (list)
            option = list;
    }
    return true;
}

/* [options] reference pattern [RETURN options]: RFC 5258 section 6. */
static const char *list_fault(const struct offer *offer, const struct value *value)
{
    static const char *const usage = "LIST takes a reference and a mailbox pattern";
    bool extended = offer_has(offer, CAPABILITY_LIST_EXTENDED);

    if (value && value_is_list(value)) {
        if (!(extended || value->first) || !are_options(offer, WORD_LIST_SELECTION, value->first))
            return "An option of LIST that is not offered";
        value = value->next;
    }
    if (value_count(value) < 2 || value_is_list(value) || (value_is_list(value->next) && !extended))
        return usage;
    value = value->next->next;
    if (!value)
        return NULL;
    if (!value_is_atom(value, "RETURN") || value_count(value) != 2 || !value_is_list(value->next))
        return usage;
    return are_options(offer, WORD_LIST_RETURN, value->next->first) ? NULL : "An option of LIST that is not offered";
}

/* Returns the fault of the arguments; NULL: none. */
static const char *fault(const struct session *session)
{
    const struct command *command = session_command(session);

    if (command->name == COMMAND_NAMESPACE)
        return NULL;
    if (!are_clean(command->arguments))
        return "Names and patterns must not hold NUL, CR or LF";
    if (command->name == COMMAND_LIST)
        return list_fault(&session->offer, command->arguments);
    return value_count(command->arguments) == 2 ? NULL : "This command takes a reference and a mailbox pattern";
}

static void start(struct run *run)
{
    struct list_run *list = (struct list_run *)run;

    if (fault(run->session)) {
        run_bad(run->session, fault(run->session));
        return;
    }
    list->answers = evbuffer_new();
    if (list->answers)
        (void)!run_submit(run->session, &list_step, NULL);
    else
        run_no_memory(run->session);
}

const struct run_ops list_ops = {.size = sizeof(struct list_run), .start = start, .clear = clear};
