/* A bucket that refusals fill and time empties. Trials under way count as refusals until they have ended, so that
 * parallel trials have the same limit as successive ones. */
#include "mux/server.h"

#include <strings.h>

#include <utlist.h>

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

void server_await(struct server *server, struct server_waiter *waiter)
{
    if (waiter->waits)
        return;
    waiter->waits = true;
    DL_APPEND(server->waiters, waiter);
}

void server_leave(struct server *server, struct server_waiter *waiter)
{
    if (!waiter->waits)
        return;
    waiter->waits = false;
    DL_DELETE(server->waiters, waiter);
}

/* Wakes all waiters: the first ones find a place, and the others wait again. */
static void wake_waiters(struct server *server)
{
    while (server->waiters) {
        struct server_waiter *waiter = server->waiters;
        server_leave(server, waiter);
        task_wake(waiter->task);
    }
}

void server_release(struct server *server, const struct settings *settings, bool refused, usec now)
{
    server->reserved--;
    wake_waiters(server);
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
