/* FETCH as a client reads it: every item must be of the message that it means, and asked for. */
#include <string.h>

#include "sim/client.h"
#include "sim/server.h"

struct told {
    unsigned number, items;
    uint32_t uid;
    struct slice flags;
    bool invented; /* NIL, size 0: what servers say of the dead */
    struct identity *identity;
};

static void wrong(struct client *client, const struct told *told, const char *why, struct slice item)
{
    sim_fail(client->sim, "wrong message", "%s: FETCH of number %u: %s: %.*s", client->name, told->number, why,
             (int)(item.length < 100 ? item.length : 100), item.data);
}

/* Whose content is it? */
static void take_content(struct client *client, struct told *told, unsigned item, struct slice content)
{
    const struct entry *entry = &client->replica.entries[told->number - 1];
    struct identity *identity = entry->message ? entry->message->identity : entry->identity;
    struct slice is;

    if (!identity && item != ITEM_TEXT && item != ITEM_PART)
        identity = identity_of(client->sim, content);
    if (!identity)
        return;
    is = (struct slice){identity->text, identity->size};
    if (item == ITEM_HEADER)
        is.length = identity->header;
    else if (item == ITEM_TEXT)
        is = (struct slice){is.data + identity->header, is.length - identity->header};
    else if (item == ITEM_ID)
        is = slice_of(identity->id_header);
    else if (item == ITEM_PART)
        is = (struct slice){is.data + PART_START,
                            is.length - PART_START < PART_COUNT ? is.length - PART_START : PART_COUNT};
    if (!slice_equal(is, content))
        wrong(client, told, "the content is not that of this message", content);
    told->identity = identity;
}

static void take_size(struct client *client, struct told *told, struct cursor *cursor)
{
    const struct entry *entry = &client->replica.entries[told->number - 1];
    uint64_t size = 0;

    if (!cursor_number(cursor, &size))
        wrong(client, told, "no size", SLICE(""));
    if (size == 0)
        told->invented = true;
    else if (entry->message && entry->message->identity->counted != size)
        wrong(client, told, "the size is not that of this message", SLICE(""));
}

static void take_envelope(struct client *client, struct told *told, struct cursor *cursor)
{
    const struct entry *entry = &client->replica.entries[told->number - 1];
    const char *begin = cursor->at;
    char id[40];

    cursor_skip_value(cursor);
    if (cursor->at - begin < 50)
        told->invented = true;
    else if (entry->message) {
        snprintf(id, sizeof(id), "\"id%u\")", entry->message->identity->number);
        if (!memmem(begin, (size_t)(cursor->at - begin), id, strlen(id)))
            wrong(client, told, "the envelope is not that of this message",
                  (struct slice){begin, (size_t)(cursor->at - begin)});
    }
}

static void take_date(struct client *client, struct told *told, struct cursor *cursor)
{
    const struct entry *entry = &client->replica.entries[told->number - 1];
    struct slice date;
    char is[40];

    if (!cursor_string(cursor, &date))
        wrong(client, told, "no date", SLICE(""));
    if (!entry->message)
        return;
    snprintf(is, sizeof(is), "01-Jan-2026 00:%02u:%02u +0000", entry->message->identity->number / 60 % 60,
             entry->message->identity->number % 60);
    if (!slice_equal(date, slice_of(is)))
        wrong(client, told, "the date is not that of this message", date);
}

static unsigned section(struct slice name)
{
    static const struct {
        const char *name;
        unsigned item;
    } names[] = {{"BODY[]", ITEM_BODY},     {"BODY[HEADER]", ITEM_HEADER},
                 {"BODY[TEXT]", ITEM_TEXT}, {"BODY[HEADER.FIELDS (X-ID)]", ITEM_ID},
                 {"BODY[]<3>", ITEM_PART},  {"RFC822", ITEM_RFC822}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(name, slice_of(names[i].name)))
            return names[i].item;
    }
    return 0;
}

static void take_section(struct client *client, struct told *told, struct cursor *cursor, struct slice name)
{
    unsigned item = section(name);
    struct slice content;
    bool nil = cursor->at < cursor->end && *cursor->at == 'N';

    if (item == 0 || !cursor_string(cursor, &content)) {
        wrong(client, told, "not an item", name);
        return;
    }
    if (told->items & item)
        wrong(client, told, "the same item twice", name);
    told->items |= item;
    if (nil)
        told->invented = true;
    else
        take_content(client, told, item, content);
}

/* Never higher than the message's now; where they begin again an old one may be. */
static void take_modseq(struct client *client, struct told *told, struct cursor *cursor)
{
    const struct entry *entry = &client->replica.entries[told->number - 1];
    uint64_t modseq = 0;

    if (!cursor_take(cursor, '(') || !cursor_number(cursor, &modseq) || !cursor_take(cursor, ')'))
        wrong(client, told, "no mod-sequence", SLICE(""));
    if (!client->replica.qresync)
        wrong(client, told, "MODSEQ that nobody has switched on", SLICE(""));
    if (entry->message && modseq > entry->message->modseq && !entry->message->box->modseqs_begin)
        wrong(client, told, "a mod-sequence that the message has not had", SLICE(""));
    if (modseq > client->replica.modseq_seen)
        client->replica.modseq_seen = modseq;
}

