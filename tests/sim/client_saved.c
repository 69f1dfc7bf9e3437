/* SEARCH with RETURN: what is told must agree with itself and with what is so; and what `$` is for this client from
 * then on, as far as it can know. RFC 4731, RFC 5182. */
#include <string.h>

#include "sim/client.h"

/* --- asking */

static const struct {
    unsigned option;
    const char *name;
} options[] = {
    {RETURN_MIN, "MIN"}, {RETURN_MAX, "MAX"}, {RETURN_ALL, "ALL"}, {RETURN_COUNT, "COUNT"}, {RETURN_SAVE, "SAVE"}};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

void client_print_return(struct client *client, struct order *order)
{
    unsigned mix = dice_below(&client->dice, 1u << OPTIONS);
    const char *before = "";

    if (dice_percent(&client->dice, 25))
        return;
    order->options = RETURN_GIVEN | mix;
    client_print(client, "RETURN (");
    for (size_t i = 0; i < OPTIONS; i++) {
        if (!(mix & options[i].option))
            continue;
        client_print(client, "%s%s", before, options[i].name);
        before = " ";
    }
    client_print(client, ") ");
    if (mix == 0)
        order->options |= RETURN_ALL;
}

bool client_expects_answer(const struct order *order)
{
    return order->options == 0 || (order->options & (RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT));
}

/* --- what is saved */

static void know(struct client *client)
{
    client->saved = (struct saved){.known = true};
}

static void doubt(struct client *client)
{
    client->saved = (struct saved){.known = false};
}

void client_saves_nothing(struct client *client)
{
    know(client);
}

static void add(struct client *client, struct message *message)
{
    struct saved *saved = &client->saved;

    if (saved->count == saved->capacity) {
        unsigned capacity = saved->capacity ? saved->capacity * 2 : 8;
        saved->messages = memory_grow(&client->sim->memory, saved->messages, saved->count * sizeof(struct message *),
                                      capacity * sizeof(struct message *));
        saved->capacity = capacity;
    }
    saved->messages[saved->count++] = message;
}

bool saved_has(const struct saved *saved, const struct message *message)
{
    for (unsigned i = 0; i < saved->count; i++) {
        if (saved->messages[i] == message)
            return true;
    }
    return false;
}

/* All that the key holds for is saved, not the ends alone. */
static bool saves_all(const struct order *order)
{
    return (order->options & (RETURN_ALL | RETURN_COUNT)) || !(order->options & (RETURN_MIN | RETURN_MAX));
}

/* Those of the aims for which the key holds; nothing is known if one of them cannot be judged. */
static void save_aims(struct client *client, const struct order *order)
{
    know(client);
    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        if (!aim->message || aim->message->hidden) {
            doubt(client);
            return;
        }
        if (client_key_holds(order->key, aim->number, aim->message))
            add(client, aim->message);
    }
}

/* Nothing that arrives meanwhile can be found, either. */
void client_saves(struct client *client, const struct order *order)
{
    if (!(order->options & RETURN_SAVE))
        return;
    doubt(client);
    if (saves_all(order) && client_key_is_closed(client, order))
        save_aims(client, order);
}

static bool is_aim(const struct order *order, const struct message *message)
{
    for (unsigned i = 0; i < order->aim_count; i++) {
        if (order->aims[i].message == message)
            return true;
    }
    return false;
}

/* Some have come while it searched, and whether they were found nobody has said. */
static bool some_are_new(const struct client *client, const struct order *order)
{
    for (unsigned i = 0; i < client->replica.count; i++) {
        const struct message *message = client->replica.entries[i].message;
        if (!message || !is_aim(order, message))
            return true;
    }
    return false;
}

/* A further search behind this one has said already what is saved then. */
static bool is_followed_by_a_save(const struct order *order)
{
    for (const struct order *next = order->next_of_client; next; next = next->next_of_client) {
        if (next->options & RETURN_SAVE)
            return true;
    }
    return false;
}

