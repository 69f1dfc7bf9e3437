/* See fuzz.h. A piece that is fed is a block of its own, so that the sanitizer sees reading past its end. */
#include "fuzz/fuzz.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define SPOOL_MAX        (64 * 1024)
#define OCTET_BY_OCTET   2000 /* longer inputs are not fed so: it takes too long */
#define COMPARED_IN_FULL 4000

unsigned fuzz_option(struct slice *input, unsigned below)
{
    if (input->length == 0)
        return 0;
    input->length--;
    return (unsigned char)input->data[input->length] % below;
}

void fuzz_require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz: does not hold: %s\n", what);
    abort();
}

void *fuzz_memory(void *memory)
{
    fuzz_require(memory != NULL, "there is memory");
    return memory;
}

struct slice fuzz_content(struct evbuffer *buffer)
{
    size_t length = evbuffer_get_length(buffer);

    if (length == 0)
        return (struct slice){"", 0};
    return (struct slice){fuzz_memory(evbuffer_pullup(buffer, -1)), length};
}

/* --- records */

static void leave_data(struct fuzz_record *record)
{
    if (record->in_data)
        evbuffer_add(record->text, "\n", 1);
    record->in_data = false;
}

void fuzz_note(struct fuzz_record *record, const char *format, ...)
{
    va_list arguments;

    leave_data(record);
    va_start(arguments, format);
    evbuffer_add_vprintf(record->text, format, arguments);
    va_end(arguments);
    evbuffer_add(record->text, "\n", 1);
}

void fuzz_note_bytes(struct fuzz_record *record, struct slice bytes)
{
    leave_data(record);
    evbuffer_add_printf(record->text, "%zu:", bytes.length);
    evbuffer_add(record->text, bytes.data, bytes.length);
    evbuffer_add(record->text, "\n", 1);
}

void fuzz_note_data(struct fuzz_record *record, struct slice piece)
{
    fuzz_require(piece.length > 0, "a piece of data is not empty");
    if (!record->in_data)
        evbuffer_add(record->text, "data ", 5);
    record->in_data = true;
    evbuffer_add(record->text, piece.data, piece.length);
}

void fuzz_note_values(struct fuzz_record *record, const struct value *first)
{
    for (const struct value *value = first; value; value = value->next) {
        fuzz_note(record, "value %d %u %llu", (int)value->kind, value->spool_index, (unsigned long long)value->size);
        fuzz_note_bytes(record, value->text);
        fuzz_note_values(record, value->first);
    }
    fuzz_note(record, "end of list");
}

/* --- feeding */

static void free_piece(const void *data, size_t size, void *context)
{
    (void)size;
    (void)context;
    free((void *)(uintptr_t)data);
}

static void give(const struct fuzz_feeder *feeder, void *reader, struct evbuffer *in, struct slice piece,
                 struct fuzz_record *record)
{
    char *copy = fuzz_memory(malloc(piece.length + (piece.length == 0)));

    memcpy(copy, piece.data, piece.length);
    if (feeder->owns) {
        evbuffer_add(in, copy, piece.length);
        free(copy);
    } else {
        evbuffer_add_reference(in, copy, piece.length, free_piece, NULL);
    }
    feeder->take(reader, in, record);
}

static size_t next_piece(struct random *random, size_t most, size_t left)
{
    size_t size = 1 + (size_t)random_below(random, most);

    return size < left ? size : left;
}

/* Pieces of at most `most` octets. */
static struct evbuffer *feed(const struct fuzz_feeder *feeder, struct slice bytes, unsigned seed, size_t most)
{
    struct fuzz_record record = {.text = fuzz_memory(evbuffer_new())};
    struct evbuffer *in = fuzz_memory(evbuffer_new());
    void *reader = feeder->start(feeder->context);
    struct random random;

    random_init(&random, seed);
    for (size_t at = 0; at < bytes.length;) {
        size_t size = most < bytes.length ? next_piece(&random, most, bytes.length - at) : bytes.length;
        give(feeder, reader, in, (struct slice){bytes.data + at, size}, &record);
        at += size;
    }
    leave_data(&record);
    feeder->end(reader);
    evbuffer_free(in);
    return record.text;
}

static void compare(struct evbuffer *expected, struct evbuffer *actual)
{
    struct slice a = fuzz_content(expected), b = fuzz_content(actual);

    if (!slice_equal(a, b)) {
        fprintf(stderr, "--- fed whole:\n%.*s\n--- fed in pieces:\n%.*s\n",
                (int)(a.length < COMPARED_IN_FULL ? a.length : COMPARED_IN_FULL), a.data,
                (int)(b.length < COMPARED_IN_FULL ? b.length : COMPARED_IN_FULL), b.data);
        fuzz_require(false, "what comes out does not depend on how the bytes arrive");
    }
    evbuffer_free(actual);
}

void fuzz_feed(const struct fuzz_feeder *feeder, struct slice bytes, unsigned seed)
{
    struct evbuffer *whole = feed(feeder, bytes, seed, SIZE_MAX);

    compare(whole, feed(feeder, bytes, seed, 1 + seed % 61));
    if (bytes.length < OCTET_BY_OCTET && seed % 4 == 0)
        compare(whole, feed(feeder, bytes, seed, 1));
    evbuffer_free(whole);
}

/* --- values */

static enum value_kind kind_of(const struct value *value)
{
    return value->kind == VALUE_LITERAL ? VALUE_QUOTED : value->kind;
}

bool fuzz_same_values(const struct value *a, const struct value *b)
{
    for (; a && b; a = a->next, b = b->next) {
        if (kind_of(a) != kind_of(b) || !slice_equal(a->text, b->text) || !fuzz_same_values(a->first, b->first))
            return false;
    }
    return !a && !b;
}

/* --- spools */

struct spool {
    char bytes[SPOOL_MAX];
    size_t size;
};

static struct spool *open_spool(void *context)
{
    (void)context;
    return calloc(1, sizeof(struct spool));
}

static bool append_to_spool(struct spool *spool, const void *bytes, size_t size)
{
    if (size > SPOOL_MAX - spool->size)
        return false;
    memcpy(spool->bytes + spool->size, bytes, size);
    spool->size += size;
    return true;
}

static size_t read_spool(struct spool *spool, uint64_t offset, void *bytes, size_t size)
{
    size_t left = offset < spool->size ? spool->size - (size_t)offset : 0;

    if (size > left)
        size = left;
    memcpy(bytes, spool->bytes + (left ? offset : 0), size);
    return size;
}

static uint64_t spool_size(const struct spool *spool)
{
    return spool->size;
}

static void close_spool(struct spool *spool)
{
    free(spool);
}

const struct spool_ops fuzz_spool_ops = {
    .open = open_spool, .append = append_to_spool, .read = read_spool, .size = spool_size, .close = close_spool};
