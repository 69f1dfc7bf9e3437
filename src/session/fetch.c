/* FETCH and UID FETCH: numbers into UIDs at the turn, what the truth knows from the truth, the rest upstream in slices,
 * so that others have their turn between. A slice that the line cuts is asked again for what was not answered. RFC 3501
 * section 6.4.5, RFC 2180 section 4.1. */
#include <event2/buffer.h>
#include <stdlib.h>

#include "session/fetch_run.h"
#include "session/renumber.h"
#include "session/tell.h"

/* The first slice of a FETCH for whole messages: nothing is known of their sizes yet. */
#define FIRST_SLICE_OF_BODIES 2
/* The next slice has at most so many times as many messages: two small ones say little of those behind them. */
#define SLICE_GROWTH 4

static void free_fetch(struct run *run)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    fetch_answer_forget_held(fetch);
    seqset_clear(&fetch->uids);
    seqset_clear(&fetch->left);
    free(fetch->slice);
    free(fetch);
}

/* --- slices */

/* The next messages from `left`. False: out of memory. */
static bool cut_slice(struct fetch_run *fetch)
{
    struct seqset_walk walk;
    size_t limit = fetch->slice_limit;
    uint32_t uid;

    free(fetch->slice);
    fetch->slice = calloc(limit, sizeof(*fetch->slice));
    fetch->slice_count = 0;
    fetch->slice_octets = 0;
    fetch->again = false;
    if (!fetch->slice)
        return false;
    seqset_walk_start(&walk, &fetch->left);
    while (fetch->slice_count < limit && seqset_walk_next(&walk, &uid))
        fetch->slice[fetch->slice_count++].uid = uid;
    seqset_cut_up_to(&fetch->left, fetch->slice[fetch->slice_count - 1].uid);
    return true;
}

/* So many messages that about slice_size octets come at once. */
static void adapt(const struct settings *settings, struct fetch_run *fetch)
{
    uint64_t each = fetch->slice_octets / (fetch->slice_count ? fetch->slice_count : 1) + 1;
    uint64_t limit = settings->slice_size / each;

    if (limit > fetch->slice_limit * SLICE_GROWTH)
        limit = fetch->slice_limit * SLICE_GROWTH;
    if (limit > settings->slice_messages)
        limit = settings->slice_messages;
    fetch->slice_limit = limit > 0 ? (size_t)limit : 1;
}

static bool is_done(const struct fetch_run *fetch, const struct fetch_message *message)
{
    uint64_t wanted = fetch->upstream_items | fetch->flags_item;
    return (message->answered & wanted) == wanted;
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

static void write_items(const struct session *session, const struct fetch_run *fetch, struct outgoing *out)
{
    uint64_t bit = 1;

    outgoing_text(out, " (UID");
    if (fetch->flags_item && !account_flags_in_step(session->account, session->view->mailbox))
        outgoing_text(out, account_wants_modseq(session->account) ? " FLAGS MODSEQ" : " FLAGS");
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!(fetch->upstream_items & bit))
            continue;
        outgoing_text(out, " ");
        fetch_item_print_upstream(item, fetch->peek, out);
    }
    outgoing_text(out, ")");
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct fetch_run *fetch = (struct fetch_run *)session->run;
    struct seqset ranges = {0};
    enum job_turn turn = JOB_NOTHING;

    fetch_answer_forget_held(fetch);
    fetch->again = false;
    if (!still_wanted(fetch, &job->mailbox->map, &ranges)) {
        turn = JOB_REFUSE;
    } else if (ranges.count > 0 &&
               !(fetch->upstream_items == 0 && account_flags_in_step(session->account, job->mailbox))) {
        outgoing_text(out, "UID FETCH ");
        outgoing_set(out, &ranges);
        write_items(session, fetch, out);
        turn = JOB_SEND;
    }
    seqset_clear(&ranges);
    return turn;
}

static void part(struct job *job, const struct job_fetch *answer)
{
    struct session *session = job->owner;

    fetch_answer_part(session, (struct fetch_run *)session->run, answer->uid, answer->part);
}

static void data(struct job *job, struct slice bytes)
{
    struct session *session = job->owner;

    fetch_answer_data(session, (struct fetch_run *)session->run, bytes);
}

static void broken(struct job *job)
{
    struct session *session = job->owner;

    fetch_answer_broken(session, (struct fetch_run *)session->run);
}

static void done(struct job *job, const struct job_result *result);
static const struct job_ops fetch_ops = {
    .build = build, .fetch = part, .fetch_data = data, .fetch_broken = broken, .done = done};

