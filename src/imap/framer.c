/* Cuts a byte stream into text, literals and line ends. Stands in front of all grammars, on both sides, so that a
 * broken line can always be skipped and literal bytes never come out as text, whatever stands around them.
 *
 *                 +------------------------- END ---------------------------+
 *                 v                                                         |
 *     start -> [TEXT] -- text --> [ENDING] ---------------------------------+
 *                |  ^  -- text --> [ANNOUNCED] -- LITERAL --> [LITERAL] -+  |
 *                |  +---------------- all octets are through ------------+  |
 *                +-- TOO_LONG --> [TOO_LONG] -- framer_skip --> [SKIP] -----+
 *
 * Text is held in the evbuffer until its line is whole, so no event depends on how the bytes arrived. Skipped octets
 * are never held. */
#include "imap/framer.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/secret.h"

enum state {
    STATE_TEXT,      /* text comes next */
    STATE_ENDING,    /* the last text was handed out; END comes next */
    STATE_ANNOUNCED, /* the text before a literal was handed out; LITERAL comes next */
    STATE_LITERAL,   /* octets of a literal come next */
    STATE_TOO_LONG,
    STATE_SKIP,      /* literal_left octets, then the rest of the line, are dropped */
    STATE_SKIP_DONE, /* nothing of the line is left */
};

enum quote { QUOTE_OUTSIDE, QUOTE_INSIDE, QUOTE_ESCAPE };

#define LITERAL_MAX ((uint64_t)INT64_MAX)
#define LONG_HEAD   512 /* octets that are there before a line is called too long: enough to see a status in */
#define LONG_SHOWN  200
#define TAIL_MAX    32 /* octets of the longest announcement, "~{18446744073709551615+}" and room */

struct announcement {
    size_t length; /* octets of text that it takes */
    uint64_t size;
    bool plus;
    bool literal8;
};

void framer_init(struct framer *framer, enum framer_side side, size_t line_max)
{
    *framer = (struct framer){.side = side, .line_max = line_max, .first = true};
}

/* ---- the meaning of a text ---- */

static int quote_after(int quote, char c)
{
    if (quote == QUOTE_ESCAPE)
        return QUOTE_INSIDE;
    if (quote == QUOTE_INSIDE && c == '\\')
        return QUOTE_ESCAPE;
    if (c == '"')
        return quote == QUOTE_INSIDE ? QUOTE_OUTSIDE : QUOTE_INSIDE;
    return quote;
}

static bool ends_outside_quotes(struct slice text)
{
    int quote = QUOTE_OUTSIDE;

    for (size_t i = 0; i < text.length; i++)
        quote = quote_after(quote, text.data[i]);
    return quote == QUOTE_OUTSIDE;
}

/* Does the text end in {n}, {n+}, ~{n} or ~{n+}? */
static bool find_announcement(struct slice text, struct announcement *found)
{
    size_t end = text.length, digits;

    if (end == 0 || text.data[--end] != '}')
        return false;
    found->plus = end > 0 && text.data[end - 1] == '+';
    if (found->plus)
        end--;
    digits = end;
    while (digits > 0 && text.data[digits - 1] >= '0' && text.data[digits - 1] <= '9')
        digits--;
    if (digits == 0 || text.data[digits - 1] != '{')
        return false;
    if (!slice_number((struct slice){text.data + digits, end - digits}, LITERAL_MAX, &found->size))
        return false;
    found->literal8 = digits > 1 && text.data[digits - 2] == '~';
    found->length = text.length - (digits - 1) + found->literal8;
    return true;
}

static struct slice next_word(struct slice *text)
{
    struct slice word;
    size_t end;

    while (text->length > 0 && (*text->data == ' ' || *text->data == '\0'))
        *text = (struct slice){text->data + 1, text->length - 1};
    for (end = 0; end < text->length && text->data[end] != ' '; end++)
        ;
    word = (struct slice){text->data, end};
    *text = (struct slice){text->data + end, text->length - end};
    return word;
}

/* "+ ...", "* OK ...", "tag NO ...": free text may stand in it, {99} at its end too. */
static bool is_status(struct slice text)
{
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    struct slice word = next_word(&text);

    if (word.length > 0 && word.data[0] == '+')
        return true;
    word = next_word(&text);
    while (word.length > 0 && word.data[word.length - 1] == '\0')
        word.length--;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_equal_nocase(word, slice_of(words[i])))
            return true;
    return false;
}

/* ---- the evbuffer ---- */

/* The octets that lie together at the front of `in`, at most `most`. Moves nothing. */
static struct slice front(struct evbuffer *in, size_t most)
{
    size_t together = evbuffer_get_contiguous_space(in);
    unsigned char *data;

    if (together > most)
        together = most;
    if (together == 0 && most > 0 && evbuffer_get_length(in) > 0)
        together = 1; /* an empty link stands before the bytes */
    data = together ? evbuffer_pullup(in, (ev_ssize_t)together) : NULL;
    return (struct slice){(const char *)data, data ? together : 0};
}

