/* A connection whose PROXY header is awaited. Stands between listener and client_link, without a stream: it reads from
 * the descriptor itself, at each step exactly as many octets as certainly still belong to the header, since later
 * octets are for TLS or the session. It must never outlive its deadline. */
#include "net/proxy_link.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/runqueue.h"
#include "net/proxy_header.h"

#define COMPLAINT_TIME (10 * USEC_SECOND)

struct proxy_link {
    struct task task;
    struct proxy_links *links;
    struct proxy_link *prev, *next;
    struct proxy_link_options options;
    struct event readable;
    int descriptor; /* -1: handed on */
    usec deadline;
    size_t length;
    char bytes[PROXY_HEADER_MAX];
};

static struct proxy_link *of_task(struct task *task)
{
    return (struct proxy_link *)((char *)task - offsetof(struct proxy_link, task));
}

static void complain(struct proxy_links *links, const struct address *peer, const char *words)
{
    usec now = runqueue_now(links->runqueue);
    char text[ADDRESS_TEXT_SIZE], others[64] = "";

    if (links->complained_at != 0 && now < links->complained_at + COMPLAINT_TIME) {
        links->unsaid++;
        return;
    }
    if (links->unsaid > 0)
        snprintf(others, sizeof(others), " (and %zu others since the last such line)", links->unsaid);
    log_line(links->log, LOG_WARNING, "PROXY protocol: %s: closed: %s%s", address_text(peer, text), words, others);
    links->complained_at = now;
    links->unsaid = 0;
}

/* ---- the end ---- */

static void end(struct proxy_link *link)
{
    event_del(&link->readable);
    DL_DELETE(link->links->first, link);
    link->links->count--;
    task_clear(&link->task);
    if (link->descriptor >= 0)
        close(link->descriptor);
    runqueue_dispose(link->links->runqueue, free, link);
}

static void turn_away(struct proxy_link *link, const char *words)
{
    complain(link->links, &link->options.peer, words);
    end(link);
}

static void hand_on(struct proxy_link *link, const struct proxy_header *header)
{
    const struct proxy_link_options options = link->options;
    int descriptor = link->descriptor;

    link->descriptor = -1;
    end(link);
    options.done(options.owner, descriptor, header->has_source ? &header->source : &options.peer);
}

/* ---- reading ---- */

/* Monitoring checks connect and leave without a word: not an error. */
static void stopped(struct proxy_link *link, ssize_t got)
{
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (event_add(&link->readable, NULL) != 0)
            turn_away(link, "out of memory");
    } else if (link->length == 0)
        end(link);
    else
        turn_away(link, "it closed the connection inside its header");
}

static void read_header(struct proxy_link *link)
{
    struct proxy_header header;
    enum proxy_header_answer answer;

    while ((answer = proxy_header_parse((struct slice){link->bytes, link->length}, &header)) == PROXY_HEADER_MORE) {
        ssize_t got = recv(link->descriptor, link->bytes + link->length, header.length, 0);
        if (got <= 0) {
            stopped(link, got);
            return;
        }
        link->length += (size_t)got;
    }
    if (answer == PROXY_HEADER_OK)
        hand_on(link, &header);
    else
        turn_away(link, "it sent no PROXY header; does the sender use the PROXY protocol on this port?");
}

static void run(struct task *task, usec now)
{
    struct proxy_link *link = of_task(task);

    if (now >= link->deadline)
        turn_away(link, "its header was not complete within login_timeout");
    else
        read_header(link);
}

/* Fires once, until run() has read all there is: a round of events does not end while one goes on firing. */
static void on_readable(evutil_socket_t descriptor, short what, void *argument)
{
    struct proxy_link *link = argument;

    (void)descriptor, (void)what;
    task_wake(&link->task);
}

/* ---- life ---- */

static const char *objection(const struct proxy_links *links, const struct proxy_link_options *options)
{
    if (!networks_contain(options->senders, &options->peer))
        return "proxy_from does not name it";
    if (links->count >= PROXY_LINKS_MAX)
        return "too many connections without a complete header";
    return NULL;
}

void proxy_link_open(struct proxy_links *links, int descriptor, const struct proxy_link_options *options)
{
    const char *objected = objection(links, options);
    struct proxy_link *link = objected ? NULL : calloc(1, sizeof(*link));

    if (!link) {
        complain(links, &options->peer, objected ? objected : "out of memory");
        close(descriptor);
        return;
    }
    link->links = links;
    link->options = *options;
    link->descriptor = descriptor;
    link->deadline = runqueue_now(links->runqueue) + links->settings->login_timeout;
    task_init(&link->task, links->runqueue, run);
    task_set_deadline(&link->task, link->deadline);
    event_assign(&link->readable, links->base, descriptor, EV_READ, on_readable, link);
    DL_APPEND(links->first, link);
    links->count++;
    task_wake(&link->task);
}

void proxy_links_clear(struct proxy_links *links)
{
    while (links->first)
        end(links->first);
}
