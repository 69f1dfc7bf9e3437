#include "net/upstream_link.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/deflate.h"
#include "net/stream.h"
#include "net/tls.h"
#include "unit/net/bench.h"

struct rig {
    struct bench bench;
    struct upstream_links links;
    struct upstream_settings settings;
    int listening, peer;
    void *link;
};

static void open_rig(struct rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    memset(rig, 0, sizeof(*rig));
    bench_open(&rig->bench);
    rig->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    rig->peer = -1;
    cr_assert(bind(rig->listening, (struct sockaddr *)&address, length) == 0 && listen(rig->listening, 5) == 0);
    getsockname(rig->listening, (struct sockaddr *)&address, &length);
    rig->links = (struct upstream_links){.base = rig->bench.base,
                                         .runqueue = rig->bench.runqueue,
                                         .settings = &rig->bench.settings,
                                         .log = &rig->bench.log};
    rig->settings = (struct upstream_settings){.name = "main",
                                               .host = "127.0.0.1",
                                               .port = ntohs(address.sin_port),
                                               .tls = UPSTREAM_PLAIN,
                                               .tls_verify = true};
}

static void dial(struct rig *rig)
{
    rig->link = upstream_link_ops.dial(&rig->links, fake_upstream_reset(), &rig->settings);
    cr_assert(rig->link);
    cr_assert_eq(fake_upstream.connected + fake_upstream.closed, 0, "nothing is called from within dial");
}

static bool accepted(void *context)
{
    struct rig *rig = context;
    if (rig->peer < 0)
        rig->peer = accept4(rig->listening, NULL, NULL, SOCK_NONBLOCK);
    return rig->peer >= 0;
}

static void connect_rig(struct rig *rig)
{
    open_rig(rig);
    dial(rig);
    cr_assert(bench_until(&rig->bench, accepted, rig));
    bench_rounds(&rig->bench, 5);
}

static void close_rig(struct rig *rig)
{
    upstream_links_clear(&rig->links);
    bench_close(&rig->bench);
    close(rig->listening);
    if (rig->peer >= 0)
        close(rig->peer);
    fake_upstream_free();
}

static bool is_closed(void *context)
{
    (void)context;
    return fake_upstream.closed > 0;
}

Test(upstream_link, connects_and_passes_bytes)
{
    struct rig rig;
    char got[32] = "";

    connect_rig(&rig);
    cr_assert_eq(fake_upstream.connected, 1);
    cr_assert_eq(write(rig.peer, "* OK\r\n", 6), 6);
    bench_rounds(&rig.bench, 5);
    cr_assert(fake_upstream_has("* OK\r\n"));
    evbuffer_add(fake_upstream.output, "a NOOP\r\n", 8);
    upstream_link_ops.wake(rig.link);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(bench_read(rig.peer, got, sizeof(got)), 8);
    cr_assert_str_eq(got, "a NOOP\r\n");
    close_rig(&rig);
}

