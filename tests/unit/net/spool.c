#include "net/spool.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "net/output_queue.h"
#include "unit/net/bench.h"

struct rig {
    struct bench bench;
    struct spool_store *store;
    struct spooler *spooler;
    uint64_t total;
};

static void open_rig(struct rig *rig, const char *directory)
{
    bench_open(&rig->bench);
    rig->total = 1 << 30;
    const struct spool_store_options options = {
        .directory = directory, .memory = 4096, .total = &rig->total, .log = &rig->bench.log};
    rig->store = spool_store_new(&options);
    rig->spooler = spool_store_spooler(rig->store);
}

static void close_rig(struct rig *rig)
{
    cr_assert_eq(spool_store_used(rig->store), 0);
    spool_store_free(rig->store);
    bench_close(&rig->bench);
}

static bool append(struct rig *rig, struct spool *spool, const char *text, size_t size)
{
    return rig->spooler->ops->append(spool, text, size);
}

Test(spool, reads_back_what_was_appended_in_memory_and_in_a_file)
{
    struct rig rig;
    char block[1000], got[1000];

    open_rig(&rig, "/tmp");
    struct spool *spool = spooler_open(rig.spooler);
    for (int i = 0; i < 20; i++) {
        memset(block, 'a' + i, sizeof(block));
        cr_assert(append(&rig, spool, block, sizeof(block)));
    }
    cr_assert_eq(rig.spooler->ops->size(spool), 20000);
    cr_assert_eq(spool_store_used(rig.store), 20000);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(rig.spooler->ops->read(spool, (uint64_t)i * 1000 + 1, got, sizeof(got)), i == 19 ? 999 : 1000);
        cr_assert_eq(got[0], 'a' + i);
        cr_assert(i == 19 || got[999] == 'a' + i + 1);
    }
    cr_assert_eq(rig.spooler->ops->read(spool, 20000, got, sizeof(got)), 0);
    rig.spooler->ops->close(spool);
    rig.spooler->ops->close(NULL);
    close_rig(&rig);
}

Test(spool, the_total_is_a_bound)
{
    struct rig rig;
    static char block[60000];

    open_rig(&rig, "/tmp");
    rig.total = 100000;
    struct spool *one = spooler_open(rig.spooler), *other = spooler_open(rig.spooler);
    cr_assert(append(&rig, one, block, sizeof(block)));
    cr_assert_not(append(&rig, other, block, sizeof(block)));
    cr_assert_eq(rig.spooler->ops->size(other), 0);
    cr_assert(append(&rig, other, block, 40000));
    rig.spooler->ops->close(one);
    cr_assert(append(&rig, other, block, sizeof(block)));
    rig.spooler->ops->close(other);
    cr_assert(strstr(rig.bench.logged, "spool_total is reached"));
    close_rig(&rig);
}

Test(spool, a_directory_that_is_not_there_is_reported_once)
{
    struct rig rig;
    static char block[60000];

    open_rig(&rig, "/nonexistent");
    struct spool *spool = spooler_open(rig.spooler);
    cr_assert(append(&rig, spool, block, 4096), "memory will do");
    cr_assert_not(append(&rig, spool, block, 1));
    cr_assert_not(append(&rig, spool, block, 1));
    cr_assert_eq(rig.spooler->ops->size(spool), 4096);
    cr_assert_str_eq(rig.bench.logged,
                     "spool directory /nonexistent: No such file or directory; free some space there, "
                     "or set spool_directory to another place\n");
    rig.spooler->ops->close(spool);
    close_rig(&rig);
}

Test(spool, a_full_disk_leaves_the_spool_as_it_was)
{
    struct rig rig;
    static char block[60000], got[60000];
    struct rlimit limit = {100000, 100000};

    open_rig(&rig, "/tmp");
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    struct spool *spool = spooler_open(rig.spooler);
    memset(block, 'x', sizeof(block));
    cr_assert(append(&rig, spool, block, sizeof(block)));
    cr_assert_not(append(&rig, spool, block, sizeof(block)));
    cr_assert_eq(rig.spooler->ops->size(spool), 60000);
    cr_assert_eq(rig.spooler->ops->read(spool, 0, got, sizeof(got)), 60000);
    cr_assert_arr_eq(got, block, sizeof(got));
    cr_assert(append(&rig, spool, block, 1000));
    rig.spooler->ops->close(spool);
    close_rig(&rig);
}

/* ---- output_queue ---- */

Test(output_queue, first_in_first_out_across_segments)
{
    struct rig rig;
    struct output_queue queue;
    struct evbuffer *buffer = evbuffer_new();
    unsigned next = 0, expected = 0;

    open_rig(&rig, "/tmp");
    output_queue_init(&queue, rig.spooler);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 262144; i++, next++)
            evbuffer_add(buffer, &next, sizeof(next));
        cr_assert(output_queue_add(&queue, buffer));
        cr_assert_eq(evbuffer_get_length(buffer), 0);
        cr_assert(output_queue_take(&queue, buffer, 524288));
        while (evbuffer_get_length(buffer) > 0) {
            unsigned got;
            evbuffer_remove(buffer, &got, sizeof(got));
            cr_assert_eq(got, expected++);
        }
    }
    cr_assert_eq(queue.waiting, (uint64_t)30 * 1048576);
    cr_assert_lt(spool_store_used(rig.store), (uint64_t)47 * 1048576, "what was taken has given its place back");
    while (queue.waiting > 0) {
        cr_assert(output_queue_take(&queue, buffer, 1000000));
        evbuffer_drain(buffer, evbuffer_get_length(buffer));
    }
    cr_assert_eq(spool_store_used(rig.store), 0);
    evbuffer_free(buffer);
    close_rig(&rig);
}

Test(output_queue, clear_gives_everything_back)
{
    struct rig rig;
    struct output_queue queue;
    struct evbuffer *buffer = evbuffer_new();

    open_rig(&rig, "/tmp");
    output_queue_init(&queue, rig.spooler);
    evbuffer_add_printf(buffer, "%01000d", 7);
    cr_assert(output_queue_add(&queue, buffer));
    cr_assert(output_queue_take(&queue, buffer, 10));
    cr_assert_eq(queue.waiting, 990);
    output_queue_clear(&queue);
    cr_assert_eq(queue.waiting, 0);
    evbuffer_free(buffer);
    close_rig(&rig);
}
