#include "net/client_link.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/deflate.h"
#include "net/spool.h"
#include "net/tls.h"
#include "session/session.h"
#include "unit/net/bench.h"

struct rig {
    struct bench bench;
    struct spool_store *store;
    struct client_links links;
    int peer;
    int descriptor; /* the link's end */
    int gone;
};

static void count_gone(void *owner, const struct address *peer)
{
    (void)peer;
    ((struct rig *)owner)->gone++;
}

static void prepare(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    bench_open(&rig->bench);
    const struct spool_store_options spool = {
        .directory = "/tmp", .memory = 65536, .total = &rig->bench.settings.spool_total, .log = &rig->bench.log};
    rig->store = spool_store_new(&spool);
    rig->links = (struct client_links){
        .base = rig->bench.base,
        .runqueue = rig->bench.runqueue,
        .settings = &rig->bench.settings,
        .spooler = spool_store_spooler(rig->store),
        .log = &rig->bench.log,
        .gone = count_gone,
        .owner = rig,
    };
}

static void open_client(struct rig *rig, const struct client_link_options *options)
{
    int pair[2];

    bench_sockets(pair);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
    rig->peer = pair[1];
    rig->descriptor = pair[0];
    runqueue_set_now(rig->bench.runqueue, bench_now(&rig->bench));
    cr_assert(client_link_open(&rig->links, pair[0], options));
}

static void open_rig(struct rig *rig)
{
    prepare(rig);
    open_client(rig, &(struct client_link_options){.plaintext_login = true});
    bench_rounds(&rig->bench, 3);
}

static void close_rig(struct rig *rig)
{
    client_links_clear(&rig->links);
    bench_rounds(&rig->bench, 1);
    cr_assert_eq(spool_store_used(rig->store), 0);
    spool_store_free(rig->store);
    close(rig->peer);
    bench_close(&rig->bench);
}

static void send_text(struct rig *rig, const char *text)
{
    cr_assert_eq(write(rig->peer, text, strlen(text)), (ssize_t)strlen(text));
    bench_rounds(&rig->bench, 5);
}

static void expect(struct rig *rig, const char *text)
{
    char got[256] = "";

    bench_rounds(&rig->bench, 5);
    bench_read(rig->peer, got, sizeof(got) - 1);
    cr_assert_str_eq(got, text);
}

Test(client_link, greets_and_passes_bytes)
{
    struct rig rig;

    open_rig(&rig);
    expect(&rig, "* OK hello\r\n");
    send_text(&rig, "a NOOP\r\n");
    cr_assert(fake_session_has("a NOOP\r\n"));
    fake_session_say("a OK\r\n");
    expect(&rig, "a OK\r\n");
    cr_assert_eq(fake_session.plaintext_login, true);
    cr_assert_eq(fake_session.starttls, false);
    close_rig(&rig);
    cr_assert_eq(rig.gone, 1);
    cr_assert_eq(fake_session.closed, 1);
}

Test(client_link, what_the_session_leaves_is_offered_again)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.take_most = 8;
    send_text(&rig, "a NOOP\r\nb NOOP\r\n");
    cr_assert(fake_session_has("a NOOP\r\n"));
    fake_session.take_most = SIZE_MAX;
    fake_session.wake(fake_session.link);
    bench_rounds(&rig.bench, 2);
    cr_assert(fake_session_has("a NOOP\r\nb NOOP\r\n"));
    close_rig(&rig);
}

Test(client_link, a_pause_stops_reading)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.wants = SESSION_PAUSE;
    fake_session.wake(fake_session.link);
    send_text(&rig, "a NOOP\r\n");
    cr_assert(fake_session_has(""));
    fake_session.wants = 0;
    fake_session.wake(fake_session.link);
    bench_rounds(&rig.bench, 5);
    cr_assert(fake_session_has("a NOOP\r\n"));
    close_rig(&rig);
}

Test(client_link, close_writes_everything_and_ends)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.wants = SESSION_CLOSE;
    fake_session_say("* BYE\r\n");
    expect(&rig, "* OK hello\r\n* BYE\r\n");
    cr_assert_eq(fake_session.closed, 1);
    shutdown(rig.peer, SHUT_WR);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(rig.links.count, 0);
    cr_assert_eq(rig.gone, 1);
    close_rig(&rig);
}

