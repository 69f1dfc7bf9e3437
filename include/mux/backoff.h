/* The pauses before reconnects: from reconnect_first on doubled each time, jittered by half to one and a half, at most
 * reconnect_ceiling. */
#ifndef IMAPMUX_MUX_BACKOFF_H
#define IMAPMUX_MUX_BACKOFF_H

#include <stdbool.h>

#include "base/random.h"
#include "base/runqueue.h"
#include "mux/settings.h"

/* Zero-initialised: nothing has failed. Written by its own functions only. */
struct backoff {
    usec next; /* the next pause before jitter; 0: reconnect_first */
};

/* Something has worked: the next pause is reconnect_first again. */
void backoff_reset(struct backoff *backoff);
/* somebody_waits: then it is two seconds at most. */
usec backoff_pause(struct backoff *backoff, const struct settings *settings, bool somebody_waits,
                   struct random *random);

#endif
