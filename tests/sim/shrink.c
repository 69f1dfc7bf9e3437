/* Making a failing run shorter: rounds, clients, writers, faults and liberties are left out one by one, then the acts
 * of the clients that are left in halves, quarters and so on, as long as the same check fails. */
#include <string.h>
#include <time.h>

#include "sim/run.h"

struct shrinking {
    uint64_t seed;
    struct cuts *cuts;
    const char *check;
    time_t until;
};

/* Does it fail without this, too? Then it stays out. */
static bool try_without(const struct shrinking *shrinking, struct cut cut)
{
    struct run_result result;

    if (time(NULL) >= shrinking->until)
        return false;
    cuts_add(shrinking->cuts, cut);
    run_seed(shrinking->seed, shrinking->cuts, NULL, &result);
    if (result.failed && strcmp(result.check, shrinking->check) == 0)
        return true;
    shrinking->cuts->count--;
    return false;
}

static void each(const struct shrinking *shrinking, enum cut_kind kind, unsigned count)
{
    for (unsigned i = count; i-- > 0;) {
        bool by_actor = kind == CUT_CLIENT || kind == CUT_WRITER;
        (void)try_without(shrinking, by_actor ? (struct cut){kind, i, 0, 0} : (struct cut){kind, 0, i, i});
    }
}

static void acts(const struct shrinking *shrinking, enum cut_kind kind, unsigned actor, unsigned count)
{
    for (unsigned size = (count + 1) / 2; size > 0; size = size > 1 ? (size + 1) / 2 : 0) {
        for (unsigned from = 0; from < count; from += size) {
            struct cut cut = {kind, actor, from, from + size - 1};
            bool out = true;
            for (unsigned i = cut.from; i <= cut.to; i++)
                out = out && cuts_hold(shrinking->cuts, kind, actor, i);
            if (!out)
                (void)try_without(shrinking, cut);
        }
    }
}

void shrink(uint64_t seed, struct cuts *cuts, const struct run_result *failure, unsigned seconds)
{
    struct shrinking shrinking = {seed, cuts, failure->check, time(NULL) + seconds};
    unsigned liberties = sizeof(struct liberties) / sizeof(unsigned);

    each(&shrinking, CUT_ROUND, failure->rounds);
    each(&shrinking, CUT_CLIENT, failure->clients);
    each(&shrinking, CUT_WRITER, failure->writers);
    each(&shrinking, CUT_FAULT, failure->fault_count);
    each(&shrinking, CUT_LIBERTY, liberties);
    for (unsigned i = 0; i < failure->clients; i++) {
        if (!cuts_hold(cuts, CUT_CLIENT, i, 0))
            acts(&shrinking, CUT_ACT, i, failure->acts);
    }
    for (unsigned i = 0; i < failure->writers; i++) {
        if (!cuts_hold(cuts, CUT_WRITER, i, 0))
            acts(&shrinking, CUT_WRITER_ACT, i, 300);
    }
}
