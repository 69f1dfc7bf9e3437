/* Commands that the server alone carries out, and that concern no message: quota (RFC 9208, RFC 2087), rights (RFC
 * 4314), annotations (RFC 5464). Passed on as values, the answers held until they are complete, so that a repetition
 * after a lost connection shows nothing twice. An OK without the line that a command asks for is no answer. */
#include <event2/buffer.h>
#include <string.h>

#include "imap/mailbox_name.h"
#include "session/lines.h"
#include "session/run.h"

struct passed_run {
    struct run run;
    const struct row *row;
    struct evbuffer *answers;
    bool told;           /* the line that is asked for has come */
    struct value *other; /* the arguments of such a line about another name, in the command's arena; NULL: none */
};

/* --- what the commands look like
 *
 * The arguments as letters: m mailbox, M mailbox or "" (the server), a astring, q list of resources and limits, o list
 * of options, e entry or list of entries, v list of entries and values. */
static const struct row {
    enum command_name name;
    const char *forms[3];
    const char *usage;
    enum response_kind asked; /* the line that must come; RESPONSE_OTHER: none must */
    enum response_kind also;  /* another that may; RESPONSE_OTHER: none */
    bool changes;
    bool rights; /* of the mailbox are changed: what it permits may be something else */
} rows[] = {
    {.name = COMMAND_DELETEACL,
     .forms = {"ma"},
     .usage = "DELETEACL takes a mailbox name and an identifier",
     .asked = RESPONSE_OTHER,
     .also = RESPONSE_OTHER,
     .changes = true,
     .rights = true},
    {.name = COMMAND_GETACL,
     .forms = {"m"},
     .usage = "GETACL takes a mailbox name",
     .asked = RESPONSE_ACL,
     .also = RESPONSE_OTHER},
    {.name = COMMAND_GETMETADATA,
     .forms = {"Me", "oMe", "Moe"},
     .usage = "GETMETADATA takes options (MAXSIZE, DEPTH), a mailbox name and names of entries",
     .asked = RESPONSE_OTHER,
     .also = RESPONSE_METADATA},
    {.name = COMMAND_GETQUOTA,
     .forms = {"a"},
     .usage = "GETQUOTA takes a quota root",
     .asked = RESPONSE_QUOTA,
     .also = RESPONSE_OTHER},
    {.name = COMMAND_GETQUOTAROOT,
     .forms = {"m"},
     .usage = "GETQUOTAROOT takes a mailbox name",
     .asked = RESPONSE_QUOTAROOT,
     .also = RESPONSE_QUOTA},
    {.name = COMMAND_LISTRIGHTS,
     .forms = {"ma"},
     .usage = "LISTRIGHTS takes a mailbox name and an identifier",
     .asked = RESPONSE_LISTRIGHTS,
     .also = RESPONSE_OTHER},
    {.name = COMMAND_MYRIGHTS,
     .forms = {"m"},
     .usage = "MYRIGHTS takes a mailbox name",
     .asked = RESPONSE_MYRIGHTS,
     .also = RESPONSE_OTHER},
    {.name = COMMAND_SETACL,
     .forms = {"maa"},
     .usage = "SETACL takes a mailbox name, an identifier and rights",
     .asked = RESPONSE_OTHER,
     .also = RESPONSE_OTHER,
     .changes = true,
     .rights = true},
    {.name = COMMAND_SETMETADATA,
     .forms = {"Mv"},
     .usage = "SETMETADATA takes a mailbox name and a list of entries and values",
     .asked = RESPONSE_OTHER,
     .also = RESPONSE_OTHER,
     .changes = true},
    {.name = COMMAND_SETQUOTA,
     .forms = {"aq"},
     .usage = "SETQUOTA takes a quota root and a list of resources and limits",
     .asked = RESPONSE_OTHER,
     .also = RESPONSE_QUOTA,
     .changes = true},
};

static const struct row *find_row(enum command_name name)
{
    const struct row *row = rows;

    while (row->name != name)
        row++;
    return row;
}

