/* Sets of message numbers or UIDs as ranges. RFC 3501 "sequence-set". */
#ifndef IMAPMUX_IMAP_SEQSET_H
#define IMAPMUX_IMAP_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct evbuffer;

#define SEQSET_STAR 0u /* an endpoint '*', in a set as the client wrote it; never in a resolved one */

struct seqrange {
    uint32_t low;
    uint32_t high;
};

/* Zero-initialised is the empty set. Owns its ranges. A *resolved* set is sorted, without overlap, without '*', and no
 * two ranges touch. */
struct seqset {
    struct seqrange *ranges;
    size_t count;
    size_t capacity;
};

enum seqset_result { SEQSET_OK, SEQSET_BAD, SEQSET_TOO_BIG /* out of memory */ };

void seqset_clear(struct seqset *set); /* frees, leaves the empty set */
/* As written: 0 and numbers beyond 32 bits are SEQSET_BAD. The set must be empty before. */
enum seqset_result seqset_parse(struct slice text, struct seqset *set) __attribute__((warn_unused_result));
/* The same of a set in which `$` may stand for what a search has saved (RFC 5182 section 3): *saved says whether it
 * does. It is not in the set, which is empty if nothing else was written. */
enum seqset_result seqset_parse_saved(struct slice text, struct seqset *set, bool *saved)
    __attribute__((warn_unused_result));
/* Puts `star` for '*' and makes it resolved. star = 0: ranges with '*' in them are dropped. False: out of memory. */
bool seqset_resolve(const struct seqset *written, uint32_t star, struct seqset *resolved)
    __attribute__((warn_unused_result));
/* Does any endpoint of a set as written have a '*'? */
bool seqset_has_star(const struct seqset *set);
uint32_t seqset_highest(const struct seqset *set); /* highest number written, stars left out; 0 if none */
/* Adds to a resolved set, anywhere; cheap at its end. False: out of memory. */
bool seqset_add(struct seqset *set, uint32_t number) __attribute__((warn_unused_result));
/* Adds low..high, 1 <= low <= high. Otherwise as seqset_add. */
bool seqset_add_range(struct seqset *set, uint32_t low, uint32_t high) __attribute__((warn_unused_result));
/* Puts a number behind a set as written, 1 <= number. False: out of memory. */
bool seqset_write(struct seqset *written, uint32_t number) __attribute__((warn_unused_result));
/* Puts a range behind a set as written. False: out of memory. */
bool seqset_write_range(struct seqset *written, struct seqrange range) __attribute__((warn_unused_result));
/* Puts a number behind a list of ranges that is in an order of its own; one that follows the last one lengthens its
 * range. Such a list is counted, printed and walked as a resolved set is. False: out of memory. */
bool seqset_write_next(struct seqset *list, uint32_t number) __attribute__((warn_unused_result));
/* Adds to a resolved set all of a set as written, whatever its order, in O(n log n) of both; '*' is left out. False:
 * out of memory, and nothing has been added. */
bool seqset_add_written(struct seqset *set, const struct seqset *written) __attribute__((warn_unused_result));
/* Adds to `both` (empty before) what two resolved sets have in common. False: out of memory. */
bool seqset_intersect(const struct seqset *a, const struct seqset *b, struct seqset *both)
    __attribute__((warn_unused_result));
/* to must be empty. False: out of memory. */
bool seqset_copy(const struct seqset *from, struct seqset *to) __attribute__((warn_unused_result));
void seqset_remove(struct seqset *set, uint32_t number); /* of a resolved set; no effect when out of memory */
/* Takes every number up to this one away; resolved sets. */
void seqset_cut_up_to(struct seqset *set, uint32_t number);
bool seqset_contains(const struct seqset *set, uint32_t number); /* resolved sets */
uint64_t seqset_size(const struct seqset *set);                  /* how many numbers; resolved sets */
/* "1:3,5"; nothing for the empty set. False: out of memory. */
bool seqset_print(const struct seqset *set, struct evbuffer *out) __attribute__((warn_unused_result));
/* How many of its first ranges seqset_print writes into so many octets; of a set that is not empty at least one. */
size_t seqset_fitting(const struct seqset *set, size_t octets);

/* Walks the numbers of a resolved set in order. */
struct seqset_walk {
    const struct seqset *set;
    size_t range;
    uint32_t next;
    bool started;
};
/* Starts before the first number. The set is borrowed and must not change during the walk. */
void seqset_walk_start(struct seqset_walk *walk, const struct seqset *set);
/* The next number into *number. False: there is none left. */
bool seqset_walk_next(struct seqset_walk *walk, uint32_t *number);

#endif
