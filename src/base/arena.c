/* Memory that is taken piece by piece and given back all at once: a list of blocks that grow with the use, so that a
 * short line costs one small block and a million values some thousands. A piece never moves. A peer can make it hand
 * out at most `limit` octets; nothing here may ask for memory beyond it (but for the rest of the last block). */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define BLOCK_FIRST ((size_t)1024)
#define BLOCK_MOST  ((size_t)64 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; /* octets of memory */
    size_t used;
    alignas(max_align_t) char memory[];
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_clear(struct arena *arena)
{
    struct arena_block *block = arena->blocks;

    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block; block = block->next)
        secret_wipe(block->memory, block->used);
    arena_clear(arena);
}

static size_t next_block_size(const struct arena *arena, size_t needed)
{
    size_t size = arena->blocks ? arena->blocks->size * 4 : BLOCK_FIRST;

    if (size > BLOCK_MOST)
        size = BLOCK_MOST;
    return size < needed ? needed : size;
}

static struct arena_block *add_block(struct arena *arena, size_t needed)
{
    size_t size = next_block_size(arena, needed);
    struct arena_block *block = malloc(sizeof(*block) + size);

    if (!block) {
        arena->out_of_memory = true;
        return NULL;
    }
    *block = (struct arena_block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t rounded;
    void *piece;

    if (size > arena->limit - arena->used || size > SIZE_MAX / 2)
        return NULL;
    rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (rounded > arena->limit - arena->used)
        rounded = arena->limit - arena->used; /* the last piece: nothing follows that must be aligned */
    if (!block || rounded > block->size - block->used)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    piece = block->memory + block->used;
    block->used += rounded;
    arena->used += rounded;
    return memset(piece, 0, rounded);
}

struct slice arena_copy(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.length);

    if (copy && text.length)
        memcpy(copy, text.data, text.length);
    return (struct slice){copy, copy ? text.length : 0};
}