/* --- judging the arguments */

static bool is_mailbox(const struct value *value)
{
    struct slice name;
    const char *error;

    return value_astring(value, &name) && mailbox_name_valid(name, &error);
}

static bool is_mailbox_or_server(const struct value *value)
{
    struct slice name;

    return value_astring(value, &name) && (name.length == 0 || is_mailbox(value));
}

static bool is_astring(const struct value *value)
{
    struct slice text;

    return value_astring(value, &text);
}

static bool are_limits(const struct value *value)
{
    uint64_t number;

    if (!value_is_list(value))
        return false;
    for (value = value->first; value; value = value->next->next) {
        if (value->kind != VALUE_ATOM || !value->next || !value_number(value->next, INT64_MAX, &number))
            return false;
    }
    return true;
}

static bool is_depth(const struct value *value)
{
    return value_is_atom(value, "0") || value_is_atom(value, "1") || value_is_atom(value, "infinity");
}

static bool are_options(const struct value *value)
{
    uint64_t number;

    if (!value_is_list(value) || !value->first)
        return false;
    for (value = value->first; value; value = value->next->next) {
        const struct value *argument = value->next;
        if (!argument || !((value_is_atom(value, "MAXSIZE") && value_number(argument, INT64_MAX, &number)) ||
                           (value_is_atom(value, "DEPTH") && is_depth(argument))))
            return false;
    }
    return true;
}

/* RFC 5464 section 3.2 */
static bool is_entry(const struct value *value)
{
    struct slice text;

    if (!value_astring(value, &text) || text.length < 2 || text.data[0] != '/' || text.data[text.length - 1] == '/')
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < ' ' || c >= 0x7f || c == '*' || c == '%' || (c == '/' && text.data[i + 1] == '/'))
            return false;
    }
    return true;
}

static bool are_entries(const struct value *value)
{
    if (!value_is_list(value))
        return is_entry(value);
    for (value = value->first; value && is_entry(value); value = value->next) {
        if (!value->next)
            return true;
    }
    return false;
}

/* NUL would need a literal8, which not every server takes. */
static bool is_value(const struct value *value)
{
    return value &&
           (value_is_nil(value) || (value_is_string(value) &&
                                    (value->text.length == 0 || !memchr(value->text.data, '\0', value->text.length))));
}

static bool are_entries_with_values(const struct value *value)
{
    if (!value_is_list(value) || !value->first)
        return false;
    for (value = value->first; value; value = value->next->next) {
        if (!is_entry(value) || !is_value(value->next))
            return false;
    }
    return true;
}

static bool is_form(char letter, const struct value *value)
{
    switch (letter) {
    case 'm':
        return is_mailbox(value);
    case 'M':
        return is_mailbox_or_server(value);
    case 'a':
        return is_astring(value);
    case 'q':
        return are_limits(value);
    case 'o':
        return are_options(value);
    case 'e':
        return are_entries(value);
    default: /* v */
        return are_entries_with_values(value);
    }
}

static bool has_form(const char *form, const struct value *value)
{
    for (; *form && value && is_form(*form, value); form++)
        value = value->next;
    return !*form && !value;
}

/* NULL: the arguments are none that this command takes. */
static const char *form_of(const struct row *row, const struct value *arguments)
{
    for (size_t i = 0; i < sizeof(row->forms) / sizeof(row->forms[0]) && row->forms[i]; i++) {
        if (has_form(row->forms[i], arguments))
            return row->forms[i];
    }
    return NULL;
}

/* --- the command */

static void clear(struct run *run)
{
    struct passed_run *passed = (struct passed_run *)run;

    if (passed->answers)
        evbuffer_free(passed->answers);
}

/* As the client wrote it: the mailbox of a command that has one, else the quota root. */
static struct slice name_argument(const struct passed_run *passed)
{
    const struct value *value = session_command(passed->run.session)->arguments;

    while (value_is_list(value))
        value = value->next;
    return value->text;
}

