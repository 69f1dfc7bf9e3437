/* The inside of logins, shared by its files: logins.c (waiting logins and their answers) and logins_trials.c (whose
 * credential is tried). Nobody else includes it. */
#ifndef IMAPMUX_MUX_LOGINS_INSIDE_H
#define IMAPMUX_MUX_LOGINS_INSIDE_H

#include "mux/logins.h"

/* A client that wants to be let in. */
struct login {
    struct login *prev, *next;
    struct login *ahead, *behind; /* from the same address, in the order of their coming */
    struct logins *logins;
    struct credential credential;
    uint64_t address;
    bool admitted;   /* set when its address is open and its credential is not known as refused */
    bool stranger;   /* its address has not entered the account */
    bool in_place;   /* set when a second connection could not tell; then only in place */
    usec not_before; /* not looked at until then: a refusal is on its way to its address */
    usec deadline;
    bool refused; /* set when it is refused, never cleared; the answer waits until: */
    usec refused_until;
    enum login_outcome outcome; /* which it will be */
    const char *words;          /* constant */
    char *challenge;            /* with which a token was refused; owned, NULL: none */
    login_answered *done;       /* NULL: nobody waits for it any more */
    void *owner;
};

/* Whose credential is being tried on a connection. */
#define TRIAL_STATES(X)                                                                                                \
    X(NONE)                                                                                                            \
    X(DIALLED)  /* the connection has been dialled with it */                                                          \
    X(IN_PLACE) /* all are logged out for it, and wait */

enum trial_state {
#define TRIAL_STATE_ENUM(name) TRIAL_##name,
    TRIAL_STATES(TRIAL_STATE_ENUM)
#undef TRIAL_STATE_ENUM
};

/* Written by logins_trials.c only. */
struct trial {
    enum trial_state state;
    struct login *login; /* NULL: NONE */
    usec began;
    bool reserved; /* from server_reserve to server_release */
};

struct trials {
    struct trial on[2];  /* by enum logins_place */
    bool in_doubt;       /* set when an accepted credential was refused in words that prove nothing */
    bool owes_a_turn;    /* set by an in-place check, never cleared: the next check waits for a turn after owed_since */
    uint64_t owed_since; /* turns that had ended when the check began */
    usec familiar_at;    /* the last in-place check for an address that has entered the account */
    usec strangers_at;   /* and for a stranger */
    struct server_waiter waits; /* for a place at the server */
};

/* Whose the upstream session is, as far as the credential that logged it in proves it. */
#define HAND_NOBODY ((uint64_t)0) /* it has never been logged in */
#define HAND_USER   ((uint64_t)1) /* the account's user */
#define HAND_TOKENS ((uint64_t)2) /* this and above: whoever the one token belongs to */

struct logins {
    struct logins_options options;
    uint64_t came;
    struct login *waiting;           /* DL list, in the order of their coming */
    struct credential_list accepted; /* written by logins_trials.c, as the next two; all are of the hand */
    uint64_t hand;
    uint64_t hands;            /* of tokens that there have been: no number is used again */
    unsigned strangers_failed; /* of late, as it was when the step began */
    bool second_room;          /* see struct logins_facts; as it was when the step began */
    struct trials trials;
};

/* --- logins.c */
struct accepted_credential *login_known(const struct login *login); /* accepted once; NULL: unknown */
bool login_is_accepted(const struct login *login, usec now); /* not longer than verify_ttl ago, and not refused since */
/* May it be compared and tried? Not while its address is shut, nor before the one ahead of it from the same strange
 * address has been answered. */
bool login_is_open(const struct login *login, usec now);
/* It cannot be let in now, which proves nothing. */
void login_fail(struct login *login, enum login_outcome outcome, const char *text);
/* The upstream has refused this credential: every login that waits with it is told so, after its delay. */
void login_refuse_all(struct logins *logins, const struct credential *credential, struct slice challenge);
void login_forget(struct login *login); /* if nobody waits for it and it is not being tried, it goes */

/* --- logins_trials.c */
/* A token that proves nothing about its user, where the session is the user's own: it is not even tried. */
bool trials_is_shut_out(const struct login *login);
/* Of a new struct logins: nothing is tried, and none has been tried yet. */
void trials_init(struct logins *logins);
bool trials_is_tried(const struct login *login); /* it stays until that has ended */
/* When it can be tried at the earliest if nothing else is in the way; USEC_NEVER: not foreseeable. */
usec trials_due(const struct login *login, usec now);
/* The account's connection is down, and no login waits for the next trial any more. */
void trials_forget_unwanted(struct logins *logins, usec now);

#endif
