/* STATUS: of the mailbox that the upstream has selected never sent (servers answer it from what they last told), but
 * made from the truth after a look; of others passed on. RFC 3501 section 6.3.10, RFC 8438 (SIZE). */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/fetch_items.h"
#include "imap/mailbox_name.h"
#include "session/state.h"

struct status_run {
    struct run run;
    bool printed;
    uint64_t size;       /* sum of RFC822.SIZE */
    struct seqset sized; /* UIDs that are in it */
    bool size_known;
    struct seqset unseen; /* UIDs, by a search: used if the flags are not in step */
    bool unseen_known;
};

static void free_status(struct run *run)
{
    struct status_run *status = (struct status_run *)run;

    seqset_clear(&status->sized);
    seqset_clear(&status->unseen);
    free(status);
}

static struct slice mailbox_argument(const struct session *session)
{
    struct slice name = {0};

    (void)value_astring(session->current->command.arguments, &name);
    return mailbox_name_canonical(name);
}

static const struct value *items_argument(const struct session *session)
{
    return session->current->command.arguments->next->first;
}

static bool asks_for(const struct value *items, const char *name)
{
    for (; items; items = items->next) {
        if (value_is_atom(items, name))
            return true;
    }
    return false;
}

/* --- from the truth */

static uint64_t count_found_unseen(const struct mailbox *mailbox, const struct seqset *unseen)
{
    struct seqset_walk walk;
    uint64_t count = 0;
    uint32_t uid;

    seqset_walk_start(&walk, unseen);
    while (seqset_walk_next(&walk, &uid))
        count += uid_map_find(&mailbox->map, uid) != NULL;
    return count;
}

static uint64_t count_unseen(const struct mailbox *mailbox)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < mailbox->map.count; i++)
        count += (uid_map_at(&mailbox->map, i)->system & FLAG_SEEN) == 0;
    return count;
}

/* What only a STATUS command knows, not the STATUS lines of a LIST: those of the server are better than a guess. */
static bool from_run(const struct session *session, const struct mailbox *mailbox, const struct value *item,
                     uint64_t *number)
{
    const struct status_run *run = (const struct status_run *)session->run;

    if (session->current->command.name != COMMAND_STATUS)
        return false;
    if (value_is_atom(item, "UIDNEXT"))
        *number = mailbox->map.highest == UINT32_MAX ? UINT32_MAX : mailbox->map.highest + 1;
    else if (value_is_atom(item, "UNSEEN") && run->unseen_known)
        *number = count_found_unseen(mailbox, &run->unseen);
    else if (value_is_atom(item, "SIZE") && run->size_known)
        *number = run->size;
    else
        return false;
    return true;
}

/* False: the truth does not say. */
static bool from_truth(const struct session *session, const struct mailbox *mailbox, const struct value *item,
                       uint64_t *number)
{
    bool flags = account_flags_in_step(session->account, mailbox);

    if (value_is_atom(item, "MESSAGES"))
        *number = mailbox->map.count;
    else if (value_is_atom(item, "UIDNEXT") && mailbox->uidnext)
        *number = mailbox->uidnext;
    else if (value_is_atom(item, "UIDVALIDITY"))
        *number = mailbox->uidvalidity;
    else if (value_is_atom(item, "RECENT"))
        *number = mailbox->recent_free.count;
    else if (value_is_atom(item, "UNSEEN") && flags)
        *number = count_unseen(mailbox);
    else
        return from_run(session, mailbox, item, number);
    return true;
}

static const struct value *told_value(const struct value *told, const struct value *item)
{
    for (; told && told->next; told = told->next->next) {
        if (told->kind == VALUE_ATOM && slice_equal_nocase(told->text, item->text))
            return told->next;
    }
    return NULL;
}

/* items: the names asked for; in a server's own STATUS list (told == items) every second value is one. */
void status_print(struct session *session, const struct mailbox *mailbox, const struct value *items,
                  const struct value *told, struct evbuffer *out)
{
    const char *space = "";

    append_bytes(out, "(", 1);
    for (const struct value *item = items; item; item = told == items && item->next ? item->next->next : item->next) {
        const struct value *value = told_value(told, item);
        uint64_t number;
        if (item->kind != VALUE_ATOM)
            continue;
        if (from_truth(session, mailbox, item, &number))
            append_format(out, "%s%.*s %" PRIu64, space, (int)item->text.length, item->text.data, number);
        else if (value && append_format(out, "%s%.*s ", space, (int)item->text.length, item->text.data))
            (void)!value_print(value, out);
        else
            continue;
        space = " ";
    }
    append_bytes(out, ")", 1);
}

static void finish_from_truth(struct session *session, const struct mailbox *mailbox)
{
    session_write(session, "* STATUS ");
    if (!value_print_astring(mailbox_argument(session), session->output))
        session_no_memory(session);
    session_write(session, " ");
    status_print(session, mailbox, items_argument(session), NULL, session->output);
    session_write(session, "\r\n");
    session_ok(session, NULL);
}

/* --- of the selected one */

static enum job_turn build_sizes(struct job *job, struct outgoing *out)
{
    struct status_run *run = (struct status_run *)((struct session *)job->owner)->run;

    run->size = 0;
    run->size_known = true;
    seqset_clear(&run->sized);
    if (job->mailbox->map.count == 0)
        return JOB_NOTHING;
    outgoing_text(out, "UID FETCH 1:* (UID RFC822.SIZE)");
    return JOB_SEND;
}

