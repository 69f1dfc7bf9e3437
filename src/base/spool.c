/* Opening a spool. Its storage belongs to the maker of the ops; nothing here knows files. */
#include "base/spool.h"

#include <stdlib.h>

struct shared_spool {
    struct spool *spool;
    const struct spool_ops *ops;
    unsigned holders;
};

struct spool *spooler_open(struct spooler *spooler)
{
    return spooler->ops->open(spooler->context);
}

struct shared_spool *shared_spool_open(struct spooler *spooler)
{
    struct shared_spool *shared = malloc(sizeof(*shared));

    if (!shared)
        return NULL;
    *shared = (struct shared_spool){.spool = spooler_open(spooler), .ops = spooler->ops, .holders = 1};
    if (shared->spool)
        return shared;
    free(shared);
    return NULL;
}

struct shared_spool *shared_spool_hold(struct shared_spool *shared)
{
    shared->holders++;
    return shared;
}

void shared_spool_release(struct shared_spool *shared)
{
    if (!shared || --shared->holders > 0)
        return;
    shared->ops->close(shared->spool);
    free(shared);
}

bool shared_spool_append(struct shared_spool *shared, const void *bytes, size_t size)
{
    return shared->ops->append(shared->spool, bytes, size);
}

size_t shared_spool_read(struct shared_spool *shared, uint64_t offset, void *bytes, size_t size)
{
    return shared->ops->read(shared->spool, offset, bytes, size);
}
