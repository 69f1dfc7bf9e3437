/* A spool with several holders. */
#include "base/spool.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct spool {
    char bytes[100];
    size_t size;
};

static int open_spools;
static bool full;

static struct spool *open_one(void *context)
{
    (void)context;
    if (full)
        return NULL;
    open_spools++;
    return calloc(1, sizeof(struct spool));
}

static bool append(struct spool *spool, const void *bytes, size_t size)
{
    if (spool->size + size > sizeof(spool->bytes))
        return false;
    memcpy(spool->bytes + spool->size, bytes, size);
    spool->size += size;
    return true;
}

static size_t read_at(struct spool *spool, uint64_t offset, void *bytes, size_t size)
{
    size_t left = offset < spool->size ? spool->size - (size_t)offset : 0;

    if (size > left)
        size = left;
    memcpy(bytes, spool->bytes + offset, size);
    return size;
}

static uint64_t size_of(const struct spool *spool)
{
    return spool->size;
}

static void close_one(struct spool *spool)
{
    if (!spool)
        return;
    open_spools--;
    free(spool);
}

static const struct spool_ops ops = {
    .open = open_one, .append = append, .read = read_at, .size = size_of, .close = close_one};
static struct spooler spooler = {.ops = &ops};

Test(spool, the_last_holder_closes_it)
{
    struct shared_spool *shared = shared_spool_open(&spooler);

    cr_assert_eq(shared_spool_hold(shared), shared);
    shared_spool_release(shared);
    cr_assert_eq(open_spools, 1);
    shared_spool_release(shared);
    cr_assert_eq(open_spools, 0);
    shared_spool_release(NULL);
}

Test(spool, what_was_appended_is_read_from_anywhere)
{
    struct shared_spool *shared = shared_spool_open(&spooler);
    char got[10] = "";

    cr_assert(shared_spool_append(shared, "hello ", 6));
    cr_assert(shared_spool_append(shared, "world", 5));
    cr_assert_eq(shared_spool_read(shared, 6, got, sizeof(got)), 5);
    cr_assert_arr_eq(got, "world", 5);
    cr_assert_eq(shared_spool_read(shared, 11, got, sizeof(got)), 0);
    cr_assert_not(shared_spool_append(shared, (char[200]){0}, 200), "it does not fit");
    shared_spool_release(shared);
}

Test(spool, none_is_to_be_had)
{
    full = true;
    cr_assert_null(shared_spool_open(&spooler));
    cr_assert_null(spooler_open(&spooler));
}
