/* See message_url.h. Each part of an address is read by its own rule and written anew, so that nothing of a client's
 * spelling reaches the server that this file does not know. */
#include "imap/message_url.h"

#include <stdio.h>
#include <string.h>

#include "imap/fetch_section.h"

static struct slice behind(struct slice text, size_t octets)
{
    return (struct slice){text.data + octets, text.length - octets};
}

static bool take(struct slice *text, const char *word)
{
    if (!slice_starts_nocase(*text, slice_of(word)))
        return false;
    *text = behind(*text, strlen(word));
    return true;
}

/* Up to one of these octets, or all of it. */
static struct slice take_until(struct slice *text, const char *octets)
{
    struct slice taken = *text;
    size_t end = 0;

    while (end < text->length && !strchr(octets, text->data[end]))
        end++;
    taken.length = end;
    *text = behind(*text, end);
    return taken;
}

static bool take_number(struct slice *text, uint32_t least, uint32_t *number)
{
    struct slice digits = *text;
    uint64_t value = 0;
    size_t end = 0;

    while (end < text->length && text->data[end] >= '0' && text->data[end] <= '9')
        end++;
    digits.length = end;
    if (!slice_number(digits, UINT32_MAX, &value) || value < least)
        return false;
    *text = behind(*text, end);
    *number = (uint32_t)value;
    return true;
}

/* --- percent encoding */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool decode(struct slice text, struct arena *arena, struct slice *decoded)
{
    char *out = arena_alloc(arena, text.length + 1);
    size_t length = 0;

    for (size_t i = 0; out && i < text.length; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || c == '\r' || c == '\n')
            return false;
        out[length++] = c;
    }
    *decoded = (struct slice){out, length};
    return out != NULL;
}

static bool stands_for_itself(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-._~/", c));
}

static size_t encode(struct slice text, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (stands_for_itself((char)c)) {
            out[length++] = (char)c;
            continue;
        }
        out[length++] = '%';
        out[length++] = digits[c >> 4];
        out[length++] = digits[c & 15];
    }
    return length;
}

/* --- reading */

/* "user;AUTH=*@host:143" */
static bool read_server(struct slice server, struct arena *arena, struct message_url *url)
{
    const char *at = server.length > 0 ? memchr(server.data, '@', server.length) : NULL;
    struct slice user = {0}, host = server;

    if (at) {
        user = (struct slice){server.data, (size_t)(at - server.data)};
        host = behind(server, user.length + 1);
        user = take_until(&user, ";");
    }
    if (host.length > 0 && host.data[0] == '[') {
        host = behind(host, 1);
        url->host = take_until(&host, "]");
        if (!take(&host, "]"))
            return false;
    } else {
        url->host = take_until(&host, ":");
    }
    url->absolute = true;
    return url->host.length > 0 && decode(user, arena, &url->user);
}

/* "mailbox;UIDVALIDITY=5/" or "mailbox/" */
static bool read_mailbox(struct slice *text, struct arena *arena, struct message_url *url)
{
    struct slice name = take_until(text, ";");

    if (take(text, ";UIDVALIDITY=")) {
        if (!take_number(text, 1, &url->validity) || !take(text, "/"))
            return false;
    } else if (name.length > 0 && name.data[name.length - 1] == '/') {
        name.length--;
    } else {
        return false;
    }
    return name.length > 0 && decode(name, arena, &url->mailbox);
}

static bool read_section(struct slice *text, struct arena *arena, struct message_url *url)
{
    url->has_section = take(text, "/;SECTION=");
    return !url->has_section ||
           (decode(take_until(text, "/;"), arena, &url->section) && fetch_section_valid(url->section));
}

static bool read_partial(struct slice *text, struct message_url *url)
{
    url->partial = take(text, "/;PARTIAL=");
    if (!url->partial)
        return true;
    return take_number(text, 0, &url->partial_start) && (!take(text, ".") || take_number(text, 1, &url->partial_count));
}

bool message_url_parse(struct slice text, struct arena *arena, struct message_url *url)
{
    *url = (struct message_url){0};
    if (text.length > MESSAGE_URL_MAX)
        return false;
    if (take(&text, "imap://") && !read_server(take_until(&text, "/"), arena, url))
        return false;
    if (take(&text, "/") || url->absolute) {
        if (slice_starts_nocase(text, SLICE("/")) || !read_mailbox(&text, arena, url))
            return false;
    }
    return take(&text, ";UID=") && take_number(&text, 1, &url->uid) && read_section(&text, arena, url) &&
           read_partial(&text, url) && text.length == 0;
}

/* --- writing */

#define NUMBERS_ROOM 120 /* octets of all words and numbers */

struct slice message_url_print(const struct message_url *url, struct arena *arena)
{
    size_t room = 3 * (url->mailbox.length + url->section.length) + NUMBERS_ROOM, length = 0;
    char *out = arena_alloc(arena, room);

    if (!out)
        return (struct slice){NULL, 0};
    out[length++] = '/';
    length += encode(url->mailbox, out + length);
    if (url->validity)
        length += (size_t)snprintf(out + length, room - length, ";UIDVALIDITY=%lu", (unsigned long)url->validity);
    length += (size_t)snprintf(out + length, room - length, "/;UID=%lu", (unsigned long)url->uid);
    if (url->has_section) {
        length += (size_t)snprintf(out + length, room - length, "/;SECTION=");
        length += encode(url->section, out + length);
    }
    if (url->partial)
        length += (size_t)snprintf(out + length, room - length, "/;PARTIAL=%lu", (unsigned long)url->partial_start);
    if (url->partial_count)
        length += (size_t)snprintf(out + length, room - length, ".%lu", (unsigned long)url->partial_count);
    return (struct slice){out, length};
}
