/* Sets of message numbers as ranges: a set costs its ranges, never its numbers (1:4294967295 is one range). Nothing
 * here may expand a range, and nothing is worse than O(n log n) in the number of ranges. */
#include "imap/seqset.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"

void seqset_clear(struct seqset *set)
{
    free(set->ranges);
    *set = (struct seqset){0};
}

static bool reserve(struct seqset *set, size_t count)
{
    size_t capacity = set->capacity ? set->capacity : 4;
    struct seqrange *grown;

    if (count <= set->capacity)
        return true;
    while (capacity < count)
        capacity *= 2;
    grown = reallocarray(set->ranges, capacity, sizeof(*grown));
    if (!grown)
        return false;
    set->ranges = grown;
    set->capacity = capacity;
    return true;
}

static bool append(struct seqset *set, uint32_t low, uint32_t high)
{
    if (!reserve(set, set->count + 1))
        return false;
    set->ranges[set->count++] = (struct seqrange){low, high};
    return true;
}

/* ---- reading ---- */

/* Takes "7" or "*" off the front of text. */
static bool read_endpoint(struct slice *text, uint32_t *number)
{
    size_t length = 0;
    uint64_t value = SEQSET_STAR;

    if (text->length > 0 && text->data[0] == '*') {
        length = 1;
    } else {
        while (length < text->length && text->data[length] >= '0' && text->data[length] <= '9')
            length++;
        if (!slice_number((struct slice){text->data, length}, UINT32_MAX, &value) || value == 0)
            return false;
    }
    *number = (uint32_t)value;
    *text = (struct slice){text->data + length, text->length - length};
    return true;
}

static bool read_range(struct slice *text, struct seqrange *range)
{
    if (!read_endpoint(text, &range->low))
        return false;
    range->high = range->low;
    if (text->length == 0 || text->data[0] != ':')
        return true;
    *text = (struct slice){text->data + 1, text->length - 1};
    return read_endpoint(text, &range->high);
}

/* A number, a range, or `$`. */
static enum seqset_result read_element(struct slice *text, struct seqset *set, bool *saved)
{
    struct seqrange range;

    if (text->length > 0 && text->data[0] == '$') {
        *saved = true;
        *text = (struct slice){text->data + 1, text->length - 1};
        return SEQSET_OK;
    }
    if (!read_range(text, &range))
        return SEQSET_BAD;
    return append(set, range.low, range.high) ? SEQSET_OK : SEQSET_TOO_BIG;
}

enum seqset_result seqset_parse_saved(struct slice text, struct seqset *set, bool *saved)
{
    enum seqset_result result;

    *saved = false;
    for (;;) {
        result = read_element(&text, set, saved);
        if (result == SEQSET_OK && text.length == 0)
            return SEQSET_OK;
        if (result == SEQSET_OK && text.data[0] != ',')
            result = SEQSET_BAD;
        if (result != SEQSET_OK)
            break;
        text = (struct slice){text.data + 1, text.length - 1};
    }
    seqset_clear(set);
    return result;
}

enum seqset_result seqset_parse(struct slice text, struct seqset *set)
{
    bool saved;
    enum seqset_result result = seqset_parse_saved(text, set, &saved);

    if (result != SEQSET_OK || !saved)
        return result;
    seqset_clear(set);
    return SEQSET_BAD;
}

/* ---- resolving ---- */

static int compare_low(const void *a, const void *b)
{
    const struct seqrange *left = a, *right = b;
    return (left->low > right->low) - (left->low < right->low);
}

static void merge(struct seqset *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct seqrange next = set->ranges[i];
        struct seqrange *last = kept ? &set->ranges[kept - 1] : NULL;
        /* last->high + 1 would wrap at the highest number. */
        if (last && (next.low <= last->high || next.low - 1 == last->high)) {
            if (next.high > last->high)
                last->high = next.high;
        } else {
            set->ranges[kept++] = next;
        }
    }
    set->count = kept;
}

