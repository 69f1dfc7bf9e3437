#include "net/tls.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/stream_inside.h"
#include "unit/net/bench.h"

/* A client stream and a server stream over one pair of sockets. */
struct pair {
    struct bench bench;
    struct bench_certificate certificate;
    struct tls_context *server_context, *client_context;
    struct stream *server, *client;
    int descriptor; /* of the server, where a raw client is its peer */
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

Test(tls, watching_it_reads_one_record_and_the_rest_after_the_pause)
{
    struct pair pair;

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"));
    stream_watch(pair.server);
    for (int i = 0; i < 40; i++)
        say(pair.client, "0123456789");
    stream_close(pair.client);
    bench_rounds(&pair.bench, 5);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 10);
    stream_pause(pair.server, false);
    bench_rounds(&pair.bench, 5);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 400);
    cr_assert(stream_input_ended(pair.server));
    close_pair(&pair);
}

Test(tls, half_a_record_is_acknowledged_at_once)
{
    struct pair pair;
    BIO *record = BIO_new(BIO_s_mem());
    char *bytes;
    long size;

    open_pair(&pair, "DNS:mail.example", 1);
    cr_assert(agree(&pair, "mail.example"));
    SSL_set0_wbio(pair.client->ssl, record);
    cr_assert_eq(SSL_write(pair.client->ssl, "0123456789", 10), 10);
    size = BIO_get_mem_data(record, &bytes);
    bench_delay_acknowledgements(pair.server->descriptor);
    cr_assert_eq(write(pair.client->descriptor, bytes, 12), 12);
    bench_rounds(&pair.bench, 5);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 0);
    cr_assert_not(bench_delays_acknowledgements(pair.server->descriptor));
    bench_delay_acknowledgements(pair.server->descriptor);
    cr_assert_eq(write(pair.client->descriptor, bytes + 12, (size_t)size - 12), size - 12);
    cr_assert(bench_until(&pair.bench, server_has_input, &pair));
    cr_assert(bench_delays_acknowledgements(pair.server->descriptor));
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
    cr_assert(strstr(stream_reason(pair.client), "the server's certificate (/CN=test)"), "%s",
              stream_reason(pair.client));
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

/* A client of our own, below the stream: it sees what the server's stream says in TLS. */
struct raw {
    SSL_CTX *context;
    SSL *ssl;
    int descriptor;
};

/* The client's hello is not yet said. session: to be resumed; NULL: none. */
static void prepare_raw(struct pair *pair, struct raw *raw, int version, SSL_SESSION *session)
{
    int sockets[2];
    struct tls_fault fault;

    stream_free(pair->server);
    bench_sockets(sockets);
    pair->descriptor = sockets[0];
    pair->server = stream_new(pair->bench.base, sockets[0], wake, NULL);
    stream_start_tls(pair->server, tls_open(pair->server_context, NULL, &fault));
    raw->descriptor = sockets[1];
    raw->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(raw->context, 0);
    SSL_CTX_set_max_proto_version(raw->context, version);
    SSL_CTX_set_cipher_list(raw->context, "ALL:@SECLEVEL=0");
    raw->ssl = SSL_new(raw->context);
    SSL_set_alpn_protos(raw->ssl, (const unsigned char *)"\4imap", 5);
    SSL_set_fd(raw->ssl, raw->descriptor);
    if (session)
        cr_assert(SSL_set_session(raw->ssl, session));
}

static void shake_hands(struct pair *pair, struct raw *raw)
{
    for (int i = 0; i < 200 && SSL_connect(raw->ssl) != 1; i++)
        bench_rounds(&pair->bench, 1);
    bench_rounds(&pair->bench, 5);
}

static void open_raw_again(struct pair *pair, struct raw *raw, int version, SSL_SESSION *session)
{
    prepare_raw(pair, raw, version, session);
    shake_hands(pair, raw);
}

static void open_raw(struct pair *pair, struct raw *raw, int version)
{
    open_raw_again(pair, raw, version, NULL);
}

