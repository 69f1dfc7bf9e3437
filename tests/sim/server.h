/* A model IMAP server's session: wire-exact, strict with the proxy (it fails the run at whatever the proxy must not
 * send), and free with itself as far as the RFCs let it. Between link.c, which moves its octets, and the store. */
#ifndef IMAPMUX_TESTS_SIM_SERVER_H
#define IMAPMUX_TESTS_SIM_SERVER_H

#include "sim/store.h"
#include "sim/wire.h"

struct evbuffer;
struct link;

/* A message as this session's client counts it. */
struct seen {
    struct message *message;
    uint64_t told; /* modseq of what its client has been told; 0: nothing */
    bool recent;   /* this session has its \Recent */
};

enum server_state { SERVER_GREETING, SERVER_NOT_LOGGED_IN, SERVER_LOGGED_IN, SERVER_CLOSED };

struct server {
    struct sim *sim;
    struct link *link;
    struct user *user; /* once logged in */
    char name[24];     /* for the trace */
    enum server_state state;
    struct wire in;
    struct evbuffer *out;
    uint64_t produced;   /* octets ever put into out */
    uint64_t answer_end; /* of the last tagged answer */
    uint64_t plus_end;   /* of the + of IDLE */
    struct dice dice;

    struct slice tag; /* of the command that is being carried out */
    char idle_tag[32];
    bool idling;
    bool idle_ended;     /* by the server itself: a DONE may still be on its way */
    bool authenticating; /* waits for AUTHENTICATE's response */
    bool condstore, qresync;
    bool works; /* it has been asked for more than to let in and out */

    struct box *box;    /* selected */
    unsigned selection; /* a number for each SELECT; 0: nothing is selected */
    bool read_only;
    struct seen *seen;
    unsigned seen_count, seen_capacity;
    unsigned told_recent;
    unsigned learnt_count; /* unasked arrivals still to come, of arrives_always */
};

struct server *server_new(struct sim *sim, struct link *link, unsigned number);
void server_free(struct server *server);
void server_receive(struct server *server, const void *bytes, size_t size);
/* The session of this user that has the box selected; NULL: none. */
struct server *server_watching(const struct user *user, const struct box *box);
/* The store has changed. */
void server_news(struct box *box);

/* --- for its other files */
void server_write(struct server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));
void server_write_octets(struct server *server, const char *octets, size_t size);
void server_bye(struct server *server, const char *text);
bool server_liberty(struct server *server, unsigned percent); /* is it taken now? */
bool server_can(const struct server *server, unsigned ability);
/* Fails the run: the proxy has sent what it must not. */
void server_object(struct server *server, const char *what, struct slice line);
/* status "OK", "NO" or "BAD"; code may be NULL */
void server_answer(struct server *server, const char *status, const char *code, const char *text);

/* server_seat.c: what the client of this session has been told */
enum news {
    NEWS_BETWEEN, /* no command is in progress */
    NEWS_DURING,  /* a UID command, before or among its answers */
    NEWS_BEFORE_OK,
    NEWS_ALL, /* NOOP: everything there is */
    NEWS_IDLE,
};
void seat_take(struct server *server, struct box *box, bool read_only);
void seat_leave(struct server *server);
void seat_news(struct server *server, enum news when);
void seat_tell_expunge(struct server *server, unsigned index);
/* The answer to a UID FETCH or UID STORE tells its flags: now the proxy knows them, as long as this selection lasts. */
void seat_flags_learnt(const struct server *server, struct message *message);
void seat_tell_flags(struct server *server, unsigned index, bool with_uid);
unsigned seat_number(const struct server *server, const struct message *message); /* 0: not there */
/* With CONDSTORE: changes that are not told yet must not be passed by. The code of a tagged answer that says so, or
 * everything is told and `code` stays. RFC 7162 section 5. */
const char *seat_held_back(struct server *server, const char *code, char *buffer, size_t size);
unsigned seat_recent(const struct server *server);
/* All news of the box is in the answer that is being written. */
void seat_looked(const struct server *server, struct box *box);

/* server_select.c */
void server_select(struct server *server, struct cursor *cursor, bool examine);
/* VANISHED (EARLIER) of those in `of` (NULL: all) that have gone since. */
void server_tell_vanished(struct server *server, const struct ranges *of, uint64_t since);
void server_status(struct server *server, struct cursor *cursor, struct slice line);
/* server_fetch.c */
void server_fetch(struct server *server, struct cursor *cursor, struct slice line);
/* server_change.c: STORE, COPY, MOVE, EXPUNGE, APPEND */
void server_store(struct server *server, struct cursor *cursor, struct slice line);
void server_copy(struct server *server, struct cursor *cursor, bool move, struct slice line);
void server_expunge(struct server *server, struct cursor *cursor, bool uid, struct slice line);
void server_append(struct server *server, struct cursor *cursor, struct slice line);
/* server_search.c */
void server_search(struct server *server, struct cursor *cursor, struct slice line);
/* server_folders.c */
void server_list(struct server *server, struct cursor *cursor, const char *word);
void server_create(struct server *server, struct cursor *cursor);
void server_delete(struct server *server, struct cursor *cursor, struct slice line);
void server_rename(struct server *server, struct cursor *cursor, struct slice line);
/* server_denial.c: is the command answered without being carried out? */
bool server_denies(struct server *server, struct cursor command);
/* server_login.c */
void server_login(struct server *server, struct cursor *cursor);
void server_authenticate(struct server *server, struct cursor *cursor);
void server_authenticate_line(struct server *server, struct slice line);
void server_write_capabilities(struct server *server);

#endif
