/* SELECT, EXAMINE, STATUS of the model server. RFC 3501 section 6.3.1, 6.3.10; RFC 7162 section 3.1.2, 3.2.5. */
#include <string.h>

#include "sim/server.h"

/* --- QRESYNC */

/* of: NULL for all of them */
static bool has_vanished(const struct message *message, const struct ranges *of, uint64_t since)
{
    return message->dead && message->modseq > since && (!of || ranges_contain(of, message->uid));
}

/* With ranges, in which there may be UIDs that nobody ever had. */
void server_tell_vanished(struct server *server, const struct ranges *of, uint64_t since)
{
    const struct box *box = server->box;
    bool any = false;

    for (size_t i = 0; i < box->all_count; i++) {
        size_t first = i;
        if (!has_vanished(box->all[i], of, since))
            continue;
        while (i + 1 < box->all_count && has_vanished(box->all[i + 1], of, since))
            i++;
        server_write(server, "%s%u", any ? "," : "* VANISHED (EARLIER) ", box->all[first]->uid);
        if (i > first)
            server_write(server, ":%u", box->all[i]->uid);
        any = true;
    }
    if (any)
        server_write(server, "\r\n");
}

static void tell_changed(struct server *server, uint64_t since)
{
    for (unsigned i = 0; i < server->seen_count; i++) {
        if (server->seen[i].message->modseq > since)
            seat_tell_flags(server, i, true);
    }
}

/* "(QRESYNC (validity modseq))" or "(CONDSTORE)". */
static bool read_parameter(struct server *server, struct cursor *cursor, struct slice line, uint64_t *validity,
                           uint64_t *modseq)
{
    if (!cursor_take(cursor, ' '))
        return true;
    if (cursor_word(cursor, "(CONDSTORE)")) {
        if (!server_can(server, CAN_CONDSTORE))
            server_object(server, "CONDSTORE is not announced", line);
        server->condstore = true;
        return true;
    }
    if (!server->qresync)
        server_object(server, "QRESYNC is not enabled", line);
    return cursor_word(cursor, "(QRESYNC (") && cursor_number(cursor, validity) && cursor_take(cursor, ' ') &&
           cursor_number(cursor, modseq) && cursor_word(cursor, "))");
}

/* --- the answer */

static void write_flags(struct server *server)
{
    const char *all = flags_print(server->user, ALL_FLAGS, false);

    server_write(server, "* FLAGS %s\r\n", all);
    if (server->read_only)
        server_write(server, "* OK [PERMANENTFLAGS ()] read-only\r\n");
    else
        server_write(server, "* OK [PERMANENTFLAGS (%.*s \\*)] flags\r\n", (int)(strlen(all) - 2), all + 1);
}

static unsigned first_unseen(const struct server *server)
{
    for (unsigned i = 0; i < server->seen_count; i++) {
        if (!(server->seen[i].message->flags & SEEN))
            return i + 1;
    }
    return 0;
}

static void write_counts(struct server *server)
{
    unsigned unseen = first_unseen(server);

    /* A number that is no longer right is put right before the answer ends. */
    if (server_liberty(server, server->sim->plan.liberties.old_news))
        server_write(server, "* %u EXISTS\r\n", dice_below(&server->dice, 100));
    server_write(server, "* %u EXISTS\r\n* %u RECENT\r\n", server->seen_count, server->told_recent);
    if (unseen > 0 && server_liberty(server, 70))
        server_write(server, "* OK [UNSEEN %u] first unseen\r\n", unseen);
    if (server->box->ailment != NAMELESS)
        server_write(server, "* OK [UIDVALIDITY %u] valid\r\n", server->box->validity);
    if (!server->sim->plan.status_uidnext && !server_liberty(server, server->sim->plan.liberties.no_uidnext))
        server_write(server, "* OK [UIDNEXT %u] next\r\n", server->box->uidnext);
    if (server_can(server, CAN_CONDSTORE))
        server_write(server, "* OK [HIGHESTMODSEQ %llu] highest\r\n", (unsigned long long)server->box->modseq);
}

/* What there is to say of the mailbox that is being left. */
static void leave(struct server *server)
{
    if (!server->box)
        return;
    server->selection = 0; /* nobody learns anything from what is said now */
    if (server_liberty(server, server->sim->plan.liberties.old_news))
        seat_news(server, NEWS_ALL);
    if (server->qresync)
        server_write(server, "* OK [CLOSED] left\r\n");
    seat_leave(server);
}

