/* Commands about messages. What is meant is noted when the command is sent: by number the entries of the replica, by
 * UID the set as written. */
#include <stdlib.h>
#include <string.h>

#include "sim/client.h"

/* --- sets */

static void aim_at(struct client *client, struct order *order, unsigned number)
{
    const struct entry *entry = &client->replica.entries[number - 1];
    struct aim *aim = order_add_aim(order);

    aim->number = number;
    aim->message = entry->message;
    aim->uid = entry->message ? entry->message->uid : 0;
}

static bool is_aimed_at(const struct order *order, unsigned number)
{
    for (unsigned i = 0; i < order->aim_count; i++) {
        if (order->aims[i].number == number)
            return true;
    }
    return false;
}

/* Copies of copies of a large mailbox would fill the memory. */
static bool is_narrow(const struct client *client, const struct order *order)
{
    return client->replica.count > 30 && (order->kind == ORDER_COPY || order->kind == ORDER_MOVE);
}

static void print_numbers(struct client *client, struct order *order)
{
    unsigned count = client->replica.count, parts = dice_between(&client->dice, 1, 3);
    bool star = client->first == order; /* else it means what is the last one by then */

    for (unsigned i = 0; i < parts; i++) {
        unsigned low = dice_between(&client->dice, 1, count), high = low;
        if (!is_narrow(client, order) && dice_percent(&client->dice, 40))
            high = low + dice_below(&client->dice, count - low + 1);
        client_print(client, "%s", i ? "," : "");
        if (high == low)
            client_print(client, star && high == count && dice_percent(&client->dice, 30) ? "*" : "%u", low);
        else if (star && high == count && dice_percent(&client->dice, 30))
            client_print(client, "%u:*", low);
        else if (dice_percent(&client->dice, 10))
            client_print(client, "%u:%u", high, low);
        else
            client_print(client, "%u:%u", low, high);
        for (unsigned number = low; number <= high; number++) {
            if (!is_aimed_at(order, number))
                aim_at(client, order, number);
        }
    }
}

static uint32_t any_uid(struct client *client)
{
    const struct replica *replica = &client->replica;

    for (unsigned tries = 0; tries < 5 && replica->count > 0; tries++) {
        const struct entry *entry = &replica->entries[dice_below(&client->dice, replica->count)];
        if (entry->message)
            return entry->message->uid;
    }
    return dice_between(&client->dice, 1, replica->box ? replica->box->uidnext + 3 : 10);
}

/* Known ones; now and then one that there is not. */
static void print_uids(struct client *client, struct order *order)
{
    struct ranges *ranges = memory_take(&client->sim->memory, sizeof(*ranges));
    unsigned parts = dice_between(&client->dice, 1, 3);

    for (unsigned i = 0; i < parts; i++) {
        uint32_t a = any_uid(client), b = a;
        if (!is_narrow(client, order) && dice_percent(&client->dice, 40))
            b = any_uid(client);
        client_print(client, a == b ? "%s%u" : "%s%u:%u", i ? "," : "", a, b);
        ranges->range[ranges->count].low = a < b ? a : b;
        ranges->range[ranges->count++].high = a < b ? b : a;
    }
    order->uids = ranges;
    for (unsigned i = 0; i < client->replica.count; i++) {
        const struct entry *entry = &client->replica.entries[i];
        if (entry->message && ranges_contain(ranges, entry->message->uid))
            aim_at(client, order, i + 1);
    }
}

/* Of each that may live the client knows the number. */
static bool knows_saved(const struct client *client)
{
    for (unsigned i = 0; client->saved.known && i < client->saved.count; i++) {
        const struct message *message = client->saved.messages[i];
        if (!message->dead && replica_number(&client->replica, message) == 0)
            return false;
    }
    return client->saved.known;
}

