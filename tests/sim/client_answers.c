/* Each line that a client is told: may it be said now, and what does it mean for the replica? RFC 3501 section 5.5, 7.
 */
#include <string.h>

#include "sim/client.h"

static void wrong(struct client *client, const char *why, struct slice line)
{
    sim_fail(client->sim, "out of place", "%s: %s: %.*s", client->name, why,
             (int)(line.length < 200 ? line.length : 200), line.data);
}

static bool holds_expunges_back(const struct order *order)
{
    return !order->uid && (order->kind == ORDER_FETCH || order->kind == ORDER_STORE || order->kind == ORDER_SEARCH);
}

static bool goes_by_number(const struct order *order)
{
    if (order->numbers)
        return true;
    return !order->uid && (order->kind == ORDER_FETCH || order->kind == ORDER_STORE || order->kind == ORDER_SEARCH ||
                           order->kind == ORDER_COPY || order->kind == ORDER_MOVE);
}

/* No number that a command on its way holds may be shifted. */
static void check_expunge(struct client *client, struct slice line)
{
    const struct order *order = client->first;

    if (holds_expunges_back(order))
        wrong(client, "EXPUNGE during FETCH, STORE or SEARCH", line);
    if (order->kind == ORDER_EXPUNGE || order->kind == ORDER_MOVE)
        return;
    for (order = order->next_of_client; order; order = order->next_of_client) {
        if ((order->whole || (order->begun > 0 && order->begun <= client->delivered)) && goes_by_number(order))
            wrong(client, "EXPUNGE though a command by number waits", line);
    }
}

/* --- SELECT */

static bool is_selecting(const struct client *client)
{
    return client->first && (client->first->kind == ORDER_SELECT || client->first->kind == ORDER_EXAMINE);
}

static void take_select_code(struct client *client, struct slice code)
{
    struct cursor cursor = cursor_of(code);
    uint64_t number = 0;

    if (cursor_word(&cursor, "UIDVALIDITY ") && cursor_number(&cursor, &number)) {
        client->told_validity = (unsigned)number;
        client->replica.box = box_of_validity(client->user, slice_of(client->first->name), (uint32_t)number);
        if (!client->replica.box)
            wrong(client, "UIDVALIDITY of no mailbox of this account", code);
    } else if (cursor_word(&cursor, "UIDNEXT ") && cursor_number(&cursor, &number)) {
        client->told_uidnext = (unsigned)number;
    } else if (cursor_word(&cursor, "UNSEEN ") && cursor_number(&cursor, &number)) {
        if (number == 0 || number > client->replica.count)
            wrong(client, "UNSEEN of no message", code);
    }
}

/* --- mod-sequences */

static void take_modseq_code(struct client *client, struct slice code)
{
    struct cursor cursor = cursor_of(code);

    if (!cursor_word(&cursor, "HIGHESTMODSEQ ") && !cursor_word(&cursor, "NOMODSEQ"))
        return;
    if (!client->replica.qresync)
        wrong(client, "nobody has switched CONDSTORE on", code);
    client->replica.nomodseq |= cursor_ends(&cursor);
    if (!cursor_ends(&cursor) && !cursor_number(&cursor, &client->replica.modseq_said))
        wrong(client, "no mod-sequence", code);
}

static void take_vanished(struct client *client, struct cursor *cursor, struct slice line)
{
    bool earlier = cursor_word(cursor, "(EARLIER) ");
    struct ranges uids;

    if (!cursor_set(cursor, &uids) || !client->replica.qresync || client->replica.nomodseq) {
        wrong(client, "VANISHED that cannot be", line);
        return;
    }
    if (earlier) {
        if (!is_selecting(client) || !client->first->resume.kept)
            wrong(client, "nobody has asked for it", line);
        resume_vanished(&client->first->resume, &uids);
        return;
    }
    check_expunge(client, line);
    for (size_t i = 0; i < uids.count; i++) {
        for (uint64_t uid = uids.range[i].low; uid <= uids.range[i].high && !client->sim->failed; uid++)
            replica_vanished(&client->replica, (uint32_t)uid);
    }
}

/* --- untagged */

static void take_number(struct client *client, unsigned number, struct cursor *cursor, struct slice line)
{
    if (cursor_word(cursor, "EXISTS")) {
        if (is_selecting(client)) {
            replica_begin(&client->replica);
            client->replica.read_only = client->first->kind == ORDER_EXAMINE;
            client->told_uidnext = client->told_validity = 0;
        }
        replica_exists(&client->replica, number, is_selecting(client));
    } else if (cursor_word(cursor, "EXPUNGE")) {
        if (client->replica.qresync && !client->replica.nomodseq)
            wrong(client, "EXPUNGE in place of VANISHED", line);
        check_expunge(client, line);
        replica_expunge(&client->replica, number);
    } else if (cursor_word(cursor, "RECENT")) {
        replica_recent(&client->replica, number);
    } else if (cursor_word(cursor, "FETCH (")) {
        client_take_fetch(client, number, cursor);
    } else {
        wrong(client, "not an answer", line);
    }
}

