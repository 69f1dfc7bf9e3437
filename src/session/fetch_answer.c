/* The lines of a FETCH: the items that the client asked for, of its own message, under its own number, each item once.
 * UID comes first and FLAGS last, from the truth, which has taken in this very answer. Large literals pass straight
 * through. While a line is open nothing else is written; if it can never be completed the client is cut off. RFC 3501
 * section 7.4.2. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/fetch_value.h"
#include "session/fetch_inside.h"
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

static struct output *output_of(const struct fetch_run *fetch)
{
    return &fetch->run.session->output;
}

static bool is_held(const struct fetch_run *fetch)
{
    return fetch->writing.out != output_of(fetch)->bytes;
}

static void start_line(struct fetch_run *fetch, uint32_t uid)
{
    struct view *view = session_view(fetch->run.session);
    struct message *message = uid_map_find(&view->mailbox->map, uid);
    struct fetch_writing *writing = &fetch->writing;

    if (!is_held(fetch)) {
        if (fetch->flags && message && message->flags_known)
            tell_flags_line(view, output_of(fetch), message);
        append_format(writing->out, "* %u FETCH (", view_number(view, uid));
    }
    if (fetch->with_uid)
        append_format(writing->out, "UID %u", uid);
    writing->started = true;
}

/* The space, or the beginning of the line. */
static void before_item(struct fetch_run *fetch, uint32_t uid)
{
    bool first = !fetch->writing.started;

    if (first)
        start_line(fetch, uid);
    if (!first || fetch->with_uid)
        append_bytes(fetch->writing.out, " ", 1);
}

/* FLAGS and MODSEQ. A client that has switched CONDSTORE on reads both together (RFC 7162 section 3.1). */
static void write_truth(struct fetch_run *fetch, const struct message *message)
{
    struct session *session = fetch->run.session;
    struct view *view = session_view(session);
    struct evbuffer *out = fetch->writing.out;

    before_item(fetch, message->uid);
    if (fetch->flags) {
        append_bytes(out, "FLAGS ", 6);
        output_check(output_of(fetch),
                     mailbox_print_message_flags(view->mailbox, message, view_shows_recent(view, message->uid), out));
        (void)!view_note_told(view, message);
    }
    if (message->modseq == 0 || !(fetch->modseq || session->enabled.condstore))
        return;
    append_format(out, "%sMODSEQ (%" PRIu64 ")", fetch->flags ? " " : "", message->modseq);
    view_show_modseq(view, message->modseq);
}

void fetch_answer_from_truth(struct fetch_run *fetch, const struct message *message)
{
    fetch->writing.out = output_of(fetch)->bytes;
    fetch->writing.started = false;
    if (fetch->truth_items)
        write_truth(fetch, message);
    else
        start_line(fetch, message->uid);
    output_format(output_of(fetch), ")\r\n");
    fetch->writing.started = false;
}

/* --- the items of an answer */

/* Is an item of the list exactly the one of this name, answered already or not? Then no other is meant. */
static bool is_one_exactly(const struct fetch_run *fetch, const struct fetch_label *label)
{
    for (const struct fetch_item *item = fetch->items; item; item = item->next) {
        if (fetch_item_answered_by(item, label))
            return true;
    }
    return false;
}

/* An item of the server's answer, of so many octets, for the present message. */
struct answered_item {
    struct fetch_label label;
    uint64_t octets;
    bool exactly; /* an item of the list has its very name */
    bool told;    /* it has answered a part that was asked for: see is_taken */
};

static bool read_answered(const struct fetch_run *fetch, struct slice name, uint64_t octets,
                          struct answered_item *answered)
{
    *answered = (struct answered_item){.octets = octets};
    if (!fetch_label_read(&answered->label, name)) {
        fetch_label_clear(&answered->label);
        output_fail(output_of(fetch));
        return false;
    }
    answered->exactly = is_one_exactly(fetch, &answered->label);
    return true;
}

/* Of two parts with one start that were asked for (<0.10> and <0.20>) the answer to one is not the other's. */
static bool is_taken(const struct answered_item *answered, const struct fetch_item *item)
{
    return answered->told && item->partial;
}

/* True: it answers the item of this bit. */
static bool is_answered_by(const struct fetch_run *fetch, const struct fetch_item *item, uint64_t bit,
                           const struct answered_item *answered)
{
    return (fetch->upstream_items & bit) && !(fetch->writing.message->answered & bit) && !is_taken(answered, item) &&
           fetch_item_permits_size(item, answered->octets) &&
           (fetch_item_answered_by(item, &answered->label) ||
            (!answered->exactly && fetch_item_loosely_answered_by(item, &answered->label)));
}

/* Every item asked for that this pair answers, each under its own name (one may answer two: BODY[TEXT] and
 * RFC822.TEXT). */
