/* The heart of the checks: numbers, UIDs, contents and flags as one client puts them together. */
#include "sim/replica.h"

#include <string.h>

#include "sim/resume.h"
#include "sim/server.h"

static void leave(struct replica *replica)
{
    const struct kept *kept = resume_keep(replica);

    if (kept)
        replica->kept = kept;
    replica->modseq = replica->modseq_said = replica->modseq_seen = 0;
    replica->nomodseq = false;
    if (replica->box && !replica->read_only)
        replica->box->left_at = sim_now(replica->sim);
}

void replica_begin(struct replica *replica)
{
    leave(replica);
    replica->selected = true;
    replica->since = sim_now(replica->sim);
    replica->box = NULL;
    replica->count = 0;
    replica->recent = 0;
    replica->view++;
}

void replica_end(struct replica *replica)
{
    leave(replica);
    replica->selected = false;
    replica->box = NULL;
    replica->count = 0;
}

void replica_exists(struct replica *replica, unsigned count, bool selecting)
{
    if (!replica->selected || count > 100000) {
        sim_fail(replica->sim, "EXISTS", "%s: %u EXISTS with nothing selected", replica->who, count);
        return;
    }
    if (!selecting && count <= replica->count) {
        sim_fail(replica->sim, "EXISTS", "%s: %u EXISTS after %u", replica->who, count, replica->count);
        return;
    }
    if (count > replica->capacity) {
        unsigned capacity = count * 2 + 16;
        replica->entries = memory_grow(&replica->sim->memory, replica->entries,
                                       replica->count * sizeof(*replica->entries), capacity * sizeof(struct entry));
        replica->capacity = capacity;
    }
    for (unsigned i = replica->count; i < count; i++)
        replica->entries[i] = (struct entry){0};
    replica->count = count;
}

void replica_expunge(struct replica *replica, unsigned number)
{
    const struct entry *entry = replica_entry(replica, number);

    if (!entry)
        return;
    if (entry->message && !entry->message->dead)
        sim_fail(replica->sim, "EXPUNGE", "%s: %u EXPUNGE, but message %u lives", replica->who, number,
                 entry->message->uid);
    memmove(replica->entries + number - 1, replica->entries + number,
            (replica->count - number) * sizeof(*replica->entries));
    replica->count--;
}

/* The entries from *first up to *last (exclusive) that may be this message: the client knows which UIDs stand before
 * and behind them. False: one of them is. */
static bool place_of(const struct replica *replica, uint32_t uid, unsigned *first, unsigned *last)
{
    *first = 0;
    for (*last = 0; *last < replica->count; (*last)++) {
        const struct message *message = replica->entries[*last].message;
        if (message && message->uid == uid)
            return false;
        if (message && message->uid > uid)
            break;
        if (message)
            *first = *last + 1;
    }
    return true;
}

/* Of those that the client could not name it takes any that stands where this one must; what it knew of the others
 * there may have been this one's. */
void replica_vanished(struct replica *replica, uint32_t uid)
{
    unsigned first, last;

    if (!place_of(replica, uid, &first, &last)) {
        replica_expunge(replica, last + 1);
        return;
    }
    if (first == last) {
        sim_fail(replica->sim, "VANISHED", "%s: UID %u, which it does not count", replica->who, uid);
        return;
    }
    for (unsigned i = first; i < last; i++)
        replica->entries[i] = (struct entry){0};
    replica_expunge(replica, first + 1);
}

void replica_settle_modseq(struct replica *replica)
{
    if (replica->modseq_said != 0)
        replica->modseq = replica->modseq_said;
    else if (replica->modseq != 0 && replica->modseq_seen > replica->modseq)
        replica->modseq = replica->modseq_seen;
    replica->modseq_said = replica->modseq_seen = 0;
}

void replica_recent(struct replica *replica, unsigned count)
{
    replica->recent = count;
    if (count > replica->count)
        sim_fail(replica->sim, "RECENT", "%s: %u RECENT of %u messages", replica->who, count, replica->count);
}

struct entry *replica_entry(struct replica *replica, unsigned number)
{
    if (number >= 1 && number <= replica->count)
        return &replica->entries[number - 1];
    sim_fail(replica->sim, "no such number", "%s is told of message number %u, and counts %u", replica->who, number,
             replica->count);
    return NULL;
}

unsigned replica_number(const struct replica *replica, const struct message *message)
{
    for (unsigned i = 0; i < replica->count; i++) {
        if (replica->entries[i].message == message)
            return i + 1;
    }
    return 0;
}

unsigned replica_unknown(const struct replica *replica)
{
    unsigned count = 0;

    for (unsigned i = 0; i < replica->count; i++)
        count += replica->entries[i].message == NULL;
    return count;
}

/* UIDs ascend with the numbers. */
static bool in_order(const struct replica *replica, unsigned number, uint32_t uid)
{
    for (unsigned i = number - 1; i-- > 0;) {
        if (replica->entries[i].message) {
            if (replica->entries[i].message->uid >= uid)
                return false;
            break;
        }
    }
    for (unsigned i = number; i < replica->count; i++) {
        if (replica->entries[i].message)
            return replica->entries[i].message->uid > uid;
    }
    return true;
}

static void learn_recent(struct replica *replica, unsigned number, struct message *message)
{
    const void *view = (const void *)(uintptr_t)((uintptr_t)replica + (uintptr_t)replica->view * 1000000007u);

    if (replica->read_only)
        return;
    if (message->recent_view && message->recent_view != view)
        sim_fail(replica->sim, "\\Recent", "%s: number %u, UID %u is \\Recent, and was to another before", replica->who,
                 number, message->uid);
    message->recent_view = view;
}

