/* Whose order is it? Looked up among all that the user's clients have sent and that have not been answered; those of
 * clients who are gone stay, since the proxy may still carry them out, once. */
#include "sim/orders.h"

#include <string.h>

#include "sim/client.h"
#include "sim/server.h"

struct order *order_new(struct client *client, enum order_kind kind)
{
    struct user *user = client->user;
    struct order *order = memory_take(&user->sim->memory, sizeof(*order));

    order->client = client;
    order->user = user;
    order->kind = kind;
    if (kind == ORDER_COPY || kind == ORDER_MOVE) {
        order->copy_number = ++user->copies;
        order->alone = true;
        for (const struct order *other = user->orders; other; other = other->next)
            order->alone = order->alone && other->kind != ORDER_COPY && other->kind != ORDER_MOVE;
    }
    order->next = user->orders;
    user->orders = order;
    return order;
}

void order_close(struct order *order)
{
    struct order **at = &order->user->orders;

    order->closed = true;
    while (*at && *at != order)
        at = &(*at)->next;
    if (*at)
        *at = order->next;
}

struct aim *order_add_aim(struct order *order)
{
    if (order->aim_count == order->aim_capacity) {
        unsigned capacity = order->aim_capacity ? order->aim_capacity * 2 : 8;
        order->aims = memory_grow(&order->user->sim->memory, order->aims, order->aim_count * sizeof(*order->aims),
                                  capacity * sizeof(*order->aims));
        order->aim_capacity = capacity;
    }
    order->aims[order->aim_count] = (struct aim){0};
    return &order->aims[order->aim_count++];
}

struct aim *order_aim(struct order *order, struct message *message)
{
    bool unknown = false;
    struct aim *aim;

    if (message->box != order->box)
        return NULL;
    for (unsigned i = 0; i < order->aim_count; i++) {
        if (order->aims[i].message == message)
            return &order->aims[i];
        unknown |= !order->aims[i].message;
    }
    /* One whose number the client does not know counts as meant if it may be. */
    if (!unknown && !(order->uids && (order->open_ended || ranges_contain(order->uids, message->uid))))
        return NULL;
    aim = order_add_aim(order);
    aim->uid = message->uid;
    aim->message = message;
    return aim;
}

/* --- copies are counted by message and target: how often carried out, and how often answered for */

