/* Puts a client's command together. Stands between the framer and the session, which decides about every literal; until
 * then nothing more is read. Input before login may hold a password. It is kept in one buffer of fixed size that is
 * wiped, never in one that grows and leaves copies. */
#include "imap/command_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define KEPT_CAPACITY ((size_t)4096) /* a bigger buffer is given back after its line */

enum mode {
    MODE_READING,
    MODE_WAITING,  /* a literal was announced; the owner has not decided about it */
    MODE_ACCEPTED, /* its octets go into the line */
    MODE_SPOOLING, /* its octets are handed out */
    MODE_OVERFULL, /* an accepted literal does not fit: TOO_LONG comes next */
    MODE_REFUSED,  /* the line is dropped up to its end; then SKIPPED comes */
    MODE_DROPPING, /* the same, and nothing comes */
};

struct command_reader {
    struct framer framer;
    enum mode mode;
    bool wipe;
    char *text;
    size_t length, capacity;
    size_t *spooled; /* offsets of spooled literals in the line */
    size_t spooled_count, spooled_capacity;
    bool no_memory;         /* set when want of memory makes the present line TOO_LONG */
    bool spent;             /* the line was handed out: cleared by the next call */
    struct frame announced; /* WAITING */
    size_t next_line_max;   /* in force from the next line on */
    bool next_wipe;
};

static void wipe_text(struct command_reader *reader)
{
    if (reader->wipe)
        secret_wipe(reader->text, reader->capacity);
}

/* The limits that were asked for come into force. Without memory for the fixed buffer the former stay. */
static bool apply_limits(struct command_reader *reader)
{
    char *text = NULL;

    if (reader->next_wipe) {
        text = malloc(reader->next_line_max + 1);
        if (!text)
            return false;
    }
    wipe_text(reader);
    free(reader->text);
    reader->text = text;
    reader->capacity = text ? reader->next_line_max : 0;
    reader->wipe = reader->next_wipe;
    reader->framer.line_max = reader->next_line_max;
    return true;
}

struct command_reader *command_reader_new(size_t line_max, bool wipe)
{
    struct command_reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return NULL;
    framer_init(&reader->framer, FRAMER_CLIENT, line_max);
    command_reader_set_limit(reader, line_max, wipe);
    if (!apply_limits(reader)) {
        free(reader);
        return NULL;
    }
    return reader;
}

void command_reader_free(struct command_reader *reader)
{
    if (!reader)
        return;
    wipe_text(reader);
    free(reader->text);
    free(reader->spooled);
    free(reader);
}

void command_reader_set_limit(struct command_reader *reader, size_t line_max, bool wipe)
{
    reader->next_line_max = line_max < SIZE_MAX / 4 ? line_max : SIZE_MAX / 4;
    reader->next_wipe = wipe;
}

static void clear_line(struct command_reader *reader)
{
    wipe_text(reader);
    reader->length = 0;
    reader->spooled_count = 0;
    reader->spent = false;
    if (!reader->wipe && reader->capacity > KEPT_CAPACITY) {
        free(reader->text);
        reader->text = NULL;
        reader->capacity = 0;
    }
}

/* ---- the buffer ---- */

static bool reserve(struct command_reader *reader, size_t needed)
{
    size_t capacity = reader->capacity ? reader->capacity : 256;
    char *text;

    if (needed > reader->framer.line_max)
        return false;
    if (needed <= reader->capacity)
        return true;
    if (reader->wipe)
        return false;
    while (capacity < needed)
        capacity *= 2;
    text = realloc(reader->text, capacity);
    if (!text) {
        reader->no_memory = true;
        return false;
    }
    reader->text = text;
    reader->capacity = capacity;
    return true;
}

static bool append(struct command_reader *reader, struct slice bytes)
{
    if (!reserve(reader, reader->length + bytes.length))
        return false;
    /* In wipe mode the framer has put text there already. */
    if (bytes.length && bytes.data != reader->text + reader->length)
        memcpy(reader->text + reader->length, bytes.data, bytes.length);
    reader->length += bytes.length;
    return true;
}

static bool append_announcement(struct command_reader *reader)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%s{%llu}\r\n", reader->announced.literal8 ? "~" : "",
                          (unsigned long long)reader->announced.literal_size);

    return append(reader, (struct slice){text, (size_t)length});
}

static bool note_spooled(struct command_reader *reader)
{
    if (reader->spooled_count == reader->spooled_capacity) {
        size_t capacity = reader->spooled_capacity ? reader->spooled_capacity * 2 : 4;
        size_t *grown = reallocarray(reader->spooled, capacity, sizeof(*grown));
        if (!grown) {
            reader->no_memory = true;
            return false;
        }
        reader->spooled = grown;
        reader->spooled_capacity = capacity;
    }
    reader->spooled[reader->spooled_count++] = reader->length;
    return true;
}

static struct line present_line(const struct command_reader *reader)
{
    return (struct line){.bytes = {reader->text ? reader->text : "", reader->length},
                         .spooled = reader->spooled,
                         .spooled_count = reader->spooled_count};
}

