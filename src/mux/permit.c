/* Every reason to wait is a time; the latest of them counts. A back-off falls back only when a session has lived a
 * minute: a server that says OK and then BYE would see a login every 50 ms. */
#include "mux/permit_inside.h"

#include <inttypes.h>
#include <stdio.h>

#define HURRIED_PAUSE (2 * USEC_SECOND)
#define LIMIT_PAUSE                                                                                                    \
    (2 * USEC_SECOND)                  /* the second one after "too many sessions": the first try may have met our own \
                                          former session */
#define GROWN_UP           USEC_MINUTE /* a session that lives so long was not cut by another login */
#define FREED_AFTER        (USEC_SECOND / 10) /* a server counts a session for a moment after its end */
#define CUTS_ARE_KICKS     3
#define KEPT_FOR_OURSELVES 2

static const char *const state_names[] = {
#define STATE_NAME(name) [PERMIT_##name] = #name,
    PERMIT_STATES(STATE_NAME)
#undef STATE_NAME
};

const char *permit_state_name(enum permit_state state)
{
    return state_names[state];
}

void permit_init(struct permit *permit, const struct permit_options *options)
{
    struct server_limit limit;

    *permit = (struct permit){.options = *options,
                              .visitor = {.task = options->task},
                              .place = {.task = options->task},
                              .further = {.visitor = {.task = options->task}}};
    ghosts_init(&permit->ghosts, options->ground->ghost_keeper, options->key);
    limit = server_limit_of(options->server, options->name);
    permit->further.most = limit.sessions;
    permit->further.most_until = limit.until;
}

void permit_clear(struct permit *permit)
{
    if (!permit->options.server)
        return;
    server_stay_away(permit->options.server, &permit->visitor);
    server_stay_away(permit->options.server, &permit->further.visitor);
    server_has_place(permit->options.server, &permit->place);
}

static const struct manners *manners_of(const struct permit *permit)
{
    return &permit->options.settings->manners;
}

static struct bucket_measure measure(const struct permit *permit)
{
    const struct manners *manners = manners_of(permit);

    return (struct bucket_measure){.burst = manners->login_budget, .each = manners->login_interval};
}

/* --- may it? */

/* A pause that the server does not owe to us ends soon when a client comes. */
static bool may_hurry(const struct permit *permit)
{
    return !permit->kicked && permit->refusal != REFUSAL_THROTTLED && permit->refusal != REFUSAL_LIMIT;
}

/* A session of the same server has ended: perhaps it was the one too many. */
static void note_free_place(struct permit *permit, usec now)
{
    if (!permit->no_place || permit->place.waits)
        return;
    permit->no_place = false;
    if (permit->retry_at > now + FREED_AFTER)
        permit->retry_at = now + FREED_AFTER;
}

usec permit_open_at(struct permit *permit, bool hurries, usec now)
{
    usec own = bucket_open_at(&permit->logins, measure(permit), 1, now);

    note_free_place(permit, now);
    if (hurries && may_hurry(permit) && permit->retry_at > now + HURRIED_PAUSE)
        permit->retry_at = now + HURRIED_PAUSE;
    own = usec_later(own, permit->retry_at);
    if (own > now) {
        server_stay_away(permit->options.server, &permit->visitor);
        return own;
    }
    return server_visit_at(permit->options.server, manners_of(permit), &permit->visitor, hurries, now);
}

void permit_somebody_came(struct permit *permit, usec now)
{
    server_somebody_came(permit->options.server, now);
    if (permit->refusal == REFUSAL_LIMIT && !permit->kicked && permit->retry_at > now)
        permit->retry_at = now;
}

void permit_decline(struct permit *permit)
{
    server_leave_row(permit->options.server, &permit->visitor);
}

usec permit_check_at(const struct permit *permit, usec now)
{
    return usec_later(bucket_open_at(&permit->logins, measure(permit), KEPT_FOR_OURSELVES, now),
                      server_login_at(permit->options.server, manners_of(permit), now));
}