/* Whether the acknowledgement of what the server sends is put off. */
static bool delays_after(struct rig *rig, const char *text)
{
    int descriptor = bench_other_end(rig->peer);

    setsockopt(rig->peer, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* else it waits for the last one */
    bench_delay_acknowledgements(descriptor);
    cr_assert_eq(write(rig->peer, text, strlen(text)), (ssize_t)strlen(text));
    bench_rounds(&rig->bench, 5);
    return bench_delays_acknowledgements(descriptor);
}

Test(upstream_link, an_answer_is_acknowledged_at_once_while_more_of_it_is_due)
{
    struct rig rig;

    connect_rig(&rig);
    cr_assert(delays_after(&rig, "* OK\r\n"));
    fake_upstream.busy = true;
    cr_assert_not(delays_after(&rig, "* SEARCH 1\r\n"));
    close_rig(&rig);
}

Test(upstream_link, compression_begins_with_the_octet_after_the_answer)
{
    struct rig rig;
    struct deflater *deflater = deflater_new();
    struct inflater inflater = {0};
    struct evbuffer *plain = evbuffer_new(), *wire = evbuffer_new();
    char got[64];

    connect_rig(&rig);
    fake_upstream.link = rig.link;
    fake_upstream.compress_after = 6;
    evbuffer_add(plain, "* 1 EXISTS\r\n", 12);
    evbuffer_add(wire, "a OK\r\n", 6);
    evbuffer_add(fake_upstream.output, "b NOOP\r\n", 8); /* written when the answer has been read */
    cr_assert(deflater_press(deflater, plain, SIZE_MAX, wire));
    cr_assert_gt(evbuffer_write(wire, rig.peer), 6);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_upstream.compressed, 1);
    cr_assert(fake_upstream_has("a OK\r\n* 1 EXISTS\r\n"));
    evbuffer_add(wire, got, (size_t)bench_read(rig.peer, got, sizeof(got)));
    cr_assert_eq(inflater_take(&inflater, wire, 100, plain), INFLATE_OK);
    cr_assert_eq(memcmp(evbuffer_pullup(plain, -1), "b NOOP\r\n", 8), 0);
    close_rig(&rig);
    inflater_clear(&inflater);
    deflater_free(deflater);
    evbuffer_free(plain);
    evbuffer_free(wire);
}

Test(upstream_link, all_of_a_large_output_goes)
{
    struct rig rig;
    size_t size = 5 * 1024 * 1024, all = 0;
    char *block = calloc(1, size);

    connect_rig(&rig);
    evbuffer_add(fake_upstream.output, block, size);
    upstream_link_ops.wake(rig.link);
    for (int i = 0; i < 5000 && all < size; i++) {
        bench_rounds(&rig.bench, 1);
        all += (size_t)bench_read(rig.peer, block, size);
    }
    cr_assert_eq(all, size, "%zu", all);
    cr_assert_gt(fake_upstream.writable, 0);
    free(block);
    close_rig(&rig);
}

Test(upstream_link, the_servers_end_is_told_once_after_the_last_bytes)
{
    struct rig rig;

    connect_rig(&rig);
    cr_assert_eq(write(rig.peer, "* BYE\r\n", 7), 7);
    shutdown(rig.peer, SHUT_WR);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert(fake_upstream_has("* BYE\r\n"));
    cr_assert_str_eq(fake_upstream.reason, "closed by the server");
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(fake_upstream.closed, 1);
    cr_assert_eq(rig.links.count, 0);
    close_rig(&rig);
}

Test(upstream_link, a_refused_connection_has_a_reason)
{
    struct rig rig;

    open_rig(&rig);
    close(rig.listening);
    rig.listening = dup(0);
    dial(&rig);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert(strstr(fake_upstream.reason, "cannot connect: 127.0.0.1:"), "%s", fake_upstream.reason);
    cr_assert(strstr(fake_upstream.reason, "Connection refused"), "%s", fake_upstream.reason);
    cr_assert_eq(fake_upstream.connected, 0);
    close_rig(&rig);
}

Test(upstream_link, close_with_flush_writes_what_waits)
{
    struct rig rig;
    char got[32] = "";

    connect_rig(&rig);
    evbuffer_add(fake_upstream.output, "a LOGOUT\r\n", 10);
    upstream_link_ops.close(rig.link, true);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_upstream.closed, 0, "the server's end is waited for");
    cr_assert_eq(bench_read(rig.peer, got, sizeof(got)), 10);
    close(rig.peer);
    rig.peer = -1;
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    close_rig(&rig);
}

Test(upstream_link, close_with_flush_takes_response_timeout_at_most)
{
    struct rig rig;

    connect_rig(&rig);
    upstream_link_ops.close(rig.link, true);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(fake_upstream.closed, 0);
    rig.bench.ahead += rig.bench.settings.response_timeout;
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(fake_upstream.closed, 1);
    close_rig(&rig);
}

