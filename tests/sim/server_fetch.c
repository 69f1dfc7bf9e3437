/* UID FETCH of the model server: items in any order, in one line or two, once or twice, also for messages that are gone
 * already, with what servers invent for those. RFC 3501 section 6.4.5, 7.4.2; RFC 2180 section 4.1. */
#include <stdlib.h>
#include <string.h>

#include "sim/orders.h"
#include "sim/server.h"

#define PIECES_MAX 16

struct piece {
    unsigned item; /* ITEM_...; 0: MODSEQ */
    char label[48];
    bool peek;
    bool part;
    uint64_t start, count;
};

struct asked {
    struct piece pieces[PIECES_MAX];
    unsigned count;
    bool flags, modseq, sets_seen;
    uint64_t changed_since;
    bool has_changed_since, vanished;
};

/* --- what is asked */

static bool read_section(struct cursor *cursor, struct piece *piece, struct slice atom)
{
    static const struct {
        const char *section;
        unsigned item;
    } sections[] = {
        {"[]", ITEM_BODY}, {"[HEADER]", ITEM_HEADER}, {"[TEXT]", ITEM_TEXT}, {"[HEADER.FIELDS (X-ID)]", ITEM_ID}};
    struct cursor inside = cursor_of(atom);

    (void)cursor;
    piece->peek = cursor_word(&inside, "BODY.PEEK[");
    if (!piece->peek && !cursor_word(&inside, "BODY["))
        return false;
    inside.at--;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (!cursor_word(&inside, sections[i].section))
            continue;
        piece->item = sections[i].item;
        snprintf(piece->label, sizeof(piece->label), "BODY%s", sections[i].section);
        if (cursor_take(&inside, '<')) {
            piece->part = cursor_number(&inside, &piece->start) && cursor_take(&inside, '.') &&
                          cursor_number(&inside, &piece->count) && cursor_take(&inside, '>');
            snprintf(piece->label + strlen(piece->label), 16, "<%llu>", (unsigned long long)piece->start);
        }
        return cursor_ends(&inside);
    }
    return false;
}

static bool read_item(struct server *server, struct cursor *cursor, struct asked *asked)
{
    struct piece *piece = &asked->pieces[asked->count];
    struct slice atom = cursor_atom(cursor);
    static const struct {
        const char *name;
        unsigned item;
        bool peek;
    } items[] = {{"UID", ITEM_UID, true},
                 {"FLAGS", ITEM_FLAGS, true},
                 {"RFC822.SIZE", ITEM_SIZE, true},
                 {"INTERNALDATE", ITEM_DATE, true},
                 {"RFC822", ITEM_BODY, false},
                 {"RFC822.TEXT", ITEM_TEXT, false},
                 {"RFC822.HEADER", ITEM_HEADER, true},
                 {"ENVELOPE", ITEM_ENVELOPE, true},
                 {"MODSEQ", 0, true}};

    *piece = (struct piece){0};
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        if (!slice_equal_nocase(atom, slice_of(items[i].name)))
            continue;
        piece->item = items[i].item;
        piece->peek = items[i].peek;
        snprintf(piece->label, sizeof(piece->label), "%s", items[i].name);
    }
    if (!piece->label[0] && !read_section(cursor, piece, atom))
        return false;
    if (piece->item == ITEM_FLAGS)
        asked->flags = true;
    if (piece->item == 0) {
        asked->modseq = true;
        if (!server_can(server, CAN_CONDSTORE))
            server_object(server, "MODSEQ is not announced", atom);
    }
    asked->sets_seen |= !piece->peek;
    if (piece->item != ITEM_UID && piece->item != ITEM_FLAGS && piece->item != 0)
        asked->count++;
    return asked->count < PIECES_MAX;
}

