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

bool search_return_parse(const struct value *list, const struct search_permit *permit, struct search_return *options,
                         const char **error)
{
    *options = (struct search_return){.given = true};
    if (!list || !value_is_list(list)) {
        *error = "RETURN without its list of options";
        return false;
    }
    for (const struct value *value = list->first; value; value = value->next) {
        bool *chosen = find_option(options, value);
        if (!chosen || !permit->option(permit->context, value->text)) {
            *error = "Unknown option of RETURN";
            return false;
        }
        *chosen = true;
    }
    options->all |= !list->first;
    return true;
}

bool search_return_tells(const struct search_return *options)
{
    return options->min || options->max || options->all || options->count;
}
