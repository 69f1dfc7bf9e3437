/* The line of a model client: what it sends comes to the session in pieces, what the session says is read line by line
 * (late, if the client is slow). The session is closed from here, never from within one of its calls. */
#include "sim/client.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "abnf/abnf.h"
#include "session/session.h"

static struct client *of_line(struct task *task)
{
    return (struct client *)((char *)task - offsetof(struct client, line));
}

/* --- sending */

void client_send(struct client *client, const char *octets, size_t size)
{
    evbuffer_add(client->to_session, octets, size);
    client->queued += size;
}

void client_print(struct client *client, const char *format, ...)
{
    char text[4000];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(text))
        abort();
    client_send(client, text, (size_t)length);
    if (client->sim->trace && client->shown + (size_t)length < sizeof(client->show)) {
        memcpy(client->show + client->shown, text, (size_t)length);
        client->shown += (size_t)length;
    }
}

struct order *client_order(struct client *client, enum order_kind kind)
{
    struct order *order = order_new(client, kind);

    snprintf(order->tag, sizeof(order->tag), "%c%u", 'a' + (char)(client->number % 26), ++client->tags);
    order->number = client->tags;
    order->quiet = client->sim->quiet;
    order->box = client->replica.box;
    order->read_only = client->replica.read_only;
    if (client->last)
        client->last->next_of_client = order;
    else
        client->first = order;
    client->last = order;
    client->sim->commands++;
    client_print(client, "%s ", order->tag);
    return order;
}

void client_order_sent(struct client *client, struct order *order)
{
    order->end = client->queued;
}

void client_end_packet(struct client *client)
{
    struct packet *packet = memory_take(&client->sim->memory, sizeof(*packet));

    if (client->shown)
        sim_trace(client->sim, client->name, ">", (struct slice){client->show, client->shown});
    client->shown = 0;
    packet->end = client->queued;
    if (client->last_packet)
        client->last_packet->next = packet;
    else
        client->packets = packet;
    client->last_packet = packet;
    task_wake(&client->line);
}

/* --- the end of a line */

/* It may have been given what was \Recent there. */
static void note_left(const struct order *order)
{
    struct box *box = order->kind == ORDER_SELECT ? box_find(order->user, slice_of(order->name)) : NULL;

    if (box)
        box->left_at = sim_now(order->user->sim);
}

static void give_up_orders(struct client *client)
{
    for (struct order *order = client->first; order; order = order->next_of_client) {
        order->disturbed = true;
        note_left(order);
        if (!order->whole)
            order_close(order);
    }
    client->first = client->last = NULL;
}

static void forget_line(struct client *client)
{
    give_up_orders(client);
    replica_end(&client->replica);
    client->replica.qresync = client->asked_qresync = false;
    evbuffer_drain(client->to_session, evbuffer_get_length(client->to_session));
    evbuffer_drain(client->offered, evbuffer_get_length(client->offered));
    client->paused = false;
    wire_clear(&client->in);
    client->queued = client->delivered = 0;
    client->packets = client->last_packet = NULL;
    client->deliver_at = client->read_at = 0;
    client->vanish_at = UINT64_MAX;
    client->greeted = client->logged_in = client->idling = client->done_sent = false;
    client->says_end = client->ends = client->half_closed = false;
    client->held_for = NULL;
}

static bool is_last(const struct client *client)
{
    const struct sim *sim = client->sim;

    for (unsigned i = 0; i < sim->plan.clients; i++) {
        const struct client *other = &sim->clients[i];
        if (other != client && other->user == client->user && other->session && other->logged_in)
            return false;
    }
    return true;
}

void client_gone(struct client *client)
{
    if (!client->session)
        return;
    sim_note(client->sim, "%s is gone", client->name);
    session_closed(client->session);
    client->session = NULL;
    forget_line(client);
    if (is_last(client))
        user_forgotten(client->user);
}

void client_depart(struct client *client, bool by_eof)
{
    client->held_for = NULL;
    if (by_eof)
        client->says_end = client->ends = true;
    else
        client->vanish_at = client->delivered;
    task_wake(&client->line);
}

static bool may_be_cut(const struct client *client)
{
    return client->rubbish ||
           client->user->disturbed_at + client->sim->plan.settings.response_timeout * 3 + 10 * USEC_MINUTE >
               sim_now(client->sim);
}

/* The session wants the line closed. */
static void closed_by_proxy(struct client *client, bool abort_wanted)
{
    struct sim *sim = client->sim;

    if (!abort_wanted && !wire_between_lines(&client->in) && !client->rubbish)
        sim_fail(sim, "half a line", "%s: the line ends in the middle of an answer", client->name);
    if (!client->ends && !may_be_cut(client))
        sim_fail(sim, "cut off", "%s is %s without a reason", client->name, abort_wanted ? "cut off" : "sent away");
    client_gone(client);
}

/* --- reading */

