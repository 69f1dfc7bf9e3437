#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/networks.h"
#include "net/proxy_link.h"
#include "unit/net/bench.h"

#define V2(command, family, high, low) "\r\n\r\n\0\r\nQUIT\n" command family high low

/* Every prefix asks for more, and never for more than the header has; what follows it is not counted. Returns the
 * source's text. */
static const char *expect_ok(struct slice header)
{
    static char text[ADDRESS_TEXT_SIZE];
    struct proxy_header parsed;

    for (size_t length = 0; length < header.length; length++) {
        char *copy = malloc(length + 1);
        memcpy(copy, header.data, length);
        cr_assert_eq(proxy_header_parse((struct slice){copy, length}, &parsed), PROXY_HEADER_MORE, "%zu", length);
        cr_assert(parsed.length > 0 && parsed.length <= header.length - length, "%zu: %zu", length, parsed.length);
        free(copy);
    }
    char *more = malloc(header.length + 5);
    memcpy(more, header.data, header.length);
    memcpy(more + header.length, "a1 \r\n", 5);
    cr_assert_eq(proxy_header_parse((struct slice){more, header.length + 5}, &parsed), PROXY_HEADER_OK);
    cr_assert_eq(parsed.length, header.length);
    free(more);
    cr_assert_eq(proxy_header_parse(header, &parsed), PROXY_HEADER_OK);
    return parsed.has_source ? address_text(&parsed.source, text) : "none";
}

static void expect_bad(struct slice bytes)
{
    struct proxy_header parsed;
    bool bad = false;

    for (size_t length = 0; length <= bytes.length; length++) {
        enum proxy_header_answer answer = proxy_header_parse((struct slice){bytes.data, length}, &parsed);
        cr_assert_neq(answer, PROXY_HEADER_OK, "%zu of %.40s", length, bytes.data);
        cr_assert(!bad || answer == PROXY_HEADER_BAD, "what was bad is good again: %.40s", bytes.data);
        bad = answer == PROXY_HEADER_BAD;
    }
    cr_assert(bad, "%.40s", bytes.data);
}

Test(proxy_header, version_1)
{
    cr_assert_str_eq(expect_ok(SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n")), "192.0.2.1:56324");
    cr_assert_str_eq(expect_ok(SLICE("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n")), "0.0.0.0:0");
    cr_assert_str_eq(expect_ok(SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n")),
                     "255.255.255.255:65535");
    cr_assert_str_eq(expect_ok(SLICE("PROXY TCP6 :: :: 0 0\r\n")), "[::]:0");
    cr_assert_str_eq(expect_ok(SLICE("PROXY TCP6 2001:db8::7 2001:db8::1 4124 993\r\n")), "[2001:db8::7]:4124");
    cr_assert_str_eq(expect_ok(SLICE("PROXY UNKNOWN\r\n")), "none");
    cr_assert_str_eq(expect_ok(SLICE("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n")), "none");
}

Test(proxy_header, version_1_malformed)
{
    static const char *const bad[] = {
        "a1 LOGIN u p\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n              ",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY UNKNOWN\n   ",
        "PROXY UNKNOWNED\r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY \r\n       ",
        "PROXY UNKNOWN 3456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
        "\r\n",
        "\x16\x03\x01\x02",
        "\r\n\r\na1 NOOP\r\n",
        "\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_bad(slice_of(bad[i]));
    expect_bad(SLICE("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"));
    expect_bad(SLICE("\0\0\0\0"));
}

Test(proxy_header, version_2)
{
    cr_assert_str_eq(
        expect_ok(SLICE(V2("\x21", "\x11", "\0", "\x0c") "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\0\x8f")),
        "192.0.2.1:56324");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x21", "\x11", "\0", "\x10") "\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\0\x8f"
                                                                      "\x04\0\x01\0")),
                     "192.0.2.1:56324");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x21", "\x21", "\0", "\x24") "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                                                                      "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                                                                      "\x10\x1c\x03\xe1")),
                     "[2001:db8::7]:4124");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x20", "\0", "\0", "\0"))), "none");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x20", "\x99", "\0", "\x03") "abc")), "none");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x21", "\0", "\0", "\x03") "abc")), "none");
    cr_assert_str_eq(expect_ok(SLICE(V2("\x21", "\x12", "\0", "\x0c") "\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\0\x8f")),
                     "none");
}

