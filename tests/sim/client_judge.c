/* The end of a command: what was answered OK is true on the server, what was refused had a reason, and what the client
 * may now take for granted. */
#include <string.h>

#include "sim/client.h"

static void wrong(struct client *client, const struct order *order, const char *check, const char *why)
{
    sim_fail(client->sim, check, "%s, %s: %s", client->name, order->tag, why);
}

static bool undisturbed_since(const struct client *client, usec since)
{
    return client->user->disturbed_at < since;
}

/* From when on the client must know everything. Fresh is what was answered not long ago, and the answer itself is as
 * old as its way from the server. */
static usec known_from(const struct client *client, const struct order *order)
{
    const struct plan *plan = &client->sim->plan;

    return order->sent_at - plan->settings.freshness - plan->latency * (plan->split ? 300 : 2);
}

/* The number may be right by chance: one gone, one come. */
static void check_gone(const struct client *client, const struct order *order, usec since)
{
    for (unsigned i = 0; i < client->replica.count; i++) {
        const struct message *message = client->replica.entries[i].message;
        if (message && message->dead && message->died_at < since)
            sim_fail(client->sim, "not fresh", "%s, %s: counts UID %u, which was gone before", client->name, order->tag,
                     message->uid);
    }
}

static void check_count(struct client *client, const struct order *order)
{
    const struct replica *replica = &client->replica;
    usec since = known_from(client, order);
    unsigned low, high;

    if (!replica->box || !undisturbed_since(client, since - USEC_MINUTE * 2))
        return;
    if (order->in_pieces)
        return; /* a command behind it was on its way, and held expunges back */
    if (client->sim->plan.liberties.says_nothing > 0 || replica->box->ailment == UNFINDABLE)
        return; /* the UIDs of the new ones may be among what it does not say */
    replica_bounds(replica->box, since, &low, &high);
    check_gone(client, order, since);
    if (replica->count < low || replica->count > high)
        sim_fail(client->sim, "not fresh", "%s, %s: counts %u messages in %s, and %u to %u it should be", client->name,
                 order->tag, replica->count, replica->box->name, low, high);
}

/* OK means that the server was asked after the command had come, or not long before, and that it has answered. */
static void check_look(struct client *client, const struct order *order, const struct box *box)
{
    usec freshness = client->sim->plan.settings.freshness, since = order->sent_at;

    if (!box || box->gone || client->user->ends > 0)
        return;
    if (freshness > 0 && !undisturbed_since(client, order->sent_at - freshness - USEC_MINUTE * 2))
        return; /* how long its answer was on the way nobody knows */
    if (freshness > 0)
        since = known_from(client, order);
    if (box->looked_at < since)
        sim_fail(client->sim, "no look", "%s, %s: OK, but the last look at %s was %lld us before the command came",
                 client->name, order->tag, box->name, (long long)(order->sent_at - box->looked_at));
}

/* --- SELECT */

/* Its mailbox, if that is one without UIDVALIDITY. */
static struct box *nameless_box(const struct client *client, const struct order *order)
{
    struct box *box = box_find(client->user, slice_of(order->name));

    return box && box->ailment == NAMELESS ? box : NULL;
}

static void judge_select(struct client *client, const struct order *order, struct slice code)
{
    struct replica *replica = &client->replica;

    client_saves_nothing(client);
    if (client->told_validity == 0 && replica->selected)
        replica->box = nameless_box(client, order);
    if (!replica->box && client->told_validity == 0 && client->sim->plan.ailment == NAMELESS && client->user->ends > 0)
        return; /* renamed or replaced meanwhile: which one it is nobody knows */
    if (!replica->box || !replica->selected) {
        wrong(client, order, "SELECT", "EXISTS or UIDVALIDITY is missing");
        return;
    }
    replica->read_only = slice_equal(code, SLICE("READ-ONLY"));
    if (replica->read_only != (order->kind == ORDER_EXAMINE))
        wrong(client, order, "SELECT", "READ-ONLY and READ-WRITE are confused");
    if (!slice_equal_nocase(slice_of(order->name), slice_of(replica->box->name)) && client->user->ends == 0)
        wrong(client, order, "SELECT", "another mailbox");
    resume_end(&order->resume, replica);
    check_count(client, order);
    check_look(client, order, replica->box);
    if (client->told_uidnext > replica->box->uidnext)
        wrong(client, order, "SELECT", "UIDNEXT is too high");
}

