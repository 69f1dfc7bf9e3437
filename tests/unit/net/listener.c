/* The listener: it accepts, names what is wrong with a port, and does not spin without descriptors. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/address.h"
#include "net/listener.h"
#include "unit/net/bench.h"
#include "unit/net/door.h"

Test(listener, accepts)
{
    struct door door;

    door_open(&door);
    int one = door_knock(&door), other = door_knock(&door);
    bench_rounds(&door.bench, 3);
    cr_assert_eq(door.count, 2);
    listener_free(door.listener);
    close(one), close(other), close(door.accepted[0]), close(door.accepted[1]);
    bench_close(&door.bench);
}

static void never(void *owner, int descriptor, const struct address *peer)
{
    (void)owner;
    (void)peer;
    cr_assert_fail("accepted %d", descriptor);
}

Test(listener, a_port_in_use_is_named)
{
    struct door door;
    struct listener_fault fault;

    door_open(&door);
    const struct listener_options options = {.base = door.bench.base,
                                             .runqueue = door.bench.runqueue,
                                             .name = "other",
                                             .host = "127.0.0.1",
                                             .port = listener_port(door.listener),
                                             .accepted = never};
    cr_assert_null(listener_new(&options, &fault));
    cr_assert(strstr(fault.text, "Address already in use; another program listens there"), "%s", fault.text);
    listener_free(door.listener);
    bench_close(&door.bench);
}

Test(listener, out_of_descriptors_it_says_so_and_does_not_spin)
{
    struct door door;
    struct rlimit limit;
    int filler[4096], fillers = 0, rounds = 0;
    char got[128] = "";

    door_open(&door);
    int client = door_knock(&door);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &limit);
    while ((filler[fillers] = dup(0)) >= 0)
        fillers++;
    while (door.bench.logged[0] == '\0' && rounds++ < 10)
        event_base_loop(door.bench.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
    int second = -1;
    cr_assert(strstr(door.bench.logged, "cannot accept: Too many open files"), "%s", door.bench.logged);
    bench_rounds(&door.bench, 3);
    cr_assert_gt(bench_read(client, got, sizeof(got)), 0);
    cr_assert(strstr(got, "* BYE [UNAVAILABLE]"), "%s", got);
    cr_assert_eq(door.count, 0);
    while (fillers > 0)
        close(filler[--fillers]);
    second = door_knock(&door);
    bench_rounds(&door.bench, 400);
    cr_assert_eq(door.count, 1, "it goes on after a pause");
    listener_free(door.listener);
    close(client), close(second), close(door.accepted[0]);
    bench_close(&door.bench);
}

/* Of 200 descriptors 25 are kept for upstreams and spools. */
Test(listener, the_last_descriptors_are_not_for_clients)
{
    struct door door;
    struct rlimit limit;
    int filler[4096], fillers = 0;
    char got[128] = "";

    door_open(&door);
    int first = door_knock(&door), second = door_knock(&door);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &limit);
    do
        filler[fillers] = dup(0);
    while (filler[fillers++] < 173);
    bench_rounds(&door.bench, 3);
    cr_assert_eq(door.count, 1, "174 is for the first");
    cr_assert(strstr(door.bench.logged, "cannot accept: Too many open files"), "%s", door.bench.logged);
    cr_assert_eq(bench_read(first, got, sizeof(got)), 0);
    cr_assert_gt(bench_read(second, got, sizeof(got)), 0);
    cr_assert(strstr(got, "* BYE [UNAVAILABLE]"), "%s", got);
    int kept = dup(0);
    cr_assert_eq(kept, 175);
    close(kept);
    close(door.accepted[0]);
    int third = door_knock(&door); /* takes 174 in this process */
    close(filler[--fillers]);
    bench_rounds(&door.bench, 3);
    cr_assert_eq(door.count, 2, "as soon as there is room");
    while (fillers > 0)
        close(filler[--fillers]);
    close(first), close(second), close(third), close(door.accepted[1]);
    listener_free(door.listener);
    bench_close(&door.bench);
}
