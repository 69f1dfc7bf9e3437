/* SEARCH, STATUS and LIST: what a client asks, and whether what it is told is so. Keys whose truth cannot change are
 * judged at any time, the others where everything is quiet. */
#include <string.h>

#include "sim/client.h"

enum key_kind { KEY_ALL, KEY_NUMBERS, KEY_UIDS, KEY_ID, KEY_FLAG, KEY_NO_FLAG, KEY_SAVED };

struct search_key_of {
    enum key_kind kind;
    bool negated;
    struct ranges *ranges;
    uint32_t value;
    bool quiet; /* asked when nothing changes */
    struct saved saved;
};

/* A key that holds for all, with a literal that comes in a packet of its own. */
static void add_literal(struct client *client, struct order *order)
{
    client_print(client, " NOT SUBJECT {4+}\r\n");
    order->begun = client->queued;
    client_end_packet(client);
    client_print(client, "none");
}

static bool asks_saved(struct client *client, struct order *order, struct search_key_of *key)
{
    if (!client->sim->plan.returns || !client->saved.known || !dice_percent(&client->dice, 20))
        return false;
    key->kind = KEY_SAVED;
    key->negated = dice_percent(&client->dice, 30);
    key->saved = client->saved;
    order->dollar = true;
    client_print(client, key->negated ? "NOT $" : "$");
    return true;
}

struct search_key_of *client_new_key(struct client *client, struct order *order)
{
    struct search_key_of *key = memory_take(&client->sim->memory, sizeof(*key));
    uint32_t count = client->replica.count, low, high;

    if (asks_saved(client, order, key))
        return key;
    key->kind = (enum key_kind)dice_below(&client->dice, KEY_NO_FLAG + 1);
    key->negated = dice_percent(&client->dice, 30);
    key->quiet = order->quiet;
    if (client->sim->plan.searches_numbers && dice_percent(&client->dice, 50))
        key->kind = KEY_NUMBERS;
    if (key->kind == KEY_NUMBERS && (count == 0 || (order->uid && !client->sim->plan.searches_numbers)))
        key->kind = KEY_ID;
    order->numbers = key->kind == KEY_NUMBERS;
    low = dice_between(&client->dice, 1, count + 1);
    high = low + dice_below(&client->dice, 20);
    client_print(client, "%s", key->negated ? "NOT " : "");
    if (key->kind == KEY_ALL) {
        client_print(client, "ALL");
    } else if (key->kind == KEY_NUMBERS || key->kind == KEY_UIDS) {
        key->ranges = memory_take(&client->sim->memory, sizeof(*key->ranges));
        key->ranges->count = 1;
        key->ranges->range[0].low = low;
        key->ranges->range[0].high = high;
        client_print(client, key->kind == KEY_UIDS ? "UID %u:%u" : "%u:%u", low, high);
        if (order->numbers && client->sim->plan.searches_numbers && dice_percent(&client->dice, 50))
            add_literal(client, order);
    } else if (key->kind == KEY_ID) {
        key->value = dice_between(&client->dice, 1, client->sim->next_identity);
        client_print(client, "HEADER X-ID %s.%u", client->user->name, key->value);
    } else {
        static const char *const names[] = {"SEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT"};
        key->value = dice_below(&client->dice, FLAGS);
        if (key->value < SYSTEM_FLAGS)
            client_print(client, "%s%s", key->kind == KEY_FLAG ? "" : "UN", names[key->value]);
        else
            client_print(client, "%sKEYWORD %s", key->kind == KEY_FLAG ? "" : "UN",
                         flag_name(client->user, key->value));
    }
    return key;
}

bool client_key_is_certain(const struct search_key_of *key)
{
    return key->quiet || (key->kind != KEY_FLAG && key->kind != KEY_NO_FLAG);
}

bool client_key_holds(const struct search_key_of *key, unsigned number, const struct message *message)
{
    bool is = true;

    switch (key->kind) {
    case KEY_ALL:
        break;
    case KEY_NUMBERS:
        is = ranges_contain(key->ranges, number);
        break;
    case KEY_UIDS:
        is = ranges_contain(key->ranges, message->uid);
        break;
    case KEY_ID:
        is = message->identity->number == key->value;
        break;
    case KEY_FLAG:
        is = (message->flags & (1u << key->value)) != 0;
        break;
    case KEY_NO_FLAG:
        is = (message->flags & (1u << key->value)) == 0;
        break;
    case KEY_SAVED:
        is = saved_has(&key->saved, message);
        break;
    }
    return is != key->negated;
}

bool client_key_is_closed(const struct client *client, const struct order *order)
{
    const struct search_key_of *key = order->key;
    const struct replica *replica = &client->replica;
    uint32_t high;

    if (key->negated)
        return false;
    if (key->kind == KEY_SAVED)
        return true;
    if ((key->kind != KEY_NUMBERS && key->kind != KEY_UIDS) || replica->count == 0)
        return false;
    high = key->ranges->range[0].high;
    return key->kind == KEY_NUMBERS ? high <= replica->count
                                    : replica->entries[replica->count - 1].message &&
                                          high <= replica->entries[replica->count - 1].message->uid;
}

