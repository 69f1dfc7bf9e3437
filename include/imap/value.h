/* Second stage: a line as a tree of values. A peer's bytes are never passed on, only values that are printed again. A
 * value keeps its kind: an atom stays an atom, a string a string, NIL is only ever the atom. RFC 3501 section 4 and 9,
 * RFC 3516 (literal8), RFC 7162 (mod-sequences are numbers of 63 bits). */
#ifndef IMAPMUX_IMAP_VALUE_H
#define IMAPMUX_IMAP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct evbuffer;

enum value_kind {
    VALUE_ATOM, /* also numbers, sequence sets, flags (\Seen), * and %, and section names such as BODY[TEXT]<0.10> */
    VALUE_QUOTED,
    VALUE_LITERAL,
    VALUE_LITERAL8,
    VALUE_SPOOLED, /* a literal whose bytes are not here: text is empty, size says how long, spool_index which */
    VALUE_LIST,
    VALUE_DEEP, /* a list deeper than values are made of: text is all of it, as it was written, checked (see `deep`) */
};

struct value {
    enum value_kind kind;
    unsigned spool_index : 31; /* VALUE_SPOOLED */
    bool literal8 : 1;         /* VALUE_SPOOLED: it was announced as one */
    struct slice text;         /* the bytes of atom or string, unescaped; in the arena or in the parsed line */
    struct value *first;       /* of a list: its first element, or NULL */
    struct value *next;        /* the next element of the list that this is in */
    uint64_t size;             /* VALUE_SPOOLED */
};

/* TOO_BIG: deeper than VALUE_DEPTH_MAX lists, or beyond the arena's limit. */
enum value_result { VALUE_OK, VALUE_BAD, VALUE_TOO_BIG };

#define VALUE_DEPTH_MAX 100

/* A line put together again: text with its literals inside, each as "{n}\r\n" (or "~{n}\r\n") and n bytes, except those
 * at the offsets in `spooled` (ascending; offset of the '{' or '~'), of which only "{n}\r\n" stands there. */
struct line {
    struct slice bytes;
    const size_t *spooled;
    size_t spooled_count;
    bool strict; /* a backslash in a quoted string stands before a quote or a backslash only: a client's line. Servers
                    put it before anything */
    bool any_octet; /* NUL may stand in literals: a server's message, passed on as it is */
    bool deep;      /* a list below VALUE_DEPTH_MAX others comes out as one VALUE_DEEP: a sender may nest at will. Its
                       quotes, literals, parentheses and spaces have been checked like those of every other list */
    bool names; /* about mailboxes: control characters but NUL, CR and LF are part of an atom, and a backslash before
                   anything but a quote or a backslash stands for itself */
    bool unfinished; /* it goes on: lists that are open at its end count as closed there */
    bool sections;   /* of FETCH: atoms that name a section are read as a whole. A mailbox may be named body[x] */
};

/* Parses line.bytes from `offset` to its end into a list of values. On VALUE_OK *values is the first or NULL (nothing
 * there). On VALUE_BAD *error (never NULL then) is a constant text that helps the line's author.
 * Where the line has sections, an atom that names one, in which [ ] and quoted strings may stand (BODY[HEADER.FIELDS
 * (From "To")]<0.5>), comes out as ONE atom. Literals and needless quotes in it are turned into their plain or quoted
 * form, and the name before [ into upper case. A resp-text-code is not parsed here (see response.h). NUL is refused
 * outside literal8 (see any_octet).
 */
enum value_result value_parse(struct line line, size_t offset, struct arena *arena, struct value **values,
                              const char **error) __attribute__((warn_unused_result));

bool value_is_nil(const struct value *value); /* the atom NIL */
bool value_is_string(const struct value *value);
bool value_is_atom(const struct value *value, const char *name); /* without case */
bool value_is_list(const struct value *value);
size_t value_count(const struct value *first); /* elements from this one on */
/* This one and those behind it, with their texts, in the arena. NULL: out of memory, or there are none. */
struct value *value_copy(struct arena *arena, const struct value *first);
/* An atom that is a number of at most `maximum`. */
bool value_number(const struct value *value, uint64_t maximum, uint64_t *number) __attribute__((warn_unused_result));
/* The bytes of an astring (atom or string; RFC 3501 "astring"): false for lists, spooled ones, and CR, LF, NUL inside.
 */
bool value_astring(const struct value *value, struct slice *text);
/* The bytes of an nstring: NIL gives *nil = true. */
bool value_nstring(const struct value *value, struct slice *text, bool *nil);

/* Prints for a client: kinds kept, but an atom with control characters is a string; a string is quoted if it has no CR
 * LF NUL quote backslash or 8-bit byte and is at most 1,000 octets, else a literal. Never called with VALUE_SPOOLED.
 * False: out of memory. */
bool value_print(const struct value *value, struct evbuffer *out) __attribute__((warn_unused_result));
/* The elements from `first` on, with spaces between. */
bool value_print_all(const struct value *first, struct evbuffer *out) __attribute__((warn_unused_result));
/* A string for a client: quoted or literal as above. */
bool value_print_string(struct slice text, struct evbuffer *out) __attribute__((warn_unused_result));
/* An astring for a client (mailbox names): an atom if it may be one, else quoted, with escapes, else a literal. Never
 * the atom NIL. */
bool value_print_astring(struct slice text, struct evbuffer *out) __attribute__((warn_unused_result));

#endif