void client_has_saved(struct client *client, const struct order *order)
{
    if (!(order->options & RETURN_SAVE) || is_followed_by_a_save(order))
        return;
    if (order->told_known) {
        know(client);
        for (unsigned i = 0; i < order->told_count; i++)
            add(client, order->told[i]);
    } else if (saves_all(order) && !order->vague && client_key_is_certain(order->key) && !some_are_new(client, order)) {
        save_aims(client, order);
    } else {
        doubt(client);
    }
}

/* It may be any message by now. */
static void be_vague(struct client *client, struct order *order)
{
    order->vague = true;
    order->uids = memory_take(&client->sim->memory, sizeof(*order->uids));
    order->uids->count = 1;
    order->uids->range[0].low = 1;
    order->uids->range[0].high = UINT32_MAX;
    for (unsigned i = 0; i < order->aim_count; i++)
        order->aims[i].number = 0;
}

/* What was sent behind it in the belief that it would save something is about nothing, or about what was saved before.
 */
void client_has_not_saved(struct client *client, const struct order *order)
{
    if (!(order->options & RETURN_SAVE))
        return;
    for (struct order *next = order->next_of_client; next; next = next->next_of_client) {
        if (next->dollar)
            be_vague(client, next);
        if (next->options & RETURN_SAVE)
            return;
    }
    doubt(client);
}

/* --- what is told */

struct told {
    unsigned items; /* RETURN_... */
    uint64_t min, max, count;
    struct ranges *all;
};

static void wrong(struct client *client, const char *why)
{
    sim_fail(client->sim, "ESEARCH", "%s, %s: %s", client->name, client->first->tag, why);
}

static bool is_number(struct client *client, uint64_t number)
{
    const struct order *order = client->first;

    if (!order->uid)
        return number >= 1 && number <= client->replica.count;
    return number >= 1 && number <= UINT32_MAX &&
           (!client->replica.box || box_message(client->replica.box, (uint32_t)number));
}

static bool take_item(struct client *client, struct cursor *cursor, struct told *told, unsigned option)
{
    told->items |= option;
    if (option == RETURN_COUNT)
        return cursor_number(cursor, &told->count);
    if (option == RETURN_MIN)
        return cursor_number(cursor, &told->min) && is_number(client, told->min);
    if (option == RETURN_MAX)
        return cursor_number(cursor, &told->max) && is_number(client, told->max);
    told->all = memory_take(&client->sim->memory, sizeof(*told->all));
    if (option != RETURN_ALL || !cursor_set(cursor, told->all))
        return false;
    for (size_t i = 0; i < told->all->count; i++) {
        if (!is_number(client, told->all->range[i].low) || !is_number(client, told->all->range[i].high))
            return false;
    }
    return true;
}

static bool take_items(struct client *client, struct cursor *cursor, struct told *told)
{
    while (cursor_take(cursor, ' ')) {
        struct slice name = cursor_atom(cursor);
        size_t i = 0;
        while (i < OPTIONS && !slice_equal(name, slice_of(options[i].name)))
            i++;
        if (i == OPTIONS || (told->items & options[i].option) || !cursor_take(cursor, ' ') ||
            !take_item(client, cursor, told, options[i].option))
            return false;
    }
    return cursor_ends(cursor);
}

static uint64_t size_of(const struct ranges *ranges)
{
    uint64_t size = 0;

    for (size_t i = 0; i < ranges->count; i++)
        size += (uint64_t)ranges->range[i].high - ranges->range[i].low + 1;
    return size;
}

/* Each option that was asked for is told, and no other; of nothing found only the count. */
static bool is_whole(const struct told *told, const struct order *order)
{
    unsigned asked = order->options & (RETURN_MIN | RETURN_MAX | RETURN_ALL | RETURN_COUNT);
    bool none = told->items & RETURN_COUNT ? told->count == 0 : told->items == 0;

    return told->items == (none ? asked & RETURN_COUNT : asked);
}