/* --- FETCH */

/* UID FETCH n:* is about all that the proxy could name when it came, told or not. */
static void judge_open_end(const struct client *client, struct order *order)
{
    const struct box *box = client->replica.box;
    const struct plan *plan = &client->sim->plan;
    /* What has been said may come in many pieces, and more than one command may be needed for all of it. */
    usec before = order->sent_at - plan->latency * (plan->split ? 300 : 20) - 10000;

    if (!box || box != order->box || box->ailment == UNFINDABLE ||
        !undisturbed_since(client, order->sent_at - USEC_MINUTE * 2))
        return;
    for (size_t i = 0; i < box->all_count; i++) {
        struct message *message = box->all[i];
        const struct aim *aim;
        if (message->dead)
            continue;
        if (message->named_at == 0 || message->named_at > before)
            return; /* who stands behind it is not known either */
        aim = message->uid >= order->uids->range[0].low ? order_aim(order, message) : NULL;
        if (aim && (aim->answered & order->items) != order->items)
            sim_fail(client->sim, "not answered", "%s, %s: OK, but UID %u, which was known, is not in the answer",
                     client->name, order->tag, message->uid);
    }
}

static void judge_fetch(struct client *client, struct order *order, struct slice code)
{
    bool some_gone = slice_equal(code, SLICE("EXPUNGEISSUED"));
    bool any_dead = false;
    /* One that the client cannot name may be dead if some of those that it counts are. */
    bool some_are_dead = client->replica.box && client->replica.box->living < client->replica.box->all_count;

    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        bool dead = aim->message && aim->message->dead;
        any_dead |= dead || !aim->message;
        if ((aim->answered & order->items) == order->items || dead || (!aim->message && (some_gone || some_are_dead)))
            continue;
        if (aim->number == 0)
            continue; /* it was not counted when the command was sent */
        sim_fail(client->sim, "not answered", "%s, %s: OK, but number %u (UID %u) was not wholly answered: %x of %x",
                 client->name, order->tag, aim->number, aim->uid, aim->answered, order->items);
    }
    if (order->open_ended)
        judge_open_end(client, order);
    if (some_gone && (!any_dead || order->uid))
        wrong(client, order, "not answered", "EXPUNGEISSUED without reason");
}

/* --- STORE */

static void judge_silence(const struct client *client, const struct order *order)
{
    if (order->superfluous != 0 && undisturbed_since(client, order->sent_at - USEC_MINUTE))
        sim_fail(client->sim, "not silent", "%s, %s: number %u is answered, and nothing new is in it", client->name,
                 order->tag, order->superfluous);
}

static void assume(struct client *client, const struct order *order, const struct aim *aim)
{
    unsigned number = aim->message ? replica_number(&client->replica, aim->message) : order->uid ? 0 : aim->number;
    struct entry *entry;

    if (number == 0 || number > client->replica.count)
        return;
    entry = &client->replica.entries[number - 1];
    if (entry->told_in == order->number)
        return;
    entry->sure_selection = 0;
    if (order->sign == ' ') {
        entry->flags_known = true;
        entry->flags = order->flags;
    } else if (order->sign == '+') {
        entry->flags |= order->flags;
    } else {
        entry->flags &= ~order->flags;
    }
}

