/* Flags of messages and mailboxes: six bits and names. Keywords are kept as they were written; they compare without
 * case. A list of a peer may be long and full of duplicates, so taking them out must not be quadratic. */
#include "imap/flags.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"

static const struct {
    const char *name;
    unsigned bit;
} system_flags[] = {
    {"\\Answered", FLAG_ANSWERED}, {"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED},
    {"\\Seen", FLAG_SEEN},         {"\\Draft", FLAG_DRAFT},     {"\\Recent", FLAG_RECENT},
};

#define SYSTEM_FLAG_COUNT (sizeof(system_flags) / sizeof(*system_flags))
#define FEW               32

unsigned flags_system_bit(struct slice name)
{
    if (name.length == 0 || name.data[0] != '\\')
        return 0;
    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++)
        if (slice_equal_nocase(name, slice_of(system_flags[i].name)))
            return system_flags[i].bit;
    return 0;
}

bool flags_print_system(unsigned system, struct evbuffer *out)
{
    const char *space = "";

    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++) {
        if (!(system & system_flags[i].bit))
            continue;
        if (!append_format(out, "%s%s", space, system_flags[i].name))
            return false;
        space = " ";
    }
    return true;
}

bool flags_valid_name(struct slice name)
{
    if (flags_system_bit(name) == FLAG_RECENT)
        return false;
    if (name.length > 0 && name.data[0] == '\\')
        name = (struct slice){name.data + 1, name.length - 1};
    for (size_t i = 0; i < name.length; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("(){%*\"\\]", c))
            return false;
    }
    return name.length > 0;
}

/* A keyword that a server puts in quotes is a keyword. */
static bool is_quoted_flag(const struct value *value)
{
    return value_is_string(value) && (flags_system_bit(value->text) || flags_valid_name(value->text));
}

/* True: a server may list it, as any atom that would come back as one atom. */
static bool is_listed_flag(const struct value *value)
{
    if (value->kind != VALUE_ATOM || slice_equal(value->text, SLICE("\\")))
        return false;
    for (size_t i = 0; i < value->text.length; i++)
        if (strchr(" (\"", value->text.data[i]))
            return false;
    return true;
}

static int compare_nocase(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    size_t shorter = left->length < right->length ? left->length : right->length;

    for (size_t i = 0; i < shorter; i++) {
        char x = slice_lower(left->data[i]), y = slice_lower(right->data[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (left->length > right->length) - (left->length < right->length);
}

/* Few are compared each with each and keep their order; many are sorted. */
static void drop_duplicates(struct flag_list *flags)
{
    bool many = flags->keyword_count > FEW;
    size_t kept = 0;

    if (many)
        qsort(flags->keywords, flags->keyword_count, sizeof(*flags->keywords), compare_nocase);
    for (size_t i = 0; i < flags->keyword_count; i++) {
        size_t at = many && kept ? kept - 1 : 0;
        while (at < kept && !slice_equal_nocase(flags->keywords[at], flags->keywords[i]))
            at++;
        if (at == kept)
            flags->keywords[kept++] = flags->keywords[i];
    }
    flags->keyword_count = kept;
}

bool flags_parse(const struct value *first, struct arena *arena, struct flag_list *flags)
{
    *flags = (struct flag_list){0};
    if (value_is_list(first))
        first = first->first;
    if (!first)
        return true;
    flags->keywords = arena_alloc(arena, value_count(first) * sizeof(*flags->keywords));
    if (!flags->keywords)
        return false;
    for (const struct value *value = first; value; value = value->next) {
        unsigned bit;
        if (value_is_string(value) && !is_quoted_flag(value))
            continue; /* no client could be shown it */
        if (!value_is_string(value) && !is_listed_flag(value))
            return false;
        bit = flags_system_bit(value->text);
        flags->system |= bit;
        if (!bit)
            flags->keywords[flags->keyword_count++] = value->text;
    }
    drop_duplicates(flags);
    return true;
}
