/* A client's virtual IMAP session: bytes in, bytes out. Stands between net/client_link (or a test) and mux/account.
 * Sans-I/O: driven by the runqueue of its registry. It never writes anything about another account, and nothing but BYE
 * and ALERT while none of its commands is in progress. RFC 3501 section 3. */
#ifndef IMAPMUX_SESSION_SESSION_H
#define IMAPMUX_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "session/options.h"

struct evbuffer;
struct registry;
struct session;

/* Greets at once. Returns owned; NULL: out of memory. */
struct session *session_new(struct registry *registry, const struct session_options *options);
/* The link is gone (EOF, error, or after SESSION_CLOSE was obeyed). The session must not be used afterwards: it is
 * freed by the runqueue, when the step is over, or when the commands that change something and came whole are carried
 * out. */
void session_closed(struct session *session);

/* Bytes from the client: takes what it can use, leaves the rest in `in` (when reading pauses, when TLS is to start).
 * The link calls runqueue_step afterwards. */
void session_receive(struct session *session, struct evbuffer *in);
/* A command has begun and is not whole: the rest of it, or octets of its literal, are still to come. What
 * session_receive has left in `in` is not counted. */
bool session_awaits_rest(const struct session *session);
struct evbuffer *session_output(struct session *session); /* the link moves bytes out of it */
/* The client sent EOF: it may have shut down its sending side only, so commands received whole before are answered, a
 * LOGIN that waits to be let in included, as Dovecot does. Then, and at once where a command waits for a line
 * that can never come (IDLE, AUTHENTICATE), the session says BYE and wants to be closed. Called when session_receive
 * has taken all that it can use. */
void session_end_of_input(struct session *session);

enum {
    SESSION_PAUSE = 1, /* do not read: enough is queued */
    SESSION_START_TLS =
        2, /* once the output so far is written: drop the input read so far, start TLS, then session_secured */
    SESSION_CLOSE = 4,     /* once the output is written: close with close_notify */
    SESSION_COMPRESS = 16, /* once session_output is written: compress what follows, both ways, from what
                              session_receive has left on; then session_compressed */
    SESSION_ABORT = 8,     /* close at once, not one octet more, no close_notify (a literal was cut) */
};
/* What the link is to do, as bits of the enum above; 0: nothing special. */
unsigned session_wants(const struct session *session);
/* True from the OK to the login until the session ends. */
bool session_is_logged_in(const struct session *session);
/* The link has begun TLS after SESSION_START_TLS: reading goes on in it. */
void session_secured(struct session *session);
/* The link has begun compression after SESSION_COMPRESS: session_output is what follows, and reading goes on. */
void session_compressed(struct session *session);
/* Says * BYE with the reason (a constant or copied text, no line ends) unless a literal is half-written, and wants to
 * be closed. */
void session_bye(struct session *session, const char *reason);
/* The account of the session, for the log: "user@upstream", or "-" before login. Borrowed until the session changes. */
const char *session_account_name(const struct session *session);

#endif
