/* The strict reader's tokens. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "abnf/inside.h"

bool fault(struct reader *reader, const char *wanted)
{
    if (!reader->wanted)
        reader->wanted = wanted;
    return false;
}

bool comes(struct reader *reader, const char *octets)
{
    size_t length = strlen(octets), left = (size_t)(reader->end - reader->at);

    if (strncasecmp(reader->at, octets, left < length ? left : length) != 0)
        return false;
    reader->more = reader->more || left < length;
    return left >= length;
}

bool maybe(struct reader *reader, const char *octets)
{
    if (!comes(reader, octets))
        return false;
    reader->at += strlen(octets);
    return true;
}

bool take(struct reader *reader, const char *octets)
{
    return maybe(reader, octets) || fault(reader, octets);
}

bool space(struct reader *reader)
{
    return take(reader, " ");
}

/* False: there is none, yet. */
static bool peek(struct reader *reader, unsigned char *octet)
{
    if (reader->at == reader->end) {
        reader->more = true;
        return false;
    }
    *octet = (unsigned char)*reader->at;
    return true;
}

bool digit_comes(struct reader *reader)
{
    unsigned char octet;

    return peek(reader, &octet) && octet >= '0' && octet <= '9';
}

bool number(struct reader *reader, uint64_t least, uint64_t most, uint64_t *value)
{
    if (!digit_comes(reader))
        return fault(reader, "a number");
    for (*value = 0; digit_comes(reader); reader->at++) {
        uint64_t digit = (uint64_t)(*reader->at - '0');
        if (*value > (most - digit) / 10)
            return fault(reader, "a number that is not so large");
        *value = *value * 10 + digit;
    }
    return *value >= least || fault(reader, "a number other than 0");
}

bool plain_number(struct reader *reader)
{
    uint64_t value;
    return number(reader, 0, NUMBER_MAX, &value);
}

bool nz_number(struct reader *reader)
{
    uint64_t value;
    return number(reader, 1, NUMBER_MAX, &value);
}

/* 1*<any CHAR except controls and those of `except`>; `high`: octets above 127 too */
static bool word(struct reader *reader, const char *except, bool high, const char *wanted)
{
    const char *begin = reader->at;
    unsigned char octet;

    while (peek(reader, &octet) && octet > 0x20 && octet != 0x7f && (octet < 0x80 || high) && !strchr(except, octet))
        reader->at++;
    return reader->at > begin || fault(reader, wanted);
}

bool atom(struct reader *reader)
{
    return word(reader, "(){%*\"\\]", false, "an atom");
}

bool astring_atom(struct reader *reader)
{
    return word(reader, "(){%*\"\\", false, "an astring");
}

bool quoted(struct reader *reader, size_t *length)
{
    unsigned char octet;
    size_t count = 0;

    if (!take(reader, "\""))
        return false;
    for (; peek(reader, &octet) && octet != '"'; reader->at++, count++) {
        if (octet == '\0' || octet == '\r' || octet == '\n' || octet >= 0x80)
            return fault(reader, "an octet that may stand in quotes");
        if (octet != '\\')
            continue;
        reader->at++;
        if (!peek(reader, &octet) || (octet != '"' && octet != '\\'))
            return fault(reader, "a quote or a backslash behind a backslash");
    }
    if (length)
        *length = count;
    return take(reader, "\"");
}

static bool octets_of_literal(struct reader *reader, bool nul)
{
    uint64_t size;

    if (!take(reader, "{") || !number(reader, 0, NUMBER_MAX, &size) || !take(reader, "}\r\n"))
        return false;
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->more = true;
        return false;
    }
    if (!nul && memchr(reader->at, '\0', (size_t)size))
        return fault(reader, "a literal without NUL");
    reader->at += size;
    return true;
}

static bool literal(struct reader *reader)
{
    return octets_of_literal(reader, reader->any_values);
}

bool literal8(struct reader *reader)
{
    return take(reader, "~") && octets_of_literal(reader, true);
}

bool object(struct reader *reader)
{
    const char *begin = reader->at;

    while (reader->at < reader->end &&
           (isalnum((unsigned char)*reader->at) || *reader->at == '_' || *reader->at == '-'))
        reader->at++;
    if (reader->at == reader->end)
        reader->more = true;
    return reader->at > begin || fault(reader, "an object's id");
}

bool string(struct reader *reader)
{
    return comes(reader, "{")    ? literal(reader)
           : comes(reader, "\"") ? quoted(reader, NULL)
                                 : fault(reader, "a string");
}

bool nstring(struct reader *reader)
{
    return maybe(reader, "NIL") || string(reader);
}

bool astring(struct reader *reader)
{
    return comes(reader, "{") || comes(reader, "\"") ? string(reader) : astring_atom(reader);
}

/* An atom as servers may have it, section names with their brackets included. */
static bool any_atom(struct reader *reader)
{
    return word(reader, "(){\"", true, "a value");
}

/* Between two elements of a list: a space, which before another list may be missing. */
static bool any_separator(struct reader *reader)
{
    if (comes(reader, ")"))
        return true;
    if (!maybe(reader, " "))
        return comes(reader, "(") || fault(reader, "a space");
    return !comes(reader, ")") || fault(reader, "no space before )");
}

bool any_value(struct reader *reader)
{
    unsigned depth = 0;
    bool begins = true; /* a list has just been opened */

    do {
        if (depth > 0 && !begins && !any_separator(reader))
            return false;
        begins = maybe(reader, "(");
        if (begins)
            depth++;
        else if (depth > 0 && maybe(reader, ")"))
            depth--;
        else if (!(comes(reader, "{") || comes(reader, "\"") ? string(reader) : any_atom(reader)))
            return false;
    } while (depth > 0);
    return true;
}

/* Octets of one character at `at`; 0: none that is well-formed (RFC 3629 section 4), without the rules on surrogates.
 */
static size_t utf8_length(const char *at, const char *end)
{
    unsigned char first = (unsigned char)*at;
    size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;

    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || (size_t)(end - at) < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool text_to_line_end(struct reader *reader)
{
    const char *line_end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

    if (!line_end) {
        reader->more = true;
        return false;
    }
    if (line_end == reader->at || line_end[-1] != '\r')
        return fault(reader, "CR before the LF");
    line_end--;
    if (reader->at == line_end || *reader->at == '[')
        return fault(reader, "text");
    while (reader->at < line_end) {
        size_t length = utf8_length(reader->at, line_end);
        if (length == 0 || *reader->at == '\0' || *reader->at == '\r')
            return fault(reader, "text without NUL and CR, in UTF-8");
        reader->at += length;
    }
    return true;
}

bool several(struct reader *reader, rule *element, unsigned least)
{
    unsigned count = 0;

    if (!take(reader, "("))
        return false;
    for (; !maybe(reader, ")"); count++)
        if ((count > 0 && !space(reader)) || !element(reader))
            return false;
    return count >= least || fault(reader, "a list that is not empty");
}

bool nil_or(struct reader *reader, rule *list)
{
    return comes(reader, "(") ? list(reader) : take(reader, "NIL");
}

bool adjacent_or_nil(struct reader *reader, rule *element)
{
    if (!maybe(reader, "("))
        return take(reader, "NIL");
    do {
        if (!element(reader))
            return false;
    } while (!maybe(reader, ")"));
    return true;
}