static unsigned target_of(const char *name)
{
    static const char *const names[] = {"INBOX", "Sent", "Archive/2026", "with space", "NIL"};
    unsigned i = 0;

    while (i < 5 && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool is_copy(const struct order *order)
{
    return order->kind == ORDER_COPY || order->kind == ORDER_MOVE;
}

/* Orders that may still copy it there. */
static unsigned open_copies(const struct user *user, unsigned target, struct message *message)
{
    unsigned count = 0;

    for (struct order *order = user->orders; order; order = order->next)
        count += is_copy(order) && order->whole && target_of(order->name) == target && order_aim(order, message);
    return count;
}

bool order_has_copied(const struct order *order, const struct message *message)
{
    unsigned target = target_of(order->name);

    /* What another one was credited with meanwhile may have been this one's. */
    return message->copied[target] > message->settled[target] ||
           (message->settled[target] > 0 && message->settled_at[target] >= order->sent_at);
}

static void settle_folder(struct order *order)
{
    for (struct order *other = order->user->orders; other && order->carried_out == 0; other = other->next) {
        if (other == order || other->kind != order->kind || strcmp(other->name, order->name) != 0 ||
            other->carried_out == 0)
            continue;
        other->carried_out = 0;
        order->carried_out = 1;
    }
}

static void settle_copies(struct order *order, bool ok)
{
    for (unsigned i = 0; i < order->aim_count; i++) {
        struct message *message = order->aims[i].message;
        unsigned target = target_of(order->name);
        if (!message)
            continue;
        /* Of one that was not known when the command was sent it is not known whether it was meant. */
        if (ok && message->copied[target] > message->settled[target] && order->aims[i].number != 0) {
            message->settled[target]++;
            message->settled_at[target] = sim_now(order->user->sim);
        } else {
            message->uncertain[target]++;
        }
    }
}

static void nobody(struct server *server, const char *what, const struct message *message)
{
    sim_fail(server->sim, "nobody's order", "%s: %s of message %u in %s of %s, which no client has asked for",
             server->name, what, message->uid, message->box->name, message->box->user->name);
}

static void twice(struct server *server, const char *what, const struct message *message)
{
    sim_fail(server->sim, "done twice", "%s: %s of message %u in %s of %s", server->name, what, message->uid,
             message->box->name, message->box->user->name);
}

#define EACH_ORDER(order, user) (struct order *order = (user)->orders; order; order = order->next)

/* The aim at this message, if this order is for that STORE. */
static struct aim *stores(struct order *order, struct message *message, int sign, uint32_t flags)
{
    if (!order->whole || order->read_only || order->kind != ORDER_STORE || order->sign != sign || order->flags != flags)
        return NULL;
    return order_aim(order, message);
}

/* One execution is put down to one order, whichever: two clients may order the same, and then it may be done twice.
 * NULL: each of them has had its own. */
static struct aim *uncredited(const struct server *server, struct message *message, int sign, uint32_t flags)
{
    for
        EACH_ORDER(order, server->user)
        {
            struct aim *aim = stores(order, message, sign, flags);
            if (aim && !aim->credited)
                return aim;
        }
    return NULL;
}

/* What was ordered is still as one execution of it has left it: whoever looks finds it done. Where the same flags stood
 * there before, the proxy may not have heard of another's change: what it finds is then as before, too. */
static bool stands_as_stored(const struct aim *aim, const struct message *message, uint32_t flags)
{
    return aim->credited && !aim->had_been && aim->before != flags && message->flags == flags &&
           message->modseq == aim->modseq;
}

static bool moves_by_hand(struct order *order, struct message *message, int sign, uint32_t flags)
{
    return order->whole && !order->read_only && order->kind == ORDER_MOVE && sign == '+' && flags == DELETED &&
           order_aim(order, message) && message->copied[target_of(order->name)] > 0;
}

void order_stored(struct server *server, struct message *message, int sign, uint32_t flags)
{
    struct aim *credit = uncredited(server, message, sign, flags);
    unsigned found = 0;

    for
        EACH_ORDER(order, server->user)
        {
            struct aim *aim = stores(order, message, sign, flags);
            found += aim || moves_by_hand(order, message, sign, flags);
            if (!aim)
                continue;
            if (!credit && sign == ' ' && stands_as_stored(aim, message, flags))
                twice(server, "an absolute STORE", message);
            aim->done = true;
        }
    if (!found && !(message->removal_owed && sign == '+' && flags == DELETED))
        nobody(server, "STORE", message);
    if (!credit)
        return;
    credit->credited = true;
    credit->before = message->flags;
    credit->had_been = message_had_flags(message, flags);
    credit->sole = found == 1;
    credit->changes_before = message->changes;
    credit->stored_at = sim_now(server->sim);
    credit->modseq = message->box->modseq + (message->flags != flags ? 1 : 0);
}

/* An answered order takes an execution along: the next one is another's. */
static void settle_store(struct order *order)
{
    for (unsigned i = 0; i < order->aim_count; i++) {
        struct aim *aim = &order->aims[i];
        struct order *other = aim->message && aim->done && !aim->credited ? order->user->orders : NULL;
        for (; other && !aim->credited; other = other->next) {
            struct aim *its = other == order ? NULL : stores(other, aim->message, order->sign, order->flags);
            if (!its || !its->credited)
                continue;
            its->credited = false;
            aim->credited = true;
        }
    }
}

/* Its client has been told that it was copied and not removed yet. */
static void owe_removal(const struct order *order)
{
    for (unsigned i = 0; i < order->aim_count; i++) {
        struct message *message = order->aims[i].message;
        if (message && !message->dead && message->copied[target_of(order->name)] > 0)
            message->removal_owed = true;
    }
}

void order_settle(struct order *order, bool ok)
{
    if (order->kind == ORDER_MOVE && !ok)
        owe_removal(order);
    if (order->kind == ORDER_CREATE || order->kind == ORDER_DELETE || order->kind == ORDER_RENAME)
        settle_folder(order);
    else if (order->kind == ORDER_STORE)
        settle_store(order);
    else if (is_copy(order))
        settle_copies(order, ok);
}

void order_seen(struct server *server, struct message *message)
{
    for
        EACH_ORDER(order, server->user)
        {
            if (order->kind == ORDER_FETCH && order->whole && !order->peek && !order->read_only &&
                order_aim(order, message))
                return;
        }
    nobody(server, "setting \\Seen", message);
}

static bool same_name(const char *a, struct slice b)
{
    return slice_equal_nocase(slice_of(a), b); /* no two of the model's names differ in case only */
}

/* How well does this command fit that order? UINT32_MAX: not at all; else the messages that it leaves out. */
static unsigned misfit(struct order *order, struct message *const *messages, unsigned count)
{
    unsigned left_out = 0, present = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct aim *aim = order_aim(order, messages[i]);
        if (!aim || aim->done)
            return UINT32_MAX;
        present++;
    }
    for (unsigned i = 0; i < order->aim_count; i++)
        left_out += order->aims[i].message && !order->aims[i].message->dead;
    return left_out - (present < left_out ? present : left_out);
}

/* Of a set by number with a message that the proxy knew to be gone when the command came nothing is copied. */
static void check_ghosts(const struct order *order)
{
    const struct user *user = order->user;
    const struct sim *sim = user->sim;

    if (order->uid || order->dollar || !order->alone || user->copies != order->copy_number ||
        user->disturbed_at > order->sent_at - USEC_MINUTE)
        return;
    for (unsigned i = 0; i < order->aim_count; i++) {
        if (order->aims[i].done)
            return; /* a later part: what died meanwhile is told by the answer */
    }
    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct message *message = order->aims[i].message;
        if (order->aims[i].number != 0 && message && message->gone_told_at > 0 &&
            message->gone_told_at + sim->plan.latency * 4 + 1000 < order->sent_at)
            sim_fail(user->sim, "copied beside a ghost", "%s: UID %u of %s was gone, and others are copied", order->tag,
                     message->uid, message->box->name);
    }
}

