/* A client's connection: stream on one side, session on the other. libevent's callbacks only wake the task; run() does
 * everything, on the runqueue. It must never write an octet that the session did not give, nor read on behalf of a
 * session that wants a pause, nor free anything that is on the call stack.
 *
 *   SECURING --TLS agreed--> SERVING --the session wants TLS--> SECURING
 *   SERVING --the session wants compression--> SERVING
 *   SERVING --the session wants to close--> DRAINING --all given to the stream--> CLOSING --closed--> gone
 *   and from each of them --failed, cut or aborted--> gone
 *
 * Invariant: while anything waits in the queue (the spool), new output goes after it, so nothing overtakes. */
#include "net/client_link.h"

#include <assert.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/runqueue.h"
#include "net/deflate.h"
#include "net/output_queue.h"
#include "net/stream.h"
#include "net/tls.h"
#include "session/session.h"

#define PUMP_CHUNK  ((size_t)64 * 1024)
#define PUMP_ROUNDS 16
#define LINGER_TIME (2 * USEC_SECOND)

#define CLIENT_LINK_STATES(X)                                                                                          \
    X(SECURING)                                                                                                        \
    X(SERVING)                                                                                                         \
    X(DRAINING)                                                                                                        \
    X(CLOSING)

enum client_link_state {
#define CLIENT_LINK_STATE_ENUM(name) LINK_##name,
    CLIENT_LINK_STATES(CLIENT_LINK_STATE_ENUM)
#undef CLIENT_LINK_STATE_ENUM
};

static const char *const state_names[] = {
#define CLIENT_LINK_STATE_NAME(name) [LINK_##name] = #name,
    CLIENT_LINK_STATES(CLIENT_LINK_STATE_NAME)
#undef CLIENT_LINK_STATE_NAME
};

struct client_link {
    struct task task;
    struct client_links *links;
    struct client_link *prev, *next;
    struct client_link_options options;
    char peer[ADDRESS_TEXT_SIZE];
    enum client_link_state state;
    struct stream *stream;
    struct session *session; /* NULL: not made yet, or gone already */
    struct output_queue queue;
    bool ended;             /* set when the link ends; only its memory waits for the end of the step */
    bool end_of_input_told; /* set when the session was told of EOF */
    bool known;             /* set when the session has logged in: no more passwords in the input */
    bool pump_again;        /* set when the stream can take more but other links have their turn first */
    usec since;             /* time at which the state was entered */
    usec progress_at;       /* an octet was taken, or none waited */
    uint64_t written_seen;
};

static struct client_link *of_task(struct task *task)
{
    return (struct client_link *)((char *)task - offsetof(struct client_link, task));
}

static void wake(void *owner)
{
    struct client_link *link = owner;
    task_wake(&link->task);
}

static const char *account_of(const struct client_link *link)
{
    return link->session ? session_account_name(link->session) : "-";
}

static void set_state(struct client_link *link, enum client_link_state state, usec now)
{
    log_line(link->links->log, LOG_DEBUG, "client %s: %s -> %s", link->peer, state_names[link->state],
             state_names[state]);
    link->state = state;
    link->since = now;
}

/* ---- the end ---- */

static void drop_session(struct client_link *link)
{
    struct session *session = link->session;

    link->session = NULL;
    if (session)
        session_closed(session);
}

static void end(struct client_link *link)
{
    struct client_links *links = link->links;

    link->ended = true;
    task_clear(&link->task);
    drop_session(link);
    stream_free(link->stream);
    output_queue_clear(&link->queue);
    DL_DELETE(links->first, link);
    links->count--;
    if (links->gone)
        links->gone(links->owner, &link->options.peer);
    runqueue_dispose(links->runqueue, free, link);
}

static void end_logged(struct client_link *link, enum log_level level, const char *reason)
{
    log_line(link->links->log, level, "%s: client %s: %s", account_of(link), link->peer, reason);
    end(link);
}

