/* One connection of an account, from dialling to LOGOUT: greeting, STARTTLS, login, ENABLE, then one command at
 * a time, and IDLE. Stands between the link (net, or a test) and the account. Knows nothing of mailboxes and jobs.
 *
 * An upstream object has at most one link: a dial starts only in UPSTREAM_DISCONNECTED, which is entered only when the
 * link has said that its descriptor is closed. An account has one object for each session that the server permits.
 * RFC 3501 section 3, RFC 2177, RFC 7162 section 3.2.3. */
#ifndef IMAPMUX_MUX_UPSTREAM_H
#define IMAPMUX_MUX_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/capability.h"
#include "imap/outgoing.h"
#include "imap/response.h"
#include "mux/credential.h"
#include "mux/ground.h"
#include "mux/link.h"
#include "mux/policy.h"
#include "mux/refusal.h"

struct evbuffer;
struct upstream;

#define UPSTREAM_STATES(X)                                                                                             \
    X(DISCONNECTED)   /* no link */                                                                                    \
    X(CONNECTING)     /* resolving, connecting, TLS */                                                                 \
    X(GREETING)       /* waits for the greeting */                                                                     \
    X(SECURING)       /* STARTTLS said; waits for its answer, then for TLS */                                          \
    X(AUTHENTICATING) /* CAPABILITY, ID, LOGIN, ENABLE, each after the other */                                        \
    X(READY)          /* a command may be sent, or one is in flight */                                                 \
    X(ENTERING_IDLE)  /* IDLE written, + not yet seen */                                                               \
    X(IDLING)         /* + seen */                                                                                     \
    X(LOGGING_OUT)    /* LOGOUT written */                                                                             \
    X(CLOSING)        /* told the link to close; waits for it */

enum upstream_state {
#define UPSTREAM_STATE_ENUM(name) UPSTREAM_##name,
    UPSTREAM_STATES(UPSTREAM_STATE_ENUM)
#undef UPSTREAM_STATE_ENUM
};

/* How a connection ended. */
struct upstream_end {
    bool was_ready;       /* the connection had been logged in */
    enum refusal refusal; /* REFUSAL_NONE: the connection was lost, or closed by us */
    const char *reason;   /* in words, for the log and for clients: the server's if it had any. Borrowed for the call */
    bool reached;         /* the server has answered, if only by closing the connection once it stood */
    bool sourceless;      /* not reached, and not tried: this machine has no address to connect from */
    bool by_server;       /* the server ended it, by BYE or by closing it, and not for a command of ours */
    const struct link_ends *ends;        /* where it stood; NULL: it never stood. Borrowed for the call */
    const struct link_ends *between;     /* where it was to stand; NULL: anywhere. Borrowed for the call */
    bool ghost;                          /* there was a session, and the server may not know that it has ended */
    usec backoff;                        /* the server asked for so much patience; 0: no word of it */
    const struct credential *credential; /* that was sent; NULL: none was, or it was accepted. Borrowed for the call */
    struct slice challenge; /* the server's decoded challenge to a refused token (RFC 7628 section 3.2.2); empty:
                               nothing. Borrowed for the call */
};

/* An owner that only logs in and out needs ready and closed. A callback that is NULL is not called. */
struct upstream_owner {
    void *owner;
    /* A credential is about to be sent: the capabilities are those before the login. */
    void (*before_login)(void *owner);
    /* Logged in with this credential (borrowed for the call); capabilities are complete. */
    void (*ready)(void *owner, const struct credential *credential);
    void (*untagged)(void *owner,
                     const struct response *response); /* all but FETCH and CONTINUE, before and after ready */
    void (*fetch)(void *owner, const struct response *response); /* a FETCH, or a part of one */
    void (*fetch_data)(void *owner, struct slice bytes);
    /* fetch_number: it is a FETCH answer about this message; 0: it is none, or its number cannot be read. */
    void (*garbage)(void *owner, struct slice line, bool open_fetch, uint32_t fetch_number);
    void (*left_out)(void *owner, struct slice line); /* it cannot be read, and concerns nothing but itself */
    void (*tagged)(void *owner, const struct response *response); /* of the command sent with upstream_send */
    void (*idle_over)(void *owner, bool refused);                 /* IDLE has ended without our DONE, or was refused */
    void (*closed)(void *owner, const struct upstream_end *end);  /* last: now DISCONNECTED */
};

struct upstream_login {
    struct slice authorization_id; /* empty: none */
    struct slice authentication_id;
    const struct credential *credential; /* copied */
    const struct link_ends *between;     /* copied; NULL: any ends */
};