static void close_raw(struct raw *raw)
{
    SSL_set_shutdown(raw->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else its session is spoilt */
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

/* ---- coming back ---- */

/* One octet, through which the tickets of TLS 1.3 come along. Returns owned. */
static SSL_SESSION *session_of(struct pair *pair, struct raw *raw)
{
    char byte;

    say(pair->server, "x");
    for (int i = 0; i < 200 && SSL_read(raw->ssl, &byte, 1) != 1; i++)
        bench_rounds(&pair->bench, 1);
    return SSL_get1_session(raw->ssl);
}

static bool resumes(struct pair *pair, int version, SSL_SESSION *session)
{
    struct raw raw;
    bool again;

    open_raw_again(pair, &raw, version, session);
    cr_assert(SSL_is_init_finished(raw.ssl));
    cr_assert(stream_is_secure(pair->server) && stream_state(pair->server) == STREAM_OPEN);
    again = SSL_session_reused(raw.ssl);
    close_raw(&raw);
    return again;
}

/* The same with one octet of the ticket changed. Returns owned. */
static SSL_SESSION *garble(SSL_SESSION *session, size_t at)
{
    unsigned char *der = NULL, *within;
    const unsigned char *ticket, *from;
    size_t length;
    int size = i2d_SSL_SESSION(session, &der);

    SSL_SESSION_get0_ticket(session, &ticket, &length);
    within = memmem(der, (size_t)size, ticket, length);
    cr_assert(within && at < length);
    within[at] ^= 1;
    from = der;
    SSL_SESSION *garbled = d2i_SSL_SESSION(NULL, &from, size);
    cr_assert(garbled);
    OPENSSL_free(der);
    return garbled;
}

static void garbled_tickets(int version)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, version);
    SSL_SESSION *session = session_of(&pair, &raw);
    close_raw(&raw);
    cr_assert(resumes(&pair, version, session));
    for (size_t at = 0; at < 160; at += 13) { /* the key's name, the IV, what is sealed */
        SSL_SESSION *garbled = garble(session, at);
        cr_assert_not(resumes(&pair, version, garbled), "octet %zu", at);
        SSL_SESSION_free(garbled);
    }
    cr_assert(resumes(&pair, version, session));
    SSL_SESSION_free(session);
    close_pair(&pair);
}

Test(tls, a_garbled_ticket_of_1_2_means_a_full_handshake)
{
    garbled_tickets(TLS1_2_VERSION);
}

Test(tls, a_garbled_ticket_of_1_3_means_a_full_handshake)
{
    garbled_tickets(TLS1_3_VERSION);
}

Test(tls, a_ticket_permits_no_early_data)
{
    struct pair pair;
    struct raw raw;
    size_t written;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_3_VERSION);
    SSL_SESSION *session = session_of(&pair, &raw);
    cr_assert(SSL_SESSION_has_ticket(session));
    cr_assert_eq(SSL_SESSION_get_max_early_data(session), 0);
    close_raw(&raw);

    /* A client that sends some all the same: the handshake is a good one, what came early is not read. */
    SSL_SESSION_set_max_early_data(session, 1000);
    prepare_raw(&pair, &raw, TLS1_3_VERSION, session);
    cr_assert_eq(SSL_write_early_data(raw.ssl, "a1 DELETE Work\r\n", 16, &written), 1);
    shake_hands(&pair, &raw);
    cr_assert(stream_is_secure(pair.server));
    cr_assert_neq(SSL_get_early_data_status(raw.ssl), SSL_EARLY_DATA_ACCEPTED);
    bench_rounds(&pair.bench, 5);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 0);
    SSL_SESSION_free(session);
    close_raw(&raw);
    close_pair(&pair);
}

/* ---- messages of TLS in the middle ---- */

Test(tls, renegotiation_is_refused)
{
    struct pair pair;
    struct raw raw;
    char byte;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_2_VERSION);
    cr_assert_eq(SSL_renegotiate(raw.ssl), 1);
    for (int i = 0; i < 50 && SSL_do_handshake(raw.ssl) != 1; i++)
        bench_rounds(&pair.bench, 1);
    cr_assert_not(SSL_is_init_finished(raw.ssl), "the server has agreed to renegotiate");
    cr_assert_neq(SSL_read(raw.ssl, &byte, 1), 1);
    cr_assert_eq(evbuffer_get_length(stream_input(pair.server)), 0);
    close_raw(&raw);
    close_pair(&pair);
}

static void expect_text(struct pair *pair, struct raw *raw, const char *sent)
{
    char got[64] = "";

    cr_assert_eq(SSL_write(raw->ssl, sent, (int)strlen(sent)), (int)strlen(sent));
    cr_assert(bench_until(&pair->bench, server_has_input, pair));
    evbuffer_remove(stream_input(pair->server), got, sizeof(got) - 1);
    cr_assert_str_eq(got, sent);
}

