/* The ground of every machine of mux and session: one per registry, borrowed by all machines for as long as they live.
 * Nothing here belongs to one account. Only the two `struct random` and `commands` change after registry_new. */
#ifndef IMAPMUX_MUX_GROUND_H
#define IMAPMUX_MUX_GROUND_H

#include "base/log.h"
#include "base/random.h"
#include "base/runqueue.h"
#include "base/spool.h"
#include "mux/link.h"
#include "mux/settings.h"

struct ghost_keeper;

struct ground {
    struct runqueue *runqueue;
    struct log *log;
    const struct settings *settings; /* read whenever needed, never copied: a reload changes them in place */
    struct spooler *spooler;
    const struct upstream_link_ops *link_ops;
    void *link_context;                      /* first argument of link_ops->dial */
    const struct ghost_keeper *ghost_keeper; /* NULL: none */
    const char *version;                     /* of the program, told in ID (RFC 2971) */
    struct random random;                    /* for jitter */
    struct random tags;                      /* for the tags of upstream commands */
    uint64_t commands; /* how many have been written upstream, over all connections: tells which of two came first */
};

#endif