void client_judge_found(struct client *client, const struct order *order, const struct aim *aim, bool found)
{
    if (order->vague)
        return;

    if (!aim->message || ((aim->message->dead || aim->message->hidden) && !found))
        return;
    if (found != client_key_holds(order->key, aim->number, aim->message))
        sim_fail(client->sim, "SEARCH", "%s, %s: number %u (UID %u) was %sfound", client->name, order->tag, aim->number,
                 aim->uid, found ? "" : "not ");
}

void client_take_search(struct client *client, struct cursor *cursor)
{
    struct order *order = client->first;
    bool *found;
    uint64_t number;

    if (order->kind != ORDER_SEARCH || order->search_answered || order->options != 0) {
        sim_fail(client->sim, "out of place", "%s: SEARCH that nobody has asked for", client->name);
        return;
    }
    order->search_answered = true;
    found = memory_take(&client->sim->memory, order->aim_count + 1);
    while (cursor_take(cursor, ' ')) {
        if (!cursor_number(cursor, &number) || number == 0 || (!order->uid && number > client->replica.count))
            sim_fail(client->sim, "SEARCH", "%s, %s: a number that it does not count", client->name, order->tag);
        for (unsigned i = 0; i < order->aim_count; i++) {
            if (order->uid ? order->aims[i].uid == number : order->aims[i].number == number)
                found[i] = true;
        }
        if (order->uid && client->replica.box && number <= UINT32_MAX &&
            !box_message(client->replica.box, (uint32_t)number))
            sim_fail(client->sim, "SEARCH", "%s, %s: UID %u was found, which there never was", client->name, order->tag,
                     (unsigned)number);
    }
    for (unsigned i = 0; client_key_is_certain(order->key) && i < order->aim_count; i++)
        client_judge_found(client, order, &order->aims[i], found[i]);
}

/* --- STATUS */

static void judge_item(struct client *client, const struct order *order, const struct box *box, struct slice item,
                       uint64_t number)
{
    usec since = order->sent_at - client->sim->plan.settings.freshness;
    unsigned low, high;
    bool right = true;

    if (box->ailment == UNFINDABLE)
        return;
    replica_bounds(box, since, &low, &high);
    if (slice_equal(item, SLICE("MESSAGES")))
        right = number <= high && (number >= low || client->sim->plan.liberties.says_nothing > 0);
    else if (slice_equal(item, SLICE("UIDNEXT")))
        right = number <= box->uidnext && (!order->quiet || number > box_highest(box));
    else if (slice_equal(item, SLICE("UNSEEN")))
        right = !order->quiet || number == box_unseen(box);
    else if (slice_equal(item, SLICE("UIDVALIDITY")))
        right = number == box->validity;
    if (!right)
        sim_fail(client->sim, "STATUS", "%s, %s: %.*s of %s is %llu (messages: %u to %u; unseen %u; uidnext %u)",
                 client->name, order->tag, (int)item.length, item.data, box->name, (unsigned long long)number, low,
                 high, box_unseen(box), box->uidnext);
}

void client_take_status(struct client *client, struct cursor *cursor)
{
    struct order *order = client->first;
    struct slice name;
    const struct box *box;
    uint64_t number;

    if (order->kind != ORDER_STATUS || !cursor_string(cursor, &name) || !cursor_word(cursor, " (")) {
        sim_fail(client->sim, "out of place", "%s: STATUS that nobody has asked for", client->name);
        return;
    }
    order->status_answered = true;
    box = box_find(client->user, name);
    if (!box || client->user->disturbed_at + USEC_MINUTE * 5 >= order->sent_at)
        return;
    do {
        struct slice item = cursor_atom(cursor);
        cursor_take(cursor, ' ');
        if (!cursor_number(cursor, &number))
            sim_fail(client->sim, "STATUS", "%s, %s: not a number", client->name, order->tag);
        judge_item(client, order, box, item, number);
    } while (cursor_take(cursor, ' '));
}

/* --- LIST */

void client_take_list(struct client *client, struct cursor *cursor)
{
    struct slice name;
    bool known = false;

    if (client->first->kind != ORDER_LIST)
        sim_fail(client->sim, "out of place", "%s: LIST that nobody has asked for", client->name);
    cursor_skip_value(cursor);
    cursor_take(cursor, ' ');
    cursor_skip_value(cursor);
    cursor_take(cursor, ' ');
    if (!cursor_string(cursor, &name))
        name = SLICE("");
    for (const struct box *box = client->user->boxes; box; box = box->next)
        known |= slice_equal(slice_of(box->name), name) || client->sim->plan.deletes;
    if (!known)
        sim_fail(client->sim, "LIST", "%s: %.*s is no mailbox", client->name, (int)name.length, name.data);
}
