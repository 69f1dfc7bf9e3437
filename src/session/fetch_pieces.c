/* A FETCH of a large message: its strings (sections, RFC822...) are asked for in pieces of piece_size, one job each, so
 * that the others have their turn between. They are gathered in a spool until the length of each is certain, then
 * written as one literal each, in one line with the other items. Whatever is odd about the pieces (refused, too long,
 * NIL, no room): the message is asked for whole, so that the client gets what the server itself would send. Nothing of
 * the line is written before all of it is there. RFC 3501 section 6.4.5. */
#include <event2/buffer.h>
#include <string.h>

#include "session/fetch_inside.h"

/* Octets of the line that are written in one step of the session. */
#define WRITTEN_AT_ONCE ((size_t)256 * 1024)
/* Sizes are asked for so many messages at least, those after the client's own among them: programs fetch one by one. */
#define SIZES_AHEAD 50

/* A string so many times as long as the server counts for the whole message is none. */
#define COUNTED_TIMES 2

static const struct spool_ops *spool_ops_of(const struct fetch_run *fetch)
{
    return fetch->run.session->ground->spooler->ops;
}

static struct mailbox *mailbox_of(const struct fetch_run *fetch)
{
    return session_view(fetch->run.session)->mailbox;
}

static struct message *message_of(const struct fetch_run *fetch)
{
    return uid_map_find(&mailbox_of(fetch)->map, fetch->slice[0].uid);
}

/* --- which messages */

static bool is_large(const struct fetch_item *item, uint64_t limit)
{
    return fetch_is_body(item) && (!item->partial || item->partial_count > limit);
}

void fetch_pieces_init(struct fetch_run *fetch)
{
    uint64_t limit = fetch->run.session->options.upstream->manners.piece_size;

    for (const struct fetch_item *item = fetch->items; item; item = item->next) {
        if (is_large(item, limit))
            fetch->pieces.limit = limit;
    }
}

bool fetch_pieces_wants(const struct fetch_run *fetch, uint32_t uid)
{
    const struct message *message = uid_map_find(&mailbox_of(fetch)->map, uid);

    return fetch->pieces.limit > 0 && message && message->size > fetch->pieces.limit &&
           message->size <= session_settings(fetch->run.session)->spool_max;
}

bool fetch_pieces_sized(const struct fetch_run *fetch, uint32_t uid)
{
    const struct message *message = uid_map_find(&mailbox_of(fetch)->map, uid);

    return fetch->pieces.limit == 0 || uid <= fetch->pieces.sized_up_to || !message || message->size != 0;
}

/* --- sizes */

/* The next messages of unknown size, of the client's and after them. False: out of memory. */
static bool gather_unsized(struct fetch_run *fetch, const struct uid_map *map, struct seqset *uids)
{
    uint64_t most = session_settings(fetch->run.session)->slice_messages, count = 0;
    const struct message *message = NULL;
    struct seqset_walk walk;
    uint32_t uid = 0;

    seqset_walk_start(&walk, &fetch->left);
    while (count < most && seqset_walk_next(&walk, &uid)) {
        const struct message *living = uid_map_find(map, uid);
        fetch->pieces.sized_up_to = uid;
        if (living && living->size == 0 && ++count && !seqset_add(uids, uid))
            return false;
    }
    message = uid_map_after(map, uid);
    for (; message && count < SIZES_AHEAD && count < most; message = uid_map_after(map, message->uid)) {
        if (message->size == 0 && ++count && !seqset_add(uids, message->uid))
            return false;
    }
    return true;
}

static enum job_turn build_sizes(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct seqset uids = {0}, ranges = {0};
    enum job_turn turn = JOB_REFUSE;

    if (gather_unsized(fetch, &mailbox->map, &uids) && uid_map_intersect_dense(&mailbox->map, &uids, &ranges)) {
        turn = ranges.count > 0 ? JOB_SEND : JOB_NOTHING;
        outgoing_text(out, "UID FETCH ");
        outgoing_set(out, &ranges);
        outgoing_text(out, " (UID RFC822.SIZE)");
    }
    seqset_clear(&uids);
    seqset_clear(&ranges);
    return turn;
}

/* The truth has taken the sizes in. Those that are not known now are taken for small. */
static void sizes_done(struct run *run, const struct job_result *result)
{
    bool answered = result->status == JOB_OK || result->status == JOB_NO || result->status == JOB_BAD;

    if (answered && session_view(run->session))
        fetch_begin_slice((struct fetch_run *)run);
    else
        run_result(run->session, result);
}

