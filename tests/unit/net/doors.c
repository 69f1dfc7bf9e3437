/* What stands at the front door: addresses, admission, listeners, refusals, and dialling. */
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
#include "net/admission.h"
#include "net/dialer.h"
#include "net/listener.h"
#include "net/refusal_link.h"
#include "unit/net/bench.h"

static struct address parse(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(143)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(143)};
    struct address address;

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        address_set(&address, (struct sockaddr *)&in, sizeof(in));
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    else
        cr_assert_fail("%s", text);
    return address;
}

Test(address, loopback_is_this_machine_only)
{
    static const char *const yes[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const no[] = {"128.0.0.1", "::2", "::", "::ffff:192.0.2.1", "fe80::1"};

    for (size_t i = 0; i < 4; i++)
        cr_assert(address_name_is_loopback(yes[i]), "%s", yes[i]);
    cr_assert_not(address_is_loopback(&(struct address){0}));
    for (size_t i = 0; i < 5; i++)
        cr_assert_not(address_name_is_loopback(no[i]), "%s", no[i]);
    cr_assert(address_name_is_loopback("LocalHost"));
    cr_assert_not(address_name_is_loopback("localhost.example"));
}

Test(address, text_and_key)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address one = parse("192.0.2.1"), mapped = parse("::ffff:192.0.2.1");
    struct address six = parse("2001:db8:0:1::1"), neighbour = parse("2001:db8:0:1:ffff::2"),
                   other = parse("2001:db8:0:2::1");

    cr_assert_str_eq(address_text(&one, text), "192.0.2.1:143");
    cr_assert_str_eq(address_text(&six, text), "[2001:db8:0:1::1]:143");
    struct address_key a = address_key(&one), b = address_key(&mapped);
    cr_assert_arr_eq(a.bytes, b.bytes, 8);
    a = address_key(&six), b = address_key(&neighbour);
    cr_assert_arr_eq(a.bytes, b.bytes, 8);
    b = address_key(&other);
    cr_assert_neq(memcmp(a.bytes, b.bytes, 8), 0);
}

Test(admission, limits_of_an_address_and_of_all)
{
    uint64_t total = 5, per_address = 2;
    struct admission *admission = admission_new(7, &total, &per_address);
    struct address a = parse("192.0.2.1"), b = parse("192.0.2.2"), own = parse("127.0.0.1");

    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_ADDRESS_FULL);
    cr_assert_eq(admission_enter(admission, &b), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_TOTAL_FULL);
    admission_leave(admission, &a);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_count(admission), 5);
    admission_free(admission);
}

/* ---- listener ---- */

struct door {
    struct bench bench;
    struct listener *listener;
    int accepted[64];
    int count;
};

static void on_accepted(void *owner, int descriptor, const struct address *peer)
{
    struct door *door = owner;

    cr_assert(address_is_loopback(peer));
    door->accepted[door->count++] = descriptor;
}

static void open_door(struct door *door)
{
    struct listener_fault fault;

    memset(door, 0, sizeof(*door));
    bench_open(&door->bench);
    const struct listener_options options = {.base = door->bench.base,
                                             .runqueue = door->bench.runqueue,
                                             .log = &door->bench.log,
                                             .name = "test",
                                             .host = "127.0.0.1",
                                             .accepted = on_accepted,
                                             .owner = door};
    door->listener = listener_new(&options, &fault);
    cr_assert(door->listener, "%s", fault.text);
}

static int knock(const struct door *door)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(listener_port(door->listener))};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
}

Test(listener, accepts)
{
    struct door door;

    open_door(&door);
    int one = knock(&door), other = knock(&door);
    bench_rounds(&door.bench, 3);
    cr_assert_eq(door.count, 2);
    listener_free(door.listener);
    close(one), close(other), close(door.accepted[0]), close(door.accepted[1]);
    bench_close(&door.bench);
}