static void judge_store(struct client *client, struct order *order)
{
    judge_silence(client, order);
    /* Whom it cannot name it cannot tell to be among the UIDs: what it believed of it is open. */
    for (unsigned i = 0; order->silent && order->uid && i < client->replica.count; i++)
        client->replica.entries[i].flags_known &= client->replica.entries[i].message != NULL;
    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        if (aim->message && !aim->message->dead && !aim->done && aim->number != 0)
            sim_fail(client->sim, "not done", "%s, %s: STORE is OK, but UID %u was not stored", client->name,
                     order->tag, aim->uid);
        if (aim->message && !aim->message->dead && !order->silent && aim->number != 0 &&
            (!(aim->answered & ITEM_FLAGS) || (order->uid && !(aim->answered & ITEM_UID))))
            sim_fail(client->sim, "not answered", "%s, %s: STORE is OK, but UID %u was not answered", client->name,
                     order->tag, aim->uid);
        if (order->silent && (aim->number != 0 || order->uid))
            assume(client, order, aim);
    }
}

/* --- COPY, MOVE, EXPUNGE, APPEND */

static void judge_copy(struct client *client, struct order *order, struct slice code)
{
    bool any_done = false, told = (client->sim->plan.can & CAN_UIDPLUS) != 0;

    for (unsigned i = 0; i < order->aim_count; i++)
        any_done |= order->aims[i].done;
    for (unsigned i = 0; i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        bool done = aim->message && order_has_copied(order, aim->message);
        bool gone_unmoved = aim->message && aim->message->dead && !done;
        if (!aim->message || aim->number == 0)
            continue;
        /* A message that has died meanwhile cannot be missed if the server does not tell what it has copied. */
        if (!done && (!gone_unmoved || (!order->uid && !order->dollar && told && any_done)))
            sim_fail(client->sim, "not done", "%s, %s: OK, but UID %u was not copied", client->name, order->tag,
                     aim->uid);
        if (order->kind == ORDER_MOVE && done && !aim->message->dead)
            sim_fail(client->sim, "not done", "%s, %s: OK, but UID %u is still there", client->name, order->tag,
                     aim->uid);
    }
    (void)code;
}

/* EXPUNGEISSUED must be so; and where it says that nothing was done, nothing was. */
static void judge_copy_refused(struct client *client, struct order *order, struct slice code, struct slice text)
{
    bool any_dead = false, any_done = false;

    if (!slice_equal(code, SLICE("EXPUNGEISSUED")))
        return;
    for (unsigned i = 0; i < order->aim_count; i++) {
        any_dead |= !order->aims[i].message || order->aims[i].message->dead;
        any_done |= order->aims[i].done;
    }
    if (!any_dead)
        wrong(client, order, "refused", "EXPUNGEISSUED, but all of them live");
    if (any_done && order->alone && order->user->copies == order->copy_number &&
        memmem(text.data, text.length, "nothing", 7))
        wrong(client, order, "refused", "nothing was copied, it says, and something was");
}

static void judge_append(struct client *client, const struct order *order)
{
    if (order->identity->delivered != 1)
        wrong(client, order, "not done", "APPEND is OK, but the message is not there");
}

static void judge_expunge(struct client *client, struct order *order)
{
    /* One that was lost and whose client has said its last word is about what was \Deleted then, and that may be
     * nothing. */
    if (!order->uid && order->carried_out == 0 && !client->half_closed)
        wrong(client, order, "not done", "EXPUNGE is OK, but the server has never heard of it");
    for (unsigned i = 0; order->uid && i < order->aim_count; i++) {
        const struct aim *aim = &order->aims[i];
        if (aim->message && !aim->message->dead && (aim->message->flags & DELETED) && order->carried_out == 0)
            wrong(client, order, "not done", "UID EXPUNGE is OK, but the server has never heard of it");
    }
}

static void judge_noop(struct client *client, const struct order *order)
{
    bool numbers_wait = false;

    for (const struct order *next = client->first; next; next = next->next_of_client)
        numbers_wait |= !next->uid || next->kind == ORDER_SEARCH; /* a set of UIDs looks like one of numbers */
    if (!numbers_wait && client->replica.selected)
        check_count(client, order);
    if (client->replica.selected)
        check_look(client, order, client->replica.box);
}

