/* A client that gets one line and is closed. Stands beside client_link, without a session. It must never live longer
 * than its deadline, and there must never be more of them than REFUSAL_LINKS_MAX. */
#include "net/refusal_link.h"

#include <event2/buffer.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "base/runqueue.h"
#include "net/stream.h"
#include "net/tls.h"

#define LIFE (5 * USEC_SECOND)

struct refusal_link {
    struct task task;
    struct refusal_links *links;
    struct refusal_link *prev, *next;
    struct stream *stream;
    usec deadline;
};

static struct refusal_link *of_task(struct task *task)
{
    return (struct refusal_link *)((char *)task - offsetof(struct refusal_link, task));
}

static void end(struct refusal_link *link)
{
    DL_DELETE(link->links->first, link);
    link->links->count--;
    task_clear(&link->task);
    stream_free(link->stream);
    runqueue_dispose(link->links->runqueue, free, link);
}

static void wake(void *owner)
{
    struct refusal_link *link = owner;
    task_wake(&link->task);
}

static void run(struct task *task, usec now)
{
    struct refusal_link *link = of_task(task);
    enum stream_state state = stream_state(link->stream);

    if (state == STREAM_OPEN) {
        stream_close(link->stream);
        state = stream_state(link->stream);
    }
    if (state == STREAM_CLOSED || state == STREAM_FAILED || now >= link->deadline)
        end(link);
}

static bool begin(struct refusal_link *link, struct tls_context *tls, const char *words)
{
    struct tls_fault fault;
    struct ssl_st *ssl = NULL;

    if (tls) {
        ssl = tls_open(tls, NULL, &fault);
        if (!ssl)
            return false;
        stream_start_tls(link->stream, ssl);
    }
    return evbuffer_add_printf(stream_output(link->stream), "* BYE %s\r\n", words) > 0;
}

void refusal_link_open(struct refusal_links *links, int descriptor, struct tls_context *tls, const char *words)
{
    struct refusal_link *link = links->count < REFUSAL_LINKS_MAX ? calloc(1, sizeof(*link)) : NULL;

    if (!link) {
        close(descriptor);
        return;
    }
    link->links = links;
    task_init(&link->task, links->runqueue, run);
    link->stream = stream_new(links->base, descriptor, wake, link);
    if (!link->stream) {
        task_clear(&link->task);
        free(link);
        return;
    }
    DL_APPEND(links->first, link);
    links->count++;
    link->deadline = runqueue_now(links->runqueue) + LIFE;
    task_set_deadline(&link->task, link->deadline);
    if (begin(link, tls, words))
        task_wake(&link->task);
    else
        end(link);
}

void refusal_links_clear(struct refusal_links *links)
{
    while (links->first)
        end(links->first);
}