bool seqset_resolve(const struct seqset *written, uint32_t star, struct seqset *resolved)
{
    struct seqset result = {0};
    bool ascending = true;

    if (written->count > 0 && !reserve(&result, written->count))
        return false;
    for (size_t i = 0; i < written->count; i++) {
        uint32_t low = written->ranges[i].low, high = written->ranges[i].high;
        if (star == 0 && (low == SEQSET_STAR || high == SEQSET_STAR))
            continue;
        low = low == SEQSET_STAR ? star : low;
        high = high == SEQSET_STAR ? star : high;
        if (low > high) {
            uint32_t swap = low;
            low = high;
            high = swap;
        }
        ascending = ascending && (result.count == 0 || result.ranges[result.count - 1].low <= low);
        result.ranges[result.count++] = (struct seqrange){low, high};
    }
    if (!ascending)
        qsort(result.ranges, result.count, sizeof(*result.ranges), compare_low);
    merge(&result);
    seqset_clear(resolved);
    *resolved = result;
    return true;
}

bool seqset_has_star(const struct seqset *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->ranges[i].low == SEQSET_STAR || set->ranges[i].high == SEQSET_STAR)
            return true;
    return false;
}

uint32_t seqset_highest(const struct seqset *set)
{
    uint32_t highest = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->ranges[i].low > highest)
            highest = set->ranges[i].low;
        if (set->ranges[i].high > highest)
            highest = set->ranges[i].high;
    }
    return highest;
}

/* ---- resolved sets ---- */

/* The first range that ends at or after the number. */
static size_t find(const struct seqset *set, uint32_t number)
{
    size_t low = 0, high = set->count;

    if (high > 0 && set->ranges[high - 1].high < number)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].high < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool seqset_contains(const struct seqset *set, uint32_t number)
{
    size_t at = find(set, number);
    return at < set->count && set->ranges[at].low <= number;
}

static bool insert(struct seqset *set, size_t at, struct seqrange range)
{
    if (!reserve(set, set->count + 1))
        return false;
    memmove(set->ranges + at + 1, set->ranges + at, (set->count - at) * sizeof(*set->ranges));
    set->ranges[at] = range;
    set->count++;
    return true;
}

bool seqset_add(struct seqset *set, uint32_t number)
{
    return seqset_add_range(set, number, number);
}

bool seqset_add_range(struct seqset *set, uint32_t low, uint32_t high)
{
    /* From the first range that touches the new one (ends at low - 1 or later) up to the first that does not. */
    size_t first = find(set, low > 1 ? low - 1 : low);
    size_t end = first;

    while (end < set->count && set->ranges[end].low - 1 <= high)
        end++;
    if (first == end)
        return insert(set, first, (struct seqrange){low, high});
    if (set->ranges[first].low < low)
        low = set->ranges[first].low;
    if (set->ranges[end - 1].high > high)
        high = set->ranges[end - 1].high;
    set->ranges[first] = (struct seqrange){low, high};
    memmove(set->ranges + first + 1, set->ranges + end, (set->count - end) * sizeof(*set->ranges));
    set->count -= end - first - 1;
    return true;
}

bool seqset_write(struct seqset *written, uint32_t number)
{
    return append(written, number, number);
}

bool seqset_write_range(struct seqset *written, struct seqrange range)
{
    return append(written, range.low, range.high);
}

bool seqset_write_next(struct seqset *list, uint32_t number)
{
    struct seqrange *last = list->count > 0 ? &list->ranges[list->count - 1] : NULL;

    if (!last || last->high == UINT32_MAX || last->high + 1 != number)
        return append(list, number, number);
    last->high = number;
    return true;
}

/* Most answers ascend, and stand behind what is there. */
static bool add_ascending(struct seqset *set, const struct seqset *ascending)
{
    for (size_t i = 0; i < ascending->count; i++) {
        if (!seqset_add_range(set, ascending->ranges[i].low, ascending->ranges[i].high))
            return false;
    }
    return true;
}

bool seqset_add_written(struct seqset *set, const struct seqset *written)
{
    struct seqset fresh = {0}, both = {0};
    bool ok = seqset_resolve(written, 0, &fresh);

    if (!ok || fresh.count == 0) {
        ;
    } else if (set->count == 0 || set->ranges[set->count - 1].high < fresh.ranges[0].low || fresh.count == 1) {
        ok = reserve(set, set->count + fresh.count) && add_ascending(set, &fresh);
    } else if ((ok = reserve(&fresh, fresh.count + set->count))) {
        memcpy(fresh.ranges + fresh.count, set->ranges, set->count * sizeof(*set->ranges));
        fresh.count += set->count;
        ok = seqset_resolve(&fresh, 0, &both);
        if (ok) {
            seqset_clear(set);
            *set = both;
        }
    }
    seqset_clear(&fresh);
    return ok;
}