static void cut(struct client_link *link, const char *reason)
{
    log_line(link->links->log, LOG_WARNING,
             "%s: client %s: cut: %s (%zu octets wait in memory, %" PRIu64 " in the spool)", account_of(link),
             link->peer, reason, stream_waiting(link->stream), link->queue.waiting);
    end(link);
}

/* ---- output ---- */

static size_t stream_load(const struct client_link *link)
{
    return stream_waiting(link->stream);
}

/* From the spool to the stream, as much as the client takes now. False: the link has ended. */
static bool pump_queue(struct client_link *link)
{
    for (int round = 0; link->queue.waiting > 0 && stream_load(link) < STREAM_LOW_WATER; round++) {
        if (round == PUMP_ROUNDS) {
            link->pump_again = true;
            break;
        }
        if (!output_queue_take(&link->queue, stream_output(link->stream), PUMP_CHUNK)) {
            cut(link, "its spooled output cannot be read (see the spool directory's error)");
            return false;
        }
        stream_flush(link->stream);
    }
    return true;
}

/* As long as the kernel takes it at once, nothing has to be spooled. */
static void move_directly(struct client_link *link, struct evbuffer *from)
{
    size_t most = (size_t)link->links->settings->output_memory;

    for (int round = 0; round < PUMP_ROUNDS && link->queue.waiting == 0 && evbuffer_get_length(from) > 0; round++) {
        size_t load = stream_load(link);
        if (load >= most)
            return;
        evbuffer_remove_buffer(from, stream_output(link->stream), most - load);
        stream_flush(link->stream);
    }
}

static bool spill(struct client_link *link, struct evbuffer *from)
{
    size_t more = evbuffer_get_length(from);

    if (more == 0)
        return true;
    if (link->queue.waiting + more > link->links->settings->spool_max) {
        cut(link, "it reads too slowly: more than spool_max octets wait for it");
        return false;
    }
    if (output_queue_add(&link->queue, from))
        return true;
    cut(link, "it reads too slowly and its output cannot be spooled (see the spool directory's error)");
    return false;
}

/* False: the link has ended. */
static bool move_output(struct client_link *link, usec now)
{
    link->pump_again = false;
    if (stream_load(link) == 0 && link->queue.waiting == 0)
        link->progress_at = now;
    if (!pump_queue(link))
        return false;
    if (!link->session)
        return true;
    struct evbuffer *from = session_output(link->session);
    move_directly(link, from);
    /* The socket may have taken all that went to it directly: then nothing but this asks for the spooled output after
     * it.
     */
    return spill(link, from) && pump_queue(link);
}

static bool all_written(const struct client_link *link)
{
    return stream_load(link) == 0 && link->queue.waiting == 0 &&
           evbuffer_get_length(session_output(link->session)) == 0;
}

/* ---- input ---- */

static bool wants_no_input(const struct client_link *link)
{
    return session_wants(link->session) &
           (SESSION_PAUSE | SESSION_START_TLS | SESSION_COMPRESS | SESSION_CLOSE | SESSION_ABORT);
}

static void feed(struct client_link *link)
{
    struct evbuffer *input = stream_input(link->stream);

    if (wants_no_input(link))
        return;
    if (evbuffer_get_length(input) > 0)
        session_receive(link->session, input);
    if (stream_input_ended(link->stream) && !link->end_of_input_told && !wants_no_input(link)) {
        link->end_of_input_told = true;
        session_end_of_input(link->session);
    }
    if (!link->known && session_is_logged_in(link->session)) {
        link->known = true;
        stream_wipe_input(link->stream, false);
    }
}

/* The rest of a line or of a literal. */
static bool awaits_rest(const struct client_link *link)
{
    return evbuffer_get_length(stream_input(link->stream)) > 0 || session_awaits_rest(link->session);
}

/* ---- states ---- */

