/* STORE and UID STORE: sent as UID STORE and never .SILENT, so that the truth learns; every living message is answered
 * from the truth unless the client asked for silence and nothing else is hiding in it. +FLAGS and -FLAGS may be
 * repeated after a lost connection. Absolute FLAGS are looked up: as asked is done, as before is not done, else it is
 * unknown; so is a conditional STORE. RFC 3501 section 6.4.6, RFC 7162 section 3.1.3. */
#include <stdio.h>
#include <stdlib.h>

#include "session/renumber.h"
#include "session/store_inside.h"
#include "session/tell.h"

/* The noted keywords are held no more. A mailbox that is gone has none. */
static void forget_slice(struct store_run *store)
{
    const struct view *view = session_view(store->run.session);

    for (size_t i = 0; view && store->noted && i < store->slice_size; i++)
        keywords_unpin(view->mailbox->keywords, store->slice[i].keywords);
    free(store->slice);
    store->slice = NULL;
    store->slice_count = store->slice_size = 0;
    store->noted = false;
}

static void clear(struct run *run)
{
    struct store_run *store = (struct store_run *)run;

    forget_slice(store);
    seqset_clear(&store->left);
    seqset_clear(&store->hidden);
    seqset_clear(&store->modified);
}

static bool cut_slice(struct store_run *store)
{
    size_t limit = (size_t)session_settings(store->run.session)->slice_messages;
    struct seqset_walk walk;
    uint32_t uid;

    forget_slice(store);
    store->slice = calloc(limit, sizeof(*store->slice));
    if (!store->slice)
        return false;
    seqset_walk_start(&walk, &store->left);
    while (store->slice_count < limit && seqset_walk_next(&walk, &uid))
        store->slice[store->slice_count++].uid = uid;
    store->slice_size = store->slice_count;
    seqset_cut_up_to(&store->left, store->slice[store->slice_count - 1].uid);
    return true;
}

/* The flags before the STORE. A client that asked for silence assumes a result, which is computed from them. */
static void note_former(const struct view *view, struct store_run *store)
{
    for (size_t i = 0; i < store->slice_count && !store->noted; i++) {
        struct store_message *former = &store->slice[i];
        const struct message *message = uid_map_find(&view->mailbox->map, former->uid);
        if (!message)
            continue;
        former->known = message->flags_known;
        former->untold = view_flags_untold(view, message);
        former->system = message->system;
        former->keywords = message->keywords;
        keywords_pin(view->mailbox->keywords, former->keywords);
    }
    store->noted = true;
}

static bool is_as_before(const struct store_message *former, const struct message *message)
{
    return former->known && message->flags_known && message->system == former->system &&
           message->keywords == former->keywords;
}

/* --- jobs */

static bool living(const struct store_run *store, const struct uid_map *map, struct seqset *uids)
{
    for (size_t i = 0; i < store->slice_count; i++) {
        if (uid_map_find(map, store->slice[i].uid) && !seqset_add(uids, store->slice[i].uid))
            return false;
    }
    return true;
}

static void write_flag_list(const struct flag_list *flags, struct outgoing *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{FLAG_ANSWERED, "\\Answered"},
                 {FLAG_FLAGGED, "\\Flagged"},
                 {FLAG_DELETED, "\\Deleted"},
                 {FLAG_SEEN, "\\Seen"},
                 {FLAG_DRAFT, "\\Draft"}};
    const char *space = "";

    outgoing_text(out, " (");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(flags->system & names[i].bit))
            continue;
        outgoing_text(out, space);
        outgoing_text(out, names[i].name);
        space = " ";
    }
    for (size_t i = 0; i < flags->keyword_count; i++) {
        outgoing_text(out, space);
        outgoing_atom(out, flags->keywords[i]);
        space = " ";
    }
    outgoing_text(out, ")");
}

static enum job_turn build_store(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    static const char *const signs[] = {
        [STORE_REPLACE] = " FLAGS", [STORE_ADD] = " +FLAGS", [STORE_REMOVE] = " -FLAGS"};
    struct store_run *store = (struct store_run *)run;
    struct seqset uids = {0};
    enum job_turn turn = JOB_SEND;

    note_former(run->session->membership.view, store);
    if (!living(store, &mailbox->map, &uids)) {
        turn = JOB_REFUSE;
    } else if (uids.count == 0) {
        turn = JOB_NOTHING;
    } else {
        outgoing_text(out, "UID STORE ");
        outgoing_set(out, &uids);
        if (store->conditional) {
            outgoing_text(out, " (UNCHANGEDSINCE ");
            outgoing_number(out, store->unchanged_since);
            outgoing_text(out, ")");
        }
        outgoing_text(out, signs[store->sign]);
        write_flag_list(&store->flags, out);
    }
    seqset_clear(&uids);
    return turn;
}

