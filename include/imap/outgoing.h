/* A command on its way up, written piece by piece. Literals are always synchronising: sending stops until the server's
 * +. A server that refuses a command before it has read the whole of it takes the octets of a {n+} for commands, and
 * they may be a message's. Nothing of a client's bytes comes in here but as values. RFC 3501 section 4.3, RFC 7888. */
#ifndef IMAPMUX_IMAP_OUTGOING_H
#define IMAPMUX_IMAP_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/seqset.h"
#include "imap/value.h"

struct evbuffer;
struct shared_spool;
struct outgoing; /* opaque */

/* Returns owned or NULL. */
struct outgoing *outgoing_new(void);
void outgoing_free(struct outgoing *outgoing); /* wipes if outgoing_set_secret was called */
/* From here on its text is wiped when it is freed. */
void outgoing_set_secret(struct outgoing *outgoing);

/* The verbs return nothing: once memory is out or a bound is broken the whole command is bad (outgoing_failed). */
void outgoing_text(struct outgoing *outgoing, const char *text); /* our own words, spaces included */
/* In decimal. */
void outgoing_number(struct outgoing *outgoing, uint64_t number);
/* As seqset_print writes it; nothing for the empty set. */
void outgoing_set(struct outgoing *outgoing, const struct seqset *set);
void outgoing_atom(struct outgoing *outgoing,
                   struct slice atom); /* already known to be a valid atom (flags, sections) */
void outgoing_astring(struct outgoing *outgoing, struct slice text);       /* may become an atom, never NIL */
void outgoing_string(struct outgoing *outgoing, struct slice text);        /* quoted or literal */
void outgoing_value(struct outgoing *outgoing, const struct value *value); /* kind kept; neither literal8 nor spooled */
/* A literal whose octets are in a spool, `size` of them from `offset` on. The spool is held until the command is freed.
 * literal8: it is announced as one, since it may hold NUL. RFC 3516 section 4.4. */
void outgoing_spool(struct outgoing *outgoing, struct shared_spool *spool, uint64_t offset, uint64_t size,
                    bool literal8);

/* True once memory was out or a bound was broken; such a command must not be sent. */
bool outgoing_failed(const struct outgoing *outgoing);
/* The same octets would be sent; never so with octets from a spool. */
bool outgoing_equal(const struct outgoing *one, const struct outgoing *other);
size_t outgoing_length(const struct outgoing *outgoing); /* octets so far, spooled literals not counted */

/* Sending, after the tag has been written by the caller. Moves text up to the next stop into `out`, the final CRLF
 * included. */
enum outgoing_state {
    OUTGOING_WAITS,  /* for the server's +; then call outgoing_continue */
    OUTGOING_SPOOLS, /* the next octets come from a spool: see outgoing_current_spool */
    OUTGOING_DONE,
};
/* Moves text up to the next stop into `out`, the final CRLF included, and says why it stopped. Afterwards
 * outgoing_failed says whether memory was out. */
enum outgoing_state outgoing_send(struct outgoing *outgoing, struct evbuffer *out);
/* The server's + has come: the next outgoing_send goes past the literal that waited for it. */
void outgoing_continue(struct outgoing *outgoing);
/* In OUTGOING_SPOOLS: which spool, from where, how much is left; the sender reads the bytes and calls
 * outgoing_spool_sent. */
struct shared_spool *outgoing_current_spool(const struct outgoing *outgoing, uint64_t *offset, uint64_t *left);
/* So many octets of the present spool have been written; at most what is left of it. */
void outgoing_spool_sent(struct outgoing *outgoing, uint64_t octets);

#endif
