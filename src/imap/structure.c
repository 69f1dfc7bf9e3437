/* The printer of nested answers. It knows where lists stand without a space between them and looks at nothing else: it
 * must never drop, add or repair a value, since a mail program may rely on its server's values. */
#include "imap/structure.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"

/* RFC 3501 section 9, "envelope": date, subject, six lists of addresses, in-reply-to, message-id. */
#define ENVELOPE_ADDRESSES_FIRST 2
#define ENVELOPE_ADDRESSES_LAST  7
/* "body-type-msg": type, subtype, five body-fields, then the envelope, the body and the lines of the message inside. */
#define BODY_ENVELOPE 7
#define BODY_BODY     8

/* "(" *element ")" */
static bool print_adjacent(const struct value *list, bool (*print)(const struct value *, struct evbuffer *),
                           struct evbuffer *out)
{
    if (!value_is_list(list))
        return value_print(list, out);
    append_bytes(out, "(", 1);
    for (const struct value *each = list->first; each; each = each->next) {
        if (!print(each, out))
            return false;
    }
    return append_bytes(out, ")", 1);
}

static bool print_addresses(const struct value *addresses, struct evbuffer *out)
{
    return print_adjacent(addresses, value_print, out);
}

bool structure_print_envelope(const struct value *envelope, struct evbuffer *out)
{
    unsigned index = 0;

    if (!value_is_list(envelope))
        return value_print(envelope, out);
    append_bytes(out, "(", 1);
    for (const struct value *each = envelope->first; each; each = each->next, index++) {
        bool addresses = index >= ENVELOPE_ADDRESSES_FIRST && index <= ENVELOPE_ADDRESSES_LAST;
        if (index > 0)
            append_bytes(out, " ", 1);
        if (!(addresses ? print_addresses : value_print)(each, out))
            return false;
    }
    return append_bytes(out, ")", 1);
}

/* Only a message inside a message has a list where its envelope would be: of other types a checksum stands there, and
 * then a disposition, whose list needs its spaces. */
static bool print_field(const struct value *field, unsigned index, bool message, struct evbuffer *out)
{
    if (message && index == BODY_ENVELOPE)
        return structure_print_envelope(field, out);
    if (message && index == BODY_BODY)
        return structure_print_body(field, out);
    return value_print(field, out);
}

static const struct value *element(const struct value *first, unsigned index)
{
    while (first && index-- > 0)
        first = first->next;
    return first;
}

static bool is_part(const struct value *value)
{
    return value_is_list(value) || (value && value->kind == VALUE_DEEP);
}

/* A body that is one part, from its type on. */
static bool print_fields(const struct value *first, struct evbuffer *out)
{
    bool message = is_part(element(first, BODY_ENVELOPE));
    unsigned index = 0;

    for (const struct value *each = first; each; each = each->next, index++) {
        if (index > 0)
            append_bytes(out, " ", 1);
        if (!print_field(each, index, message, out))
            return false;
    }
    return true;
}

/* The bodies of a multipart stand in front of its subtype; a part begins with its type. Its depth is VALUE_DEPTH_MAX at
 * most. */
bool structure_print_body(const struct value *body, struct evbuffer *out)
{
    const struct value *each;

    if (!value_is_list(body))
        return value_print(body, out);
    append_bytes(out, "(", 1);
    for (each = body->first; is_part(each); each = each->next) {
        if (!structure_print_body(each, out))
            return false;
    }
    if (each && each == body->first) {
        if (!print_fields(each, out))
            return false;
    } else if (each && (!append_bytes(out, " ", 1) || !value_print_all(each, out))) {
        return false;
    }
    return append_bytes(out, ")", 1);
}

/* A backslash, perhaps, and an atom. */
static bool is_attribute(struct slice text)
{
    size_t from = text.length > 0 && text.data[0] == '\\';

    for (size_t i = from; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("(){%*\"\\]", text.data[i]))
            return false;
    }
    return text.length > from;
}

bool structure_print_attributes(const struct value *attributes, struct evbuffer *out)
{
    const struct value *each = value_is_list(attributes) ? attributes->first : NULL;
    bool ok = append_bytes(out, "(", 1), first = true;
    struct slice text;

    for (; ok && each; each = each->next) {
        if (!value_astring(each, &text) || !is_attribute(text))
            continue;
        ok = (first || append_bytes(out, " ", 1)) && append_bytes(out, text.data, text.length);
        first = false;
    }
    return ok && append_bytes(out, ")", 1);
}

bool structure_print_separator(const struct value *separator, struct evbuffer *out)
{
    char c = '\0';

    if (separator->kind != VALUE_LIST && separator->text.length == 1) /* an atom, too: servers leave out the quotes */
        c = separator->text.data[0];
    if (c == '\0' || c == '\r' || c == '\n' || (unsigned char)c >= 0x80)
        return append_bytes(out, "NIL", 3);
    return append_format(out, c == '"' || c == '\\' ? "\"\\%c\"" : "\"%c\"", c);
}

static bool print_prefix(const struct value *prefix, struct evbuffer *out)
{
    struct slice text;

    return value_astring(prefix, &text) ? value_print_string(text, out) : value_print(prefix, out);
}

/* (prefix separator *extension) */
static bool print_namespace(const struct value *namespace, struct evbuffer *out)
{
    const struct value *prefix = value_is_list(namespace) ? namespace->first : NULL;
    const struct value *separator = prefix ? prefix->next : NULL;

    if (!separator)
        return value_print(namespace, out);
    append_bytes(out, "(", 1);
    if (!print_prefix(prefix, out) || !append_bytes(out, " ", 1) || !structure_print_separator(separator, out))
        return false;
    if (separator->next && (!append_bytes(out, " ", 1) || !value_print_all(separator->next, out)))
        return false;
    return append_bytes(out, ")", 1);
}

bool structure_print_namespaces(const struct value *first, struct evbuffer *out)
{
    for (const struct value *each = first; each; each = each->next) {
        if (each != first)
            append_bytes(out, " ", 1);
        if (value_is_list(each) && !each->first) {
            if (!append_bytes(out, "NIL", 3))
                return false;
        } else if (!print_adjacent(each, print_namespace, out)) {
            return false;
        }
    }
    return true;
}
