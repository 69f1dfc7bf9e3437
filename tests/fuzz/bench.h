/* The whole proxy without sockets, for the session target: a registry with two upstreams, up to four clients, and the
 * lines that the accounts dial, all on a virtual clock. What goes out on either side is checked here: a client is told
 * nothing that is no response, no number that it does not have, and nothing at all after SESSION_ABORT; a server gets
 * well-formed commands that name messages by UID, from one line for each account. */
#ifndef IMAPMUX_TESTS_FUZZ_BENCH_H
#define IMAPMUX_TESTS_FUZZ_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/runqueue.h"
#include "base/slice.h"
#include "base/spool.h"
#include "mux/settings.h"

struct command_reader;
struct evbuffer;
struct registry;
struct response_reader;
struct session;
struct upstream;

#define BENCH_CLIENTS 4
#define BENCH_LINES   8
#define BENCH_TAGS    8

struct bench;

/* A client's link. */
struct client {
    struct bench *bench;
    struct session *session; /* NULL: there is none */
    struct evbuffer *in, *out;
    struct evbuffer *told;          /* the same as out, for the strict reader */
    struct response_reader *reader; /* reads what it is told */
    bool slow;                      /* takes no octet */
    bool selected, vanishing;       /* has been told EXISTS; VANISHED, from where on EXISTS is not followed */
    unsigned long exists;
};

/* An upstream's link. */
struct dialled {
    struct bench *bench;
    struct upstream *upstream; /* NULL: there is none */
    const struct upstream_settings *settings;
    unsigned long number; /* lines are numbered as they are dialled */
    bool connected, secured, start_tls, compress, close;
    bool stuck; /* does not connect */
    struct evbuffer *in, *out;
    struct command_reader *reader; /* reads what the server is sent */
    bool authenticating;           /* the next line may be no command */
    bool literal_awaited;          /* announced, nothing of it has come yet */
    uint64_t literal_of;           /* the number of its command */
    char tags[BENCH_TAGS][24];     /* of commands that are not answered, the oldest first */
    size_t tag_count;
    char last_tag[24];
};

enum dial_outcome { DIAL_CONNECTS, DIAL_IMPOSSIBLE, DIAL_STUCK, DIAL_OUTCOMES };

struct bench {
    struct runqueue *runqueue;
    struct registry *registry;
    struct log log;
    struct settings settings;
    struct upstream_settings upstreams[2]; /* a plain one, and one with STARTTLS */
    struct spooler spooler;
    usec now;
    unsigned long dialled;
    enum dial_outcome next_dial;
    struct client clients[BENCH_CLIENTS];
    struct dialled lines[BENCH_LINES];
};

/* small: limits so small that they are met. fresh: polls are answered from what was seen within the last second. */
void bench_begin(struct bench *bench, bool small, bool fresh);
/* Ends it in order (every account must be gone at last) or at once. */
void bench_end(struct bench *bench, bool in_order);
void bench_pass_time(struct bench *bench, usec time);
void bench_settle(struct bench *bench); /* until nothing happens any more */

/* --- bench_client.c */
void client_say(struct client *client, struct slice bytes); /* connects if it is not */
void client_eof(struct client *client);                     /* closes its sending side */
void client_close(struct client *client);
bool client_work(struct client *client); /* what its session wants; true: something has happened */

/* --- bench_line.c */
extern const struct upstream_link_ops bench_link_ops; /* context: the struct bench */
struct dialled *line_newest(struct bench *bench);     /* NULL: there is none */
struct dialled *line_oldest(struct bench *bench);
/* The server says it. An @ at the beginning of a line stands for the tag of the oldest unanswered command, which is
 * answered thereby; an octet of 0xfe anywhere for the same tag. */
void line_say(struct dialled *line, struct slice bytes);
void line_close(struct dialled *line, const char *reason);
void line_forget(struct dialled *line); /* without a word to its upstream, which is gone */
bool line_work(struct dialled *line);

#endif
