/* One session of the model server: reads commands, hands each to its file, objects to what the proxy must not send. A
 * command is carried out when its last octet has come; how long its answer takes is the link's affair. */
#include "sim/server.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/link.h"

/* --- writing */

void server_write_octets(struct server *server, const char *octets, size_t size)
{
    evbuffer_add(server->out, octets, size);
    server->produced += size;
}

void server_write(struct server *server, const char *format, ...)
{
    va_list arguments;
    int written;

    va_start(arguments, format);
    written = evbuffer_add_vprintf(server->out, format, arguments);
    va_end(arguments);
    server->produced += written > 0 ? (size_t)written : 0;
}

bool server_can(const struct server *server, unsigned ability)
{
    return (server->sim->plan.can & ability) != 0;
}

bool server_liberty(struct server *server, unsigned percent)
{
    return percent > 0 && dice_percent(&server->dice, percent);
}

void server_object(struct server *server, const char *what, struct slice line)
{
    sim_fail(server->sim, "the proxy may not send this", "%s: %s: %.*s", server->name, what,
             (int)(line.length < 300 ? line.length : 300), line.data);
}

void server_answer(struct server *server, const char *status, const char *code, const char *text)
{
    char held_back[60];
    bool brackets;

    if (server->state == SERVER_LOGGED_IN && server->condstore && server->box && !server->sim->plan.holds_back)
        code = seat_held_back(server, code, held_back, sizeof(held_back));
    brackets = !code && server_liberty(server, server->sim->plan.liberties.brackets);

    server_write(server, "%.*s %s %s%s%s%s%s\r\n", (int)server->tag.length, server->tag.data, status, code ? "[" : "",
                 code ? code : "", code ? "] " : "", text, brackets ? " {99}" : "");
    server->answer_end = server->produced;
}

void server_bye(struct server *server, const char *text)
{
    if (server->state == SERVER_CLOSED)
        return;
    server_write(server, "* BYE %s\r\n", text);
    server->state = SERVER_CLOSED;
    link_close_after_output(server->link);
}

/* --- commands without a file of their own */

static void noop(struct server *server)
{
    const struct liberties *liberties = &server->sim->plan.liberties;

    seat_news(server, NEWS_ALL);
    if (server->box)
        seat_looked(server, server->box);
    if (server_liberty(server, liberties->chatter))
        server_write(server, "* OK %s\r\n", server_liberty(server, 50) ? "[XWHATEVER 5] Nothing {20}" : "Hello");
    server_answer(server, "OK", NULL, "done");
}

static void enable(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice word;

    if (!server_can(server, CAN_ENABLE))
        server_object(server, "ENABLE is not announced", line);
    server_write(server, "* ENABLED");
    while (cursor_take(cursor, ' ')) {
        word = cursor_atom(cursor);
        if (slice_equal_nocase(word, SLICE("CONDSTORE")) && server_can(server, CAN_CONDSTORE)) {
            server->condstore = true;
            server_write(server, " CONDSTORE");
        } else if (slice_equal_nocase(word, SLICE("QRESYNC")) && server_can(server, CAN_QRESYNC)) {
            server->condstore = server->qresync = true;
            server_write(server, " QRESYNC");
        }
    }
    server_write(server, "\r\n");
    server_answer(server, "OK", NULL, "enabled");
}

static void idle(struct server *server, struct slice line)
{
    if (!server_can(server, CAN_IDLE))
        server_object(server, "IDLE is not announced", line);
    if (server_liberty(server, server->sim->plan.liberties.idle_ends / 4)) {
        server_answer(server, "NO", NULL, "not now");
        return;
    }
    seat_news(server, NEWS_DURING);
    server_write(server, "+ idling\r\n");
    server->plus_end = server->produced;
    snprintf(server->idle_tag, sizeof(server->idle_tag), "%.*s", (int)server->tag.length, server->tag.data);
    server->idling = true;
    if (server_liberty(server, server->sim->plan.liberties.idle_ends)) {
        server->idling = false;
        server->idle_ended = true;
        server_answer(server, "OK", NULL, "enough");
        server->answer_end = 0;
        return;
    }
    seat_news(server, NEWS_IDLE);
}

static void idle_line(struct server *server, struct slice line)
{
    if (!slice_equal_nocase(line, SLICE("DONE")))
        server_object(server, "a command inside IDLE", line);
    if (link_delivered(server->link) < server->plus_end)
        server_object(server, "DONE before the +", line);
    server->idling = false;
    server->tag = slice_of(server->idle_tag);
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "idle done");
    server->answer_end = 0; /* a command may follow at once */
}

static void unselect(struct server *server, struct slice line)
{
    if (!server_can(server, CAN_UNSELECT))
        server_object(server, "UNSELECT is not announced", line);
    seat_leave(server);
    server_answer(server, "OK", NULL, "unselected");
}

