/* What changes mailboxes: STORE, COPY, MOVE, EXPUNGE, APPEND of the model server. Each change must be somebody's order.
 * RFC 3501 section 6.3.11, 6.4; RFC 4315; RFC 6851. */
#include <string.h>

#include "sim/orders.h"
#include "sim/server.h"

/* The messages of the set that this session counts, and that live. */
static unsigned wanted(struct server *server, const struct ranges *ranges, struct message ***messages, bool *dead)
{
    unsigned count = 0;

    *messages = memory_take(&server->sim->memory, sizeof(**messages) * (server->seen_count + 1));
    *dead = false;
    for (unsigned i = 0; i < server->seen_count; i++) {
        struct message *message = server->seen[i].message;
        if (!ranges_contain(ranges, message->uid))
            continue;
        if (message->dead)
            *dead = true;
        else
            (*messages)[count++] = message;
    }
    return count;
}

static bool refuses(struct server *server)
{
    if (server->sim->quiet || !server_liberty(server, server->sim->plan.liberties.refuses))
        return false;
    server->user->refusals++;
    server_answer(server, "NO", server_liberty(server, 50) ? "OVERQUOTA" : NULL, "refused by the model");
    return true;
}

static bool must_write(struct server *server, struct slice line)
{
    if (server->read_only)
        server_object(server, "a change of a mailbox that was opened by EXAMINE", line);
    return !server->read_only;
}

/* --- STORE */

static void store_one(struct server *server, struct message *message, int sign, uint32_t flags)
{
    uint32_t now = sign == '+' ? message->flags | flags : sign == '-' ? message->flags & ~flags : flags;
    bool bump = server_liberty(server, server->sim->plan.liberties.unmoved_modseq);
    bool changes = now != message->flags || bump;
    unsigned number;

    order_stored(server, message, sign, flags);
    message_set_flags(message, now, bump);
    number = seat_number(server, message);
    if (number == 0 || (!changes && server_liberty(server, server->sim->plan.liberties.silent_store)))
        return;
    seat_tell_flags(server, number - 1, true);
    seat_flags_learnt(server, message);
}

void server_store(struct server *server, struct cursor *cursor, struct slice line)
{
    struct ranges ranges;
    struct message **messages;
    struct slice list;
    const char *end;
    uint32_t flags;
    int sign = ' ';
    bool recent, dead;
    unsigned count;

    if (!cursor_set(cursor, &ranges) || !cursor_take(cursor, ' ')) {
        server_object(server, "a malformed UID STORE", line);
        return;
    }
    if (cursor_take(cursor, '+'))
        sign = '+';
    else if (cursor_take(cursor, '-'))
        sign = '-';
    end = cursor->end > cursor->at ? cursor->end - 1 : cursor->at;
    if (!cursor_word(cursor, "FLAGS (") || *end != ')') {
        server_object(server, "a malformed or silent UID STORE", line);
        return;
    }
    list = (struct slice){cursor->at, (size_t)(end - cursor->at)};
    if (!flags_read(server->user, list, &flags, &recent) || recent)
        server_object(server, "flags of nobody", line);
    if (!must_write(server, line) || refuses(server))
        return;
    seat_news(server, NEWS_DURING);
    count = wanted(server, &ranges, &messages, &dead);
    for (unsigned i = 0; i < count; i++) {
        store_one(server, messages[i], sign, flags);
        if (server_liberty(server, 20))
            seat_news(server, NEWS_DURING);
    }
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "stored");
}

/* --- COPY, MOVE */

static void print_uids(char *text, size_t size, struct message *const *messages, unsigned count)
{
    size_t used = 0;

    for (unsigned i = 0; i < count && used + 16 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%u", i ? "," : "", messages[i]->uid);
}

static void remove_moved(struct server *server, struct message *const *messages, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned number;
        message_expunge(messages[i]);
        number = seat_number(server, messages[i]);
        if (number > 0)
            seat_tell_expunge(server, number - 1);
    }
}

static void copied(struct server *server, struct message *const *from, struct message *const *to, unsigned count,
                   bool move)
{
    char sources[8000], targets[8000], *code;

    if (!server_can(server, CAN_UIDPLUS) || count == 0) {
        if (move)
            remove_moved(server, from, count);
        seat_news(server, NEWS_BEFORE_OK);
        server_answer(server, "OK", NULL, "copied");
        return;
    }
    print_uids(sources, sizeof(sources), from, count);
    print_uids(targets, sizeof(targets), to, count);
    code = memory_take(&server->sim->memory, strlen(sources) + strlen(targets) + 40);
    sprintf(code, "COPYUID %u %s %s", to[0]->box->validity, sources, targets);
    if (move) {
        server_write(server, "* OK [%s] moved\r\n", code);
        remove_moved(server, from, count);
    }
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", move ? NULL : code, "copied");
}