static void take_item(struct client *client, struct told *told, struct cursor *cursor)
{
    struct slice name = cursor_atom(cursor);
    uint64_t uid = 0;

    cursor_take(cursor, ' ');
    if (slice_equal(name, SLICE("UID"))) {
        if (!cursor_number(cursor, &uid))
            wrong(client, told, "no UID", SLICE(""));
        told->uid = (uint32_t)uid;
        told->items |= ITEM_UID;
        replica_learn_uid(&client->replica, told->number, told->uid);
    } else if (slice_equal(name, SLICE("FLAGS"))) {
        const char *begin = cursor->at;
        cursor_skip_value(cursor);
        told->flags = (struct slice){begin + 1, (size_t)(cursor->at - begin) - 2};
        told->items |= ITEM_FLAGS;
    } else if (slice_equal(name, SLICE("MODSEQ"))) {
        take_modseq(client, told, cursor);
    } else if (slice_equal(name, SLICE("RFC822.SIZE"))) {
        told->items |= ITEM_SIZE;
        take_size(client, told, cursor);
    } else if (slice_equal(name, SLICE("INTERNALDATE"))) {
        told->items |= ITEM_DATE;
        take_date(client, told, cursor);
    } else if (slice_equal(name, SLICE("ENVELOPE"))) {
        told->items |= ITEM_ENVELOPE;
        take_envelope(client, told, cursor);
    } else {
        take_section(client, told, cursor, name);
    }
}

/* The aim of the order in progress that has this number. */
static struct aim *aim_of(struct client *client, const struct told *told)
{
    struct order *order = client->first;
    const struct entry *entry = &client->replica.entries[told->number - 1];

    if (order->kind != ORDER_FETCH && order->kind != ORDER_STORE)
        return NULL;
    if (order->uid)
        return entry->message ? order_aim(order, entry->message) : NULL;
    for (unsigned i = 0; i < order->aim_count; i++) {
        if (order->aims[i].number == told->number)
            return &order->aims[i];
    }
    return NULL;
}

static void check_asked(struct client *client, const struct told *told)
{
    struct order *order = client->first;
    unsigned data = told->items & ~(unsigned)(ITEM_UID | ITEM_FLAGS);
    const struct entry *entry = &client->replica.entries[told->number - 1];
    struct aim *aim = aim_of(client, told);

    if (order->vague)
        return;
    if (data && (!aim || order->kind != ORDER_FETCH || (data & ~order->items)))
        wrong(client, told, "an item that was not asked for", SLICE(""));
    if ((told->items & ITEM_UID) && !client->replica.qresync && !(aim && (order->uid || (order->items & ITEM_UID))))
        wrong(client, told, "a UID that nobody asked for", SLICE(""));
    if (data && order->uid && !(told->items & ITEM_UID))
        wrong(client, told, "no UID in the answer to a UID command", SLICE(""));
    if (aim && (aim->answered & data))
        wrong(client, told, "the same item again", SLICE(""));
    if (aim && aim->message && entry->message && aim->message != entry->message)
        wrong(client, told, "it is not the message that was meant", SLICE(""));
    if (told->invented && entry->message && !entry->message->dead)
        wrong(client, told, "invented content of a message that lives", SLICE(""));
    if (aim)
        aim->answered |= told->items;
}

/* In the answer to a silent STORE: does it say what the client knows already? Then nothing was hiding in it: the proxy
 * knew every change that the client did not make itself, and had told it. */
static void check_silence(struct client *client, const struct told *told)
{
    struct order *order = client->first;
    const struct entry *entry = &client->replica.entries[told->number - 1];
    const struct server *server = client->replica.box ? server_watching(client->user, client->replica.box) : NULL;
    const struct aim *aim = order->kind == ORDER_STORE && order->silent ? aim_of(client, told) : NULL;

    if (!aim || client->slow || !aim->credited || !aim->sole || !entry->message || !server)
        return;
    if (entry->sure_selection != 0 && entry->sure_selection == server->selection &&
        entry->sure_changes == aim->changes_before && entry->message->changed_at <= aim->stored_at)
        order->superfluous = told->number;
}

void client_take_fetch(struct client *client, unsigned number, struct cursor *cursor)
{
    struct told told = {.number = number};

    if (!replica_entry(&client->replica, number))
        return;
    do {
        take_item(client, &told, cursor);
        if (client->sim->failed)
            return;
    } while (cursor_take(cursor, ' '));
    if (!cursor_take(cursor, ')') || !cursor_ends(cursor))
        wrong(client, &told, "the answer does not end well",
              (struct slice){cursor->at, (size_t)(cursor->end - cursor->at)});
    if (told.identity)
        replica_learn_identity(&client->replica, number, told.identity);
    if (told.items & ITEM_FLAGS)
        check_silence(client, &told);
    if (told.items & ITEM_FLAGS)
        replica_learn_flags(&client->replica, number, told.flags, client->first->number);
    check_asked(client, &told);
}