static enum job_turn build_look(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    bool modseq = account_wants_modseq(session_account(run->session), mailbox);
    struct seqset uids = {0};
    enum job_turn turn = JOB_SEND;

    if (!living((struct store_run *)run, &mailbox->map, &uids)) {
        turn = JOB_REFUSE;
    } else if (uids.count == 0) {
        turn = JOB_NOTHING;
    } else {
        outgoing_text(out, "UID FETCH ");
        outgoing_set(out, &uids);
        outgoing_text(out, modseq ? " (UID FLAGS MODSEQ)" : " (UID FLAGS)");
    }
    seqset_clear(&uids);
    return turn;
}

static void stored(struct run *run, const struct job_result *result);
static void found_out(struct run *run, const struct job_result *result);
static void learned(struct run *run, const struct job_result *result);
static void told_news(struct run *run, const struct job_result *result);

static const struct run_step replace_step = {
    .goal = JOB_RUN, .policy = POLICY_STORE_REPLACE, .read_write = true, .build = build_store, .done = stored};
static const struct run_step change_step = {
    .goal = JOB_RUN, .policy = POLICY_STORE_CHANGE, .read_write = true, .build = build_store, .done = stored};
static const struct run_step find_out_step = {
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_look, .done = found_out};
static const struct run_step learn_step = {
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_look, .done = learned};
static const struct run_step news_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = told_news};

static void submit(struct store_run *store, const struct run_step *step)
{
    (void)!run_submit(store->run.session, step, session_view(store->run.session)->mailbox);
}

static void submit_store(struct store_run *store)
{
    submit(store, store->sign == STORE_REPLACE || store->conditional ? &replace_step : &change_step);
}

/* --- answering */

static void fail(struct store_run *store, const struct job_result *result)
{
    store_tell_hidden(store);
    run_result(store->run.session, result);
}

static void finish(struct store_run *store)
{
    struct session *session = store->run.session;
    char *code = store_modified_code(store);

    if (store->refused)
        run_finish(session, RESPONSE_NO, code, store->refusal);
    else if (code)
        run_finish(session, RESPONSE_OK, code, "Some messages have been changed meanwhile");
    else
        run_ok(session, NULL);
    free(code);
}

static void end_refused(struct store_run *store)
{
    store_tell_hidden(store);
    finish(store);
}

static void next_slice(struct store_run *store)
{
    struct session *session = store->run.session;

    if (store->left.count > 0 && !cut_slice(store))
        run_no(session, "UNAVAILABLE", "Out of memory; not all flags have been stored");
    else if (store->slice_count > 0)
        submit_store(store);
    else if (store->refused)
        end_refused(store);
    else
        finish(store);
}

static void answer_slice(struct store_run *store)
{
    store_answer_slice(store);
    store->slice_count = 0;
    store->repeated = store->looked = false;
    next_slice(store);
}

static struct message *living_message(const struct view *view, const struct store_run *store, size_t index)
{
    return uid_map_find(&view->mailbox->map, store->slice[index].uid);
}

/* The server is asked for these flags next: until it has told them they are not known. all: of the whole slice, else
 * of those that do not show what was asked, since a server may have stored it without a word. Returns: there are any.
 */
static bool doubt(const struct view *view, const struct store_run *store, bool all)
{
    bool any = false;

    for (size_t i = 0; i < store->slice_count; i++) {
        struct message *message = living_message(view, store, i);
        if (!message || (!all && store_is_shown(view->mailbox, store, message)))
            continue;
        mailbox_flags_untold(view->mailbox, message, true);
        any = true;
    }
    return any;
}

/* Of each that lives: has the server told its flags since they were asked for? */
static bool all_told(const struct view *view, const struct store_run *store)
{
    for (size_t i = 0; i < store->slice_count; i++) {
        const struct message *message = living_message(view, store, i);
        if (message && message->flags_due)
            return false;
    }
    return true;
}

