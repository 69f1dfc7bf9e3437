/* FETCH and UID FETCH: numbers become UIDs at the turn. Known items come from the truth, the rest from upstream in
 * slices, so that others have their turn between. After a lost connection a slice is asked again for the items not yet
 * answered. RFC 3501 section 6.4.5, RFC 2180 section 4.1. */
#include <stdio.h>
#include <stdlib.h>

#include "session/fetch_inside.h"
#include "session/renumber.h"
#include "session/tell.h"

/* The first slice of a FETCH for whole messages: nothing is known of their sizes yet. */
#define FIRST_SLICE_OF_BODIES 2
/* The next slice has at most so many times as many messages: two small ones say little of those after them. */
#define SLICE_GROWTH 4
/* So many slices in a row are refused before the others are given up: it is not for a message's sake. */
#define REFUSALS_MAX 3

static void clear(struct run *run)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    fetch_answer_clear(fetch);
    fetch_pieces_clear(fetch);
    changes_clear(&fetch->changes);
    seqset_clear(&fetch->uids);
    seqset_clear(&fetch->left);
    free(fetch->slice);
}

/* --- slices */

/* A large message is a slice of its own; one whose size is not asked for yet waits for that. */
static bool joins_slice(const struct fetch_run *fetch, uint32_t uid)
{
    return fetch->slice_count == 0 || (fetch_pieces_sized(fetch, uid) && !fetch_pieces_wants(fetch, uid) &&
                                       !fetch_pieces_wants(fetch, fetch->slice[0].uid));
}

/* The next messages from `left`. False: out of memory. */
static bool cut_slice(struct fetch_run *fetch)
{
    struct seqset_walk walk;
    size_t limit = fetch->slice_limit;
    uint32_t uid;

    fetch_answer_begin_slice(fetch);
    fetch->tries = 0;
    free(fetch->slice);
    fetch->slice = calloc(limit, sizeof(*fetch->slice));
    fetch->slice_count = 0;
    if (!fetch->slice)
        return false;
    seqset_walk_start(&walk, &fetch->left);
    while (fetch->slice_count < limit && seqset_walk_next(&walk, &uid) && joins_slice(fetch, uid))
        fetch->slice[fetch->slice_count++].uid = uid;
    seqset_cut_up_to(&fetch->left, fetch->slice[fetch->slice_count - 1].uid);
    return true;
}

/* So many messages that about slice_size octets come at once. */
static void adapt(const struct settings *settings, struct fetch_run *fetch)
{
    uint64_t each = fetch->writing.octets / (fetch->slice_count ? fetch->slice_count : 1) + 1;
    uint64_t limit = settings->slice_size / each;

    if (limit > fetch->slice_limit * SLICE_GROWTH)
        limit = fetch->slice_limit * SLICE_GROWTH;
    if (limit > settings->slice_messages)
        limit = settings->slice_messages;
    fetch->slice_limit = limit > 0 ? (size_t)limit : 1;
}

bool fetch_truth_knows(const struct fetch_run *fetch, const struct message *message)
{
    return (!fetch->flags || (message->flags_known && !message->flags_due)) && (!fetch->modseq || message->modseq != 0);
}

/* Where the line waits for the pieces FLAGS and MODSEQ are answered in it, from the truth, if they are known. */
static bool lacks_truth(const struct fetch_run *fetch, const struct fetch_message *message)
{
    const struct message *truth;

    if (!fetch->pieces.spool || !fetch->truth_items)
        return fetch->truth_items && !(message->answered & fetch->truth_items);
    truth = uid_map_find(&session_view(fetch->run.session)->mailbox->map, message->uid);
    return truth && !fetch_truth_knows(fetch, truth);
}

static bool is_done(const struct fetch_run *fetch, const struct fetch_message *message)
{
    return (message->answered & fetch->upstream_items) == fetch->upstream_items && !lacks_truth(fetch, message);
}

