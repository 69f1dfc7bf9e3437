/* The inside of an account, for the modules of mux that work on it: account.c (members, steps), account_mailboxes.c,
 * scheduler.c (whose turn), sharing.c (equal commands), preparation.c (what a job needs first), resync.c (switching),
 * fetch_intake.c (FETCH answers), watch.c (what is done when nobody asks), login.c (who wants to be let in),
 * verification.c (trying credentials). */
#ifndef IMAPMUX_MUX_ACCOUNT_INSIDE_H
#define IMAPMUX_MUX_ACCOUNT_INSIDE_H

#include "base/runqueue.h"
#include "imap/seqset.h"
#include "mux/account.h"
#include "mux/credential.h"
#include "mux/refusal.h"
#include "mux/registry_inside.h"
#include "mux/reputation.h"
#include "mux/server.h"
#include "mux/upstream.h"

/* What the one command in flight is for. */
#define ACCOUNT_ACTIVITIES(X)                                                                                          \
    X(NONE)          /* nothing is in flight, or IDLE */                                                               \
    X(JOB)           /* the current job's own command */                                                               \
    X(LEAVE)         /* the selected mailbox is left, for DELETE and RENAME */                                         \
    X(SELECT)        /* a switch */                                                                                    \
    X(SEARCH_NEW)    /* a switch: the UIDs above the floor */                                                          \
    X(SEARCH_ALL)    /* a switch: all UIDs */                                                                          \
    X(SEARCH_RECENT) /* a switch: which are \Recent */                                                                 \
    X(LEARN)         /* the names of the tail */                                                                       \
    X(NOOP)          /* a look at the selected mailbox */                                                              \
    X(STATUS)        /* a look at another one */                                                                       \
    X(FLAGS)         /* flags of a part of the selected mailbox */

enum account_activity {
#define ACCOUNT_ACTIVITY_ENUM(name) ACTIVITY_##name,
    ACCOUNT_ACTIVITIES(ACCOUNT_ACTIVITY_ENUM)
#undef ACCOUNT_ACTIVITY_ENUM
};

struct resync_fetch {
    uint32_t uid;
    struct tail_entry flags;
};

/* A switch under way: what the answer to SELECT told, and what the searches found. */
struct resync {
    struct mailbox *mailbox; /* NULL: no switch under way */
    struct mailbox_told told;
    bool qresync;
    bool exists_told;
    uint32_t exists; /* as valid now: EXISTS, EXPUNGE and VANISHED are counted while there is no map */
    uint32_t recent;
    uint32_t unseen;
    struct seqset vanished;
    struct resync_fetch *fetched;
    size_t fetched_count;
    size_t fetched_capacity;
    struct seqset found; /* by the search in flight */
    unsigned searches;
    uint32_t exists_selected;  /* EXISTS as it stood at the end of the answer to SELECT */
    bool shrunk;               /* an EXPUNGE or VANISHED has come since */
    uint32_t exists_when_sent; /* EXISTS as it stood when the search was sent */
    bool disturbed;    /* an EXPUNGE or VANISHED came inside the search, or something that could not be understood */
    bool flags_missed; /* flag changes were told that could not be taken in: the flags are not in step by this switch */
};

struct account_mailbox; /* an entry of the hash table */
struct held_fetch;

/* The FETCH answer that is being read, across its literals. */
struct fetch_intake {
    bool open;   /* a part that was not complete has been seen */
    bool to_job; /* its parts are handed to the current job */
    uint32_t number;
    uint32_t uid;            /* 0: not known yet */
    uint64_t left;           /* octets of the streamed literal still to come */
    struct held_fetch *held; /* its parts, kept until the UID is known; NULL: not held */
};

/* A client that wants to be let in. */
struct login {
    struct login *prev, *next;
    struct login *ahead, *behind; /* from the same address, in the order of their coming */
    struct account *account;
    struct credential credential;
    uint64_t address;
    bool admitted;   /* its address is not shut, and it does not bring what is known as refused */
    bool stranger;   /* its address has not entered the account */
    bool in_place;   /* a second connection could not tell */
    usec not_before; /* not looked at until then: a refusal is on its way to its address */
    usec deadline;
    bool refused; /* the answer is held back: */
    usec refused_until;
    enum login_outcome outcome; /* which it will be */
    const char *words;          /* constant */
    char *challenge;            /* with which a token was refused; owned, NULL: none */
    void (*done)(void *owner, const struct login_answer *answer); /* NULL: nobody waits for it any more */
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

struct trial {
    enum trial_state state;
    struct login *login; /* one of the account's logins; NULL: NONE */
    usec began;
    bool reserved; /* counted at the server as one that may be refused */
};

struct account {
    struct task task;
    struct registry *registry;
    struct ground *ground;
    char *name; /* for the log */
    char *key;
    size_t key_length;
    char *authorization_id;
    char *authentication_id;
    const struct upstream_settings *settings;
    const char *ending; /* why nobody is let in any more: the last member's leave is the logout; NULL: it lives on */

