/* STATUS: never sent for the upstream's selected mailbox, because servers answer it from old data. That answer is made
 * from the truth after a look. For other mailboxes STATUS is passed on; the answer is held until it is complete, so
 * that a repetition after a lost connection shows nothing twice. RFC 3501 section 6.3.10, RFC 8438 (SIZE). */
#include <event2/buffer.h>

#include "base/append.h"
#include "imap/fetch_items.h"
#include "imap/mailbox_name.h"
#include "session/finding.h"
#include "session/run.h"
#include "session/status_items.h"

struct status_run {
    struct run run;
    struct value *told;      /* items of the server's line, in the command's arena; NULL: none has come */
    struct value *other;     /* the same, of a line under another name */
    struct mailbox *mailbox; /* of the selected one, borrowed: its job keeps it */
    struct status_found found;
    struct finding unseen;
    struct uid_set sized; /* UIDs whose size is in found.size */
    bool sized_again;     /* the sizes told first were not those of the messages that there are */
};

static void clear(struct run *run)
{
    struct status_run *status = (struct status_run *)run;

    uid_set_clear(&status->sized);
    finding_clear(&status->unseen);
}

static struct slice mailbox_argument(const struct session *session)
{
    struct slice name = {0};

    (void)value_astring(session_command(session)->arguments, &name);
    return mailbox_name_canonical(name);
}

static const struct value *items_argument(const struct session *session)
{
    return session_command(session)->arguments->next->first;
}

static bool asks_for(const struct value *items, const char *name)
{
    for (; items; items = items->next) {
        if (value_is_atom(items, name))
            return true;
    }
    return false;
}

/* "* STATUS name " */
static void begin_line(struct session *session)
{
    output_format(&session->output, "* STATUS ");
    output_check(&session->output, value_print_astring(mailbox_argument(session), session->output.bytes));
    output_format(&session->output, " ");
}

/* --- of the selected one */

static void finish_from_truth(const struct status_run *status)
{
    struct session *session = status->run.session;

    begin_line(session);
    status_items_print(session_account(session), session_settings(session)->append_max, status->mailbox,
                       items_argument(session), NULL, &status->found, session->output.bytes);
    output_format(&session->output, "\r\n");
    run_ok(session, NULL);
}

static enum job_turn build_sizes(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct status_run *status = (struct status_run *)run;

    status->found.size = 0;
    uid_set_clear(&status->sized);
    if (mailbox->map.count == 0)
        return JOB_NOTHING;
    outgoing_text(out, "UID FETCH 1:* (UID RFC822.SIZE)");
    return JOB_SEND;
}

static void add_size(struct run *run, uint32_t uid, const struct fetch_answer *part)
{
    struct status_run *status = (struct status_run *)run;
    uint64_t size;

    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next) {
        if (fetch_pair_kind(pair) != FETCH_RFC822_SIZE || !value_number(pair->value, UINT32_MAX, &size) ||
            uid_set_contains(&status->sized, uid))
            continue;
        status->found.size += size;
        if (!uid_set_add(&status->sized, uid))
            output_fail(&run->session->output);
    }
}

static enum job_turn build_unseen(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct status_run *status = (struct status_run *)run;

    finding_clear(&status->unseen); /* the answer may have been lost */
    if (account_flags_in_step(session_account(run->session), mailbox))
        return JOB_NOTHING;
    finding_ask(&status->unseen, run->session, out);
    outgoing_text(out, "UNSEEN");
    return JOB_SEND;
}

static void take_unseen(struct run *run, const struct response *response)
{
    finding_take(&((struct status_run *)run)->unseen, response, &run->session->output);
}

/* Those that last are asked of the server all the same. */
static enum job_turn build_lasting(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    const char *before = " (";

    (void)mailbox;
    outgoing_text(out, "STATUS ");
    outgoing_astring(out, mailbox_argument(run->session));
    for (const struct value *item = items_argument(run->session); item; item = item->next) {
        if (!status_item_is_lasting(item))
            continue;
        outgoing_text(out, before);
        outgoing_atom(out, item->text);
        before = " ";
    }
    outgoing_text(out, ")");
    return JOB_SEND;
}

static void take_lasting(struct run *run, const struct response *response)
{
    struct status_run *status = (struct status_run *)run;
    const struct value *items = response->arguments ? response->arguments->next : NULL;
    struct slice name;

    if (response->kind == RESPONSE_MAILBOX_STATUS && value_astring(response->arguments, &name) && items &&
        value_is_list(items) && slice_equal(mailbox_name_canonical(name), mailbox_argument(run->session)))
        status->found.told = value_copy(&run->session->current.queued->arena, items->first);
}

