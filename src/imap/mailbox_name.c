/* Mailbox names as bytes. A mailbox has the server's name, modified UTF-7 or not; it is decoded for addresses alone.
 * Only INBOX is one name in any case. */
#include "imap/mailbox_name.h"

#include <stdint.h>
#include <string.h>

struct slice mailbox_name_canonical(struct slice name)
{
    return slice_equal_nocase(name, SLICE("INBOX")) ? SLICE("INBOX") : name;
}

bool mailbox_name_valid(struct slice name, const char **error)
{
    const char *fault = NULL;

    if (name.length == 0)
        fault = "An empty mailbox name";
    else if (name.length > MAILBOX_NAME_MAX)
        fault = "The mailbox name is too long";
    else if (memchr(name.data, '\r', name.length) || memchr(name.data, '\n', name.length) ||
             memchr(name.data, '\0', name.length))
        fault = "CR, LF or NUL in a mailbox name";
    if (fault)
        *error = fault;
    return fault == NULL;
}

bool mailbox_name_is_inferior(struct slice name, struct slice parent, char separator)
{
    struct slice above = {name.data, parent.length};

    if (separator == '\0' || parent.length == 0 || name.length < parent.length + 2)
        return false;
    return name.data[parent.length] == separator &&
           slice_equal(mailbox_name_canonical(above), mailbox_name_canonical(parent));
}

/* --- modified UTF-7 */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static size_t put_utf8(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* UTF-16, a unit at a time. */
struct shifted {
    uint32_t bits;
    unsigned count; /* of bits */
    uint32_t high;  /* the first half of a pair; 0: none */
};

static bool take_unit(struct shifted *shifted, uint32_t unit, char *out, size_t *length)
{
    bool low = unit >= 0xdc00 && unit < 0xe000;

    if (low != (shifted->high != 0))
        return false;
    if (unit >= 0xd800 && unit < 0xdc00) {
        shifted->high = unit;
        return true;
    }
    if (low)
        unit = 0x10000 + ((shifted->high - 0xd800) << 10) + (unit - 0xdc00);
    shifted->high = 0;
    *length += put_utf8(unit, out + *length);
    return true;
}

/* From behind the & up to the -. */
static bool take_shifted(struct slice name, size_t *at, char *out, size_t *length)
{
    struct shifted shifted = {0};

    for (; *at < name.length && name.data[*at] != '-'; ++*at) {
        int digit = digit_of(name.data[*at]);
        if (digit < 0)
            return false;
        shifted.bits = shifted.bits << 6 | (uint32_t)digit;
        shifted.count += 6;
        if (shifted.count < 16)
            continue;
        shifted.count -= 16;
        if (!take_unit(&shifted, shifted.bits >> shifted.count & 0xffff, out, length))
            return false;
        shifted.bits &= (1U << shifted.count) - 1;
    }
    return *at < name.length && shifted.high == 0 && shifted.count < 6 && shifted.bits == 0;
}

bool mailbox_name_to_utf8(struct slice name, char *room, size_t *length)
{
    *length = 0;
    for (size_t at = 0; at < name.length; at++) {
        char c = name.data[at];
        if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
            return false;
        if (c != '&')
            room[(*length)++] = c;
        else if (at + 1 < name.length && name.data[at + 1] == '-')
            room[(*length)++] = name.data[at++];
        else if (at++, !take_shifted(name, &at, room, length))
            return false;
    }
    return true;
}
