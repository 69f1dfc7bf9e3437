/* The model server's own idea of truth: users, their mailboxes, messages and everything that ever happened to them.
 * What is dead stays here, so that any answer can be judged. */
#ifndef IMAPMUX_TESTS_SIM_STORE_H
#define IMAPMUX_TESTS_SIM_STORE_H

#include "sim/sim.h"

/* Flags of a message. */
enum {
    SEEN = 1,
    ANSWERED = 2,
    FLAGGED = 4,
    DELETED = 8,
    DRAFT = 16,
    KEYWORD = 32, /* the first one; each user has its own names */
    SYSTEM_FLAGS = 5,
    KEYWORDS = 6,
    FLAGS = SYSTEM_FLAGS + KEYWORDS,
    ALL_FLAGS = (1 << FLAGS) - 1,
};

/* What a message says of itself; copies share it. */
struct identity {
    struct user *user;
    uint32_t number;
    const char *text;      /* the whole message */
    size_t size, header;   /* header: with its empty line */
    size_t counted;        /* RFC822.SIZE: servers count wrong */
    const char *id_header; /* "X-ID: ...\r\n\r\n" */
    unsigned delivered;    /* how often APPEND has stored it */
};

#define PAST_MAX 24

/* Sessions of a user at once. */
#define SEATS_MAX 4

/* The flags of a message as the proxy has been told them. */
struct learnt {
    unsigned selection; /* of the server's session; 0: never */
    unsigned changes;   /* how many the message had had by then */
    usec at;
};

struct message {
    uint32_t uid;
    struct box *box;
    struct identity *identity;
    uint32_t flags;
    uint64_t modseq; /* of its last change, or of its end */
    bool dead;
    bool recent;      /* no session has had it yet */
    bool recent_lost; /* it was told while its mailbox was being left */
    bool hidden;      /* UNSEARCHABLE, UNFINDABLE */
    usec born_at, died_at;
    usec named_at;     /* the answer to a UID FETCH has told its UID; 0: none has */
    usec gone_told_at; /* and its end; 0: never */
    unsigned changes;  /* of flags or modseq, ever */
    usec changed_at;
    struct learnt learnt;
    uint32_t past[PAST_MAX];        /* flags that it had, the newest last */
    unsigned past_count;            /* ever */
    unsigned copied[6], settled[6]; /* by target: how often done, and how often answered for */
    usec settled_at[6];
    usec move_begun;         /* copied by a MOVE that is made of three commands; 0: never */
    unsigned move_refusals;  /* how many there had been then */
    bool removal_owed;       /* a MOVE has copied it and was answered NO: the account removes it all the same */
    unsigned uncertain[6];   /* by target: commands that have ended and may have been among those done */
    const void *recent_view; /* the client's view that was told \Recent */
};

struct box {
    struct user *user;
    struct box *next;
    const char *name;
    uint32_t validity, uidnext;
    uint64_t modseq;
    struct message **all; /* ascending by uid, the dead too */
    size_t all_count, all_capacity;
    unsigned living;
    enum ailment ailment;
    uint64_t modseqs_begin; /* where they begin when they fall */
    usec left_at;           /* the last view that could have \\Recent ended then */
    usec died_first;        /* DEADLY: the first connection that it ended; 0: none */
    unsigned deaths;
    bool gone;      /* deleted, renamed or replaced */
    usec looked_at; /* the server took a command then that tells all news of it, and answered OK */
};

struct server;
struct order;

struct user {
    struct sim *sim;
    unsigned number;
    const char *name;
    const char *password[2];
    const char *through; /* the user who may act for it (authorization id); NULL: itself */
    struct box *boxes;
    struct server *sessions[SEATS_MAX]; /* logged in, in the order of their logins */
    unsigned session_count;
    bool limit_told;      /* the server has refused one too many: the settings permit more than it does */
    struct order *orders; /* all that may still be carried out */
    usec ghost_until;     /* the server counts a dead session so long */
    unsigned ends;        /* mailboxes deleted, renamed, replaced so far: views may end */
    usec given_up_at;     /* a connection was closed that had not been logged out of */
    usec disturbed_at;    /* the last fault that its clients may notice */
    unsigned refuse_connect, refuse_greeting, refuse_login;
    unsigned copies;   /* COPY and MOVE ordered so far */
    unsigned void_at;  /* the so manieth command from now finds the session void; 0: none */
    unsigned refusals; /* NO without a reason that the server has given, and answers that say nothing or the wrong */
    usec refused_at;   /* the last of them; 0: none */
    unsigned denials;  /* those of SELECT and STATUS that look as if the mailbox were gone */
    bool says_bad;     /* BAD was among them */
    unsigned arrivals_owed;  /* of liberty arrives_always */
    char flags_text[2][400]; /* of flags_print */
    unsigned flags_texts;
};

void store_make(struct sim *sim);
struct user *store_user(struct sim *sim, struct slice name);
/* Until then its clients may notice a fault. */
void user_disturbed(struct user *user, usec at);
void user_refused(struct user *user);

struct identity *identity_new(struct user *user, struct dice *dice);
/* NULL: there is none like it. */
struct identity *identity_of(struct sim *sim, struct slice message);

struct box *box_new(struct user *user, const char *name);
struct box *box_find(struct user *user, struct slice name); /* living; INBOX in any case of letters */
struct box *box_of_validity(struct user *user, struct slice name, uint32_t validity);
/* The account may be over: what the proxy knew of the user's mailboxes it has forgotten. */
void user_forgotten(struct user *user);
void box_end(struct box *box);
void box_rename(struct box *box, const char *name);
/* The server has lost its index files: all mod-sequences are new and lower, and who has died nobody knows. */
void box_begin_modseqs(struct box *box);
struct message *box_deliver(struct box *box, struct identity *identity, uint32_t flags);
struct message *box_message(const struct box *box, uint32_t uid); /* living or dead; NULL */
struct message *box_living(const struct box *box, unsigned index);
void message_expunge(struct message *message);
/* bump: with a new modseq even if nothing changes */
void message_set_flags(struct message *message, uint32_t flags, bool bump);
void message_named(struct message *message);
bool message_had_flags(const struct message *message, uint32_t flags);
unsigned box_unseen(const struct box *box);
uint32_t box_highest(const struct box *box); /* UID among the living; 0: none */

const char *flag_name(const struct user *user, unsigned index);
/* False: a flag that this user does not have. \Recent is told apart. */
bool flags_read(const struct user *user, struct slice list, uint32_t *flags, bool *recent);
/* "(\Seen k)", until the next but one for this user: a run may print millions. */
const char *flags_print(struct user *user, uint32_t flags, bool recent);

#endif
