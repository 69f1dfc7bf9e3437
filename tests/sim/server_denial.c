/* Any command of a session that is logged in may be refused, the proxy's own too, or be answered OK without the line
 * that was asked for. Neither contains a fact. What the server has selected stays, except after a refused SELECT. */
#include <string.h>

#include "sim/server.h"

/* Refused, these would have to be tried again before anything else: their own faults see to that. */
static bool is_spared(struct cursor command)
{
    return cursor_word(&command, "LOGOUT") || cursor_word(&command, "APPEND ");
}

/* Where none could be the answer, too: UID SEARCH without RETURN, and what has changed, say nothing if there is
 * nothing.
 */
static bool asks_for_lines(struct cursor command)
{
    if (memmem(command.at, (size_t)(command.end - command.at), "(CHANGEDSINCE ", 14))
        return false;
    return cursor_word(&command, "STATUS ") || cursor_word(&command, "UID FETCH ") ||
           cursor_word(&command, "UID SEARCH RETURN ") || cursor_word(&command, "ENABLE ");
}

static bool selects(struct cursor command)
{
    return cursor_word(&command, "SELECT ") || cursor_word(&command, "EXAMINE ");
}

static void deny(struct server *server, struct cursor command)
{
    static const char *const temporary[] = {"UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT"};
    bool bad = server_liberty(server, 20), for_now = !bad && server_liberty(server, 60);

    if (selects(command))
        seat_leave(server);
    if (!for_now && (selects(command) || cursor_word(&command, "STATUS ")))
        server->user->denials++;
    server->user->says_bad |= bad;
    server_answer(server, bad ? "BAD" : "NO", for_now ? temporary[dice_below(&server->dice, 4)] : NULL, "not now");
}

bool server_denies(struct server *server, struct cursor command)
{
    const struct liberties *liberties = &server->sim->plan.liberties;

    if (!server->user || server->sim->quiet || is_spared(command))
        return false;
    if (server_liberty(server, liberties->denies)) {
        user_refused(server->user);
        deny(server, command);
        return true;
    }
    if (asks_for_lines(command) && server_liberty(server, liberties->says_nothing)) {
        user_refused(server->user);
        server_answer(server, "OK", NULL, "nothing to say");
        return true;
    }
    return false;
}
