/* A line lives on the runqueue, as the real one does: callbacks only wake its task. It never calls the upstream from
 * within one of the upstream's own calls. Counts lines by upstream: a second one is a failure of the run.
 *
 *   DIALLING --> OPEN --close, drop, the server's close--> gone (upstream_closed, once) */
#include "sim/link.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <utlist.h>

#include "mux/upstream.h"
#include "sim/server.h"

#define BUFFER_LIMIT (256 * 1024 + 64 * 1024)

struct link {
    struct task task;
    struct sim *sim;
    struct link *prev, *next;
    struct upstream *upstream;
    struct server *server; /* NULL until connected */
    unsigned number;
    struct dice dice;
    struct evbuffer *to_proxy; /* delivered, not yet taken by the upstream */
    usec connects_at;
    usec deliver_at; /* the next delivery to the proxy */
    usec stalled_until;
    uint64_t delivered;
    uint64_t cut_answer, cut_command; /* UINT64_MAX: none */
    uint64_t taken;                   /* octets of the proxy */
    bool refuse_connect, refuse_greeting;
    usec closes_at; /* once close_wanted */
    bool close_wanted, server_closes, dropped, paused;
    bool in_two;
};

static void release(struct link *link)
{
    task_clear(&link->task);
    if (link->server)
        server_free(link->server);
    evbuffer_free(link->to_proxy);
    DL_DELETE(link->sim->links, link);
}

static void finish(struct link *link, const char *reason)
{
    struct upstream *upstream = link->upstream;
    struct sim *sim = link->sim;

    if (link->server && link->server->user && link->server->state != SERVER_CLOSED)
        link->server->user->given_up_at = sim_now(sim);
    sim_note(sim, "line of %s closed: %s", link->server ? link->server->name : "nobody", reason);
    release(link);
    runqueue_dispose(sim->runqueue, free, link);
    upstream_closed(upstream, reason);
}

uint64_t link_delivered(const struct link *link)
{
    return link->delivered;
}

uint64_t link_taken(const struct link *link)
{
    return link->taken;
}

void link_wake(struct link *link)
{
    task_wake(&link->task);
}

void link_close_after_output(struct link *link)
{
    link->server_closes = true;
    task_wake(&link->task);
}

/* --- connecting */

static void connect_now(struct link *link)
{
    struct sim *sim = link->sim;

    link->connects_at = 0;
    if (link->refuse_connect) {
        finish(link, "cannot connect: refused");
        return;
    }
    link->server = server_new(sim, link, link->number);
    link->deliver_at = sim_now(sim) + 1 + dice_below(&link->dice, (uint64_t)sim->plan.latency);
    upstream_connected(link->upstream);
    sim_note(sim, "line of %s open", link->server->name);
    if (link->refuse_greeting) {
        server_bye(link->server, "[LIMIT] Too many connections");
        return;
    }
    link->server->state = SERVER_NOT_LOGGED_IN;
    if (server_liberty(link->server, 50)) {
        server_write(link->server, "* OK hello\r\n");
    } else {
        server_write(link->server, "* OK [CAPABILITY ");
        server_write_capabilities(link->server);
        server_write(link->server, "] hello\r\n");
    }
}

/* --- octets */

static size_t piece(struct link *link, size_t all)
{
    if (all > 1 && dice_percent(&link->dice, link->sim->plan.split))
        return 1 + dice_below(&link->dice, all);
    return all;
}

/* A cut strikes: its client notices the fault from now on, however long ago it was planted. */
static void cut_now(struct link *link)
{
    link->dropped = true;
    if (link->server->user)
        user_disturbed(link->server->user, sim_now(link->sim));
}

