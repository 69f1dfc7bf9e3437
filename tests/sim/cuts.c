/* The line to the server, cut behind every octet. One small dialogue for each command that changes something: it is
 * played whole, and the octets are counted that go up and down between the command and its answer; then again for each
 * of them, with the line cut behind it; and with each of its commands answered as by a server that has forgotten the
 * session, and has done nothing. What the client was answered is compared with what the server has done: OK is
 * true and done once, NO [UNAVAILABLE] is for what the proxy cannot know, and nothing is done twice. */
#include "sim/cuts.h"

#include <stdlib.h>
#include <string.h>

#include "sim/client.h"
#include "sim/link.h"
#include "sim/others.h"
#include "sim/run.h"
#include "sim/server.h"

#define SEED        1
#define MESSAGES    5
#define NO_CUT      UINT64_MAX
#define TRACES_MAX  3
#define PLUS        "+ go on\r\n"
#define UNAVAILABLE "NO [UNAVAILABLE]"

/* The mailbox at the beginning: numbers 1 to 5. The commands are about 2 and 3, or about the \Deleted. */
static const uint32_t flags_before[MESSAGES] = {SEEN, 0, ANSWERED, DELETED, DELETED | SEEN};

struct act {
    const char *name;
    enum order_kind kind;
    unsigned needs; /* abilities of the server without which it is not offered */
    int sign;       /* STORE */
    bool silent, uid;
    uint32_t flags;           /* STORE, APPEND */
    unsigned first, last;     /* numbers of the messages that it is about; 0: none */
    const char *text;         /* before the set, or all of it */
    uint32_t after[MESSAGES]; /* STORE: the flags, once it is done */
};

static const struct act acts[] = {
    {"STORE FLAGS",
     ORDER_STORE,
     0,
     ' ',
     false,
     false,
     SEEN | FLAGGED,
     2,
     3,
     "STORE",
     {SEEN, SEEN | FLAGGED, SEEN | FLAGGED, DELETED, DELETED | SEEN}},
    {"STORE +FLAGS",
     ORDER_STORE,
     0,
     '+',
     false,
     false,
     FLAGGED,
     2,
     3,
     "STORE",
     {SEEN, FLAGGED, FLAGGED | ANSWERED, DELETED, DELETED | SEEN}},
    {"STORE -FLAGS", ORDER_STORE, 0, '-', false, false, ANSWERED, 2, 3, "STORE", {SEEN, 0, 0, DELETED, DELETED | SEEN}},
    {"STORE +FLAGS.SILENT",
     ORDER_STORE,
     0,
     '+',
     true,
     false,
     FLAGGED,
     2,
     3,
     "STORE",
     {SEEN, FLAGGED, FLAGGED | ANSWERED, DELETED, DELETED | SEEN}},
    {"STORE FLAGS.SILENT",
     ORDER_STORE,
     0,
     ' ',
     true,
     false,
     SEEN | FLAGGED,
     2,
     3,
     "STORE",
     {SEEN, SEEN | FLAGGED, SEEN | FLAGGED, DELETED, DELETED | SEEN}},
    {.name = "COPY", .kind = ORDER_COPY, .first = 2, .last = 3, .text = "COPY"},
    {.name = "UID COPY", .kind = ORDER_COPY, .uid = true, .first = 2, .last = 3, .text = "UID COPY"},
    {.name = "APPEND", .kind = ORDER_APPEND, .flags = SEEN},
    {.name = "MOVE", .kind = ORDER_MOVE, .needs = CAN_UIDPLUS, .first = 2, .last = 3, .text = "MOVE"},
    {.name = "UID MOVE",
     .kind = ORDER_MOVE,
     .needs = CAN_UIDPLUS,
     .uid = true,
     .first = 2,
     .last = 3,
     .text = "UID MOVE"},
    {.name = "EXPUNGE", .kind = ORDER_EXPUNGE, .text = "EXPUNGE"},
    {.name = "UID EXPUNGE",
     .kind = ORDER_EXPUNGE,
     .needs = CAN_UIDPLUS,
     .uid = true,
     .first = 4,
     .last = 4,
     .text = "UID EXPUNGE"},
    {.name = "CLOSE", .kind = ORDER_CLOSE, .text = "CLOSE"},
};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

/* The server: without anything, with MOVE done by hand, and with everything (in IDLE when the command comes). */
static const struct {
    const char *name;
    unsigned can;
} servers[] = {{"bare server", 0},
               {"server with UIDPLUS", CAN_UIDPLUS | CAN_LITERAL_PLUS},
               {"server with CONDSTORE", CAN_UIDPLUS | CAN_MOVE | CAN_CONDSTORE | CAN_ENABLE | CAN_ESEARCH},
               {"server with everything", 2 * CAN_ID - 1}};