/* ---- one function for each event of the framer; true: input is filled ---- */

static bool too_long(struct command_reader *reader, struct command_input *input)
{
    framer_skip(&reader->framer);
    reader->mode = MODE_DROPPING;
    reader->spent = true;
    *input = (struct command_input){.event = reader->no_memory ? COMMAND_NO_MEMORY : COMMAND_TOO_LONG,
                                    .line = present_line(reader)};
    reader->no_memory = false;
    return true;
}

static bool take_text(struct command_reader *reader, struct frame frame, struct command_input *input)
{
    reader->mode = MODE_READING;
    return append(reader, frame.bytes) ? false : too_long(reader, input);
}

static bool take_literal(struct command_reader *reader, struct frame frame, struct command_input *input)
{
    reader->mode = MODE_WAITING;
    reader->announced = frame;
    *input = (struct command_input){.event = COMMAND_LITERAL,
                                    .line = present_line(reader),
                                    .literal_size = frame.literal_size,
                                    .synchronising = frame.synchronising,
                                    .literal8 = frame.literal8};
    return true;
}

static bool take_data(struct command_reader *reader, struct frame frame, struct command_input *input)
{
    if (reader->mode == MODE_SPOOLING) {
        *input = (struct command_input){.event = COMMAND_DATA, .bytes = frame.bytes};
        return true;
    }
    return append(reader, frame.bytes) ? false : too_long(reader, input);
}

static bool take_end(struct command_reader *reader, struct frame frame, struct command_input *input)
{
    enum mode mode = reader->mode;

    (void)frame;
    reader->mode = MODE_READING;
    if (mode == MODE_DROPPING)
        return false;
    reader->spent = true;
    if (mode == MODE_REFUSED)
        *input = (struct command_input){.event = COMMAND_SKIPPED};
    else
        *input = (struct command_input){.event = COMMAND_READY, .line = present_line(reader)};
    return true;
}

static bool take_too_long(struct command_reader *reader, struct frame frame, struct command_input *input)
{
    reader->no_memory = reader->framer.no_memory;
    if (reader->length == 0)
        append(reader, frame.bytes);
    return too_long(reader, input);
}

static void begin_line(struct command_reader *reader)
{
    if (reader->spent)
        clear_line(reader);
    if (framer_at_line_start(&reader->framer) &&
        (reader->wipe != reader->next_wipe || reader->framer.line_max != reader->next_line_max))
        apply_limits(reader);
}

/* Literals in the line count too, and secret text is copied to the rest of the buffer. */
static void prepare_framer(struct command_reader *reader)
{
    if (reader->framer.line_used < reader->length)
        reader->framer.line_used = reader->length;
    reader->framer.secret_text = reader->wipe ? reader->text + reader->length : NULL;
}

struct command_input command_reader_next(struct command_reader *reader, struct evbuffer *in)
{
    static bool (*const takers[])(struct command_reader *, struct frame, struct command_input *) = {
        [FRAMER_TEXT] = take_text, [FRAMER_LITERAL] = take_literal,   [FRAMER_DATA] = take_data,
        [FRAMER_END] = take_end,   [FRAMER_TOO_LONG] = take_too_long,
    };
    struct command_input input = {.event = COMMAND_MORE};
    struct frame frame;

    begin_line(reader);
    if (reader->mode == MODE_WAITING)
        return input;
    if (reader->mode == MODE_OVERFULL) {
        too_long(reader, &input);
        return input;
    }
    do {
        prepare_framer(reader);
        frame = framer_next(&reader->framer, in);
        if (frame.event == FRAMER_MORE)
            return (struct command_input){.event = COMMAND_MORE};
    } while (!takers[frame.event](reader, frame, &input));
    return input;
}

/* ---- the owner's verbs ---- */

void command_reader_accept(struct command_reader *reader)
{
    if (reader->mode != MODE_WAITING)
        return;
    /* From here on the client may have been told to send: its octets come, whatever happens to the line. */
    reader->framer.synchronising = false;
    reader->mode = MODE_ACCEPTED;
    if (!append_announcement(reader) || reader->announced.literal_size > reader->framer.line_max - reader->length)
        reader->mode = MODE_OVERFULL;
}

void command_reader_spool(struct command_reader *reader)
{
    if (reader->mode != MODE_WAITING)
        return;
    reader->framer.synchronising = false;
    reader->mode = MODE_SPOOLING;
    if (!note_spooled(reader) || !append_announcement(reader))
        reader->mode = MODE_OVERFULL;
}

void command_reader_refuse(struct command_reader *reader)
{
    if (reader->mode != MODE_WAITING)
        return;
    framer_skip(&reader->framer);
    reader->mode = MODE_REFUSED;
}

size_t command_reader_used(const struct command_reader *reader)
{
    return reader->spent ? 0 : reader->length;
}

bool command_reader_idle(const struct command_reader *reader)
{
    return framer_at_line_start(&reader->framer);
}

void command_reader_settle(struct command_reader *reader, struct evbuffer *in)
{
    if (reader->spent)
        clear_line(reader);
    framer_settle(&reader->framer, in);
}
