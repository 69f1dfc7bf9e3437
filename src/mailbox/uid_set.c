/* Sorted vectors of UIDs. They stay small (ghosts of a view, \Recent messages), so that moving memory is cheap; UIDs
 * mostly come in ascending order, which costs nothing. */
#include "mailbox/uid_set.h"

#include <stdlib.h>
#include <string.h>

size_t uid_set_below(const struct uid_set *set, uint32_t uid)
{
    size_t low = 0, high = set->count;

    if (high > 0 && set->uids[high - 1] < uid)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->uids[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool uid_set_contains(const struct uid_set *set, uint32_t uid)
{
    size_t at = uid_set_below(set, uid);
    return at < set->count && set->uids[at] == uid;
}

static bool grow(struct uid_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 8;
    uint32_t *uids;

    if (set->count < set->capacity)
        return true;
    uids = reallocarray(set->uids, capacity, sizeof(*uids));
    if (!uids)
        return false;
    set->uids = uids;
    set->capacity = capacity;
    return true;
}

bool uid_set_add(struct uid_set *set, uint32_t uid)
{
    size_t at = uid_set_below(set, uid);

    if (at < set->count && set->uids[at] == uid)
        return true;
    if (!grow(set))
        return false;
    memmove(set->uids + at + 1, set->uids + at, (set->count - at) * sizeof(*set->uids));
    set->uids[at] = uid;
    set->count++;
    return true;
}

bool uid_set_remove(struct uid_set *set, uint32_t uid)
{
    size_t at = uid_set_below(set, uid);

    if (at == set->count || set->uids[at] != uid)
        return false;
    set->count--;
    memmove(set->uids + at, set->uids + at + 1, (set->count - at) * sizeof(*set->uids));
    return true;
}

void uid_set_clear(struct uid_set *set)
{
    free(set->uids);
    *set = (struct uid_set){0};
}
