/* See sort.h. What goes up are our own spellings of the names. */
#include "imap/sort.h"

#include <stddef.h>

static const char *const keys[] = {"ARRIVAL", "CC",   "DATE",    "DISPLAYFROM", "DISPLAYTO",
                                   "FROM",    "SIZE", "SUBJECT", "TO"};

/* NULL: it is none. */
static const char *find_key(const struct value *value)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (value_is_atom(value, keys[i]))
            return keys[i];
    }
    return NULL;
}

bool sort_check(const struct value *list, const struct search_permit *permit, const char **error)
{
    *error = "SORT takes a list of sort keys";
    if (!list || !value_is_list(list) || !list->first)
        return false;
    for (const struct value *value = list->first; value; value = value->next) {
        if (value_is_atom(value, "REVERSE"))
            value = value->next;
        if (!value || !find_key(value) || !permit->key(permit->context, value->text)) {
            *error = "Unknown sort key";
            return false;
        }
    }
    return true;
}

void sort_print_upstream(const struct value *list, struct outgoing *out)
{
    const char *before = "(";

    for (const struct value *value = list->first; value; value = value->next) {
        const char *key = find_key(value);
        outgoing_text(out, before);
        outgoing_text(out, key ? key : "REVERSE");
        before = " ";
    }
    outgoing_text(out, ")");
}
