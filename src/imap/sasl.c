/* The contents of SASL exchanges: base64, the PLAIN message, and bearer tokens as XOAUTH2 and OAUTHBEARER wrap them.
 * Strict, since two spellings of one credential would be two credentials. Keeps nothing: the holder of the decoded
 * bytes wipes them. */
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

/* --- printing */

struct printer {
    char *buffer;
    size_t size;
    size_t length;
    bool full;
};

static void print(struct printer *to, struct slice bytes)
{
    if (to->full || bytes.length > to->size - to->length) {
        to->full = true;
        return;
    }
    if (bytes.length > 0)
        memcpy(to->buffer + to->length, bytes.data, bytes.length);
    to->length += bytes.length;
}

bool sasl_plain_print(const struct sasl_plain *plain, char *buffer, size_t size, size_t *length)
{
    static const struct slice nul = {"", 1};
    struct printer to = {.buffer = buffer, .size = size};

    print(&to, plain->authorization_id);
    print(&to, nul);
    print(&to, plain->authentication_id);
    print(&to, nul);
    print(&to, plain->password);
    *length = to.length;
    return !to.full;
}

bool sasl_xoauth2_print(struct slice user, struct slice token, char *buffer, size_t size, size_t *length)
{
    struct printer to = {.buffer = buffer, .size = size};

    print(&to, SLICE("user="));
    print(&to, user);
    print(&to, SLICE("\1auth=Bearer "));
    print(&to, token);
    print(&to, SLICE("\1\1"));
    *length = to.length;
    return !to.full;
}

bool sasl_oauthbearer_print(struct slice user, struct slice token, char *buffer, size_t size, size_t *length)
{
    struct printer to = {.buffer = buffer, .size = size};

    print(&to, SLICE("n,a="));
    for (size_t i = 0; i < user.length; i++) {
        struct slice one = {user.data + i, 1};
        print(&to, user.data[i] == ',' ? SLICE("=2C") : user.data[i] == '=' ? SLICE("=3D") : one);
    }
    print(&to, SLICE(",\1auth=Bearer "));
    print(&to, token);
    print(&to, SLICE("\1\1"));
    *length = to.length;
    return !to.full;
}

/* --- bearer tokens */

/* Takes the text before the delimiter, and the delimiter, off the front. False: there is none. */
static bool take_until(struct slice *text, char delimiter, struct slice *part)
{
    const char *end = text->length > 0 ? memchr(text->data, delimiter, text->length) : NULL;

    if (!end)
        return false;
    *part = (struct slice){text->data, (size_t)(end - text->data)};
    text->data = end + 1;
    text->length -= part->length + 1;
    return true;
}

static bool take_prefix(struct slice *text, struct slice prefix)
{
    if (text->length < prefix.length || !slice_equal_nocase((struct slice){text->data, prefix.length}, prefix))
        return false;
    text->data += prefix.length;
    text->length -= prefix.length;
    return true;
}

/* b64token of RFC 6750 section 2.1, or at least: visible ASCII. */
static bool is_token(struct slice token)
{
    for (size_t i = 0; i < token.length; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return false;
    }
    return token.length > 0;
}

/* name=value ^A ... ^A, of which one is auth=Bearer TOKEN. */
static bool parse_pairs(struct slice pairs, struct slice *token)
{
    struct slice pair;
    bool found = false;

    while (take_until(&pairs, '\1', &pair)) {
        if (pair.length == 0)
            return found && pairs.length == 0;
        if (!take_prefix(&pair, SLICE("auth=")))
            continue;
        if (found || !take_prefix(&pair, SLICE("Bearer ")) || !is_token(pair))
            return false;
        *token = pair;
        found = true;
    }
    return false;
}

bool sasl_xoauth2_parse(struct slice message, struct sasl_token *token)
{
    struct slice user;

    if (!take_prefix(&message, SLICE("user=")) || !take_until(&message, '\1', &user) || user.length == 0 ||
        user.length > sizeof(token->user))
        return false;
    memcpy(token->user, user.data, user.length);
    token->user_length = user.length;
    return parse_pairs(message, &token->token);
}

/* A saslname: "=2C" is a comma, "=3D" an equals sign, nothing else begins with one (RFC 5801 section 4). */
static bool decode_name(struct slice name, struct sasl_token *token)
{
    token->user_length = 0;
    if (name.length > sizeof(token->user))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        struct slice rest = {name.data + i, name.length - i};
        char c = name.data[i];
        if (c == '=') {
            bool comma = take_prefix(&rest, SLICE("=2C"));
            if (!comma && !take_prefix(&rest, SLICE("=3D")))
                return false;
            c = comma ? ',' : '=';
            i += 2;
        }
        token->user[token->user_length++] = c;
    }
    return token->user_length > 0;
}

bool sasl_oauthbearer_parse(struct slice message, struct sasl_token *token)
{
    struct slice name, rest;

    return take_prefix(&message, SLICE("n,a=")) && take_until(&message, ',', &name) && decode_name(name, token) &&
           take_until(&message, '\1', &rest) && rest.length == 0 && parse_pairs(message, &token->token);
}
