/* The lines of a FETCH: what the client asked for, of the message that it means, under its own number, each item once.
 * UID first and FLAGS last, from the truth, which has taken in what this very answer told. Large literals pass straight
 * through. While a line is open nothing else is written; if it can never be completed the client is cut off. RFC 3501
 * section 7.4.2. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/append.h"
#include "session/fetch_run.h"
#include "session/tell.h"

static struct fetch_message *find(struct fetch_run *fetch, uint32_t uid)
{
    size_t low = 0, high = fetch->slice_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fetch->slice[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < fetch->slice_count && fetch->slice[low].uid == uid ? &fetch->slice[low] : NULL;
}

/* --- one line */

static void start_line(struct session *session, struct fetch_run *fetch, uint32_t uid)
{
    struct message *message = uid_map_find(&session->view->mailbox->map, uid);

    if (fetch->out == session->output) {
        if (fetch->flags_item && message && message->flags_known)
            tell_flags_line(session, message);
        append_format(fetch->out, "* %u FETCH (", view_number(session->view, uid));
    }
    if (fetch->with_uid)
        append_format(fetch->out, "UID %u", uid);
    fetch->started = true;
}

/* The space, or the beginning of the line. */
static void before_item(struct session *session, struct fetch_run *fetch, uint32_t uid)
{
    bool first = !fetch->started;

    if (first)
        start_line(session, fetch, uid);
    if (!first || fetch->with_uid)
        append_bytes(fetch->out, " ", 1);
}

static void write_flags(struct session *session, struct fetch_run *fetch, const struct message *message)
{
    struct view *view = session->view;

    before_item(session, fetch, message->uid);
    append_bytes(fetch->out, "FLAGS ", 6);
    if (!mailbox_print_message_flags(view->mailbox, message, view_shows_recent(view, message->uid), fetch->out))
        session_no_memory(session);
    (void)!view_note_told(view, message);
}

void fetch_answer_from_truth(struct session *session, struct fetch_run *fetch, const struct message *message)
{
    fetch->out = session->output;
    fetch->started = false;
    if (fetch->flags_item)
        write_flags(session, fetch, message);
    else
        start_line(session, fetch, message->uid);
    session_write(session, ")\r\n");
    fetch->started = false;
}

/* --- the items of an answer */

/* Every item asked for that this pair answers, each under its own name (one may answer two: BODY[TEXT] and
 * RFC822.TEXT). */
static void write_pair(struct session *session, struct fetch_run *fetch, const struct fetch_pair *pair)
{
    uint64_t bit = 1;

    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!(fetch->upstream_items & bit) || (fetch->message->answered & bit) ||
            !fetch_item_answered_by(item, fetch->peek, pair->name))
            continue;
        fetch->message->answered |= bit;
        before_item(session, fetch, fetch->message->uid);
        if (!fetch_item_print_label(item, fetch->out) || !append_bytes(fetch->out, " ", 1) ||
            !fetch_item_print_value(item, pair->value, fetch->out))
            session_no_memory(session);
    }
}

/* The item whose literal streams. A second one that it would answer is asked for once more. */
static void start_stream(struct session *session, struct fetch_run *fetch, const struct fetch_answer *part)
{
    uint64_t bit = 1;

    fetch->stream_left = 0;
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!(fetch->upstream_items & bit) || (fetch->message->answered & bit) ||
            !fetch_item_answered_by(item, fetch->peek, part->stream_name))
            continue;
        if (fetch->stream_left > 0) {
            fetch->again = true;
            continue;
        }
        fetch->message->answered |= bit;
        before_item(session, fetch, fetch->message->uid);
        if (!fetch_item_print_label(item, fetch->out))
            session_no_memory(session);
        append_format(fetch->out, " {%llu}\r\n", (unsigned long long)part->stream_size);
        fetch->stream_left = part->stream_size;
    }
}

static bool looks_invented(const struct fetch_answer *part)
{
    if (!part->first || !part->complete)
        return false;
    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next) {
        if (fetch_pair_looks_invented(pair))
            return true;
    }
    return false;
}

static void begin_answer(struct session *session, struct fetch_run *fetch, uint32_t uid,
                         const struct fetch_answer *part)
{
    struct fetch_held_line *held;

    fetch->message = find(fetch, uid);
    fetch->started = false;
    fetch->stream_left = 0;
    fetch->out = session->output;
    if (!fetch->message || !looks_invented(part))
        return;
    held = calloc(1, sizeof(*held));
    if (held)
        held->items = evbuffer_new();
    if (!held || !held->items) {
        free(held);
        session_no_memory(session);
        return;
    }
    held->uid = uid;
    held->next = fetch->held;
    fetch->held = held;
    fetch->out = held->items;
}

