/* The connection of an upstream: dialer, then stream, with TLS from the first octet or later. Runs on the runqueue. The
 * upstream hears of its end exactly once, and only after the descriptor is closed: "one session" rests on that. It must
 * never dial by itself, nor reconnect.
 *
 *   DIALING --connected--> OPEN <--> SECURING (STARTTLS; implicit TLS comes before OPEN) --close--> CLOSING --> gone
 *   and from each of them --failed, ended or closed at once--> gone */
#include "net/upstream_link.h"

#include <event2/buffer.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/runqueue.h"
#include "mux/upstream.h"
#include "net/deflate.h"
#include "net/dialer.h"
#include "net/stream.h"
#include "net/tls.h"

#define OUTPUT_MAX   ((size_t)256 * 1024)
#define OUTPUT_ROUND ((size_t)1024 * 1024)
#define LOGIN_OCTETS ((size_t)64 * 1024) /* the password is among the first of them, and is wiped once written */

enum upstream_link_state { LINK_DIALING, LINK_SECURING, LINK_OPEN, LINK_CLOSING };

struct upstream_link {
    struct task task;
    struct upstream_links *links;
    struct upstream_link *prev, *next;
    struct upstream *upstream;
    const struct upstream_settings *settings;
    enum upstream_link_state state;
    struct dialer *dialer; /* DIALING only */
    struct stream *stream; /* all but DIALING */
    bool connected;        /* upstream_connected was called */
    bool paused;
    bool tls_wanted, close_wanted, flush_wanted;
    bool compression_wanted; /* never for longer than the octets are handed over: see step_open */
    bool ended;
    bool asked_for_more; /* since something was last moved: asking again and again would be a loop */
    usec deadline;       /* of SECURING and CLOSING */
    usec round;          /* the step in which ... */
    size_t round_moved;  /* ... so much has been written */
};

static struct upstream_link *of_task(struct task *task)
{
    return (struct upstream_link *)((char *)task - offsetof(struct upstream_link, task));
}

static void wake(void *owner)
{
    struct upstream_link *link = owner;
    task_wake(&link->task);
}

/* ---- the end ---- */

static void release(struct upstream_link *link)
{
    link->ended = true;
    task_clear(&link->task);
    dialer_free(link->dialer);
    stream_free(link->stream);
    DL_DELETE(link->links->first, link);
    link->links->count--;
    runqueue_dispose(link->links->runqueue, free, link);
}

static void finish(struct upstream_link *link, const char *reason)
{
    struct upstream *upstream = link->upstream;
    char kept[sizeof(struct tls_fault)];

    snprintf(kept, sizeof(kept), "%s", reason); /* it may live in the stream */
    if (link->stream && stream_peer_has_ended(link->stream))
        stream_resets(link->stream, false);
    else if (link->stream)
        upstream_ends_unheard(upstream);
    release(link);
    upstream_closed(upstream, kept);
}

/* ---- TLS ---- */

/* Returns the client context for these settings and keeps it: reading the system's certificates takes longer than a
 * connection.
 */
static struct tls_context *context_for(struct upstream_links *links, const struct upstream_settings *settings,
                                       struct tls_fault *fault)
{
    const struct tls_client_options options = {.verify = settings->tls_verify, .ca = settings->tls_ca};
    struct upstream_tls_entry *entry;

    LL_FOREACH (links->tls, entry)
        if (entry->settings == settings)
            return entry->context;
    entry = calloc(1, sizeof(*entry));
    if (!entry) {
        snprintf(fault->text, sizeof(fault->text), "out of memory");
        return NULL;
    }
    entry->settings = settings;
    entry->context = tls_client_new(&options, fault);
    if (!entry->context) {
        free(entry);
        return NULL;
    }
    LL_PREPEND(links->tls, entry);
    return entry->context;
}

static void secure(struct upstream_link *link, usec now)
{
    const struct upstream_settings *settings = link->settings;
    struct tls_fault fault;
    struct tls_context *context = context_for(link->links, settings, &fault);
    struct ssl_st *ssl =
        context ? tls_open(context, settings->tls_name ? settings->tls_name : settings->host, &fault) : NULL;

    link->tls_wanted = false;
    if (!ssl) {
        finish(link, fault.text);
        return;
    }
    link->state = LINK_SECURING;
    link->deadline = now + link->links->settings->connect_timeout;
    stream_start_tls(link->stream, ssl);
    task_wake(&link->task);
}

static void step_securing(struct upstream_link *link, usec now)
{
    if (stream_state(link->stream) == STREAM_HANDSHAKE) {
        if (now >= link->deadline)
            finish(link, "TLS handshake: no answer in time");
        return;
    }
    link->state = LINK_OPEN;
    if (link->connected) {
        upstream_secured(link->upstream);
    } else {
        link->connected = true;
        upstream_connected(link->upstream);
    }
    task_wake(&link->task);
}

