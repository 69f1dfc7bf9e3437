/* Puts a server's response together from the framer's events: text and small literals into one buffer, big message
 * literals handed on as they come. Never holds more than answer_max octets of a response, and after garbage always goes
 * on after the line and all of its literals.
 *
 * A FETCH that is streamed comes in parts. The buffer of every part but the first begins with a ( of our own, so that
 * the last part is a list like any other. */
#include "imap/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/framer.h"
#include "imap/response_line.h"

#define GARBAGE_SHOWN 200
#define KEPT_CAPACITY ((size_t)64 * 1024) /* a bigger buffer is given back after its line */
#define STREAM_CHECKS 64                  /* of one part: each reads it from its beginning */

struct response_reader {
    struct framer framer;
    struct arena arena;
    size_t answer_max;
    char *text; /* the present line or part */
    size_t length, capacity;
    size_t last_text; /* where the last piece of text begins: no literal's octets follow */
    bool spent;       /* set when text and arena were handed out; the next call clears both */
    bool begun;       /* something of the present response has been read */
    bool skipping;    /* it is garbage and is read to its end */
    bool streaming;
    bool fetch_open; /* a part was handed out, and more must follow */
    uint32_t fetch_number;
    unsigned stream_checks;
    struct response response;
};

struct response_reader *response_reader_new(size_t answer_max)
{
    struct response_reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return NULL;
    reader->answer_max = answer_max < SIZE_MAX / 16 ? answer_max : SIZE_MAX / 16;
    framer_init(&reader->framer, FRAMER_UPSTREAM, reader->answer_max);
    /* Four octets of a line make a value (48 octets): a million UIDs on one line must fit. */
    arena_init(&reader->arena, reader->answer_max * 12 + 64 * (size_t)1024);
    return reader;
}

static void clear_line(struct response_reader *reader)
{
    arena_clear(&reader->arena);
    if (reader->capacity > KEPT_CAPACITY) {
        free(reader->text);
        reader->text = NULL;
        reader->capacity = 0;
    }
    reader->length = reader->last_text = 0;
    reader->stream_checks = 0;
    reader->spent = false;
}

void response_reader_free(struct response_reader *reader)
{
    if (!reader)
        return;
    arena_clear(&reader->arena);
    free(reader->text);
    free(reader);
}

void response_reader_reset(struct response_reader *reader)
{
    clear_line(reader);
    framer_init(&reader->framer, FRAMER_UPSTREAM, reader->answer_max);
    reader->begun = reader->skipping = reader->streaming = reader->fetch_open = false;
}

/* ---- the buffer ---- */

