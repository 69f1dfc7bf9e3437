/* What the fuzz targets share: options taken off the input, demands that must hold, and feeding a reader of the wire in
 * pieces. A target takes its options from the END of the input, so that a file of plain traffic is a seed as it is. */
#ifndef IMAPMUX_TESTS_FUZZ_FUZZ_H
#define IMAPMUX_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/spool.h"
#include "imap/value.h"

struct evbuffer;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes the last octet of the input as a number below `below` (1 to 256); 0 if nothing is left. */
unsigned fuzz_option(struct slice *input, unsigned below);
/* Ends the program with a line that says what does not hold. */
void fuzz_require(bool holds, const char *what);
void *fuzz_memory(void *memory); /* the same; out of memory ends the program */

/* What came out of a reader, written down so that it can be compared. Pieces of data that follow each other are one. */
struct fuzz_record {
    struct evbuffer *text;
    bool in_data;
};
void fuzz_note(struct fuzz_record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fuzz_note_bytes(struct fuzz_record *record, struct slice bytes);
void fuzz_note_data(struct fuzz_record *record, struct slice piece);
void fuzz_note_values(struct fuzz_record *record, const struct value *first);

struct fuzz_feeder {
    void *(*start)(void *context);
    /* All that `in` gives. */
    void (*take)(void *reader, struct evbuffer *in, struct fuzz_record *record);
    void (*end)(void *reader);
    void *context;
    bool owns; /* the reader overwrites what it has read: pieces are no references */
};
/* Feeds the bytes whole, in pieces by the seed, and octet by octet: the record must always be the same. */
void fuzz_feed(const struct fuzz_feeder *feeder, struct slice bytes, unsigned seed);

/* Equal but for the kinds of strings: which of quoted and literal it is, the printer decides by the bytes. */
bool fuzz_same_values(const struct value *a, const struct value *b);
/* The whole content, contiguous; borrowed until the buffer changes. */
struct slice fuzz_content(struct evbuffer *buffer);

/* Spools in memory, of at most 64 KB. */
extern const struct spool_ops fuzz_spool_ops;

#endif
