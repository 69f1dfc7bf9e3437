/* The sessions that servers count or may count, by account: what the records of net/ghost_record add up to. Knows no
 * file and no clock. */
#ifndef IMAPMUX_NET_GHOST_TABLE_H
#define IMAPMUX_NET_GHOST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ghost_record.h"

/* Seconds for which a server counts a session that it hears nothing of. RFC 3501 section 5.4 forbids a server to end
 * one earlier, and most do then: Cyrus was seen to count a lost one for 28 minutes. */
#define GHOST_LIFE ((int64_t)30 * 60)

struct ghost_account;

/* Zero-initialised: empty. */
struct ghost_table {
    struct ghost_account *accounts; /* private */
    size_t count;                   /* entries of all accounts */
};

void ghost_table_clear(struct ghost_table *table); /* empty again */
/* Takes the event in: an entry is an account and two ends. False: out of memory; nothing has changed. */
bool ghost_table_note(struct ghost_table *table, const struct ghost_record *record) __attribute__((warn_unused_result));
/* Fills in the ends of the account's lost sessions that are not older than GHOST_LIFE at `now`, the one lost last
 * first. Returns how many, `most` at most. */
size_t ghost_table_find(const struct ghost_table *table, const uint8_t account[GHOST_ACCOUNT_SIZE], int64_t now,
                        struct link_ends *ends, size_t most);
/* The process that had them has ended: those that stood are lost, since then. */
void ghost_table_lose_all(struct ghost_table *table, int64_t at);
void ghost_table_expire(struct ghost_table *table, int64_t now); /* lost ones that are older than GHOST_LIFE go */
/* Calls `each` with a record for every entry, until it returns false. Returns whether all have been told. */
bool ghost_table_each(const struct ghost_table *table, bool (*each)(void *context, const struct ghost_record *record),
                      void *context);

#endif
