/* Dialling: one address after another, and an end in time. */
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
#include "net/dialer.h"
#include "unit/net/bench.h"
#include "unit/net/door.h"

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

static usec patient = 2 * USEC_SECOND;

static struct dialer *begin_from(struct dial *dial, const char *source, const char *host, uint16_t port,
                                 struct evdns_base *resolver)
{
    const struct dialer_options options = {.base = dial->bench.base,
                                           .resolver = resolver,
                                           .runqueue = dial->bench.runqueue,
                                           .host = host,
                                           .port = port,
                                           .source = source,
                                           .user = SLICE("u1"),
                                           .timeout = patient,
                                           .done = on_done,
                                           .owner = dial};
    struct dialer *dialer = dialer_new(&options);

    cr_assert(dialer);
    cr_assert_eq(dial->done, 0);
    return dialer;
}

static struct dialer *begin(struct dial *dial, const char *host, uint16_t port, struct evdns_base *resolver)
{
    return begin_from(dial, NULL, host, port, resolver);
}

Test(dialer, reaches_a_literal)
{
    struct door door;
    struct dial dial = {0};

    door_open(&door);
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

    door_open(&door);
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

/* The kernel would ask again after 1, 3, 7 and 15 s, a newer one after 5, 7 and 11 s. */
Test(dialer, a_line_that_comes_back_is_noticed_within_two_seconds)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM, 0), waiting[2];
    struct dial dial = {0};

    bench_open(&dial.bench);
    cr_assert(bind(listening, (struct sockaddr *)&address, length) == 0 && listen(listening, 0) == 0);
    cr_assert(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    for (size_t i = 0; i < 2; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(waiting[i], (struct sockaddr *)&address, length);
    }
    patient = 15 * USEC_SECOND;
    struct dialer *dialer = begin(&dial, "127.0.0.1", ntohs(address.sin_port), NULL);
    usec from = bench_now(&dial.bench);
    while (bench_now(&dial.bench) < from + 7200000)
        bench_rounds(&dial.bench, 1);
    cr_assert_eq(dial.done, 0);
    close(accept(listening, NULL, NULL)); /* now there is room */
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    cr_assert_geq(dial.descriptor, 0, "%s", dial.reason);
    cr_assert_leq(bench_now(&dial.bench) - from, 7200000 + 2500000);
    close(dial.descriptor);
    dialer_free(dialer);
    for (size_t i = 0; i < 2; i++)
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

/* Our end of a connection to 127.0.0.1 with this source, as text; or the reason. */
static const char *end_with_source(const char *source, bool *lacks)
{
    static char text[300];
    struct door door;
    struct dial dial = {0};
    struct address end;

    door_open(&door);
    dial.bench = door.bench;
    struct dialer *dialer = begin_from(&dial, source, "127.0.0.1", listener_port(door.listener), NULL);
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    *lacks = dialer_lacks_source(dialer);
    snprintf(text, sizeof(text), "%s", dial.reason);
    if (dial.descriptor >= 0) {
        char host[ADDRESS_TEXT_SIZE];
        cr_assert(address_of_socket(&end, dial.descriptor));
        snprintf(text, sizeof(text), "%s", address_host(&end, host));
        close(dial.descriptor);
    }
    dialer_free(dialer);
    bench_rounds(&dial.bench, 2);
    listener_free(door.listener);
    if (door.count > 0)
        close(door.accepted[0]);
    bench_close(&dial.bench);
    return text;
}

Test(dialer, connects_from_the_source)
{
    bool lacks;

    cr_assert_str_eq(end_with_source("127.0.0.7", &lacks), "127.0.0.7");
    cr_assert_not(lacks);
    cr_assert_str_eq(end_with_source("127.0.0.7 ::1", &lacks), "127.0.0.7");
    cr_assert_str_eq(end_with_source(" ", &lacks), "127.0.0.1", "an empty list is none");
    cr_assert_not(lacks);
}

Test(dialer, says_what_is_wrong_with_a_source)
{
    const char *reason;
    bool lacks;

    reason = end_with_source("192.0.2.77", &lacks);
    cr_assert(strstr(reason, "source = 192.0.2.77: this machine does not have that address; add it"), "%s", reason);
    cr_assert(lacks);
    reason = end_with_source("::1", &lacks);
    cr_assert(strstr(reason, ": source has no IPv4 address"), "%s", reason);
    cr_assert(lacks);
}

/* Nobody listens: that is no fault of the source. */
Test(dialer, a_refusal_is_not_for_want_of_a_source)
{
    struct dial dial = {0};

    bench_open(&dial.bench);
    struct dialer *dialer = begin_from(&dial, "127.0.0.7", "127.0.0.1", 1, NULL);
    cr_assert(bench_until(&dial.bench, is_done, &dial));
    cr_assert(dial.descriptor < 0 && strstr(dial.reason, "refused"), "%s", dial.reason);
    cr_assert_not(dialer_lacks_source(dialer));
    dialer_free(dialer);
    bench_close(&dial.bench);
}
