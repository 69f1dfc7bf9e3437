/* A model client: a mail program with a session of the proxy. Sends valid commands only (or, if it is so made, rubbish
 * only), believes what it is told, and judges each answer by what it meant. */
#ifndef IMAPMUX_TESTS_SIM_CLIENT_H
#define IMAPMUX_TESTS_SIM_CLIENT_H

#include "sim/orders.h"
#include "sim/replica.h"
#include "sim/wire.h"

struct evbuffer;
struct session;

struct packet { /* octets up to `end` come in one piece */
    uint64_t end;
    struct packet *next;
};

/* What `$` is. */
struct saved {
    bool known; /* as far as the client can tell; messages that have gone may be among them */
    struct message **messages;
    unsigned count, capacity;
};

struct client {
    struct task task; /* its acts */
    struct task line; /* octets in both directions */
    struct sim *sim;
    struct user *user;
    unsigned number;
    char name[16];
    bool rubbish;
    bool slow; /* reads late */
    unsigned act, acts_left;
    struct dice dice; /* of the present act */
    struct dice line_dice;

    struct session *session; /* NULL: not connected */
    bool greeted, logged_in, wrong_password;
    struct evbuffer *to_session; /* sent, not yet delivered */
    struct evbuffer *offered;    /* delivered, not yet taken by the session */
    bool paused;                 /* some of it is left because the session pauses */
    uint64_t queued, delivered;
    struct packet *packets, *last_packet;
    usec deliver_at, read_at;
    usec answered_at;   /* the last command */
    uint64_t vanish_at; /* octets delivered; UINT64_MAX: does not */
    bool says_end;      /* sends EOF once all is delivered */
    bool ends;          /* LOGOUT or EOF has been sent: the end may come */
    bool half_closed;   /* EOF has been delivered */

    char show[2000]; /* of the packet, for the trace */
    size_t shown;

    struct wire in;
    struct order *first, *last; /* that wait for their tagged answer */
    unsigned tags;
    bool idling, done_sent;
    char *held; /* waits for + */
    size_t held_size;
    struct order *held_for;
    struct replica replica;
    struct saved saved;
    bool asked_qresync;                   /* on this line */
    unsigned told_uidnext, told_validity; /* in the SELECT in progress */
};

void client_make(struct sim *sim);
void client_free(struct client *client);
void client_begin_round(struct client *client);
/* Is every command answered (IDLE excepted), and everything delivered? */
bool client_is_quiet(const struct client *client);
void client_hurry(struct client *client); /* its output and input are looked at now */
bool client_counts(const struct client *client, const struct message *message);
void client_gone(struct client *client); /* its line is closed now, whatever is in progress */
void client_check_waiting(struct client *client, usec limit);

/* Leaves with whatever is in progress: by EOF, or without a word. */
void client_depart(struct client *client, bool by_eof);

/* --- sending. client_send begins, formats octets; what is sent between two client_end_packet comes in one piece. */
void client_send(struct client *client, const char *octets, size_t size);
void client_print(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct order *client_order(struct client *client, enum order_kind kind); /* writes the tag */
void client_order_sent(struct client *client, struct order *order);      /* its last octet has been written */
void client_end_packet(struct client *client);
void client_deliver_at_once(struct client *client); /* all that is sent, in no time */

/* client_commands.c */
void client_connect(struct client *client);
void client_log_in(struct client *client);
void client_act(struct client *client);
void client_rubbish(struct client *client);
/* The quiet point asks: "NOOP" and the like. */
void client_noop(struct client *client);
void client_done(struct client *client);
void client_select(struct client *client, const char *name, bool examine);
void client_fetch_all(struct client *client, bool uid);
void client_status(struct client *client, const char *name);
void client_search(struct client *client, bool uid);
void client_list(struct client *client);
void client_logout(struct client *client);
void client_idle(struct client *client);

/* client_messages.c: commands about messages */
void client_fetch(struct client *client, bool batch);
void client_store(struct client *client, bool batch);
void client_copy(struct client *client, bool move, bool batch);
void client_uid_expunge(struct client *client);

/* client_answers.c */
void client_take_line(struct client *client, struct slice line);
/* client_fetch_answer.c */
void client_take_fetch(struct client *client, unsigned number, struct cursor *cursor);
/* client_judge.c */
void client_judge(struct client *client, struct order *order, struct slice status, struct slice code,
                  struct slice text);
void client_take_search(struct client *client, struct cursor *cursor);
void client_take_status(struct client *client, struct cursor *cursor);
void client_take_list(struct client *client, struct cursor *cursor);
struct search_key_of *client_new_key(struct client *client, struct order *order); /* prints the keys */
bool client_key_holds(const struct search_key_of *key, unsigned number, const struct message *message);
bool client_key_is_certain(const struct search_key_of *key); /* what it holds for cannot have changed */
/* Certain, and none that may arrive before it is answered can be found. */
bool client_key_is_closed(const struct client *client, const struct order *order);
/* Fails the run if a message was found for which the key does not hold, or not found though it does. */
void client_judge_found(struct client *client, const struct order *order, const struct aim *aim, bool found);

/* client_saved.c */
void client_print_return(struct client *client, struct order *order); /* "RETURN (...) ", or nothing */
bool client_expects_answer(const struct order *order);                /* SEARCH: a line of its own */
void client_take_esearch(struct client *client, struct cursor *cursor);
bool saved_has(const struct saved *saved, const struct message *message);
void client_saves_nothing(struct client *client);                            /* SELECT */
void client_saves(struct client *client, const struct order *order);         /* SEARCH is sent */
void client_has_saved(struct client *client, const struct order *order);     /* it is OK */
void client_has_not_saved(struct client *client, const struct order *order); /* it is not */

#endif