static bool reserve(struct response_reader *reader, size_t needed)
{
    size_t capacity = reader->capacity ? reader->capacity : 512;
    char *text;

    if (needed <= reader->capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    text = realloc(reader->text, capacity);
    if (!text)
        return false;
    reader->text = text;
    reader->capacity = capacity;
    return true;
}

/* False: too big, or out of memory. One octet more than answer_max: the ( of our own. */
static bool append(struct response_reader *reader, struct slice bytes)
{
    if (bytes.length > reader->answer_max + 1 - reader->length)
        return false;
    if (!reserve(reader, reader->length + bytes.length))
        return false;
    if (bytes.length)
        memcpy(reader->text + reader->length, bytes.data, bytes.length);
    reader->length += bytes.length;
    return true;
}

static struct line present_line(const struct response_reader *reader)
{
    return (struct line){.bytes = {reader->text ? reader->text : "", reader->length}};
}

static void give_up(struct response_reader *reader)
{
    reader->skipping = true;
    framer_skip(&reader->framer);
}

/* ---- results ---- */

static struct response_input ready(struct response_reader *reader)
{
    reader->spent = true;
    return (struct response_input){.event = RESPONSE_EVENT_READY, .response = &reader->response};
}

/* "{99}" at the end, as a literal is announced. */
static bool announces_literal(struct slice line)
{
    size_t at = line.length;

    if (at < 3 || line.data[at - 1] != '}')
        return false;
    at--;
    if (line.data[at - 1] == '+')
        at--;
    while (at > 0 && line.data[at - 1] >= '0' && line.data[at - 1] <= '9')
        at--;
    return at > 0 && line.data[at - 1] == '{' && line.data[at] != '}';
}

static struct response_input garbage(struct response_reader *reader)
{
    struct response_input input = {.event = RESPONSE_EVENT_GARBAGE, .open_fetch = reader->fetch_open};
    size_t offset;

    if (reader->fetch_open)
        input.fetch_number = reader->fetch_number;
    else if (!response_line_begins_fetch(present_line(reader).bytes, &input.fetch_number, &offset))
        input.fetch_number = 0;
    input.bytes = present_line(reader).bytes;
    input.spare = !input.open_fetch && response_line_is_spare(input.bytes);
    input.announces_literal = announces_literal(input.bytes);
    if (input.bytes.length > GARBAGE_SHOWN)
        input.bytes.length = GARBAGE_SHOWN;
    reader->fetch_open = false;
    reader->skipping = false;
    reader->spent = true;
    return input;
}

static void make_fetch(struct response_reader *reader, struct fetch_pair *pairs, bool complete)
{
    reader->response = (struct response){
        .kind = RESPONSE_FETCH,
        .number = reader->fetch_number,
        .word = SLICE("FETCH"),
        .fetch = {.pairs = pairs, .first = !reader->fetch_open, .complete = complete},
    };
}

/* The last part of a FETCH that was streamed. */
static bool parse_last_part(struct response_reader *reader)
{
    struct line line = present_line(reader);
    struct fetch_pair *pairs;
    struct value *list;
    const char *error;

    line.any_octet = line.deep = line.sections = true;
    if (value_parse(line, 0, &reader->arena, &list, &error) != VALUE_OK || !value_is_list(list) || list->next)
        return false;
    if (!response_line_pairs(list->first, NULL, &reader->arena, &pairs))
        return false;
    make_fetch(reader, pairs, true);
    return true;
}

static bool parse_line(struct response_reader *reader)
{
    bool done;

    arena_clear(&reader->arena); /* values that check_stream read in vain */
    done = reader->fetch_open ? parse_last_part(reader)
                              : response_line_parse(present_line(reader), &reader->arena, &reader->response);
    if (done)
        reader->fetch_open = false;
    return done;
}

/* ---- streaming ---- */

enum stream_check { STREAM_NO, STREAM_YES, STREAM_GARBAGE };

static const struct value *last_of(const struct value *value)
{
    while (value && value->next)
        value = value->next;
    return value;
}

/* True: the text before a literal is a FETCH that waits, at its top level, for the value of a message item. */
static enum stream_check check_stream(struct response_reader *reader, struct value **values, const struct value **name)
{
    struct line line = present_line(reader);
    size_t offset = 0;
    const char *error;

    if (++reader->stream_checks > STREAM_CHECKS)
        return STREAM_NO;
    if (!reader->fetch_open && !response_line_begins_fetch(line.bytes, &reader->fetch_number, &offset))
        return STREAM_NO;
    arena_clear(&reader->arena);
    line.any_octet = line.deep = line.sections = true;
    if (value_parse(line, offset + 1, &reader->arena, values, &error) != VALUE_OK)
        return STREAM_NO;
    *name = last_of(*values);
    if (value_count(*values) % 2 == 0 || (*name)->kind != VALUE_ATOM || !response_line_streams((*name)->text))
        return STREAM_NO;
    return STREAM_YES;
}

static enum stream_check begin_stream(struct response_reader *reader, struct frame frame)
{
    const struct value *name = NULL;
    struct value *values = NULL;
    struct fetch_pair *pairs;
    struct slice stream_name;

    if (frame.literal_size <= RESPONSE_INLINE_MAX || check_stream(reader, &values, &name) == STREAM_NO)
        return STREAM_NO;
    stream_name = name->text;
    if (!response_line_pairs(values, name, &reader->arena, &pairs) || !response_line_name(&stream_name, &reader->arena))
        return STREAM_GARBAGE;
    make_fetch(reader, pairs, false);
    reader->response.fetch.stream_name = stream_name;
    reader->response.fetch.stream_size = frame.literal_size;
    reader->response.fetch.stream_literal8 = frame.literal8;
    reader->fetch_open = reader->streaming = true;
    return STREAM_YES;
}

/* ---- one function for each event of the framer; true: input is filled ---- */

static bool is_padding(char c)
{
    return c == ' ' || c == '\0';
}

static bool take_text(struct response_reader *reader, struct frame frame, struct response_input *input)
{
    struct slice text = frame.bytes;

    (void)input;
    if (!reader->begun)
        while (text.length > 0 && is_padding(text.data[0]))
            text = (struct slice){text.data + 1, text.length - 1};
    reader->begun = true;
    if (reader->streaming && !append(reader, SLICE("(")))
        give_up(reader);
    reader->streaming = false;
    reader->last_text = reader->length;
    if (!reader->skipping && !append(reader, text))
        give_up(reader);
    return false;
}

static bool take_literal(struct response_reader *reader, struct frame frame, struct response_input *input)
{
    char announced[32];
    int length;

    switch (begin_stream(reader, frame)) {
    case STREAM_YES:
        *input = ready(reader);
        return true;
    case STREAM_GARBAGE:
        give_up(reader);
        return false;
    case STREAM_NO:
        break;
    }
    length = snprintf(announced, sizeof(announced), "%s{%llu}\r\n", frame.literal8 ? "~" : "",
                      (unsigned long long)frame.literal_size);
    if (frame.literal_size > reader->answer_max || !append(reader, (struct slice){announced, (size_t)length}) ||
        frame.literal_size > reader->answer_max + 1 - reader->length)
        give_up(reader);
    return false;
}

static bool take_data(struct response_reader *reader, struct frame frame, struct response_input *input)
{
    if (reader->streaming) {
        *input = (struct response_input){.event = RESPONSE_EVENT_DATA, .bytes = frame.bytes};
        return true;
    }
    if (!append(reader, frame.bytes))
        give_up(reader);
    return false;
}

static bool take_end(struct response_reader *reader, struct frame frame, struct response_input *input)
{
    (void)frame;
    reader->begun = false;
    while (!reader->skipping && reader->length > reader->last_text && is_padding(reader->text[reader->length - 1]))
        reader->length--;
    if (!reader->skipping && reader->length == 0)
        return false; /* an empty line */
    *input = !reader->skipping && parse_line(reader) ? ready(reader) : garbage(reader);
    return true;
}

static bool take_too_long(struct response_reader *reader, struct frame frame, struct response_input *input)
{
    (void)input;
    if (reader->length == 0)
        append(reader, frame.bytes);
    reader->begun = true;
    reader->streaming = false;
    give_up(reader);
    return false;
}

struct response_input response_reader_next(struct response_reader *reader, struct evbuffer *in)
{
    static bool (*const takers[])(struct response_reader *, struct frame, struct response_input *) = {
        [FRAMER_TEXT] = take_text, [FRAMER_LITERAL] = take_literal,   [FRAMER_DATA] = take_data,
        [FRAMER_END] = take_end,   [FRAMER_TOO_LONG] = take_too_long,
    };
    struct response_input input = {.event = RESPONSE_EVENT_MORE};
    struct frame frame;

    if (reader->spent)
        clear_line(reader);
    do {
        frame = framer_next(&reader->framer, in);
        if (frame.event == FRAMER_MORE)
            return (struct response_input){.event = RESPONSE_EVENT_MORE};
    } while (!takers[frame.event](reader, frame, &input));
    return input;
}

void response_reader_settle(struct response_reader *reader, struct evbuffer *in)
{
    framer_settle(&reader->framer, in);
}