/* Does the server have to be asked for one of them, or has it not said one of them? */
static bool lacks_lasting(const struct status_run *status)
{
    for (const struct value *item = items_argument(status->run.session); item; item = item->next) {
        if (status_item_is_lasting(item) && !(value_is_atom(item, "MAILBOXID") && status->mailbox->object_id) &&
            !status_item_fits(item, status_items_told(status->found.told, item)))
            return true;
    }
    return false;
}

static void looked(struct run *run, const struct job_result *result);
static void lasting(struct run *run, const struct job_result *result);
static void sized(struct run *run, const struct job_result *result);
static void searched(struct run *run, const struct job_result *result);
static const struct run_step look_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = looked};
static const struct run_step look_flags_step = {.goal = JOB_FLAGS, .policy = POLICY_LOOK, .done = looked};
static const struct run_step size_step = {
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_sizes, .fetch = add_size, .done = sized};
static const struct run_step lasting_step = {
    .goal = JOB_RUN, .policy = POLICY_STATUS, .build = build_lasting, .untagged = take_lasting, .done = lasting};
static const struct run_step unseen_step = {
    .goal = JOB_RUN, .policy = POLICY_SEARCH, .build = build_unseen, .untagged = take_unseen, .done = searched};

/* Returns the other items that must be asked for, or NULL. */
static const struct run_step *lacking(const struct status_run *status)
{
    const struct session *session = status->run.session;
    const struct value *items = items_argument(session);

    if (lacks_lasting(status))
        return &lasting_step;
    if (asks_for(items, "SIZE") && !status->found.size_known)
        return &size_step;
    if (asks_for(items, "UNSEEN") && !status->found.unseen &&
        !account_flags_in_step(session_account(session), status->mailbox))
        return &unseen_step;
    return NULL;
}

static void looked(struct run *run, const struct job_result *result)
{
    struct status_run *status = (struct status_run *)run;
    const struct run_step *step;

    if (result->status != JOB_OK)
        run_result(run->session, result);
    else if ((step = lacking(status)))
        (void)!run_submit(run->session, step, status->mailbox);
    else
        finish_from_truth(status);
}

static void refuse_untold(struct session *session)
{
    run_no(session, "SERVERBUG", "The mail server did not tell the status of this mailbox; please try again");
}

static void lasting(struct run *run, const struct job_result *result)
{
    if (result->status == JOB_OK && lacks_lasting((struct status_run *)run))
        refuse_untold(run->session);
    else
        looked(run, result);
}

static void searched(struct run *run, const struct job_result *result)
{
    struct status_run *status = (struct status_run *)run;

    if (result->status == JOB_OK && !finding_is_told(&status->unseen)) {
        finding_refuse(run->session);
        return;
    }
    if (status->unseen.asked)
        status->found.unseen = &status->unseen.uids;
    looked(run, result);
}

/* Has each message that there is been counted, and no other? */
static bool are_all_sized(const struct status_run *status)
{
    const struct uid_map *map = &status->mailbox->map;
    bool all = status->sized.count == map->count;

    for (uint32_t i = 0; all && i < map->count; i++)
        all = uid_set_contains(&status->sized, uid_map_at(map, i)->uid);
    return all;
}

/* A message may have gone meanwhile: the server is made to tell of it, and is asked once more. */
static void sized(struct run *run, const struct job_result *result)
{
    struct status_run *status = (struct status_run *)run;

    status->found.size_known = result->status == JOB_OK && are_all_sized(status);
    if (result->status != JOB_OK || status->found.size_known) {
        looked(run, result);
    } else if (!status->sized_again) {
        status->sized_again = true;
        (void)!run_submit(run->session, &look_step, status->mailbox);
    } else {
        run_no(run->session, "SERVERBUG", "The mail server did not tell the size of each message; please try again");
    }
}

static void look(struct status_run *status)
{
    struct session *session = status->run.session;
    bool flags = asks_for(items_argument(session), "UNSEEN");

    status->mailbox = account_mailbox(session_account(session), mailbox_argument(session));
    if (status->mailbox)
        (void)!run_submit(session, flags ? &look_flags_step : &look_step, status->mailbox);
    else
        run_no_memory(session);
}

/* --- of another one */