/* Mail programs forgive less than we do. */
static void check_grammar(struct client *client, struct slice octets)
{
    struct abnf_answer answer = abnf_response(octets, false);
    struct slice left = {octets.data + answer.at, octets.length - answer.at};

    if (answer.result != ABNF_GOOD || left.length > 0)
        sim_fail(client->sim, "against the grammar", "%s: octet %zu of %.*s: it should have \"%s\", it has \"%.*s\"",
                 client->name, answer.at, (int)(octets.length < 300 ? octets.length : 300), octets.data,
                 answer.wanted ? answer.wanted : "more", (int)(left.length < 20 ? left.length : 20), left.data);
}

static void read_output(struct client *client)
{
    struct evbuffer *out = session_output(client->session);
    size_t size = evbuffer_get_length(out);
    struct slice line;

    if (size == 0)
        return;
    wire_feed(&client->in, evbuffer_pullup(out, -1), size);
    evbuffer_drain(out, size);
    while (!client->sim->failed && wire_next(&client->in, &line) == WIRE_LINE) {
        sim_trace(client->sim, client->name, "<", line);
        check_grammar(client, wire_octets(&client->in, line));
        client_take_line(client, line);
    }
}

/* --- delivering */

static void mark_whole(struct client *client)
{
    for (struct order *order = client->first; order; order = order->next_of_client) {
        if (!order->whole && order->end != 0 && order->end <= client->delivered) {
            order->whole = true;
            order->sent_at = sim_now(client->sim);
        }
    }
}

/* The rest of a packet, or what comes of it before the client vanishes. */
static size_t next_piece(struct client *client)
{
    size_t all;

    while (client->packets && client->packets->end <= client->delivered)
        client->packets = client->packets->next;
    if (!client->packets) {
        client->last_packet = NULL;
        return 0;
    }
    all = (size_t)(client->packets->end - client->delivered);
    if (client->vanish_at - client->delivered < all)
        all = (size_t)(client->vanish_at - client->delivered);
    return all;
}

static bool may_read(const struct client *client)
{
    return !(session_wants(client->session) & (SESSION_PAUSE | SESSION_CLOSE | SESSION_ABORT | SESSION_START_TLS));
}

/* What the session leaves (half a line, or because it pauses) is offered again with what comes next. */
static void offer(struct client *client)
{
    client->paused = false;
    session_receive(client->session, client->offered);
    client->paused = !may_read(client) && evbuffer_get_length(client->offered) > 0;
}

/* Never behind a whole line: of a command that has not come at all the session cannot know. */
static size_t cut_piece(struct client *client, size_t size)
{
    char octets[4000];
    size_t cut;

    if (!client->sim->plan.hurries || size < 2 || size > sizeof(octets) || !dice_percent(&client->line_dice, 40))
        return size;
    cut = 1 + dice_below(&client->line_dice, size - 1);
    evbuffer_copyout(client->to_session, octets, cut);
    if (octets[cut - 1] == '\n')
        return size;
    for (struct order *order = client->first; order; order = order->next_of_client)
        order->in_pieces = true;
    return cut;
}

static void deliver(struct client *client)
{
    size_t size = cut_piece(client, next_piece(client));

    evbuffer_remove_buffer(client->to_session, client->offered, size);
    client->delivered += size;
    mark_whole(client);
    offer(client);
}

void client_deliver_at_once(struct client *client)
{
    while (client->session && next_piece(client) > 0 && may_read(client))
        deliver(client);
}

static bool has_to_deliver(struct client *client)
{
    return next_piece(client) > 0 && may_read(client);
}

static usec latency(struct client *client)
{
    return 1 + dice_below(&client->line_dice, (uint64_t)client->sim->plan.latency);
}

static void step_input(struct client *client, usec now)
{
    if (client->paused && may_read(client))
        offer(client);
    if (has_to_deliver(client)) {
        if (client->deliver_at == 0)
            client->deliver_at = now + latency(client);
        if (now >= client->deliver_at) {
            client->deliver_at = 0;
            deliver(client);
            if (has_to_deliver(client))
                client->deliver_at = now + latency(client);
        }
    } else {
        client->deliver_at = 0;
    }
    if (client->says_end && !client->paused && client->delivered == client->queued) {
        client->says_end = false;
        client->half_closed = true;
        session_end_of_input(client->session);
    }
}

static void run_line(struct task *task, usec now)
{
    struct client *client = of_line(task);
    usec deadline = USEC_NEVER;

    if (!client->session)
        return;
    if (client->delivered >= client->vanish_at) {
        client_gone(client);
        return;
    }
    step_input(client, now);
    if (client->slow && evbuffer_get_length(session_output(client->session)) > 0 && client->read_at == 0)
        client->read_at = now + dice_below(&client->line_dice, 50000);
    if (!client->slow || now >= client->read_at) {
        client->read_at = 0;
        read_output(client);
    }
    if (session_wants(client->session) & SESSION_ABORT) {
        closed_by_proxy(client, true);
        return;
    }
    if ((session_wants(client->session) & SESSION_CLOSE) && evbuffer_get_length(session_output(client->session)) == 0) {
        closed_by_proxy(client, false);
        return;
    }
    if (client->delivered >= client->vanish_at)
        task_wake(task);
    if (client->deliver_at > 0)
        deadline = client->deliver_at;
    if (client->read_at > 0 && client->read_at < deadline)
        deadline = client->read_at;
    task_set_deadline(task, deadline);
}