static void submit(struct session *session)
{
    struct fetch_run *fetch = (struct fetch_run *)session->run;
    struct job wanted = {.ops = &fetch_ops, .goal = JOB_RUN, .policy = POLICY_FETCH, .mailbox = session->view->mailbox};

    for (const struct fetch_item *item = fetch->items; item; item = item->next)
        wanted.read_write |= !fetch->peek && fetch_item_sets_seen(item);
    (void)!session_submit(session, &wanted);
}

/* --- the end */

static bool some_are_gone(struct session *session, const struct fetch_run *fetch)
{
    struct seqset living = {0};
    bool gone;

    if (!uid_map_intersect(&session->view->mailbox->map, &fetch->uids, &living))
        session_no_memory(session);
    gone = seqset_size(&living) != seqset_size(&fetch->uids);
    seqset_clear(&living);
    return gone;
}

static void finish(struct session *session)
{
    const struct fetch_run *fetch = (const struct fetch_run *)session->run;

    if (!session->current->command.uid && some_are_gone(session, fetch))
        session_finish(session, RESPONSE_OK, "EXPUNGEISSUED", "Some of the messages no longer exist");
    else
        session_ok(session, NULL);
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct fetch_run *fetch = (struct fetch_run *)session->run;

    session->job = NULL;
    if (result->status != JOB_OK || !session->view->mailbox) {
        session_finish_result(session, result);
        return;
    }
    if (fetch->again) {
        submit(session);
        return;
    }
    fetch_answer_settle(session, fetch);
    if (session->phase == SESSION_ENDING)
        return;
    if (fetch->left.count == 0) {
        finish(session);
        return;
    }
    adapt(session_settings(session), fetch);
    if (cut_slice(fetch))
        submit(session);
    else
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
}

/* --- the beginning */

static bool is_large(const struct fetch_item *item)
{
    return item->kind == FETCH_RFC822 || item->kind == FETCH_RFC822_TEXT ||
           (item->kind == FETCH_SECTION && !slice_starts_nocase(item->section, SLICE("HEADER")));
}

static const char *note_items(struct session *session, struct fetch_run *fetch)
{
    uint64_t bit = 1;
    unsigned count = 0;

    fetch->slice_limit = (size_t)session_settings(session)->slice_messages;
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (++count > FETCH_ITEMS_MAX)
            return "Too many items in one FETCH";
        if (item->kind == FETCH_MODSEQ)
            return "MODSEQ is not offered here";
        if (item->kind == FETCH_UID)
            fetch->with_uid = true;
        else if (item->kind == FETCH_FLAGS)
            fetch->flags_item = bit;
        else
            fetch->upstream_items |= bit;
        if (is_large(item) && fetch->slice_limit > FIRST_SLICE_OF_BODIES)
            fetch->slice_limit = FIRST_SLICE_OF_BODIES;
    }
    return NULL;
}

static void from_truth(struct session *session, struct fetch_run *fetch)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &fetch->uids);
    while (seqset_walk_next(&walk, &uid)) {
        const struct message *message = uid_map_find(&session->view->mailbox->map, uid);
        if (message)
            fetch_answer_from_truth(session, fetch, message);
    }
    finish(session);
}

static void begin(struct session *session, struct fetch_run *fetch)
{
    const struct command *command = &session->current->command;
    const struct mailbox *mailbox = session->view->mailbox;
    enum renumber_result result;

    if (command->uid)
        tell_arrivals(session); /* or "11:*" with an untold 11 would mean 10 */
    result = renumber_set(session->view, command->arguments->text, command->uid, &fetch->uids);
    if (result == RENUMBER_NO_MEMORY || !seqset_copy(&fetch->uids, &fetch->left))
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    else if (result != RENUMBER_OK)
        session_bad(session, renumber_fault(result));
    else if (fetch->uids.count == 0)
        session_ok(session, NULL);
    else if (fetch->upstream_items == 0 && (!fetch->flags_item || account_flags_in_step(session->account, mailbox)))
        from_truth(session, fetch);
    else if (cut_slice(fetch))
        submit(session);
    else
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
}

void session_start_fetch(struct session *session)
{
    const struct command *command = &session->current->command;
    const char *error = "FETCH takes a set of messages and what to fetch of them";
    struct fetch_run *fetch = calloc(1, sizeof(*fetch));

    if (!fetch) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    fetch->run.free = free_fetch;
    session->run = &fetch->run;
    fetch->with_uid = command->uid;
    fetch->peek = session->view->read_only;
    if (value_count(command->arguments) != 2 || command->arguments->kind != VALUE_ATOM)
        session_bad(session, error);
    else if (!(fetch->items = fetch_items_parse(command->arguments->next, &session->current->arena, &error)))
        session_bad(session, error);
    else if ((error = note_items(session, fetch)))
        session_bad(session, error);
    else
        begin(session, fetch);
}