static void take_commands(struct link *link)
{
    struct evbuffer *out = upstream_output(link->upstream);
    size_t all = evbuffer_get_length(out);
    uint64_t left = link->cut_command - link->taken;

    if (all > BUFFER_LIMIT)
        sim_fail(link->sim, "limits", "%zu octets wait for the server", all);
    if (all > left)
        all = (size_t)left;
    while (all > 0 && !link->sim->failed) {
        size_t now = piece(link, all);
        const unsigned char *bytes = evbuffer_pullup(out, (ev_ssize_t)now);
        link->taken += now;
        all -= now;
        server_receive(link->server, bytes, now);
        evbuffer_drain(out, now);
    }
    if (link->taken == link->cut_command)
        cut_now(link);
    else if (!link->dropped && link->server->state != SERVER_CLOSED)
        upstream_writable(link->upstream);
}

static void deliver(struct link *link)
{
    struct sim *sim = link->sim;
    struct evbuffer *out = link->server->out;
    size_t all = evbuffer_get_length(out);
    uint64_t left = link->cut_answer - link->delivered;
    size_t now = piece(link, all);

    if (now > left)
        now = (size_t)left;
    link->in_two = now > 0 && now < all;
    if (now > 0) {
        const unsigned char *bytes =
            evbuffer_pullup(out, (ev_ssize_t)now); /* with a trace or without: the same pieces */
        sim_trace(sim, link->server->name, "<", (struct slice){(const char *)bytes, now});
        link->delivered += now;
        evbuffer_remove_buffer(out, link->to_proxy, now);
        upstream_receive(link->upstream, link->to_proxy);
        if (!link->paused && evbuffer_get_length(link->to_proxy) > 64 * 1024)
            sim_fail(sim, "limits", "the upstream leaves %zu octets unread", evbuffer_get_length(link->to_proxy));
    }
    if (link->delivered == link->cut_answer)
        cut_now(link);
    link->deliver_at = 0;
}

static bool is_stalled(const struct link *link)
{
    return sim_now(link->sim) < link->stalled_until;
}

static void step_open(struct link *link, usec now)
{
    take_commands(link);
    if (link->dropped || link->close_wanted)
        return;
    if (evbuffer_get_length(link->server->out) == 0)
        return;
    if (link->deliver_at == 0)
        link->deliver_at = now + 1 + dice_below(&link->dice, (uint64_t)link->sim->plan.latency);
    if (now >= link->deliver_at)
        deliver(link);
    if (!link->dropped && link->deliver_at == 0 && evbuffer_get_length(link->server->out) > 0)
        link->deliver_at = now + 1 + dice_below(&link->dice, (uint64_t)link->sim->plan.latency);
}

/* Until then the server counts the connection: what is left goes out first, or the peer's end has not come. */
static void close_now(struct link *link, usec now)
{
    if (now >= link->closes_at)
        finish(link, "closed here");
    else
        task_set_deadline(&link->task, link->closes_at);
}

static void run(struct task *task, usec now)
{
    struct link *link = (struct link *)task;

    if (link->close_wanted) {
        close_now(link, now);
        return;
    }
    if (!link->server) {
        if (now >= link->connects_at)
            connect_now(link);
        if (!link->server)
            return;
    }
    if (!is_stalled(link) && !link->dropped)
        step_open(link, now);
    if (link->close_wanted)
        close_now(link, now);
    else if (link->dropped)
        finish(link, "connection reset");
    else if (link->server_closes && evbuffer_get_length(link->server->out) == 0)
        finish(link, "closed by the server");
    else
        task_set_deadline(&link->task, is_stalled(link)                             ? link->stalled_until
                                       : evbuffer_get_length(link->server->out) > 0 ? link->deliver_at
                                                                                    : USEC_NEVER);
}

