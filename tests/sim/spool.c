/* One growing piece of memory for each. Now and then the disk is full, or cannot be read. */
#include "sim/spool.h"

#include <stdlib.h>
#include <string.h>

#include "sim/others.h"

struct spool {
    struct sim *sim;
    char *bytes;
    size_t size, capacity;
};

static bool fails(struct sim *sim, const char *what)
{
    struct dice dice = dice_make(sim->seed, DICE_SPOOL, 0, sim->spool_uses++);

    if (sim->quiet || !dice_percent(&dice, sim->plan.spool_fails))
        return false;
    sim->faults++;
    sim_note(sim, "FAULT: a spool cannot be %s", what);
    disturb_all(sim);
    return true;
}

static struct spool *spool_open(void *context)
{
    struct sim *sim = context;
    struct spool *spool = fails(sim, "opened") ? NULL : calloc(1, sizeof(*spool));

    if (spool)
        spool->sim = sim;
    return spool;
}

static bool spool_append(struct spool *spool, const void *bytes, size_t size)
{
    if (fails(spool->sim, "written"))
        return false;
    if (spool->size + size > spool->capacity) {
        size_t capacity = (spool->size + size) * 2;
        char *grown = realloc(spool->bytes, capacity);
        if (!grown)
            return false;
        spool->bytes = grown;
        spool->capacity = capacity;
    }
    if (size)
        memcpy(spool->bytes + spool->size, bytes, size);
    spool->size += size;
    return true;
}

static size_t spool_read(struct spool *spool, uint64_t offset, void *bytes, size_t size)
{
    size_t left = offset < spool->size ? spool->size - (size_t)offset : 0;

    if (fails(spool->sim, "read"))
        return 0;
    if (size > left)
        size = left;
    if (size)
        memcpy(bytes, spool->bytes + offset, size);
    return size;
}

static uint64_t spool_size(const struct spool *spool)
{
    return spool->size;
}

static void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    free(spool->bytes);
    free(spool);
}

const struct spool_ops sim_spool_ops = {
    .open = spool_open, .append = spool_append, .read = spool_read, .size = spool_size, .close = spool_close};