/* Those of the slice that live and are not wholly answered. */
static bool still_wanted(const struct fetch_run *fetch, const struct uid_map *map, struct seqset *ranges)
{
    struct seqset uids = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < fetch->slice_count; i++) {
        if (!is_done(fetch, &fetch->slice[i]))
            ok = seqset_add(&uids, fetch->slice[i].uid);
    }
    ok = ok && uid_map_intersect_dense(map, &uids, ranges);
    seqset_clear(&uids);
    return ok;
}

/* Of a message of the slice. */
static bool truth_lacks_modseq(const struct fetch_run *fetch, const struct mailbox *mailbox)
{
    for (size_t i = 0; fetch->modseq && i < fetch->slice_count; i++) {
        const struct message *message = uid_map_find(&mailbox->map, fetch->slice[i].uid);
        if (message && message->modseq == 0)
            return true;
    }
    return false;
}

/* Must the server be asked for FLAGS and MODSEQ? */
static bool asks_truth(const struct fetch_run *fetch, const struct mailbox *mailbox)
{
    return fetch->truth_items &&
           (!account_flags_in_step(session_account(fetch->run.session), mailbox) || truth_lacks_modseq(fetch, mailbox));
}

/* Flags that are not in step are no answer until the server has told them. */
static void expect_flags(const struct fetch_run *fetch, struct mailbox *mailbox)
{
    if (account_flags_in_step(session_account(fetch->run.session), mailbox))
        return;
    for (size_t i = 0; i < fetch->slice_count; i++) {
        struct message *message = uid_map_find(&mailbox->map, fetch->slice[i].uid);
        if (message && !(fetch->slice[i].answered & fetch->truth_items))
            mailbox_flags_expected(mailbox, message);
    }
}

void fetch_write_flags_item(const struct fetch_run *fetch, struct mailbox *mailbox, struct outgoing *out)
{
    const struct account *account = session_account(fetch->run.session);

    if (!asks_truth(fetch, mailbox))
        return;
    expect_flags(fetch, mailbox);
    outgoing_text(out, account_wants_modseq(account, mailbox) ? " FLAGS MODSEQ" : " FLAGS");
}

/* Those that must be asked for now: the strings of a large message have come already. */
static uint64_t items_to_ask(const struct fetch_run *fetch)
{
    return fetch->upstream_items & ~fetch->pieces.spooled;
}

static void write_items(struct mailbox *mailbox, const struct fetch_run *fetch, struct outgoing *out)
{
    uint64_t bit = 1;

    outgoing_text(out, " (UID");
    fetch_write_flags_item(fetch, mailbox, out);
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!(items_to_ask(fetch) & bit))
            continue;
        outgoing_text(out, " ");
        fetch_item_print_upstream(item, fetch->peek, out);
    }
    outgoing_text(out, ")");
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct seqset ranges = {0};
    enum job_turn turn = JOB_NOTHING;

    fetch_answer_ask_again(fetch);
    if (!still_wanted(fetch, &mailbox->map, &ranges)) {
        turn = JOB_REFUSE;
    } else if (ranges.count > 0 && (items_to_ask(fetch) != 0 || asks_truth(fetch, mailbox))) {
        outgoing_text(out, "UID FETCH ");
        outgoing_set(out, &ranges);
        run->sole = seqset_size(&ranges) == 1 ? ranges.ranges[0].low : 0;
        write_items(mailbox, fetch, out);
        turn = JOB_SEND;
    }
    seqset_clear(&ranges);
    return turn;
}

static void part(struct run *run, uint32_t uid, const struct fetch_answer *answer)
{
    fetch_answer_part((struct fetch_run *)run, uid, answer);
}

static void data(struct run *run, struct slice bytes)
{
    fetch_answer_data((struct fetch_run *)run, bytes);
}

static void broken(struct run *run, bool sound)
{
    fetch_answer_broken((struct fetch_run *)run, sound);
}

static void done(struct run *run, const struct job_result *result);

#define FETCH_STEP                                                                                                     \
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build, .fetch = part, .fetch_data = data,                        \
    .fetch_broken = broken, .done = done, .judges_answers = true

static const struct run_step look_step = {FETCH_STEP};
static const struct run_step read_step = {FETCH_STEP, .read_write = true, .sets_seen = true};

