/* What a model client does next: weighted, valid in its state, pipelined now and then. */
#include <stdlib.h>
#include <string.h>

#include "sim/client.h"

static const char *const box_names[] = {"INBOX", "Sent", "Archive/2026", "with space", "NIL", "inbox", "none"};

static const char *any_name(struct client *client)
{
    unsigned boxes = client->sim->plan.boxes;

    if (dice_percent(&client->dice, 3))
        return box_names[5 + dice_below(&client->dice, 2)];
    return box_names[dice_below(&client->dice, boxes)];
}

/* As a string, in any form that its octets permit. */
static void print_name(struct client *client, const char *name)
{
    if (strchr(name, ' ') || dice_percent(&client->dice, 40))
        client_print(client, "\"%s\"", name);
    else if (dice_percent(&client->dice, 20))
        client_print(client, "{%zu+}\r\n%s", strlen(name), name);
    else if (strcmp(name, "NIL") == 0)
        client_print(client, "\"%s\"", name);
    else
        client_print(client, "%s", name);
}

/* Another spelling of it, which the server takes for the same; only in what takes names away. */
static const char *spelling_of(const struct client *client, const char *name)
{
    char *spelt = memory_text(&client->sim->memory, slice_of(name));
    struct dice dice = dice_make(client->sim->seed, DICE_ACT, client->number, 5000000 + client->tags + 1);

    for (char *at = spelt; client->sim->plan.spellings && dice_percent(&dice, 40) && *at; at++) {
        if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'))
            *at ^= 'a' ^ 'A';
    }
    return spelt;
}

static void end_order(struct client *client, struct order *order)
{
    client_print(client, "\r\n");
    client_order_sent(client, order);
}

static struct order *simple(struct client *client, enum order_kind kind, const char *text)
{
    struct order *order = client_order(client, kind);

    client_print(client, "%s", text);
    end_order(client, order);
    return order;
}

static struct order *with_name(struct client *client, enum order_kind kind, const char *command, const char *name)
{
    struct order *order = client_order(client, kind);

    order->name = name;
    client_print(client, "%s ", command);
    print_name(client, name);
    return order;
}

/* --- login */

static void encode(const char *in, size_t length, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)in[i] << 16 |
                        (i + 1 < length ? (uint32_t)(unsigned char)in[i + 1] << 8 : 0) |
                        (i + 2 < length ? (uint32_t)(unsigned char)in[i + 2] : 0);
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < length ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[bits & 63] : '=';
    }
    *out = '\0';
}

/* The response waits for the +, which some clients do not wait for. */
static void hold_response(struct client *client, struct order *order, const char *response)
{
    client_print(client, "\r\n");
    client_end_packet(client);
    client->held_for = order;
    client->held = memory_format(&client->sim->memory, "%s\r\n", response);
}

void client_log_in(struct client *client)
{
    const struct user *user = client->user;
    const char *prover = user->through ? user->through : user->name;
    const struct user *of = store_user(client->sim, slice_of(prover));
    const char *password = of->password[0];
    struct order *order;
    bool plain = user->through || dice_percent(&client->dice, 30);

    client->wrong_password = false;
    if (client->sim->plan.passwords && dice_percent(&client->dice, 20)) {
        client->wrong_password = dice_percent(&client->dice, 50);
        password = client->wrong_password ? "wrong" : of->password[1];
    }
    order = client_order(client, ORDER_LOGIN);
    order->right_password = !client->wrong_password;
    if (plain) {
        char message[300], encoded[500];
        int length =
            snprintf(message, sizeof(message), "%s%c%s%c%s", user->through ? user->name : "", 0, prover, 0, password);
        encode(message, (size_t)length, encoded);
        client_print(client, "AUTHENTICATE PLAIN");
        if (client->sim->plan.departs && dice_percent(&client->dice, 60)) {
            hold_response(client, order, encoded);
            return;
        }
        client_print(client, " %s", encoded);
    } else if (strchr(password, '"')) {
        client_print(client, "LOGIN %s {%zu+}\r\n%s", prover, strlen(password), password);
    } else {
        client_print(client, "LOGIN %s \"%s\"", prover, password);
    }
    end_order(client, order);
    client_end_packet(client);
}

/* --- single commands */

void client_noop(struct client *client)
{
    simple(client, ORDER_NOOP, client->replica.selected && dice_percent(&client->dice, 20) ? "CHECK" : "NOOP");
}

/* With what it kept, or of the mailbox that it is about to leave. */
static void resume(struct client *client, struct order *order)
{
    const struct kept *now = resume_keep(&client->replica), *kept = now ? now : client->replica.kept;

    if (!kept || strcmp(kept->box->name, order->name) != 0 || dice_percent(&client->dice, 15)) {
        if (dice_percent(&client->dice, 20))
            client_print(client, " (CONDSTORE)");
        return;
    }
    resume_begin(client->sim, &order->resume, kept);
    client_print(client, " (QRESYNC (%u %llu", kept->box->validity, (unsigned long long)kept->modseq);
    if (kept->count > 0 && dice_percent(&client->dice, 70))
        client_print(client, " %s", resume_uids(client->sim, kept));
    client_print(client, "))");
}