static bool agrees_with_itself(const struct told *told)
{
    const struct ranges *all = told->all;

    if ((told->items & RETURN_MIN) && (told->items & RETURN_MAX) && told->min > told->max)
        return false;
    if (!all)
        return true;
    if ((told->items & RETURN_COUNT) && told->count != size_of(all))
        return false;
    return (!(told->items & RETURN_MIN) || told->min == all->range[0].low) &&
           (!(told->items & RETURN_MAX) || told->max == all->range[all->count - 1].high);
}

/* 1: it was found; 0: it was not; -1: the answer does not say. */
static int says(const struct order *order, const struct told *told, uint64_t number)
{
    bool none = told->items == 0 || told->items == RETURN_COUNT;

    if (order->options & RETURN_ALL)
        return told->all && ranges_contain(told->all, (uint32_t)number);
    if (none && (order->options & (RETURN_MIN | RETURN_MAX)))
        return 0;
    if ((told->items & RETURN_MIN) && number <= told->min)
        return number == told->min;
    if ((told->items & RETURN_MAX) && number >= told->max)
        return number == told->max;
    return -1;
}

static void judge(struct client *client, const struct order *order, const struct told *told)
{
    uint64_t least = 0;

    if (order->vague || !client_key_is_certain(order->key))
        return;
    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        int said = !order->uid || aim->message ? says(order, told, order->uid ? aim->uid : aim->number) : -1;
        if (said >= 0)
            client_judge_found(client, order, aim, said != 0);
        least += aim->message && !aim->message->dead && !aim->message->hidden &&
                 client_key_holds(order->key, aim->number, aim->message);
    }
    if ((told->items & RETURN_COUNT) && (told->count < least || told->count > client->replica.count))
        wrong(client, "the count cannot be");
}

static void note(struct client *client, struct order *order, uint64_t number)
{
    struct message *message = NULL;

    if (order->uid)
        message = client->replica.box ? box_message(client->replica.box, (uint32_t)number) : NULL;
    else if (number <= client->replica.count)
        message = client->replica.entries[number - 1].message;
    order->told_known &= message != NULL;
    order->told[order->told_count++] = message;
}

/* The messages that are saved, if the answer says all of them. */
static void note_told(struct client *client, struct order *order, const struct told *told)
{
    bool ends = !saves_all(order);
    uint64_t most = 2 + (told->all ? size_of(told->all) : 0);

    order->told_known = ends || (order->options & RETURN_ALL);
    order->told = memory_take(&client->sim->memory, most * sizeof(struct message *));
    for (size_t i = 0; !ends && told->all && i < told->all->count; i++) {
        for (uint64_t number = told->all->range[i].low; number <= told->all->range[i].high; number++) {
            if (!order->uid || (client->replica.box && box_message(client->replica.box, (uint32_t)number)))
                note(client, order, number);
        }
    }
    if (ends && (told->items & RETURN_MIN))
        note(client, order, told->min);
    if (ends && (told->items & RETURN_MAX))
        note(client, order, told->max);
}

void client_take_esearch(struct client *client, struct cursor *cursor)
{
    struct order *order = client->first;
    struct told told = {0};
    struct slice tag;

    if (order->kind != ORDER_SEARCH || order->search_answered || order->options == 0 || !client_expects_answer(order)) {
        sim_fail(client->sim, "out of place", "%s: ESEARCH that nobody has asked for", client->name);
        return;
    }
    order->search_answered = true;
    if (!cursor_word(cursor, " (TAG ") || !cursor_string(cursor, &tag) || !slice_equal(tag, slice_of(order->tag)) ||
        !cursor_take(cursor, ')') || cursor_word(cursor, " UID") != order->uid)
        wrong(client, "another command's answer, or of another form");
    else if (!take_items(client, cursor, &told))
        wrong(client, "a number that it does not count, or no answer at all");
    else if (!is_whole(&told, order))
        wrong(client, "not what was asked for");
    else if (!agrees_with_itself(&told))
        wrong(client, "it contradicts itself");
    if (client->sim->failed)
        return;
    judge(client, order, &told);
    note_told(client, order, &told);
}
