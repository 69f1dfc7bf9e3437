/* What the server of an account offered after the last login: kept for clients that come while it is away. */
#ifndef IMAPMUX_MUX_OFFERED_H
#define IMAPMUX_MUX_OFFERED_H

#include <stdbool.h>

#include "base/log.h"
#include "imap/capability.h"

/* Copies `now` over what is kept, and logs under the account's name what has come or gone since. Clients keep the list
 * that they were told. False: out of memory. */
bool offered_take(struct capability_set *kept, const struct capability_set *now, struct log *log, const char *name)
    __attribute__((warn_unused_result));

#endif
