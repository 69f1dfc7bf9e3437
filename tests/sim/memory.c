/* Blocks in a list; a piece too large for a block has one of its own. */
#include "sim/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (256 * 1024)

struct memory_block {
    struct memory_block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void *memory_take(struct memory *memory, size_t size)
{
    struct memory_block *block = memory->blocks;
    void *taken;

    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = must(malloc(sizeof(*block) + want));
        block->next = memory->blocks;
        block->used = 0;
        block->size = want;
        memory->blocks = block;
    }
    taken = block->bytes + block->used;
    block->used += size;
    return memset(taken, 0, size);
}

char *memory_text(struct memory *memory, struct slice text)
{
    char *copy = memory_take(memory, text.length + 1);

    if (text.length)
        memcpy(copy, text.data, text.length);
    return copy;
}

char *memory_format(struct memory *memory, const char *format, ...)
{
    char text[2000];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return memory_text(memory, slice_of(text));
}

void *memory_grow(struct memory *memory, const void *old, size_t old_size, size_t size)
{
    void *grown = memory_take(memory, size);

    if (old_size)
        memcpy(grown, old, old_size);
    return grown;
}

void memory_clear(struct memory *memory)
{
    while (memory->blocks) {
        struct memory_block *next = memory->blocks->next;
        free(memory->blocks);
        memory->blocks = next;
    }
}