void fetch_submit(struct fetch_run *fetch)
{
    bool sets_seen = false;
    uint64_t bit = 1;

    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1)
        sets_seen |= !fetch->peek && fetch_item_sets_seen(item) && (items_to_ask(fetch) & bit) != 0;
    (void)!run_submit(fetch->run.session, sets_seen ? &read_step : &look_step,
                      session_view(fetch->run.session)->mailbox);
}

/* --- the end */

static bool some_are_gone(struct session *session, const struct fetch_run *fetch)
{
    struct seqset living = {0};
    bool gone;

    output_check(&session->output, uid_map_intersect(&session_view(session)->mailbox->map, &fetch->uids, &living));
    gone = seqset_size(&living) != seqset_size(&fetch->uids);
    seqset_clear(&living);
    return gone;
}

static void finish(struct fetch_run *fetch)
{
    struct session *session = fetch->run.session;

    if (fetch->has_refusal)
        run_no(session, fetch->refusal_code, fetch->refusal);
    else if (fetch->lacking)
        run_no(session, "SERVERBUG", "The mail server did not answer for all messages; please try again");
    else if (!session_command(session)->uid && some_are_gone(session, fetch))
        run_finish(session, RESPONSE_OK, "EXPUNGEISSUED", "Some of the messages no longer exist");
    else
        run_ok(session, NULL);
}

void fetch_begin_slice(struct fetch_run *fetch)
{
    if (!cut_slice(fetch))
        run_no_memory(fetch->run.session);
    else if (fetch_pieces_wants(fetch, fetch->slice[0].uid))
        fetch_pieces_begin(fetch);
    else
        fetch_submit(fetch);
}

void fetch_go_on(struct fetch_run *fetch)
{
    if (fetch->left.count == 0 || fetch->refused == REFUSALS_MAX) {
        finish(fetch);
        return;
    }
    adapt(session_settings(fetch->run.session), fetch);
    if (!fetch_pieces_ask_sizes(fetch))
        fetch_begin_slice(fetch);
}

/* Everything that will come of the slice has come. */
static void slice_over(struct fetch_run *fetch)
{
    if (fetch->pieces.spool)
        fetch_pieces_write(fetch);
    else
        fetch_go_on(fetch);
}

/* OK says nothing of a message of the slice that lives by the truth. */
static bool is_lacking(const struct fetch_run *fetch)
{
    const struct uid_map *map = &session_view(fetch->run.session)->mailbox->map;

    for (size_t i = 0; i < fetch->slice_count; i++) {
        if (!is_done(fetch, &fetch->slice[i]) && uid_map_find(map, fetch->slice[i].uid))
            return true;
    }
    return false;
}

static void told_news(struct run *run, const struct job_result *result)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    if (result->status != JOB_OK || !session_view(run->session))
        run_result(run->session, result);
    else if (is_lacking(fetch))
        fetch_submit(fetch);
    else
        slice_over(fetch);
}

static const struct run_step news_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = told_news};

/* The message may have gone without a word so far (RFC 2180 section 4.1.2): the server is asked for its news, then once
 * more for what still lives. */
static void ask_again(struct fetch_run *fetch)
{
    struct mailbox *mailbox = session_view(fetch->run.session)->mailbox;

    mailbox_forget_look(mailbox);
    (void)!run_submit(fetch->run.session, &news_step, mailbox);
}

static bool has_any_answer(const struct fetch_run *fetch)
{
    for (size_t i = 0; i < fetch->slice_count; i++) {
        if (fetch->slice[i].answered)
            return true;
    }
    return false;
}

/* One message may be the cause: those of the other slices are asked for, and the end is NO. */
static void refused(struct fetch_run *fetch, const struct response *response)
{
    struct slice text = response->text;

    fetch_answer_settle(fetch);
    if (!fetch->has_refusal)
        snprintf(fetch->refusal, sizeof(fetch->refusal), "%.*s", (int)(text.length < 390 ? text.length : 390),
                 text.length ? text.data : "The mail server refused");
    if (slice_equal_nocase(response->code.atom, SLICE("UNKNOWN-CTE")))
        fetch->refusal_code = "UNKNOWN-CTE";
    fetch->has_refusal = true;
    fetch->refused = has_any_answer(fetch) ? 0 : fetch->refused + 1;
    fetch_go_on(fetch);
}

