/* A short list, and what each end of a connection means for it. A ghost leaves it when a session has got in, or when a
 * connection between its ends was refused all the same. It must never be tried before a fresh port was refused: another
 * session of the account may be alive there. */
#include "mux/ghosts.h"

#include <string.h>

static void tell_stands(const struct ghosts *ghosts, const struct link_ends *ends)
{
    if (ghosts->keeper)
        ghosts->keeper->ops->stands(ghosts->keeper->context, ghosts->account, ends);
}

static void tell_lost(const struct ghosts *ghosts, const struct link_ends *ends)
{
    if (ghosts->keeper)
        ghosts->keeper->ops->lost(ghosts->keeper->context, ghosts->account, ends);
}

static void tell_over(const struct ghosts *ghosts, const struct link_ends *ends)
{
    if (ghosts->keeper)
        ghosts->keeper->ops->over(ghosts->keeper->context, ghosts->account, ends);
}

void ghosts_init(struct ghosts *ghosts, const struct ghost_keeper *keeper, struct slice account)
{
    *ghosts = (struct ghosts){.keeper = keeper, .account = account};
    if (keeper)
        ghosts->count = keeper->ops->find(keeper->context, account, ghosts->list, GHOSTS_MAX);
}

static void remove_at(struct ghosts *ghosts, size_t at)
{
    ghosts->count--;
    memmove(&ghosts->list[at], &ghosts->list[at + 1], (ghosts->count - at) * sizeof(ghosts->list[0]));
}

/* True: there was one between these ends. */
static bool forget(struct ghosts *ghosts, const struct link_ends *ends)
{
    for (size_t i = 0; i < ghosts->count; i++) {
        if (memcmp(&ghosts->list[i], ends, sizeof(*ends)) == 0) {
            remove_at(ghosts, i);
            return true;
        }
    }
    return false;
}

static void add(struct ghosts *ghosts, const struct link_ends *ends)
{
    (void)forget(ghosts, ends);
    if (ghosts->count == GHOSTS_MAX) {
        tell_over(ghosts, &ghosts->list[GHOSTS_MAX - 1]);
        ghosts->count--;
    }
    memmove(&ghosts->list[1], &ghosts->list[0], ghosts->count * sizeof(ghosts->list[0]));
    ghosts->list[0] = *ends;
    ghosts->count++;
}

const struct link_ends *ghosts_dialled(struct ghosts *ghosts)
{
    bool revives = ghosts->revives && ghosts->count > 0;

    ghosts->revives = false;
    return revives ? &ghosts->list[0] : NULL;
}

/* True: another connection has stood between the ends of a ghost, so that the two kernels have ended it. */
static bool bury(struct ghosts *ghosts, const struct link_ends *ends)
{
    if (!ends || !forget(ghosts, ends))
        return false;
    tell_over(ghosts, ends);
    return true;
}

void ghosts_ready(struct ghosts *ghosts, const struct link_ends *ends)
{
    bool fresh = !bury(ghosts, ends);

    while (fresh && !ghosts->several && ghosts->count > 0) { /* there was a place */
        tell_over(ghosts, &ghosts->list[ghosts->count - 1]);
        ghosts->count--;
    }
    if (ends)
        tell_stands(ghosts, ends);
}

static bool lacks_place(const struct upstream_end *end)
{
    return end->reached && (end->refusal == REFUSAL_LIMIT || (end->refusal == REFUSAL_TEMPORARY && !end->was_ready));
}

bool ghosts_closed(struct ghosts *ghosts, const struct upstream_end *end)
{
    if (end->reached)
        (void)bury(ghosts, end->ends);
    if (end->ghost) {
        add(ghosts, end->ends);
        tell_lost(ghosts, end->ends);
    } else if (end->was_ready && end->ends) {
        tell_over(ghosts, end->ends);
    }
    /* From the ghost's port it was tried already, or that port was in use. */
    ghosts->revives = !end->ghost && !end->between && lacks_place(end) && ghosts->count > 0;
    return ghosts->revives;
}
