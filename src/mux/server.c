/* The row of those who want to connect, and a bucket that refusals fill and time empties. Trials under way count as
 * refusals until they have ended, so that parallel trials have the same limit as successive ones. */
#include "mux/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include <utlist.h>

#define HURRIED_PROBE   (2 * USEC_SECOND)
#define PROBE_PAUSE_MAX (15 * USEC_SECOND)

/* --- connections */

/* Evenly: in no second more than the pace. */
static struct bucket_measure pace_of(const struct manners *manners)
{
    uint64_t pace = manners->login_pace;

    return (struct bucket_measure){.burst = pace ? 1 : 0, .each = pace ? USEC_SECOND / (usec)pace : 1};
}

static struct bucket_measure logins_of(const struct manners *manners)
{
    uint64_t budget = manners->server_login_budget;

    return (struct bucket_measure){.burst = budget, .each = budget ? USEC_MINUTE / (usec)budget : 1};
}

static void wake_first(const struct server *server)
{
    if (server->row)
        task_wake(server->row->task);
}

static void leave_row(struct server *server, struct server_visitor *visitor)
{
    bool was_first = server->row == visitor;

    if (!visitor->waits)
        return;
    visitor->waits = false;
    DL_DELETE(server->row, visitor);
    server->row_length--;
    if (was_first)
        wake_first(server);
}

/* Behind the last who hurries, or at the end. */
static void join_row(struct server *server, struct server_visitor *visitor)
{
    struct server_visitor *other = server->row;

    while (visitor->hurries && other && other->hurries)
        other = other->next;
    if (visitor->hurries && other)
        DL_PREPEND_ELEM(server->row, other, visitor);
    else
        DL_APPEND(server->row, visitor);
    visitor->waits = true;
    server->row_length++;
}

usec server_visit_at(struct server *server, const struct manners *manners, struct server_visitor *visitor, bool hurries,
                     usec now)
{
    usec at = usec_later(bucket_open_at(&server->pace, pace_of(manners), 1, now),
                         bucket_open_at(&server->logins, logins_of(manners), 1, now));

    if (visitor->waits && visitor->hurries != hurries)
        leave_row(server, visitor);
    visitor->hurries = hurries;
    if (!visitor->waits)
        join_row(server, visitor);
    if (server->row != visitor || (server->down && server->prober))
        return USEC_NEVER;
    if (hurries && server->probe_at > now + HURRIED_PROBE)
        server->probe_at = now + HURRIED_PROBE;
    return server->down ? usec_later(at, server->probe_at) : at;
}

void server_visited(struct server *server, const struct manners *manners, struct server_visitor *visitor, usec now)
{
    bucket_take(&server->pace, pace_of(manners), now);
    if (server->down)
        server->prober = visitor;
    leave_row(server, visitor);
}

void server_somebody_came(struct server *server, usec now)
{
    if (server->probe_at > now)
        server->probe_at = now;
}

static void end_probe(struct server *server, const struct server_visitor *visitor)
{
    if (server->prober != visitor)
        return;
    server->prober = NULL;
    wake_first(server);
}

void server_leave_row(struct server *server, struct server_visitor *visitor)
{
    leave_row(server, visitor);
}

void server_stay_away(struct server *server, struct server_visitor *visitor)
{
    leave_row(server, visitor);
    end_probe(server, visitor);
}

void server_is_up(struct server *server, struct ground *ground, struct server_visitor *visitor, const char *name,
                  usec now)
{
    end_probe(server, visitor);
    if (!server->down)
        return;
    log_line(ground->log, LOG_INFO, "%s: reached again after %" PRId64 " s; %zu more accounts connect now", name,
             (now - server->down_since) / USEC_SECOND, server->row_length);
    server->down = false;
    server->why_down[0] = '\0';
    backoff_reset(&server->backoff);
    wake_first(server);
}

/* A try costs the server no login, and one account makes it for all: news need not wait for long after an outage, at
 * most a tenth of what that has taken. */
static usec probe_pause(struct server *server, struct ground *ground, bool somebody_waits, usec now)
{
    usec pause = backoff_pause(&server->backoff, ground->settings, somebody_waits, &ground->random);
    usec most = usec_later((now - server->down_since) / 10, HURRIED_PROBE);

    if (most > PROBE_PAUSE_MAX)
        most = PROBE_PAUSE_MAX;
    return pause < most ? pause : most;
}