static void write_value(const struct value *value, struct outgoing *out)
{
    if (value_is_list(value)) {
        outgoing_text(out, "(");
        for (const struct value *each = value->first; each; each = each->next) {
            write_value(each, out);
            outgoing_text(out, each->next ? " " : "");
        }
        outgoing_text(out, ")");
    } else if (value->kind == VALUE_LITERAL8) {
        outgoing_string(out, value->text);
    } else {
        outgoing_value(out, value);
    }
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct passed_run *passed = (struct passed_run *)run;
    const struct command *command = session_command(run->session);
    const char *form = form_of(passed->row, command->arguments);

    (void)mailbox;
    evbuffer_drain(passed->answers, evbuffer_get_length(passed->answers));
    passed->told = false;
    passed->other = NULL;
    outgoing_text(out, command_title(command->name));
    for (const struct value *value = command->arguments; value; value = value->next, form++) {
        outgoing_text(out, " ");
        if (*form == 'm' || *form == 'M')
            outgoing_astring(out, mailbox_name_canonical(value->text));
        else
            write_value(value, out);
    }
    return JOB_SEND;
}

static bool is_about(const struct passed_run *passed, const struct response *response)
{
    struct slice name = line_name(response);

    if (response->kind == RESPONSE_QUOTA)
        return passed->row->asked != RESPONSE_QUOTA || slice_equal(name, name_argument(passed));
    return slice_equal(mailbox_name_canonical(name), mailbox_name_canonical(name_argument(passed)));
}

static void print(struct passed_run *passed, enum response_kind kind, struct slice name, const struct value *arguments)
{
    passed->told |= kind == passed->row->asked;
    output_check(&passed->run.session->output, line_print(kind, name, arguments, passed->answers));
}

static void answered(struct run *run, const struct response *response)
{
    struct passed_run *passed = (struct passed_run *)run;
    const struct row *row = passed->row;
    bool asked = response->kind == row->asked;

    if ((!asked && response->kind != row->also) || !line_is_sound(response))
        return;
    if (is_about(passed, response) && !(asked && passed->told))
        print(passed, response->kind, response->kind == RESPONSE_QUOTA ? line_name(response) : name_argument(passed),
              response->arguments);
    else if (asked && !passed->other)
        passed->other = value_copy(&run->session->current.queued->arena, response->arguments);
}

static bool lacks_answer(const struct passed_run *passed, const struct job_result *result)
{
    return result->status == JOB_OK && passed->row->asked != RESPONSE_OTHER && !passed->told;
}

static void done(struct run *run, const struct job_result *result)
{
    struct passed_run *passed = (struct passed_run *)run;
    struct session *session = run->session;

    if (lacks_answer(passed, result) && passed->other) /* nothing else was asked: another spelling of the same name */
        print(passed, passed->row->asked, name_argument(passed), passed->other);
    if (result->status == JOB_OK && passed->row->rights)
        account_mailbox_out_of_step(session_account(session), mailbox_name_canonical(name_argument(passed)));
    if (lacks_answer(passed, result)) {
        run_no(session, "SERVERBUG", "The mail server did not tell what was asked; please try again");
        return;
    }
    output_move(&session->output, passed->answers);
    run_result(session, result);
}

static const struct run_step ask = {
    .goal = JOB_RUN, .policy = POLICY_LIST, .build = build, .untagged = answered, .done = done};
static const struct run_step change = {
    .goal = JOB_RUN, .policy = POLICY_FOLDERS, .build = build, .untagged = answered, .done = done};

static void start(struct run *run)
{
    struct passed_run *passed = (struct passed_run *)run;
    struct session *session = run->session;

    passed->row = find_row(session_command(session)->name);
    if (!form_of(passed->row, session_command(session)->arguments)) {
        run_bad(session, passed->row->usage);
        return;
    }
    passed->answers = evbuffer_new();
    if (passed->answers)
        (void)!run_submit(session, passed->row->changes ? &change : &ask, NULL);
    else
        run_no_memory(session);
}

const struct run_ops passed_ops = {.size = sizeof(struct passed_run), .start = start, .clear = clear};