void replica_learn_uid(struct replica *replica, unsigned number, uint32_t uid)
{
    struct entry *entry = replica_entry(replica, number);
    struct message *message = replica->box && entry ? box_message(replica->box, uid) : NULL;

    if (!entry || !replica->box)
        return;
    if (!message)
        sim_fail(replica->sim, "wrong message", "%s: number %u has UID %u, which no message ever had", replica->who,
                 number, uid);
    else if (entry->message && entry->message != message)
        sim_fail(replica->sim, "wrong message", "%s: number %u was UID %u, and is now UID %u", replica->who, number,
                 entry->message->uid, uid);
    else if (entry->identity && entry->identity != message->identity)
        sim_fail(replica->sim, "wrong message", "%s: number %u was %s.%u, and is now UID %u, %s.%u", replica->who,
                 number, entry->identity->user->name, entry->identity->number, uid, message->identity->user->name,
                 message->identity->number);
    else if (!in_order(replica, number, uid))
        sim_fail(replica->sim, "wrong message", "%s: number %u cannot be UID %u: its neighbours", replica->who, number,
                 uid);
    else
        entry->message = message;
    if (!replica->sim->failed && entry->recent)
        learn_recent(replica, number, message);
}

void replica_learn_identity(struct replica *replica, unsigned number, struct identity *identity)
{
    struct entry *entry = replica_entry(replica, number);
    struct identity *known;

    if (!entry)
        return;
    known = entry->message ? entry->message->identity : entry->identity;
    if (replica->box && identity->user != replica->box->user)
        sim_fail(replica->sim, "another account", "%s is shown %s.%u", replica->who, identity->user->name,
                 identity->number);
    else if (known && known != identity)
        sim_fail(replica->sim, "wrong message", "%s: number %u is %s.%u, and was shown as %s.%u", replica->who, number,
                 known->user->name, known->number, identity->user->name, identity->number);
    entry->identity = identity;
}

/* Did the proxy know what the flags are when it told them? */
static void note_sure(const struct replica *replica, struct entry *entry)
{
    const struct message *message = entry->message;
    const struct server *server = server_watching(replica->box->user, replica->box);
    usec margin = replica->sim->plan.latency * 4 + 1000;

    entry->sure_selection = 0;
    if (!message || !server || message->learnt.selection != server->selection ||
        message->learnt.changes != message->changes || message->learnt.at + margin > sim_now(replica->sim) ||
        entry->flags != message->flags)
        return;
    entry->sure_selection = server->selection;
    entry->sure_changes = message->changes;
}

void replica_learn_flags(struct replica *replica, unsigned number, struct slice list, unsigned during)
{
    struct entry *entry = replica_entry(replica, number);
    uint32_t flags;
    bool recent;

    if (!entry || !replica->box)
        return;
    if (!flags_read(replica->box->user, list, &flags, &recent)) {
        sim_fail(replica->sim, "another account", "%s is told flags that its account does not have: %.*s", replica->who,
                 (int)list.length, list.data);
        return;
    }
    if (entry->message && !message_had_flags(entry->message, flags))
        sim_fail(replica->sim, "flags", "%s: UID %u never had the flags %.*s", replica->who, entry->message->uid,
                 (int)list.length, list.data);
    entry->recent |= recent;
    if (recent && entry->message)
        learn_recent(replica, number, entry->message);
    entry->flags_known = true;
    entry->flags = flags;
    entry->told_in = during;
    note_sure(replica, entry);
}

static void compare_flags(struct replica *replica)
{
    for (unsigned i = 0; i < replica->count; i++) {
        const struct entry *entry = &replica->entries[i];
        const struct message *message = box_living(replica->box, i);
        if (entry->flags_known && message && entry->flags != message->flags) {
            sim_fail(replica->sim, "flags", "%s believes that UID %u of %s has the flags %s, but it has %s",
                     replica->who, message->uid, replica->box->name,
                     flags_print(replica->box->user, entry->flags, false),
                     flags_print(replica->box->user, message->flags, false));
            return;
        }
    }
}

void replica_compare(struct replica *replica, bool flags)
{
    struct box *box = replica->box;
    unsigned number = 0;

    if (!box || box->ailment == UNFINDABLE)
        return; /* a map of it cannot be had */
    if (box->living != replica->count) {
        sim_fail(replica->sim, "not up to date", "%s counts %u messages in %s, the server has %u", replica->who,
                 replica->count, box->name, box->living);
        return;
    }
    for (size_t i = 0; i < box->all_count; i++) {
        const struct entry *entry;
        if (box->all[i]->dead)
            continue;
        entry = &replica->entries[number++];
        if (entry->message && entry->message != box->all[i]) {
            sim_fail(replica->sim, "not up to date", "%s: number %u of %s is UID %u, on the server UID %u",
                     replica->who, number, box->name, entry->message->uid, box->all[i]->uid);
            return;
        }
    }
    if (flags)
        compare_flags(replica);
}

void replica_bounds(const struct box *box, usec since, unsigned *low, unsigned *high)
{
    bool held_back = false; /* behind one that died before it could be named */

    *low = *high = 0;
    for (size_t i = 0; i < box->all_count; i++) {
        const struct message *message = box->all[i];
        held_back = held_back || (message->dead && message->died_at >= since);
        *low += !message->dead && message->born_at < since && !held_back;
        *high += !message->dead || message->died_at >= since;
    }
}
