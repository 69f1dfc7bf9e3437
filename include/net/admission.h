/* How many clients are connected, in all and from one address, and whether one more may come in. */
#ifndef IMAPMUX_NET_ADMISSION_H
#define IMAPMUX_NET_ADMISSION_H

#include <stdint.h>

#include "net/address.h"

struct admission; /* opaque */

enum admission_answer { ADMISSION_OK, ADMISSION_TOTAL_FULL, ADMISSION_ADDRESS_FULL, ADMISSION_NO_MEMORY };

/* seed: of the hash table, whose keys come from peers. The limits are read each time. Returns owned; NULL: out of
 * memory. */
struct admission *admission_new(uint64_t seed, const uint64_t *total, const uint64_t *per_address);
/* NULL: nothing happens. */
void admission_free(struct admission *admission);
/* ADMISSION_OK: counted, admission_leave must follow. */
enum admission_answer admission_enter(struct admission *admission, const struct address *peer);
/* Undoes an admission_enter that was answered OK, for the same peer. */
void admission_leave(struct admission *admission, const struct address *peer);
/* How many clients are counted in, from all addresses. */
uint64_t admission_count(const struct admission *admission);
const char *admission_words(enum admission_answer answer); /* for * BYE */

#endif
