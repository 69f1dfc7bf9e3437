/* Output of a slow client, first in first out, in spools of base/spool.h. It is kept in segments, so that what has been
 * taken gives its place back while more is added. Used only once the memory for a client's output is full. */
#ifndef IMAPMUX_NET_OUTPUT_QUEUE_H
#define IMAPMUX_NET_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct output_segment;
struct spooler;

struct output_queue {
    struct spooler *spooler; /* borrowed */
    struct output_segment *first, *last;
    uint64_t waiting; /* octets added and not yet taken */
};

/* Empty; the spooler is borrowed. Opens nothing yet. */
void output_queue_init(struct output_queue *queue, struct spooler *spooler);
/* Gives back all spools. It can be used again. */
void output_queue_clear(struct output_queue *queue);
/* Moves everything in `from` to the end. False: the spool took no more (disk, limit, memory): some of `from` may be
 * queued, the queue is good for nothing but output_queue_clear. */
bool output_queue_add(struct output_queue *queue, struct evbuffer *from) __attribute__((warn_unused_result));
/* Moves up to `most` octets from the front to the end of `to`. False: reading failed, or memory is out. */
bool output_queue_take(struct output_queue *queue, struct evbuffer *to, size_t most)
    __attribute__((warn_unused_result));

#endif