/* --- what the upstream calls */

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct sim *sim = context;
    struct link *link, *other;
    struct user *user = sim->users;

    (void)settings;
    DL_FOREACH (sim->links, other) {
        if (other->upstream == upstream)
            sim_fail(sim, "one session", "a second connection is opened while the first one is there");
    }
    link = calloc(1, sizeof(*link));
    if (!link)
        abort();
    task_init(&link->task, sim->runqueue, run);
    link->sim = sim;
    link->upstream = upstream;
    link->number = ++sim->link_number;
    link->dice = dice_make(sim->seed, DICE_LINK, link->number, 0);
    link->to_proxy = evbuffer_new();
    link->cut_answer = link->cut_command = UINT64_MAX;
    link->connects_at = sim_now(sim) + 1 + dice_below(&link->dice, (uint64_t)sim->plan.latency);
    /* Nobody knows yet for whom it is: refusals are taken from whoever has some left. */
    for (unsigned i = 0; i < sim->plan.users; i++, user++) {
        if (user->refuse_connect > 0 && !link->refuse_connect) {
            user->refuse_connect--;
            link->refuse_connect = true;
        } else if (user->refuse_greeting > 0 && !link->refuse_greeting) {
            user->refuse_greeting--;
            link->refuse_greeting = true;
        }
        if (link->refuse_connect || link->refuse_greeting) {
            for (unsigned u = 0; u < sim->plan.users; u++)
                user_disturbed(&sim->users[u], sim_now(sim));
        }
    }
    DL_APPEND(sim->links, link);
    task_set_deadline(&link->task, link->connects_at);
    return link;
}

static void start_tls(void *object)
{
    struct link *link = object;

    sim_fail(link->sim, "the proxy may not send this", "TLS is begun though nobody offered it");
}

static void wake(void *object)
{
    struct link *link = object;

    task_wake(&link->task);
}

/* Where nothing but one mailbox is in trouble, a connection that works is given up for nobody: that would be a login.
 */
static void check_hanging_up(const struct link *link)
{
    const struct sim *sim = link->sim;
    const struct plan *plan = &sim->plan;
    bool ends_well = !link->server || link->server->state == SERVER_CLOSED || link->dropped || link->server_closes;

    if (ends_well || link->close_wanted || plan->ailment == SOUND || plan->ailment == DEADLY || sim->faults > 0 ||
        plan->liberties.confused > 0 || plan->liberties.denies > 0 || plan->spool_fails > 0 ||
        plan->settings.drain_max < 1024 * 1024 || !link->server->user || link->server->user->disturbed_at > 0)
        return;
    sim_fail(link->sim, "logins", "the proxy gives up a connection of %s that works", link->server->user->name);
}

static void close_link(void *object, bool flush)
{
    struct link *link = object;

    struct sim *sim = link->sim;
    struct dice dice = dice_make(sim->seed, DICE_LINK, link->number, 1);

    (void)flush;
    check_hanging_up(link);
    if (!link->close_wanted && dice_percent(&dice, sim->plan.slow_close))
        link->closes_at = sim_now(sim) + 1 + (usec)dice_magnitude(&dice, 1, 3000000);
    link->close_wanted = true;
    task_wake(&link->task);
}

static void pause_link(void *object, bool paused)
{
    struct link *link = object;

    link->paused = paused;
}

const struct upstream_link_ops sim_link_ops = {
    .dial = dial, .start_tls = start_tls, .wake = wake, .close = close_link, .pause = pause_link};

void link_clear_all(struct sim *sim)
{
    while (sim->links) {
        struct link *link = sim->links;
        release(link);
        free(link);
    }
}

/* --- faults */

struct link *link_of(struct user *user, unsigned n)
{
    return n < user->session_count ? user->sessions[n]->link : NULL;
}

void link_drop(struct link *link)
{
    link->dropped = true;
    task_wake(&link->task);
}

void link_cut_answer_after(struct link *link, uint64_t octets)
{
    link->cut_answer = link->delivered + octets;
}

void link_cut_command_after(struct link *link, uint64_t octets)
{
    link->cut_command = link->taken + octets;
}

bool link_is_cut_in_two(const struct link *link)
{
    return link->in_two;
}

void link_bye(const struct link *link, const char *text)
{
    server_bye(link->server, text);
}

void link_stall(struct link *link, usec until)
{
    link->stalled_until = until;
    task_wake(&link->task);
}

void link_inject(struct link *link, const char *line)
{
    server_write(link->server, "%s\r\n", line);
    task_wake(&link->task);
}
