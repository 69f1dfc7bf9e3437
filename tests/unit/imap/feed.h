/* Feeds a reader and writes down what came out, so that two ways of feeding the same bytes can be compared: whole, cut
 * in two at every point, octet by octet. */
#ifndef IMAPMUX_TESTS_UNIT_IMAP_FEED_H
#define IMAPMUX_TESTS_UNIT_IMAP_FEED_H

#include <stddef.h>

#include "base/slice.h"

struct evbuffer;

/* Reads all events that `in` gives and appends them to `record` as text, pieces of DATA put together. */
struct feeder {
    void *(*start)(void);
    void (*take)(void *reader, struct evbuffer *in, struct evbuffer *record);
    void (*end)(void *reader);
};

/* Feeds the input whole; returns the record, owned. */
char *feed_whole(const struct feeder *feeder, struct slice input);
/* Feeds it in every way and asserts that the record is always `expected`. */
void feed_every_way(const struct feeder *feeder, struct slice input, const char *expected);
/* The same, without saying what is expected but that it is always the same. */
void feed_consistently(const struct feeder *feeder, struct slice input);

/* For records: text with control characters as \xNN. */
void record_quoted(struct evbuffer *record, struct slice text);
/* Appends a piece of DATA: pieces that follow each other read as one. */
void record_data(struct evbuffer *record, struct slice piece);
struct value;
/* Atoms as they are, strings in quotes, literals as {n}text, lists in parentheses. */
void record_values(struct evbuffer *record, const struct value *first);

#endif