static const struct run_step sizes_step = {
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_sizes, .done = sizes_done, .judges_answers = true};

bool fetch_pieces_ask_sizes(struct fetch_run *fetch)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &fetch->left);
    if (!seqset_walk_next(&walk, &uid) || fetch_pieces_sized(fetch, uid))
        return false;
    (void)!run_submit(fetch->run.session, &sizes_step, mailbox_of(fetch));
    return true;
}

/* --- the present item */

/* The one at this place of the list, or the first string after it. */
static void find_item(struct fetch_run *fetch)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    struct fetch_item string;

    while (pieces->item && !fetch_item_piece(pieces->item, 0, 1, &string)) {
        pieces->item = pieces->item->next;
        pieces->index++;
    }
    pieces->seen_owed = pieces->item && !fetch->peek && fetch_item_sets_seen(pieces->item);
}

static void first_item(struct fetch_run *fetch)
{
    fetch->pieces.item = fetch->items;
    fetch->pieces.index = 0;
    find_item(fetch);
}

static void next_item(struct fetch_run *fetch)
{
    fetch->pieces.item = fetch->pieces.item->next;
    fetch->pieces.index++;
    find_item(fetch);
}

static uint64_t *size_of_item(struct fetch_run *fetch)
{
    return &fetch->pieces.sizes[fetch->pieces.index];
}

/* --- one piece */

static enum job_turn build_piece(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct fetch_pieces *pieces = &fetch->pieces;
    uint32_t uid = fetch->slice[0].uid;

    pieces->answered = pieces->nil = pieces->open = false;
    pieces->announced = pieces->got = 0;
    if (!uid_map_find(&mailbox->map, uid) ||
        !fetch_item_piece(pieces->item, *size_of_item(fetch), pieces->limit, &pieces->piece))
        return JOB_NOTHING;
    pieces->piece.peek = !pieces->seen_owed;
    run->sole = uid;
    outgoing_text(out, "UID FETCH ");
    outgoing_number(out, uid);
    outgoing_text(out, " (UID");
    fetch_write_flags_item(fetch, mailbox, out);
    outgoing_text(out, " ");
    fetch_item_print_upstream(&pieces->piece, false, out);
    outgoing_text(out, ")");
    return JOB_SEND;
}

static bool is_answer(struct fetch_pieces *pieces, struct slice name)
{
    struct fetch_label label = {0};
    bool is =
        !pieces->answered && fetch_label_read(&label, name) &&
        (fetch_item_answered_by(&pieces->piece, &label) || fetch_item_loosely_answered_by(&pieces->piece, &label));

    fetch_label_clear(&label);
    return is;
}

/* An answer of so many octets begins. */
static void begin_piece(struct fetch_pieces *pieces, uint64_t octets, bool literal8)
{
    pieces->answered = true;
    if (literal8 && pieces->piece.kind == FETCH_BINARY)
        pieces->literal8 |= (uint64_t)1 << pieces->index;
    pieces->announced = octets;
    pieces->open = fetch_item_permits_size(&pieces->piece, octets);
    pieces->wrong |= !pieces->open;
}

static void take_octets(struct fetch_run *fetch, struct slice bytes)
{
    const struct spool_ops *ops = spool_ops_of(fetch);
    struct fetch_pieces *pieces = &fetch->pieces;
    uint64_t most = session_settings(fetch->run.session)->spool_max;

    if (!pieces->open || pieces->wrong || bytes.length == 0)
        return;
    if (bytes.length > pieces->announced - pieces->got)
        bytes.length = (size_t)(pieces->announced - pieces->got);
    if (ops->size(pieces->spool) + bytes.length > most || !ops->append(pieces->spool, bytes.data, bytes.length)) {
        pieces->wrong = true;
        return;
    }
    pieces->got += bytes.length;
    *size_of_item(fetch) += bytes.length;
}

static void take_pair(struct fetch_run *fetch, const struct fetch_pair *pair)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    const struct value *value = pair->value;

    if (!is_answer(pieces, pair->name))
        return;
    if (value_is_nil(value)) {
        pieces->answered = pieces->nil = true;
    } else if (value_is_string(value)) {
        begin_piece(pieces, value->text.length, value->kind == VALUE_LITERAL8);
        take_octets(fetch, value->text);
        pieces->open = false;
    } else {
        pieces->wrong = true;
    }
}

