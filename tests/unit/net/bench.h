/* What the tests of net stand on: an event base and a run queue that are stepped until something is true, pairs of
 * sockets, certificates made on the spot, and fakes of the session and the upstream that the links serve. */
#ifndef IMAPMUX_TESTS_UNIT_NET_BENCH_H
#define IMAPMUX_TESTS_UNIT_NET_BENCH_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "base/runqueue.h"
#include "mux/link.h"
#include "mux/settings.h"

struct bench {
    struct event_base *base;
    struct runqueue *runqueue;
    struct settings settings;
    struct log log;
    char logged[8192];
    usec ahead; /* added to the clock, to make time pass */
};

void bench_open(struct bench *bench);
void bench_close(struct bench *bench);
usec bench_now(const struct bench *bench);
void bench_round(struct bench *bench); /* one round of events, one step */
/* Rounds until condition(context) is true, five seconds at most. Returns whether it became true. */
bool bench_until(struct bench *bench, bool (*condition)(void *context), void *context);
void bench_rounds(struct bench *bench, int count);

/* Two connected TCP sockets on loopback, non-blocking. */
void bench_sockets(int pair[2]);
/* Which descriptor of this process is the other end of this connection? */
int bench_other_end(int descriptor);
/* Does the kernel put acknowledgements off on this connection, hoping for octets that carry them? */
bool bench_delays_acknowledgements(int descriptor);
void bench_delay_acknowledgements(int descriptor);
/* Reads what is there now; returns how many octets, -1 with EOF. */
long bench_read(int descriptor, char *bytes, size_t size);

/* A self-signed certificate and its key in files of a new directory; names as OpenSSL's subjectAltName:
 * "DNS:mail.example,IP:127.0.0.1". days < 0: expired. */
struct bench_certificate {
    char directory[64], cert[96], key[96];
};
void bench_certificate(struct bench_certificate *certificate, const char *names, int days);
void bench_certificate_remove(const struct bench_certificate *certificate);

/* --- the fake session: one at a time */
struct session;
struct fake_session {
    struct session *session; /* NULL: none lives */
    struct evbuffer *taken;
    struct evbuffer *output;
    unsigned wants;
    size_t take_most; /* octets that session_receive takes in all */
    bool logged_in, secure, starttls, plaintext_login, awaits_rest;
    bool compress;
    int made, secured, compressed, ended_input, closed;
    void (*wake)(void *link);
    void *link;
};
extern struct fake_session fake_session;
void fake_session_say(const char *text);
bool fake_session_has(const char *text); /* it has taken exactly this */

/* --- the fake upstream */
struct upstream;
struct fake_upstream {
    struct evbuffer *taken, *output;
    int connected, secured, compressed, closed, writable;
    bool start_tls_on_connect, start_tls_after_receive, busy;
    size_t compress_after; /* takes so many octets, then wants compression; 0: it does not */
    char reason[600];
    void *link;
    struct link_ends between, ends;
    int unheard, sourceless;
};
extern struct fake_upstream fake_upstream;
struct upstream *fake_upstream_reset(void);
void fake_upstream_free(void);
bool fake_upstream_has(const char *text);

#endif