#define SERVERS (sizeof(servers) / sizeof(servers[0]))

struct dialogue {
    const struct act *act;
    unsigned can;
    uint64_t cut_up, cut_down; /* octets behind the writing of the command; NO_CUT */
    uint64_t void_at;          /* the so manieth command is not carried out; NO_CUT */

    struct message *messages[MESSAGES];
    struct order *order;
    char answer[64];   /* the client's */
    uint64_t up, down; /* octets until its answer */
    uint64_t commands; /* of the proxy until then */
};

struct totals {
    unsigned cuts, ok, unavailable, wrong;
};

/* --- the table is laid */

static void planned(void *context, struct plan *plan)
{
    const struct dialogue *dialogue = context;

    *plan = (struct plan){.users = 1, .clients = 1, .boxes = 2, .can = dialogue->can, .think = 1, .writer_pause = 1};
    plan->max_sessions = plan->seats = 1;
    plan->latency = USEC_SECOND / 1000;
    settings_defaults(&plan->settings);
}

static void lay(struct dialogue *dialogue, struct user *user)
{
    struct dice dice = dice_make(SEED, DICE_PLAN, 9, 0);
    struct message *old;

    for (struct box *box = user->boxes; box; box = box->next) {
        while ((old = box_living(box, 0)))
            message_expunge(old);
    }
    for (unsigned i = 0; i < MESSAGES; i++)
        dialogue->messages[i] = box_deliver(box_find(user, SLICE("INBOX")), identity_new(user, &dice), flags_before[i]);
}

/* --- the dialogue */

static void aim(struct dialogue *dialogue, struct order *order)
{
    const struct act *act = dialogue->act;

    for (unsigned number = act->first; number > 0 && number <= act->last; number++) {
        struct aim *aim = order_add_aim(order);
        aim->number = number;
        aim->message = dialogue->messages[number - 1];
        aim->uid = aim->message->uid;
    }
}

static void append(struct client *client, struct order *order)
{
    order->identity = identity_new(client->user, &client->dice);
    order->name = "Sent";
    client_print(client, "APPEND Sent %s {%zu+}\r\n", flags_print(client->user, order->flags, false),
                 order->identity->size);
    client_send(client, order->identity->text, order->identity->size);
}

static void print_set(struct dialogue *dialogue, struct client *client, struct order *order)
{
    const struct act *act = dialogue->act;

    if (act->uid) {
        order->uids = memory_take(&client->sim->memory, sizeof(*order->uids));
        order->uids->count = 1;
        order->uids->range[0].low = dialogue->messages[act->first - 1]->uid;
        order->uids->range[0].high = dialogue->messages[act->last - 1]->uid;
        client_print(client, " %u:%u", order->uids->range[0].low, order->uids->range[0].high);
    } else if (act->first > 0) {
        client_print(client, " %u:%u", act->first, act->last);
    }
}

static void write_command(struct dialogue *dialogue, struct client *client)
{
    const struct act *act = dialogue->act;
    struct order *order = client_order(client, act->kind);

    dialogue->order = order;
    order->uid = act->uid;
    order->sign = act->sign;
    order->silent = act->silent;
    order->flags = act->flags;
    aim(dialogue, order);
    if (act->kind == ORDER_APPEND) {
        append(client, order);
    } else {
        client_print(client, "%s", act->text);
        print_set(dialogue, client, order);
    }
    if (act->kind == ORDER_STORE)
        client_print(client, " %.*sFLAGS%s %s", act->sign == ' ' ? 0 : 1, act->sign == '+' ? "+" : "-",
                     act->silent ? ".SILENT" : "", flags_print(client->user, act->flags, false));
    if (act->kind == ORDER_COPY || act->kind == ORDER_MOVE) {
        order->name = "Sent";
        client_print(client, " Sent");
    }
    client_print(client, "\r\n");
    client_order_sent(client, order);
    client_end_packet(client);
}

static void begin(struct client *client)
{
    struct sim *sim = client->sim;

    client->slow = false;
    client->dice = dice_make(SEED, DICE_ACT, 0, 0);
    client_connect(client);
    run_settle(sim);
    client_log_in(client);
    run_settle(sim);
    client_select(client, "INBOX", false);
    run_settle(sim);
    client_fetch_all(client, true);
    client_end_packet(client);
    run_settle(sim);
    run_pass(sim, USEC_SECOND);
}

static bool is_cut(const struct dialogue *dialogue)
{
    return dialogue->cut_up != NO_CUT || dialogue->cut_down != NO_CUT || dialogue->void_at != NO_CUT;
}

