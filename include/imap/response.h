/* One response of a server, from the framer's events to a struct. RFC 3501 section 7.
 *
 * FETCH answers go on across literals: one above RESPONSE_INLINE_MAX octets in a BODY[...], RFC822* or BINARY[...] item
 * is not held but comes as DATA; what stands before it comes first, as a RESPONSE_FETCH that is not complete. */
#ifndef IMAPMUX_IMAP_RESPONSE_H
#define IMAPMUX_IMAP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/seqset.h"
#include "imap/value.h"

struct evbuffer;

#define RESPONSE_INLINE_MAX 16384

#define RESPONSE_CODES(X)                                                                                              \
    X(ALERT, "ALERT")                                                                                                  \
    X(ALREADYEXISTS, "ALREADYEXISTS")                                                                                  \
    X(APPENDUID, "APPENDUID")                                                                                          \
    X(AUTHENTICATIONFAILED, "AUTHENTICATIONFAILED")                                                                    \
    X(BADCHARSET, "BADCHARSET")                                                                                        \
    X(CANNOT, "CANNOT")                                                                                                \
    X(CAPABILITY, "CAPABILITY")                                                                                        \
    X(CLOSED, "CLOSED")                                                                                                \
    X(COPYUID, "COPYUID")                                                                                              \
    X(EXPUNGEISSUED, "EXPUNGEISSUED")                                                                                  \
    X(HASCHILDREN, "HASCHILDREN")                                                                                      \
    X(HIGHESTMODSEQ, "HIGHESTMODSEQ")                                                                                  \
    X(INUSE, "INUSE")                                                                                                  \
    X(LIMIT, "LIMIT")                                                                                                  \
    X(MAILBOXID, "MAILBOXID")                                                                                          \
    X(MODIFIED, "MODIFIED")                                                                                            \
    X(NOMODSEQ, "NOMODSEQ")                                                                                            \
    X(NONEXISTENT, "NONEXISTENT")                                                                                      \
    X(NOPERM, "NOPERM")                                                                                                \
    X(OVERQUOTA, "OVERQUOTA")                                                                                          \
    X(PERMANENTFLAGS, "PERMANENTFLAGS")                                                                                \
    X(READ_ONLY, "READ-ONLY")                                                                                          \
    X(READ_WRITE, "READ-WRITE")                                                                                        \
    X(SERVERBUG, "SERVERBUG")                                                                                          \
    X(TOOBIG, "TOOBIG")                                                                                                \
    X(TRYCREATE, "TRYCREATE")                                                                                          \
    X(UIDNEXT, "UIDNEXT")                                                                                              \
    X(UIDVALIDITY, "UIDVALIDITY")                                                                                      \
    X(UNAVAILABLE, "UNAVAILABLE")                                                                                      \
    X(UNSEEN, "UNSEEN")

enum response_code_name {
    RESPONSE_CODE_NONE,
#define RESPONSE_CODE_ENUM(id, name) RESPONSE_CODE_##id,
    RESPONSE_CODES(RESPONSE_CODE_ENUM)
#undef RESPONSE_CODE_ENUM
        RESPONSE_CODE_UNKNOWN /* there is one, but not of this list */
};

struct response_code {
    enum response_code_name name;
    struct slice atom;       /* its name as the server wrote it */
    struct value *arguments; /* parsed; NULL if there are none, or if they cannot be parsed (then name is _UNKNOWN) */
};

enum response_kind {
    RESPONSE_CONTINUE, /* + text */
    RESPONSE_STATUS,   /* OK NO BAD BYE PREAUTH, tagged or not */
    RESPONSE_EXISTS,   /* number */
    RESPONSE_RECENT,   /* number */
    RESPONSE_EXPUNGE,  /* number */
    RESPONSE_FETCH,    /* number, fetch */
    RESPONSE_ACL,
    RESPONSE_CAPABILITY,
    RESPONSE_ENABLED,
    RESPONSE_ESEARCH,
    RESPONSE_FLAGS,
    RESPONSE_ID,
    RESPONSE_LIST,
    RESPONSE_LISTRIGHTS,
    RESPONSE_LSUB,
    RESPONSE_METADATA,
    RESPONSE_MYRIGHTS,
    RESPONSE_NAMESPACE,
    RESPONSE_QUOTA,
    RESPONSE_QUOTAROOT,
    RESPONSE_SEARCH,
    RESPONSE_SORT,
    RESPONSE_MAILBOX_STATUS, /* STATUS */
    RESPONSE_THREAD,         /* text: the threads, sound (imap/threads.h); no arguments */
    RESPONSE_VANISHED,
    RESPONSE_XLIST,
    RESPONSE_OTHER, /* well-formed, another word */
};

