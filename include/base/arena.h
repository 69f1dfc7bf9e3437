/* Memory for the values of one parsed line: taken piece by piece, given back all at once. Bounded: a peer decides how
 * many values a line has. */
#ifndef IMAPMUX_BASE_ARENA_H
#define IMAPMUX_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;        /* octets handed out */
    size_t limit;       /* octets that may be handed out */
    bool out_of_memory; /* set when memory was out (not the limit), so the line's author is not at fault; cleared by
                           arena_init only */
};

/* Makes an empty arena that hands out at most `limit` octets. Asks for no memory yet; arena_clear or arena_wipe ends
 * it. */
void arena_init(struct arena *arena, size_t limit);
void arena_clear(struct arena *arena); /* frees everything; the arena can be used again */
void arena_wipe(struct arena *arena);  /* as arena_clear, but overwrites the memory first */
/* Zeroed memory aligned for any object. NULL: limit reached or out of memory. Lives until arena_clear. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));
/* A copy of the bytes in the arena. data is NULL on failure. */
struct slice arena_copy(struct arena *arena, struct slice text) __attribute__((warn_unused_result));

#endif