    struct account_member *members;
    size_t member_count;
    usec empty_since; /* when the last member left */

    struct account_mailbox *mailboxes;
    struct capability_set capabilities; /* the last list after a login */
    char separator;

    struct upstream *upstream;
    struct mailbox *selected; /* by the upstream; NULL: none, or not known */
    bool selected_read_only;  /* by EXAMINE */
    usec retry_at;            /* not dialled before */
    usec backoff;             /* the next pause */
    unsigned garbage;         /* lines in a row that could not be understood or contradicted what is known */
    bool garbage_since_tag;   /* one of them since the last tagged answer */

    struct job *jobs;    /* waiting, in the order of their turns */
    struct job *current; /* whose turn it is: being prepared, or in flight */
    struct job *riders;  /* those that wait with an equal command and are answered with it */
    enum account_activity activity;
    uint64_t activity_number; /* of its command */
    unsigned quantum_used;
    bool owes_a_turn; /* a credential has been tried in place: now a job, if one waits, before the next */
    bool learned;     /* the tail was asked for since the last job */
    unsigned learned_in_vain;
    bool status_differs; /* the last STATUS */
    struct resync resync;
    struct fetch_intake intake;
    uint64_t drained; /* octets read in this turn for a client that has gone */

    struct server *server; /* what the accounts of this [upstream NAME] share; borrowed */
    struct server_waiter server_waiter;
    struct credential_list accepted;
    struct login *logins;      /* waiting, in the order of their coming */
    unsigned strangers_failed; /* of late, as it was when the step began */
    struct trial trial;        /* on the account's one connection */
    struct upstream *verifier; /* the short second connection (verify_connection); NULL: none yet */
    struct trial second_trial; /* on that */
    bool logged_in;            /* the upstream is READY or beyond */
    bool in_doubt;             /* what was accepted once has been refused in words that prove nothing */
    usec familiar_verified_at; /* the last time that everybody waited for a check in place, for one who is known here */
    usec strangers_verified_at; /* and for one who is not */
    enum refusal last_refusal;
    char last_reason[400];

