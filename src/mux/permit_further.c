/* Sessions beside the first. The server's word counts: one that is refused is not asked for again for a day, and the
 * account goes on with those that it has. What says nothing about the number of sessions is a pause. */
#include <inttypes.h>

#include "mux/permit_inside.h"

#define KEPT_FOR_THE_FIRST  2 /* of the login budget: one for the further session, and one for a reconnect */
#define BELIEVED_FOR        (24 * USEC_HOUR)
#define CUT_FOR_ANOTHER     (10 * USEC_SECOND) /* a session that ends so soon after another's login was cut for it */
#define LIVED               USEC_MINUTE
#define SILENCES_MEAN_LIMIT 2
#define CUTS_MEAN_LIMIT     2 /* one may be the line's, or the server's restart */

unsigned permit_sessions(const struct permit *permit, unsigned permitted, usec now)
{
    const struct permit_further *further = &permit->further;

    return now < further->most_until && further->most < permitted ? further->most : permitted;
}

void permit_note_sessions(struct permit *permit, unsigned permitted)
{
    permit->ghosts.several = permitted > 1;
}

usec permit_further_at(struct permit *permit, usec now)
{
    const struct manners *manners = &permit->options.settings->manners;
    struct bucket_measure measure = {.burst = manners->login_budget, .each = manners->login_interval};
    struct permit_further *further = &permit->further;
    usec at = bucket_open_at(&permit->logins, measure, KEPT_FOR_THE_FIRST, now);

    at = usec_later(at, further->retry_at);
    if (at > now) {
        permit_further_declined(permit);
        return at;
    }
    return server_visit_at(permit->options.server, manners, &further->visitor, false, now);
}

void permit_further_declined(struct permit *permit)
{
    server_leave_row(permit->options.server, &permit->further.visitor);
}

const struct link_ends *permit_further_dialled(struct permit *permit, usec now)
{
    server_visited(permit->options.server, &permit->options.settings->manners, &permit->further.visitor, now);
    return ghosts_dialled(&permit->ghosts);
}

void permit_further_ready(struct permit *permit, const struct link_ends *ends, usec now)
{
    const struct permit_options *options = &permit->options;

    permit->further.ready_at = now;
    permit->further.silent = 0;
    ghosts_ready(&permit->ghosts, ends);
    server_is_up(options->server, options->ground, &permit->further.visitor, options->settings->name, now);
}

/* The oldest goes where a new one comes. */
static bool cut_for_another(struct permit_further *further, const struct upstream_end *end, usec now)
{
    usec lived = now - further->ready_at;

    if (further->ready_at == 0)
        return false;
    if (end->by_server && lived < CUT_FOR_ANOTHER)
        further->cuts++;
    else if (lived >= LIVED)
        further->cuts = 0;
    return further->cuts >= CUTS_MEAN_LIMIT;
}

/* Does this end say how many sessions the server permits? Not while it may count one that is dead. */
static bool tells_the_limit(struct permit *permit, const struct upstream_end *end, usec now)
{
    struct permit_further *further = &permit->further;

    if (end->was_ready)
        return cut_for_another(further, end, now);
    if (end->refusal == REFUSAL_LIMIT)
        return permit->ghosts.count == 0;
    further->silent = end->reached && end->refusal == REFUSAL_TEMPORARY ? further->silent + 1 : 0;
    return further->silent >= SILENCES_MEAN_LIMIT && permit->ghosts.count == 0;
}

static void learn(struct permit *permit, unsigned others, usec now)
{
    struct permit_further *further = &permit->further;

    further->most = others;
    further->most_until = now + BELIEVED_FOR;
    further->silent = further->cuts = 0;
    server_note_limit(permit->options.server, permit->options.name, others, further->most_until);
    log_line(permit->options.ground->log, LOG_WARNING,
             "%s: the server permits no session beside the %u that there are; no more for %" PRId64
             " hours (max_sessions)",
             permit->options.name, others, BELIEVED_FOR / USEC_HOUR);
}

static usec pause_after(struct permit *permit, const struct upstream_end *end)
{
    const struct settings *settings = permit->options.ground->settings;
    usec pause = backoff_pause(&permit->further.backoff, settings, false, &permit->options.ground->random);

    if (!end->was_ready && end->reached) /* whatever it was, nobody waits for it */
        pause = settings->reconnect_ceiling;
    return usec_later(end->backoff, pause);
}

void permit_further_closed(struct permit *permit, const struct upstream_end *end, unsigned others, usec now)
{
    const struct permit_options *options = &permit->options;
    struct permit_further *further = &permit->further;
    bool revives = permit_note_ghost(permit, end);

    if (end->was_ready)
        server_place_is_free(options->server);
    permit_note_server(permit, &further->visitor, end, now);
    if (end->was_ready && now - further->ready_at >= LIVED)
        backoff_reset(&further->backoff);
    if (others > 0 && !revives && tells_the_limit(permit, end, now))
        learn(permit, others, now);
    if (revives)
        further->retry_at = now + options->ground->settings->reconnect_first;
    else if (!end->was_ready || end->by_server || end->ghost)
        further->retry_at = now + pause_after(permit, end);
}