static void note_refusal(struct store_run *store, const struct job_result *result)
{
    struct slice text = result->response ? result->response->text : SLICE("");

    store->refused = true;
    snprintf(store->refusal, sizeof(store->refusal), "%.*s", (int)(text.length < 390 ? text.length : 390),
             text.length ? text.data : "The mail server refused");
}

/* Those that the server has left as they are, since they were changed meanwhile. What the truth has of them may be
 * older, so that they are asked for. False: out of memory, or it cannot be read which they are. */
static bool note_modified(const struct view *view, struct store_run *store, const struct response *response)
{
    struct seqset told = {0};
    bool ok = true;

    if (!response || !store->conditional || response->code.name != RESPONSE_CODE_MODIFIED)
        return true;
    ok = response_uid_set(response->code.arguments, &told) == SEQSET_OK;
    for (size_t i = 0; ok && i < store->slice_count; i++) {
        struct message *message = uid_map_find(&view->mailbox->map, store->slice[i].uid);
        if (!seqset_contains(&told, store->slice[i].uid))
            continue;
        ok = seqset_add(&store->modified, store->slice[i].uid);
        if (message)
            mailbox_flags_untold(view->mailbox, message, true);
    }
    seqset_clear(&told);
    return ok;
}

static void stored(struct run *run, const struct job_result *result)
{
    struct store_run *store = (struct store_run *)run;
    struct view *view = session_view(run->session);
    uint64_t before = seqset_size(&store->modified);
    bool modified;

    if (view && !note_modified(view, store, result->response)) {
        fail(store, &(struct job_result){.status = JOB_GARBAGE});
        return;
    }
    modified = seqset_size(&store->modified) > before;
    if (!view) {
        fail(store, result);
    } else if (result->status == JOB_LOST && (store->sign == STORE_REPLACE || store->conditional)) {
        (void)doubt(view, store, true);
        submit(store, &find_out_step);
    } else if (result->status == JOB_NO && (store->left.count > 0 || modified)) {
        note_refusal(store, result); /* a sliced STORE goes on, and ends NO */
        answer_slice(store);
    } else if (result->status != JOB_OK) {
        fail(store, result);
    } else if (doubt(view, store, false)) {
        submit(store, &learn_step);
    } else {
        answer_slice(store);
    }
}

static void learned(struct run *run, const struct job_result *result)
{
    struct store_run *store = (struct store_run *)run;
    struct view *view = session_view(run->session);

    if (result->status != JOB_OK || !view) {
        fail(store, result);
    } else if (all_told(view, store)) {
        answer_slice(store);
    } else if (!store->looked) { /* it may have gone without a word so far (RFC 2180 section 4.2) */
        store->looked = true;
        mailbox_forget_look(view->mailbox);
        submit(store, &news_step);
    } else {
        store_tell_hidden(store);
        run_no(run->session, "SERVERBUG", "The mail server did not tell the flags of each message; please try again");
    }
}

static void told_news(struct run *run, const struct job_result *result)
{
    struct store_run *store = (struct store_run *)run;

    if (result->status == JOB_OK && session_view(run->session))
        submit(store, &learn_step);
    else
        fail(store, result);
}

static void submit_again(struct store_run *store)
{
    store->repeated = true;
    submit_store(store);
}

/* The connection broke after an absolute STORE was sent. It is sent twice at most: it may itself be what ends the
 * connection. */
static void found_out(struct run *run, const struct job_result *result)
{
    struct store_run *store = (struct store_run *)run;
    struct view *view = session_view(run->session);
    struct job_result unknown = {.status = JOB_LOST};
    bool all_done = true, none_done = true;

    if (result->status != JOB_OK || !view || !all_told(view, store)) {
        fail(store, result->status == JOB_OK ? &unknown : result);
        return;
    }
    for (size_t i = 0; i < store->slice_count; i++) {
        const struct message *message = uid_map_find(&view->mailbox->map, store->slice[i].uid);
        if (!message)
            continue;
        all_done = all_done && store_is_as_asked(view->mailbox, store, &store->slice[i], message);
        none_done = none_done && is_as_before(&store->slice[i], message);
    }
    if (all_done)
        answer_slice(store);
    else if (none_done && !store->repeated)
        submit_again(store);
    else
        fail(store, &unknown);
}

/* --- the beginning */

