/* A binary indexed tree (Fenwick). Any beginning of one is one as well, so cutting off the end costs nothing. */
#include "mailbox/block_counts.h"

#include <assert.h>
#include <stdlib.h>

void block_counts_clear(struct block_counts *counts)
{
    free(counts->sums);
    *counts = (struct block_counts){0};
}

bool block_counts_reserve(struct block_counts *counts, size_t blocks)
{
    size_t capacity = counts->capacity ? counts->capacity : 4;
    uint32_t *sums;

    if (blocks <= counts->capacity)
        return true;
    while (capacity < blocks)
        capacity *= 2;
    sums = reallocarray(counts->sums, capacity, sizeof(*sums));
    if (!sums)
        return false;
    counts->sums = sums;
    counts->capacity = capacity;
    return true;
}

static size_t lowest_bit(size_t number)
{
    return number & (~number + 1);
}

void block_counts_append(struct block_counts *counts, uint32_t elements)
{
    size_t number = counts->count + 1;

    assert(counts->count < counts->capacity);
    counts->sums[counts->count] = elements + block_counts_before(counts, counts->count) -
                                  block_counts_before(counts, number - lowest_bit(number));
    counts->count = number;
}

void block_counts_truncate(struct block_counts *counts, size_t blocks)
{
    assert(blocks <= counts->count);
    counts->count = blocks;
}

void block_counts_change(struct block_counts *counts, size_t block, int32_t difference)
{
    assert(block < counts->count);
    for (size_t number = block + 1; number <= counts->count; number += lowest_bit(number))
        counts->sums[number - 1] += (uint32_t)difference;
}

uint32_t block_counts_before(const struct block_counts *counts, size_t block)
{
    uint32_t sum = 0;

    assert(block <= counts->count);
    for (size_t number = block; number > 0; number -= lowest_bit(number))
        sum += counts->sums[number - 1];
    return sum;
}

size_t block_counts_find(const struct block_counts *counts, uint32_t index, uint32_t *within)
{
    size_t block = 0, step = 1;

    while (step <= counts->count / 2)
        step *= 2;
    for (; step > 0; step /= 2) {
        if (block + step <= counts->count && counts->sums[block + step - 1] <= index) {
            block += step;
            index -= counts->sums[block - 1];
        }
    }
    assert(block < counts->count);
    *within = index;
    return block;
}