/* `$`: those of what was saved that the client still counts. */
static bool print_saved(struct client *client, struct order *order)
{
    const struct replica *replica = &client->replica;
    const struct saved *saved = &client->saved;

    if (!client->sim->plan.returns || !knows_saved(client) || !dice_percent(&client->dice, saved->count > 0 ? 35 : 5) ||
        (is_narrow(client, order) && saved->count > 5))
        return false;
    order->dollar = true;
    client_print(client, "$");
    for (unsigned i = 0; i < replica->count; i++) {
        if (replica->entries[i].message && saved_has(saved, replica->entries[i].message))
            aim_at(client, order, i + 1);
    }
    return true;
}

static struct order *begin(struct client *client, enum order_kind kind, bool batch, const char *command)
{
    struct order *order = client_order(client, kind);

    order->uid = client->replica.count == 0 || (dice_percent(&client->dice, 45) && !(batch && false));
    client_print(client, "%s%s ", order->uid ? "UID " : "", command);
    if (print_saved(client, order))
        return order;
    if (order->uid)
        print_uids(client, order);
    else
        print_numbers(client, order);
    return order;
}

static void end(struct client *client, struct order *order)
{
    client_print(client, "\r\n");
    client_order_sent(client, order);
}

/* --- FETCH */

static const struct {
    unsigned item;
    const char *name, *peek_name;
} items[] = {{ITEM_UID, "UID", NULL},
             {ITEM_FLAGS, "FLAGS", NULL},
             {ITEM_SIZE, "RFC822.SIZE", NULL},
             {ITEM_DATE, "INTERNALDATE", NULL},
             {ITEM_ENVELOPE, "ENVELOPE", NULL},
             {ITEM_BODY, "BODY[]", "BODY.PEEK[]"},
             {ITEM_HEADER, "BODY[HEADER]", "BODY.PEEK[HEADER]"},
             {ITEM_TEXT, "BODY[TEXT]", "BODY.PEEK[TEXT]"},
             {ITEM_ID, "BODY[HEADER.FIELDS (X-ID)]", "BODY.PEEK[HEADER.FIELDS (X-ID)]"},
             {ITEM_PART, "BODY[]<3.40>", "BODY.PEEK[]<3.40>"},
             {ITEM_RFC822, "RFC822", NULL}};
#define ITEM_COUNT (sizeof(items) / sizeof(items[0]))

static void print_items(struct client *client, struct order *order)
{
    unsigned count = dice_between(&client->dice, 1, 3);
    bool peek = dice_percent(&client->dice, 60), first = true;

    order->peek = true;
    client_print(client, " (");
    for (unsigned i = 0; i < count; i++) {
        unsigned which = dice_below(&client->dice, ITEM_COUNT);
        bool sets_seen = items[which].peek_name || items[which].item == ITEM_RFC822;
        if (order->items & items[which].item)
            continue;
        if (items[which].item == ITEM_RFC822 && (peek || (order->items & ITEM_BODY)))
            continue;
        if (items[which].item == ITEM_BODY && (order->items & ITEM_RFC822))
            continue;
        order->items |= items[which].item;
        order->peek = order->peek && (peek || !sets_seen);
        client_print(client, "%s%s", first ? "" : " ",
                     peek && items[which].peek_name ? items[which].peek_name : items[which].name);
        first = false;
    }
    if (first) {
        order->items |= ITEM_FLAGS;
        client_print(client, "FLAGS");
    }
    client_print(client, ")");
}

void client_fetch(struct client *client, bool batch)
{
    struct order *order;

    if (dice_percent(&client->dice, 15)) {
        client_fetch_all(client, dice_percent(&client->dice, 50));
        return;
    }
    order = begin(client, ORDER_FETCH, batch, "FETCH");
    print_items(client, order);
    if (order->uid)
        order->items |= ITEM_UID;
    end(client, order);
}

