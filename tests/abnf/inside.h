/* The inside of the strict reader, for tests/abnf only. Each function reads one rule of the grammar and returns false
 * if it does not stand there; then nothing more is read. */
#ifndef IMAPMUX_TESTS_ABNF_INSIDE_H
#define IMAPMUX_TESTS_ABNF_INSIDE_H

#include <stdint.h>

#include "abnf/abnf.h"

#define NUMBER_MAX   ((uint64_t)UINT32_MAX)
#define NUMBER64_MAX ((uint64_t)INT64_MAX)

struct reader {
    const char *begin, *at, *end;
    bool more; /* the octets ended while something was looked for */
    bool any_values;
    const char *wanted; /* the first fault */
};

typedef bool rule(struct reader *reader);

/* tokens.c */
bool fault(struct reader *reader, const char *wanted); /* false */
bool comes(struct reader *reader, const char *octets); /* without case */
bool maybe(struct reader *reader, const char *octets); /* takes them if they come */
bool take(struct reader *reader, const char *octets);
bool space(struct reader *reader);
bool digit_comes(struct reader *reader);
bool number(struct reader *reader, uint64_t least, uint64_t most, uint64_t *value);
bool plain_number(struct reader *reader);
bool nz_number(struct reader *reader);
bool atom(struct reader *reader);
bool astring_atom(struct reader *reader);
bool quoted(struct reader *reader, size_t *length); /* length: octets that it stands for; or NULL */
bool string(struct reader *reader);
bool nstring(struct reader *reader);
bool literal8(struct reader *reader); /* "~{n}" and n octets, NUL too */
bool object(struct reader *reader);   /* an object's id (RFC 8474) */
bool astring(struct reader *reader);
bool any_value(struct reader *reader); /* any tokens, lists in each other, one space or none between lists */
bool text_to_line_end(struct reader *reader);
/* "(" [element *(SP element)] ")" of at least `least` elements */
bool several(struct reader *reader, rule *element, unsigned least);
/* "(" 1*element ")" without spaces, or NIL */
bool adjacent_or_nil(struct reader *reader, rule *element);
/* `list` if a parenthesis comes, else NIL */
bool nil_or(struct reader *reader, rule *list);

/* message.c */
bool msg_att(struct reader *reader);
bool object_id(struct reader *reader); /* "(" objectid ")" */

#endif