static void done(struct run *run, const struct job_result *result)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    if (fetch->pieces.spool && result->response && session_view(run->session) && result->status != JOB_OK) {
        fetch_pieces_give_up(fetch);
        return;
    }
    if (result->status == JOB_NO && result->response && fetch->left.count > 0 && session_view(run->session)) {
        refused(fetch, result->response);
        return;
    }
    if (result->status != JOB_OK || !session_view(run->session)) {
        run_result(run->session, result);
        return;
    }
    if (fetch->writing.again) {
        fetch_submit(fetch);
        return;
    }
    fetch->refused = 0;
    if (!fetch->pieces.spool)
        fetch_answer_settle(fetch);
    if (is_lacking(fetch) && fetch->tries++ == 0) {
        ask_again(fetch);
        return;
    }
    fetch->lacking |= is_lacking(fetch);
    slice_over(fetch);
}

/* --- the beginning */

bool fetch_is_body(const struct fetch_item *item)
{
    return item->kind == FETCH_RFC822 || item->kind == FETCH_RFC822_TEXT || item->kind == FETCH_BINARY ||
           (item->kind == FETCH_SECTION && !slice_starts_nocase(item->section, SLICE("HEADER")));
}

static const char *note_items(const struct session *session, struct fetch_run *fetch)
{
    uint64_t bit = 1;
    unsigned count = 0;

    fetch->slice_limit = (size_t)session_settings(session)->slice_messages;
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (++count > FETCH_ITEMS_MAX)
            return "Too many items in one FETCH";
        if (!offer_permits(&session->offer, WORD_FETCH, slice_of(fetch_item_word(item))))
            return item->kind == FETCH_MODSEQ ? "MODSEQ is not supported" : "Unknown FETCH item";
        fetch->with_uid |= item->kind == FETCH_UID;
        fetch->flags |= item->kind == FETCH_FLAGS;
        fetch->modseq |= item->kind == FETCH_MODSEQ;
        if (item->kind == FETCH_FLAGS || item->kind == FETCH_MODSEQ)
            fetch->truth_items |= bit;
        else if (item->kind != FETCH_UID)
            fetch->upstream_items |= bit;
        if (fetch_is_body(item) && fetch->slice_limit > FIRST_SLICE_OF_BODIES)
            fetch->slice_limit = FIRST_SLICE_OF_BODIES;
    }
    fetch_pieces_init(fetch);
    return NULL;
}

/* Of those that are left. */
static bool knows_modseqs(const struct view *view, const struct fetch_run *fetch)
{
    struct seqset_walk walk;
    bool all = true;
    uint32_t uid;

    seqset_walk_start(&walk, &fetch->left);
    while (all && fetch->modseq && seqset_walk_next(&walk, &uid)) {
        const struct message *message = uid_map_find(&view->mailbox->map, uid);
        all = !message || message->modseq != 0;
    }
    return all;
}

static bool is_in_truth(const struct view *view, const struct fetch_run *fetch)
{
    bool flags = fetch->changes_told || account_flags_in_step(session_account(fetch->run.session), view->mailbox);

    return fetch->upstream_items == 0 && (!fetch->truth_items || (flags && knows_modseqs(view, fetch)));
}

/* So many at once that nobody else waits for a client with a million of them. */
static void from_truth(const struct view *view, struct fetch_run *fetch)
{
    struct seqset_walk walk;
    uint32_t uid = 0;

    seqset_walk_start(&walk, &fetch->left);
    for (size_t told = 0; told < TELL_SLICE && seqset_walk_next(&walk, &uid); told++) {
        const struct message *message = uid_map_find(&view->mailbox->map, uid);
        if (message)
            fetch_answer_from_truth(fetch, message);
    }
    seqset_cut_up_to(&fetch->left, uid);
    fetch->from_truth = fetch->left.count > 0;
    if (fetch->from_truth)
        run_wake_at(fetch->run.session, session_now(fetch->run.session) + 1);
    else
        finish(fetch);
}