static bool no_descriptor(int peer)
{
    char byte;
    return read(peer, &byte, 1) == 0 || errno == ECONNRESET;
}

Test(upstream_link, close_at_once_tells_after_the_descriptor_is_closed)
{
    struct rig rig;

    connect_rig(&rig);
    upstream_link_ops.close(rig.link, false);
    cr_assert_eq(fake_upstream.closed, 0);
    runqueue_step(rig.bench.runqueue, bench_now(&rig.bench));
    cr_assert_eq(fake_upstream.closed, 1);
    usleep(2000);
    cr_assert(no_descriptor(rig.peer));
    close_rig(&rig);
}

Test(upstream_link, an_end_that_the_server_has_told_is_no_secret)
{
    struct rig rig;

    connect_rig(&rig);
    shutdown(rig.peer, SHUT_WR);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert_eq(fake_upstream.unheard, 0);
    close_rig(&rig);
}

/* As the kernel does it when the process is killed. */
Test(upstream_link, an_end_of_the_process_resets_the_connection)
{
    struct rig rig;
    struct linger linger;
    socklen_t length = sizeof(linger);

    connect_rig(&rig);
    cr_assert_eq(getsockopt(bench_other_end(rig.peer), SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    cr_assert(linger.l_onoff && linger.l_linger == 0);
    upstream_links_clear(&rig.links);
    bench_rounds(&rig.bench, 3);
    cr_assert(recv(rig.peer, &linger, 1, 0) < 0 && errno == ECONNRESET, "%s", strerror(errno));
    close_rig(&rig);
}

Test(upstream_link, an_orderly_end_resets_nothing)
{
    struct rig rig;
    char octet;

    connect_rig(&rig);
    upstream_link_ops.close(rig.link, true);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(recv(rig.peer, &octet, 1, 0), 0, "our end comes first");
    shutdown(rig.peer, SHUT_WR);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert_eq(fake_upstream.unheard, 0);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(recv(rig.peer, &octet, 1, 0), 0);
    close_rig(&rig);
}

/* Its end is not heard by the server. */
static void lose(struct rig *rig)
{
    upstream_link_ops.close(rig->link, false);
    bench_rounds(&rig->bench, 3);
    cr_assert(fake_upstream.closed == 1 && fake_upstream.unheard == 1);
    close(rig->peer);
    rig->peer = -1;
}

static void dial_between(struct rig *rig, struct link_ends between)
{
    fake_upstream_free();
    fake_upstream_reset();
    fake_upstream.between = between;
    rig->link = upstream_link_ops.dial(&rig->links, (struct upstream *)&fake_upstream, &rig->settings);
    cr_assert(bench_until(&rig->bench, accepted, rig));
    bench_rounds(&rig->bench, 5);
}

static bool connects_from_the_same_port(void)
{
    struct rig rig;
    struct link_ends before;
    bool same;

    connect_rig(&rig);
    before = fake_upstream.ends;
    cr_assert_gt(before.length, 0);
    lose(&rig);
    dial_between(&rig, before);
    same = fake_upstream.ends.length == before.length &&
           memcmp(fake_upstream.ends.local, before.local, before.length) == 0 &&
           memcmp(fake_upstream.ends.remote, before.remote, before.length) == 0;
    close_rig(&rig);
    return same;
}

/* The port is free at once, and a connection from it is another one. Another program on this machine may have taken it
 * in between. */
Test(upstream_link, after_an_end_that_the_server_may_not_know_it_connects_from_the_same_port)
{
    bool same = false;

    for (int tries = 0; tries < 5 && !same; tries++)
        same = connects_from_the_same_port();
    cr_assert(same);
}

/* Another address of the host counts nothing of what the former one has lost. */
Test(upstream_link, the_former_port_is_for_the_former_address_only)
{
    struct rig rig;
    struct link_ends before, elsewhere;

    connect_rig(&rig);
    elsewhere = before = fake_upstream.ends;
    elsewhere.remote[7]++; /* 127.0.0.2 */
    lose(&rig);
    dial_between(&rig, elsewhere);
    cr_assert(memcmp(fake_upstream.ends.local, before.local, before.length) != 0);
    cr_assert(memcmp(fake_upstream.ends.remote, before.remote, before.length) == 0);
    close_rig(&rig);
}

/* Whether a lost session's port is used again after the source has changed from one to the other. */
static bool is_from_former_port(const char *former, const char *source)
{
    struct rig rig;
    struct link_ends before;
    bool same;

    open_rig(&rig);
    rig.settings.source = former;
    dial(&rig);
    cr_assert(bench_until(&rig.bench, accepted, &rig));
    bench_rounds(&rig.bench, 5);
    before = fake_upstream.ends;
    lose(&rig);
    rig.settings.source = source;
    dial_between(&rig, before);
    same = memcmp(fake_upstream.ends.local, before.local, before.length) == 0;
    close_rig(&rig);
    return same;
}

Test(upstream_link, a_former_port_is_of_use_while_its_address_is_the_source)
{
    cr_assert(is_from_former_port("127.0.0.8", "127.0.0.8 ::1"));
    cr_assert(is_from_former_port("127.0.0.8", NULL));
    cr_assert_not(is_from_former_port("127.0.0.8", "127.0.0.9"));
}

Test(upstream_link, without_an_address_to_connect_from_the_upstream_is_told)
{
    struct rig rig;

    open_rig(&rig);
    rig.settings.source = "192.0.2.77";
    dial(&rig);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert_eq(fake_upstream.sourceless, 1);
    cr_assert(strstr(fake_upstream.reason, "this machine does not have that address"), "%s", fake_upstream.reason);
    close_rig(&rig);
}

Test(upstream_link, a_port_that_is_in_use_is_no_hindrance)
{
    struct rig rig;
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    int other;

    open_rig(&rig);
    getsockname(rig.listening, (struct sockaddr *)&address, &length);
    fake_upstream_reset();
    fake_upstream.between.length = (uint8_t)length;
    memcpy(fake_upstream.between.local, &address, length); /* somebody listens there */
    memcpy(fake_upstream.between.remote, &address, length);
    other = rig.listening;
    rig.link = upstream_link_ops.dial(&rig.links, (struct upstream *)&fake_upstream, &rig.settings);
    cr_assert(bench_until(&rig.bench, accepted, &rig) && other == rig.listening);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_upstream.connected, 1);
    close_rig(&rig);
}

Test(upstream_link, close_while_dialling)
{
    struct rig rig;

    open_rig(&rig);
    dial(&rig);
    upstream_link_ops.close(rig.link, true);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_upstream.closed, 1);
    cr_assert_eq(fake_upstream.connected, 0);
    close_rig(&rig);
}