/* Between its first command and its second one. */
static void depart_in_the_middle(const struct order *order)
{
    const struct sim *sim = order->user->sim;
    struct client *client = order->client;
    struct dice dice = dice_make(sim->seed, DICE_ACT, client->number, 4000000 + order->number);

    if (sim->plan.departs && !sim->quiet && client->first == order && client->vanish_at == UINT64_MAX &&
        dice_percent(&dice, 30))
        client_depart(client, dice_percent(&dice, 30));
}

/* Made of COPY, STORE and EXPUNGE. */
static void note_moves(struct message *const *messages, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        messages[i]->move_begun = sim_now(messages[i]->box->user->sim);
        messages[i]->move_refusals = messages[i]->box->user->refusals;
    }
}

/* Neither the server nor another program has got in the way. */
static bool is_half_moved(const struct message *message)
{
    const struct user *user = message->box->user;

    return message->move_begun > 0 && message->move_begun > user->disturbed_at && !message->dead &&
           user->refusals == message->move_refusals;
}

void orders_judge_moves(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.users; i++) {
        for (const struct box *box = sim->users[i].boxes; box; box = box->next) {
            for (size_t at = 0; !box->gone && box->ailment == SOUND && at < box->all_count; at++) {
                if (is_half_moved(box->all[at]))
                    sim_fail(sim, "half a move", "UID %u of %s of %s has been copied, and is still there",
                             box->all[at]->uid, box->name, box->user->name);
            }
        }
    }
}

