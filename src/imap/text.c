/* The last check of foreign text before a client reads it as part of a line: nothing in it may end the line,
 * begin a code or break a client's decoder. */
#include "imap/text.h"

#include <event2/buffer.h>

#include "base/append.h"

static bool is_continued(struct slice text, size_t at, size_t count)
{
    if (text.length - at < count + 1)
        return false;
    for (size_t i = 1; i <= count; i++) {
        if (((unsigned char)text.data[at + i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

/* Octets of the character at `at`; 0: there is none. The least second octets exclude overlong forms, surrogates and
 * characters beyond U+10FFFF (RFC 3629 section 4). */
static size_t character_length(struct slice text, size_t at)
{
    unsigned char first = (unsigned char)text.data[at];
    unsigned char second = text.length - at > 1 ? (unsigned char)text.data[at + 1] : 0;

    if (first < 0x80)
        return first >= ' ' && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf)
        return is_continued(text, at, 1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef)
        return is_continued(text, at, 2) && !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f) ? 3
                                                                                                                   : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return is_continued(text, at, 3) && !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f) ? 4
                                                                                                                   : 0;
    return 0;
}

bool text_print(struct slice text, struct evbuffer *out)
{
    size_t printed = 0, at = 0;

    if (text.length == 0)
        return append_bytes(out, "-", 1);
    while (at < text.length) {
        size_t length = character_length(text, at);
        bool code = at == 0 && text.data[0] == '[';
        if (length > 0 && !code) {
            at += length;
            continue;
        }
        append_bytes(out, text.data + printed, at - printed);
        append_bytes(out, code ? "(" : "?", 1);
        printed = ++at;
    }
    return append_bytes(out, text.data + printed, at - printed);
}
