/* See search_return.h. The list is the client's: everything in it is checked. */
#include "imap/search_return.h"

#include <stddef.h>

static bool *find_option(struct search_return *options, const struct value *value)
{
    const struct {
        const char *name;
        bool *chosen;
    } all[] = {{"ALL", &options->all},
               {"COUNT", &options->count},
               {"MAX", &options->max},
               {"MIN", &options->min},
               {"SAVE", &options->save}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (value_is_atom(value, all[i].name))
            return all[i].chosen;
    }
    return NULL;
}

/* Takes "7", or "-7" from the end, off the front of text. */
static bool read_place(struct slice *text, bool from_end, uint32_t *place)
{
    size_t start = from_end ? 1 : 0, end = start;
    uint64_t number;

    if (from_end && (text->length == 0 || text->data[0] != '-'))
        return false;
    while (end < text->length && text->data[end] >= '0' && text->data[end] <= '9')
        end++;
    if (!slice_number((struct slice){text->data + start, end - start}, UINT32_MAX, &number) || number == 0)
        return false;
    *place = (uint32_t)number;
    *text = (struct slice){text->data + end, text->length - end};
    return true;
}

bool search_partial_parse(const struct value *value, struct search_partial *partial)
{
    struct slice text;
    uint32_t one, other;

    if (!value || value->kind != VALUE_ATOM)
        return false;
    *partial = (struct search_partial){.written = value->text, .from_end = value->text.data[0] == '-'};
    text = value->text;
    if (!read_place(&text, partial->from_end, &one) || text.length == 0 || text.data[0] != ':')
        return false;
    text = (struct slice){text.data + 1, text.length - 1};
    if (!read_place(&text, partial->from_end, &other) || text.length > 0)
        return false;
    partial->low = one < other ? one : other;
    partial->high = one < other ? other : one;
    return true;
}

bool search_partial_choose(const struct search_partial *partial, const struct seqset *all, struct seqset *chosen)
{
    uint64_t size = seqset_size(all), before = 0, first = partial->low, last = partial->high;

    if (partial->from_end) {
        first = partial->high > size ? 1 : size - partial->high + 1;
        last = partial->low > size ? 0 : size - partial->low + 1;
    }
    for (size_t i = 0; i < all->count && before < last; i++) {
        struct seqrange range = all->ranges[i];
        uint64_t length = (uint64_t)range.high - range.low + 1;
        if (before + length > last)
            range.high = (uint32_t)(range.low + (last - before) - 1);
        if (before + 1 < first && first <= before + length)
            range.low = (uint32_t)(range.low + (first - before) - 1);
        if (before + length >= first && !seqset_write_range(chosen, range))
            return false;
        before += length;
    }
    return true;
}

static bool read_option(const struct value **at, struct search_return *options)
{
    bool *chosen = find_option(options, *at);

    if (chosen)
        return *chosen = true;
    if (!value_is_atom(*at, "PARTIAL") || options->partial.low != 0)
        return false;
    *at = (*at)->next;
    return search_partial_parse(*at, &options->partial);
}

bool search_return_parse(const struct value *list, const struct search_permit *permit, struct search_return *options,
                         const char **error)
{
    *options = (struct search_return){.given = true};
    *error = "RETURN without its list of options";
    if (!list || !value_is_list(list))
        return false;
    *error = "Unknown option of RETURN";
    for (const struct value *value = list->first; value; value = value->next) {
        if (value->kind != VALUE_ATOM || !permit->option(permit->context, value->text) || !read_option(&value, options))
            return false;
    }
    *error = "RETURN with both ALL and PARTIAL";
    if (options->all && options->partial.low != 0)
        return false;
    options->all |= !list->first;
    *error = NULL;
    return true;
}

bool search_return_tells(const struct search_return *options)
{
    return options->min || options->max || options->all || options->count || options->partial.low != 0;
}