void order_copied(struct server *server, struct message *const *messages, unsigned count, struct slice target,
                  bool move)
{
    struct order *best = NULL;
    unsigned least = UINT32_MAX;
    bool by_moves = !move; /* whichever it is, it is a MOVE */

    if (count == 0)
        return;
    for
        EACH_ORDER(order, server->user)
        {
            unsigned fit;
            if (!order->whole || !(order->kind == ORDER_MOVE || (order->kind == ORDER_COPY && !move)) ||
                !same_name(order->name, target) || (order->kind == ORDER_MOVE && order->read_only))
                continue;
            fit = misfit(order, messages, count);
            if (fit == UINT32_MAX)
                continue;
            by_moves &= order->kind == ORDER_MOVE;
            /* The first one of a client is likelier than one behind it, and than one of a client who is gone. */
            fit = fit * 2 + (order->client->first != order);
            if (fit <= least) { /* the older one of two alike */
                least = fit;
                best = order;
            }
        }
    for (unsigned i = 0; i < count; i++) {
        unsigned to = target_of(memory_text(&server->sim->memory, target));
        if (open_copies(server->user, to, messages[i]) == 0)
            nobody(server, "COPY or MOVE", messages[i]);
        if (++messages[i]->copied[to] - messages[i]->settled[to] >
            open_copies(server->user, to, messages[i]) + messages[i]->uncertain[to])
            twice(server, "COPY or MOVE", messages[i]);
    }
    if (best)
        check_ghosts(best);
    if (best && by_moves) {
        note_moves(messages, count);
        depart_in_the_middle(best);
    }
    for (unsigned i = 0; best && i < count; i++) {
        struct aim *aim = order_aim(best, messages[i]);
        aim->done = true;
        aim->removed = move;
    }
}

void order_expunged(struct server *server, struct message *message)
{
    for
        EACH_ORDER(order, server->user)
        {
            struct aim *aim = NULL;
            if (!order->whole || order->box != message->box || order->read_only)
                continue;
            if (order->kind == ORDER_EXPUNGE && !order->uid)
                return;
            if (order->kind == ORDER_CLOSE && (!server_can(server, CAN_UIDPLUS) || order->disturbed ||
                                               order->client->slow || client_counts(order->client, message)))
                return;
            if ((order->kind == ORDER_EXPUNGE || order->kind == ORDER_MOVE) && (aim = order_aim(order, message)) &&
                (order->kind == ORDER_EXPUNGE || message->copied[target_of(order->name)] > 0)) {
                aim->removed = true;
                return;
            }
        }
    if (!message->removal_owed)
        nobody(server, "EXPUNGE", message);
}

void order_expunge_runs(struct server *server)
{
    for
        EACH_ORDER(order, server->user)
        {
            if ((order->kind == ORDER_EXPUNGE || order->kind == ORDER_CLOSE) && order->whole &&
                order->box == server->box)
                order->carried_out++;
        }
}

void order_appended(struct server *server, struct slice target, struct identity *identity, uint32_t flags)
{
    for
        EACH_ORDER(order, server->user)
        {
            if (order->kind != ORDER_APPEND || order->identity != identity)
                continue;
            if (!order->whole)
                sim_fail(server->sim, "nobody's order", "%s: APPEND of message %u that has not come to its end",
                         server->name, identity->number);
            if (!same_name(order->name, target) || order->flags != flags)
                sim_fail(server->sim, "nobody's order",
                         "%s: APPEND of message %u to another place, or with other flags", server->name,
                         identity->number);
            if (identity->delivered++ > 0)
                sim_fail(server->sim, "done twice", "%s: APPEND of message %u", server->name, identity->number);
            return;
        }
    sim_fail(server->sim, "nobody's order", "%s: APPEND of message %u, which no client has asked for (any more)",
             server->name, identity->number);
}

void order_folder(struct server *server, enum order_kind kind, struct slice name, struct slice new_name)
{
    bool done = false;

    for
        EACH_ORDER(order, server->user)
        {
            if (order->kind != kind || !order->whole || !same_name(order->name, name) ||
                (order->new_name && !same_name(order->new_name, new_name)))
                continue;
            done |= order->carried_out > 0;
            if (order->carried_out == 0) {
                order->carried_out++;
                return;
            }
        }
    sim_fail(server->sim, done ? "done twice" : "nobody's order", "%s: CREATE, DELETE or RENAME of %.*s", server->name,
             (int)name.length, name.data);
}
