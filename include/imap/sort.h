/* The criteria of SORT: "(REVERSE DATE SUBJECT)". RFC 5256 section 3, RFC 5957 section 3. */
#ifndef IMAPMUX_IMAP_SORT_H
#define IMAPMUX_IMAP_SORT_H

#include <stdbool.h>

#include "imap/outgoing.h"
#include "imap/search_return.h"
#include "imap/value.h"

/* Is it a list of sort keys? permit->key is asked about each. False: *error is a constant text. */
bool sort_check(const struct value *list, const struct search_permit *permit, const char **error)
    __attribute__((warn_unused_result));
/* Writes a list that sort_check has let pass, parentheses included. */
void sort_print_upstream(const struct value *list, struct outgoing *out);

#endif