static void logout(struct server *server)
{
    server_write(server, "* BYE logging out\r\n");
    server_answer(server, "OK", NULL, "bye");
    server->state = SERVER_CLOSED;
    if (server->user)
        user_forgotten(server->user);
    link_close_after_output(server->link);
}

static void namespace(struct server *server, struct slice line)
{
    if (!server_can(server, CAN_NAMESPACE))
        server_object(server, "NAMESPACE is not announced", line);
    server_write(server, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    server_answer(server, "OK", NULL, "done");
}

static void id(struct server *server, struct slice line)
{
    if (!server_can(server, CAN_ID))
        server_object(server, "ID is not announced", line);
    server_write(server, "* ID (\"name\" \"model\")\r\n");
    server_answer(server, "OK", NULL, "done");
}

/* --- dispatch */

static bool in_any_state(struct server *server, struct cursor *cursor, struct slice line)
{
    if (cursor_word(cursor, "CAPABILITY")) {
        server_write(server, "* CAPABILITY ");
        server_write_capabilities(server);
        server_write(server, "\r\n");
        server_answer(server, "OK", NULL, "done");
    } else if (cursor_word(cursor, "NOOP")) {
        noop(server);
    } else if (cursor_word(cursor, "LOGOUT")) {
        logout(server);
    } else if (cursor_word(cursor, "ID ")) {
        id(server, line);
    } else {
        return false;
    }
    return true;
}

static bool before_login(struct server *server, struct cursor *cursor)
{
    if (cursor_word(cursor, "LOGIN "))
        server_login(server, cursor);
    else if (cursor_word(cursor, "AUTHENTICATE "))
        server_authenticate(server, cursor);
    else
        return false;
    return true;
}

static bool after_login(struct server *server, struct cursor *cursor, struct slice line)
{
    if (cursor_word(cursor, "SELECT "))
        server_select(server, cursor, false);
    else if (cursor_word(cursor, "EXAMINE "))
        server_select(server, cursor, true);
    else if (cursor_word(cursor, "STATUS "))
        server_status(server, cursor, line);
    else if (cursor_word(cursor, "ENABLE"))
        enable(server, cursor, line);
    else if (cursor_word(cursor, "IDLE"))
        idle(server, line);
    else if (cursor_word(cursor, "LIST "))
        server_list(server, cursor, "LIST");
    else if (cursor_word(cursor, "LSUB "))
        server_list(server, cursor, "LSUB");
    else if (cursor_word(cursor, "NAMESPACE"))
    namespace(server, line);
    else if (cursor_word(cursor, "APPEND ")) server_append(server, cursor, line);
    else if (cursor_word(cursor, "CREATE ")) server_create(server, cursor);
    else if (cursor_word(cursor, "DELETE ")) server_delete(server, cursor, line);
    else if (cursor_word(cursor, "RENAME ")) server_rename(server, cursor, line);
    else if (cursor_word(cursor, "SUBSCRIBE ") || cursor_word(cursor, "UNSUBSCRIBE "))
        server_answer(server, "OK", NULL, "done");
    else return false;
    return true;
}

static bool selected(struct server *server, struct cursor *cursor, struct slice line)
{
    if (cursor_word(cursor, "UID FETCH "))
        server_fetch(server, cursor, line);
    else if (cursor_word(cursor, "UID STORE "))
        server_store(server, cursor, line);
    else if (cursor_word(cursor, "UID COPY "))
        server_copy(server, cursor, false, line);
    else if (cursor_word(cursor, "UID MOVE "))
        server_copy(server, cursor, true, line);
    else if (cursor_word(cursor, "UID SEARCH "))
        server_search(server, cursor, line);
    else if (cursor_word(cursor, "UID EXPUNGE "))
        server_expunge(server, cursor, true, line);
    else if (cursor_word(cursor, "EXPUNGE"))
        server_expunge(server, cursor, false, line);
    else if (cursor_word(cursor, "UNSELECT"))
        unselect(server, line);
    else
        return false;
    return true;
}

/* No more of a user's sessions may ever do so than are permitted; the others only try a password. */
static void notice_work(struct server *server)
{
    struct user *user = server->user;
    unsigned works = 0;

    server->works = true;
    for (unsigned i = 0; i < user->session_count; i++)
        works += user->sessions[i]->works;
    if (works > server->sim->plan.max_sessions)
        sim_fail(server->sim, "sessions", "%s works, the %uth of %s at a time", server->name, works, user->name);
}

/* With an arrival in every answer a careless proxy never comes to its jobs. */
static void arrives_always(struct server *server)
{
    struct user *user = server->user;

    if (!server->box || server->sim->quiet || server->box->living > 60 || server->box->all_count > 1000)
        return;
    if (user->arrivals_owed == 0 && server_liberty(server, server->sim->plan.liberties.arrives_always))
        user->arrivals_owed = 12;
    if (user->arrivals_owed == 0)
        return;
    user->arrivals_owed--;
    box_deliver(server->box, identity_new(user, &server->dice), 0);
}

/* As Exchange does: logged in, and then no command is carried out. */
static bool finds_it_void(struct server *server)
{
    struct user *user = server->user;

    if (!user || user->void_at == 0 || --user->void_at > 0)
        return false;
    server_answer(server, "BAD", NULL, "User is authenticated but not connected.");
    return true;
}

/* A session that only tries a password is set up and left like any other. */
static bool is_only_for_login(struct cursor cursor)
{
    return cursor_word(&cursor, "CAPABILITY") || cursor_word(&cursor, "ID ") || cursor_word(&cursor, "ENABLE ") ||
           cursor_word(&cursor, "LOGOUT");
}

static void command(struct server *server, struct slice line)
{
    struct cursor cursor = cursor_of(line);

    server->sim->upstream_commands++;
    if (server->state == SERVER_CLOSED)
        return;
    if (server->authenticating) {
        server_authenticate_line(server, line);
        return;
    }
    if (server->idling) {
        idle_line(server, line);
        return;
    }
    if (server->idle_ended && slice_equal_nocase(line, SLICE("DONE"))) {
        server->idle_ended = false; /* it crossed the end of IDLE */
        server_write(server, "* BAD there is no IDLE\r\n");
        return;
    }
    server->tag = cursor_atom(&cursor);
    if (link_delivered(server->link) < server->answer_end)
        server_object(server, "a second command before the first one's answer", line);
    if (line.length > 8200 && !memmem(line.data, line.length, "APPEND ", 7))
        server_object(server, "a line longer than upstream_command_max", line);
    if (!cursor_take(&cursor, ' '))
        server_object(server, "no command", line);
    if (finds_it_void(server))
        return;
    arrives_always(server);
    if (server->user && !is_only_for_login(cursor))
        notice_work(server);
    if (server_denies(server, cursor))
        return;
    if (in_any_state(server, &cursor, line) || (!server->user && before_login(server, &cursor)) ||
        (server->user && after_login(server, &cursor, line)) || (server->box && selected(server, &cursor, line)))
        return;
    server_object(server, "not a command that may come now", line);
    server_answer(server, "BAD", NULL, "what?");
}

/* A literal is wanted: + unless the command is refused here already. */
static void literal(struct server *server, struct slice line)
{
    if (memmem(line.data, line.length, "APPEND ", 7) && server_liberty(server, server->sim->plan.liberties.refuses)) {
        struct cursor cursor = cursor_of(line);
        server->tag = cursor_atom(&cursor);
        server->user->refusals++;
        wire_refuse(&server->in);
        server_answer(server, "NO", "OVERQUOTA", "too much");
        return;
    }
    server_write(server, "+ go on\r\n");
}

void server_receive(struct server *server, const void *bytes, size_t size)
{
    struct slice line;

    wire_feed(&server->in, bytes, size);
    for (;;) {
        enum wire_event event = wire_next(&server->in, &line);
        if (event == WIRE_MORE || server->sim->failed)
            return;
        sim_trace(server->sim, server->name, event == WIRE_LITERAL ? ">{" : ">", line);
        if (memmem(line.data, line.length, "+}", 2))
            server_object(server, "a literal goes up before it was asked for: refused, its octets would be commands",
                          line);
        if (event == WIRE_LITERAL)
            literal(server, line);
        else
            command(server, line);
        server->tag = (struct slice){0};
    }
}

struct server *server_watching(const struct user *user, const struct box *box)
{
    for (unsigned i = 0; i < user->session_count; i++) {
        if (user->sessions[i]->box == box && user->sessions[i]->state != SERVER_CLOSED)
            return user->sessions[i];
    }
    return NULL;
}

void server_news(struct box *box)
{
    struct server *server = server_watching(box->user, box);

    if (!server || server->tag.data)
        return;
    seat_news(server, server->idling ? NEWS_IDLE : NEWS_BETWEEN);
    link_wake(server->link);
}

struct server *server_new(struct sim *sim, struct link *link, unsigned number)
{
    struct server *server = memory_take(&sim->memory, sizeof(*server));

    server->sim = sim;
    server->link = link;
    server->dice = dice_make(sim->seed, DICE_SERVER, number, 0);
    server->out = evbuffer_new();
    snprintf(server->name, sizeof(server->name), "server%u", number);
    wire_init(&server->in, false);
    return server;
}

static void stand_up(struct user *user, const struct server *server)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < user->session_count; i++) {
        if (user->sessions[i] != server)
            user->sessions[kept++] = user->sessions[i];
    }
    user->session_count = kept;
}

void server_free(struct server *server)
{
    if (server->user)
        stand_up(server->user, server);
    server->state = SERVER_CLOSED;
    evbuffer_free(server->out);
    wire_clear(&server->in);
}
