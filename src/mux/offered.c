/* See offered.h. */
#include "mux/offered.h"

bool offered_take(struct capability_set *kept, const struct capability_set *now, struct log *log, const char *name)
{
    for (size_t i = 0; kept->known && i < CAPABILITY_COUNT; i++) {
        if (now->has[i] != kept->has[i])
            log_line(log, LOG_WARNING, "%s: the server %s %s", name, now->has[i] ? "now has" : "no longer has",
                     capability_name((enum capability)i));
    }
    return capability_set_copy(now, kept);
}
