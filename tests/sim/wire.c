/* Reading lines and what stands in them. Nothing here forgives: what does not look as expected is told to the caller,
 * who makes a failure of it. */
#include "sim/wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void wire_init(struct wire *wire, bool answers)
{
    *wire = (struct wire){.answers = answers};
}

void wire_clear(struct wire *wire)
{
    free(wire->bytes);
    wire_init(wire, wire->answers);
}

void wire_feed(struct wire *wire, const void *bytes, size_t size)
{
    if (wire->start > 0 && wire->start == wire->end)
        wire->start = wire->scanned = wire->end = 0;
    if (wire->end + size > wire->capacity) {
        size_t capacity = (wire->end + size) * 2 + 512;
        wire->bytes = realloc(wire->bytes, capacity);
        if (!wire->bytes)
            abort();
        wire->capacity = capacity;
    }
    memcpy(wire->bytes + wire->end, bytes, size);
    wire->end += size;
}

/* Does this line end in {n} or {n+}? Quotes are not looked at: the models put no { into quoted strings. */
static bool announces(const char *line, const char *end, size_t *size, bool *waits)
{
    const char *at = end;

    if (at == line || at[-1] != '}')
        return false;
    at--;
    *waits = at == line || at[-1] != '+';
    if (!*waits)
        at--;
    while (at > line && at[-1] >= '0' && at[-1] <= '9')
        at--;
    if (at == line || at[-1] != '{')
        return false;
    *size = strtoull(at, NULL, 10);
    return true;
}

static bool is_status(const char *line, const char *end)
{
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    const char *space = memchr(line, ' ', (size_t)(end - line));

    if (!space || line[0] == '+')
        return line[0] == '+';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - space - 1) >= length && strncasecmp(space + 1, words[i], length) == 0 &&
            (space + 1 + length == end || space[1 + length] == ' '))
            return true;
    }
    return false;
}

static enum wire_event end_of_line(struct wire *wire, char *line_feed, struct slice *line)
{
    char *begin = wire->bytes + wire->start, *end = line_feed;
    size_t size;
    bool waits;

    if (end > begin && end[-1] == '\r')
        end--;
    wire->scanned = (size_t)(line_feed + 1 - wire->bytes);
    *line = (struct slice){begin, (size_t)(end - begin)};
    if (!(wire->answers && is_status(begin, end)) && announces(begin, end, &size, &waits)) {
        wire->literal_left = size;
        return waits && !wire->answers ? WIRE_LITERAL : WIRE_MORE;
    }
    wire->start = wire->scanned;
    return WIRE_LINE;
}

enum wire_event wire_next(struct wire *wire, struct slice *line)
{
    while (wire->scanned < wire->end) {
        size_t left = wire->end - wire->scanned;
        if (wire->literal_left > 0) {
            size_t taken = left < wire->literal_left ? left : wire->literal_left;
            wire->scanned += taken;
            wire->literal_left -= taken;
            continue;
        }
        char *line_feed = memchr(wire->bytes + wire->scanned, '\n', left);
        if (!line_feed)
            return WIRE_MORE;
        enum wire_event event = end_of_line(wire, line_feed, line);
        if (event != WIRE_MORE)
            return event;
    }
    return WIRE_MORE;
}

void wire_refuse(struct wire *wire)
{
    wire->literal_left = 0;
    wire->start = wire->scanned;
}

bool wire_between_lines(const struct wire *wire)
{
    return wire->start == wire->end;
}

struct slice wire_octets(const struct wire *wire, struct slice line)
{
    return (struct slice){line.data, (size_t)(wire->bytes + wire->scanned - line.data)};
}

/* --- cursor */

struct cursor cursor_of(struct slice text)
{
    return (struct cursor){text.data, text.data + text.length};
}

bool cursor_ends(const struct cursor *cursor)
{
    return cursor->at == cursor->end;
}

bool cursor_take(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

bool cursor_word(struct cursor *cursor, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(cursor->end - cursor->at) < length || strncasecmp(cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

struct slice cursor_atom(struct cursor *cursor)
{
    const char *begin = cursor->at;
    int brackets = 0;

    for (; cursor->at < cursor->end; cursor->at++) {
        char c = *cursor->at;
        if (brackets == 0 && (c == ' ' || c == '(' || c == ')'))
            break;
        brackets += c == '[' ? 1 : c == ']' && brackets > 0 ? -1 : 0;
    }
    return (struct slice){begin, (size_t)(cursor->at - begin)};
}

static bool literal(struct cursor *cursor, struct slice *text)
{
    const char *at = cursor->at + 1;
    char *after;
    size_t size = strtoull(at, &after, 10);

    if (*after == '+')
        after++;
    if (*after != '}' || cursor->end - after < 3 || (size_t)(cursor->end - after - 3) < size)
        return false;
    *text = (struct slice){after + 3, size};
    cursor->at = after + 3 + size;
    return true;
}

bool cursor_string(struct cursor *cursor, struct slice *text)
{
    const char *quote;

    if (cursor_ends(cursor))
        return false;
    if (*cursor->at == '{')
        return literal(cursor, text);
    if (*cursor->at != '"') {
        *text = cursor_atom(cursor);
        return text->length > 0;
    }
    quote = memchr(cursor->at + 1, '"', (size_t)(cursor->end - cursor->at - 1));
    if (!quote)
        return false;
    *text = (struct slice){cursor->at + 1, (size_t)(quote - cursor->at - 1)};
    cursor->at = quote + 1;
    return true;
}

bool cursor_number(struct cursor *cursor, uint64_t *number)
{
    const char *begin = cursor->at;

    for (*number = 0; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        *number = *number * 10 + (uint64_t)(*cursor->at - '0');
    return cursor->at > begin;
}

void cursor_skip_value(struct cursor *cursor)
{
    struct slice ignored;
    int depth = 0;

    do {
        while (depth > 0 && cursor_take(cursor, ' '))
            ;
        if (cursor_take(cursor, '('))
            depth++;
        else if (depth > 0 && cursor_take(cursor, ')'))
            depth--;
        else if (!cursor_string(cursor, &ignored))
            return;
    } while (depth > 0 && !cursor_ends(cursor));
}

static bool set_number(struct cursor *cursor, uint32_t *number)
{
    uint64_t read;

    if (cursor_take(cursor, '*')) {
        *number = UINT32_MAX;
        return true;
    }
    if (!cursor_number(cursor, &read) || read == 0 || read > UINT32_MAX)
        return false;
    *number = (uint32_t)read;
    return true;
}

bool cursor_set(struct cursor *cursor, struct ranges *ranges)
{
    ranges->count = 0;
    do {
        uint32_t low, high;
        if (!set_number(cursor, &low))
            return false;
        high = low;
        if (cursor_take(cursor, ':') && !set_number(cursor, &high))
            return false;
        if (ranges->count == RANGES_MAX)
            return false;
        ranges->range[ranges->count].low = low < high ? low : high;
        ranges->range[ranges->count++].high = low < high ? high : low;
    } while (cursor_take(cursor, ','));
    return true;
}

bool ranges_contain(const struct ranges *ranges, uint32_t number)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (number >= ranges->range[i].low && number <= ranges->range[i].high)
            return true;
    }
    return false;
}

bool ranges_contain_of(const struct ranges *ranges, uint32_t number, uint32_t last)
{
    if (ranges_contain(ranges, number))
        return true;
    for (size_t i = 0; number == last && i < ranges->count; i++) {
        if (ranges->range[i].high == UINT32_MAX)
            return true;
    }
    return false;
}