/* --- what happens */

const struct link_ends *permit_dialled(struct permit *permit, usec now)
{
    permit->connected = true;
    permit->kicked = permit->no_place = false;
    server_has_place(permit->options.server, &permit->place);
    server_visited(permit->options.server, manners_of(permit), &permit->visitor, now);
    return ghosts_dialled(&permit->ghosts);
}

void permit_logs_in(struct permit *permit, usec now)
{
    bucket_take(&permit->logins, measure(permit), now);
    server_spend_login(permit->options.server, manners_of(permit), now);
}

/* Without an address to connect from nothing is known of the server, which other accounts reach from theirs. */
void permit_note_server(struct permit *permit, struct server_visitor *visitor, const struct upstream_end *end, usec now)
{
    const struct permit_options *options = &permit->options;

    if (end->sourceless)
        server_stay_away(options->server, visitor);
    else if (end->reached)
        server_is_up(options->server, options->ground, visitor, options->settings->name, now);
    else
        server_is_down(options->server, options->ground, visitor, options->settings->name, end->reason, now);
}

void permit_ready(struct permit *permit, const struct link_ends *ends, usec now)
{
    permit->ready_at = now;
    permit->refusal = REFUSAL_NONE;
    permit->reason[0] = '\0';
    ghosts_ready(&permit->ghosts, ends);
    server_is_up(permit->options.server, permit->options.ground, &permit->visitor, permit->options.settings->name, now);
}

bool permit_note_ghost(struct permit *permit, const struct upstream_end *end)
{
    if (!ghosts_closed(&permit->ghosts, end))
        return false;
    log_line(permit->options.ground->log, LOG_INFO,
             "%s: the server may still count the session that was lost; connecting from its port",
             permit->options.name);
    return true;
}

/* True: once too often the server has ended a session within a minute. */
static bool is_kicked(struct permit *permit, const struct upstream_end *end, usec now)
{
    bool young = now - permit->ready_at < GROWN_UP;

    if (!end->was_ready)
        return false;
    permit->cut_young = young && end->by_server ? permit->cut_young + 1 : 0;
    if (permit->cut_young < CUTS_ARE_KICKS || manners_of(permit)->kick_pause == 0)
        return false;
    permit->cut_young = 0;
    return true;
}

static void leave_alone(struct permit *permit, usec now)
{
    usec pause = manners_of(permit)->kick_pause;

    permit->kicked = true;
    permit->retry_at = now + pause;
    log_line(permit->options.ground->log, LOG_WARNING,
             "%s: the server has ended %d sessions within a minute of their login: it seems to cut the oldest session "
             "when another program logs in; leaving it alone for %" PRId64 " s (kick_pause)",
             permit->options.name, CUTS_ARE_KICKS, pause / USEC_SECOND);
}

static usec pause_after(struct permit *permit, const struct upstream_end *end, bool hurries)
{
    usec pause;

    if (end->refusal == REFUSAL_LIMIT && permit->backoff.next > 0 && permit->backoff.next < LIMIT_PAUSE)
        permit->backoff.next = LIMIT_PAUSE;
    pause = backoff_pause(&permit->backoff, permit->options.ground->settings, hurries && may_hurry(permit),
                          &permit->options.ground->random);
    return usec_later(end->backoff, pause);
}

/* What the account waits for now, where that takes a while. */
static void log_wait(const struct permit *permit, usec now)
{
    static const char *const words[] = {
        [PERMIT_PAUSED] = "pausing after that end (reconnect_ceiling)",
        [PERMIT_SPENT] = "its logins are used up (login_budget, login_interval)",
    };
    usec until;
    enum permit_state state = permit_state(permit, now, &until);

    if (until - now >= USEC_SECOND && (state == PERMIT_PAUSED || state == PERMIT_SPENT))
        log_line(permit->options.ground->log, LOG_INFO, "%s: %s; next try in %" PRId64 " s", permit->options.name,
                 words[state], (until - now) / USEC_SECOND);
}

