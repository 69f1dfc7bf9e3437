/* A borrowed run of bytes. Not NUL-terminated, may hold any byte. The function that hands one out says how long it
 * lives. */
#ifndef IMAPMUX_BASE_SLICE_H
#define IMAPMUX_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t length;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

struct slice slice_of(const char *text); /* of a C string; NULL gives the empty slice */
/* ASCII letters whatever the locale says; other octets as they are. */
char slice_lower(char c);
/* As slice_lower, to upper case. */
char slice_upper(char c);
/* The same length and the same octets. */
bool slice_equal(struct slice a, struct slice b);
/* ASCII letters compare without case, as IMAP keywords do (RFC 3501 section 9, rule 1). */
bool slice_equal_nocase(struct slice a, struct slice b);
/* Does `text` begin with `prefix`? ASCII letters compare without case. The empty prefix begins every text. */
bool slice_starts_nocase(struct slice text, struct slice prefix);
/* Does `part` stand anywhere in `text`? ASCII letters compare without case. */
bool slice_contains_nocase(struct slice text, struct slice part);
/* Orders by bytes, as memcmp, the shorter first. */
int slice_compare(struct slice a, struct slice b);
/* A decimal number without sign, 1 to 20 digits, at most `maximum`. False: not one; *number is then untouched. */
bool slice_number(struct slice text, uint64_t maximum, uint64_t *number) __attribute__((warn_unused_result));
/* An owned NUL-terminated copy (free()), NULL when out of memory. */
char *slice_copy(struct slice text) __attribute__((warn_unused_result));

#endif
