/* The bench: real sockets, a real clock that can be put forward. */
#include "unit/net/bench.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void keep_line(void *context, enum log_level level, const char *line)
{
    struct bench *bench = context;
    size_t used = strlen(bench->logged);

    (void)level;
    snprintf(bench->logged + used, sizeof(bench->logged) - used, "%s\n", line);
}

void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    signal(SIGPIPE, SIG_IGN);
    bench->base = event_base_new();
    bench->runqueue = runqueue_new();
    settings_defaults(&bench->settings);
    bench->log = (struct log){.level = LOG_INFO, .write = keep_line, .context = bench};
    runqueue_set_now(bench->runqueue, bench_now(bench));
}

void bench_close(struct bench *bench)
{
    runqueue_step(bench->runqueue, bench_now(bench));
    runqueue_free(bench->runqueue);
    event_base_free(bench->base);
}

usec bench_now(const struct bench *bench)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (usec)now.tv_sec * USEC_SECOND + now.tv_nsec / 1000 + bench->ahead;
}

void bench_round(struct bench *bench)
{
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    runqueue_step(bench->runqueue, bench_now(bench));
}

bool bench_until(struct bench *bench, bool (*condition)(void *context), void *context)
{
    for (int i = 0; i < 5000; i++) {
        bench_round(bench);
        if (condition(context))
            return true;
        if (i > 20)
            usleep(1000);
    }
    return false;
}

void bench_rounds(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        bench_round(bench);
        usleep(1000);
    }
}

void bench_sockets(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(bind(listening, (struct sockaddr *)&address, length) == 0 && listen(listening, 1) == 0);
    cr_assert(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(connect(pair[0], (struct sockaddr *)&address, length) == 0);
    pair[1] = accept(listening, NULL, NULL);
    cr_assert_geq(pair[1], 0);
    close(listening);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
}

int bench_other_end(int descriptor)
{
    struct sockaddr_in here, there;
    socklen_t length = sizeof(here);

    cr_assert_eq(getpeername(descriptor, (struct sockaddr *)&there, &length), 0);
    for (int other = 0; other < 1024; other++) {
        length = sizeof(here);
        if (getsockname(other, (struct sockaddr *)&here, &length) == 0 && here.sin_family == AF_INET &&
            here.sin_port == there.sin_port)
            return other;
    }
    cr_assert_fail("there is no other end");
    return -1;
}

bool bench_delays_acknowledgements(int descriptor)
{
    int quick = 0;
    socklen_t length = sizeof(quick);

    cr_assert_eq(getsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &quick, &length), 0);
    return !quick;
}

void bench_delay_acknowledgements(int descriptor)
{
    cr_assert_eq(setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &(int){0}, sizeof(int)), 0);
}

long bench_read(int descriptor, char *bytes, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t got = read(descriptor, bytes + used, size - used);
        if (got > 0)
            used += (size_t)got;
        else if (got == 0)
            return used > 0 ? (long)used : -1;
        else
            break;
    }
    return (long)used;
}

/* ---- certificates ---- */

static void add_names(X509 *certificate, const char *names)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    cr_assert(extension && X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static X509 *self_signed(EVP_PKEY *key, const char *names, int days)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    long span = (long)days * 86400;

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), span > 0 ? -3600 : 2 * span);
    X509_gmtime_adj(X509_getm_notAfter(certificate), span);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    add_names(certificate, names);
    cr_assert(X509_sign(certificate, key, EVP_sha256()));
    return certificate;
}

void bench_certificate(struct bench_certificate *certificate, const char *names, int days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = self_signed(key, names, days);

    strcpy(certificate->directory, "/tmp/imapmux-unit.XXXXXX");
    cr_assert(mkdtemp(certificate->directory));
    snprintf(certificate->cert, sizeof(certificate->cert), "%s/cert.pem", certificate->directory);
    snprintf(certificate->key, sizeof(certificate->key), "%s/key.pem", certificate->directory);
    FILE *file = fopen(certificate->cert, "w");
    cr_assert(file && PEM_write_X509(file, x509));
    fclose(file);
    file = fopen(certificate->key, "w");
    cr_assert(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

void bench_certificate_remove(const struct bench_certificate *certificate)
{
    unlink(certificate->cert);
    unlink(certificate->key);
    rmdir(certificate->directory);
}