enum response_status { RESPONSE_OK, RESPONSE_NO, RESPONSE_BAD, RESPONSE_BYE, RESPONSE_PREAUTH };

/* One name and value of a FETCH answer, e.g. "BODY[TEXT]<0>" and a string. The name as the server wrote it, upper-case
 * up to a [ if there is one. */
struct fetch_pair {
    struct slice name;
    struct value *value;
    struct fetch_pair *next;
};

struct fetch_answer {
    struct fetch_pair *pairs; /* of this part */
    bool first;               /* the part begins the answer */
    bool complete;            /* the part ends the answer */
    struct slice stream_name; /* if not complete: the item whose literal follows as DATA */
    uint64_t stream_size;
    bool stream_literal8;
};

struct response {
    enum response_kind kind;
    struct slice tag; /* of a tagged status; empty for untagged ones */
    enum response_status status;
    struct response_code code; /* RESPONSE_STATUS */
    struct slice text;         /* RESPONSE_STATUS, CONTINUE: human text after the code; may be empty. THREAD */
    uint32_t number;
    struct slice word;       /* the word after "* " (or after the number) as written, for the log */
    struct value *arguments; /* of every other kind: the values after the word */
    struct fetch_answer fetch;
};

enum response_event {
    RESPONSE_EVENT_MORE,
    RESPONSE_EVENT_READY,   /* a response, or a part of a FETCH */
    RESPONSE_EVENT_DATA,    /* bytes of the streamed literal */
    RESPONSE_EVENT_GARBAGE, /* a whole line that the grammar refuses, or one that is too long; bytes: what it was (cut).
                               Reading goes on after it. If it comes in the middle of a FETCH answer (open_fetch), that
                               answer is over */
};

struct response_input {
    enum response_event event;
    const struct response *response; /* READY. Borrowed until the next call, with all its slices and values */
    struct slice bytes;              /* DATA, GARBAGE */
    bool open_fetch;                 /* GARBAGE: a FETCH that was not complete ends here */
    uint32_t fetch_number;           /* GARBAGE: it is a FETCH answer about this message; 0: not, or not known */
    bool spare;                      /* GARBAGE: it is about nothing but itself: see response_line_is_spare */
    bool announces_literal;          /* GARBAGE: it ends with {n}: what follows may be a literal's octets, or not */
};

struct response_reader; /* opaque */

/* answer_max: octets of one response held in memory (streamed literals do not count). Returns owned or NULL. */
struct response_reader *response_reader_new(size_t answer_max) __attribute__((warn_unused_result));
/* NULL: nothing happens. */
void response_reader_free(struct response_reader *reader);
void response_reader_reset(struct response_reader *reader); /* for a new connection */
/* Tolerates NUL padding of lines, bare LF, and spaces at line ends. */
struct response_input response_reader_next(struct response_reader *reader, struct evbuffer *in);
/* Drains what the last event borrowed from `in`: call before `in` is handed to TLS. */
void response_reader_settle(struct response_reader *reader, struct evbuffer *in);

/* "OK", "NO", "BAD", "BYE" or "PREAUTH"; a constant. */
const char *response_status_name(enum response_status status);
/* The code as it is written, such as "UIDNEXT"; a constant. Not for _NONE and _UNKNOWN. */
const char *response_code_title(enum response_code_name name);
/* UIDs as VANISHED, ESEARCH ALL, COPYUID carry them: a resolved set (empty before). Bad: '*', 0, malformed. */
enum seqset_result response_uid_set(const struct value *value, struct seqset *set) __attribute__((warn_unused_result));
/* Adds the numbers that SEARCH, or ESEARCH with ALL, tells; nothing of any other response. UNREADABLE: there is
 * something else among them (a list, such as (MODSEQ 5), may be), and which were found is not known. */
enum response_found { RESPONSE_FOUND, RESPONSE_FOUND_UNREADABLE, RESPONSE_FOUND_NO_MEMORY };
enum response_found response_take_found(const struct response *response, struct seqset *found)
    __attribute__((warn_unused_result));

/* The same of SORT, or ESEARCH with ALL: puts what it tells behind `found`, a set as written, in its order. */
enum response_found response_take_sorted(const struct response *response, struct seqset *found)
    __attribute__((warn_unused_result));

#endif