static void judge_status(struct client *client, const struct order *order)
{
    if (!order->status_answered)
        wrong(client, order, "not answered", "STATUS is OK, but nothing was said");
    check_look(client, order, box_find(client->user, slice_of(order->name)));
}

/* --- refusals */

/* What no search finds can be fetched. */
static bool is_ill(const struct box *box)
{
    return box->ailment != SOUND && box->ailment != UNSEARCHABLE;
}

/* Its trouble is its own: NO to whoever asks there, or copies to it. */
static bool is_about_ailing(const struct client *client, const struct order *order)
{
    const struct box *box = order->name ? box_find(client->user, slice_of(order->name)) : NULL;

    return (box && is_ill(box)) || (order->box && is_ill(order->box));
}

/* Messages came and went again, one after the other, before any could be named: the server was made to look, and that
 * ended. */
static bool some_died_nameless(const struct order *order)
{
    const struct box *box = order->box;
    unsigned count = 0;

    for (size_t i = 0; box && i < box->all_count; i++) {
        const struct message *message = box->all[i];
        count += message->dead && message->named_at == 0 && message->died_at >= order->sent_at;
    }
    return count > 1;
}

/* Words of the proxy that must have a cause in this model: a lost line, or an end of the mailbox. */
static bool has_cause(const struct client *client, const struct order *order, struct slice code)
{
    if (!undisturbed_since(client, order->sent_at - USEC_HOUR) || client->user->refusals > 0)
        return true;
    if (is_about_ailing(client, order))
        return true;
    if (slice_equal(code, SLICE("SERVERBUG")) && some_died_nameless(order))
        return true;
    if (slice_equal(code, SLICE("READ-ONLY")))
        return order->read_only;
    if (slice_equal(code, SLICE("EXPUNGEISSUED")))
        return order->kind == ORDER_COPY || order->kind == ORDER_MOVE;
    if (order->kind == ORDER_MOVE && !(client->sim->plan.can & CAN_MOVE))
        return true; /* others may take the \Deleted away in between */
    if (order->kind == ORDER_COPY || order->kind == ORDER_MOVE) {
        for (unsigned i = 0; i < order->aim_count; i++) {
            if (order->aims[i].message && order->aims[i].message->dead)
                return true; /* the server may refuse the rest */
        }
    }
    return order->name && (strcmp(order->name, "none") == 0 || client->sim->plan.deletes);
}

static void judge_login(struct client *client, const struct order *order, bool ok, struct slice code)
{
    if (ok && !order->right_password)
        wrong(client, order, "wrong password", "let in");
    if (!ok && order->right_password && slice_equal(code, SLICE("AUTHENTICATIONFAILED")))
        wrong(client, order, "right password", "refused as wrong");
    if (!ok && order->right_password && !client->sim->plan.passwords &&
        undisturbed_since(client, order->sent_at - USEC_HOUR))
        wrong(client, order, "right password", "refused");
    client->logged_in = ok;
}

static bool is_about_unsound(const struct client *client, const struct order *order)
{
    const struct box *box = order->name ? box_find(client->user, slice_of(order->name)) : NULL;

    return (box && box->ailment != SOUND) || (order->box && order->box->ailment != SOUND);
}

/* One mailbox's trouble is not everybody's: who asks for something else is answered meanwhile, whatever becomes of that
 * mailbox. Not where something else goes wrong as well. */
#define WAIT_MOST (30 * USEC_SECOND)

static void check_wait(struct client *client, const struct order *order)
{
    const struct plan *plan = &client->sim->plan;
    usec now = sim_now(client->sim), since = order->sent_at;

    if (since < client->answered_at) /* it has waited for those before it, too */
        since = client->answered_at;
    client->answered_at = now;
    if (plan->ailment == SOUND || plan->ailing >= plan->boxes || client->sim->faults > 0 || !order->whole ||
        plan->passwords || plan->liberties.denies > 0 || plan->slow_close > 0 || order->kind == ORDER_IDLE ||
        order->kind == ORDER_LOGIN || order->kind == ORDER_LIST || is_about_unsound(client, order))
        return;
    if (now - since > WAIT_MOST)
        sim_fail(client->sim, "waits", "%s, %s: answered after %lld s, for another mailbox's sake", client->name,
                 order->tag, (long long)((now - since) / USEC_SECOND));
}