Test(proxy_header, version_2_of_the_longest_kind)
{
    static char header[PROXY_HEADER_MAX] = V2("\x21", "\x31", "\x0f", "\xf0");

    cr_assert_str_eq(expect_ok((struct slice){header, sizeof(header)}), "none");
    expect_bad(SLICE(V2("\x21", "\x31", "\x0f", "\xf1")));
    expect_bad(SLICE(V2("\x20", "\x00", "\xff", "\xff")));
}

Test(proxy_header, version_2_malformed)
{
    expect_bad(SLICE(V2("\x11", "\x11", "\0", "\x0c")));
    expect_bad(SLICE(V2("\x22", "\x11", "\0", "\x0c")));
    expect_bad(SLICE(V2("\x21", "\x11", "\0", "\x0b")));
    expect_bad(SLICE(V2("\x21", "\x21", "\0", "\x23")));
    expect_bad(SLICE(V2("\x21", "\x10", "\0", "\x0c")));
    expect_bad(SLICE(V2("\x21", "\x41", "\0", "\xff")));
}

/* ---- networks ---- */

static bool contains(const char *list, const char *host)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct networks networks;
    struct address address = {.length = 0};
    const char *fault;

    cr_assert(networks_parse(list, &networks, &fault), "%s: %s", list, fault);
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
        address_set(&address, (struct sockaddr *)&in, sizeof(in));
    else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
        address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    return networks_contain(&networks, &address);
}

Test(networks, membership)
{
    cr_assert(contains("192.0.2.1", "192.0.2.1"));
    cr_assert(contains("192.0.2.1", "::ffff:192.0.2.1"));
    cr_assert(contains("::ffff:192.0.2.1", "192.0.2.1"));
    cr_assert_not(contains("192.0.2.1", "192.0.2.2"));
    cr_assert(contains("10.0.0.0/8 192.0.2.128/25", "192.0.2.200"));
    cr_assert_not(contains("10.0.0.0/8  192.0.2.128/25", "192.0.2.100"));
    cr_assert(contains("0.0.0.0/0", "203.0.113.9"));
    cr_assert_not(contains("0.0.0.0/0", "2001:db8::1"));
    cr_assert(contains("\t::/0 ", "203.0.113.9"));
    cr_assert(contains("2001:db8:0:fff0::/60", "2001:db8:0:ffff::1"));
    cr_assert_not(contains("2001:db8:0:fff0::/60", "2001:db8:0:ffe0::1"));
    cr_assert_not(contains("", "192.0.2.1"));
    cr_assert_not(contains(NULL, "192.0.2.1"));
    cr_assert_not(contains("::/0", "none"));
}

Test(networks, malformed)
{
    static const char *const bad[] = {"localhost",    "192.0.2.1/33", "192.0.2.1/",     "192.0.2.1/24",
                                      "192.0.2.1,::", "::/129",       "2001:db8::1/64", "/8",
                                      "192.0.2/24",   "10.0.0.0/-1",  "10.0.0.0/8/8"};
    char many[NETWORKS_MAX * 8 + 32] = "";
    struct networks networks;
    const char *fault;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(networks_parse(bad[i], &networks, &fault), "%s", bad[i]);
        cr_assert(fault && networks.count == 0);
    }
    for (size_t i = 0; i < NETWORKS_MAX; i++)
        strcat(many, "1.1.1.1 ");
    cr_assert(networks_parse(many, &networks, &fault));
    strcat(many, "1.1.1.1");
    cr_assert_not(networks_parse(many, &networks, &fault));
}

/* ---- links ---- */

struct handed {
    int count, descriptor;
    char peer[ADDRESS_TEXT_SIZE];
};

static void on_done(void *owner, int descriptor, const struct address *peer)
{
    struct handed *handed = owner;

    handed->count++;
    handed->descriptor = descriptor;
    address_text(peer, handed->peer);
}

static struct networks everybody(void)
{
    struct networks networks;
    const char *fault;

    cr_assert(networks_parse("127.0.0.0/8 ::/0", &networks, &fault));
    return networks;
}

static struct address loopback(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    struct address address;

    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    return address;
}

static void open_link(struct proxy_links *links, int descriptor, const struct networks *senders, struct handed *handed)
{
    proxy_link_open(
        links, descriptor,
        &(struct proxy_link_options){.senders = senders, .peer = loopback(), .done = on_done, .owner = handed});
}

