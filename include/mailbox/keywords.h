/* The keywords of one mailbox, and the sets of them that its messages carry, each stored once. Past KEYWORDS_MAX no new
 * ones are stored, and past KEYWORDS_SETS_MAX no new sets of them, until keywords_sweep has made room. Keywords compare
 * without case; the first spelling stays. */
#ifndef IMAPMUX_MAILBOX_KEYWORDS_H
#define IMAPMUX_MAILBOX_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct evbuffer;
struct keywords; /* opaque */

#define KEYWORDS_MAX      1000
#define KEYWORDS_SETS_MAX 100000

struct keywords *keywords_new(void); /* returns owned; NULL: out of memory */
/* NULL: nothing happens. */
void keywords_free(struct keywords *keywords);
size_t keywords_count(const struct keywords *keywords); /* indices of names in use so far */
/* How many names have taken the place of others, which had their index before. */
uint64_t keywords_replaced(const struct keywords *keywords);
/* The name with this index (below keywords_count), in its first spelling. Borrowed until keywords_sweep. Empty: none
 * has it now. */
struct slice keywords_name(const struct keywords *keywords, size_t index);
/* False: there is none, or the name is no flag by RFC 3501 section 9. Servers have such ("a]b", octets above 127); they
 * are kept, but a client that reads by the grammar would give up over them, so that none is told of them. */
bool keywords_is_shown(const struct keywords *keywords, size_t index);
/* The number of the set with these names; 0 is the empty set. *set stays as it was where a new set is not stored.
 * False: out of memory. */
bool keywords_intern(struct keywords *keywords, const struct slice *names, size_t count, uint32_t *set);
/* The set with `names` added / removed; the former one where a new set is not stored. */
bool keywords_add(struct keywords *keywords, uint32_t set, const struct slice *names, size_t count, uint32_t *result);
/* The set without `names`; otherwise as keywords_add. */
bool keywords_remove(struct keywords *keywords, uint32_t set, const struct slice *names, size_t count,
                     uint32_t *result);
/* Writes the names of the set into an array of KEYWORDS_MAX; returns how many. Borrowed until keywords_sweep. */
size_t keywords_names(const struct keywords *keywords, uint32_t set, struct slice *names);
/* Appends " name name" (each with a space before), of those that are shown. False: out of memory. */
bool keywords_print(const struct keywords *keywords, uint32_t set, struct evbuffer *out);
/* The highest index of a name in the set plus one; 0 for the empty set. */
size_t keywords_reach(const struct keywords *keywords, uint32_t set);

/* --- room */
/* Would one of these names, or their set, not be stored? */
bool keywords_lack_room(const struct keywords *keywords, const struct slice *names, size_t count);
/* The set stays over a sweep, until it is unpinned as often. */
void keywords_pin(struct keywords *keywords, uint32_t set);
/* Undoes one keywords_pin. */
void keywords_unpin(struct keywords *keywords, uint32_t set);
/* This set stays in the next sweep. */
void keywords_mark(struct keywords *keywords, uint32_t set);
/* Forgets the sets that are neither marked nor pinned, and the names in none of the others. Marks are taken away. */
void keywords_sweep(struct keywords *keywords);

#endif
