/* A slow client's output in segments of a bounded size, each a spool of its own: a segment that has been taken whole is
 * closed, so the disk holds little more than the waiting output. It must never reorder, and never hold a segment that
 * has nothing left to take. */
#include "net/output_queue.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "base/spool.h"

#define SEGMENT_MAX ((uint64_t)16 * 1024 * 1024)
#define VECTORS     16

struct output_segment {
    struct output_segment *next;
    struct spool *spool;
    uint64_t taken;
};

void output_queue_init(struct output_queue *queue, struct spooler *spooler)
{
    *queue = (struct output_queue){.spooler = spooler};
}

static void drop_first(struct output_queue *queue)
{
    struct output_segment *first = queue->first;

    queue->first = first->next;
    if (!queue->first)
        queue->last = NULL;
    queue->spooler->ops->close(first->spool);
    free(first);
}

void output_queue_clear(struct output_queue *queue)
{
    while (queue->first)
        drop_first(queue);
    queue->waiting = 0;
}

static bool begin_segment(struct output_queue *queue)
{
    struct output_segment *segment = calloc(1, sizeof(*segment));

    if (!segment)
        return false;
    segment->spool = spooler_open(queue->spooler);
    if (!segment->spool) {
        free(segment);
        return false;
    }
    if (queue->last)
        queue->last->next = segment;
    else
        queue->first = segment;
    queue->last = segment;
    return true;
}

static bool add_bytes(struct output_queue *queue, const void *bytes, size_t size)
{
    const struct spool_ops *ops = queue->spooler->ops;

    if ((!queue->last || ops->size(queue->last->spool) >= SEGMENT_MAX) && !begin_segment(queue))
        return false;
    if (!ops->append(queue->last->spool, bytes, size))
        return false;
    queue->waiting += size;
    return true;
}

bool output_queue_add(struct output_queue *queue, struct evbuffer *from)
{
    struct evbuffer_iovec vectors[VECTORS];

    while (evbuffer_get_length(from) > 0) {
        int count = evbuffer_peek(from, -1, NULL, vectors, VECTORS);
        size_t added = 0;
        for (int i = 0; i < count && i < VECTORS; i++) {
            if (!add_bytes(queue, vectors[i].iov_base, vectors[i].iov_len))
                return false;
            added += vectors[i].iov_len;
        }
        evbuffer_drain(from, added);
    }
    return true;
}

static bool take_from_first(struct output_queue *queue, struct evbuffer *to, size_t most, size_t *taken)
{
    struct output_segment *first = queue->first;
    uint64_t left = queue->spooler->ops->size(first->spool) - first->taken;
    struct evbuffer_iovec vector;
    size_t size = left < most ? (size_t)left : most;

    if (evbuffer_reserve_space(to, (ev_ssize_t)size, &vector, 1) != 1)
        return false;
    if (queue->spooler->ops->read(first->spool, first->taken, vector.iov_base, size) != size)
        return false;
    vector.iov_len = size;
    if (evbuffer_commit_space(to, &vector, 1) != 0)
        return false;
    first->taken += size;
    queue->waiting -= size;
    *taken += size;
    if (size == left)
        drop_first(queue);
    return true;
}

bool output_queue_take(struct output_queue *queue, struct evbuffer *to, size_t most)
{
    size_t taken = 0;

    while (queue->first && taken < most)
        if (!take_from_first(queue, to, most - taken, &taken))
            return false;
    return true;
}
