/* Login at the model server: so many sessions for each user as are permitted, whoever asks. One more is the proxy's
 * mistake, unless passwords may be tried on a second one; one that the server itself still counts though its line is
 * dead is refused as servers refuse. */
#include <string.h>

#include "sim/link.h"
#include "sim/server.h"

void server_write_capabilities(struct server *server)
{
    static const struct {
        unsigned ability;
        const char *name;
    } names[] = {{CAN_IDLE, "IDLE"},       {CAN_UIDPLUS, "UIDPLUS"},     {CAN_LITERAL_PLUS, "LITERAL+"},
                 {CAN_ESEARCH, "ESEARCH"}, {CAN_CONDSTORE, "CONDSTORE"}, {CAN_QRESYNC, "QRESYNC"},
                 {CAN_MOVE, "MOVE"},       {CAN_UNSELECT, "UNSELECT"},   {CAN_ENABLE, "ENABLE"},
                 {CAN_SASL_IR, "SASL-IR"}, {CAN_NAMESPACE, "NAMESPACE"}, {CAN_ID, "ID"}};

    server_write(server, "IMAP4rev1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (server_can(server, names[i].ability))
            server_write(server, " %s", names[i].name);
    }
    server_write(server, " AUTH=PLAIN XUNKNOWN");
}

static void refuse(struct server *server, const char *code, const char *text)
{
    server_answer(server, "NO", code, text);
}

static void accept(struct server *server, struct user *user)
{
    server->user = user;
    user->sessions[user->session_count++] = server;
    server->state = SERVER_LOGGED_IN;
    server_write(server, "* CAPABILITY ");
    server_write_capabilities(server);
    server_write(server, "\r\n");
    server_answer(server, "OK", NULL, "logged in");
}

/* Sessions, and the one on which passwords may be tried. */
static unsigned connections_permitted(const struct sim *sim)
{
    unsigned sessions = sim->plan.max_sessions;

    return sim->plan.verify_connection && sessions < 2 ? 2 : sessions;
}

/* Once told, the proxy knows it, as long as nothing goes wrong. */
static void refuse_one_more(struct server *server, struct user *user)
{
    const struct sim *sim = server->sim;

    if (user->limit_told && !sim->plan.verify_connection && sim->faults == 0 && user->disturbed_at == 0)
        sim_fail(server->sim, "logins", "%s of %s is one session too many once more", server->name, user->name);
    user->limit_told = true;
    refuse(server, "LIMIT", "Maximum number of connections exceeded");
}

static void log_in(struct server *server, struct slice as, struct slice who, struct slice password)
{
    struct sim *sim = server->sim;
    struct user *user = store_user(sim, as.length ? as : who), *prover = store_user(sim, who);
    bool right =
        user && prover &&
        (slice_equal(password, slice_of(prover->password[0])) || slice_equal(password, slice_of(prover->password[1])));

    if (right && user != prover && !(user->through && strcmp(user->through, prover->name) == 0))
        right = false;
    if (right && user == prover && user->through)
        right = false; /* only through the other one */
    if (!right) {
        if (user)
            user_forgotten(user);
        refuse(server, "AUTHENTICATIONFAILED", "authentication failed");
        return;
    }
    if (user->session_count >= connections_permitted(sim))
        sim_fail(sim, "sessions", "%s logs in while %s is open, the %uth of %s", server->name, user->sessions[0]->name,
                 user->session_count, user->name);
    if (user->session_count >= sim->plan.seats) {
        refuse_one_more(server, user);
        return;
    }
    if (user->refuse_login > 0 || (sim_now(sim) < user->ghost_until && !sim->quiet)) {
        if (user->refuse_login > 0)
            user->refuse_login--;
        user_disturbed(user, sim_now(sim));
        refuse(server, "LIMIT", "Maximum number of connections exceeded");
        return;
    }
    accept(server, user);
}

void server_login(struct server *server, struct cursor *cursor)
{
    struct slice name, password;
    char text[100];
    size_t length = 0;

    if (!cursor_string(cursor, &name) || !cursor_take(cursor, ' ')) {
        server_object(server, "a malformed LOGIN", SLICE(""));
        return;
    }
    if (cursor->at < cursor->end && *cursor->at == '"') { /* quoted, perhaps with escapes */
        for (cursor->at++; cursor->at < cursor->end - 1 && length < sizeof(text); cursor->at++) {
            if (*cursor->at == '\\')
                cursor->at++;
            text[length++] = *cursor->at;
        }
        password = (struct slice){text, length};
    } else if (!cursor_string(cursor, &password)) {
        server_object(server, "a malformed LOGIN", SLICE(""));
        return;
    }
    log_in(server, SLICE(""), name, password);
}

static size_t decode(struct slice text, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned count = 0;
    size_t length = 0;

    for (size_t i = 0; i < text.length && text.data[i] != '='; i++) {
        const char *digit = strchr(digits, text.data[i]);
        if (!digit || !*digit)
            return 0;
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (++count % 4 != 1)
            out[length++] = (char)(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
    }
    return length;
}

void server_authenticate_line(struct server *server, struct slice line)
{
    char message[2000];
    size_t length = line.length < 2000 ? decode(line, message) : 0;
    char *first = memchr(message, '\0', length);
    char *second = first ? memchr(first + 1, '\0', length - (size_t)(first + 1 - message)) : NULL;

    if (server->authenticating)
        server->tag = slice_of(server->idle_tag);
    server->authenticating = false;
    if (!second) {
        server_object(server, "a malformed PLAIN message", line);
        return;
    }
    log_in(server, (struct slice){message, (size_t)(first - message)},
           (struct slice){first + 1, (size_t)(second - first - 1)},
           (struct slice){second + 1, length - (size_t)(second + 1 - message)});
}

void server_authenticate(struct server *server, struct cursor *cursor)
{
    struct slice line;

    if (!cursor_word(cursor, "PLAIN"))
        server_object(server, "a mechanism that is not announced", SLICE(""));
    if (cursor_take(cursor, ' ')) {
        if (!server_can(server, CAN_SASL_IR))
            server_object(server, "SASL-IR is not announced", SLICE(""));
        line = (struct slice){cursor->at, (size_t)(cursor->end - cursor->at)};
        server_authenticate_line(server, line);
        return;
    }
    snprintf(server->idle_tag, sizeof(server->idle_tag), "%.*s", (int)server->tag.length, server->tag.data);
    server->authenticating = true;
    server_write(server, "+ \r\n");
}