static void play_command(struct dialogue *dialogue, struct client *client)
{
    struct link *link = link_of(client->user, 0);
    uint64_t up, down, commands = client->sim->upstream_commands;

    if (!link || !client->session || !client->replica.selected) {
        sim_fail(client->sim, "no beginning", "the dialogue does not come to its command");
        return;
    }
    up = link_taken(link);
    down = link_delivered(link);
    if (dialogue->cut_up != NO_CUT)
        link_cut_command_after(link, dialogue->cut_up);
    if (dialogue->cut_down != NO_CUT)
        link_cut_answer_after(link, dialogue->cut_down);
    if (dialogue->void_at != NO_CUT)
        client->user->void_at = (unsigned)dialogue->void_at;
    if (is_cut(dialogue))
        disturb_all(client->sim);
    write_command(dialogue, client);
    run_settle(client->sim);
    if (!is_cut(dialogue)) {
        dialogue->commands = client->sim->upstream_commands - commands;
        dialogue->up = link_taken(link) - up;
        dialogue->down = link_delivered(link) - down;
    }
}

/* Nobody is cut off, and what the client believes is true. */
static void end(struct client *client)
{
    struct sim *sim = client->sim;

    if (!client->session) {
        sim_fail(sim, "cut off", "the client has lost its session");
        return;
    }
    client_noop(client);
    client_end_packet(client);
    run_settle(sim);
    if (client->replica.selected) {
        client_fetch_all(client, true);
        client_end_packet(client);
        run_settle(sim);
        replica_compare(&client->replica, true);
    }
    client_logout(client);
    run_settle(sim);
}

static void begins(void *context, struct sim *sim)
{
    struct dialogue *dialogue = context;
    struct client *client = &sim->clients[0];

    lay(dialogue, client->user);
    begin(client);
    if (!sim->failed)
        play_command(dialogue, client);
    if (!sim->failed)
        end(client);
}

/* --- the truth */

static unsigned copies(const struct user *user, const struct identity *identity)
{
    struct box *box = box_find((struct user *)user, SLICE("Sent"));
    unsigned count = 0;

    for (size_t i = 0; i < box->all_count; i++)
        count += box->all[i]->identity == identity;
    return count;
}

static void judge_stored(struct dialogue *dialogue, struct sim *sim)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        const struct message *message = dialogue->messages[i];
        if (message->dead || message->flags != dialogue->act->after[i])
            sim_fail(sim, "not true", "message %u is %s, its flags are %x and should be %x", i + 1,
                     message->dead ? "dead" : "living", message->flags, dialogue->act->after[i]);
    }
}

static void judge_copied(struct dialogue *dialogue, struct sim *sim, bool ok)
{
    bool move = dialogue->act->kind == ORDER_MOVE;

    for (unsigned i = 0; i < MESSAGES; i++) {
        const struct message *message = dialogue->messages[i];
        bool meant = i + 1 >= dialogue->act->first && i + 1 <= dialogue->act->last;
        unsigned count = copies(sim->users, message->identity);
        if (count > meant || (ok && meant && count == 0))
            sim_fail(sim, "not true", "there are %u copies of message %u", count, i + 1);
        if (message->dead && !(move && meant && count == 1))
            sim_fail(sim, "lost", "message %u is dead, and there are %u copies of it", i + 1, count);
        if (ok && move && meant && !message->dead)
            sim_fail(sim, "not true", "message %u was moved and is still there", i + 1);
    }
}

static void judge_appended(struct dialogue *dialogue, struct sim *sim, bool ok)
{
    unsigned count = copies(sim->users, dialogue->order->identity);

    if (count > 1 || (ok && count == 0))
        sim_fail(sim, "not true", "the message is there %u times", count);
}

static void judge_expunged(struct dialogue *dialogue, struct sim *sim, bool ok)
{
    const struct act *act = dialogue->act;

    if (dialogue->order->carried_out > 1)
        sim_fail(sim, "done twice", "expunged %u times", dialogue->order->carried_out);
    for (unsigned i = 0; i < MESSAGES; i++) {
        const struct message *message = dialogue->messages[i];
        bool meant = (flags_before[i] & DELETED) && (!act->uid || (i + 1 >= act->first && i + 1 <= act->last));
        if (message->dead && !meant)
            sim_fail(sim, "lost", "message %u is dead", i + 1);
        if (ok && meant && !message->dead)
            sim_fail(sim, "not true", "message %u was expunged and is still there", i + 1);
    }
}

/* Has the server waited in vain for a message, or the proxy for the + before it? */
static bool is_without_its_literal(const struct dialogue *dialogue)
{
    uint64_t literal, plus = strlen(PLUS);

    if (dialogue->act->kind != ORDER_APPEND)
        return false;
    literal = dialogue->order->identity->size + 2;
    if (dialogue->cut_up != NO_CUT)
        return dialogue->cut_up <= dialogue->up - literal;
    return dialogue->cut_down < plus;
}

