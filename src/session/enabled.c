/* See enabled.h. */
#include "session/enabled.h"

bool enabled_switch_on(struct enabled *enabled, struct slice name)
{
    if (slice_equal_nocase(name, SLICE("QRESYNC")))
        enabled->qresync = true;
    else if (!slice_equal_nocase(name, SLICE("CONDSTORE")))
        return false;
    enabled->condstore = true;
    return true;
}