/* The header in two pieces, cut at `split`, something else right behind it. */
static void expect_taken(struct bench *bench, struct proxy_links *links, struct slice header, size_t split)
{
    static const char behind[] = "\x16hello";
    struct networks senders = everybody();
    struct handed handed = {.count = 0};
    char sent[64], got[64];
    size_t size = header.length + sizeof(behind);
    int pair[2];

    bench_sockets(pair);
    memcpy(sent, header.data, header.length);
    memcpy(sent + header.length, behind, sizeof(behind));
    open_link(links, pair[0], &senders, &handed);
    cr_assert(send(pair[1], sent, split, 0) == (ssize_t)split);
    bench_rounds(bench, 2);
    cr_assert(handed.count == (split == header.length));
    cr_assert(send(pair[1], sent + split, size - split, 0) == (ssize_t)(size - split));
    bench_rounds(bench, 2);
    cr_assert(handed.count == 1 && links->count == 0);
    cr_assert(strcmp(handed.peer, "192.0.2.1:5") == 0);
    cr_assert(bench_read(handed.descriptor, got, sizeof(got)) == sizeof(behind) && strcmp(got, behind) == 0);
    close(handed.descriptor);
    close(pair[1]);
}

Test(proxy_link, takes_the_header_and_not_an_octet_more)
{
    static const struct slice headers[] = {
        {"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n", 36},
        {V2("\x21", "\x11", "\0", "\x0c") "\xc0\0\x02\x01\xc6\x33\x64\x02\0\x05\0\x8f", 28},
    };
    struct bench bench;
    bench_open(&bench);
    struct proxy_links links = {
        .base = bench.base, .runqueue = bench.runqueue, .settings = &bench.settings, .log = &bench.log};

    for (size_t which = 0; which < 2; which++)
        for (size_t split = 0; split <= headers[which].length; split++)
            expect_taken(&bench, &links, headers[which], split);
    bench_close(&bench);
}

Test(proxy_link, turns_away_and_says_so_once)
{
    struct networks senders = everybody(), nobody = {.count = 0};
    struct handed handed = {.count = 0};
    struct bench bench;
    char got[8];
    bench_open(&bench);
    struct proxy_links links = {
        .base = bench.base, .runqueue = bench.runqueue, .settings = &bench.settings, .log = &bench.log};

    for (int i = 0; i < 3; i++) {
        int pair[2];
        bench_sockets(pair);
        open_link(&links, pair[0], i == 0 ? &nobody : &senders, &handed);
        if (i > 0)
            cr_assert_eq(write(pair[1], "a1 NOOP\r\n", 9), 9);
        bench_rounds(&bench, 3);
        (void)!bench_read(pair[1], got, sizeof(got));
        close(pair[1]);
    }
    cr_assert_eq(links.count, 0);
    cr_assert_eq(handed.count, 0);
    cr_assert(strstr(bench.logged, "proxy_from does not name it"), "%s", bench.logged);
    cr_assert_null(strstr(bench.logged, "no PROXY header"), "%s", bench.logged);
    bench_close(&bench);
}

Test(proxy_link, waits_no_longer_than_login_timeout)
{
    struct networks senders = everybody();
    struct handed handed = {.count = 0};
    struct bench bench;
    int pair[2];
    bench_open(&bench);
    struct proxy_links links = {
        .base = bench.base, .runqueue = bench.runqueue, .settings = &bench.settings, .log = &bench.log};

    bench_sockets(pair);
    open_link(&links, pair[0], &senders, &handed);
    cr_assert_eq(write(pair[1], "PROXY ", 6), 6);
    bench_rounds(&bench, 3);
    cr_assert_eq(links.count, 1);
    bench.ahead += bench.settings.login_timeout + 1;
    bench_rounds(&bench, 3);
    cr_assert_eq(links.count, 0);
    cr_assert(strstr(bench.logged, "login_timeout"), "%s", bench.logged);
    close(pair[1]);
    bench_close(&bench);
}

Test(proxy_link, are_bounded_and_cleared)
{
    struct networks senders = everybody();
    struct handed handed = {.count = 0};
    struct bench bench;
    int pair[2];
    bench_open(&bench);
    struct proxy_links links = {.base = bench.base,
                                .runqueue = bench.runqueue,
                                .settings = &bench.settings,
                                .log = &bench.log,
                                .count = PROXY_LINKS_MAX - 1};

    bench_sockets(pair);
    open_link(&links, pair[0], &senders, &handed);
    cr_assert_eq(links.count, PROXY_LINKS_MAX);
    open_link(&links, pair[1], &senders, &handed);
    cr_assert_eq(links.count, PROXY_LINKS_MAX);
    cr_assert(strstr(bench.logged, "too many"), "%s", bench.logged);
    proxy_links_clear(&links);
    cr_assert_eq(links.count, PROXY_LINKS_MAX - 1);
    bench_close(&bench);
}
