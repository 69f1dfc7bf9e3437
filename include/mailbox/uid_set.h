/* A sorted set of UIDs: ghosts of a view, \Recent messages. Adding and removing anywhere, and counting, take O(log
 * count) and a bounded piece of memory to move. Zero-initialised is the empty set. */
#ifndef IMAPMUX_MAILBOX_UID_SET_H
#define IMAPMUX_MAILBOX_UID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/block_counts.h"

#define UID_SET_BLOCK 512

struct uid_set_block {
    uint32_t *uids; /* ascending */
    uint32_t count; /* never 0 */
    uint32_t capacity;
};

struct uid_set {
    struct uid_set_block *blocks; /* ascending */
    size_t block_count;
    size_t block_capacity;
    struct block_counts counts;
    size_t count; /* of UIDs */
};

/* Frees it; the empty set is left. */
void uid_set_clear(struct uid_set *set);
bool uid_set_add(struct uid_set *set, uint32_t uid);    /* false: out of memory; adding twice is adding once */
bool uid_set_remove(struct uid_set *set, uint32_t uid); /* was it there? */
/* Is it in the set? */
bool uid_set_contains(const struct uid_set *set, uint32_t uid);
size_t uid_set_below(const struct uid_set *set, uint32_t uid);  /* how many are < uid */
uint32_t uid_set_at(const struct uid_set *set, size_t index);   /* index < count; the lowest has index 0 */
uint32_t uid_set_next(const struct uid_set *set, uint32_t uid); /* the lowest one above uid; 0: none */

#endif