    usec quiet_since; /* the last command finished */
    usec idle_began;
    usec park_wanted_since; /* USEC_NEVER: IDLE is where it should be */
    usec watch_at;          /* the next round */
    usec polled_at;         /* the last NOOP for want of IDLE */
    bool idle_refused;
};

/* When to step again: the earlier of the two. */
static inline void earlier(usec *deadline, usec at)
{
    if (at < *deadline)
        *deadline = at;
}

/* --- account.c */
struct account *account_new(struct registry *registry, const struct upstream_settings *settings,
                            const struct login_credentials *credentials, struct slice key);
void account_free(struct account *account);
/* Nobody is let in any more; who waits is told the reason, a constant. It logs out and goes once its members have left,
 * and is not dialled again. */
void account_shutdown(struct account *account, const char *reason);
/* Retires at most so many of its members that have not been told yet; returns how many. */
size_t account_retire_members(struct account *account, size_t most);
void account_end_members(struct account *account, const char *reason);
/* Sends a command of the account's own (not the job's); takes it. */
void account_send(struct account *account, enum account_activity activity, struct outgoing *command);
/* The map of the selected mailbox cannot be trusted: resynchronise. */
void account_broken(struct account *account, const char *why);
bool account_ready(const struct account *account); /* logged in: a command may be sent when the upstream is not busy */
void account_free_mailboxes(struct account *account); /* ends what views are left */
void account_each_mailbox(struct account *account, void (*visit)(struct account *account, struct mailbox *mailbox));
struct log *account_log(const struct account *account);
const struct settings *account_settings(const struct account *account);
/* CAPABILITY name among those announced now. */
bool account_has(const struct account *account, enum capability capability);

/* --- scheduler.c */
void scheduler_step(struct account *account, usec now); /* while the upstream can take a command */
void scheduler_tagged(struct account *account, const struct response *response);
void scheduler_untagged(struct account *account, const struct response *response);
void scheduler_lost(struct account *account);                  /* the line is gone */
void scheduler_end(struct account *account, const char *text); /* all jobs end JOB_DEAD */
void scheduler_mailbox_gone(struct account *account, const struct mailbox *mailbox);
/* The UIDs of the mailbox mean other messages now: what jobs were to do with them is not done. */
void scheduler_mailbox_reset(struct account *account, const struct mailbox *mailbox);
/* A job of the account's own, unless an equal one waits. */
void scheduler_submit_own(struct account *account, struct mailbox *mailbox, enum job_goal goal, bool background);
void scheduler_learn_separator(struct account *account); /* of the mailbox hierarchy */
bool scheduler_has_work(const struct account *account);

/* --- sharing.c: equal commands that wait together go up once */
void sharing_gather(struct account *account, const struct outgoing *command); /* which is about to be sent */
void sharing_untagged(struct account *account, const struct response *response);
struct job *sharing_next(struct account *account); /* takes one of the riders, to be ended; NULL: none is left */
void sharing_give_back(struct account *account);   /* the command is not answered: they wait again, first of all */
void sharing_leave(struct job *job);               /* it rides, and is abandoned */

/* --- preparation.c */
/* An empty command; NULL: out of memory, and the line is dropped. */
struct outgoing *preparation_command(struct account *account);
/* Sends what the job needs first. False: nothing; its own command may be built, or it is done. */
bool preparation_send(struct account *account, struct job *job);
bool preparation_flags_are_learned(struct account *account, struct mailbox *mailbox);

/* --- resync.c */
bool resync_selected_well(const struct account *account, const struct mailbox *mailbox, bool read_write);
void resync_begin(struct account *account, struct mailbox *mailbox, bool read_write); /* writes SELECT */
void resync_untagged(struct account *account, const struct response *response);
void resync_fetch(struct account *account, const struct response *response);
/* The answer to one of its commands. It goes on with the next one, ends (resync.mailbox is NULL then), or drops the
 * line. *refused: by the server's NO or BAD to SELECT; nothing is selected then. */
void resync_tagged(struct account *account, enum account_activity activity, const struct response *response,
                   bool *refused);
void resync_clear(struct account *account);
void resync_leave(struct account *account); /* the selected mailbox is left: its numbers are no longer heard of */
/* Something came inside the switch that could not be understood. */
void resync_disturbed(struct account *account);

/* --- fetch_intake.c */
void fetch_intake_response(struct account *account, const struct response *response);
void fetch_intake_data(struct account *account, struct slice bytes);
void fetch_intake_broken(struct account *account); /* the open answer will not be completed */
/* The flags of a FETCH answer; the list's slices are borrowed from the pairs, its array from the arena. */
bool fetch_intake_flags(const struct fetch_pair *pairs, struct arena *arena, struct mailbox_flags *flags);

/* --- watch.c */
/* Nobody has a job: what is to be done now; true: a job has been submitted or a command sent. *deadline: when to ask
 * again. */
bool watch_rest(struct account *account, usec now, usec *deadline);
void watch_connected(struct account *account, usec now);

/* --- login.c: who waits, and what he is told */
void login_step(struct account *account, usec now, usec *deadline); /* answers what can be answered */
struct accepted_credential *login_known(const struct login *login); /* accepted once; NULL: unknown */
bool login_is_accepted(const struct login *login, usec now);        /* not longer than verify_ttl ago */
/* May it be compared and tried? Not while its address is shut, nor before the one ahead of it from the same strange
 * address has been answered. */
bool login_is_open(const struct login *login, usec now);
void login_fail(struct login *login, enum login_outcome outcome, const char *text);
/* The upstream has refused this credential: all who wait with it are told so, when their delay is over. */
void login_refuse_all(struct account *account, const struct credential *credential, struct slice challenge);
void login_fail_all(struct account *account, enum login_outcome outcome, const char *text);
void login_forget(struct login *login); /* if nobody waits for it and it is not being tried, it goes */
struct applicant login_applicant(const struct login *login);

/* --- verification.c: whose credential is tried next, and on which connection */
void verification_step(struct account *account, usec now, usec *deadline); /* on the second one, where permitted */
bool verification_wants_place(struct account *account, usec now, usec *deadline);
void verification_begin_in_place(struct account *account, usec now); /* logs out */
/* With what to dial; false: with nothing before *deadline. */
bool verification_choose(struct account *account, struct upstream_login *login, usec now, usec *deadline);
bool verification_is_tried(const struct login *login); /* it stays until that has ended */
/* When it can be tried at the earliest if nothing else is in the way; USEC_NEVER: not foreseeable. */
usec verification_due(const struct login *login, usec now);
void verification_accepted(struct account *account, const struct credential *credential, usec now);
/* The connection could not be made or was refused. */
void verification_failed(struct account *account, const struct upstream_end *end, usec now);
void verification_abandon(struct account *account);       /* shutting down: no second connection any more */
bool verification_is_idle(const struct account *account); /* there is no second connection */
void verification_free(struct account *account);

#endif
