/* Dates as commands carry them. RFC 3501 section 9: date-text and date-time. */
#ifndef IMAPMUX_IMAP_DATE_H
#define IMAPMUX_IMAP_DATE_H

#include <stdbool.h>

#include "base/slice.h"

bool date_valid(struct slice text);      /* "1-Feb-1994": of SEARCH; the day may have one digit */
bool date_time_valid(struct slice text); /* "01-Feb-1994 23:59:60 +0100", or " 1-Feb-...": of APPEND */

#endif
