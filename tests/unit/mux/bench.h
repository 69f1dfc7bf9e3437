/* An upstream with a link that the test holds in its hand: what is written can be read, and the server's words are said
 * by the test. */
#ifndef IMAPMUX_TESTS_UNIT_MUX_BENCH_H
#define IMAPMUX_TESTS_UNIT_MUX_BENCH_H

#include <event2/buffer.h>

#include "mux/ground.h"
#include "mux/upstream.h"

struct bench {
    int compressions; /* that the link was told to begin */
    struct ground ground;
    struct settings settings;
    struct log log;
    struct upstream_settings upstream_settings;
    struct upstream *upstream;
    struct evbuffer *in;
    unsigned dials;
    bool closing;        /* the link has been told to close */
    char last_log[1000]; /* the last line of the log */
    char written[20000]; /* bench_written: the commands since the last call */
    char tag[32];        /* of the last command that bench_written has seen */
};

void bench_init(struct bench *bench); /* a ground, no upstream */
/* An upstream of this owner, dialled and logged in; the server has these capabilities behind IMAP4rev1. */
void bench_log_in(struct bench *bench, const struct upstream_owner *owner, const char *capabilities);
void bench_clear(struct bench *bench);
/* What has been written since the last call, without tags, lines joined by '\n'. Borrowed until the next call. */
const char *bench_written(struct bench *bench);
/* The server says so. "%T" stands for the tag of the last command; lines end with CRLF. */
void bench_say(struct bench *bench, const char *text);
void bench_closed(struct bench *bench); /* the link reports that its descriptor is closed */

#endif