static void wake_line(void *object)
{
    struct client *client = object;

    task_wake(&client->line);
}

void client_hurry(struct client *client)
{
    client->read_at = 0;
    task_wake(&client->line);
}

void client_connect(struct client *client)
{
    struct sim *sim = client->sim;
    const struct session_options options = {.upstream = &sim->upstream,
                                            .plaintext_login = true,
                                            .peer = "127.0.0.1",
                                            .address = client->number % 4,
                                            .wake = wake_line,
                                            .link = client};

    forget_line(client);
    sim_note(sim, "%s connects", client->name);
    client->session = session_new(sim->registry, &options);
    if (!client->session) { /* out of memory: turned away */
        sim_note(sim, "%s is turned away", client->name);
        return;
    }
    client->wrong_password = false;
    task_wake(&client->line);
}

/* --- asking about it */

bool client_is_quiet(const struct client *client)
{
    bool idle_only = client->first && !client->first->next_of_client && client->first->kind == ORDER_IDLE &&
                     client->idling && !client->done_sent;

    if (!client->session)
        return true;
    return client->delivered == client->queued && !client->held_for && (!client->first || idle_only) &&
           client->greeted && evbuffer_get_length(session_output(client->session)) == 0;
}

bool client_counts(const struct client *client, const struct message *message)
{
    return replica_number(&client->replica, message) > 0 || replica_unknown(&client->replica) > 0;
}

void client_check_waiting(struct client *client, usec limit)
{
    const struct order *order = client->first;

    if (!client->session || !order || !order->whole || client->rubbish)
        return;
    if (order->kind == ORDER_IDLE && !client->done_sent)
        return;
    if (sim_now(client->sim) - order->sent_at > limit && sim_now(client->sim) - client->sim->jumped_at > limit)
        sim_fail(client->sim, "waits for ever", "%s: no answer to %s for %lld s", client->name, order->tag,
                 (long long)((sim_now(client->sim) - order->sent_at) / USEC_SECOND));
}

/* --- acts */

static usec pause_of(struct client *client)
{
    return 1 + (usec)random_below(&client->dice.random, (uint64_t)client->sim->plan.think * 2);
}

static void run_act(struct task *task, usec now)
{
    struct client *client = (struct client *)task;
    struct sim *sim = client->sim;
    bool cut = cuts_hold(sim->cuts, CUT_ACT, client->number, client->act);

    if (sim->quiet || client->acts_left == 0)
        return;
    client->dice = dice_make(sim->seed, DICE_ACT, client->number, client->act);
    client->act++;
    client->acts_left--;
    task_set_deadline(task, now + pause_of(client));
    if (cut)
        return;
    sim->acts_done++;
    if (client->rubbish)
        client_rubbish(client);
    else
        client_act(client);
}

void client_begin_round(struct client *client)
{
    client->acts_left = client->sim->plan.acts;
    client->dice = dice_make(client->sim->seed, DICE_ACT, client->number, 1000000 + client->sim->round);
    if (!cuts_hold(client->sim->cuts, CUT_CLIENT, client->number, 0))
        task_set_deadline(&client->task, sim_now(client->sim) + pause_of(client));
    else
        client->acts_left = 0;
}

void client_make(struct sim *sim)
{
    sim->clients = memory_take(&sim->memory, sizeof(*sim->clients) * sim->plan.clients);
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct client *client = &sim->clients[i];
        struct dice dice = dice_make(sim->seed, DICE_PLAN, 2, i);
        task_init(&client->task, sim->runqueue, run_act);
        task_init(&client->line, sim->runqueue, run_line);
        client->sim = sim;
        client->number = i;
        client->user = &sim->users[i < sim->plan.users ? i : dice_below(&dice, sim->plan.users)];
        client->rubbish = i >= sim->plan.clients - sim->plan.rubbish;
        client->slow = dice_percent(&dice, 15);
        client->line_dice = dice_make(sim->seed, DICE_CLIENT_LINE, i, 0);
        client->to_session = evbuffer_new();
        client->offered = evbuffer_new();
        wire_init(&client->in, true);
        snprintf(client->name, sizeof(client->name), "client%u", i % 1000);
        client->replica.sim = sim;
        client->replica.who = client->name;
        client->vanish_at = UINT64_MAX;
    }
}

void client_free(struct client *client)
{
    if (client->session)
        session_closed(client->session);
    client->session = NULL;
    task_clear(&client->task);
    task_clear(&client->line);
    evbuffer_free(client->to_session);
    evbuffer_free(client->offered);
    wire_clear(&client->in);
}