Test(listener, a_port_in_use_is_named)
{
    struct door door;
    struct listener_fault fault;

    open_door(&door);
    const struct listener_options options = {.base = door.bench.base,
                                             .runqueue = door.bench.runqueue,
                                             .name = "other",
                                             .host = "127.0.0.1",
                                             .port = listener_port(door.listener),
                                             .accepted = on_accepted};
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

    open_door(&door);
    int client = knock(&door);
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
    second = knock(&door);
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

    open_door(&door);
    int first = knock(&door), second = knock(&door);
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
    int third = knock(&door); /* takes 174 in this process */
    close(filler[--fillers]);
    bench_rounds(&door.bench, 3);
    cr_assert_eq(door.count, 2, "as soon as there is room");
    while (fillers > 0)
        close(filler[--fillers]);
    close(first), close(second), close(third), close(door.accepted[1]);
    listener_free(door.listener);
    bench_close(&door.bench);
}

/* ---- refusals ---- */

Test(refusal_link, says_why_and_closes)
{
    struct bench bench;
    struct refusal_links links = {0};
    int pair[2];
    char got[64] = "";

    bench_open(&bench);
    links.base = bench.base;
    links.runqueue = bench.runqueue;
    bench_sockets(pair);
    refusal_link_open(&links, pair[0], NULL, "[LIMIT] too many");
    bench_rounds(&bench, 5);
    cr_assert_gt(bench_read(pair[1], got, sizeof(got)), 0);
    cr_assert_str_eq(got, "* BYE [LIMIT] too many\r\n");
    cr_assert_eq(links.count, 1);
    close(pair[1]);
    bench_rounds(&bench, 5);
    cr_assert_eq(links.count, 0);
    bench_close(&bench);
}

Test(refusal_link, lives_five_seconds_at_most)
{
    struct bench bench;
    struct refusal_links links = {0};
    int pair[2];

    bench_open(&bench);
    links.base = bench.base;
    links.runqueue = bench.runqueue;
    bench_sockets(pair);
    refusal_link_open(&links, pair[0], NULL, "no");
    bench_rounds(&bench, 3);
    bench.ahead = 6 * USEC_SECOND;
    bench_rounds(&bench, 3);
    cr_assert_eq(links.count, 0);
    close(pair[1]);
    bench_close(&bench);
}

/* ---- dialer ---- */

struct dial {
    struct bench bench;
    int done, descriptor;
    char reason[300];
};

static void on_done(void *owner, int descriptor, const char *reason)
{
    struct dial *dial = owner;

    dial->done++;
    dial->descriptor = descriptor;
    strncat(dial->reason, reason ? reason : "", sizeof(dial->reason) - 1);
}

static bool is_done(void *context)
{
    return ((struct dial *)context)->done > 0;
}

static struct dialer *begin(struct dial *dial, const char *host, uint16_t port, struct evdns_base *resolver)
{
    const struct dialer_options options = {.base = dial->bench.base,
                                           .resolver = resolver,
                                           .runqueue = dial->bench.runqueue,
                                           .host = host,
                                           .port = port,
                                           .timeout = 2 * USEC_SECOND,
                                           .done = on_done,
                                           .owner = dial};
    struct dialer *dialer = dialer_new(&options);

    cr_assert(dialer);
    cr_assert_eq(dial->done, 0);
    return dialer;
}

Test(dialer, reaches_a_literal)
{
    struct door door;
    struct dial dial = {0};

    open_door(&door);
    dial.bench = door.bench;
    struct dialer *dialer = begin(&dial, "127.0.0.1", listener_port(door.listener), NULL);
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    cr_assert_geq(dial.descriptor, 0, "%s", dial.reason);
    close(dial.descriptor);
    dialer_free(dialer);
    bench_rounds(&dial.bench, 2);
    listener_free(door.listener);
    close(door.accepted[0]);
    bench_close(&dial.bench);
}

Test(dialer, goes_on_to_the_next_address_of_localhost)
{
    struct door door; /* on 127.0.0.1 only, while localhost may be ::1 first */
    struct dial dial = {0};

    open_door(&door);
    dial.bench = door.bench;
    struct evdns_base *resolver = dialer_resolver_new(dial.bench.base);
    struct dialer *dialer = begin(&dial, "localhost", listener_port(door.listener), resolver);
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    cr_assert_geq(dial.descriptor, 0, "%s", dial.reason);
    close(dial.descriptor);
    dialer_free(dialer);
    bench_rounds(&dial.bench, 2);
    listener_free(door.listener);
    evdns_base_free(resolver, 1);
    bench_close(&dial.bench);
}