void client_fetch_all(struct client *client, bool uid)
{
    struct order *order;
    uint32_t from = 1;

    if (!uid && client->replica.count == 0)
        uid = true;
    order = client_order(client, ORDER_FETCH);
    order->uid = uid;
    order->peek = true;
    order->items = ITEM_UID | ITEM_FLAGS;
    if (uid && client->replica.count > 0 && client->replica.entries[client->replica.count - 1].message &&
        dice_percent(&client->dice, 30))
        from = client->replica.entries[client->replica.count - 1].message->uid + 1;
    if (!uid && client->first != order)
        client_print(client, "FETCH 1:%u (UID FLAGS)", client->replica.count);
    else
        client_print(client, uid ? "UID FETCH %u:* (FLAGS)" : "FETCH %u:* (UID FLAGS)", from);
    if (uid) {
        order->uids = memory_take(&client->sim->memory, sizeof(*order->uids));
        order->uids->count = 1;
        order->uids->range[0].low = from;
        order->uids->range[0].high = UINT32_MAX;
        order->open_ended = true;
    }
    for (unsigned i = 0; i < client->replica.count && (!uid || from == 1); i++) {
        if (!uid || client->replica.entries[i].message)
            aim_at(client, order, i + 1);
    }
    end(client, order);
}

/* --- the others */

void client_store(struct client *client, bool batch)
{
    struct order *order = begin(client, ORDER_STORE, batch, "STORE");
    static const int signs[] = {'+', '+', '-', ' '};

    order->sign = signs[dice_below(&client->dice, 4)];
    order->silent = dice_percent(&client->dice, 40);
    order->flags = order->sign == ' ' ? dice_below(&client->dice, ALL_FLAGS + 1)
                                      : 1u << (dice_percent(&client->dice, 30) ? 3 : dice_below(&client->dice, FLAGS));
    client_print(client, " %.*sFLAGS%s %s", order->sign == ' ' ? 0 : 1, order->sign == '+' ? "+" : "-",
                 order->silent ? ".SILENT" : "", flags_print(client->user, order->flags, false));
    end(client, order);
}

static const char *const targets[] = {"INBOX", "Sent", "Archive/2026", "\"with space\"", "\"NIL\"", "none"};
static const char *const target_names[] = {"INBOX", "Sent", "Archive/2026", "with space", "NIL", "none"};

void client_copy(struct client *client, bool move, bool batch)
{
    unsigned target = dice_percent(&client->dice, 4) ? 5 : dice_below(&client->dice, client->sim->plan.boxes);
    struct order *order;

    if (client->replica.box && client->replica.box->all_count > 1500) {
        client_noop(client);
        return;
    }
    if (move && !(client->sim->plan.can & (CAN_MOVE | CAN_UIDPLUS)))
        move = false;
    order = begin(client, move ? ORDER_MOVE : ORDER_COPY, batch, move ? "MOVE" : "COPY");
    order->name = target_names[target];
    client_print(client, " %s", targets[target]);
    end(client, order);
}

void client_uid_expunge(struct client *client)
{
    struct order *order;

    if (!(client->sim->plan.can & CAN_UIDPLUS)) {
        client_noop(client);
        return;
    }
    order = client_order(client, ORDER_EXPUNGE);
    order->uid = true;
    client_print(client, "UID EXPUNGE ");
    if (!print_saved(client, order))
        print_uids(client, order);
    end(client, order);
}

void client_search(struct client *client, bool uid)
{
    struct order *order;

    if (client->replica.count == 0 || (client->sim->plan.searches_numbers && dice_percent(&client->dice, 60)))
        uid = true;
    order = client_order(client, ORDER_SEARCH);
    order->uid = uid;
    for (unsigned i = 0; i < client->replica.count; i++)
        aim_at(client, order, i + 1);
    client_print(client, "%sSEARCH ", uid ? "UID " : "");
    if (client->sim->plan.returns)
        client_print_return(client, order);
    order->key = client_new_key(client, order);
    client_saves(client, order);
    end(client, order);
}