void server_is_down(struct server *server, struct ground *ground, struct server_visitor *visitor, const char *name,
                    const char *why, usec now)
{
    bool somebody_waits = visitor->hurries || (server->row && server->row->hurries);

    if (!server->down) {
        server->down = true;
        server->down_since = now;
        log_line(ground->log, LOG_WARNING, "%s: cannot be reached: %s; one account tries it, the others wait", name,
                 why);
    }
    snprintf(server->why_down, sizeof(server->why_down), "%s", why);
    if (!server->prober || server->prober == visitor)
        server->probe_at = now + probe_pause(server, ground, somebody_waits, now);
    end_probe(server, visitor);
}

void server_spend_login(struct server *server, const struct manners *manners, usec now)
{
    bucket_take(&server->logins, logins_of(manners), now);
}

usec server_login_at(const struct server *server, const struct manners *manners, usec now)
{
    return bucket_open_at(&server->logins, logins_of(manners), 1, now);
}

/* --- unknown credentials */

static usec unit(const struct settings *settings)
{
    return USEC_MINUTE / (usec)settings->login_failures_per_minute;
}

usec server_open_at(const struct server *server, const struct settings *settings, bool stranger, usec now)
{
    usec room = stranger ? USEC_MINUTE / 2 : USEC_MINUTE, one = unit(settings);
    usec reserved = (usec)server->reserved * one;
    usec filled = server->filled_until > now ? server->filled_until - now : 0;

    if (one > room)
        room = one; /* one a minute may always be tried */
    if (filled + reserved + one <= room)
        return now;
    if (reserved + one > room)
        return USEC_NEVER;
    return now + filled + reserved + one - room;
}

void server_reserve(struct server *server)
{
    server->reserved++;
}

static void await(struct server_waiter **list, struct server_waiter *waiter)
{
    if (waiter->waits)
        return;
    waiter->waits = true;
    DL_APPEND(*list, waiter);
}

static void leave(struct server_waiter **list, struct server_waiter *waiter)
{
    if (!waiter->waits)
        return;
    waiter->waits = false;
    DL_DELETE(*list, waiter);
}

/* Wakes all of them: the first ones find what they wait for, and the others wait again. */
static void wake_all(struct server_waiter **list)
{
    while (*list) {
        struct server_waiter *waiter = *list;
        leave(list, waiter);
        task_wake(waiter->task);
    }
}

void server_await(struct server *server, struct server_waiter *waiter)
{
    await(&server->waiters, waiter);
}

void server_leave(struct server *server, struct server_waiter *waiter)
{
    leave(&server->waiters, waiter);
}

void server_await_place(struct server *server, struct server_waiter *waiter)
{
    await(&server->no_place, waiter);
}

void server_has_place(struct server *server, struct server_waiter *waiter)
{
    leave(&server->no_place, waiter);
}

void server_place_is_free(struct server *server)
{
    wake_all(&server->no_place);
}

/* FNV-1a; never 0. */
static uint64_t hash_of(const char *name)
{
    uint64_t hash = 14695981039346656037U;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211U;
    return hash | 1;
}

void server_note_limit(struct server *server, const char *account, unsigned sessions, usec until)
{
    uint64_t hash = hash_of(account);
    struct server_limit *limit = NULL;

    for (size_t i = 0; i < SERVER_LIMITS && !limit; i++) {
        if (server->limits[i].account == hash)
            limit = &server->limits[i];
    }
    if (!limit)
        limit = &server->limits[server->next_limit++ % SERVER_LIMITS];
    *limit = (struct server_limit){hash, sessions, until};
}

struct server_limit server_limit_of(const struct server *server, const char *account)
{
    uint64_t hash = hash_of(account);

    for (size_t i = 0; i < SERVER_LIMITS; i++) {
        if (server->limits[i].account == hash)
            return server->limits[i];
    }
    return (struct server_limit){0};
}

void server_release(struct server *server, const struct settings *settings, bool refused, usec now)
{
    server->reserved--;
    wake_all(&server->waiters);
    if (!refused)
        return;
    if (server->filled_until < now)
        server->filled_until = now;
    server->filled_until += unit(settings);
}

void server_note_capabilities(struct server *server, const struct capability_set *before_login)
{
    server->takes_xoauth2 = before_login->has[CAPABILITY_AUTH_XOAUTH2];
    server->takes_oauthbearer = before_login->has[CAPABILITY_AUTH_OAUTHBEARER];
}

bool server_checks_names(const struct upstream_settings *settings)
{
    static const char *const hosts[] = {"imap.gmail.com", "outlook.office365.com", "outlook.office.com",
                                        "imap-mail.outlook.com"};

    for (size_t i = 0; settings->host && i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (strcasecmp(settings->host, hosts[i]) == 0)
            return true;
    }
    return settings->tokens == UPSTREAM_TOKENS_CHECKED;
}
