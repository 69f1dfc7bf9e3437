/* The messages of an APPEND: each with flags, a date, and a literal or a CATENATE of literals and addresses. What a
 * client names by an address is written for the server in a form that does not depend on a selected mailbox, since the
 * server's selected one may be another. RFC 3501 section 6.3.11, RFC 3502 (MULTIAPPEND), RFC 4469 (CATENATE), RFC 3516
 * (literal8). */
#ifndef IMAPMUX_SESSION_UPLOADS_H
#define IMAPMUX_SESSION_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "imap/outgoing.h"
#include "imap/response.h"
#include "imap/value.h"
#include "session/state.h"

#define UPLOADS_UIDS_SIZE 1000 /* of uploads_note_code's text: more UIDs are not told */
#define UPLOADS_CODE_SIZE 5000 /* of uploads_bad_address's text: longer than MESSAGE_URL_MAX */

/* An address of a CATENATE. */
struct upload_address {
    struct slice written; /* by the client */
    struct slice sent;
    struct upload_address *next;
};

struct uploads {
    const struct value *first;        /* of the first message */
    struct upload_address *addresses; /* in their order, in the command's arena */
};

/* Why the address cannot be used: "BADURL" and the address, as a response code. */
struct upload_refusal {
    const char *code; /* NULL: none */
    const char *text;
    char room[UPLOADS_CODE_SIZE];
};

/* The arguments of the command in progress from `first` on. several: more than one message is permitted. Returns the
 * fault, a constant text for BAD; NULL: none. */
const char *uploads_fault(const struct session *session, const struct value *first, bool several);
/* Those arguments, without fault, at the command's turn. False: *refusal says why the answer is NO. */
bool uploads_prepare(struct session *session, const struct value *first, struct uploads *uploads,
                     struct upload_refusal *refusal) __attribute__((warn_unused_result));
/* " (flags) date {n}..." of all messages, from the spool of the command in progress. */
void uploads_print(const struct session *session, const struct uploads *uploads, struct outgoing *out);
/* "APPENDUID 1 2:3" into `code`, of so many octets, if the response has this code; else it stays as it is. */
void uploads_note_code(const struct response *response, char *code, size_t size);
/* The server refuses one of the addresses: the code with the client's own spelling of it. NULL: that is not what the
 * server says. The text lies in `room`, of UPLOADS_CODE_SIZE octets. */
const char *uploads_bad_address(const struct uploads *uploads, const struct response *response, char *room);

#endif