/* Borrows ground, settings, name (for the log) and owner. Returns owned, DISCONNECTED; NULL: out of memory. */
struct upstream *upstream_new(struct ground *ground, const struct upstream_settings *settings, const char *name,
                              const struct upstream_owner *owner);
void upstream_free(struct upstream *upstream); /* must be DISCONNECTED, or the link ops are never used again */
/* The present state: see the diagram in upstream.c. */
enum upstream_state upstream_state(const struct upstream *upstream);
/* For the log; a constant. */
const char *upstream_state_name(enum upstream_state state);
/* As announced last on this connection; nothing known while there is none. Borrowed for as long as the upstream lives.
 */
const struct capability_set *upstream_capabilities(const struct upstream *upstream);
/* Of the connection that stands; NULL: none does, or they are not known. Borrowed until it is closed. */
const struct link_ends *upstream_ends(const struct upstream *upstream);
bool upstream_logged_in(const struct upstream *upstream); /* READY has been reached, and it is not DISCONNECTED yet */
/* The server tells mod-sequences: ENABLE was answered so, or SELECT asks for them each time. */
bool upstream_has_condstore(const struct upstream *upstream);
/* Has QRESYNC been enabled on this connection (RFC 7162 section 3.2.3)? */
bool upstream_has_qresync(const struct upstream *upstream);

/* --- verbs of the account */
/* DISCONNECTED only. The ids are borrowed until ready or closed. */
void upstream_dial(struct upstream *upstream, const struct upstream_login *login);
/* READY without a command in flight, ENTERING_IDLE or IDLING (DONE goes before it, in one write, as soon as it may).
 * Takes the command. A server that is silent for longer than `patience` permits has stopped answering. */
void upstream_send(struct upstream *upstream, struct outgoing *command, enum policy_patience patience);
uint64_t upstream_commands(const struct upstream *upstream); /* how many have been sent, over all its connections */
/* When the last command of upstream_send was written: its number among those of all upstreams (ground->commands). */
uint64_t upstream_written(const struct upstream *upstream);
usec upstream_heard_at(const struct upstream *upstream);   /* when the server said something last */
bool upstream_busy(const struct upstream *upstream);       /* not READY or IDLING, or a command is in flight */
bool upstream_is_in_idle(const struct upstream *upstream); /* from IDLE to its tagged answer: lines are about it */
void upstream_idle(struct upstream *upstream);             /* READY, not busy */
void upstream_end_idle(struct upstream *upstream);         /* DONE without a command after it; READY afterwards */
void upstream_logout(struct upstream *upstream);           /* in any state; ends in closed */
void upstream_drop(struct upstream *upstream, const char *reason); /* closes at once; ends in closed with this reason */
/* As upstream_drop, for a refusal in the server's words. */
void upstream_drop_refused(struct upstream *upstream, enum refusal refusal, struct slice words);

/* When closed is called: the last command given to upstream_send cannot have been carried out, since the octets that
 * would make it a command were never written. */
bool upstream_was_unsent(const struct upstream *upstream);
/* When closed is called: the server was silent for too long. It may be at work on the command still. */
bool upstream_has_timed_out(const struct upstream *upstream);

/* --- verbs of the link */
/* The ends are to be these, if possible; NULL: any. Borrowed until upstream_closed. */
const struct link_ends *upstream_between(const struct upstream *upstream);
/* The ends of the connection that stands now: before upstream_connected. */
void upstream_stands_between(struct upstream *upstream, const struct link_ends *ends);
/* Whose session it is to be: the authorization id, or the authentication id where there is none. Borrowed for the
 * call of dial. */
struct slice upstream_user(const struct upstream *upstream);
/* No connection was tried, because this machine has no address to connect from: before upstream_closed. */
void upstream_lacks_source(struct upstream *upstream);
/* Neither an end nor a reset of the server has come: before upstream_closed. */
void upstream_ends_unheard(struct upstream *upstream);
/* The connection stands; with implicit TLS the handshake is done. Ignored unless CONNECTING. */
void upstream_connected(struct upstream *upstream);
/* The TLS handshake after STARTTLS is done. */
void upstream_secured(struct upstream *upstream);
/* The octets are compressed from here on, both ways. */
void upstream_compressed(struct upstream *upstream);
/* Takes what it can use from `in`. The link calls runqueue_step afterwards. */
void upstream_receive(struct upstream *upstream, struct evbuffer *in);
/* Returns the output, borrowed; the link drains it from the front. */
struct evbuffer *upstream_output(struct upstream *upstream);
void upstream_writable(struct upstream *upstream); /* the output has gone down below a low-water mark */
/* Exactly once per dial. reason: the error in words, or "closed by the server". */
void upstream_closed(struct upstream *upstream, const char *reason);

#endif
