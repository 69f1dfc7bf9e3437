/* How long nobody has wanted an account's session: it is kept for `linger` after the last client. */
#ifndef IMAPMUX_MUX_LINGER_H
#define IMAPMUX_MUX_LINGER_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "mux/settings.h"

struct linger {
    usec unwanted_since; /* nobody is a member or wants to be; USEC_NEVER: somebody is */
};

/* Is it wanted now? Called in every step; the first of a row of false ones sets the time. */
void linger_note(struct linger *linger, bool wanted, usec now);
/* *deadline becomes the time from which it is over, if that is earlier. */
bool linger_is_over(const struct linger *linger, const struct settings *settings, usec now, usec *deadline);

#endif
