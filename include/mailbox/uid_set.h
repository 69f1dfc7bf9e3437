/* A small sorted set of UIDs: ghosts of a view, \Recent messages. Zero-initialised is the empty set. */
#ifndef IMAPMUX_MAILBOX_UID_SET_H
#define IMAPMUX_MAILBOX_UID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uid_set {
    uint32_t *uids; /* ascending */
    size_t count;
    size_t capacity;
};

/* Frees it; the empty set is left. */
void uid_set_clear(struct uid_set *set);
bool uid_set_add(struct uid_set *set, uint32_t uid);    /* false: out of memory; adding twice is adding once */
bool uid_set_remove(struct uid_set *set, uint32_t uid); /* was it there? */
/* Is it in the set? */
bool uid_set_contains(const struct uid_set *set, uint32_t uid);
size_t uid_set_below(const struct uid_set *set, uint32_t uid); /* how many are < uid */

#endif