static void piece_part(struct run *run, uint32_t uid, const struct fetch_answer *part)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct fetch_pieces *pieces = &fetch->pieces;

    pieces->open = false;
    if (uid != fetch->slice[0].uid)
        return;
    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next)
        take_pair(fetch, pair);
    if (!part->complete && is_answer(pieces, part->stream_name))
        begin_piece(pieces, part->stream_size, part->stream_literal8);
}

static void piece_data(struct run *run, struct slice bytes)
{
    take_octets((struct fetch_run *)run, bytes);
}

/* What has come of it stays: the next one begins behind it. */
static void piece_broken(struct run *run, bool sound)
{
    (void)sound;
    ((struct fetch_run *)run)->pieces.open = false;
}

/* --- after a piece */

static void gather(struct fetch_run *fetch);

/* The present item is in the spool whole. */
static void item_is_whole(struct fetch_run *fetch)
{
    fetch->pieces.spooled |= (uint64_t)1 << fetch->pieces.index;
    fetch->writing.octets += *size_of_item(fetch);
    next_item(fetch);
    gather(fetch);
}

static void leave_message(struct fetch_run *fetch)
{
    fetch_pieces_clear(fetch);
    fetch_go_on(fetch);
}

static void told_news(struct run *run, const struct job_result *result)
{
    struct fetch_run *fetch = (struct fetch_run *)run;

    if (result->status != JOB_OK || !session_view(run->session))
        run_result(run->session, result);
    else if (message_of(fetch))
        item_is_whole(fetch);
    else
        leave_message(fetch);
}

/* NIL behind the first pieces: there is no more of it, or the message has gone and the server has not said so yet. */
static void ask_for_news(struct fetch_run *fetch)
{
    static const struct run_step news = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = told_news};

    mailbox_forget_look(mailbox_of(fetch));
    (void)!run_submit(fetch->run.session, &news, mailbox_of(fetch));
}

/* The whole message has as many octets as the server counts: no need to ask whether there are more. */
static bool has_all_that_is_counted(struct fetch_run *fetch)
{
    const struct fetch_pieces *pieces = &fetch->pieces;

    return !pieces->item->partial && pieces->piece.kind == FETCH_SECTION && pieces->piece.section.length == 0 &&
           *size_of_item(fetch) == message_of(fetch)->size;
}

static void refuse_pieces(struct fetch_run *fetch)
{
    session_log(
        fetch->run.session, LOG_INFO,
        "a large message cannot be fetched in pieces (the server's answer is wrong, or there is no room): it is "
        "fetched whole");
    fetch->pieces.limit = 0;
    fetch_pieces_give_up(fetch);
}

/* A server may count wrong, or give fewer octets than it was asked for though there are more: only an empty piece is
 * certainly the end. */
static void judge_piece(struct fetch_run *fetch)
{
    const struct fetch_pieces *pieces = &fetch->pieces;
    bool short_one = pieces->announced < pieces->piece.partial_count;
    struct fetch_item next;
    bool more = fetch_item_piece(pieces->item, *size_of_item(fetch), pieces->limit, &next) && next.partial_count > 0;

    if ((pieces->nil || pieces->announced == 0) && *size_of_item(fetch) == 0)
        fetch_pieces_give_up(fetch); /* what it says of the whole is not known */
    else if (!more && !pieces->item->partial)
        fetch_pieces_give_up(fetch); /* no number names what follows */
    else if (pieces->nil)
        ask_for_news(fetch);
    else if (!more || pieces->announced == 0 || (short_one && has_all_that_is_counted(fetch)))
        item_is_whole(fetch);
    else if (*size_of_item(fetch) > (uint64_t)COUNTED_TIMES * message_of(fetch)->size)
        refuse_pieces(fetch); /* it never ends: wherever a piece begins, the server gives the same */
    else
        gather(fetch);
}

static void piece_done(struct run *run, const struct job_result *result)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct fetch_pieces *pieces = &fetch->pieces;
    bool refused = result->response && (result->status == JOB_NO || result->status == JOB_BAD);

    pieces->open = false;
    if ((!refused && result->status != JOB_OK) || !session_view(run->session)) {
        run_result(run->session, result);
    } else if (!message_of(fetch)) {
        leave_message(fetch);
    } else if (refused || pieces->wrong) {
        refuse_pieces(fetch);
    } else if (!pieces->answered || pieces->got < pieces->announced) {
        fetch_pieces_give_up(fetch);
    } else {
        pieces->seen_owed = false;
        judge_piece(fetch);
    }
}

