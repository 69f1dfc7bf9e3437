/* libssl contexts, and texts for libssl's errors. It must never accept a certificate that the settings do not
 * permit, nor leave an error in libssl's queue for the next connection to find. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/ticket_keys.h"

#define READ_BUFFER ((size_t)64 * 1024)

struct tls_context {
    SSL_CTX *ssl_context;
    bool server, verify;
    struct ticket_keys *ticket_keys; /* server only */
    char refused[128];               /* client only: whose certificate was refused last */
};

/* RFC 7301, IANA's registry of ALPN ids. */
static const unsigned char alpn_imap[] = {4, 'i', 'm', 'a', 'p'};

bool tls_library_start(size_t secure_heap)
{
    return CRYPTO_secure_malloc_init(secure_heap, 16) == 1;
}

/* ---- contexts ---- */

static void explain_queue(struct tls_fault *fault, const char *what, const char *object, const char *advice)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);

    snprintf(fault->text, sizeof(fault->text), "%s %s: %s; %s", what, object, reason ? reason : "unknown error",
             advice);
    ERR_clear_error();
}

/* The first error of the queue says which file could not be opened; the last is only "PEM lib" or "system lib". */
static void explain_file(struct tls_fault *fault, const char *what, const char *path, const char *advice)
{
    FILE *file = fopen(path, "r");

    if (!file) {
        snprintf(fault->text, sizeof(fault->text), "%s %s cannot be read: %m; %s", what, path, advice);
        ERR_clear_error();
        return;
    }
    fclose(file);
    explain_queue(fault, what, path, advice);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                       unsigned in_length, void *context)
{
    unsigned char *chosen = NULL;

    (void)ssl, (void)context;
    if (SSL_select_next_proto(&chosen, out_length, alpn_imap, sizeof(alpn_imap), in, in_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; /* a client that names something else is served all the same */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_new(const SSL_METHOD *method, struct tls_fault *fault)
{
    SSL_CTX *context = SSL_CTX_new(method);

    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        explain_queue(fault, "cannot set up", "TLS", "is libssl installed as a whole?");
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

static struct tls_context *wrap(SSL_CTX *ssl_context, bool server, bool verify, struct tls_fault *fault)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    if (!context) {
        snprintf(fault->text, sizeof(fault->text), "out of memory");
        SSL_CTX_free(ssl_context);
        return NULL;
    }
    *context = (struct tls_context){.ssl_context = ssl_context, .server = server, .verify = verify};
    SSL_CTX_set_app_data(ssl_context, context);
    return context;
}

/* ---- session tickets ---- */

static usec clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (usec)now.tv_sec * USEC_SECOND + now.tv_nsec / 1000;
}

static bool set_ticket_key(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                           EVP_MAC_CTX *mac, int sealing)
{
    const OSSL_PARAM mac_parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1 &&
           EVP_MAC_CTX_set_params(mac, mac_parameters) == 1;
}

/* libssl asks for the key of a ticket that it makes or was shown. 0: it cannot be opened, a full handshake follows; 1:
 * it can; 2: it can, and another one shall take its place. A ticket of TLS 1.3 is to be used once (RFC 8446 appendix
 * C.4). */
static int use_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                          int sealing)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    bool succeeded = false;
    const struct ticket_key *key = sealing ? ticket_keys_sealing(context->ticket_keys, clock_now())
                                           : ticket_keys_opening(context->ticket_keys, name, clock_now(), &succeeded);

    if (!key)
        return sealing ? -1 : 0;
    if (sealing) {
        memcpy(name, key->name, sizeof(key->name));
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
    }
    if (!set_ticket_key(key, iv, cipher, mac, sealing))
        return -1;
    return !sealing && (succeeded || SSL_version(ssl) >= TLS1_3_VERSION) ? 2 : 1;
}

/* Marks a session with its certificate: a ticket opens only sessions of that certificate. */
static bool name_sessions(SSL_CTX *context)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    return X509_digest(SSL_CTX_get0_certificate(context), EVP_sha256(), digest, &length) == 1 &&
           SSL_CTX_set_session_id_context(context, digest, length) == 1;
}

/* A client that opens several connections at once finds two tickets with its first; a client that resumes gets one for
 * the one it used. Early data could be played again by anybody who saw it. */
static bool offer_tickets(SSL_CTX *context)
{
    SSL_CTX_set_timeout(context, TICKET_LIFE / USEC_SECOND);
    return name_sessions(context) && SSL_CTX_set_num_tickets(context, 2) == 1 &&
           SSL_CTX_set_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket_key) == 1;
}

/* ---- a listener's ---- */