static void write_pair(struct fetch_run *fetch, const struct fetch_pair *pair)
{
    struct fetch_writing *writing = &fetch->writing;
    struct answered_item answered;
    uint64_t bit = 1;

    if (!read_answered(fetch, pair->name, pair->value->text.length, &answered))
        return;
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!is_answered_by(fetch, item, bit, &answered) || !fetch_value_fits(item, pair->value))
            continue;
        answered.told |= item->partial;
        writing->message->answered |= bit;
        before_item(fetch, writing->message->uid);
        output_check(output_of(fetch), fetch_item_print_label(item, writing->out) &&
                                           append_bytes(writing->out, " ", 1) &&
                                           fetch_value_print(item, pair->value, writing->out));
    }
    fetch_label_clear(&answered.label);
}

/* The item whose literal streams. A second one that it would answer is asked for once more. */
static void start_stream(struct fetch_run *fetch, const struct fetch_answer *part)
{
    struct fetch_writing *writing = &fetch->writing;
    struct answered_item answered;
    uint64_t bit = 1;

    writing->stream_left = 0;
    if (!read_answered(fetch, part->stream_name, part->stream_size, &answered))
        return;
    for (const struct fetch_item *item = fetch->items; item; item = item->next, bit <<= 1) {
        if (!is_answered_by(fetch, item, bit, &answered))
            continue;
        if (writing->stream_left > 0) {
            writing->again = true;
            continue;
        }
        answered.told |= item->partial;
        writing->message->answered |= bit;
        before_item(fetch, writing->message->uid);
        output_check(output_of(fetch), fetch_item_print_label(item, writing->out));
        append_format(writing->out, " %s{%llu}\r\n", item->kind == FETCH_BINARY && part->stream_literal8 ? "~" : "",
                      (unsigned long long)part->stream_size);
        writing->stream_left = part->stream_size;
    }
    fetch_label_clear(&answered.label);
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

/* The present answer goes into a held line. All answers about a message that is fetched in pieces go into one. */
static void hold(struct fetch_run *fetch, uint32_t uid)
{
    struct fetch_held_line *held = fetch->pieces.spool ? fetch->writing.held : NULL;

    if (held) {
        fetch->writing.out = held->items;
        fetch->writing.started = evbuffer_get_length(held->items) > 0;
        return;
    }
    held = calloc(1, sizeof(*held));
    if (held)
        held->items = evbuffer_new();
    if (!held || !held->items) {
        free(held);
        output_fail(output_of(fetch));
        return;
    }
    held->uid = uid;
    held->next = fetch->writing.held;
    fetch->writing.held = held;
    fetch->writing.out = held->items;
}

static void begin_answer(struct fetch_run *fetch, uint32_t uid, const struct fetch_answer *part)
{
    fetch->writing.message = find(fetch, uid);
    fetch->writing.started = false;
    fetch->writing.stream_left = 0;
    fetch->writing.out = output_of(fetch)->bytes;
    if (fetch->writing.message && (fetch->pieces.spool || looks_invented(part)))
        hold(fetch, uid);
}

/* May the message's FLAGS and MODSEQ stand in its line, at its end? A keyword that needs a * FLAGS line first waits. */
static bool truth_fits(const struct fetch_run *fetch, const struct message *message, bool in_line)
{
    return fetch_truth_knows(fetch, message) &&
           !(fetch->flags && in_line && view_needs_flags_line(session_view(fetch->run.session), message));
}

/* They are not looked up before the server has told them with this very answer, if it was asked for them. */
static bool is_truth_told(const struct fetch_run *fetch, const struct fetch_answer *part)
{
    bool told = fetch->upstream_items != 0;

    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next)
        told |= fetch_pair_kind(pair) == FETCH_FLAGS;
    return told;
}

/* FLAGS and MODSEQ stand at the end, with the change by the answer itself (\Seen). */
static void end_answer(struct fetch_run *fetch, const struct fetch_answer *part)
{
    struct view *view = session_view(fetch->run.session);
    struct fetch_writing *writing = &fetch->writing;
    struct fetch_message *answered = writing->message;
    const struct message *message = uid_map_find(&view->mailbox->map, answered->uid);
    bool held_for_pieces = fetch->pieces.spool != NULL;

    if (fetch->truth_items && is_truth_told(fetch, part) && !held_for_pieces &&
        !(answered->answered & fetch->truth_items) &&
        (answered->answered & fetch->upstream_items) == fetch->upstream_items && message &&
        truth_fits(fetch, message, writing->started)) {
        answered->answered |= fetch->truth_items;
        write_truth(fetch, message);
    }
    if (writing->started && !is_held(fetch))
        output_format(output_of(fetch), ")\r\n");
    writing->started = false;
    writing->message = NULL;
}

void fetch_answer_part(struct fetch_run *fetch, uint32_t uid, const struct fetch_answer *part)
{
    struct session *session = fetch->run.session;
    struct output *output = &session->output;
    size_t before = output_length(output);

    if (part->first)
        begin_answer(fetch, uid, part);
    if (!fetch->writing.message || session_is_over(session) || !session_view(session))
        return;
    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next)
        write_pair(fetch, pair);
    if (part->complete)
        end_answer(fetch, part);
    else
        start_stream(fetch, part);
    fetch->writing.octets += output_length(output) - before;
    if (fetch->writing.started && !part->complete && !is_held(fetch))
        output_open_line(output);
    else
        output_close_line(output);
    session_wake_link(session);
}