void client_select(struct client *client, const char *name, bool examine)
{
    struct order *order =
        with_name(client, examine ? ORDER_EXAMINE : ORDER_SELECT, examine ? "EXAMINE" : "SELECT", name);

    if (client->replica.qresync)
        resume(client, order);
    end_order(client, order);
    client_end_packet(client);
}

void client_status(struct client *client, const char *name)
{
    struct order *order = with_name(client, ORDER_STATUS, "STATUS", name);

    client_print(client, " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
    end_order(client, order);
}

void client_list(struct client *client)
{
    simple(client, ORDER_LIST, "LIST \"\" \"*\"");
}

void client_logout(struct client *client)
{
    simple(client, ORDER_LOGOUT, "LOGOUT");
    client->ends = true;
    client_end_packet(client);
}

void client_idle(struct client *client)
{
    simple(client, ORDER_IDLE, "IDLE");
    client->done_sent = false;
    client_end_packet(client);
}

void client_done(struct client *client)
{
    client_print(client, dice_percent(&client->dice, 80) ? "DONE\r\n" : "done\r\n");
    client->done_sent = true;
    if (dice_percent(&client->dice, 20)) /* more in the same packet */
        client_noop(client);
    if (client->sim->plan.hurries && !client->sim->quiet && !client->slow && client->replica.count > 0)
        client_store(client, true);
    client_end_packet(client);
    if (client->sim->plan.hurries) /* in one moment: the numbers mean what the client has seen so far */
        client_deliver_at_once(client);
}

static void expunge(struct client *client)
{
    simple(client, ORDER_EXPUNGE, "EXPUNGE");
}

static void close_mailbox(struct client *client)
{
    simple(client, ORDER_CLOSE, "CLOSE");
    client_end_packet(client);
}

static void append(struct client *client)
{
    struct order *order = client_order(client, ORDER_APPEND);
    struct identity *identity = identity_new(client->user, &client->dice);

    order->name = any_name(client);
    order->identity = identity;
    order->flags = dice_percent(&client->dice, 50) ? dice_below(&client->dice, ALL_FLAGS + 1) : 0;
    client_print(client, "APPEND ");
    print_name(client, order->name);
    if (order->flags || dice_percent(&client->dice, 30))
        client_print(client, " %s", flags_print(client->user, order->flags, false));
    if (dice_percent(&client->dice, 20))
        client_print(client, " \"01-Jan-2026 10:00:00 +0000\"");
    if (dice_percent(&client->dice, 60)) {
        client_print(client, " {%zu+}\r\n", identity->size);
        client_send(client, identity->text, identity->size);
        end_order(client, order);
        client_end_packet(client);
        return;
    }
    client_print(client, " {%zu}\r\n", identity->size);
    client_end_packet(client);
    client->held_for = order;
    client->held = memory_format(&client->sim->memory, "\r\n");
}

static struct order *with_spelt_name(struct client *client, enum order_kind kind, const char *command, const char *name)
{
    struct order *order = with_name(client, kind, command, spelling_of(client, name));

    order->name = name;
    return order;
}

/* Of the second namespace: what is below it goes with it, and there and back again. */
static const char *any_parent(struct client *client)
{
    struct dice dice = dice_make(client->sim->seed, DICE_ACT, client->number, 6000000 + client->tags);

    if (!client->sim->plan.spellings || !dice_percent(&dice, 40))
        return NULL;
    return dice_percent(&dice, 60) ? "Archive" : "Old";
}

static void rename_mailbox(struct client *client, const char *name)
{
    const char *parent = any_parent(client);
    struct order *order = with_spelt_name(client, ORDER_RENAME, "RENAME", parent ? parent : name);

    order->new_name = any_name(client);
    if (parent)
        order->new_name = strcmp(parent, "Old") == 0 ? "Archive" : "Old";
    client_print(client, " ");
    print_name(client, order->new_name);
    end_order(client, order);
}

static void folders(struct client *client)
{
    const char *name = any_name(client);

    if (!client->sim->plan.deletes || strcmp(name, "INBOX") == 0)
        return;
    switch (dice_below(&client->dice, 3)) {
    case 0:
        end_order(client, with_name(client, ORDER_CREATE, "CREATE", name));
        break;
    case 1:
        end_order(client, with_spelt_name(client, ORDER_DELETE, "DELETE", name));
        break;
    default:
        rename_mailbox(client, name);
    }
    client_end_packet(client);
}

/* --- what comes next */

static void vanish(struct client *client)
{
    if (dice_percent(&client->dice, 20)) {
        client->says_end = client->ends = true;
        task_wake(&client->line);
    } else {
        client->vanish_at = client->delivered + dice_below(&client->dice, client->queued - client->delivered + 1);
        task_wake(&client->line);
    }
}

static void act_unselected(struct client *client)
{
    uint32_t what = dice_below(&client->dice, 100);

    if (what < 60) {
        client_select(client, any_name(client), client->sim->plan.read_only_only || dice_percent(&client->dice, 20));
        return;
    }
    if (what < 68)
        client_status(client, any_name(client));
    else if (what < 74)
        client_list(client);
    else if (what < 84)
        append(client);
    else if (what < 88)
        folders(client);
    else if (what < 92)
        client_noop(client);
    else if (what < 95)
        client_idle(client);
    else if (what < 97)
        client_logout(client);
    else
        vanish(client);
    client_end_packet(client);
}

/* Behind these no number of the same packet means what the client thinks. */
static bool act_that_ends_a_batch(struct client *client, uint32_t what)
{
    if (what < 10)
        client_idle(client);
    else if (what < 22)
        append(client);
    else if (what < 34)
        expunge(client);
    else if (what < 44)
        client_copy(client, true, false);
    else if (what < 52)
        client_uid_expunge(client);
    else if (what < 57)
        close_mailbox(client);
    else if (what < 65)
        client_select(client, any_name(client), dice_percent(&client->dice, 20));
    else if (what < 70)
        simple(client, ORDER_UNSELECT, "UNSELECT");
    else if (what < 74)
        folders(client);
    else if (what < 76)
        client_logout(client);
    else if (what < 79)
        vanish(client);
    else
        return false;
    return true;
}

static void act_on_messages(struct client *client, bool batch)
{
    uint32_t what = dice_below(&client->dice, 100);

    if (what < 38)
        client_fetch(client, batch);
    else if (what < 62)
        client_store(client, batch);
    else if (what < 72)
        client_copy(client, false, batch);
    else if (what < 84)
        client_search(client, !batch && dice_percent(&client->dice, 50));
    else if (what < 96)
        client_noop(client);
    else
        client_status(client, any_name(client));
}

static void act_selected(struct client *client)
{
    unsigned batch = dice_percent(&client->dice, 80) ? 1 : dice_between(&client->dice, 2, 5);

    if (client->replica.count > 0 && replica_unknown(&client->replica) > 0 && dice_percent(&client->dice, 60)) {
        client_fetch_all(client, dice_percent(&client->dice, 50));
        client_end_packet(client);
        return;
    }
    for (unsigned i = 0; i + 1 < batch; i++)
        act_on_messages(client, true);
    if (!dice_percent(&client->dice, 25) || !act_that_ends_a_batch(client, dice_below(&client->dice, 100)))
        act_on_messages(client, batch > 1);
    client_end_packet(client);
}

static void enable(struct client *client)
{
    client->asked_qresync = true;
    simple(client, ORDER_PLAIN,
           dice_percent(&client->dice, 50) ? "ENABLE QRESYNC" : "ENABLE CONDSTORE QRESYNC X-OTHER");
    client_end_packet(client);
}

void client_act(struct client *client)
{
    if (!client->session) {
        client_connect(client);
        return;
    }
    if (!client->greeted || client->ends || client->held_for || client->vanish_at != UINT64_MAX)
        return;
    if (client->idling && !client->done_sent) {
        if (dice_percent(&client->dice, 30))
            client_done(client);
        else if (client->sim->plan.departs && dice_percent(&client->dice, 25))
            client_depart(client, dice_percent(&client->dice, 70));
        else if (dice_percent(&client->dice, 3))
            vanish(client);
        return;
    }
    if (client->first) { /* one thing at a time; and now and then he does not wait for the end */
        if (dice_percent(&client->dice, 1))
            vanish(client);
        return;
    }
    if (!client->logged_in)
        client_log_in(client);
    else if (client->sim->plan.resumes && client->number % 3 != 0 && !client->asked_qresync)
        enable(client);
    else if (client->replica.selected)
        act_selected(client);
    else
        act_unselected(client);
}

void client_rubbish(struct client *client)
{
    static const char *const lines[] = {"x FETCH 99999 FLAGS\r\n",
                                        "x STORE 1 +FLAGS\r\n",
                                        "FETCH\r\n",
                                        "\r\n",
                                        "x LOGIN a\r\n",
                                        "x y z {5}\r\n12345\r\n",
                                        "x UID COPY 1:* \r\n",
                                        "x SELECT \"INBOX\r\n",
                                        "x NOOP \r\n",
                                        "x IDLE now\r\n",
                                        "DONE\r\n",
                                        "x APPEND INBOX {99999999999}\r\n",
                                        "x LOGIN user0 \"wrong\"\r\n",
                                        "x SEARCH 0\r\n",
                                        "x CAPABILITY\r\n",
                                        "x AUTHENTICATE PLAIN =\r\n"};
    char junk[64];

    if (!client->session) {
        client_connect(client);
        return;
    }
    if (dice_percent(&client->dice, 10)) {
        vanish(client);
        return;
    }
    if (dice_percent(&client->dice, 60)) {
        client_print(client, "%s", lines[dice_below(&client->dice, sizeof(lines) / sizeof(lines[0]))]);
    } else {
        for (unsigned i = 0; i < sizeof(junk); i++)
            junk[i] = (char)dice_below(&client->dice, 256);
        client_send(client, junk, dice_between(&client->dice, 1, sizeof(junk)));
    }
    client_end_packet(client);
}
