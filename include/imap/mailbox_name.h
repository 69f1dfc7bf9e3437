/* Mailbox names as bytes (modified UTF-7 stays as it is). RFC 3501 section 5.1. */
#ifndef IMAPMUX_IMAP_MAILBOX_NAME_H
#define IMAPMUX_IMAP_MAILBOX_NAME_H

#include <stdbool.h>

#include "base/slice.h"

#define MAILBOX_NAME_MAX        1000      /* octets */
#define MAILBOX_NAME_SEPARATORS "/.\\^|:" /* those that servers use */

/* INBOX in any case becomes "INBOX" (static); others come back as they are. */
struct slice mailbox_name_canonical(struct slice name);
/* False: empty, longer than MAILBOX_NAME_MAX, or with CR, LF, NUL. *error is then a constant text. */
bool mailbox_name_valid(struct slice name, const char **error) __attribute__((warn_unused_result));
/* The name in UTF-8, of at most MAILBOX_NAME_UTF8 times its octets: written into `room`. False: it is not in modified
 * UTF-7 (RFC 3501 section 5.1.3). */
#define MAILBOX_NAME_UTF8 2
bool mailbox_name_to_utf8(struct slice name, char *room, size_t *length) __attribute__((warn_unused_result));
/* Is `name` below `parent` in the hierarchy with this separator (0: flat, never)? Not true for equal names. */
bool mailbox_name_is_inferior(struct slice name, struct slice parent, char separator);

#endif