Test(dialer, a_name_without_an_address_has_a_reason)
{
    struct dial dial = {0};

    bench_open(&dial.bench);
    struct dialer *dialer = begin(&dial, "no.such.name", 143, NULL);
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    cr_assert_eq(dial.descriptor, -1);
    cr_assert(strstr(dial.reason, "looking up no.such.name: "), "%s", dial.reason);
    dialer_free(dialer);
    bench_close(&dial.bench);
}

Test(dialer, freed_it_never_calls)
{
    struct dial dial = {0};

    bench_open(&dial.bench);
    dialer_free(begin(&dial, "127.0.0.1", 1, NULL));
    bench_rounds(&dial.bench, 5);
    cr_assert_eq(dial.done, 0);
    bench_close(&dial.bench);
}

/* A name server that never answers: the resolver, and the socket that stands for the server. */
static struct evdns_base *silent_resolver(struct event_base *base, int *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    struct evdns_base *resolver = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    char text[32];

    *server = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert(bind(*server, (struct sockaddr *)&address, length) == 0);
    cr_assert(getsockname(*server, (struct sockaddr *)&address, &length) == 0);
    snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(address.sin_port));
    cr_assert_eq(evdns_base_nameserver_ip_add(resolver, text), 0);
    return resolver;
}

Test(dialer, a_lookup_that_gets_no_answer_ends_in_time)
{
    struct dial dial = {0};
    int server;

    bench_open(&dial.bench);
    struct evdns_base *resolver = silent_resolver(dial.bench.base, &server);
    struct dialer *dialer = begin(&dial, "mail.example", 143, resolver);
    bench_rounds(&dial.bench, 5);
    cr_assert_eq(dial.done, 0);
    dial.bench.ahead = 3 * USEC_SECOND;
    bench_rounds(&dial.bench, 3);
    cr_assert_eq(dial.done, 1);
    cr_assert_str_eq(dial.reason, "looking up mail.example: no answer in time");
    dialer_free(dialer);
    evdns_base_free(resolver, 1);
    bench_rounds(&dial.bench, 3);
    cr_assert_eq(dial.done, 1);
    close(server);
    bench_close(&dial.bench);
}

Test(dialer, freed_in_a_lookup_it_never_calls)
{
    struct dial dial = {0};
    int server;

    bench_open(&dial.bench);
    struct evdns_base *resolver = silent_resolver(dial.bench.base, &server);
    struct dialer *dialer = begin(&dial, "mail.example", 143, resolver);
    bench_rounds(&dial.bench, 3);
    dialer_free(dialer);
    bench_rounds(&dial.bench, 3);
    evdns_base_free(resolver, 1);
    bench_rounds(&dial.bench, 3);
    cr_assert_eq(dial.done, 0);
    close(server);
    bench_close(&dial.bench);
}

/* A listener whose queue is full drops what comes: the kernel would try for minutes. */
Test(dialer, an_address_that_does_not_answer_is_given_up)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM, 0), waiting[8];
    struct dial dial = {0};

    bench_open(&dial.bench);
    cr_assert(bind(listening, (struct sockaddr *)&address, length) == 0 && listen(listening, 0) == 0);
    cr_assert(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    for (size_t i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(waiting[i], (struct sockaddr *)&address, length);
    }
    struct dialer *dialer = begin(&dial, "127.0.0.1", ntohs(address.sin_port), NULL);
    bench_rounds(&dial.bench, 3);
    cr_assert_eq(dial.done, 0);
    dial.bench.ahead = 3 * USEC_SECOND;
    bench_rounds(&dial.bench, 3);
    cr_assert_eq(dial.done, 1);
    cr_assert_eq(dial.descriptor, -1);
    cr_assert(strstr(dial.reason, ": no answer in time"), "%s", dial.reason);
    dialer_free(dialer);
    for (size_t i = 0; i < 8; i++)
        close(waiting[i]);
    close(listening);
    bench_close(&dial.bench);
}

Test(dialer, without_a_descriptor_it_says_so)
{
    struct dial dial = {0};
    struct rlimit limit, none;

    bench_open(&dial.bench);
    struct dialer *dialer = begin(&dial, "127.0.0.1", 1, NULL);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    bench_rounds(&dial.bench, 3);
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_eq(dial.done, 1);
    cr_assert(strstr(dial.reason, "127.0.0.1:1: Too many open files"), "%s", dial.reason);
    dialer_free(dialer);
    bench_close(&dial.bench);
}
