/* A place for bytes that are written once from front to back and read from anywhere: uploads before they go upstream,
 * answers that cannot be handed on yet, output of a slow reader. What is behind it (memory, then an unlinked file; in
 * tests memory alone) belongs to the maker of the ops. */
#ifndef IMAPMUX_BASE_SPOOL_H
#define IMAPMUX_BASE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

struct spool_ops {
    /* Returns owned; NULL when a limit or memory is exhausted. */
    struct spool *(*open)(void *context);
    /* Appends size octets. False: disk full, a limit, out of memory; the spool then stays as it was. */
    bool (*append)(struct spool *spool, const void *bytes, size_t size);
    /* Reads up to size octets at offset; returns how many, 0 at the end or on an error. */
    size_t (*read)(struct spool *spool, uint64_t offset, void *bytes, size_t size);
    uint64_t (*size)(const struct spool *spool);
    void (*close)(struct spool *spool); /* frees; NULL is allowed */
};

struct spooler {
    const struct spool_ops *ops;
    void *context;
};

/* A new empty spool. Returns owned (its close op frees it); NULL: a limit or memory is exhausted. */
struct spool *spooler_open(struct spooler *spooler);

/* A spool with several holders: an upload belongs to the client's command and to the command on its way up, and either
 * may end first. Closed when the last holder has let go. */
struct shared_spool;

struct shared_spool *shared_spool_open(struct spooler *spooler); /* held once by the caller; NULL: as spooler_open */
/* Adds a holder, which calls shared_spool_release when done. Returns `shared`. */
struct shared_spool *shared_spool_hold(struct shared_spool *shared);
void shared_spool_release(struct shared_spool *shared); /* NULL is allowed */
/* Appends size octets. False as in spool_ops.append. */
bool shared_spool_append(struct shared_spool *shared, const void *bytes, size_t size);
/* Reads up to size octets at offset. Returns how many; 0 at the end or on an error. */
size_t shared_spool_read(struct shared_spool *shared, uint64_t offset, void *bytes, size_t size);

#endif
