/* The inside of the upstream, shared by its files: upstream.c (connection, states), upstream_send.c (what is written),
 * upstream_receive.c (what the server says), upstream_setup.c (from the greeting to ready) and upstream_ends.c (where
 * the connection stands). Nobody else includes it. */
#ifndef IMAPMUX_MUX_UPSTREAM_INSIDE_H
#define IMAPMUX_MUX_UPSTREAM_INSIDE_H

#include "base/runqueue.h"
#include "mux/upstream.h"

#define UPSTREAM_TAG_SIZE 40

struct upstream {
    struct task task;
    struct ground *ground;
    const struct upstream_settings *settings;
    const char *name; /* of the account, for the log */
    struct upstream_owner owner;
    enum upstream_state state;
    void *link; /* NULL in DISCONNECTED */
    struct response_reader *reader;
    struct evbuffer *output;
    struct capability_set capabilities;
    bool capabilities_told; /* set by CAPABILITY; cleared by a dial and when the credential is sent */
    bool condstore;
    bool qresync;

    uint64_t commands; /* the number of the last command */
    uint64_t written;  /* ground->commands when the last one that was given to upstream_send was written */
    /* Tags are x<secret>.<number>: what a message says cannot pass for the answer to a command. New for each
     * connection.
     */
    uint32_t tag_secret;
    struct outgoing *sending;      /* in flight, not yet written to its end */
    bool waits_for_plus;           /* `sending` stands at a synchronising literal; cleared by its + */
    bool was_unsent;               /* set when the link closes: see upstream_was_unsent */
    bool timed_out;                /* set by a silence that was too long; cleared by a dial */
    enum policy_patience patience; /* with the command in flight, or with `held` */
    bool in_flight;                /* from a command to its tagged answer */
    char tag[UPSTREAM_TAG_SIZE];   /* of the command in flight */
    bool idle_answer_awaited;      /* from IDLE to its tagged answer */
    char idle_tag[UPSTREAM_TAG_SIZE];
    struct outgoing *held; /* to be written once IDLE's + has come */
    bool leave_idle;       /* DONE is to be written after IDLE's +; cleared then */
    bool logout_next;      /* set by upstream_logout in IDLE: LOGOUT follows IDLE's answer */

    /* setup */
    struct upstream_login login;
    struct credential credential; /* login.credential: our own copy, until ready or closed */
    int step;                     /* enum setup_step */
    bool secured;
    bool compressing;     /* from the OK to COMPRESS until the link has begun it: nothing is read or written */
    bool sent_credential; /* set when LOGIN or AUTHENTICATE is written, cleared by a dial */
    bool sent_response;   /* set when AUTHENTICATE's response is written: the next + is a challenge */
    char challenge[1024]; /* decoded */
    size_t challenge_length;

    /* how it ends */
    enum refusal refusal;
    char reason[400];
    usec backoff;
    bool was_ready;
    struct link_ends between; /* where the ends are to be; length 0: anywhere */
    struct link_ends ends;    /* where they are; length 0: not known */
    bool late;                /* set when it is not ready in time, cleared by a dial */
    bool unheard;             /* set when it ends without an end or a reset of the server; cleared by a dial */
    bool sourceless;          /* set by upstream_lacks_source, cleared by a dial */
    bool left;                /* set by upstream_logout, cleared by a dial */
    bool said_bye;            /* set by BYE, cleared by a dial */
    bool unreached;           /* set by a dial and where no greeting came in time; cleared when the connection stands */
    usec last_octet;          /* when something was received or written last */
    usec heard_at;            /* when something was received last */
    usec give_up_at;          /* of setup or LOGOUT; USEC_NEVER: none */
};

bool upstream_has_link(const struct upstream *upstream); /* and it is not being closed */
/* The server may count the session on: there was one, and it has heard of no end. */
bool upstream_is_ghost(const struct upstream *upstream);
/* Sets the task's deadline from state and times. */
void upstream_set_deadline(struct upstream *upstream);
/* The only writer of the state. Asserts the edge and logs it at debug. */
void upstream_set_state(struct upstream *upstream, enum upstream_state state);
/* Appends text to the output. Out of memory: the connection is closed, because half a command must not be sent. */
void upstream_write(struct upstream *upstream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes tag and command up to its first stop; takes the command. */
void upstream_write_command(struct upstream *upstream, struct outgoing *command);
void upstream_fail(struct upstream *upstream, enum refusal refusal,
                   struct slice words); /* closes; the first reason stays */
/* Wipes the copy of the credential: it is not needed once logged in. */
void upstream_forget_credential(struct upstream *upstream);
void upstream_push(struct upstream *upstream); /* goes on sending; wakes the link */

/* --- upstream_send.c */
/* LOGOUT, after DONE in IDLE; nothing may be in flight. */
void upstream_write_logout(struct upstream *upstream);

/* --- upstream_setup.c */
/* The server's greeting (RFC 3501 section 7.1); goes on to STARTTLS or login, or fails. */
void upstream_setup_greeting(struct upstream *upstream, const struct response *response);
/* The answer to the setup's command in flight: goes on with the next step, or fails. */
void upstream_setup_tagged(struct upstream *upstream, const struct response *response);
/* A + during the setup: the response or the answer to a challenge is sent. Fails where no step expects one. */
void upstream_setup_continue(struct upstream *upstream, const struct response *response);
/* TLS stands after STARTTLS: what was announced before it is forgotten, capabilities are asked again. */
void upstream_setup_secured(struct upstream *upstream);
/* Compression stands after COMPRESS: goes on with the next step. */
void upstream_setup_compressed(struct upstream *upstream);
/* Untagged responses of the setup. CAPABILITY (in a code too) and ENABLED count, everything else is ignored. */
void upstream_setup_untagged(struct upstream *upstream, const struct response *response);

#endif