Test(client_link, a_client_that_never_closes_is_left_behind)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.wants = SESSION_CLOSE;
    fake_session_say("* BYE\r\n");
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(rig.links.count, 1);
    rig.bench.ahead += 3 * USEC_SECOND;
    bench_rounds(&rig.bench, 2);
    cr_assert_eq(rig.links.count, 0);
    close_rig(&rig);
}

Test(client_link, bye_reaches_one_that_has_not_logged_in)
{
    struct rig rig;

    open_rig(&rig);
    client_links_dismiss_strangers(&rig.links, "leaving");
    expect(&rig, "* OK hello\r\n* BYE leaving\r\n");
    close_rig(&rig);
}

Test(client_link, abort_writes_not_one_octet_more)
{
    struct rig rig;
    char got[64] = "";

    open_rig(&rig);
    expect(&rig, "* OK hello\r\n");
    fake_session.wants = SESSION_ABORT;
    fake_session_say("never seen");
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(bench_read(rig.peer, got, sizeof(got)), -1);
    cr_assert_eq(rig.links.count, 0);
    close_rig(&rig);
}

Test(client_link, the_end_of_input_is_told_once)
{
    struct rig rig;

    open_rig(&rig);
    send_text(&rig, "a LOGOUT\r\n");
    shutdown(rig.peer, SHUT_WR);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_session.ended_input, 1);
    cr_assert(fake_session_has("a LOGOUT\r\n"));
    fake_session_say("a OK\r\n");
    expect(&rig, "* OK hello\r\na OK\r\n");
    cr_assert_eq(fake_session.ended_input, 1);
    close_rig(&rig);
}

Test(client_link, a_reset_ends_the_session)
{
    struct rig rig;

    open_rig(&rig);
    setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(rig.peer);
    rig.peer = dup(0);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_session.closed, 1);
    cr_assert_eq(rig.links.count, 0);
    close_rig(&rig);
}

Test(client_link, a_reset_in_a_pause_ends_the_session)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.wants = SESSION_PAUSE;
    fake_session.wake(fake_session.link);
    bench_rounds(&rig.bench, 2);
    setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(rig.peer);
    rig.peer = dup(0);
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_session.closed, 1);
    close_rig(&rig);
}

Test(client_link, an_end_in_a_pause_is_told_behind_what_was_sent_before_it)
{
    struct rig rig;

    open_rig(&rig);
    fake_session.wants = SESSION_PAUSE;
    fake_session.wake(fake_session.link);
    send_text(&rig, "a NOOP\r\n");
    shutdown(rig.peer, SHUT_WR);
    bench_rounds(&rig.bench, 5);
    cr_assert(fake_session.ended_input == 0 && fake_session_has(""));
    fake_session.wants = 0;
    fake_session.wake(fake_session.link);
    bench_rounds(&rig.bench, 5);
    cr_assert(fake_session.ended_input == 1 && fake_session_has("a NOOP\r\n"));
    close_rig(&rig);
}

