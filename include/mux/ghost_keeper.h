/* Remembers the ends of sessions beyond the life of an account, and of the process. The owner of the machines hands one
 * in: the program net/ghost_file, the simulator none. An entry is an account and two ends; it may be told of again. */
#ifndef IMAPMUX_MUX_GHOST_KEEPER_H
#define IMAPMUX_MUX_GHOST_KEEPER_H

#include <stddef.h>

#include "base/slice.h"
#include "mux/link.h"

/* account: see identity.h, the key. Everything is borrowed for the call. */
struct ghost_keeper_ops {
    /* A session stands there: if the process ends now, the server may count it on. */
    void (*stands)(void *context, struct slice account, const struct link_ends *ends);
    /* Its connection is lost: the server may count it on. */
    void (*lost)(void *context, struct slice account, const struct link_ends *ends);
    /* The server does not count it any more. */
    void (*over)(void *context, struct slice account, const struct link_ends *ends);
    /* Fills `ends` with those that the server may count, the one lost last first. Called while the account has no
     * session. Returns how many, `most` at most. */
    size_t (*find)(void *context, struct slice account, struct link_ends *ends, size_t most);
};

struct ghost_keeper {
    const struct ghost_keeper_ops *ops;
    void *context;
};

#endif