/* Drops `size` octets from the front, taking note of the quotes among them. */
static void pass(struct framer *framer, struct evbuffer *in, size_t size)
{
    while (size > 0) {
        struct slice piece = front(in, size);
        if (piece.length == 0)
            return;
        for (size_t i = 0; i < piece.length; i++)
            framer->quote = quote_after(framer->quote, piece.data[i]);
        if (framer->secret_text)
            secret_wipe(evbuffer_pullup(in, (ev_ssize_t)piece.length), piece.length);
        evbuffer_drain(in, piece.length);
        size -= piece.length;
    }
    framer->scanned = 0;
}

static void drain_borrowed(struct framer *framer, struct evbuffer *in)
{
    int quote = framer->quote;

    if (framer->drain == 0)
        return;
    if (framer->secret_text)
        pass(framer, in, framer->drain);
    else
        evbuffer_drain(in, framer->drain);
    framer->quote = quote;
    framer->scanned = 0;
    framer->drain = 0;
}

void framer_settle(struct framer *framer, struct evbuffer *in)
{
    drain_borrowed(framer, in);
    framer->scanned = 0; /* the next reader of `in` may take octets out of it */
}

/* Finds the line end. length: octets before it; end: octets of it. */
static bool find_line(struct framer *framer, struct evbuffer *in, size_t *length, size_t *end)
{
    size_t there = evbuffer_get_length(in);
    struct evbuffer_ptr at;

    if (framer->scanned > there)
        framer->scanned = 0;
    if (there == framer->scanned + 1 && framer->scanned > 0)
        return false;
    if (evbuffer_ptr_set(in, &at, framer->scanned, EVBUFFER_PTR_SET) < 0)
        return false;
    at = evbuffer_search_eol(in, &at, end, EVBUFFER_EOL_CRLF);
    if (at.pos < 0) {
        framer->scanned = there > 0 ? there - 1 : 0; /* the last octet may be the CR of a CRLF */
        return false;
    }
    *length = (size_t)at.pos;
    return true;
}

static struct slice borrow(const struct framer *framer, struct evbuffer *in, size_t size)
{
    if (size == 0)
        return (struct slice){"", 0};
    if (framer->secret_text) {
        evbuffer_copyout(in, framer->secret_text, size);
        return (struct slice){framer->secret_text, size};
    }
    return (struct slice){(const char *)evbuffer_pullup(in, (ev_ssize_t)size), size};
}

/* ---- one function for each state ---- */

static struct frame end_of_line(struct framer *framer)
{
    framer->state = STATE_TEXT;
    framer->line_used = 0;
    framer->literal_left = 0;
    framer->quote = QUOTE_OUTSIDE;
    framer->first = true;
    framer->status = false;
    return (struct frame){.event = FRAMER_END};
}

static struct frame too_long(struct framer *framer, struct evbuffer *in, size_t room)
{
    char head[LONG_HEAD];
    ev_ssize_t copied = evbuffer_copyout(in, head, sizeof(head));
    struct slice text = {head, copied > 0 ? (size_t)copied : 0};
    const char *line_end = memchr(head, '\n', text.length);

    if (line_end)
        text.length = (size_t)(line_end - head);
    if (line_end && text.length > 0 && text.data[text.length - 1] == '\r')
        text.length--;
    framer->status = framer->side == FRAMER_UPSTREAM && framer->first && is_status(text);
    framer->state = STATE_TOO_LONG;
    framer->first = false;
    secret_wipe(head, sizeof(head));
    if (text.length > room)
        text.length = room;
    if (text.length > LONG_SHOWN)
        text.length = LONG_SHOWN;
    return (struct frame){.event = FRAMER_TOO_LONG, .bytes = borrow(framer, in, text.length)};
}

/* The text is whole and is handed out, with its announcement cut off. */
static struct frame take_text(struct framer *framer, struct slice text)
{
    struct announcement found;

    if (framer->first)
        framer->status = framer->side == FRAMER_UPSTREAM && is_status(text);
    framer->first = false;
    framer->line_used += text.length;
    framer->state = STATE_ENDING;
    if (!framer->status && find_announcement(text, &found) && ends_outside_quotes(text)) {
        text.length -= found.length;
        framer->literal_left = found.size;
        framer->literal8 = found.literal8;
        framer->synchronising = framer->side == FRAMER_CLIENT && !found.plus;
        framer->state = STATE_ANNOUNCED;
    }
    return (struct frame){.event = FRAMER_TEXT, .bytes = text};
}

static struct frame step_text(struct framer *framer, struct evbuffer *in)
{
    size_t room = framer->line_max > framer->line_used ? framer->line_max - framer->line_used : 0;
    size_t there = evbuffer_get_length(in), length, end;
    struct slice text;

