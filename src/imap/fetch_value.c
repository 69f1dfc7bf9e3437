/* See fetch_value.h. A value that does not fit counts as no answer: what a client is told of a message is sound, or the
 * FETCH ends with NO. */
#include "imap/fetch_value.h"

#include <event2/buffer.h>
#include <string.h>

#include "base/append.h"
#include "imap/date.h"
#include "imap/object_id.h"
#include "imap/structure.h"

static bool is_date_time(const struct value *value)
{
    return value->kind == VALUE_QUOTED && date_time_valid(value->text);
}

static bool is_number(const struct value *value)
{
    uint64_t number;

    return value_number(value, UINT64_MAX, &number);
}

static bool are_labels(const struct value *value)
{
    if (!value_is_list(value))
        return false;
    for (const struct value *label = value->first; label; label = label->next) {
        if (label->kind != VALUE_ATOM && !value_is_string(label))
            return false;
    }
    return true;
}

static bool is_nil_or_string(const struct value *value)
{
    return value_is_nil(value) || value_is_string(value);
}

static bool is_nil_or_object_id(const struct value *value)
{
    return value_is_nil(value) || object_id_is_told(value);
}

static bool is_nil_or_date_time(const struct value *value)
{
    return value_is_nil(value) || is_date_time(value);
}

static bool (*const forms[FETCH_UNKNOWN])(const struct value *value) = {
    [FETCH_EMAILID] = object_id_is_told, [FETCH_THREADID] = is_nil_or_object_id, [FETCH_SAVEDATE] = is_nil_or_date_time,
    [FETCH_PREVIEW] = is_nil_or_string,  [FETCH_X_GM_MSGID] = is_number,         [FETCH_X_GM_THRID] = is_number,
    [FETCH_X_GM_LABELS] = are_labels,    [FETCH_BINARY] = is_nil_or_string,      [FETCH_BINARY_SIZE] = is_number,
};

bool fetch_value_fits(const struct fetch_item *item, const struct value *value)
{
    return !forms[item->kind] || forms[item->kind](value);
}

static bool has_nul(struct slice text)
{
    return text.length > 0 && memchr(text.data, '\0', text.length);
}

static bool print_binary(const struct value *value, struct evbuffer *out)
{
    if (value->kind != VALUE_LITERAL8 && !has_nul(value->text))
        return value_print(value, out);
    return append_format(out, "~{%zu}\r\n", value->text.length) &&
           (value->text.length == 0 || append_bytes(out, value->text.data, value->text.length));
}

/* Labels are astrings: one with a backslash is quoted. */
static bool print_labels(const struct value *labels, struct evbuffer *out)
{
    bool done = append_bytes(out, "(", 1);

    for (const struct value *label = labels->first; done && label; label = label->next) {
        done = label->kind == VALUE_ATOM ? value_print(label, out) : value_print_astring(label->text, out);
        if (label->next)
            done = done && append_bytes(out, " ", 1);
    }
    return done && append_bytes(out, ")", 1);
}

bool fetch_value_print(const struct fetch_item *item, const struct value *value, struct evbuffer *out)
{
    if (item->kind == FETCH_ENVELOPE)
        return structure_print_envelope(value, out);
    if (item->kind == FETCH_BODY || item->kind == FETCH_BODYSTRUCTURE)
        return structure_print_body(value, out);
    if (item->kind == FETCH_BINARY)
        return print_binary(value, out);
    if (item->kind == FETCH_X_GM_LABELS && value_is_list(value))
        return print_labels(value, out);
    return value->kind == VALUE_LITERAL8 ? value_print_string(value->text, out) : value_print(value, out);
}