/* ---- dialling ---- */

static void tell_ends(const struct upstream_link *link, int descriptor)
{
    struct sockaddr_storage local, remote;
    socklen_t length = sizeof(local), remote_length = sizeof(remote);
    struct link_ends ends = {0};

    if (getsockname(descriptor, (struct sockaddr *)&local, &length) != 0 || length > LINK_END_SIZE ||
        getpeername(descriptor, (struct sockaddr *)&remote, &remote_length) != 0 || remote_length != length)
        return;
    ends.length = (uint8_t)length;
    memcpy(ends.local, &local, length);
    memcpy(ends.remote, &remote, length);
    upstream_stands_between(link->upstream, &ends);
}

static void on_dialled(void *owner, int descriptor, const char *reason)
{
    struct upstream_link *link = owner;
    usec now = task_now(&link->task);
    bool sourceless = dialer_lacks_source(link->dialer);

    dialer_free(link->dialer);
    link->dialer = NULL;
    if (descriptor < 0) {
        char text[480];
        if (sourceless)
            upstream_lacks_source(link->upstream);
        snprintf(text, sizeof(text), "cannot connect: %s", reason);
        finish(link, text);
        return;
    }
    tell_ends(link, descriptor);
    link->stream = stream_new(link->links->base, descriptor, wake, link);
    if (!link->stream) {
        finish(link, "out of memory");
        return;
    }
    stream_tune(link->stream, link->links->settings->keepalive, link->links->settings->response_timeout);
    stream_resets(link->stream, true); /* a process that is killed must not leave the kernel closing a dead line */
    stream_pause(link->stream, link->paused);
    if (link->settings->tls == UPSTREAM_IMPLICIT_TLS) {
        secure(link, now);
        return;
    }
    link->state = LINK_OPEN;
    link->connected = true;
    upstream_connected(link->upstream);
    task_wake(&link->task);
}

static void step_dialing(struct upstream_link *link, usec now)
{
    (void)link, (void)now; /* the dialer will call */
}

/* ---- bytes ---- */

static void feed(struct upstream_link *link)
{
    if (!link->paused && !link->tls_wanted && evbuffer_get_length(stream_input(link->stream)) > 0)
        upstream_receive(link->upstream, stream_input(link->stream));
}

static size_t stream_load(const struct upstream_link *link)
{
    return stream_waiting(link->stream);
}

static void note_moved(struct upstream_link *link, size_t moved, usec now)
{
    if (link->round != now)
        link->round_moved = 0;
    link->round = now;
    link->round_moved += moved;
}

/* The stream has room: writes the rest of the output, or asks the upstream for more. No event would tell of either. A
 * fast server would keep this going for a whole upload, so that after OUTPUT_ROUND the others have their turn: the
 * deadline is due in the next step, after a round of events. */
static void go_on(struct upstream_link *link, size_t moved, usec now)
{
    bool full = stream_load(link) >= STREAM_LOW_WATER;

    if (full || moved > 0)
        link->asked_for_more = false;
    if (full)
        return;
    note_moved(link, moved, now);
    if (link->round_moved >= OUTPUT_ROUND)
        task_set_deadline(&link->task, now + 1);
    else if (evbuffer_get_length(upstream_output(link->upstream)) > 0)
        task_wake(&link->task);
    else if (!link->asked_for_more) {
        link->asked_for_more = true;
        upstream_writable(link->upstream);
    }
}

static void move_output(struct upstream_link *link, usec now)
{
    struct evbuffer *from = upstream_output(link->upstream);
    size_t load = stream_load(link), moved = 0;

    stream_wipe_output(link->stream, stream_octets_written(link->stream) < LOGIN_OCTETS);
    if (load < OUTPUT_MAX && evbuffer_get_length(from) > 0) {
        int result = evbuffer_remove_buffer(from, stream_output(link->stream), OUTPUT_MAX - load);
        moved = result > 0 ? (size_t)result : 0;
    }
    stream_flush(link->stream);
    go_on(link, moved, now);
}

static bool output_empty(const struct upstream_link *link)
{
    return stream_load(link) == 0 && evbuffer_get_length(upstream_output(link->upstream)) == 0;
}

/* Where the server has answered COMPRESS, before an octet is written that it takes for compressed. */
static void compress(struct upstream_link *link)
{
    struct upstream_links *links = link->links;

    link->compression_wanted = false;
    if (!links->deflater)
        links->deflater = deflater_new();
    if (!links->deflater) {
        finish(link, "out of memory");
        return;
    }
    stream_compress(link->stream, links->deflater);
    upstream_compressed(link->upstream);
}