static void judge_no(struct client *client, struct order *order, bool bad, struct slice code, struct slice text)
{
    if (bad && order->kind != ORDER_LOGIN && !client->user->says_bad)
        wrong(client, order, "BAD", "the command was right");
    if (!has_cause(client, order, code))
        wrong(client, order, "refused", "NO without a reason");
    if (order->kind == ORDER_APPEND && order->identity->delivered > 0 &&
        !memmem(text.data, text.length, "may or may not", 14) && undisturbed_since(client, order->sent_at))
        wrong(client, order, "refused", "NO to an APPEND that was done");
    client_has_not_saved(client, order);
    if (order->kind == ORDER_COPY || order->kind == ORDER_MOVE)
        judge_copy_refused(client, order, code, text);
    if (order->kind == ORDER_CLOSE || order->kind == ORDER_SELECT || order->kind == ORDER_EXAMINE)
        replica_end(&client->replica);
}

static void judge_ok(struct client *client, struct order *order, struct slice code)
{
    switch (order->kind) {
    case ORDER_SELECT:
    case ORDER_EXAMINE:
        judge_select(client, order, code);
        break;
    case ORDER_FETCH:
        judge_fetch(client, order, code);
        break;
    case ORDER_STORE:
        judge_store(client, order);
        break;
    case ORDER_COPY:
    case ORDER_MOVE:
        judge_copy(client, order, code);
        break;
    case ORDER_APPEND:
        judge_append(client, order);
        break;
    case ORDER_EXPUNGE:
        judge_expunge(client, order);
        break;
    case ORDER_NOOP:
        judge_noop(client, order);
        break;
    case ORDER_STATUS:
        judge_status(client, order);
        break;
    case ORDER_CLOSE:
    case ORDER_UNSELECT:
        replica_end(&client->replica);
        break;
    case ORDER_SEARCH:
        client_has_saved(client, order);
        if (!order->search_answered && client_expects_answer(order))
            wrong(client, order, "not answered", "SEARCH is OK, but nothing was said");
        break;
    case ORDER_DELETE:
    case ORDER_RENAME:
        if (client->replica.box &&
            (order->kind == ORDER_RENAME
                 ? strcmp(client->replica.box->name, order->new_name) == 0
                 : client->replica.box->gone && strcmp(client->replica.box->name, order->name) == 0))
            replica_end(&client->replica); /* its own view on it ends in silence */
        break;
    case ORDER_IDLE:
    case ORDER_LOGOUT:
    case ORDER_PLAIN:
    case ORDER_LOGIN:
    case ORDER_LIST:
    case ORDER_CREATE:
        break;
    }
}

void client_judge(struct client *client, struct order *order, struct slice status, struct slice code, struct slice text)
{
    bool ok = slice_equal(status, SLICE("OK")), bad = slice_equal(status, SLICE("BAD"));

    snprintf(order->answer, sizeof(order->answer), code.length > 0 ? "%.*s [%.*s]" : "%.*s", (int)status.length,
             status.data, (int)code.length, code.data);
    if (!ok && !bad && !slice_equal(status, SLICE("NO")))
        wrong(client, order, "not an answer", "neither OK nor NO nor BAD");
    check_wait(client, order);
    if (order->kind == ORDER_IDLE)
        client->idling = client->done_sent = false;
    if (!order->whole && ok)
        wrong(client, order, "not an answer", "OK to a command that has not come to its end");
    if (order->kind == ORDER_LOGIN)
        judge_login(client, order, ok, code);
    else if (ok)
        judge_ok(client, order, code);
    else
        judge_no(client, order, bad, code, text);
    order_settle(order, ok);
}
