/* Of a sequence that is kept in blocks: how many elements stand before a block, and which block holds the element with
 * some index. Both, and a change of one block's count, in O(log blocks). Zero-initialised is a sequence without
 * blocks. */
#ifndef IMAPMUX_MAILBOX_BLOCK_COUNTS_H
#define IMAPMUX_MAILBOX_BLOCK_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_counts {
    uint32_t *sums; /* a binary indexed tree: sums[i] is about the blocks (i + 1) - lowest bit of (i + 1) to i */
    size_t count;   /* of blocks */
    size_t capacity;
};

void block_counts_clear(struct block_counts *counts); /* frees it; no blocks are left */
/* Makes room for so many blocks. False: out of memory. */
bool block_counts_reserve(struct block_counts *counts, size_t blocks);
/* One more block, behind the others. Room must have been made. */
void block_counts_append(struct block_counts *counts, uint32_t elements);
void block_counts_truncate(struct block_counts *counts, size_t blocks); /* only the first so many blocks stay */
/* The block has so many elements more, or fewer. */
void block_counts_change(struct block_counts *counts, size_t block, int32_t difference);
/* How many elements the blocks before this one hold; block = count: all of them. */
uint32_t block_counts_before(const struct block_counts *counts, size_t block);
/* The block that holds the element with this index (0 <= index < all), and its index in there. */
size_t block_counts_find(const struct block_counts *counts, uint32_t index, uint32_t *within);

#endif