/* Courier closes the connection of one too many without a word. */
static void note_place(struct permit *permit, const struct upstream_end *end)
{
    if (end->was_ready) {
        server_place_is_free(permit->options.server);
    } else if (end->refusal == REFUSAL_LIMIT || (end->reached && end->refusal == REFUSAL_TEMPORARY)) {
        permit->no_place = true;
        server_await_place(permit->options.server, &permit->place);
    }
}

void permit_closed(struct permit *permit, const struct upstream_end *end, enum permit_check check, bool hurries,
                   usec now)
{
    bool failed = !end->was_ready || end->refusal != REFUSAL_NONE;
    bool revives = permit_note_ghost(permit, end);

    permit->connected = false;
    if (failed) {
        permit->refusal = end->refusal;
        snprintf(permit->reason, sizeof(permit->reason), "%s", end->reason);
    }
    if (check == PERMIT_CHECK_OVER || (end->was_ready && now - permit->ready_at >= GROWN_UP))
        backoff_reset(&permit->backoff);
    permit_note_server(permit, &permit->visitor, end, now);
    note_place(permit, end);
    if (is_kicked(permit, end, now))
        leave_alone(permit, now);
    else if ((!end->reached && !end->sourceless) || (check == PERMIT_CHECK_GOES_ON && end->was_ready))
        permit->retry_at = now; /* the server has a pause of its own */
    else if (revives)
        permit->retry_at = now + permit->options.ground->settings->reconnect_first;
    else
        permit->retry_at = now + pause_after(permit, end, hurries);
    log_wait(permit, now);
}

usec permit_matters_until(const struct permit *permit)
{
    usec budget = manners_of(permit)->login_budget > 0 ? permit->logins.full_at : 0;

    return may_hurry(permit) ? budget : usec_later(budget, permit->retry_at);
}

/* --- the state */

enum permit_state permit_state(const struct permit *permit, usec now, usec *until)
{
    const struct server *server = permit->options.server;
    usec budget = bucket_open_at(&permit->logins, measure(permit), 1, now);

    *until = usec_later(budget, permit->retry_at);
    if (permit->connected)
        return PERMIT_CONNECTED;
    if (permit->kicked && permit->retry_at > now)
        return PERMIT_KICKED;
    if (*until > now)
        return budget > permit->retry_at ? PERMIT_SPENT : PERMIT_PAUSED;
    *until = server->down && !server->prober ? server->probe_at : USEC_NEVER;
    if (server->down)
        return PERMIT_SERVER_DOWN;
    return permit->visitor.waits ? PERMIT_IN_ROW : PERMIT_OPEN;
}

void permit_explain(const struct permit *permit, usec now, char *text, size_t size)
{
    usec until, left;
    enum permit_state state = permit_state(permit, now, &until);
    const char *reason = permit->reason[0] ? permit->reason : "the last connection was lost";

    left = until == USEC_NEVER || until < now ? 0 : (until - now + USEC_SECOND - 1) / USEC_SECOND;
    switch (state) {
    case PERMIT_KICKED:
        snprintf(text, size,
                 "Another program uses the only session that the mail server permits for this account; next try in "
                 "%" PRId64 " s",
                 left);
        break;
    case PERMIT_SPENT:
        snprintf(text, size,
                 "The mail server is not asked to log in more often, because servers count logins; next try in %" PRId64
                 " s; the last answer was: %s",
                 left, reason);
        break;
    case PERMIT_SERVER_DOWN:
        snprintf(text, size, "The mail server cannot be reached: %s", permit->options.server->why_down);
        break;
    case PERMIT_IN_ROW:
        snprintf(text, size, "Many logins wait for the mail server, one after the other; please try again");
        break;
    case PERMIT_PAUSED:
    case PERMIT_OPEN:
    case PERMIT_CONNECTED:
        snprintf(text, size, "The mail server cannot be reached or is not accepting logins: %s", reason);
        break;
    }
}