static const struct {
    const char *name;
    enum store_sign sign;
    bool silent;
} items[] = {
    {"FLAGS", STORE_REPLACE, false},    {"FLAGS.SILENT", STORE_REPLACE, true}, {"+FLAGS", STORE_ADD, false},
    {"+FLAGS.SILENT", STORE_ADD, true}, {"-FLAGS", STORE_REMOVE, false},       {"-FLAGS.SILENT", STORE_REMOVE, true},
};

/* A client's flags never stand in quotes. */
static bool are_atoms(const struct value *list)
{
    const struct value *value = value_is_list(list) ? list->first : list;

    while (value && value->kind == VALUE_ATOM)
        value = value->next;
    return !value;
}

/* "(UNCHANGEDSINCE n)" before the item. *item: moved past it. */
static const char *read_modifiers(struct store_run *store, const struct value **item)
{
    const struct session *session = store->run.session;
    const struct value *list = *item;

    if (!list || !value_is_list(list))
        return NULL;
    *item = list->next;
    if (!value_is_atom(list->first, "UNCHANGEDSINCE") ||
        !offer_adds(&session->offer, WORD_STORE_MODIFIER, list->first->text))
        return "STORE does not know this modifier";
    if (!list->first->next || list->first->next->next ||
        !value_number(list->first->next, INT64_MAX, &store->unchanged_since))
        return "UNCHANGEDSINCE takes a mod-sequence";
    store->conditional = true;
    return session_view(session)->has_modseqs ? NULL : "This mailbox has no mod-sequences";
}

static const char *parse(struct store_run *store)
{
    struct session *session = store->run.session;
    const struct value *arguments = session_command(session)->arguments;
    const struct value *item = arguments ? arguments->next : NULL;
    const struct value *list;
    const char *fault = read_modifiers(store, &item);
    size_t i, count = sizeof(items) / sizeof(items[0]);

    if (fault)
        return fault;
    if (!item || !item->next || arguments->kind != VALUE_ATOM)
        return "STORE takes a set of messages, FLAGS, +FLAGS or -FLAGS, and flags";
    for (i = 0; i < count && !value_is_atom(item, items[i].name); i++)
        ;
    if (i == count)
        return "STORE takes FLAGS, +FLAGS or -FLAGS, each with or without .SILENT";
    store->sign = items[i].sign;
    store->silent = items[i].silent;
    list = item->next;
    if (value_is_list(list) && list->next)
        return "Nothing may follow the list of flags";
    if (!are_atoms(list) || !flags_parse(list, &session->current.queued->arena, &store->flags))
        return "This is not a list of flags";
    if (store->flags.system & FLAG_RECENT)
        return "\\Recent cannot be stored";
    for (i = 0; i < store->flags.keyword_count; i++) {
        if (!flags_valid_name(store->flags.keywords[i]))
            return "A message cannot be given this flag";
    }
    return NULL;
}

static void begin(struct store_run *store)
{
    struct session *session = store->run.session;
    const struct command *command = session_command(session);
    struct view *view = session_view(session);
    enum renumber_result result;

    if (store->sign != STORE_REMOVE && !mailbox_takes_keywords(view->mailbox, &store->flags)) {
        run_no(session, "LIMIT", "This mailbox has too many keywords already; remove some from its messages first");
        return;
    }
    if (command->uid)
        tell_arrivals(view, &session->output);
    result = renumber_set(view, command->arguments->text, command->uid, &store->left);
    if (result == RENUMBER_NO_MEMORY)
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
    else
        next_slice(store);
}

static void start(struct run *run)
{
    struct store_run *store = (struct store_run *)run;
    const char *fault = parse(store);

    if (fault) {
        run_bad(run->session, fault);
        return;
    }
    if (store->conditional)
        session_enable_condstore(run->session);
    if (session_view(run->session)->read_only)
        run_no(run->session, "READ-ONLY", "The mailbox is open read-only");
    else
        begin(store);
}

/* +FLAGS and -FLAGS mean the same later; FLAGS might undo what another client has set meanwhile. */
static bool left(struct run *run)
{
    const struct store_run *store = (const struct store_run *)run;

    return store->sign != STORE_REPLACE && !store->conditional;
}

const struct run_ops store_ops = {
    .size = sizeof(struct store_run), .instead = labels_instead, .start = start, .left = left, .clear = clear};
