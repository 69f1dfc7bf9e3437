/* Values on their way to a client. Everything a client reads is printed again here; a value keeps its kind, so that a
 * mailbox or subject named NIL stays a string. */
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"
#include "imap/value.h"

#define QUOTED_MAX 1000

static bool put(struct evbuffer *out, struct slice text)
{
    return text.length == 0 || append_bytes(out, text.data, text.length);
}

/* escaped: with a backslash before quotes and backslashes. */
static bool may_be_quoted(struct slice text, bool escaped)
{
    if (text.length > QUOTED_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\r' || c == '\n' || c == '\0' || (!escaped && (c == '"' || c == '\\')) || c >= 0x80)
            return false;
    }
    return true;
}

/* ASTRING-CHAR of RFC 3501. */
static bool may_be_atom(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("(){%*\"\\", c))
            return false;
    }
    return text.length > 0 && !slice_equal_nocase(text, SLICE("NIL"));
}

static bool print_literal(struct slice text, const char *prefix, struct evbuffer *out)
{
    return append_format(out, "%s{%zu}\r\n", prefix, text.length) && put(out, text);
}

bool value_print_string(struct slice text, struct evbuffer *out)
{
    if (!may_be_quoted(text, false))
        return print_literal(text, "", out);
    return put(out, SLICE("\"")) && put(out, text) && put(out, SLICE("\""));
}

static bool print_quoted(struct slice text, struct evbuffer *out)
{
    bool ok = put(out, SLICE("\""));

    for (size_t i = 0; ok && i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            ok = put(out, SLICE("\\"));
        ok = ok && append_bytes(out, text.data + i, 1);
    }
    return ok && put(out, SLICE("\""));
}

/* Clients that read names by lines do not expect literals, so these are for what quotes cannot hold. */
bool value_print_astring(struct slice text, struct evbuffer *out)
{
    if (may_be_atom(text))
        return put(out, text);
    return may_be_quoted(text, true) ? print_quoted(text, out) : value_print_string(text, out);
}

/* Control characters are part of a name (see `names` of struct line), which is a string to others. */
static bool print_atom(struct slice text, struct evbuffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f)
            return value_print_string(text, out);
    }
    return put(out, text);
}

bool value_print(const struct value *value, struct evbuffer *out)
{
    switch (value->kind) {
    case VALUE_ATOM:
        return print_atom(value->text, out);
    case VALUE_DEEP:
        return put(out, value->text);
    case VALUE_QUOTED:
    case VALUE_LITERAL:
        return value_print_string(value->text, out);
    case VALUE_LITERAL8:
        return print_literal(value->text, "~", out);
    case VALUE_LIST:
        return put(out, SLICE("(")) && value_print_all(value->first, out) && put(out, SLICE(")"));
    case VALUE_SPOOLED:
        break;
    }
    return false;
}

bool value_print_all(const struct value *first, struct evbuffer *out)
{
    for (const struct value *value = first; value; value = value->next) {
        if (value != first && !put(out, SLICE(" ")))
            return false;
        if (!value_print(value, out))
            return false;
    }
    return true;
}
