#include "net/tls.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "unit/net/bench.h"

/* A client stream and a server stream over one pair of sockets. */
struct pair {
    struct bench bench;
    struct bench_certificate certificate;
    struct tls_context *server_context, *client_context;
    struct stream *server, *client;
};

static void wake(void *owner)
{
    (void)owner;
}

static void open_pair(struct pair *pair, const char *names, int days)
{
    struct tls_fault fault;
    int sockets[2];

    bench_open(&pair->bench);
    bench_certificate(&pair->certificate, names, days);
    pair->server_context = tls_server_new(pair->certificate.cert, pair->certificate.key, &fault);
    cr_assert(pair->server_context, "%s", fault.text);
    const struct tls_client_options options = {.verify = true, .ca = pair->certificate.cert};
    pair->client_context = tls_client_new(&options, &fault);
    cr_assert(pair->client_context, "%s", fault.text);
    bench_sockets(sockets);
    pair->server = stream_new(pair->bench.base, sockets[0], wake, NULL);
    pair->client = stream_new(pair->bench.base, sockets[1], wake, NULL);
}

static void distrust(struct pair *pair)
{
    struct tls_fault fault;
    const struct tls_client_options options = {.verify = true};

    tls_context_free(pair->client_context);
    pair->client_context = tls_client_new(&options, &fault);
    cr_assert(pair->client_context, "%s", fault.text);
}

static void close_pair(struct pair *pair)
{
    stream_free(pair->server);
    stream_free(pair->client);
    tls_context_free(pair->server_context);
    tls_context_free(pair->client_context);
    bench_certificate_remove(&pair->certificate);
    bench_close(&pair->bench);
}

static void start(struct pair *pair, const char *name)
{
    struct tls_fault fault;

    stream_start_tls(pair->server, tls_open(pair->server_context, NULL, &fault));
    stream_start_tls(pair->client, tls_open(pair->client_context, name, &fault));
}

static bool settled(void *context)
{
    struct pair *pair = context;
    return stream_state(pair->client) != STREAM_HANDSHAKE && stream_state(pair->server) != STREAM_HANDSHAKE;
}

static bool agree(struct pair *pair, const char *name)
{
    start(pair, name);
    cr_assert(bench_until(&pair->bench, settled, pair));
    return stream_is_secure(pair->client) && stream_is_secure(pair->server) &&
           stream_state(pair->client) == STREAM_OPEN;
}

static void say(struct stream *stream, const char *text)
{
    evbuffer_add(stream_output(stream), text, strlen(text));
    stream_flush(stream);
}

static bool server_has_input(void *context)
{
    return evbuffer_get_length(stream_input(((struct pair *)context)->server)) > 0;
}

Test(tls, bytes_pass_both_ways)
{
    struct pair pair;
    char got[16] = "";

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"), "%s", stream_reason(pair.client));
    say(pair.client, "a NOOP");
    cr_assert(bench_until(&pair.bench, server_has_input, &pair));
    cr_assert_eq(evbuffer_remove(stream_input(pair.server), got, sizeof(got)), 6);
    cr_assert_str_eq(got, "a NOOP");
    close_pair(&pair);
}

static void pour(struct pair *pair, size_t size)
{
    char *block = calloc(1, size);
    size_t all = 0;

    evbuffer_add(stream_output(pair->client), block, size);
    stream_flush(pair->client);
    for (int i = 0; i < 20000 && all < size; i++) {
        bench_round(&pair->bench);
        size_t length = evbuffer_get_length(stream_input(pair->server));
        cr_assert_lt(length, STREAM_INPUT_MAX + 17 * 1024);
        all += length;
        evbuffer_drain(stream_input(pair->server), length);
        stream_pause(pair->server, i % 3 == 0);
    }
    cr_assert_eq(all, size);
    free(block);
}

Test(tls, megabytes_pass_with_pauses)
{
    struct pair pair;

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"));
    pour(&pair, 20 * 1024 * 1024);
    close_pair(&pair);
}

Test(tls, bytes_inside_libssl_are_read_after_a_pause)
{
    struct pair pair;

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"));
    stream_pause(pair.server, true);
    for (int i = 0; i < 40; i++)
        say(pair.client, "0123456789");
    bench_rounds(&pair.bench, 5);
    stream_pause(pair.server, false);
    bench_rounds(&pair.bench, 5);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 400);
    close_pair(&pair);
}

Test(tls, an_address_is_verified_as_an_address)
{
    struct pair pair;

    open_pair(&pair, "IP:192.0.2.7,IP:2001:db8::7", 1);
    cr_assert(agree(&pair, "2001:db8::7"), "%s", stream_reason(pair.client));
    close_pair(&pair);
}

static void refuse(const char *names, int days, bool trusted, const char *name, const char *words)
{
    struct pair pair;

    open_pair(&pair, names, days);
    if (!trusted)
        distrust(&pair);
    cr_assert_not(agree(&pair, name));
    cr_assert_eq(stream_state(pair.client), STREAM_FAILED);
    cr_assert(strstr(stream_reason(pair.client), words), "%s", stream_reason(pair.client));
    close_pair(&pair);
}

Test(tls, another_name_is_refused_with_words)
{
    refuse("DNS:mail.example", 1, true, "other.example", "hostname mismatch; set tls_name");
}

Test(tls, another_address_is_refused_with_words)
{
    refuse("IP:192.0.2.7", 1, true, "192.0.2.8", "IP address mismatch; use the server's name");
}

Test(tls, an_expired_certificate_is_refused_with_words)
{
    refuse("DNS:mail.example", -1, true, "mail.example", "expired; the server's administrator must renew it");
}

Test(tls, an_unknown_authority_is_refused_with_words)
{
    refuse("DNS:mail.example", 1, false, "mail.example", "set tls_ca");
}