static bool read_asked(struct server *server, struct cursor *cursor, struct asked *asked)
{
    *asked = (struct asked){0};
    if (!cursor_word(cursor, " ("))
        return false;
    do {
        if (!read_item(server, cursor, asked))
            return false;
    } while (cursor_take(cursor, ' '));
    if (!cursor_take(cursor, ')'))
        return false;
    if (cursor_word(cursor, " (CHANGEDSINCE ")) {
        if (!server->condstore)
            server_object(server, "CHANGEDSINCE without CONDSTORE enabled", SLICE(""));
        asked->has_changed_since = cursor_number(cursor, &asked->changed_since);
        asked->vanished = cursor_word(cursor, " VANISHED");
        asked->has_changed_since = asked->has_changed_since && cursor_take(cursor, ')');
        if (asked->vanished && !server->qresync)
            server_object(server, "VANISHED without QRESYNC enabled", SLICE(""));
        asked->flags = asked->modseq = true;
        if (!asked->has_changed_since)
            return false;
    }
    return cursor_ends(cursor);
}

/* --- what is answered */

static struct slice content(const struct piece *piece, const struct message *message)
{
    const struct identity *identity = message->identity;
    struct slice text = {identity->text, identity->size};

    if (piece->item == ITEM_HEADER)
        text.length = identity->header;
    else if (piece->item == ITEM_TEXT)
        text = (struct slice){identity->text + identity->header, identity->size - identity->header};
    else if (piece->item == ITEM_ID)
        text = slice_of(identity->id_header);
    if (piece->part) {
        size_t start = piece->start < text.length ? (size_t)piece->start : text.length;
        text = (struct slice){text.data + start, text.length - start};
        if (text.length > piece->count)
            text.length = (size_t)piece->count;
    }
    return text;
}

