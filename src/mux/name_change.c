/* See name_change.h. */
#include "mux/name_change.h"

#include <stdlib.h>
#include <string.h>

static struct slice put(char *at, struct slice name)
{
    if (name.length > 0)
        memcpy(at, name.data, name.length);
    return (struct slice){at, name.length};
}

struct name_change *name_change_new(enum name_change_kind kind, struct slice name, struct slice to)
{
    struct name_change *change = malloc(sizeof(*change) + name.length + to.length);
    char *octets = (char *)(change + 1);

    if (!change)
        return NULL;
    change->kind = kind;
    change->name = put(octets, name);
    change->to = put(octets + name.length, to);
    return change;
}
