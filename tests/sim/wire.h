/* The wire as the models read it, written apart from the proxy's own parsers so that one does not share the other's
 * mistakes: lines with their literals, and a cursor over what stands in them. */
#ifndef IMAPMUX_TESTS_SIM_WIRE_H
#define IMAPMUX_TESTS_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct wire {
    bool answers; /* reads a server's answers: status lines announce no literal */
    char *bytes;
    size_t start, scanned, end, capacity;
    size_t literal_left;
};

enum wire_event {
    WIRE_MORE,
    WIRE_LINE,    /* a whole line, literals in it, without its line end */
    WIRE_LITERAL, /* a synchronising literal has been announced: the line so far */
};

void wire_init(struct wire *wire, bool answers);
void wire_clear(struct wire *wire);
void wire_feed(struct wire *wire, const void *bytes, size_t size);
/* The slice is borrowed until the next call. */
enum wire_event wire_next(struct wire *wire, struct slice *line);
void wire_refuse(struct wire *wire); /* the literal just announced will not come: the line is dropped */
bool wire_between_lines(const struct wire *wire);
struct slice wire_octets(const struct wire *wire,
                         struct slice line); /* of the line just handed out: its end included */

struct cursor {
    const char *at, *end;
};

struct cursor cursor_of(struct slice text);
bool cursor_ends(const struct cursor *cursor);
bool cursor_take(struct cursor *cursor, char c);           /* takes it if it is next */
bool cursor_word(struct cursor *cursor, const char *word); /* takes it, in any case of letters, if it is next */
struct slice cursor_atom(struct cursor *cursor);           /* up to a space or parenthesis outside brackets */
/* An atom, a quoted string (without escapes) or a literal. False: none. */
bool cursor_string(struct cursor *cursor, struct slice *text);
bool cursor_number(struct cursor *cursor, uint64_t *number);
void cursor_skip_value(struct cursor *cursor); /* a value of any kind, nested lists too */

#define RANGES_MAX 1024

struct ranges {
    size_t count;
    struct {
        uint32_t low, high; /* in this order; * is UINT32_MAX */
    } range[RANGES_MAX];
};

bool cursor_set(struct cursor *cursor, struct ranges *ranges);
bool ranges_contain(const struct ranges *ranges, uint32_t number);
/* n:* names the last one even if n is above it. */
bool ranges_contain_of(const struct ranges *ranges, uint32_t number, uint32_t last);

#endif