static SSL_CTX *server_context_new(const char *certificate, const char *key, struct tls_fault *fault)
{
    SSL_CTX *context = context_new(TLS_server_method(), fault);

    if (!context)
        return NULL;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        explain_file(fault, "certificate", certificate, "it must be a PEM file with the server's certificate first");
    else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        explain_file(fault, "key", key,
                     "it must be a PEM file, without a pass phrase, that belongs to the certificate");
    else if (SSL_CTX_check_private_key(context) != 1)
        explain_queue(fault, "key", key, "it does not belong to the certificate");
    else if (!offer_tickets(context))
        explain_queue(fault, "cannot set up", "TLS", "is libssl installed as a whole?");
    else {
        SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

struct tls_context *tls_server_new(const char *certificate, const char *key, struct tls_fault *fault)
{
    SSL_CTX *ssl_context = server_context_new(certificate, key, fault);
    struct tls_context *context = ssl_context ? wrap(ssl_context, true, false, fault) : NULL;

    if (!context)
        return NULL;
    context->ticket_keys = ticket_keys_new();
    if (context->ticket_keys)
        return context;
    snprintf(fault->text, sizeof(fault->text), "out of memory");
    tls_context_free(context);
    return NULL;
}

static bool same_certificate(const SSL_CTX *one, const SSL_CTX *other)
{
    return X509_cmp(SSL_CTX_get0_certificate(one), SSL_CTX_get0_certificate(other)) == 0;
}

bool tls_server_reload(struct tls_context *context, const char *certificate, const char *key, struct tls_fault *fault)
{
    SSL_CTX *fresh = server_context_new(certificate, key, fault);

    if (!fresh)
        return false;
    if (!same_certificate(fresh, context->ssl_context))
        ticket_keys_forget(context->ticket_keys);
    SSL_CTX_free(context->ssl_context);
    context->ssl_context = fresh;
    SSL_CTX_set_app_data(fresh, context);
    return true;
}

/* A certificate that is refused is gone when the handshake has failed, so its name is kept: tls_explain asks at once.
 */
static int note_refused(int accepted, X509_STORE_CTX *verification)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    X509 *certificate = X509_STORE_CTX_get0_cert(verification);

    if (!accepted && certificate)
        X509_NAME_oneline(X509_get_subject_name(certificate), context->refused, sizeof(context->refused));
    return accepted;
}

static bool trust(SSL_CTX *context, const struct tls_client_options *options, struct tls_fault *fault)
{
    if (!options->verify)
        return true;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_refused);
    ERR_clear_error();
    if (options->ca && SSL_CTX_load_verify_file(context, options->ca) != 1) {
        explain_file(fault, "tls_ca", options->ca, "it must be a PEM file of trusted certificates");
        return false;
    }
    if (!options->ca && SSL_CTX_set_default_verify_paths(context) != 1) {
        explain_queue(fault, "the system's trusted certificates", "", "install ca-certificates or set tls_ca");
        return false;
    }
    return true;
}

struct tls_context *tls_client_new(const struct tls_client_options *options, struct tls_fault *fault)
{
    SSL_CTX *context = context_new(TLS_client_method(), fault);

    if (!context)
        return NULL;
    if (!trust(context, options, fault) || SSL_CTX_set_alpn_protos(context, alpn_imap, sizeof(alpn_imap)) != 0) {
        SSL_CTX_free(context);
        return NULL;
    }
    return wrap(context, false, options->verify, fault);
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl_context);
    ticket_keys_free(context->ticket_keys);
    free(context);
}

/* ---- connections ---- */

static bool is_address(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

struct ssl_st *tls_open(struct tls_context *context, const char *name, struct tls_fault *fault)
{
    SSL *ssl = SSL_new(context->ssl_context);

    ERR_clear_error();
    if (!ssl || (!context->server && !expect_name(ssl, name))) {
        explain_queue(fault, "cannot begin TLS with", name ? name : "a client", "is the name well-formed?");
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_read_ahead(ssl, 1); /* else libssl reads five octets, then the record */
    SSL_set_default_read_buffer_len(ssl, READ_BUFFER);
    if (context->server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static const struct {
    long result;
    const char *advice;
} verify_advice[] = {
    {X509_V_ERR_HOSTNAME_MISMATCH, "set tls_name to the name that it carries, if that is the right server"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "use the server's name in the url, or set tls_name"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "the server's administrator must renew it"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "check the clock of this machine"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "if you trust it, put it into a file and set tls_ca"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "if you trust its authority, put that into a file and set tls_ca"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "its authority is not trusted here: set tls_ca if you trust it"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "its authority is not trusted here: set tls_ca if you trust it"},
};

static const char *advice_for(long result)
{
    for (size_t i = 0; i < sizeof(verify_advice) / sizeof(verify_advice[0]); i++)
        if (verify_advice[i].result == result)
            return verify_advice[i].advice;
    return "see tls_ca and tls_verify in the settings";
}

static void explain_verification(SSL *ssl, long result, struct tls_fault *fault)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    snprintf(fault->text, sizeof(fault->text), "the server's certificate (%s) is not accepted: %s; %s",
             context->refused[0] ? context->refused : "without a name", X509_verify_cert_error_string(result),
             advice_for(result));
}

static const char *explain_reason(unsigned long error)
{
    switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
        return "the other side does not speak TLS here; is this the right port?";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "the other side closed the connection";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "no common version of TLS; 1.2 is the minimum";
    default:
        return ERR_reason_error_string(error);
    }
}

const char *tls_explain(struct ssl_st *ssl, const char *stage, struct tls_fault *fault)
{
    unsigned long error = ERR_peek_error();
    long result = SSL_get_verify_result(ssl);
    const char *reason = error ? explain_reason(error) : "the other side closed the connection";

    if (!SSL_is_init_finished(ssl) && !SSL_is_server(ssl) && result != X509_V_OK &&
        (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER))
        explain_verification(ssl, result, fault);
    else
        snprintf(fault->text, sizeof(fault->text), "TLS %s: %s", stage, reason ? reason : "unknown error");
    ERR_clear_error();
    return fault->text;
}