bool seqset_intersect(const struct seqset *a, const struct seqset *b, struct seqset *both)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        struct seqrange x = a->ranges[i], y = b->ranges[j];
        uint32_t low = x.low > y.low ? x.low : y.low, high = x.high < y.high ? x.high : y.high;
        if (low <= high && !seqset_add_range(both, low, high))
            return false;
        if (x.high < y.high)
            i++;
        else
            j++;
    }
    return true;
}

bool seqset_copy(const struct seqset *from, struct seqset *to)
{
    if (from->count == 0)
        return true;
    if (!reserve(to, from->count))
        return false;
    memcpy(to->ranges, from->ranges, from->count * sizeof(*from->ranges));
    to->count = from->count;
    return true;
}

void seqset_remove(struct seqset *set, uint32_t number)
{
    size_t at = find(set, number);
    struct seqrange *range;

    if (at == set->count || set->ranges[at].low > number)
        return;
    range = &set->ranges[at];
    if (range->low == number && range->high == number) {
        set->count--;
        memmove(range, range + 1, (set->count - at) * sizeof(*range));
    } else if (range->low == number) {
        range->low++;
    } else if (range->high == number) {
        range->high--;
    } else if (insert(set, at, *range)) {
        set->ranges[at].high = number - 1;
        set->ranges[at + 1].low = number + 1;
    }
}

void seqset_cut_up_to(struct seqset *set, uint32_t number)
{
    size_t gone = 0;

    while (gone < set->count && set->ranges[gone].high <= number)
        gone++;
    set->count -= gone;
    if (set->count > 0 && gone > 0)
        memmove(set->ranges, set->ranges + gone, set->count * sizeof(*set->ranges));
    if (set->count > 0 && set->ranges[0].low <= number)
        set->ranges[0].low = number + 1;
}

uint64_t seqset_size(const struct seqset *set)
{
    uint64_t size = 0;

    for (size_t i = 0; i < set->count; i++)
        size += (uint64_t)set->ranges[i].high - set->ranges[i].low + 1;
    return size;
}

/* ---- printing ---- */

#define RANGE_OCTETS 22 /* "4294967295:4294967295," */

static size_t print_endpoint(uint32_t number, char *to)
{
    char digits[10];
    size_t count = 0;

    if (number == SEQSET_STAR) {
        *to = '*';
        return 1;
    }
    for (; number > 0; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    for (size_t i = 0; i < count; i++)
        to[i] = digits[count - 1 - i];
    return count;
}

static size_t print_range(struct seqrange range, char *to)
{
    size_t length = print_endpoint(range.low, to);

    if (range.high != range.low) {
        to[length++] = ':';
        length += print_endpoint(range.high, to + length);
    }
    return length;
}

bool seqset_print(const struct seqset *set, struct evbuffer *out)
{
    char buffer[4096];
    size_t used = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (i > 0)
            buffer[used++] = ',';
        used += print_range(set->ranges[i], buffer + used);
        if (used > sizeof(buffer) - RANGE_OCTETS) {
            if (!append_bytes(out, buffer, used))
                return false;
            used = 0;
        }
    }
    return used == 0 || append_bytes(out, buffer, used);
}

size_t seqset_fitting(const struct seqset *set, size_t octets)
{
    char buffer[RANGE_OCTETS];
    size_t fitting = 0, used = 0;

    while (fitting < set->count) {
        used += print_range(set->ranges[fitting], buffer);
        if (fitting > 0 && used + fitting > octets) /* a comma before each but the first */
            break;
        fitting++;
    }
    return fitting;
}

/* ---- walking ---- */

void seqset_walk_start(struct seqset_walk *walk, const struct seqset *set)
{
    *walk = (struct seqset_walk){.set = set};
}

bool seqset_walk_next(struct seqset_walk *walk, uint32_t *number)
{
    const struct seqset *set = walk->set;

    if (walk->range >= set->count)
        return false;
    if (!walk->started)
        walk->next = set->ranges[walk->range].low;
    *number = walk->next;
    walk->started = walk->next < set->ranges[walk->range].high;
    if (walk->started)
        walk->next++;
    else
        walk->range++;
    return true;
}