Test(tls, what_is_no_tls_is_said_to_be_none)
{
    struct pair pair;
    struct tls_fault fault;

    open_pair(&pair, "DNS:mail.example", 1);
    stream_start_tls(pair.client, tls_open(pair.client_context, "mail.example", &fault));
    say(pair.server, "* OK plain IMAP here\r\n");
    for (int i = 0; i < 100 && stream_state(pair.client) == STREAM_HANDSHAKE; i++)
        bench_rounds(&pair.bench, 1);
    cr_assert_str_eq(stream_reason(pair.client),
                     "TLS handshake: the other side does not speak TLS here; is this the right port?");
    close_pair(&pair);
}

Test(tls, what_came_in_plain_text_before_starttls_is_dropped)
{
    struct pair pair;

    open_pair(&pair, "DNS:mail.example", 1);
    say(pair.client, "a STARTTLS\r\nb LOGIN injected injected\r\n");
    cr_assert(bench_until(&pair.bench, server_has_input, &pair));
    cr_assert(agree(&pair, "mail.example"));
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 0);
    say(pair.client, "c NOOP");
    cr_assert(bench_until(&pair.bench, server_has_input, &pair));
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 6);
    close_pair(&pair);
}

Test(tls, plain_text_in_the_kernel_at_starttls_breaks_the_handshake)
{
    struct pair pair;
    struct tls_fault fault;

    open_pair(&pair, "DNS:mail.example", 1);
    say(pair.client, "b LOGIN injected injected\r\n"); /* not read yet by the server's stream */
    stream_start_tls(pair.server, tls_open(pair.server_context, NULL, &fault));
    bench_rounds(&pair.bench, 10);
    cr_assert_eq(stream_state(pair.server), STREAM_FAILED);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 0);
    close_pair(&pair);
}

/* Reads the server's last record types off the wire with an SSL of our own. */
struct raw {
    SSL_CTX *context;
    SSL *ssl;
    int descriptor;
};

static void open_raw(struct pair *pair, struct raw *raw, int version)
{
    int sockets[2];
    struct tls_fault fault;

    stream_free(pair->server);
    bench_sockets(sockets);
    pair->server = stream_new(pair->bench.base, sockets[0], wake, NULL);
    stream_start_tls(pair->server, tls_open(pair->server_context, NULL, &fault));
    raw->descriptor = sockets[1];
    raw->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(raw->context, 0);
    SSL_CTX_set_max_proto_version(raw->context, version);
    SSL_CTX_set_cipher_list(raw->context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_alpn_protos(raw->context, (const unsigned char *)"\4imap", 5);
    raw->ssl = SSL_new(raw->context);
    SSL_set_fd(raw->ssl, raw->descriptor);
    for (int i = 0; i < 200 && SSL_connect(raw->ssl) != 1; i++)
        bench_rounds(&pair->bench, 1);
    bench_rounds(&pair->bench, 5);
}

static void close_raw(struct raw *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->context);
    close(raw->descriptor);
}

/* SSL_ERROR_ZERO_RETURN: close_notify was said. */
static int how_it_ended(struct pair *pair, struct raw *raw)
{
    char byte;
    int code = SSL_ERROR_WANT_READ;

    for (int i = 0; i < 200 && code == SSL_ERROR_WANT_READ; i++) {
        bench_rounds(&pair->bench, 1);
        code = SSL_get_error(raw->ssl, SSL_read(raw->ssl, &byte, 1));
    }
    return code;
}

Test(tls, an_orderly_close_says_close_notify)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, 0);
    stream_close(pair.server);
    cr_assert_eq(how_it_ended(&pair, &raw), SSL_ERROR_ZERO_RETURN);
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, an_abort_does_not)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, 0);
    stream_free(pair.server);
    pair.server = NULL;
    cr_assert_neq(how_it_ended(&pair, &raw), SSL_ERROR_ZERO_RETURN);
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, the_alpn_name_is_imap)
{
    struct pair pair;
    struct raw raw;
    const unsigned char *name;
    unsigned length;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, 0);
    SSL_get0_alpn_selected(raw.ssl, &name, &length);
    cr_assert_eq(length, 4);
    cr_assert_arr_eq(name, "imap", 4);
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, version_1_1_is_refused)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_1_VERSION);
    cr_assert_eq(stream_state(pair.server), STREAM_FAILED);
    cr_assert(strstr(stream_reason(pair.server), "no common version of TLS"), "%s", stream_reason(pair.server));
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, a_reload_serves_the_new_certificate_and_keeps_the_old_connection)
{
    struct pair pair;
    struct bench_certificate other;
    struct tls_fault fault;

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"));
    bench_certificate(&other, "DNS:other.example", 1);
    cr_assert(tls_server_reload(pair.server_context, other.cert, other.key, &fault), "%s", fault.text);
    say(pair.client, "still here");
    cr_assert(bench_until(&pair.bench, server_has_input, &pair));
    cr_assert_not(tls_server_reload(pair.server_context, "/nonexistent", other.key, &fault));
    cr_assert(strstr(fault.text, "certificate /nonexistent cannot be read: No such file"), "%s", fault.text);
    bench_certificate_remove(&other);
    close_pair(&pair);
}

Test(tls, a_key_of_another_certificate_is_named)
{
    struct bench_certificate one, other;
    struct tls_fault fault;

    bench_certificate(&one, "DNS:one.example", 1);
    bench_certificate(&other, "DNS:other.example", 1);
    cr_assert_null(tls_server_new(one.cert, other.key, &fault));
    cr_assert(strstr(fault.text, other.key), "%s", fault.text);
    bench_certificate_remove(&one);
    bench_certificate_remove(&other);
}