#define PIECE_STEP                                                                                                     \
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_piece, .fetch = piece_part, .fetch_data = piece_data,      \
    .fetch_broken = piece_broken, .done = piece_done, .judges_answers = true

static const struct run_step look_step = {PIECE_STEP};
static const struct run_step read_step = {PIECE_STEP, .read_write = true, .sets_seen = true};

/* The next piece; or, when all strings are there, what else was asked of the message. */
static void gather(struct fetch_run *fetch)
{
    if (fetch->pieces.item) {
        (void)!run_submit(fetch->run.session, fetch->pieces.seen_owed ? &read_step : &look_step, mailbox_of(fetch));
        return;
    }
    fetch->slice[0].answered = fetch->pieces.spooled;
    fetch_submit(fetch);
}

/* --- beginning and end */

void fetch_pieces_begin(struct fetch_run *fetch)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    struct session *session = fetch->run.session;

    pieces->spool = spooler_open(session->ground->spooler);
    if (!pieces->spool) {
        refuse_pieces(fetch);
        return;
    }
    pieces->spooled = pieces->literal8 = 0;
    pieces->wrong = pieces->writing = false;
    memset(pieces->sizes, 0, sizeof(pieces->sizes));
    first_item(fetch);
    gather(fetch);
}

void fetch_pieces_clear(struct fetch_run *fetch)
{
    if (fetch->pieces.spool)
        spool_ops_of(fetch)->close(fetch->pieces.spool);
    fetch->pieces.spool = NULL;
    fetch->pieces.spooled = 0;
    fetch->pieces.writing = false;
}

void fetch_pieces_give_up(struct fetch_run *fetch)
{
    fetch_pieces_clear(fetch);
    fetch_answer_clear(fetch);
    fetch->writing.octets = 0;
    fetch->slice[0].answered = 0;
    fetch_submit(fetch);
}

/* --- the line */

/* False: the spool cannot be read back. */
static bool write_octets(struct fetch_run *fetch, size_t most)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    uint64_t *left = size_of_item(fetch);
    char bytes[16 * 1024];

    while (*left > 0 && most > 0) {
        size_t want = *left < sizeof(bytes) ? (size_t)*left : sizeof(bytes);
        size_t got = spool_ops_of(fetch)->read(pieces->spool, pieces->written, bytes, want);
        if (got == 0)
            return false;
        output_bytes(&fetch->run.session->output, (struct slice){bytes, got});
        pieces->written += got;
        *left -= got;
        most -= got < most ? got : most;
    }
    return true;
}

/* Writes some more. False: the spool cannot be read back. */
static bool write_some(struct fetch_run *fetch)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    uint64_t until = pieces->written + WRITTEN_AT_ONCE;

    while (pieces->item && pieces->written < until) {
        if (!pieces->labelled)
            fetch_answer_announce(fetch, pieces->item, *size_of_item(fetch),
                                  (pieces->literal8 >> pieces->index & 1) != 0);
        pieces->labelled = true;
        if (!write_octets(fetch, (size_t)(until - pieces->written)))
            return false;
        if (*size_of_item(fetch) > 0)
            break;
        pieces->labelled = false;
        next_item(fetch);
    }
    return true;
}

/* The next part is written after each event round, so that nobody waits for it. */
static void go_on_writing(struct fetch_run *fetch)
{
    struct session *session = fetch->run.session;

    if (!write_some(fetch)) {
        session_ask_to_end(session, SESSION_END_ABORT, "cut in the middle of a message: it could not be read back");
        return;
    }
    session_wake_link(session);
    if (fetch->pieces.item) {
        run_wake_at(session, session_now(session) + 1);
        task_wake(&session->task); /* for the deadline */
        return;
    }
    fetch_answer_close(fetch, message_of(fetch));
    leave_message(fetch);
}

void fetch_pieces_write(struct fetch_run *fetch)
{
    const struct message *message = message_of(fetch);

    if (!message) {
        fetch_answer_clear(fetch);
        leave_message(fetch);
        return;
    }
    fetch_answer_open(fetch, message);
    fetch->pieces.writing = true;
    fetch->pieces.written = 0;
    fetch->pieces.labelled = false;
    first_item(fetch);
    go_on_writing(fetch);
}

void fetch_pieces_step(struct fetch_run *fetch)
{
    struct fetch_pieces *pieces = &fetch->pieces;
    struct session *session = fetch->run.session;

    if (!pieces->spool || session_is_over(session) || !session_view(session))
        return;
    if (pieces->writing)
        go_on_writing(fetch);
}
