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

static void forget(struct ghosts *ghosts, const struct link_ends *ends)
{
    for (size_t i = 0; i < ghosts->count; i++) {
        if (memcmp(&ghosts->list[i], ends, sizeof(*ends)) == 0) {
            remove_at(ghosts, i);
            return;
        }
    }
}

static void add(struct ghosts *ghosts, const struct link_ends *ends)
{
    forget(ghosts, ends);
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
    ghosts->revived = ghosts->revives && ghosts->count > 0 ? ghosts->list[0] : (struct link_ends){0};
    ghosts->revives = false;
    return ghosts->revived.length > 0 ? &ghosts->revived : NULL;
}

/* Does the present connection stand between the ends of a ghost? Its port may have been in use, so that another one was
 * taken. */
static bool is_revived(const struct ghosts *ghosts, const struct link_ends *ends)
{
    return ghosts->revived.length > 0 && (!ends || memcmp(&ghosts->revived, ends, sizeof(*ends)) == 0);
}

static void bury(struct ghosts *ghosts)
{
    tell_over(ghosts, &ghosts->revived);
    forget(ghosts, &ghosts->revived);
}

void ghosts_ready(struct ghosts *ghosts, const struct link_ends *ends)
{
    bool fresh = !is_revived(ghosts, ends);

    if (!fresh)
        bury(ghosts);
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
    bool fresh = ghosts->revived.length == 0;

    if (end->reached && is_revived(ghosts, end->ends))
        bury(ghosts); /* the two kernels have ended it */
    if (end->ghost) {
        add(ghosts, end->ends);
        tell_lost(ghosts, end->ends);
    } else if (end->was_ready && end->ends) {
        tell_over(ghosts, end->ends);
    }
    ghosts->revives = !end->ghost && fresh && lacks_place(end) && ghosts->count > 0;
    return ghosts->revives;
}
