/* Blocks of up to UID_SET_BLOCK UIDs. A full one is split in the middle, or at its end if the new UID goes there: most
 * sets grow at their end. */
#include "mailbox/uid_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void uid_set_clear(struct uid_set *set)
{
    for (size_t i = 0; i < set->block_count; i++)
        free(set->blocks[i].uids);
    free(set->blocks);
    block_counts_clear(&set->counts);
    *set = (struct uid_set){0};
}

/* --- looking */

/* The last block that begins at uid or below it; 0 if none does. */
static size_t block_of(const struct uid_set *set, uint32_t uid)
{
    size_t low = 0, high = set->block_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (set->blocks[middle].uids[0] <= uid)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* How many of the block are < uid. */
static uint32_t below_in_block(const struct uid_set_block *block, uint32_t uid)
{
    uint32_t low = 0, high = block->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block->uids[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct uid_set_block *block, uint32_t at, uint32_t uid)
{
    return at < block->count && block->uids[at] == uid;
}

bool uid_set_contains(const struct uid_set *set, uint32_t uid)
{
    const struct uid_set_block *block;

    if (set->count == 0)
        return false;
    block = &set->blocks[block_of(set, uid)];
    return is_at(block, below_in_block(block, uid), uid);
}

size_t uid_set_below(const struct uid_set *set, uint32_t uid)
{
    size_t block;

    if (set->count == 0)
        return 0;
    block = block_of(set, uid);
    return block_counts_before(&set->counts, block) + below_in_block(&set->blocks[block], uid);
}

uint32_t uid_set_at(const struct uid_set *set, size_t index)
{
    uint32_t within;
    size_t block;

    assert(index < set->count);
    block = block_counts_find(&set->counts, (uint32_t)index, &within);
    return set->blocks[block].uids[within];
}

uint32_t uid_set_next(const struct uid_set *set, uint32_t uid)
{
    size_t below = uid == UINT32_MAX ? set->count : uid_set_below(set, uid + 1);

    return below < set->count ? uid_set_at(set, below) : 0;
}

/* --- adding */

static bool grow_block(struct uid_set_block *block)
{
    uint32_t capacity = block->capacity ? block->capacity * 2 : 4;
    uint32_t *uids;

    if (block->count < block->capacity)
        return true;
    uids = reallocarray(block->uids, capacity, sizeof(*uids));
    if (!uids)
        return false;
    block->uids = uids;
    block->capacity = capacity;
    return true;
}

static bool grow_blocks(struct uid_set *set)
{
    size_t capacity = set->block_capacity ? set->block_capacity * 2 : 1;
    struct uid_set_block *blocks;

    if (!block_counts_reserve(&set->counts, set->block_count + 1))
        return false;
    if (set->block_count < set->block_capacity)
        return true;
    blocks = reallocarray(set->blocks, capacity, sizeof(*blocks));
    if (!blocks)
        return false;
    set->blocks = blocks;
    set->block_capacity = capacity;
    return true;
}

/* The counts of the blocks from this one on are told anew. */
static void recount(struct uid_set *set, size_t from)
{
    block_counts_truncate(&set->counts, from);
    for (size_t i = from; i < set->block_count; i++)
        block_counts_append(&set->counts, set->blocks[i].count);
}

/* Puts a new block behind this one (set->block_count = 0: the first), with what stands in this one from `keep` on, and
 * room for one more. False: out of memory, and nothing has changed. */
static bool split(struct uid_set *set, size_t at, uint32_t keep)
{
    struct uid_set_block fresh = {0};
    size_t behind = set->block_count ? at + 1 : 0;
    const struct uid_set_block *full;

    if (!grow_blocks(set))
        return false;
    assert(set->blocks);
    full = set->block_count ? &set->blocks[at] : NULL;
    fresh.count = full ? full->count - keep : 0;
    fresh.capacity = full ? UID_SET_BLOCK : 4;
    fresh.uids = malloc(fresh.capacity * sizeof(*fresh.uids));
    if (!fresh.uids)
        return false;
    if (fresh.count > 0)
        memcpy(fresh.uids, full->uids + keep, fresh.count * sizeof(*fresh.uids));
    memmove(set->blocks + behind + 1, set->blocks + behind, (set->block_count - behind) * sizeof(*set->blocks));
    set->blocks[behind] = fresh;
    if (set->block_count > 0)
        set->blocks[at].count = keep;
    set->block_count++;
    recount(set, at);
    return true;
}

static void insert(struct uid_set *set, size_t block_at, uint32_t at, uint32_t uid)
{
    struct uid_set_block *block = &set->blocks[block_at];

    memmove(block->uids + at + 1, block->uids + at, (block->count - at) * sizeof(*block->uids));
    block->uids[at] = uid;
    block->count++;
    block_counts_change(&set->counts, block_at, 1);
    set->count++;
}

bool uid_set_add(struct uid_set *set, uint32_t uid)
{
    size_t block = block_of(set, uid);
    uint32_t at;

    if (set->block_count == 0) {
        if (!split(set, 0, 0))
            return false;
        insert(set, 0, 0, uid);
        return true;
    }
    at = below_in_block(&set->blocks[block], uid);
    if (is_at(&set->blocks[block], at, uid))
        return true;
    if (set->blocks[block].count == UID_SET_BLOCK) {
        uint32_t keep = at == UID_SET_BLOCK ? UID_SET_BLOCK : UID_SET_BLOCK / 2;
        if (!split(set, block, keep))
            return false;
        if (at >= keep) {
            block++;
            at -= keep;
        }
    } else if (!grow_block(&set->blocks[block])) {
        return false;
    }
    insert(set, block, at, uid);
    return true;
}

/* --- removing */

static void remove_block(struct uid_set *set, size_t at)
{
    free(set->blocks[at].uids);
    set->block_count--;
    memmove(set->blocks + at, set->blocks + at + 1, (set->block_count - at) * sizeof(*set->blocks));
    recount(set, at);
}

bool uid_set_remove(struct uid_set *set, uint32_t uid)
{
    size_t block_at = block_of(set, uid);
    struct uid_set_block *block;
    uint32_t at;

    if (set->count == 0)
        return false;
    block = &set->blocks[block_at];
    at = below_in_block(block, uid);
    if (!is_at(block, at, uid))
        return false;
    if (--set->count == 0) {
        uid_set_clear(set);
        return true;
    }
    block->count--;
    memmove(block->uids + at, block->uids + at + 1, (block->count - at) * sizeof(*block->uids));
    block_counts_change(&set->counts, block_at, -1);
    if (block->count == 0)
        remove_block(set, block_at);
    return true;
}
