/* See lines.h. */
#include "session/lines.h"

#include <event2/buffer.h>
#include <string.h>

#include "base/append.h"

/* --- what belongs behind the name */

static bool are_astrings(const struct value *value, size_t least, size_t multiple)
{
    size_t count = 0;
    struct slice text;

    for (; value; value = value->next, count++) {
        if (!value_astring(value, &text))
            return false;
    }
    return count >= least && count % multiple == 0;
}

static bool is_acl(const struct value *rest)
{
    return are_astrings(rest, 0, 2);
}

static bool is_listrights(const struct value *rest)
{
    return are_astrings(rest, 1, 1);
}

static bool is_myrights(const struct value *rest)
{
    return are_astrings(rest, 1, 1) && !rest->next;
}

static bool is_quotaroot(const struct value *rest)
{
    return are_astrings(rest, 0, 1);
}

/* (resource usage limit ...). Courier leaves an empty list out. */
static bool is_quota(const struct value *rest)
{
    const struct value *value;
    uint64_t number;

    if (!rest)
        return true;
    if (rest->next || !value_is_list(rest))
        return false;
    for (value = rest->first; value; value = value->next->next->next) {
        if (value->kind != VALUE_ATOM || !value->next || !value_number(value->next, INT64_MAX, &number) ||
            !value->next->next || !value_number(value->next->next, INT64_MAX, &number))
            return false;
    }
    return true;
}

/* A literal8 without NUL is a string for all who know no literal8. */
static bool is_told(const struct value *value)
{
    if (!value || value_is_nil(value))
        return value != NULL;
    return value_is_string(value) && (value->text.length == 0 || !memchr(value->text.data, '\0', value->text.length));
}

/* (entry value ...) */
static bool is_metadata(const struct value *rest)
{
    const struct value *value;
    struct slice text;

    if (!rest || rest->next || !value_is_list(rest))
        return false;
    for (value = rest->first; value; value = value->next->next) {
        if (!value_astring(value, &text) || !is_told(value->next))
            return false;
    }
    return true;
}

static const struct {
    enum response_kind kind;
    const char *word;
    bool (*sound)(const struct value *rest);
} kinds[] = {
    {RESPONSE_ACL, "ACL", is_acl},
    {RESPONSE_LISTRIGHTS, "LISTRIGHTS", is_listrights},
    {RESPONSE_METADATA, "METADATA", is_metadata},
    {RESPONSE_MYRIGHTS, "MYRIGHTS", is_myrights},
    {RESPONSE_QUOTA, "QUOTA", is_quota},
    {RESPONSE_QUOTAROOT, "QUOTAROOT", is_quotaroot},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t index_of(enum response_kind kind)
{
    size_t index = 0;

    while (index < KINDS && kinds[index].kind != kind)
        index++;
    return index;
}

bool line_is_sound(const struct response *response)
{
    size_t index = index_of(response->kind);
    struct slice name;

    return index < KINDS && value_astring(response->arguments, &name) && kinds[index].sound(response->arguments->next);
}

struct slice line_name(const struct response *response)
{
    return response->arguments->text;
}

/* --- printing: a word stays a word where it may be one, whatever the server quoted */

static bool print_astrings(const struct value *value, struct evbuffer *out)
{
    for (; value; value = value->next) {
        if (!append_bytes(out, " ", 1) || !value_print_astring(value->text, out))
            return false;
    }
    return true;
}

static bool print_told(const struct value *value, struct evbuffer *out)
{
    return value_is_nil(value) ? append_bytes(out, "NIL", 3) : value_print_string(value->text, out);
}

static bool print_entries(const struct value *value, struct evbuffer *out)
{
    const char *before = " (";

    for (; value; value = value->next->next, before = " ") {
        if (!append_bytes(out, before, before[1] ? 2 : 1) || !value_print_astring(value->text, out) ||
            !append_bytes(out, " ", 1) || !print_told(value->next, out))
            return false;
    }
    return before[1] ? append_bytes(out, " ()", 3) : append_bytes(out, ")", 1);
}

static bool print_rest(enum response_kind kind, const struct value *rest, struct evbuffer *out)
{
    if (kind == RESPONSE_METADATA)
        return print_entries(rest->first, out);
    if (kind == RESPONSE_QUOTA)
        return rest ? append_bytes(out, " ", 1) && value_print(rest, out) : append_bytes(out, " ()", 3);
    return print_astrings(rest, out);
}

bool line_print(enum response_kind kind, struct slice name, const struct value *arguments, struct evbuffer *out)
{
    append_format(out, "* %s ", kinds[index_of(kind)].word);
    return value_print_astring(name, out) && print_rest(kind, arguments->next, out) && append_bytes(out, "\r\n", 2);
}