/* FLAGS stand at the end, with what the answer itself changed in them (\Seen). A keyword that needs a * FLAGS line
 * first waits. */
static void end_answer(struct session *session, struct fetch_run *fetch, const struct fetch_answer *part)
{
    const struct message *message = uid_map_find(&session->view->mailbox->map, fetch->message->uid);
    bool told_flags = fetch->upstream_items != 0;

    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next)
        told_flags |= fetch_pair_kind(pair) == FETCH_FLAGS;
    if (fetch->flags_item && told_flags && !(fetch->message->answered & fetch->flags_item) &&
        (fetch->message->answered & fetch->upstream_items) == fetch->upstream_items && message &&
        message->flags_known && (!fetch->started || !view_needs_flags_line(session->view, message))) {
        fetch->message->answered |= fetch->flags_item;
        write_flags(session, fetch, message);
    }
    if (fetch->started && fetch->out == session->output)
        session_write(session, ")\r\n");
    fetch->started = false;
    fetch->message = NULL;
}

static void close_line(struct session *session)
{
    session->line_open = false;
    if (evbuffer_get_length(session->held_lines) > 0)
        append_buffer(session->output, session->held_lines);
    task_wake(&session->task); /* a + may be owed */
}

void fetch_answer_part(struct session *session, struct fetch_run *fetch, uint32_t uid, const struct fetch_answer *part)
{
    size_t before = evbuffer_get_length(session->output);

    if (part->first)
        begin_answer(session, fetch, uid, part);
    if (!fetch->message || session->phase == SESSION_ENDING || !session->view || !session->view->mailbox)
        return;
    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next)
        write_pair(session, fetch, pair);
    if (part->complete)
        end_answer(session, fetch, part);
    else
        start_stream(session, fetch, part);
    fetch->slice_octets += evbuffer_get_length(session->output) - before;
    if (fetch->started && !part->complete)
        session->line_open = true;
    else if (session->line_open)
        close_line(session);
    session_wake_link(session);
}

void fetch_answer_data(struct session *session, struct fetch_run *fetch, struct slice bytes)
{
    if (fetch->stream_left == 0 || !fetch->message)
        return;
    if (bytes.length > fetch->stream_left)
        bytes.length = (size_t)fetch->stream_left;
    fetch->stream_left -= bytes.length;
    fetch->slice_octets += bytes.length;
    session_write_slice(session, bytes);
    session_wake_link(session);
}

void fetch_answer_broken(struct session *session, struct fetch_run *fetch)
{
    fetch->message = NULL;
    if (session->line_open)
        session_abort(session, "cut off in the middle of a message: the server's answer will not be completed");
}

/* --- at the tagged answer */

static void free_held(struct fetch_run *fetch)
{
    while (fetch->held) {
        struct fetch_held_line *next = fetch->held->next;
        evbuffer_free(fetch->held->items);
        free(fetch->held);
        fetch->held = next;
    }
}

void fetch_answer_forget_held(struct fetch_run *fetch)
{
    for (const struct fetch_held_line *held = fetch->held; held; held = held->next) {
        struct fetch_message *message = find(fetch, held->uid);
        if (message)
            message->answered = 0;
    }
    free_held(fetch);
}

void fetch_answer_settle(struct session *session, struct fetch_run *fetch)
{
    struct view *view = session->view;

    for (struct fetch_held_line *held = fetch->held; held; held = held->next) {
        if (!uid_map_find(&view->mailbox->map, held->uid) || evbuffer_get_length(held->items) == 0)
            continue;
        session_write(session, "* %u FETCH (", view_number(view, held->uid));
        if (!append_buffer(session->output, held->items))
            session_no_memory(session);
        session_write(session, ")\r\n");
    }
    free_held(fetch);
    for (size_t i = 0; fetch->flags_item && i < fetch->slice_count; i++) {
        const struct message *message = uid_map_find(&view->mailbox->map, fetch->slice[i].uid);
        if (message && message->flags_known && !(fetch->slice[i].answered & fetch->flags_item)) {
            fetch->slice[i].answered |= fetch->flags_item;
            tell_fetch_flags(session, message, fetch->with_uid);
        }
    }
}