static void start_tls(struct client_link *link, usec now)
{
    struct tls_fault fault;
    assert(link->options.tls); /* else the session was told that there is none */
    struct ssl_st *ssl = tls_open(link->options.tls, NULL, &fault);

    if (!ssl) {
        end_logged(link, LOG_ERROR, fault.text);
        return;
    }
    set_state(link, LINK_SECURING, now);
    stream_start_tls(link->stream, ssl);
}

/* All clients share the deflater. */
static void compress(struct client_link *link)
{
    struct client_links *links = link->links;

    if (!links->deflater)
        links->deflater = deflater_new();
    if (!links->deflater) {
        end_logged(link, LOG_ERROR, "out of memory");
        return;
    }
    stream_compress(link->stream, links->deflater);
    session_compressed(link->session);
    task_wake(&link->task);
}

static bool make_session(struct client_link *link)
{
    const struct session_options options = {
        .upstream = link->options.upstream,
        .naming = link->options.naming,
        .secure = stream_is_secure(link->stream),
        .starttls = link->options.tls && !link->options.implicit_tls,
        .plaintext_login = link->options.plaintext_login,
        .compress = link->options.compress,
        .peer = link->peer,
        .address = address_number(&link->options.peer),
        .wake = wake,
        .link = link,
    };

    link->session = session_new(link->links->registry, &options);
    return link->session != NULL;
}

/* login_timeout; 0 there does not mean that a handshake may last for ever. */
static usec handshake_time(const struct client_link *link)
{
    usec timeout = link->links->settings->login_timeout;
    return timeout > 0 ? timeout : 60 * USEC_SECOND;
}

static void step_securing(struct client_link *link, usec now)
{
    if (stream_state(link->stream) == STREAM_HANDSHAKE) {
        if (now >= link->since + handshake_time(link))
            end_logged(link, LOG_INFO, "TLS handshake: the client did not finish it in time");
        return;
    }
    if (link->session) {
        session_secured(link->session);
    } else if (!make_session(link)) {
        end_logged(link, LOG_ERROR, "out of memory");
        return;
    }
    set_state(link, LINK_SERVING, now);
    task_wake(&link->task);
}

static void step_serving(struct client_link *link, usec now)
{
    feed(link);
    unsigned wants = session_wants(link->session);
    if (wants & SESSION_ABORT) {
        end_logged(link, LOG_INFO, "aborted inside a literal");
        return;
    }
    if (!move_output(link, now))
        return;
    if (wants & SESSION_CLOSE) {
        set_state(link, LINK_DRAINING, now);
        drop_session(link);
        task_wake(&link->task);
    } else if ((wants & SESSION_START_TLS) && all_written(link)) {
        start_tls(link, now);
    } else if ((wants & SESSION_COMPRESS) && all_written(link)) {
        compress(link);
    } else if (wants & (SESSION_START_TLS | SESSION_COMPRESS)) {
        stream_pause(link->stream, true);
    } else if (wants_no_input(link)) {
        stream_watch(link->stream);
    } else {
        stream_pause(link->stream, false);
        if (awaits_rest(link))
            stream_expect_more(link->stream);
    }
}

static void step_draining(struct client_link *link, usec now)
{
    if (!move_output(link, now) || link->queue.waiting > 0)
        return;
    set_state(link, LINK_CLOSING, now);
    stream_close(link->stream);
}

static void step_closing(struct client_link *link, usec now)
{
    enum stream_state state = stream_state(link->stream);

    if (state == STREAM_CLOSED)
        end_logged(link, LOG_DEBUG, "closed");
    else if (state == STREAM_LINGERING && now >= link->since + LINGER_TIME && now >= link->progress_at + LINGER_TIME)
        end_logged(link, LOG_DEBUG, "closed: the client did not close its side in time");
}

static void (*const steps[])(struct client_link *link, usec now) = {
    [LINK_SECURING] = step_securing,
    [LINK_SERVING] = step_serving,
    [LINK_DRAINING] = step_draining,
    [LINK_CLOSING] = step_closing,
};