static void write_envelope(struct server *server, const struct identity *identity, bool invented)
{
    if (invented) {
        server_write(server, "ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
        return;
    }
    server_write(
        server,
        "ENVELOPE (NIL \"%u of %s\" ((NIL NIL \"%s\" \"e\")(NIL NIL \"\" \"\")) NIL NIL NIL NIL NIL NIL \"id%u\")",
        identity->number, identity->user->name, identity->user->name, identity->number);
}

static void write_piece(struct server *server, const struct piece *piece, const struct message *message, bool invented)
{
    struct slice text;

    if (piece->item == ITEM_SIZE) {
        server_write(server, "RFC822.SIZE %zu", invented ? 0 : message->identity->counted);
    } else if (piece->item == ITEM_DATE) {
        server_write(server, "INTERNALDATE \"01-Jan-2026 00:%02u:%02u +0000\"", message->identity->number / 60 % 60,
                     message->identity->number % 60);
    } else if (piece->item == ITEM_ENVELOPE) {
        write_envelope(server, message->identity, invented);
    } else if (invented) {
        server_write(server, "%s NIL", piece->label);
    } else {
        text = content(piece, message);
        if (piece->part && text.length > 0 && text.length < 60 && !memchr(text.data, '\r', text.length) &&
            !memchr(text.data, '"', text.length) && !memchr(text.data, '\n', text.length))
            server_write(server, "%s \"%.*s\"", piece->label, (int)text.length, text.data);
        else {
            server_write(server, "%s {%zu}\r\n", piece->label, text.length);
            server_write_octets(server, text.data, text.length);
        }
    }
}

static void write_flags(struct server *server, unsigned index, bool modseq)
{
    struct seen *seen = &server->seen[index];

    server_write(server, "FLAGS %s", flags_print(server->box->user, seen->message->flags, seen->recent));
    if (modseq)
        server_write(server, " MODSEQ (%llu)", (unsigned long long)seen->message->modseq);
    if (seen->message->dead)
        return;
    seen->told = seen->message->modseq;
    seat_flags_learnt(server, seen->message);
}

/* What the lines begin with: the number and the UID of one message, or (a server's mistake) one of them another's. */
static void choose_names(struct server *server, const struct asked *asked, unsigned index, unsigned *number,
                         uint32_t *uid)
{
    unsigned other;

    *number = index + 1;
    *uid = server->seen[index].message->uid;
    if (asked->count == 0 || server->sim->quiet || !server_liberty(server, server->sim->plan.liberties.confused))
        return;
    other = dice_below(&server->dice, server->seen_count);
    if (other == index)
        return;
    user_refused(server->user);
    if (server_liberty(server, 50))
        *number = other + 1;
    else
        *uid = server->seen[other].message->uid;
}

/* Some of the pieces of one message, from..to, as one line. */
static void write_line(struct server *server, const struct asked *asked, unsigned index, unsigned from, unsigned to,
                       bool flags)
{
    const struct message *message = server->seen[index].message;
    bool invented = message->dead && server_liberty(server, 70);
    bool late = server_liberty(server, server->sim->plan.liberties.late_uid);
    const char *space = "";
    unsigned number;
    uint32_t uid;

    choose_names(server, asked, index, &number, &uid);
    server_write(server, "* %u FETCH (", number);
    if (!late) {
        server_write(server, "UID %u", uid);
        space = " ";
    }
    if (flags && server_liberty(server, 50)) {
        server_write(server, "%s", space);
        write_flags(server, index, asked->modseq || server->condstore);
        flags = false;
        space = " ";
    }
    for (unsigned i = from; i < to; i++, space = " ") {
        server_write(server, "%s", space);
        write_piece(server, &asked->pieces[i], message, invented);
    }
    if (late) {
        server_write(server, "%sUID %u", space, uid);
        space = " ";
    }
    if (flags) {
        server_write(server, "%s", space);
        write_flags(server, index, asked->modseq || server->condstore);
    }
    server_write(server, ")\r\n");
    message_named(server->seen[index].message);
}

static void write_message(struct server *server, const struct asked *asked, unsigned index, bool flags)
{
    const struct liberties *liberties = &server->sim->plan.liberties;
    unsigned divided = asked->count;

    if (server_liberty(server, liberties->more_items))
        flags = true;
    if (asked->count > 0 && server_liberty(server, liberties->in_parts))
        divided = dice_below(&server->dice, asked->count + 1);
    if (divided < asked->count && server_liberty(server, 50)) {
        write_line(server, asked, index, divided, asked->count, false);
        write_line(server, asked, index, 0, divided, flags);
    } else {
        write_line(server, asked, index, 0, divided, flags);
        if (divided < asked->count)
            write_line(server, asked, index, divided, asked->count, false);
    }
    if (server_liberty(server, liberties->twice / 2))
        write_line(server, asked, index, 0, asked->count, flags);
}

static void answer_seen(struct server *server, const struct asked *asked, struct message *message)
{
    unsigned number = seat_number(server, message);
    bool flags = asked->flags;

    if (number == 0)
        return; /* told as gone meanwhile */
    if (message->hidden && message->box->ailment == UNFINDABLE)
        return;
    if (message->dead && !server_liberty(server, server->sim->plan.liberties.invented))
        return;
    if (asked->has_changed_since && message->modseq <= asked->changed_since)
        return;
    if (asked->sets_seen && !server->read_only && !message->dead && !(message->flags & SEEN)) {
        order_seen(server, message);
        message_set_flags(message, message->flags | SEEN, false);
        flags = true;
    }
    write_message(server, asked, number - 1, flags);
}

void server_fetch(struct server *server, struct cursor *cursor, struct slice line)
{
    struct ranges ranges;
    struct asked asked;
    uint32_t last = server->seen_count ? server->seen[server->seen_count - 1].message->uid : 0;
    unsigned count = 0;
    struct message **wanted;

    if (!cursor_set(cursor, &ranges) || !read_asked(server, cursor, &asked)) {
        server_object(server, "a malformed UID FETCH", line);
        return;
    }
    seat_news(server, NEWS_DURING);
    if (asked.vanished)
        server_tell_vanished(server, &ranges, asked.changed_since);
    wanted = calloc(server->seen_count + 1, sizeof(*wanted));
    if (!wanted)
        abort();
    for (unsigned i = 0; i < server->seen_count; i++) {
        if (ranges_contain_of(&ranges, server->seen[i].message->uid, last))
            wanted[count++] = server->seen[i].message;
    }
    for (unsigned i = 0; i < count; i++) {
        answer_seen(server, &asked, wanted[i]);
        if (server_liberty(server, 20))
            seat_news(server, NEWS_DURING);
        if (server_liberty(server, server->sim->plan.liberties.chatter / 4))
            server_write(server, "* OK busy\r\n");
    }
    free(wanted);
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "fetched");
}