static void ends(void *context, struct sim *sim)
{
    struct dialogue *dialogue = context;
    const char *answer = dialogue->order ? dialogue->order->answer : "";
    bool ok = strncmp(answer, "OK", 2) == 0;

    snprintf(dialogue->answer, sizeof(dialogue->answer), "%s", answer);
    if (sim->failed)
        return;
    if (!ok && strcmp(answer, UNAVAILABLE) != 0)
        sim_fail(sim, "no answer", "neither OK nor " UNAVAILABLE);
    if (!ok && dialogue->act->kind == ORDER_STORE)
        sim_fail(sim, "refused", "a STORE can be repeated or found out");
    if (!ok && (dialogue->cut_up == NO_CUT && dialogue->cut_down >= dialogue->down))
        sim_fail(sim, "refused", "the answer has come");
    if (!ok && is_without_its_literal(dialogue))
        sim_fail(sim, "refused", "the message has never been sent");
    if (!ok && dialogue->void_at != NO_CUT)
        sim_fail(sim, "refused", "it was not carried out, and the server had said so");
    if (dialogue->act->kind == ORDER_STORE)
        judge_stored(dialogue, sim);
    else if (dialogue->act->kind == ORDER_APPEND)
        judge_appended(dialogue, sim, ok);
    else if (dialogue->act->kind == ORDER_COPY || dialogue->act->kind == ORDER_MOVE)
        judge_copied(dialogue, sim, ok);
    else
        judge_expunged(dialogue, sim, ok);
}

/* --- all of them */

static void play(struct dialogue *dialogue, FILE *trace, struct run_result *result)
{
    const struct run_observer observer = {.context = dialogue, .planned = planned, .begins = begins, .ends = ends};

    run_seed_observed(SEED, &observer, trace, result);
}

static void report(struct dialogue *dialogue, const char *server, const struct run_result *result, unsigned before)
{
    struct run_result again;
    const char *place = "without a cut";
    uint64_t at = 0;

    if (dialogue->cut_up != NO_CUT) {
        place = "cut behind octet up";
        at = dialogue->cut_up;
    } else if (dialogue->cut_down != NO_CUT) {
        place = "cut behind octet down";
        at = dialogue->cut_down;
    } else if (dialogue->void_at != NO_CUT) {
        place = "session void at command";
        at = dialogue->void_at;
    }
    printf("WRONG %s, %s, %s %llu: answered %s: %s: %s\n", dialogue->act->name, server, place, (unsigned long long)at,
           dialogue->order && dialogue->answer[0] ? dialogue->answer : "nothing", result->check, result->text);
    if (before < TRACES_MAX)
        play(dialogue, stdout, &again);
    fflush(stdout);
}

static void play_cut(struct dialogue dialogue, const char *server, struct totals *totals)
{
    struct run_result result;

    play(&dialogue, NULL, &result);
    totals->cuts++;
    totals->ok += strncmp(dialogue.answer, "OK", 2) == 0;
    totals->unavailable += strcmp(dialogue.answer, UNAVAILABLE) == 0;
    if (result.failed)
        report(&dialogue, server, &result, totals->wrong++);
}

static void play_act(const struct act *act, unsigned server, struct totals *totals)
{
    struct dialogue whole = {
        .act = act, .can = servers[server].can, .cut_up = NO_CUT, .cut_down = NO_CUT, .void_at = NO_CUT};
    struct dialogue cut = whole;
    struct run_result result;

    play(&whole, NULL, &result);
    if (result.failed || strncmp(whole.answer, "OK", 2) != 0) {
        report(&whole, servers[server].name, &result, totals->wrong++);
        return;
    }
    cut.up = whole.up;
    cut.down = whole.down;
    for (cut.cut_up = 0; cut.cut_up <= whole.up; cut.cut_up++)
        play_cut(cut, servers[server].name, totals);
    cut.cut_up = NO_CUT;
    for (cut.cut_down = 0; cut.cut_down <= whole.down; cut.cut_down++)
        play_cut(cut, servers[server].name, totals);
    cut.cut_down = NO_CUT;
    for (cut.void_at = 1; cut.void_at <= whole.commands; cut.void_at++)
        play_cut(cut, servers[server].name, totals);
}

int cuts_play_all(void)
{
    struct totals totals = {0};

    for (unsigned server = 0; server < SERVERS; server++) {
        for (size_t i = 0; i < ACTS; i++) {
            if ((servers[server].can & acts[i].needs) == acts[i].needs)
                play_act(&acts[i], server, &totals);
        }
    }
    printf("%u cuts, %u answered OK, %u answered " UNAVAILABLE ", %u wrong\n", totals.cuts, totals.ok,
           totals.unavailable, totals.wrong);
    return totals.wrong > 0;
}