/* ---- deadlines ---- */

static bool output_waits(const struct client_link *link)
{
    return stream_load(link) > 0 || link->queue.waiting > 0;
}

static void note_progress(struct client_link *link, usec now)
{
    uint64_t written = stream_octets_written(link->stream);

    if (written == link->written_seen)
        return;
    link->written_seen = written;
    link->progress_at = now;
}

static bool write_timed_out(const struct client_link *link, usec now)
{
    usec timeout = link->links->settings->write_timeout;
    return timeout > 0 && output_waits(link) && now >= link->progress_at + timeout;
}

static usec next_deadline(const struct client_link *link, usec now)
{
    usec timeout = link->links->settings->write_timeout;

    if (link->pump_again)
        return now + 1; /* after the next round of events */
    if (link->state == LINK_SECURING)
        return link->since + handshake_time(link);
    if (output_waits(link))
        return timeout > 0 ? link->progress_at + timeout : USEC_NEVER;
    if (link->state == LINK_CLOSING)
        return (link->since > link->progress_at ? link->since : link->progress_at) + LINGER_TIME;
    return USEC_NEVER;
}

static void run(struct task *task, usec now)
{
    struct client_link *link = of_task(task);

    if (stream_state(link->stream) == STREAM_FAILED) {
        end_logged(link, link->state == LINK_SECURING ? LOG_INFO : LOG_DEBUG, stream_reason(link->stream));
        return;
    }
    note_progress(link, now);
    if (write_timed_out(link, now)) {
        cut(link, "it took no octet within write_timeout");
        return;
    }
    steps[link->state](link, now);
    if (!link->ended)
        task_set_deadline(&link->task, next_deadline(link, now));
}

/* ---- life ---- */

static void tune(struct client_link *link)
{
    const struct settings *settings = link->links->settings;
    usec patience = settings->keepalive * 2;

    /* A shut window counts as silence for the kernel: a slow reader must have write_timeout all the same. */
    if (patience > 0 && patience < settings->write_timeout)
        patience = settings->write_timeout;
    stream_tune(link->stream, settings->keepalive, settings->write_timeout > 0 ? patience : 0);
    stream_wipe_input(link->stream, true);
}

bool client_link_open(struct client_links *links, int descriptor, const struct client_link_options *options)
{
    struct client_link *link = calloc(1, sizeof(*link));
    usec now = runqueue_now(links->runqueue);
    struct stream *stream = stream_new(links->base, descriptor, wake, link);

    if (!link || !stream) {
        stream_free(stream);
        free(link);
        return false;
    }
    link->links = links;
    link->options = *options;
    link->stream = stream;
    link->state = options->implicit_tls ? LINK_SECURING : LINK_SERVING;
    link->since = link->progress_at = now;
    address_text(&options->peer, link->peer);
    output_queue_init(&link->queue, links->spooler);
    task_init(&link->task, links->runqueue, run);
    DL_APPEND(links->first, link);
    links->count++;
    log_line(links->log, LOG_DEBUG, "client %s: connected", link->peer);
    tune(link);
    if (options->implicit_tls)
        start_tls(link, now);
    else if (!make_session(link))
        end_logged(link, LOG_ERROR, "out of memory");
    if (!link->ended)
        task_wake(&link->task);
    return true;
}

void client_links_dismiss_strangers(struct client_links *links, const char *reason)
{
    struct client_link *link, *next;

    DL_FOREACH_SAFE (links->first, link, next) {
        if (link->state == LINK_SECURING) {
            end(link);
        } else if (link->session && !session_is_logged_in(link->session)) {
            session_bye(link->session, reason);
            task_wake(&link->task);
        }
    }
}

void client_links_clear(struct client_links *links)
{
    while (links->first)
        end(links->first);
    deflater_free(links->deflater);
    links->deflater = NULL;
}
