/* Borrowed runs of bytes: comparing, searching, reading numbers. Nothing here keeps a slice or looks for a NUL, and
 * letters are ASCII whatever the locale says: protocol words must not change with LANG. */
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>

char slice_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

char slice_upper(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c;
}

static bool same_nocase(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (slice_lower(a[i]) != slice_lower(b[i]))
            return false;
    return true;
}

struct slice slice_of(const char *text)
{
    return text ? (struct slice){text, strlen(text)} : (struct slice){NULL, 0};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    return a.length == b.length && same_nocase(a.data, b.data, a.length);
}

bool slice_starts_nocase(struct slice text, struct slice prefix)
{
    return text.length >= prefix.length && same_nocase(text.data, prefix.data, prefix.length);
}

bool slice_contains_nocase(struct slice text, struct slice part)
{
    if (part.length == 0)
        return true;
    for (size_t at = 0; at < text.length && part.length <= text.length - at; at++)
        if (same_nocase(text.data + at, part.data, part.length))
            return true;
    return false;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool slice_number(struct slice text, uint64_t maximum, uint64_t *number)
{
    uint64_t value = 0;

    if (text.length < 1 || text.length > 20)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > maximum)
        return false;
    *number = value;
    return true;
}

char *slice_copy(struct slice text)
{
    char *copy = text.length < SIZE_MAX ? malloc(text.length + 1) : NULL;

    if (!copy)
        return NULL;
    if (text.length)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}
