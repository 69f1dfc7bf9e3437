/* TLS contexts: a listener's certificate, and the demands on an upstream's. TLS 1.2 at least, ALPN "imap" (RFC 7301
 * registry), no renegotiation, no compression, no early data. A listener's sessions can be resumed by tickets
 * (ticket_keys); an upstream's are not. Files are read here; connections belong to net/stream. */
#ifndef IMAPMUX_NET_TLS_H
#define IMAPMUX_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct tls_context; /* opaque */

/* The text of an error: the event, its file, and the next step. */
struct tls_fault {
    char text[512];
};

/* To be called once, before anything else uses libcrypto: keys and secrets live in a heap of this size (a power of two)
 * that is locked in memory and left out of core dumps. False: the heap could not be made or not be locked; everything
 * works all the same. */
bool tls_library_start(size_t secure_heap);

/* Both files are PEM: the certificate followed by its intermediates, and its key. Returns owned; NULL: *fault says
 * why. */
struct tls_context *tls_server_new(const char *certificate, const char *key, struct tls_fault *fault);
/* Reads the files again, or others. Connections that are open keep what they have; session tickets stay good as long as
 * the certificate is the same. False: nothing has changed. */
bool tls_server_reload(struct tls_context *context, const char *certificate, const char *key, struct tls_fault *fault);

struct tls_client_options {
    bool verify;    /* chain and name; off only if the admin says so by name */
    const char *ca; /* PEM file of trusted certificates; NULL: the system's */
};
/* A context for connections to an upstream. Returns owned; NULL: *fault says why. */
struct tls_context *tls_client_new(const struct tls_client_options *options, struct tls_fault *fault);
void tls_context_free(struct tls_context *context); /* after its connections */

/* For one connection. `name` (client only): the host name or address literal that the certificate must carry; a host
 * name is sent as SNI too (RFC 6066 section 3). Returns owned (stream_start_tls takes it); NULL: *fault says why. */
struct ssl_st *tls_open(struct tls_context *context, const char *name, struct tls_fault *fault);

/* Explains why a handshake or a connection failed, from the verification's result and libssl's error queue. Empties
 * that queue. `stage`: "handshake", "reading"... Returns fault->text. */
const char *tls_explain(struct ssl_st *ssl, const char *stage, struct tls_fault *fault);

#endif
