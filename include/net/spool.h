/* The program's spools, for base/spool.h: memory up to a threshold, then a file without a name in a directory,
 * all files of one store together bounded. A full disk is an answer (append says false, once a minute in the log),
 * never an end. */
#ifndef IMAPMUX_NET_SPOOL_H
#define IMAPMUX_NET_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/spool.h"

struct runqueue;
struct spool_store; /* opaque */

struct spool_store_options {
    const char *directory;  /* copied */
    size_t memory;          /* octets of a spool kept in memory before its file is made */
    const uint64_t *total;  /* bound of all files and memory together; read each time */
    struct runqueue *clock; /* for the log's once a minute; NULL in tests */
    struct log *log;
};

/* Returns owned; NULL: out of memory. Outlives its spools. */
struct spool_store *spool_store_new(const struct spool_store_options *options);
/* After its spools have been closed. NULL: nothing happens. */
void spool_store_free(struct spool_store *store);
/* Files are made in that directory from now on; those that are there stay in use. False: out of memory, nothing has
 * changed. */
bool spool_store_move(struct spool_store *store, const char *directory) __attribute__((warn_unused_result));
struct spooler *spool_store_spooler(struct spool_store *store); /* borrowed */
uint64_t spool_store_used(const struct spool_store *store);     /* octets in all its spools */
/* True: a file can be created in the directory. False: *reason says why not, often from strerror. */
bool spool_directory_usable(const char *directory, const char **reason);

#endif