Test(upstream_link, a_pause_keeps_bytes_back)
{
    struct rig rig;

    connect_rig(&rig);
    upstream_link_ops.pause(rig.link, true);
    bench_rounds(&rig.bench, 2);
    cr_assert_eq(write(rig.peer, "* OK\r\n", 6), 6);
    shutdown(rig.peer, SHUT_WR);
    bench_rounds(&rig.bench, 5);
    cr_assert(fake_upstream_has(""));
    cr_assert_eq(fake_upstream.closed, 0);
    upstream_link_ops.pause(rig.link, false);
    cr_assert(bench_until(&rig.bench, is_closed, &rig));
    cr_assert(fake_upstream_has("* OK\r\n"));
    close_rig(&rig);
}

/* ---- TLS ---- */

struct tls_rig {
    struct rig rig;
    struct bench_certificate certificate;
    struct tls_context *context;
    struct stream *server;
};

static void wake(void *owner)
{
    (void)owner;
}

static void begin_server_tls(struct tls_rig *tls)
{
    struct tls_fault fault;

    tls->server = stream_new(tls->rig.bench.base, tls->rig.peer, wake, NULL);
    stream_start_tls(tls->server, tls_open(tls->context, NULL, &fault));
    tls->rig.peer = -1;
}

static void open_tls_rig(struct tls_rig *tls, enum upstream_tls kind)
{
    struct tls_fault fault;

    open_rig(&tls->rig);
    bench_certificate(&tls->certificate, "IP:127.0.0.1", 1);
    tls->context = tls_server_new(tls->certificate.cert, tls->certificate.key, &fault);
    tls->rig.settings.tls = kind;
    tls->rig.settings.tls_ca = tls->certificate.cert;
    dial(&tls->rig);
    cr_assert(bench_until(&tls->rig.bench, accepted, &tls->rig));
}

