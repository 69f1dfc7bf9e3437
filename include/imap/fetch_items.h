/* The items of a FETCH command, and the items of answers that match them. RFC 3501 section 6.4.5 and 7.4.2, RFC 3516
 * (BINARY), RFC 8474 (OBJECTID), RFC 8514 (SAVEDATE), RFC 8970 (PREVIEW). */
#ifndef IMAPMUX_IMAP_FETCH_ITEMS_H
#define IMAPMUX_IMAP_FETCH_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/response.h"
#include "imap/value.h"

/* X(enumerator, name on the wire): the items that are one word, asked and answered by the same name. */
#define FETCH_WORDS(X)                                                                                                 \
    X(UID, "UID")                                                                                                      \
    X(FLAGS, "FLAGS")                                                                                                  \
    X(MODSEQ, "MODSEQ")                                                                                                \
    X(INTERNALDATE, "INTERNALDATE")                                                                                    \
    X(ENVELOPE, "ENVELOPE")                                                                                            \
    X(BODY, "BODY") /* the structure without extension data */                                                         \
    X(BODYSTRUCTURE, "BODYSTRUCTURE")                                                                                  \
    X(RFC822, "RFC822")                                                                                                \
    X(RFC822_HEADER, "RFC822.HEADER")                                                                                  \
    X(RFC822_TEXT, "RFC822.TEXT")                                                                                      \
    X(RFC822_SIZE, "RFC822.SIZE")                                                                                      \
    X(EMAILID, "EMAILID")                                                                                              \
    X(THREADID, "THREADID")                                                                                            \
    X(SAVEDATE, "SAVEDATE")                                                                                            \
    X(PREVIEW, "PREVIEW")                                                                                              \
    X(X_GM_MSGID, "X-GM-MSGID")                                                                                        \
    X(X_GM_THRID, "X-GM-THRID")                                                                                        \
    X(X_GM_LABELS, "X-GM-LABELS")

enum fetch_kind {
#define FETCH_WORD_ENUM(id, name) FETCH_##id,
    FETCH_WORDS(FETCH_WORD_ENUM)
#undef FETCH_WORD_ENUM
        FETCH_SECTION, /* BODY[...] and BODY.PEEK[...] */
    FETCH_BINARY,      /* BINARY[...] and BINARY.PEEK[...] */
    FETCH_BINARY_SIZE, /* BINARY.SIZE[...] */
    FETCH_UNKNOWN,     /* only in answers */
};

struct fetch_item {
    enum fetch_kind kind;
    bool peek;            /* BODY.PEEK, BINARY.PEEK */
    bool lazy;            /* PREVIEW (LAZY) */
    struct slice section; /* the text in the brackets, e.g. "1.HEADER.FIELDS (FROM TO)"; valid */
    bool means_section;   /* it is about a section of the message: those with brackets, RFC822... */
    enum fetch_kind form; /* then: FETCH_SECTION of RFC822... too, or the kind */
    struct slice meaning; /* and which section, see fetch_section_meaning */
    bool partial;         /* <start.count> */
    uint32_t partial_start;
    uint32_t partial_count;
    struct fetch_item *next;
};

/* The items of a FETCH command: one item, a list, or a macro (ALL, FAST, FULL, which are opened). An item asked for
 * twice comes out once. NULL: *error says why (constant text). Values borrowed. */
struct fetch_item *fetch_items_parse(const struct value *argument, struct arena *arena, const char **error)
    __attribute__((warn_unused_result));
/* The first argument of a FETCH behind the items (`argument` is where they begin): PREVIEW may take a list of its own.
 * NULL: there is none. RFC 8970 section 3.1. */
const struct value *fetch_items_end(const struct value *argument);
/* Its name up to a bracket, without PEEK: the word of an extension. A constant. */
const char *fetch_item_word(const struct fetch_item *item);
/* Does it set \Seen when asked as it is? (RFC822, RFC822.TEXT, BODY[...] and BINARY[...] without PEEK) */
bool fetch_item_sets_seen(const struct fetch_item *item);
struct outgoing;
/* Appends the item as it is written upstream. peek: in the form that sets nothing (RFC822 as BODY.PEEK[], RFC822.TEXT
 * as BODY.PEEK[TEXT]). */
void fetch_item_print_upstream(const struct fetch_item *item, bool peek, struct outgoing *out);
/* The name of an answer's item, read once for all comparisons. */
struct fetch_label {
    struct slice name;  /* borrowed */
    bool means_section; /* as in struct fetch_item */
    enum fetch_kind form;
    struct slice meaning;
    struct slice origin; /* "<5>", or empty */
    char *room;          /* owned */
};
/* False: out of memory; fetch_label_clear is called all the same. */
bool fetch_label_read(struct fetch_label *label, struct slice name) __attribute__((warn_unused_result));
void fetch_label_clear(struct fetch_label *label);
/* Does an answer's item with this name answer the asked one by its meaning? BODY[], RFC822 and BODY.PEEK[] are one
 * item, and so are those of HEADER and of TEXT. Sections compare without case, names of header fields in any quoting
 * and order. <start> must be the asked start, with or without a count. */
bool fetch_item_answered_by(const struct fetch_item *item, const struct fetch_label *label);
/* Does it answer the asked item if no other one is answered better? So does <0> one that was asked for whole, and no
 * <start> one that was asked for from 0. The caller checks that a part is not longer than it was asked for. */
bool fetch_item_loosely_answered_by(const struct fetch_item *item, const struct fetch_label *label);
/* May a value of so many octets be the answer? A part has at most the asked count. */
bool fetch_item_permits_size(const struct fetch_item *item, uint64_t octets);
/* A part of the asked item as an item of its own: at most `most` octets from `offset` on (in octets of what the client
 * is given), asked with PEEK. *piece borrows the item's section; its count is 0 where the client's own part has ended,
 * or where 32 bits do. False: the item is no string of the message. */
bool fetch_item_piece(const struct fetch_item *item, uint64_t offset, uint64_t most, struct fetch_item *piece)
    __attribute__((warn_unused_result));
/* The name that the client is told: RFC822.TEXT as asked, BODY[section]<start>. Appends to out. False: out of memory.
 */
bool fetch_item_print_label(const struct fetch_item *item, struct evbuffer *out) __attribute__((warn_unused_result));

/* Returns the kind of an answer's pair. */
enum fetch_kind fetch_pair_kind(const struct fetch_pair *pair);
/* The value of UID / MODSEQ; 0 if it is none (of this kind). */
uint32_t fetch_pair_uid(const struct fetch_pair *pair);
/* The value of MODSEQ; 0 if it is none. */
uint64_t fetch_pair_modseq(const struct fetch_pair *pair);
/* The RFC822.SIZE among the pairs; 0: none is told. */
uint32_t fetch_pairs_size(const struct fetch_pair *pairs);
/* True: servers invent such a value for a dead message. (NIL, size 0, an ENVELOPE all of NIL) */
bool fetch_pair_looks_invented(const struct fetch_pair *pair);

#endif