static void add_size(struct job *job, const struct job_fetch *fetch)
{
    struct session *session = job->owner;
    struct status_run *run = (struct status_run *)session->run;
    uint64_t size;

    for (const struct fetch_pair *pair = fetch->part->pairs; pair; pair = pair->next) {
        if (fetch_pair_kind(pair) != FETCH_RFC822_SIZE || !value_number(pair->value, UINT32_MAX, &size) ||
            seqset_contains(&run->sized, fetch->uid))
            continue;
        run->size += size;
        if (!seqset_add(&run->sized, fetch->uid))
            session_no_memory(session);
    }
}

static enum job_turn build_unseen(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct status_run *run = (struct status_run *)session->run;

    if (account_flags_in_step(session->account, job->mailbox))
        return JOB_NOTHING;
    seqset_clear(&run->unseen);
    run->unseen_known = true;
    outgoing_text(out, "UID SEARCH UNSEEN");
    return JOB_SEND;
}

static void take_unseen(struct job *job, const struct response *response)
{
    struct session *session = job->owner;

    if (!response_take_found(response, &((struct status_run *)session->run)->unseen))
        session_no_memory(session);
}

static void looked(struct job *job, const struct job_result *result);
static const struct job_ops look_ops = {.done = looked};
static const struct job_ops size_ops = {.build = build_sizes, .fetch = add_size, .done = looked};
static const struct job_ops unseen_ops = {.build = build_unseen, .untagged = take_unseen, .done = looked};

/* What else must be asked for, or NULL. */
static const struct job_ops *lacking(const struct session *session, const struct mailbox *mailbox)
{
    const struct status_run *run = (const struct status_run *)session->run;
    const struct value *items = items_argument(session);

    if (asks_for(items, "SIZE") && !run->size_known)
        return &size_ops;
    if (asks_for(items, "UNSEEN") && !run->unseen_known && !account_flags_in_step(session->account, mailbox))
        return &unseen_ops;
    return NULL;
}

static void looked(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct job wanted = {.goal = JOB_RUN, .mailbox = job->mailbox};

    session->job = NULL;
    if (result->status != JOB_OK) {
        session_finish_result(session, result);
    } else if (!(wanted.ops = lacking(session, job->mailbox))) {
        finish_from_truth(session, job->mailbox);
    } else {
        wanted.policy = wanted.ops == &size_ops ? POLICY_FETCH : POLICY_SEARCH;
        (void)!session_submit(session, &wanted);
    }
}

static void look(struct session *session)
{
    const struct value *items = items_argument(session);
    struct job wanted = {.ops = &look_ops,
                         .goal = asks_for(items, "UNSEEN") ? JOB_FLAGS : JOB_SELECTED,
                         .policy = POLICY_LOOK,
                         .mailbox = account_mailbox(session->account, mailbox_argument(session))};

    if (wanted.mailbox)
        (void)!session_submit(session, &wanted);
    else
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
}

/* --- of another one */

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct mailbox *mailbox = account_find_mailbox(session->account, mailbox_argument(session));

    if (mailbox && account_is_selected(session->account, mailbox))
        return JOB_REFUSE; /* it has become the selected one */
    outgoing_text(out, "STATUS ");
    outgoing_astring(out, mailbox_argument(session));
    outgoing_text(out, " ");
    outgoing_value(out, session->current->command.arguments->next);
    return JOB_SEND;
}

static void answered(struct job *job, const struct response *response)
{
    struct session *session = job->owner;
    struct status_run *run = (struct status_run *)session->run;
    struct mailbox *mailbox = account_find_mailbox(session->account, mailbox_argument(session));
    struct slice name;

    if (response->kind != RESPONSE_MAILBOX_STATUS || run->printed || !value_astring(response->arguments, &name) ||
        !value_is_list(response->arguments->next) ||
        !slice_equal(mailbox_name_canonical(name), mailbox_argument(session)))
        return;
    run->printed = true;
    session_write(session, "* STATUS ");
    if (!value_print_astring(mailbox_argument(session), session->output) || !append_bytes(session->output, " ", 1) ||
        !value_print(response->arguments->next, session->output))
        session_no_memory(session);
    session_write(session, "\r\n");
    if (mailbox)
        account_status_seen(session->account, mailbox, response->arguments->next->first);
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    session->job = NULL;
    if (result->status == JOB_REFUSED)
        look(session);
    else
        session_finish_result(session, result);
}

static const struct job_ops status_ops = {.build = build, .untagged = answered, .done = done};

static bool is_known(const struct session *session, const struct value *item)
{
    static const char *const names[] = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (value_is_atom(item, names[i]))
            return true;
    }
    return value_is_atom(item, "SIZE") && session->offered[CAPABILITY_STATUS_SIZE];
}

static const char *fault(const struct session *session)
{
    const struct value *value = session->current->command.arguments;
    const char *error = "STATUS takes a mailbox name and a list of items";
    struct slice name;

    if (value_count(value) != 2 || !value_astring(value, &name) || !mailbox_name_valid(name, &error) ||
        !value_is_list(value->next) || !value->next->first)
        return error;
    for (const struct value *item = value->next->first; item; item = item->next) {
        if (!is_known(session, item))
            return "STATUS knows MESSAGES, RECENT, UIDNEXT, UIDVALIDITY and UNSEEN, and SIZE where STATUS=SIZE is "
                   "offered";
    }
    return NULL;
}

void session_start_status(struct session *session)
{
    struct job wanted = {.ops = &status_ops, .goal = JOB_RUN, .policy = POLICY_STATUS};
    struct status_run *run;

    if (fault(session)) {
        session_bad(session, fault(session));
        return;
    }
    run = calloc(1, sizeof(*run));
    if (!run) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    run->run.free = free_status;
    session->run = &run->run;
    (void)!session_submit(session, &wanted);
}
