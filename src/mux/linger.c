/* See linger.h. */
#include "mux/linger.h"

void linger_note(struct linger *linger, bool wanted, usec now)
{
    if (wanted)
        linger->unwanted_since = USEC_NEVER;
    else if (linger->unwanted_since == USEC_NEVER)
        linger->unwanted_since = now;
}

bool linger_is_over(const struct linger *linger, const struct settings *settings, usec now, usec *deadline)
{
    usec until;

    if (linger->unwanted_since == USEC_NEVER)
        return false;
    until = linger->unwanted_since + settings->linger;
    if (now < until && until < *deadline)
        *deadline = until;
    return now >= until;
}