/* The truth may have fallen out of step meanwhile. */
static void go_on_from_truth(struct fetch_run *fetch)
{
    const struct view *view = session_view(fetch->run.session);

    run_wake_at(fetch->run.session, USEC_NEVER);
    if (session_is_over(fetch->run.session) || !view)
        return;
    if (is_in_truth(view, fetch)) {
        from_truth(view, fetch);
        return;
    }
    fetch->from_truth = false;
    fetch_begin_slice(fetch);
}

void fetch_begin(struct fetch_run *fetch)
{
    struct view *view = session_view(fetch->run.session);

    if (!seqset_copy(&fetch->uids, &fetch->left))
        run_no_memory(fetch->run.session);
    else if (fetch->uids.count == 0)
        run_ok(fetch->run.session, NULL);
    else if (is_in_truth(view, fetch))
        from_truth(view, fetch);
    else if (!fetch_pieces_ask_sizes(fetch))
        fetch_begin_slice(fetch);
}

/* --- the command */

/* PARTIAL counts those that live. */
static bool choose_part(struct fetch_run *fetch, const struct view *view)
{
    struct seqset living = {0}, chosen = {0};
    bool ok;

    if (fetch->partial.low == 0)
        return true;
    ok = uid_map_intersect(&view->mailbox->map, &fetch->uids, &living) &&
         search_partial_choose(&fetch->partial, &living, &chosen);
    seqset_clear(&living);
    seqset_clear(&fetch->uids);
    fetch->uids = chosen;
    return ok;
}

static void begin_set(struct fetch_run *fetch)
{
    struct session *session = fetch->run.session;
    const struct command *command = session_command(session);
    struct view *view = session_view(session);
    enum renumber_result result;

    if (command->uid)
        tell_arrivals(view, &session->output); /* or "11:*" with an untold 11 would mean 10 */
    result = renumber_set(view, command->arguments->text, command->uid, &fetch->uids);
    if (result == RENUMBER_OK && !choose_part(fetch, view))
        result = RENUMBER_NO_MEMORY;
    if (result == RENUMBER_OK && fetch->changes.since != 0)
        result = fetch_changes_ask(fetch);
    else if (result == RENUMBER_OK)
        fetch_begin(fetch);
    if (result == RENUMBER_NO_MEMORY)
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
}

static void step(struct run *run, usec now)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    (void)now;
    if (fetch->from_truth)
        go_on_from_truth(fetch);
    else
        fetch_pieces_step(fetch);
}

static const char *parse(struct fetch_run *fetch)
{
    struct session *session = fetch->run.session;
    const struct command *command = session_command(session);
    const struct value *modifiers;
    const char *error = "FETCH takes a set of messages and what to fetch of them";

    if (value_count(command->arguments) < 2 || command->arguments->kind != VALUE_ATOM)
        return error;
    modifiers = fetch_items_end(command->arguments->next);
    if (modifiers && modifiers->next)
        return error;
    fetch->items = fetch_items_parse(command->arguments->next, &session->current.queued->arena, &error);
    if (!fetch->items)
        return error;
    error = note_items(session, fetch);
    if (error)
        return error;
    error = fetch_changes_read(fetch, modifiers);
    if (!error && fetch->modseq && !session_view(session)->has_modseqs)
        return "This mailbox has no mod-sequences";
    return error;
}

static void start(struct run *run)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct session *session = run->session;
    const char *error;

    fetch->with_uid = session_command(session)->uid;
    fetch->peek = session_view(session)->read_only;
    error = parse(fetch);
    if (error) {
        run_bad(session, error);
        return;
    }
    if (fetch->modseq)
        session_enable_condstore(session);
    begin_set(fetch);
}

const struct run_ops fetch_ops = {.size = sizeof(struct fetch_run), .start = start, .step = step, .clear = clear};
