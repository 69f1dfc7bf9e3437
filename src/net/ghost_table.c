/* A hash table of accounts, each with a short list. The keys are keyed digests, so nobody outside can choose them. */
#include "net/ghost_table.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct ghost_entry {
    struct ghost_entry *prev, *next;
    struct link_ends ends;
    bool stands;
    int64_t at; /* lost since then; or it has stood since then */
};

struct ghost_account {
    uint8_t account[GHOST_ACCOUNT_SIZE];
    struct ghost_entry *entries; /* DL list, the latest event first */
    UT_hash_handle hh;
};

static struct ghost_account *find_account(const struct ghost_table *table, const uint8_t account[GHOST_ACCOUNT_SIZE])
{
    struct ghost_account *found = NULL;

    HASH_FIND(hh, table->accounts, account, GHOST_ACCOUNT_SIZE, found);
    return found;
}

/* NULL: out of memory. */
static struct ghost_account *make_account(struct ghost_table *table, const uint8_t account[GHOST_ACCOUNT_SIZE])
{
    struct ghost_account *made = calloc(1, sizeof(*made));

    if (!made)
        return NULL;
    memcpy(made->account, account, GHOST_ACCOUNT_SIZE);
    HASH_ADD(hh, table->accounts, account, GHOST_ACCOUNT_SIZE, made);
    if (find_account(table, account) == made)
        return made;
    free(made);
    return NULL;
}

static void drop_entry(struct ghost_table *table, struct ghost_account *account, struct ghost_entry *entry)
{
    DL_DELETE(account->entries, entry);
    free(entry);
    table->count--;
}

static void drop_if_empty(struct ghost_table *table, struct ghost_account *account)
{
    if (account->entries)
        return;
    HASH_DEL(table->accounts, account);
    free(account);
}

static struct ghost_entry *find_entry(struct ghost_account *account, const struct link_ends *ends)
{
    struct ghost_entry *entry;

    DL_FOREACH (account->entries, entry)
        if (memcmp(&entry->ends, ends, sizeof(*ends)) == 0)
            return entry;
    return NULL;
}

static void forget(struct ghost_table *table, const struct ghost_record *record)
{
    struct ghost_account *account = find_account(table, record->account);
    struct ghost_entry *entry = account ? find_entry(account, &record->ends) : NULL;

    if (!entry)
        return;
    drop_entry(table, account, entry);
    drop_if_empty(table, account);
}

bool ghost_table_note(struct ghost_table *table, const struct ghost_record *record)
{
    struct ghost_account *account;
    struct ghost_entry *entry, *former;

    if (record->event == GHOST_OVER) {
        forget(table, record);
        return true;
    }
    entry = malloc(sizeof(*entry));
    if (!entry)
        return false;
    *entry = (struct ghost_entry){.ends = record->ends, .stands = record->event == GHOST_STANDS, .at = record->at};
    account = find_account(table, record->account);
    if (!account)
        account = make_account(table, record->account);
    if (!account) {
        free(entry);
        return false;
    }
    former = find_entry(account, &record->ends);
    if (former)
        drop_entry(table, account, former);
    DL_PREPEND(account->entries, entry);
    table->count++;
    return true;
}

static bool is_expired(const struct ghost_entry *entry, int64_t now)
{
    return !entry->stands && entry->at < now - GHOST_LIFE;
}

size_t ghost_table_find(const struct ghost_table *table, const uint8_t account[GHOST_ACCOUNT_SIZE], int64_t now,
                        struct link_ends *ends, size_t most)
{
    const struct ghost_account *found = find_account(table, account);
    const struct ghost_entry *entry;
    size_t count = 0;

    if (!found)
        return 0;
    DL_FOREACH (found->entries, entry) {
        if (count < most && !entry->stands && !is_expired(entry, now))
            ends[count++] = entry->ends;
    }
    return count;
}

void ghost_table_lose_all(struct ghost_table *table, int64_t at)
{
    struct ghost_account *account, *next;
    struct ghost_entry *entry;

    HASH_ITER (hh, table->accounts, account, next) {
        DL_FOREACH (account->entries, entry) {
            entry->at = entry->stands ? at : entry->at;
            entry->stands = false;
        }
    }
}

/* Drops those that `which` names; NULL: all. */
static void drop(struct ghost_table *table, bool (*which)(const struct ghost_entry *entry, int64_t now), int64_t now)
{
    struct ghost_account *account, *next;
    struct ghost_entry *entry, *next_entry;

    HASH_ITER (hh, table->accounts, account, next) {
        DL_FOREACH_SAFE (account->entries, entry, next_entry) {
            if (!which || which(entry, now))
                drop_entry(table, account, entry);
        }
        drop_if_empty(table, account);
    }
}

void ghost_table_expire(struct ghost_table *table, int64_t now)
{
    drop(table, is_expired, now);
}

void ghost_table_clear(struct ghost_table *table)
{
    drop(table, NULL, 0);
}

bool ghost_table_each(const struct ghost_table *table, bool (*each)(void *context, const struct ghost_record *record),
                      void *context)
{
    const struct ghost_account *account;
    struct ghost_entry *entry;

    for (account = table->accounts; account; account = account->hh.next) {
        /* From the end: noted in this order they make the same list. */
        for (entry = account->entries ? account->entries->prev : NULL; entry;
             entry = entry == account->entries ? NULL : entry->prev) {
            struct ghost_record record = {
                .event = entry->stands ? GHOST_STANDS : GHOST_LOST, .at = entry->at, .ends = entry->ends};
            memcpy(record.account, account->account, GHOST_ACCOUNT_SIZE);
            if (!each(context, &record))
                return false;
        }
    }
    return true;
}
