/* What the client of a server's session has been told of the selected mailbox, and when it is told more. EXPUNGE never
 * comes while no command is in progress; NOOP tells everything; everything else is a liberty. RFC 3501 section 5.2,
 * 7.4.1, RFC 7162 section 3.2. */
#include <string.h>

#include "sim/server.h"

static void add_seen(struct server *server, struct message *message)
{
    struct seen *seen;

    if (server->seen_count == server->seen_capacity) {
        unsigned capacity = server->seen_capacity ? server->seen_capacity * 2 : 64;
        server->seen = memory_grow(&server->sim->memory, server->seen, server->seen_count * sizeof(*server->seen),
                                   capacity * sizeof(*server->seen));
        server->seen_capacity = capacity;
    }
    seen = &server->seen[server->seen_count++];
    *seen = (struct seen){.message = message, .told = message->modseq, .recent = message->recent};
    message->recent_lost |= server->selection == 0 && !server->read_only;
    if (!server->read_only)
        message->recent = false;
}

void seat_take(struct server *server, struct box *box, bool read_only)
{
    server->box = box;
    server->selection = ++server->sim->selections;
    server->read_only = read_only;
    server->seen_count = 0;
    for (size_t i = 0; i < box->all_count; i++) {
        if (!box->all[i]->dead)
            add_seen(server, box->all[i]);
    }
    server->told_recent = seat_recent(server);
}

void seat_leave(struct server *server)
{
    server->box = NULL;
    server->selection = 0;
    server->seen_count = 0;
}

void seat_looked(const struct server *server, struct box *box)
{
    box->looked_at = sim_now(server->sim);
}

unsigned seat_recent(const struct server *server)
{
    unsigned count = 0;

    for (unsigned i = 0; i < server->seen_count; i++)
        count += server->seen[i].recent;
    return count;
}

unsigned seat_number(const struct server *server, const struct message *message)
{
    unsigned low = 0, high = server->seen_count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (server->seen[middle].message->uid < message->uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < server->seen_count && server->seen[low].message == message ? low + 1 : 0;
}

void seat_flags_learnt(const struct server *server, struct message *message)
{
    struct learnt *learnt = &message->learnt;

    if (learnt->selection == server->selection && learnt->changes == message->changes)
        return;
    *learnt = (struct learnt){server->selection, message->changes, sim_now(server->sim)};
}

void seat_tell_flags(struct server *server, unsigned index, bool with_uid)
{
    struct seen *seen = &server->seen[index];
    struct message *message = seen->message;
    const char *flags = flags_print(server->box->user, message->flags, seen->recent);

    server_write(server, "* %u FETCH (", index + 1);
    if (with_uid && server_liberty(server, 50)) {
        server_write(server, "UID %u ", message->uid);
        with_uid = false;
    }
    if (server->condstore && server_liberty(server, 50))
        server_write(server, "MODSEQ (%llu) FLAGS %s", (unsigned long long)message->modseq, flags);
    else if (server->condstore)
        server_write(server, "FLAGS %s MODSEQ (%llu)", flags, (unsigned long long)message->modseq);
    else
        server_write(server, "FLAGS %s", flags);
    if (with_uid)
        server_write(server, " UID %u", message->uid);
    server_write(server, ")\r\n");
    seen->told = message->modseq;
}

static bool names(struct server *server)
{
    return server->qresync || !server_liberty(server, server->sim->plan.liberties.nameless);
}

/* Several in one line, with ranges where nobody living stands between. */
static void tell_vanished(struct server *server)
{
    bool any = false;

    for (unsigned i = 0; i < server->seen_count; i++) {
        unsigned first = i;
        if (!server->seen[i].message->dead)
            continue;
        while (i + 1 < server->seen_count && server->seen[i + 1].message->dead)
            i++;
        server_write(server, "%s%u", any ? "," : "* VANISHED ", server->seen[first].message->uid);
        if (i > first)
            server_write(server, ":%u", server->seen[i].message->uid);
        any = true;
    }
    if (any)
        server_write(server, "\r\n");
}

static void forget_dead(struct server *server)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < server->seen_count; i++) {
        if (server->seen[i].message->dead)
            server->seen[i].message->gone_told_at = sim_now(server->sim);
        else
            server->seen[kept++] = server->seen[i];
    }
    server->seen_count = kept;
}

void seat_tell_expunge(struct server *server, unsigned index)
{
    struct message *message = server->seen[index].message;

    message->gone_told_at = sim_now(server->sim);
    if (server->qresync)
        server_write(server, "* VANISHED %u\r\n", message->uid);
    else
        server_write(server, "* %u EXPUNGE\r\n", index + 1);
    memmove(server->seen + index, server->seen + index + 1, (server->seen_count - index - 1) * sizeof(*server->seen));
    server->seen_count--;
}

