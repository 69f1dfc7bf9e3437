/* See the header; never a pause of nothing, or imapmux would connect without end to a server that refuses at once. */
#include "mux/backoff.h"

#define WHILE_SOMEBODY_WAITS (2 * USEC_SECOND)

void backoff_reset(struct backoff *backoff)
{
    backoff->next = 0;
}

usec backoff_pause(struct backoff *backoff, const struct settings *settings, bool somebody_waits, struct random *random)
{
    usec first = settings->reconnect_first > 0 ? settings->reconnect_first : 1;
    usec ceiling = settings->reconnect_ceiling;
    usec pause = backoff->next > 0 ? backoff->next : first;

    if (somebody_waits && ceiling > WHILE_SOMEBODY_WAITS)
        ceiling = WHILE_SOMEBODY_WAITS;
    if (pause > ceiling)
        pause = ceiling;
    backoff->next = pause * 2;
    return pause / 2 + (usec)random_below(random, (uint64_t)pause);
}