void fetch_answer_data(struct fetch_run *fetch, struct slice bytes)
{
    struct fetch_writing *writing = &fetch->writing;

    if (writing->stream_left == 0 || !writing->message)
        return;
    if (bytes.length > writing->stream_left)
        bytes.length = (size_t)writing->stream_left;
    writing->stream_left -= bytes.length;
    writing->octets += bytes.length;
    output_bytes(output_of(fetch), bytes);
    session_wake_link(fetch->run.session);
}

void fetch_answer_broken(struct fetch_run *fetch, bool sound)
{
    struct fetch_writing *writing = &fetch->writing;
    bool between_items = writing->message && writing->started && writing->stream_left == 0 && !is_held(fetch);

    writing->message = NULL;
    writing->started = false;
    if (output_of(fetch)->line_open && between_items && sound) {
        output_format(output_of(fetch), ")\r\n"); /* what came of it is whole; the rest is owed */
        output_close_line(output_of(fetch));
    } else if (output_of(fetch)->line_open)
        session_ask_to_end(fetch->run.session, SESSION_END_ABORT,
                           "cut in the middle of a message: the server did not send the rest");
}

/* --- at the tagged answer, and before the slice is asked */

void fetch_answer_clear(struct fetch_run *fetch)
{
    struct fetch_writing *writing = &fetch->writing;

    while (writing->held) {
        struct fetch_held_line *next = writing->held->next;
        evbuffer_free(writing->held->items);
        free(writing->held);
        writing->held = next;
    }
}

void fetch_answer_begin_slice(struct fetch_run *fetch)
{
    fetch->writing.octets = 0;
    fetch->writing.again = false;
}

void fetch_answer_ask_again(struct fetch_run *fetch)
{
    for (const struct fetch_held_line *held = fetch->writing.held; held; held = held->next) {
        struct fetch_message *message = find(fetch, held->uid);
        if (message)
            message->answered = fetch->pieces.spooled;
    }
    fetch_answer_clear(fetch);
    fetch->writing.again = false;
}

static void write_held(struct fetch_run *fetch, const struct view *view)
{
    struct output *output = output_of(fetch);

    for (struct fetch_held_line *held = fetch->writing.held; held; held = held->next) {
        if (!uid_map_find(&view->mailbox->map, held->uid) || evbuffer_get_length(held->items) == 0)
            continue;
        output_format(output, "* %u FETCH (", view_number(view, held->uid));
        output_move(output, held->items);
        output_format(output, ")\r\n");
    }
    fetch_answer_clear(fetch);
}

/* A line of its own. */
static void tell_truth(struct fetch_run *fetch, const struct message *message)
{
    struct session *session = fetch->run.session;

    if (fetch->flags)
        tell_fetch_flags(session_view(session), output_of(fetch), message,
                         (struct tell_form){.enabled = &session->enabled, .uid = fetch->with_uid});
    else
        fetch_answer_from_truth(fetch, message);
}

void fetch_answer_settle(struct fetch_run *fetch)
{
    struct view *view = session_view(fetch->run.session);

    write_held(fetch, view);
    for (size_t i = 0; fetch->truth_items && i < fetch->slice_count; i++) {
        const struct message *message = uid_map_find(&view->mailbox->map, fetch->slice[i].uid);
        if (message && fetch_truth_knows(fetch, message) && !(fetch->slice[i].answered & fetch->truth_items)) {
            fetch->slice[i].answered |= fetch->truth_items;
            tell_truth(fetch, message);
        }
    }
}

/* --- the line of a message that was fetched in pieces */

void fetch_answer_open(struct fetch_run *fetch, const struct message *message)
{
    struct fetch_writing *writing = &fetch->writing;
    struct output *output = output_of(fetch);
    struct evbuffer *items = writing->held ? writing->held->items : NULL;

    writing->out = output->bytes;
    writing->started = false;
    if (items && evbuffer_get_length(items) > 0) {
        if (fetch->flags && message->flags_known)
            tell_flags_line(session_view(fetch->run.session), output, message);
        output_format(output, "* %u FETCH (", view_number(session_view(fetch->run.session), message->uid));
        output_move(output, items);
        writing->started = true;
    }
    fetch_answer_clear(fetch);
}

void fetch_answer_announce(struct fetch_run *fetch, const struct fetch_item *item, uint64_t size, bool literal8)
{
    struct output *output = output_of(fetch);

    before_item(fetch, fetch->slice[0].uid);
    output_open_line(output);
    output_check(output, fetch_item_print_label(item, output->bytes));
    output_format(output, " %s{%llu}\r\n", literal8 ? "~" : "", (unsigned long long)size);
}

void fetch_answer_close(struct fetch_run *fetch, const struct message *message)
{
    bool truth = fetch->truth_items && message && truth_fits(fetch, message, true);
    struct output *output = output_of(fetch);

    if (truth)
        write_truth(fetch, message);
    output_format(output, ")\r\n");
    fetch->writing.started = false;
    output_close_line(output);
    if (!fetch->truth_items || truth || !message)
        return;
    if (fetch_truth_knows(fetch, message))
        tell_truth(fetch, message);
    else
        fetch->lacking = true;
}