static void close_tls_rig(struct tls_rig *tls)
{
    stream_free(tls->server);
    tls_context_free(tls->context);
    bench_certificate_remove(&tls->certificate);
    close_rig(&tls->rig);
}

static bool is_connected(void *context)
{
    (void)context;
    return fake_upstream.connected > 0 || fake_upstream.closed > 0;
}

static bool is_secured(void *context)
{
    (void)context;
    return fake_upstream.secured > 0 || fake_upstream.closed > 0;
}

Test(upstream_link, implicit_tls_is_connected_after_the_handshake)
{
    struct tls_rig tls;

    open_tls_rig(&tls, UPSTREAM_IMPLICIT_TLS);
    bench_rounds(&tls.rig.bench, 5);
    cr_assert_eq(fake_upstream.connected, 0);
    begin_server_tls(&tls);
    cr_assert(bench_until(&tls.rig.bench, is_connected, NULL));
    cr_assert_eq(fake_upstream.connected, 1, "%s", fake_upstream.reason);
    cr_assert_eq(fake_upstream.secured, 0);
    close_tls_rig(&tls);
}

Test(upstream_link, a_handshake_that_gets_no_answer_ends)
{
    struct tls_rig tls;

    open_tls_rig(&tls, UPSTREAM_IMPLICIT_TLS);
    tls.server = NULL;
    bench_rounds(&tls.rig.bench, 5);
    tls.rig.bench.ahead += tls.rig.bench.settings.connect_timeout + USEC_SECOND;
    bench_rounds(&tls.rig.bench, 3);
    cr_assert_str_eq(fake_upstream.reason, "TLS handshake: no answer in time");
    close_tls_rig(&tls);
}

Test(upstream_link, starttls_drops_what_came_in_plain_text)
{
    struct tls_rig tls;

    open_tls_rig(&tls, UPSTREAM_STARTTLS);
    cr_assert(bench_until(&tls.rig.bench, is_connected, NULL));
    upstream_link_ops.start_tls(tls.rig.link);
    cr_assert_eq(write(tls.rig.peer, "", 0), 0);
    bench_rounds(&tls.rig.bench, 3);
    begin_server_tls(&tls);
    cr_assert(bench_until(&tls.rig.bench, is_secured, NULL));
    cr_assert_eq(fake_upstream.secured, 1, "%s", fake_upstream.reason);
    cr_assert(fake_upstream_has(""));
    close_tls_rig(&tls);
}

Test(upstream_link, the_certificate_must_carry_the_name)
{
    struct tls_rig tls;

    open_tls_rig(&tls, UPSTREAM_IMPLICIT_TLS);
    upstream_link_ops.close(tls.rig.link, false);
    bench_rounds(&tls.rig.bench, 3);
    close(tls.rig.peer);
    tls.rig.peer = -1;
    tls.rig.settings.tls_name = "mail.example";
    fake_upstream_free();
    dial(&tls.rig);
    cr_assert(bench_until(&tls.rig.bench, accepted, &tls.rig));
    begin_server_tls(&tls);
    cr_assert(bench_until(&tls.rig.bench, is_closed, NULL));
    cr_assert(strstr(fake_upstream.reason, "hostname mismatch"), "%s", fake_upstream.reason);
    close_tls_rig(&tls);
}