void server_copy(struct server *server, struct cursor *cursor, bool move, struct slice line)
{
    struct ranges ranges;
    struct message **from, **to;
    struct slice name;
    struct box *target;
    unsigned count;
    bool dead;

    if (!cursor_set(cursor, &ranges) || !cursor_take(cursor, ' ') || !cursor_string(cursor, &name)) {
        server_object(server, "a malformed UID COPY or UID MOVE", line);
        return;
    }
    if (move && !server_can(server, CAN_MOVE))
        server_object(server, "MOVE is not announced", line);
    target = box_find(server->user, name);
    if (!target) {
        server_answer(server, "NO", "TRYCREATE", "no such mailbox");
        return;
    }
    if ((move && !must_write(server, line)) || refuses(server))
        return;
    if (server_liberty(server, 30))
        seat_news(server, NEWS_DURING);
    count = wanted(server, &ranges, &from, &dead);
    if (dead && server_liberty(server, 30)) {
        server->user->refusals++;
        server_answer(server, "NO", NULL, "some of them are gone, nothing was copied");
        return;
    }
    to = memory_take(&server->sim->memory, sizeof(*to) * (count + 1));
    order_copied(server, from, count, name, move);
    for (unsigned i = 0; i < count; i++)
        to[i] = box_deliver(target, from[i]->identity, from[i]->flags);
    copied(server, from, to, count, move);
}

/* --- EXPUNGE */

void server_expunge(struct server *server, struct cursor *cursor, bool uid, struct slice line)
{
    struct ranges ranges = {.count = 1, .range = {{1, UINT32_MAX}}};
    struct message **messages;
    unsigned count;
    bool dead;

    if (uid && !server_can(server, CAN_UIDPLUS))
        server_object(server, "UIDPLUS is not announced", line);
    if (uid && !cursor_set(cursor, &ranges)) {
        server_object(server, "a malformed UID EXPUNGE", line);
        return;
    }
    if (!must_write(server, line) || refuses(server))
        return;
    order_expunge_runs(server);
    seat_news(server, NEWS_DURING);
    count = wanted(server, &ranges, &messages, &dead);
    for (unsigned i = 0; i < count; i++) {
        unsigned number;
        if (!(messages[i]->flags & DELETED))
            continue;
        order_expunged(server, messages[i]);
        message_expunge(messages[i]);
        number = seat_number(server, messages[i]);
        if (number > 0)
            seat_tell_expunge(server, number - 1);
    }
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "expunged");
}

/* --- APPEND */

void server_append(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice name, flag_list = {0}, date, text;
    struct identity *identity;
    struct message *message;
    uint32_t flags = 0;
    bool recent = false;
    struct box *target;
    char code[60];

    if (!cursor_string(cursor, &name) || !cursor_take(cursor, ' ')) {
        server_object(server, "a malformed APPEND", line);
        return;
    }
    if (cursor->at < cursor->end && *cursor->at == '(') {
        flag_list = (struct slice){cursor->at + 1, 0};
        cursor_skip_value(cursor);
        flag_list.length = (size_t)(cursor->at - flag_list.data - 1);
        cursor_take(cursor, ' ');
    }
    if (cursor->at < cursor->end && *cursor->at == '"' && (!cursor_string(cursor, &date) || !cursor_take(cursor, ' ')))
        server_object(server, "a malformed date", line);
    if (!cursor_string(cursor, &text) || !cursor_ends(cursor) ||
        !flags_read(server->user, flag_list, &flags, &recent)) {
        server_object(server, "a malformed APPEND", line);
        return;
    }
    target = box_find(server->user, name);
    if (!target) {
        server_answer(server, "NO", "TRYCREATE", "no such mailbox");
        return;
    }
    if (refuses(server))
        return;
    identity = identity_of(server->sim, text);
    if (!identity || text.length != identity->size || memcmp(identity->text, text.data, text.length) != 0) {
        server_object(server, "a message that no client has sent", line);
        return;
    }
    order_appended(server, name, identity, flags);
    message = box_deliver(target, identity, flags);
    if (server->box)
        seat_news(server, server_liberty(server, 50) ? NEWS_DURING : NEWS_BEFORE_OK);
    snprintf(code, sizeof(code), "APPENDUID %u %u", target->validity, message->uid);
    server_answer(server, "OK", server_can(server, CAN_UIDPLUS) ? code : NULL, "appended");
}