    if (!find_line(framer, in, &length, &end)) {
        if (there >= LONG_HEAD && there - 2 >= room)
            return too_long(framer, in, room);
        return (struct frame){.event = FRAMER_MORE};
    }
    framer->no_memory = false;
    if (length > room)
        return too_long(framer, in, room);
    text = borrow(framer, in, length);
    framer->no_memory = !text.data;
    if (!text.data)
        return too_long(framer, in, 0);
    framer->drain = length + end;
    return take_text(framer, text);
}

static struct frame step_ending(struct framer *framer, struct evbuffer *in)
{
    (void)in;
    return end_of_line(framer);
}

static struct frame step_announced(struct framer *framer, struct evbuffer *in)
{
    (void)in;
    framer->state = STATE_LITERAL;
    framer->quote = QUOTE_OUTSIDE;
    return (struct frame){.event = FRAMER_LITERAL,
                          .literal_size = framer->literal_left,
                          .synchronising = framer->synchronising,
                          .literal8 = framer->literal8};
}

static struct frame step_literal(struct framer *framer, struct evbuffer *in)
{
    size_t most = framer->literal_left < SIZE_MAX ? (size_t)framer->literal_left : SIZE_MAX;
    struct slice piece;

    if (framer->literal_left == 0) {
        framer->state = STATE_TEXT;
        return step_text(framer, in);
    }
    piece = front(in, most);
    if (piece.length == 0)
        return (struct frame){.event = FRAMER_MORE};
    framer->synchronising = false; /* it is coming: no longer waited with */
    framer->literal_left -= piece.length;
    framer->drain = piece.length;
    return (struct frame){.event = FRAMER_DATA, .bytes = piece};
}

static struct frame step_too_long(struct framer *framer, struct evbuffer *in)
{
    (void)framer;
    (void)in;
    return (struct frame){.event = FRAMER_TOO_LONG, .bytes = {"", 0}};
}

static void skip_literal(struct framer *framer, struct evbuffer *in)
{
    size_t there = evbuffer_get_length(in);
    size_t size = there < framer->literal_left ? there : (size_t)framer->literal_left;

    pass(framer, in, size);
    framer->literal_left -= size;
    framer->quote = QUOTE_OUTSIDE;
}

/* The rest of a line is there. Returns true if that was the end, false if a literal follows. */
static bool skip_line(struct framer *framer, struct evbuffer *in, size_t length, size_t end)
{
    char tail[TAIL_MAX];
    size_t tail_length = length < TAIL_MAX ? length : TAIL_MAX;
    struct announcement found;
    struct evbuffer_ptr at;
    bool outside, announced;

    if (evbuffer_ptr_set(in, &at, length - tail_length, EVBUFFER_PTR_SET) < 0 ||
        evbuffer_copyout_from(in, &at, tail, tail_length) < 0)
        tail_length = 0;
    pass(framer, in, length + end);
    outside = framer->quote == QUOTE_OUTSIDE;
    framer->quote = QUOTE_OUTSIDE;
    announced = !framer->status && outside && find_announcement((struct slice){tail, tail_length}, &found);
    secret_wipe(tail, sizeof(tail));
    if (!announced || (framer->side == FRAMER_CLIENT && !found.plus))
        return true;
    framer->literal_left = found.size;
    return false;
}

static struct frame step_skip(struct framer *framer, struct evbuffer *in)
{
    size_t length, end;

    for (;;) {
        if (framer->literal_left > 0)
            skip_literal(framer, in);
        if (framer->literal_left > 0)
            return (struct frame){.event = FRAMER_MORE};
        if (!find_line(framer, in, &length, &end))
            break;
        if (skip_line(framer, in, length, end))
            return end_of_line(framer);
    }
    /* An announcement may have begun: its octets stay. */
    if (evbuffer_get_length(in) > TAIL_MAX)
        pass(framer, in, evbuffer_get_length(in) - TAIL_MAX);
    return (struct frame){.event = FRAMER_MORE};
}

struct frame framer_next(struct framer *framer, struct evbuffer *in)
{
    static struct frame (*const steps[])(struct framer *, struct evbuffer *) = {
        [STATE_TEXT] = step_text,        [STATE_ENDING] = step_ending,     [STATE_ANNOUNCED] = step_announced,
        [STATE_LITERAL] = step_literal,  [STATE_TOO_LONG] = step_too_long, [STATE_SKIP] = step_skip,
        [STATE_SKIP_DONE] = step_ending,
    };

    drain_borrowed(framer, in);
    return steps[framer->state](framer, in);
}

void framer_skip(struct framer *framer)
{
    bool announced = framer->state == STATE_ANNOUNCED || framer->state == STATE_LITERAL;

    if (framer->state == STATE_ENDING || framer_at_line_start(framer))
        return;
    framer->quote = QUOTE_OUTSIDE;
    if (announced && framer->synchronising)
        framer->state = STATE_SKIP_DONE;
    else
        framer->state = STATE_SKIP;
}

bool framer_at_line_start(const struct framer *framer)
{
    return framer->state == STATE_TEXT && framer->first;
}