static enum job_turn build(struct run *run, struct mailbox *none, struct outgoing *out)
{
    struct status_run *status = (struct status_run *)run;
    struct session *session = run->session;
    struct account *account = session_account(session);
    struct mailbox *mailbox = account_find_mailbox(account, mailbox_argument(session));

    (void)none;
    if (mailbox && account_is_selected(account, mailbox))
        return JOB_REFUSE; /* it has become the selected one */
    status->told = status->other = NULL;
    outgoing_text(out, "STATUS ");
    outgoing_astring(out, mailbox_argument(session));
    outgoing_text(out, " ");
    outgoing_value(out, session_command(session)->arguments->next);
    return JOB_SEND;
}

/* IMAP4rev2 has no RECENT (RFC 9051, appendix E): who asks for it all the same hears 0. */
static bool is_told(const struct value *told, const struct value *item)
{
    const struct value *value = status_items_told(told, item);

    return value ? status_item_fits(item, value) : value_is_atom(item, "RECENT");
}

static bool has_all(const struct session *session, const struct value *told)
{
    for (const struct value *item = items_argument(session); item; item = item->next) {
        if (!is_told(told, item))
            return false;
    }
    return true;
}

/* The items that were asked for. */
static void pass_on(const struct status_run *status)
{
    struct session *session = status->run.session;
    const char *space = "";

    begin_line(session);
    output_format(&session->output, "(");
    for (const struct value *item = items_argument(session); item; item = item->next) {
        const struct value *value = status_items_told(status->told->first, item);
        output_format(&session->output, "%s%.*s", space, (int)item->text.length, item->text.data);
        if (value)
            status_item_print(item, value, session_settings(session)->append_max, session->output.bytes);
        else
            output_format(&session->output, " 0");
        space = " ";
    }
    output_format(&session->output, ")\r\n");
}

/* A line about the mailbox: the answer if the server tells each item in it. */
static void take(struct status_run *status, const struct value *told)
{
    struct session *session = status->run.session;
    struct account *account = session_account(session);
    struct mailbox *mailbox = account_find_mailbox(account, mailbox_argument(session));

    if (mailbox)
        account_status_seen(account, mailbox, told->first);
    if (has_all(session, told->first)) {
        status->told = value_copy(&session->current.queued->arena, told);
        output_check(&session->output, status->told != NULL);
    }
}

static void answered(struct run *run, const struct response *response)
{
    struct status_run *status = (struct status_run *)run;
    const struct value *items = response->arguments ? response->arguments->next : NULL;
    struct slice name;

    if (response->kind != RESPONSE_MAILBOX_STATUS || status->told || !value_astring(response->arguments, &name) ||
        !items || !value_is_list(items))
        return;
    if (slice_equal(mailbox_name_canonical(name), mailbox_argument(run->session)))
        take(status, items);
    else if (!status->other)
        status->other = value_copy(&run->session->current.queued->arena, items);
}

static void done(struct run *run, const struct job_result *result)
{
    struct status_run *status = (struct status_run *)run;

    if (result->status == JOB_OK && !status->told && status->other)
        take(status, status->other); /* nothing else was asked: another spelling of the same name */
    if (result->status == JOB_OK && status->told)
        pass_on(status);
    if (result->status == JOB_REFUSED)
        look(status);
    else if (result->status == JOB_OK && !status->told)
        refuse_untold(run->session);
    else
        run_result(run->session, result);
}

static const struct run_step status_step = {
    .goal = JOB_RUN, .policy = POLICY_STATUS, .build = build, .untagged = answered, .done = done};

static const char *fault(const struct session *session)
{
    const struct value *value = session_command(session)->arguments;
    const char *error = "STATUS takes a mailbox name and a list of items";
    struct slice name;

    if (value_count(value) != 2 || !value_astring(value, &name) || !mailbox_name_valid(name, &error) ||
        !value_is_list(value->next) || !value->next->first)
        return error;
    if (!status_items_known(&session->offer, value->next->first))
        return "STATUS takes MESSAGES, RECENT, UIDNEXT, UIDVALIDITY and UNSEEN, and the items of the extensions that "
               "are offered";
    return NULL;
}

static void start(struct run *run)
{
    struct session *session = run->session;

    if (fault(session)) {
        run_bad(session, fault(session));
        return;
    }
    if (asks_for(items_argument(session), "HIGHESTMODSEQ"))
        session_enable_condstore(session);
    (void)!run_submit(session, &status_step, NULL);
}

const struct run_ops status_ops = {.size = sizeof(struct status_run), .start = start, .clear = clear};