static void take_status_line(struct client *client, struct cursor *cursor)
{
    const char *end;

    if (!cursor_take(cursor, '['))
        return;
    end = memchr(cursor->at, ']', (size_t)(cursor->end - cursor->at));
    if (end && is_selecting(client))
        take_select_code(client, (struct slice){cursor->at, (size_t)(end - cursor->at)});
    if (end)
        take_modseq_code(client, (struct slice){cursor->at, (size_t)(end - cursor->at)});
}

static void take_bye(struct client *client, struct slice line)
{
    struct user *user = client->user;
    bool about_mailbox = memmem(line.data, line.length, "UIDVALIDITY", 11) ||
                         memmem(line.data, line.length, "mailbox that you had", 20) ||
                         memmem(line.data, line.length, "by another program", 18);

    if (memmem(line.data, line.length, "has reused a UID", 16) && client->sim->plan.ailment != NAMELESS)
        wrong(client, "the server has never given a UID twice", line);
    client->ends |= (user->ends > 0 || client->sim->plan.ailment == NAMELESS || user->denials > 1) && about_mailbox;
    if (client->ends || client->sim->quiet)
        client->ends = true;
    else if (memmem(line.data, line.length, "no longer accepts", 17))
        wrong(client, "sent away over a password that is right", line);
    else if (user->disturbed_at + USEC_HOUR < sim_now(client->sim))
        wrong(client, "sent away", line);
}

static void take_untagged(struct client *client, struct slice line, struct cursor *cursor)
{
    uint64_t number;

    if (!client->greeted) {
        client->greeted = cursor_word(cursor, "OK ");
        if (!client->greeted)
            wrong(client, "no greeting", line);
        return;
    }
    if (cursor_word(cursor, "BYE")) {
        take_bye(client, line);
        return;
    }
    if (!client->first) {
        if (!cursor_word(cursor, "OK [ALERT]"))
            wrong(client, "while no command is in progress", line);
        return;
    }
    if (cursor_number(cursor, &number) && cursor_take(cursor, ' '))
        take_number(client, (unsigned)number, cursor, line);
    else if (cursor_word(cursor, "OK "))
        take_status_line(client, cursor);
    else if (cursor_word(cursor, "SEARCH"))
        client_take_search(client, cursor);
    else if (cursor_word(cursor, "ESEARCH"))
        client_take_esearch(client, cursor);
    else if (cursor_word(cursor, "STATUS "))
        client_take_status(client, cursor);
    else if (cursor_word(cursor, "LIST "))
        client_take_list(client, cursor);
    else if (cursor_word(cursor, "VANISHED "))
        take_vanished(client, cursor, line);
    else if (cursor_word(cursor, "ENABLED"))
        client->replica.qresync |= memmem(line.data, line.length, " QRESYNC", 8) != NULL;
    else if (!cursor_word(cursor, "FLAGS (") && !cursor_word(cursor, "CAPABILITY "))
        wrong(client, "nobody has asked for it", line);
}

/* --- + and tagged */

static void take_plus(struct client *client, struct slice line)
{
    if (client->held_for) {
        struct order *order = client->held_for;
        client->held_for = NULL;
        if (order->kind == ORDER_LOGIN && dice_percent(&client->dice, 30)) {
            client_depart(client, dice_percent(&client->dice, 70));
            return;
        }
        if (order->identity)
            client_send(client, order->identity->text, order->identity->size);
        client_send(client, client->held, strlen(client->held));
        client_order_sent(client, order);
        client_end_packet(client);
    } else if (client->first && client->first->kind == ORDER_IDLE && !client->idling) {
        client->idling = true;
    } else {
        wrong(client, "a + without a command that waits for it", line);
    }
}

/* The literal was refused instead of +. */
static void drop_held(struct client *client, struct order *order)
{
    if (client->held_for == order)
        client->held_for = NULL;
}

static void take_tagged(struct client *client, struct slice line, struct cursor *cursor)
{
    struct order *order = client->first;
    struct slice tag = cursor_atom(cursor), status, code = {0}, text;

    if (!order || !slice_equal(tag, slice_of(order->tag))) {
        wrong(client, order ? "not the answer that is due" : "an answer to nothing", line);
        return;
    }
    cursor_take(cursor, ' ');
    status = cursor_atom(cursor);
    cursor_take(cursor, ' ');
    if (cursor_take(cursor, '[')) {
        const char *end = memchr(cursor->at, ']', (size_t)(cursor->end - cursor->at));
        code = (struct slice){cursor->at, end ? (size_t)(end - cursor->at) : 0};
    }
    text = (struct slice){cursor->at, (size_t)(cursor->end - cursor->at)};
    client->first = order->next_of_client;
    if (!client->first)
        client->last = NULL;
    drop_held(client, order);
    if (code.length > 0)
        take_modseq_code(client, code);
    client_judge(client, order, status, code, text);
    if (!client->first)
        replica_settle_modseq(&client->replica);
    order_close(order);
}

void client_take_line(struct client *client, struct slice line)
{
    struct cursor cursor = cursor_of(line);

    if (client->rubbish) {
        client->greeted = true;
        return;
    }
    if (cursor_word(&cursor, "* "))
        take_untagged(client, line, &cursor);
    else if (cursor_take(&cursor, '+'))
        take_plus(client, line);
    else
        take_tagged(client, line, &cursor);
}