Test(tls, keys_are_updated_in_both_directions)
{
    struct pair pair;
    struct raw raw;
    char got[8] = "";

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_3_VERSION);
    for (int turn = 0; turn < 5; turn++) {
        cr_assert_eq(SSL_key_update(raw.ssl, turn % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        expect_text(&pair, &raw, "a1 NOOP\r\n");
        say(pair.server, "a1 OK\r\n");
        int length = -1;
        for (int i = 0; i < 200 && length <= 0; i++) {
            bench_rounds(&pair.bench, 1);
            length = SSL_read(raw.ssl, got, 7);
        }
        cr_assert_eq(length, 7);
    }
    close_raw(&raw);
    close_pair(&pair);
}

/* What the server's stream has left unread, up to the end that the client says now. */
static uint64_t unread(const struct pair *pair, const struct raw *raw)
{
    static char bytes[65536];
    uint64_t all = 0;

    shutdown(raw->descriptor, SHUT_WR);
    fcntl(pair->descriptor, F_SETFL, 0);
    for (ssize_t got; (got = read(pair->descriptor, bytes, sizeof(bytes))) > 0;)
        all += (uint64_t)got;
    return all;
}

/* They would keep libssl reading, and everybody else waiting, for as long as they come. */
Test(tls, who_sends_nothing_but_key_updates_is_cut)
{
    struct pair pair;
    struct raw raw;
    uint64_t before;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_3_VERSION);
    before = BIO_number_written(SSL_get_wbio(raw.ssl));
    for (int i = 0; i < 12000; i++) {
        cr_assert_eq(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        cr_assert_eq(SSL_do_handshake(raw.ssl), 1);
    }
    before = BIO_number_written(SSL_get_wbio(raw.ssl)) - before;
    cr_assert_geq(before, 256 * 1024);
    bench_rounds(&pair.bench, 3);
    cr_assert_eq(stream_state(pair.server), STREAM_FAILED);
    cr_assert(strstr(stream_reason(pair.server), "own messages only"), "%s", stream_reason(pair.server));
    cr_assert_leq(before, unread(&pair, &raw) + 128 * 1024);
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, key_updates_between_data_are_welcome)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_3_VERSION);
    for (int i = 0; i < 6000; i++) {
        cr_assert_eq(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        if (i % 1000 == 0)
            expect_text(&pair, &raw, "a1 NOOP\r\n");
        else
            cr_assert_eq(SSL_do_handshake(raw.ssl), 1);
    }
    expect_text(&pair, &raw, "a2 NOOP\r\n");
    cr_assert_eq(stream_state(pair.server), STREAM_OPEN);
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

Test(tls, trusted_certificates_that_cannot_be_read_are_named)
{
    struct bench_certificate certificate;
    struct tls_fault fault;
    struct tls_client_options options = {.verify = true, .ca = "/nonexistent/ca.pem"};

    cr_assert_null(tls_client_new(&options, &fault));
    cr_assert(strstr(fault.text, "tls_ca /nonexistent/ca.pem cannot be read: No such file"), "%s", fault.text);
    bench_certificate(&certificate, "DNS:mail.example", 1);
    options.ca = certificate.key;
    cr_assert_null(tls_client_new(&options, &fault));
    cr_assert(strstr(fault.text, certificate.key) && strstr(fault.text, "a PEM file of trusted certificates"), "%s",
              fault.text);
    bench_certificate_remove(&certificate);
}

Test(tls, a_name_that_no_certificate_can_carry_is_refused)
{
    struct tls_fault fault;
    char name[400];
    const struct tls_client_options options = {.verify = false};
    struct tls_context *context = tls_client_new(&options, &fault);

    cr_assert(context);
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    cr_assert_null(tls_open(context, name, &fault));
    cr_assert(strstr(fault.text, "is the name well-formed?"), "%s", fault.text);
    tls_context_free(context);
}

static bool server_has_failed(void *context)
{
    return stream_state(((struct pair *)context)->server) == STREAM_FAILED;
}

Test(tls, a_reset_in_the_handshake_has_a_reason)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    prepare_raw(&pair, &raw, 0, NULL);
    setsockopt(raw.descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close_raw(&raw);
    cr_assert(bench_until(&pair.bench, server_has_failed, &pair));
    cr_assert_str_eq(stream_reason(pair.server), "TLS handshake: Connection reset by peer");
    close_pair(&pair);
}

Test(tls, closed_in_the_handshake_it_ends_at_once)
{
    struct pair pair;
    struct raw raw;

    open_pair(&pair, "DNS:mail.example", 1);
    prepare_raw(&pair, &raw, 0, NULL);
    cr_assert_eq(stream_state(pair.server), STREAM_HANDSHAKE);
    stream_close(pair.server);
    cr_assert_eq(stream_state(pair.server), STREAM_CLOSED);
    close_raw(&raw);
    close_pair(&pair);
}

Test(tls, a_reset_while_writing_has_a_reason)
{
    struct pair pair;
    struct raw raw;
    char *block = calloc(1, 16 * 1024 * 1024);

    open_pair(&pair, "DNS:mail.example", 1);
    open_raw(&pair, &raw, TLS1_3_VERSION);
    stream_pause(pair.server, true);
    evbuffer_add(stream_output(pair.server), block, 16 * 1024 * 1024);
    stream_flush(pair.server);
    setsockopt(raw.descriptor, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close_raw(&raw);
    cr_assert(bench_until(&pair.bench, server_has_failed, &pair));
    cr_assert(strstr(stream_reason(pair.server), "writing: "), "%s", stream_reason(pair.server));
    free(block);
    close_pair(&pair);
}
