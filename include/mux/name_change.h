/* What a command does to the names of mailboxes, if the server carries it out. A job takes it with it, so that it
 * counts although its client has gone. */
#ifndef IMAPMUX_MUX_NAME_CHANGE_H
#define IMAPMUX_MUX_NAME_CHANGE_H

#include "base/slice.h"

enum name_change_kind { NAME_CREATED, NAME_DELETED, NAME_RENAMED };

struct name_change {
    enum name_change_kind kind;
    struct slice name; /* both point into the same block of memory */
    struct slice to;   /* NAME_RENAMED: the new name; else empty */
};

/* The names are copied. Returns owned (free); NULL: out of memory. */
struct name_change *name_change_new(enum name_change_kind kind, struct slice name, struct slice to);

#endif
