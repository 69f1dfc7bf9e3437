/* The ids of mailboxes, messages and threads. RFC 8474 section 7. */
#ifndef IMAPMUX_IMAP_OBJECT_ID_H
#define IMAPMUX_IMAP_OBJECT_ID_H

#include <stdbool.h>

#include "base/slice.h"
#include "imap/value.h"

#define OBJECT_ID_MAX 255 /* octets */

/* 1 to OBJECT_ID_MAX letters, digits, _ and -. */
bool object_id_valid(struct slice text);
/* As answers carry it: "(M6d99ac3275bb4e)". */
bool object_id_is_told(const struct value *value);

#endif