/* Whether the acknowledgement of what the client sends is put off. */
static bool delays_after(struct rig *rig, const char *text)
{
    setsockopt(rig->peer, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* else it waits for the last one */
    bench_delay_acknowledgements(rig->descriptor);
    send_text(rig, text);
    return bench_delays_acknowledgements(rig->descriptor);
}

Test(client_link, half_a_command_is_acknowledged_at_once)
{
    struct rig rig;

    open_rig(&rig);
    cr_assert(delays_after(&rig, "a NOOP\r\n"));
    fake_session.awaits_rest = true;
    cr_assert_not(delays_after(&rig, "b APPEND INBOX {3}\r\nab"));
    fake_session.awaits_rest = false;
    fake_session.take_most = evbuffer_get_length(fake_session.taken);
    cr_assert_not(delays_after(&rig, "c NOO"));
    fake_session.wants = SESSION_PAUSE;
    cr_assert(delays_after(&rig, "P"));
    close_rig(&rig);
}

/* ---- slow readers ---- */

#define BLOCK (1024 * 1024)

/* Adds blocks whose octets tell where they stand. */
static void say_blocks(int first, int count)
{
    static unsigned block[BLOCK / sizeof(unsigned)];

    for (int i = first; i < first + count; i++) {
        for (size_t at = 0; at < BLOCK / sizeof(unsigned); at++)
            block[at] = (unsigned)i * 1000003u + (unsigned)at;
        evbuffer_add(fake_session.output, block, sizeof(block));
        fake_session.wake(fake_session.link);
    }
}

static void read_block(struct rig *rig, unsigned *block)
{
    usec until = bench_now(&rig->bench) + 5 * USEC_SECOND;
    size_t used = 0;

    while (used < BLOCK && bench_now(&rig->bench) < until) {
        bench_round(&rig->bench);
        long more = bench_read(rig->peer, (char *)block + used, BLOCK - used);
        cr_assert_geq(more, 0);
        used += (size_t)more;
    }
    cr_assert_eq(used, BLOCK, "%zu", used);
}

static void expect_blocks(struct rig *rig, int first, int count)
{
    static unsigned got[BLOCK / sizeof(unsigned)];

    for (int i = first; i < first + count; i++) {
        read_block(rig, got);
        for (size_t at = 0; at < BLOCK / sizeof(unsigned); at++)
            cr_assert_eq(got[at], (unsigned)i * 1000003u + (unsigned)at, "block %d, word %zu", i, at);
    }
}

Test(client_link, slow_output_goes_to_the_spool_and_comes_back_in_order)
{
    struct rig rig;

    open_rig(&rig);
    expect(&rig, "* OK hello\r\n");
    say_blocks(0, 10);
    bench_rounds(&rig.bench, 3);
    cr_assert_gt(spool_store_used(rig.store), 1 * BLOCK);
    say_blocks(10, 30);
    expect_blocks(&rig, 0, 25);
    say_blocks(40, 5);
    bench_rounds(&rig.bench, 1);
    expect_blocks(&rig, 25, 20);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(spool_store_used(rig.store), 0);
    close_rig(&rig);
}

Test(client_link, what_was_spooled_behind_a_direct_write_follows_at_once)
{
    struct rig rig;
    static unsigned got[BLOCK / sizeof(unsigned)];

    open_rig(&rig);
    expect(&rig, "* OK hello\r\n");
    rig.bench.settings.output_memory = 4096; /* the socket takes so much, and nothing will become writable later */
    say_blocks(0, 1);
    read_block(&rig, got);
    cr_assert_eq(got[BLOCK / sizeof(unsigned) - 1], BLOCK / sizeof(unsigned) - 1);
    cr_assert_eq(spool_store_used(rig.store), 0);
    close_rig(&rig);
}

Test(client_link, past_spool_max_it_is_cut_with_a_reason)
{
    struct rig rig;

    open_rig(&rig);
    rig.bench.settings.spool_max = 3 * BLOCK;
    say_blocks(0, 10);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(rig.links.count, 0);
    cr_assert(strstr(rig.bench.logged, "more than spool_max octets wait for it"), "%s", rig.bench.logged);
    close_rig(&rig);
}

Test(client_link, past_spool_total_it_is_cut_with_a_reason)
{
    struct rig rig;

    open_rig(&rig);
    rig.bench.settings.spool_total = 2 * BLOCK;
    say_blocks(0, 10);
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(rig.links.count, 0);
    cr_assert(strstr(rig.bench.logged, "spool_total is reached"), "%s", rig.bench.logged);
    close_rig(&rig);
}

/* Until the kernel takes no more. */
static void settle(struct rig *rig)
{
    bench_rounds(&rig->bench, 300);
}

Test(client_link, one_that_takes_no_octet_is_cut_after_write_timeout)
{
    struct rig rig;

    open_rig(&rig);
    say_blocks(0, 8);
    settle(&rig);
    rig.bench.ahead += rig.bench.settings.write_timeout - USEC_SECOND;
    bench_rounds(&rig.bench, 2);
    cr_assert_eq(rig.links.count, 1);
    rig.bench.ahead += 2 * USEC_SECOND;
    bench_rounds(&rig.bench, 2);
    cr_assert_eq(rig.links.count, 0);
    cr_assert(strstr(rig.bench.logged, "took no octet within write_timeout"), "%s", rig.bench.logged);
    close_rig(&rig);
}

Test(client_link, one_that_takes_some_is_not)
{
    struct rig rig;
    static char bytes[BLOCK];

    open_rig(&rig);
    say_blocks(0, 20);
    settle(&rig);
    for (int i = 0; i < 5; i++) {
        rig.bench.ahead += rig.bench.settings.write_timeout - USEC_SECOND;
        bench_rounds(&rig.bench, 2);
        cr_assert_eq(rig.links.count, 1);
        bench_read(rig.peer, bytes, sizeof(bytes));
        settle(&rig);
    }
    close_rig(&rig);
}

Test(client_link, an_idle_client_is_never_timed_out)
{
    struct rig rig;

    open_rig(&rig);
    rig.bench.ahead += 24 * 3600 * USEC_SECOND;
    bench_rounds(&rig.bench, 3);
    cr_assert_eq(rig.links.count, 1);
    close_rig(&rig);
}

/* ---- TLS ---- */

struct tls_rig {
    struct rig rig;
    struct bench_certificate certificate;
    struct tls_context *context;
};

static void open_tls_rig(struct tls_rig *tls, bool implicit)
{
    struct tls_fault fault;

    prepare(&tls->rig);
    bench_certificate(&tls->certificate, "DNS:mail.example", 1);
    tls->context = tls_server_new(tls->certificate.cert, tls->certificate.key, &fault);
    open_client(&tls->rig, &(struct client_link_options){.tls = tls->context, .implicit_tls = implicit});
    bench_rounds(&tls->rig.bench, 3);
}

static void close_tls_rig(struct tls_rig *tls)
{
    close_rig(&tls->rig);
    tls_context_free(tls->context);
    bench_certificate_remove(&tls->certificate);
}

Test(client_link, implicit_tls_greets_only_after_the_handshake)
{
    struct tls_rig tls;

    open_tls_rig(&tls, true);
    cr_assert_eq(fake_session.made, 0);
    tls.rig.bench.ahead += tls.rig.bench.settings.login_timeout + USEC_SECOND;
    bench_rounds(&tls.rig.bench, 3);
    cr_assert_eq(tls.rig.links.count, 0, "a handshake that is never begun ends");
    cr_assert(strstr(tls.rig.bench.logged, "did not finish it in time"), "%s", tls.rig.bench.logged);
    close_tls_rig(&tls);
}

Test(client_link, starttls_begins_after_the_answer_is_written)
{
    struct tls_rig tls;

    open_tls_rig(&tls, false);
    cr_assert(fake_session.starttls && !fake_session.secure);
    expect(&tls.rig, "* OK hello\r\n");
    fake_session.take_most = 12;
    send_text(&tls.rig, "a STARTTLS\r\nb LOGIN injected injected\r\n");
    fake_session.wants = SESSION_START_TLS;
    fake_session_say("a OK begin\r\n");
    expect(&tls.rig, "a OK begin\r\n");
    fake_session.take_most = SIZE_MAX;
    send_text(&tls.rig, "this is no client hello at all");
    cr_assert_eq(fake_session.closed, 1);
    cr_assert_eq(fake_session.secured, 0);
    close_tls_rig(&tls);
}

Test(client_link, compression_begins_after_the_answer_is_written_and_with_what_was_left)
{
    struct rig rig;
    struct deflater *deflater = deflater_new();
    struct inflater inflater = {0};
    struct evbuffer *plain = evbuffer_new(), *wire = evbuffer_new();
    char got[64];

    prepare(&rig);
    open_client(&rig, &(struct client_link_options){.plaintext_login = true, .compress = true});
    bench_rounds(&rig.bench, 3);
    expect(&rig, "* OK hello\r\n");
    cr_assert(fake_session.compress);
    evbuffer_add(plain, "b NOOP\r\n", 8);
    evbuffer_add(wire, "a COMPRESS\r\n", 12);
    cr_assert(deflater_press(deflater, plain, SIZE_MAX, wire));
    fake_session.take_most = 12;
    cr_assert_gt(evbuffer_write(wire, rig.peer), 12);
    bench_rounds(&rig.bench, 3);
    cr_assert(fake_session_has("a COMPRESS\r\n"));
    fake_session.wants = SESSION_COMPRESS;
    fake_session_say("a OK\r\n");
    fake_session.take_most = SIZE_MAX;
    expect(&rig, "a OK\r\n");
    bench_rounds(&rig.bench, 5);
    cr_assert_eq(fake_session.compressed, 1);
    cr_assert(fake_session_has("a COMPRESS\r\nb NOOP\r\n"));
    fake_session_say("b OK\r\n");
    bench_rounds(&rig.bench, 3);
    evbuffer_add(wire, got, (size_t)bench_read(rig.peer, got, sizeof(got)));
    cr_assert_eq(inflater_take(&inflater, wire, 100, plain), INFLATE_OK);
    cr_assert_eq(memcmp(evbuffer_pullup(plain, -1), "b OK\r\n", 6), 0);
    close_rig(&rig);
    inflater_clear(&inflater);
    deflater_free(deflater);
    evbuffer_free(plain);
    evbuffer_free(wire);
}
