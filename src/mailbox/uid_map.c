/* The messages of a mailbox, in blocks of up to UID_MAP_BLOCK so that removing one moves little memory. No block is
 * ever empty. */
#include "mailbox/uid_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct uid_map_block {
    uint32_t count;
    struct message messages[UID_MAP_BLOCK];
};

void uid_map_clear(struct uid_map *map)
{
    for (size_t i = 0; i < map->block_count; i++)
        free(map->blocks[i]);
    free(map->blocks);
    block_counts_clear(&map->counts);
    *map = (struct uid_map){0};
}

/* How many blocks begin with a UID <= uid: the message, if there is one, is in the last of them. */
static size_t blocks_up_to(const struct uid_map *map, uint32_t uid)
{
    size_t low = 0, high = map->block_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->blocks[middle]->messages[0].uid <= uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many messages of the block have a UID <= uid. */
static uint32_t rank_in_block(const struct uid_map_block *block, uint32_t uid)
{
    uint32_t low = 0, high = block->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block->messages[middle].uid <= uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t uid_map_rank(const struct uid_map *map, uint32_t uid)
{
    size_t blocks = blocks_up_to(map, uid);

    if (blocks == 0)
        return 0;
    return block_counts_before(&map->counts, blocks - 1) + rank_in_block(map->blocks[blocks - 1], uid);
}

static struct uid_map_block *add_block(struct uid_map *map)
{
    struct uid_map_block *block;

    if (map->block_count == map->block_capacity) {
        size_t capacity = map->block_capacity ? map->block_capacity * 2 : 4;
        struct uid_map_block **blocks = reallocarray(map->blocks, capacity, sizeof(struct uid_map_block *));
        if (!blocks)
            return NULL;
        map->blocks = blocks;
        map->block_capacity = capacity;
    }
    block = block_counts_reserve(&map->counts, map->block_count + 1) ? malloc(sizeof(*block)) : NULL;
    if (!block)
        return NULL;
    block->count = 0;
    map->blocks[map->block_count++] = block;
    block_counts_append(&map->counts, 0);
    return block;
}

struct message *uid_map_append(struct uid_map *map, uint32_t uid)
{
    struct uid_map_block *block = map->block_count ? map->blocks[map->block_count - 1] : NULL;
    struct message *message;

    assert(uid > map->highest);
    if (!block || block->count == UID_MAP_BLOCK)
        block = add_block(map);
    if (!block)
        return NULL;
    message = &block->messages[block->count++];
    *message = (struct message){.uid = uid};
    block_counts_change(&map->counts, map->block_count - 1, 1);
    map->count++;
    map->highest = uid;
    return message;
}

static void remove_block(struct uid_map *map, size_t at)
{
    free(map->blocks[at]);
    map->block_count--;
    memmove(map->blocks + at, map->blocks + at + 1, (map->block_count - at) * sizeof(struct uid_map_block *));
    block_counts_truncate(&map->counts, at);
    for (size_t i = at; i < map->block_count; i++)
        block_counts_append(&map->counts, map->blocks[i]->count);
}

bool uid_map_remove(struct uid_map *map, uint32_t uid)
{
    size_t blocks = blocks_up_to(map, uid);
    struct uid_map_block *block;
    uint32_t rank;

    if (blocks == 0)
        return false;
    block = map->blocks[blocks - 1];
    rank = rank_in_block(block, uid);
    if (rank == 0 || block->messages[rank - 1].uid != uid)
        return false;
    block->count--;
    memmove(block->messages + rank - 1, block->messages + rank, (block->count - rank + 1) * sizeof(struct message));
    map->count--;
    block_counts_change(&map->counts, blocks - 1, -1);
    if (block->count == 0)
        remove_block(map, blocks - 1);
    return true;
}

struct message *uid_map_at(const struct uid_map *map, uint32_t index)
{
    uint32_t within;
    size_t block;

    assert(index < map->count);
    block = block_counts_find(&map->counts, index, &within);
    return &map->blocks[block]->messages[within];
}

struct message *uid_map_find(const struct uid_map *map, uint32_t uid)
{
    size_t blocks = blocks_up_to(map, uid);
    struct uid_map_block *block;
    uint32_t rank;

    if (blocks == 0)
        return NULL;
    block = map->blocks[blocks - 1];
    rank = rank_in_block(block, uid);
    if (rank == 0 || block->messages[rank - 1].uid != uid)
        return NULL;
    return &block->messages[rank - 1];
}

struct message *uid_map_after(const struct uid_map *map, uint32_t uid)
{
    uint32_t rank = uid_map_rank(map, uid);
    return rank < map->count ? uid_map_at(map, rank) : NULL;
}

struct message *uid_map_last(const struct uid_map *map)
{
    return map->count ? uid_map_at(map, map->count - 1) : NULL;
}

/* Adds the living UIDs of one range; as one range from the first to the last if dense. */
static bool intersect_range(const struct uid_map *map, struct seqrange range, bool dense, struct seqset *out)
{
    uint32_t from = range.low ? uid_map_rank(map, range.low - 1) : 0;
    uint32_t to = uid_map_rank(map, range.high);

    if (from >= to)
        return true;
    if (dense)
        return seqset_add_range(out, uid_map_at(map, from)->uid, uid_map_at(map, to - 1)->uid);
    for (uint32_t i = from; i < to; i++) {
        if (!seqset_add(out, uid_map_at(map, i)->uid))
            return false;
    }
    return true;
}

bool uid_map_intersect(const struct uid_map *map, const struct seqset *set, struct seqset *living)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!intersect_range(map, set->ranges[i], false, living))
            return false;
    }
    return true;
}

/* Two ranges of which nothing living stands between become one. */
bool uid_map_intersect_dense(const struct uid_map *map, const struct seqset *set, struct seqset *ranges)
{
    for (size_t i = 0; i < set->count; i++) {
        struct seqrange range = set->ranges[i];
        if (ranges->count > 0) {
            uint32_t last = ranges->ranges[ranges->count - 1].high;
            if (range.low > last && uid_map_rank(map, range.low - 1) == uid_map_rank(map, last))
                range.low = last;
        }
        if (!intersect_range(map, range, true, ranges))
            return false;
    }
    return true;
}
