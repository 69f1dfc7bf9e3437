/* Flags of messages and mailboxes. RFC 3501 section 2.3.2. */
#ifndef IMAPMUX_IMAP_FLAGS_H
#define IMAPMUX_IMAP_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/value.h"

enum {
    FLAG_SEEN = 1,
    FLAG_ANSWERED = 2,
    FLAG_FLAGGED = 4,
    FLAG_DELETED = 8,
    FLAG_DRAFT = 16,
    FLAG_RECENT = 32, /* belongs to one session: never stored with a message */
};

/* A flag list as written: system flags as bits, the rest (keywords, and extensions such as \Junk or \*) as slices,
 * borrowed from the values. */
struct flag_list {
    unsigned system;
    struct slice *keywords; /* in the arena that was handed in */
    size_t keyword_count;
};

/* From a list value (parenthesised) or from the elements from `first` on (STORE's bare form). A server's
 * keyword may stand in quotes; a string that can be no keyword is left out. False: an element is no flag, or the arena
 * is full. Duplicates (keywords compare without case) come out once. */
bool flags_parse(const struct value *first, struct arena *arena, struct flag_list *flags)
    __attribute__((warn_unused_result));
/* The bit of a system flag, spelt in any case; 0 if it is none. */
unsigned flags_system_bit(struct slice name);
/* Appends the names of the bits with spaces between: "\Answered \Seen". */
bool flags_print_system(unsigned system, struct evbuffer *out) __attribute__((warn_unused_result));
/* May a client name it in STORE or APPEND? (an atom, or \ and an atom; RFC 3501 "flag") */
bool flags_valid_name(struct slice name);

#endif