/* From the front or from the back. */
static void tell_expunges(struct server *server, unsigned percent)
{
    bool backwards = server_liberty(server, 50);

    if (server->qresync && percent == 100 && backwards) {
        tell_vanished(server);
        forget_dead(server);
        return;
    }
    for (unsigned i = server->seen_count; backwards && i-- > 0;) {
        if (server->seen[i].message->dead && server_liberty(server, percent))
            seat_tell_expunge(server, i);
    }
    for (unsigned i = 0; !backwards && i < server->seen_count; i++) {
        if (server->seen[i].message->dead && server_liberty(server, percent))
            seat_tell_expunge(server, i--);
    }
}

static void tell_recent(struct server *server)
{
    server->told_recent = seat_recent(server);
    server_write(server, "* %u RECENT\r\n", server->told_recent);
}

static void tell_arrivals(struct server *server)
{
    const struct box *box = server->box;
    uint32_t last = server->seen_count ? server->seen[server->seen_count - 1].message->uid : 0;
    unsigned before = server->seen_count, recent = server->told_recent;
    size_t i = box->all_count;

    while (i > 0 && box->all[i - 1]->uid > last)
        i--;
    for (; i < box->all_count; i++) {
        if (!box->all[i]->dead)
            add_seen(server, box->all[i]);
    }
    if (server->seen_count == before)
        return;
    server_write(server, "* %u EXISTS\r\n", server->seen_count);
    if (seat_recent(server) != recent)
        tell_recent(server);
    for (unsigned n = before; n < server->seen_count; n++) {
        if (server_liberty(server, server->sim->plan.liberties.unasked_flags))
            seat_tell_flags(server, n, names(server));
    }
}

static void tell_flags(struct server *server, unsigned percent)
{
    for (unsigned i = 0; i < server->seen_count; i++) {
        const struct seen *seen = &server->seen[i];
        if (!seen->message->dead && seen->message->modseq != seen->told && server_liberty(server, percent))
            seat_tell_flags(server, i, names(server));
    }
}

static void tell_unasked(struct server *server)
{
    if (server->seen_count > 0 && server_liberty(server, server->sim->plan.liberties.unasked_flags)) {
        unsigned index = dice_below(&server->dice, server->seen_count);
        if (!server->seen[index].message->dead)
            seat_tell_flags(server, index, names(server));
    }
}

void seat_news(struct server *server, enum news when)
{
    const struct liberties *liberties = &server->sim->plan.liberties;
    unsigned early = liberties->early_news;
    bool slow = server_liberty(server, liberties->slow_idle) && !server->sim->quiet;

    if (!server->box)
        return;
    switch (when) {
    case NEWS_BETWEEN:
        if (server_liberty(server, liberties->news_between))
            tell_arrivals(server);
        if (server_liberty(server, liberties->news_between))
            tell_flags(server, 50);
        return;
    case NEWS_DURING:
    case NEWS_BEFORE_OK:
        if (server_liberty(server, early))
            tell_expunges(server, 60);
        if (server_liberty(server, early))
            tell_arrivals(server);
        if (server_liberty(server, early))
            tell_flags(server, 60);
        tell_unasked(server);
        return;
    case NEWS_IDLE:
        if (slow)
            return;
        break;
    case NEWS_ALL:
        break;
    }
    tell_expunges(server, 100);
    tell_arrivals(server);
    tell_expunges(server, 100);
    tell_flags(server, 100);
    if (seat_recent(server) != server->told_recent)
        tell_recent(server);
    if (when == NEWS_ALL)
        tell_unasked(server);
}

/* The lowest modseq of what has not been told; 0: all has been. */
static uint64_t lowest_untold(const struct server *server)
{
    const struct box *box = server->box;
    uint32_t last = server->seen_count ? server->seen[server->seen_count - 1].message->uid : 0;
    uint64_t lowest = 0;

    for (unsigned i = 0; i < server->seen_count; i++) {
        const struct seen *seen = &server->seen[i];
        if ((seen->message->dead || seen->message->modseq != seen->told) &&
            (lowest == 0 || seen->message->modseq < lowest))
            lowest = seen->message->modseq;
    }
    for (size_t i = box->all_count; i > 0 && box->all[i - 1]->uid > last; i--) {
        if (!box->all[i - 1]->dead && (lowest == 0 || box->all[i - 1]->modseq < lowest))
            lowest = box->all[i - 1]->modseq;
    }
    return lowest;
}

const char *seat_held_back(struct server *server, const char *code, char *buffer, size_t size)
{
    uint64_t lowest = lowest_untold(server);

    if (lowest == 0)
        return code;
    if (code) {
        seat_news(server, NEWS_ALL);
        return code;
    }
    snprintf(buffer, size, "HIGHESTMODSEQ %llu", (unsigned long long)lowest - 1);
    return buffer;
}
