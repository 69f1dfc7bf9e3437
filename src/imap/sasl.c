/* What a SASL exchange carries: base64 and the PLAIN message. Strict, since two spellings of one credential would be
 * two credentials. Keeps nothing: who holds the decoded bytes wipes them. */
#include "imap/sasl.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
#define PAD 64 /* where the = stands */

/* The value of a base64 digit, or -1. */
static int digit_value(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at && at < digits + PAD ? (int)(at - digits) : -1;
}

/* Four digits, of which the last `padding` are =, to 3 - padding octets. */
static bool decode_group(const char *group, unsigned padding, char octets[3])
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 4; i++) {
        int value = i < 4 - padding ? digit_value(group[i]) : 0;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    for (unsigned i = 0; i < 3; i++)
        octets[i] = (char)(bits >> (16 - 8 * i) & 0xff);
    /* Bits that padding cuts off must be zero, or one text would have several spellings. */
    return (bits & ((1U << (8 * padding)) - 1)) == 0;
}

bool base64_decode(struct slice text, char *buffer, size_t size, size_t *length)
{
    size_t used = 0;

    if (text.length % 4 != 0)
        return false;
    for (size_t at = 0; at < text.length; at += 4) {
        bool last = at + 4 == text.length;
        unsigned padding = 0;
        char octets[3];
        if (last && text.data[at + 3] == '=')
            padding = text.data[at + 2] == '=' ? 2 : 1;
        if (!decode_group(text.data + at, padding, octets) || size - used < 3 - padding)
            return false;
        memcpy(buffer + used, octets, 3 - padding);
        used += 3 - padding;
    }
    *length = used;
    return true;
}

bool base64_encode(struct slice bytes, char *buffer, size_t size)
{
    size_t used = 0;

    if (bytes.length > SIZE_MAX / 2 || size < (bytes.length + 2) / 3 * 4 + 1)
        return false;
    for (size_t at = 0; at < bytes.length; at += 3) {
        size_t left = bytes.length - at;
        uint32_t bits = (uint32_t)(unsigned char)bytes.data[at] << 16;
        if (left > 1)
            bits |= (uint32_t)(unsigned char)bytes.data[at + 1] << 8;
        if (left > 2)
            bits |= (unsigned char)bytes.data[at + 2];
        for (size_t i = 0; i < 4; i++)
            buffer[used++] = digits[i <= left ? bits >> (18 - 6 * i) & 63 : PAD];
    }
    buffer[used] = '\0';
    return true;
}

bool sasl_plain_parse(struct slice message, struct sasl_plain *plain)
{
    const char *end, *first, *second;

    if (message.length == 0)
        return false;
    end = message.data + message.length;
    first = memchr(message.data, '\0', message.length);
    second = first ? memchr(first + 1, '\0', (size_t)(end - first - 1)) : NULL;
    if (!second || second == first + 1 || memchr(second + 1, '\0', (size_t)(end - second - 1)))
        return false;
    plain->authorization_id = (struct slice){message.data, (size_t)(first - message.data)};
    plain->authentication_id = (struct slice){first + 1, (size_t)(second - first - 1)};
    plain->password = (struct slice){second + 1, (size_t)(end - second - 1)};
    return true;
}