/* In the first trouble at most two tries; then at most one for each of its pauses, which begin with two seconds, are
 * doubled each time, and are five minutes long at most. */
static unsigned deaths_allowed(usec since)
{
    usec pause = 2 * USEC_SECOND;
    unsigned allowed = 2;

    for (; since >= pause && allowed < 1000; allowed += 2) {
        since -= pause;
        pause = pause * 2 < 256 * USEC_SECOND ? pause * 2 : 256 * USEC_SECOND;
    }
    return allowed;
}

static void kill_session(struct server *server, struct box *box)
{
    usec now = sim_now(server->sim);

    if (box->deaths++ == 0)
        box->died_first = now;
    if (server->sim->plan.liberties.denies == 0 && box->deaths > deaths_allowed(now - box->died_first))
        sim_fail(server->sim, "logins", "%s: %s of %s has ended %u connections within %lld s", server->name, box->name,
                 box->user->name, box->deaths, (long long)((now - box->died_first) / USEC_SECOND));
    user_disturbed(box->user, now);
    server_bye(server, "Internal error");
}

void server_select(struct server *server, struct cursor *cursor, bool examine)
{
    struct slice name, line = {cursor->at, (size_t)(cursor->end - cursor->at)};
    uint64_t validity = 0, modseq = 0;
    struct box *box;

    if (!cursor_string(cursor, &name) || !read_parameter(server, cursor, line, &validity, &modseq))
        server_object(server, "a malformed SELECT", line);
    leave(server);
    box = box_find(server->user, name);
    if (!box) {
        server_answer(server, "NO", "NONEXISTENT", "no such mailbox");
        return;
    }
    if (server_watching(server->user, box))
        sim_fail(server->sim, "one clock", "%s selects %s of %s, which %s has selected", server->name, box->name,
                 server->user->name, server_watching(server->user, box)->name);
    if (box->ailment == DEADLY) {
        kill_session(server, box);
        return;
    }
    seat_take(server, box, examine);
    if (server_liberty(server, 50)) {
        write_flags(server);
        write_counts(server);
    } else {
        write_counts(server);
        write_flags(server);
    }
    if (validity == box->validity) {
        server_tell_vanished(server, NULL, modseq);
        tell_changed(server, modseq);
    }
    seat_looked(server, box);
    server_answer(server, "OK", examine ? "READ-ONLY" : "READ-WRITE", "selected");
}

/* --- STATUS */

static void status_item(struct server *server, const struct box *box, struct slice item)
{
    unsigned recent = 0;

    for (size_t i = 0; i < box->all_count; i++)
        recent += !box->all[i]->dead && box->all[i]->recent;
    if (slice_equal_nocase(item, SLICE("MESSAGES")))
        server_write(server, "MESSAGES %u", box->living);
    else if (slice_equal_nocase(item, SLICE("UIDNEXT")))
        server_write(server, "UIDNEXT %u", box->uidnext);
    else if (slice_equal_nocase(item, SLICE("UIDVALIDITY")))
        server_write(server, "UIDVALIDITY %u", box->validity);
    else if (slice_equal_nocase(item, SLICE("UNSEEN")))
        server_write(server, "UNSEEN %u", box_unseen(box));
    else if (slice_equal_nocase(item, SLICE("RECENT")))
        server_write(server, "RECENT %u", recent);
    else if (slice_equal_nocase(item, SLICE("HIGHESTMODSEQ")) && server_can(server, CAN_CONDSTORE))
        server_write(server, "HIGHESTMODSEQ %llu", (unsigned long long)box->modseq);
    else
        server_object(server, "an item of STATUS that is not announced", item);
}

void server_status(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice name;
    struct box *box;
    const char *space = "";

    if (!cursor_string(cursor, &name) || !cursor_word(cursor, " (")) {
        server_object(server, "a malformed STATUS", line);
        return;
    }
    box = box_find(server->user, name);
    if (box && server_watching(server->user, box) == server)
        server_object(server, "STATUS of the selected mailbox", line);
    if (!box) {
        server_answer(server, "NO", NULL, "no such mailbox");
        return;
    }
    server_write(server, "* STATUS {%zu}\r\n%.*s (", name.length, (int)name.length, name.data);
    do {
        struct slice item = cursor_atom(cursor);
        if (box->ailment == NAMELESS && slice_equal_nocase(item, SLICE("UIDVALIDITY")))
            continue;
        server_write(server, "%s", space);
        status_item(server, box, item);
        space = " ";
    } while (cursor_take(cursor, ' '));
    server_write(server, ")\r\n");
    seat_looked(server, box);
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "done");
}