static void step_open(struct upstream_link *link, usec now)
{
    feed(link);
    if (!link->ended && link->compression_wanted)
        compress(link);
    if (link->ended)
        return;
    move_output(link, now);
    if (link->ended)
        return;
    stream_pause(link->stream, link->paused || link->tls_wanted);
    if (!link->paused && upstream_busy(link->upstream))
        stream_expect_more(link->stream);
    if (link->tls_wanted && output_empty(link))
        secure(link, now);
    else if (stream_input_ended(link->stream) && !link->paused)
        finish(link, "closed by the server");
}

/* ---- closing ---- */

static void begin_closing(struct upstream_link *link, usec now)
{
    bool orderly = link->flush_wanted && link->state == LINK_OPEN;

    link->close_wanted = false;
    if (!orderly) {
        finish(link, "closed here");
        return;
    }
    link->state = LINK_CLOSING;
    link->deadline = now + link->links->settings->response_timeout;
    evbuffer_add_buffer(stream_output(link->stream), upstream_output(link->upstream));
    stream_close(link->stream);
    task_wake(&link->task);
}

static void step_closing(struct upstream_link *link, usec now)
{
    if (stream_state(link->stream) == STREAM_CLOSED || now >= link->deadline)
        finish(link, "closed here");
}

static void (*const steps[])(struct upstream_link *link, usec now) = {
    [LINK_DIALING] = step_dialing,
    [LINK_SECURING] = step_securing,
    [LINK_OPEN] = step_open,
    [LINK_CLOSING] = step_closing,
};

static void fail(struct upstream_link *link)
{
    if (link->state == LINK_OPEN)
        feed(link); /* octets before the failure, perhaps a BYE with a text */
    if (!link->ended)
        finish(link, stream_reason(link->stream));
}

static void run(struct task *task, usec now)
{
    struct upstream_link *link = of_task(task);

    if (link->close_wanted)
        begin_closing(link, now);
    else if (link->stream && stream_state(link->stream) == STREAM_FAILED)
        fail(link);
    else
        steps[link->state](link, now);
    if (!link->ended && (link->state == LINK_SECURING || link->state == LINK_CLOSING))
        task_set_deadline(&link->task, link->deadline);
}

/* ---- ops of the upstream ---- */

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct upstream_links *links = context;
    struct upstream_link *link = calloc(1, sizeof(*link));

    if (!link)
        return NULL;
    link->links = links;
    link->upstream = upstream;
    link->settings = settings;
    const struct link_ends *between = upstream_between(upstream);
    const struct dialer_options options = {
        .base = links->base,
        .resolver = links->resolver,
        .runqueue = links->runqueue,
        .host = settings->host,
        .port = settings->port,
        .between = between ? *between : (struct link_ends){0},
        .source = settings->source,
        .user = upstream_user(upstream),
        .timeout = links->settings->connect_timeout,
        .done = on_dialled,
        .owner = link,
    };
    link->dialer = dialer_new(&options);
    if (!link->dialer) {
        free(link);
        return NULL;
    }
    task_init(&link->task, links->runqueue, run);
    DL_APPEND(links->first, link);
    links->count++;
    return link;
}

static void start_tls(void *object)
{
    struct upstream_link *link = object;
    link->tls_wanted = true;
    task_wake(&link->task);
}

static void compress_link(void *object)
{
    struct upstream_link *link = object;
    link->compression_wanted = true;
}

static void wake_link(void *object)
{
    wake(object);
}

static void close_link(void *object, bool flush)
{
    struct upstream_link *link = object;
    link->close_wanted = true;
    link->flush_wanted = flush;
    task_wake(&link->task);
}

static void pause_link(void *object, bool paused)
{
    struct upstream_link *link = object;
    link->paused = paused;
    task_wake(&link->task);
}

const struct upstream_link_ops upstream_link_ops = {
    .dial = dial,
    .start_tls = start_tls,
    .compress = compress_link,
    .wake = wake_link,
    .close = close_link,
    .pause = pause_link,
};

void upstream_links_forget_tls(struct upstream_links *links)
{
    struct upstream_tls_entry *entry, *next;

    LL_FOREACH_SAFE(links->tls, entry, next)
    {
        tls_context_free(entry->context);
        free(entry);
    }
    links->tls = NULL;
}

void upstream_links_clear(struct upstream_links *links)
{
    while (links->first)
        release(links->first);
    upstream_links_forget_tls(links);
    deflater_free(links->deflater);
    links->deflater = NULL;
}
