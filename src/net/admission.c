/* Counts of connected clients. Keys come from peers: they are mixed with a seed before they reach the hash table, so
 * that nobody can choose addresses that collide. It must never keep an entry whose count is zero. */
#define HASH_NONFATAL_OOM 1
#include "net/admission.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct address_count {
    uint64_t key;
    uint64_t count;
    UT_hash_handle hh;
};

struct admission {
    struct address_count *addresses;
    uint64_t seed, count;
    const uint64_t *total, *per_address;
};

struct admission *admission_new(uint64_t seed, const uint64_t *total, const uint64_t *per_address)
{
    struct admission *admission = calloc(1, sizeof(*admission));

    if (admission)
        *admission = (struct admission){.seed = seed, .total = total, .per_address = per_address};
    return admission;
}

void admission_free(struct admission *admission)
{
    struct address_count *entry, *next;

    if (!admission)
        return;
    entry = admission->addresses;
    HASH_CLEAR(hh, admission->addresses); /* the table only */
    for (; entry; entry = next) {
        next = entry->hh.next;
        free(entry);
    }
    free(admission);
}

/* The finaliser of splitmix64: a permutation, so different addresses stay different. */
static uint64_t mixed_key(const struct admission *admission, const struct address *peer)
{
    struct address_key key = address_key(peer);
    uint64_t mixed;

    memcpy(&mixed, key.bytes, sizeof(mixed));
    mixed ^= admission->seed;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static struct address_count *find(const struct admission *admission, uint64_t key)
{
    struct address_count *entry;

    HASH_FIND(hh, admission->addresses, &key, sizeof(key), entry);
    return entry;
}

static struct address_count *add(struct admission *admission, uint64_t key)
{
    struct address_count *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->key = key;
    HASH_ADD(hh, admission->addresses, key, sizeof(entry->key), entry);
    if (entry->hh.tbl)
        return entry;
    free(entry); /* the table could not grow */
    return NULL;
}

static enum admission_answer count_address(struct admission *admission, const struct address *peer)
{
    uint64_t key = mixed_key(admission, peer);
    struct address_count *entry = find(admission, key);

    if (entry && entry->count >= *admission->per_address)
        return ADMISSION_ADDRESS_FULL;
    if (!entry && *admission->per_address == 0)
        return ADMISSION_ADDRESS_FULL;
    if (!entry)
        entry = add(admission, key);
    if (!entry)
        return ADMISSION_NO_MEMORY;
    entry->count++;
    return ADMISSION_OK;
}

enum admission_answer admission_enter(struct admission *admission, const struct address *peer)
{
    enum admission_answer answer;

    if (admission->count >= *admission->total)
        return ADMISSION_TOTAL_FULL;
    answer = count_address(admission, peer);
    if (answer == ADMISSION_OK)
        admission->count++;
    return answer;
}

void admission_leave(struct admission *admission, const struct address *peer)
{
    assert(admission->count > 0);
    admission->count--;
    struct address_count *entry = find(admission, mixed_key(admission, peer));
    assert(entry && entry->count > 0);
    if (--entry->count > 0)
        return;
    HASH_DEL(admission->addresses, entry);
    free(entry);
}

uint64_t admission_count(const struct admission *admission)
{
    return admission->count;
}

const char *admission_words(enum admission_answer answer)
{
    switch (answer) {
    case ADMISSION_OK:
        return "welcome";
    case ADMISSION_TOTAL_FULL:
        return "[UNAVAILABLE] too many clients are connected to this proxy; try again later (sessions_total)";
    case ADMISSION_ADDRESS_FULL:
        return "[LIMIT] too many connections from your address; close some first (sessions_per_address)";
    case ADMISSION_NO_MEMORY:
        return "[UNAVAILABLE] out of memory; try again later";
    }
    abort();
}
