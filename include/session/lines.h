/* Lines of a server about quota, rights and annotations, judged and printed again for a client: QUOTA and QUOTAROOT
 * (RFC 9208 section 5), ACL, LISTRIGHTS and MYRIGHTS (RFC 4314 section 3), METADATA (RFC 5464 section 4.4). */
#ifndef IMAPMUX_SESSION_LINES_H
#define IMAPMUX_SESSION_LINES_H

#include <stdbool.h>

#include "imap/response.h"

struct evbuffer;

/* Is it one of these, and has it all that belongs there? An unsolicited METADATA, which tells no values, has not. */
bool line_is_sound(const struct response *response);
/* The mailbox that it is about; QUOTA: the root. Borrowed from the response, which must be sound. */
struct slice line_name(const struct response *response);
/* The line with its CRLF. name: written in place of its own. It must be sound. False: out of memory. */
bool line_print(enum response_kind kind, struct slice name, const struct value *arguments, struct evbuffer *out)
    __attribute__((warn_unused_result));

#endif
