/* What kind of run a seed makes: how many of everything, how fast, what the server can do and which liberties it takes,
 * what goes wrong. And the cuts: parts of a run that are left out to make a failure shorter. */
#ifndef IMAPMUX_TESTS_SIM_PLAN_H
#define IMAPMUX_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mux/settings.h"

#define USERS_FEW   5  /* as a rule at most so many */
#define USERS_MAX   60 /* in a crowd */
#define CLIENTS_MAX 40
#define BOXES_MAX   5
#define FAULTS_MAX  24

/* What the server announces. */
enum {
    CAN_IDLE = 1,
    CAN_UIDPLUS = 2,
    CAN_LITERAL_PLUS = 4,
    CAN_ESEARCH = 8,
    CAN_CONDSTORE = 16,
    CAN_QRESYNC = 32,
    CAN_MOVE = 64,
    CAN_UNSELECT = 128,
    CAN_ENABLE = 256,
    CAN_SASL_IR = 512,
    CAN_NAMESPACE = 1024,
    CAN_ID = 2048,
};

/* Liberties that the server takes, in percent of the occasions; each can be cut. */
#define FIRST_LIBERTIES(X)                                                                                             \
    X(late_uid)       /* UID behind the literal */                                                                     \
    X(nameless)       /* unsolicited FETCH without UID */                                                              \
    X(unasked_flags)  /* FLAGS where nobody asked */                                                                   \
    X(early_news)     /* arrivals and expunges during any command */                                                   \
    X(news_between)   /* EXISTS and FETCH while no command is in progress */                                           \
    X(chatter)        /* untagged OK and unknown words */                                                              \
    X(more_items)     /* more than was asked */                                                                        \
    X(twice)          /* the same answer once more */                                                                  \
    X(in_parts)       /* one message's answer in two lines */                                                          \
    X(invented)       /* content for messages that are gone */                                                         \
    X(dead_in_search) /* found, though gone */                                                                         \
    X(refuses)        /* NO without a reason */                                                                        \
    X(slow_idle)      /* news in IDLE come late */                                                                     \
    X(no_uidnext)     /* SELECT and STATUS without UIDNEXT */                                                          \
    X(old_news)       /* of the mailbox that is being left, inside SELECT */                                           \
    X(idle_ends)      /* IDLE ends by itself, or is refused */                                                         \
    X(brackets)       /* status texts that end in {n} */                                                               \
    X(unmoved_modseq) /* a STORE that changes nothing gets a new modseq */                                             \
    X(silent_store)   /* no answer for messages that a STORE did not change */                                         \
    X(arrives_always) /* an arrival with every answer, for a while */

/* Of later date: chosen with dice of their own, so that older seeds still make the runs that they made. */
#define LATER_LIBERTIES(X)                                                                                             \
    X(confused)     /* a FETCH answer whose number is another message's */                                             \
    X(drops_dead)   /* not found any more, though still counted */                                                     \
    X(denies)       /* any command, also the proxy's own: NO or BAD */                                                 \
    X(says_nothing) /* OK, and the line that was asked for is missing */

#define LIBERTIES(X) FIRST_LIBERTIES(X) LATER_LIBERTIES(X)

struct liberties {
#define LIBERTY_MEMBER(name) unsigned name;
    LIBERTIES(LIBERTY_MEMBER)
#undef LIBERTY_MEMBER
};

enum fault_kind {
    FAULT_DROP,
    FAULT_CUT_ANSWER,  /* the line breaks after some octets of the server's */
    FAULT_CUT_COMMAND, /* after some octets of the proxy's */
    FAULT_STALL,       /* silence */
    FAULT_BYE,
    FAULT_REFUSE_CONNECT,
    FAULT_REFUSE_GREETING,
    FAULT_REFUSE_LOGIN,
    FAULT_NEW_VALIDITY,
    FAULT_TIME_JUMPS,
    FAULT_DELETED_ELSEWHERE,
    FAULT_GARBAGE,
    FIRST_FAULT_KINDS,
    FAULT_MODSEQS_FALL = FIRST_FAULT_KINDS, /* the mod-sequences begin again, and the line is lost */
};

/* What is wrong with one mailbox of every user. */
enum ailment {
    SOUND,
    NAMELESS,     /* SELECT and STATUS tell no UIDVALIDITY */
    UNSEARCHABLE, /* some messages are counted and fetched, and no search finds them */
    UNFINDABLE,   /* they are not fetched either */
    DEADLY,       /* SELECT ends the connection */
};

struct fault {
    enum fault_kind kind;
    usec at;
    unsigned user;
    uint32_t amount; /* of octets, seconds, refusals: as the kind has it */
};

struct plan {
    unsigned users, clients, boxes, writers, rounds;
    unsigned acts; /* of each client in each round */
    unsigned can;
    struct liberties liberties;
    struct fault faults[FAULTS_MAX];
    unsigned fault_count;
    usec think;             /* between two acts of a client, about */
    usec writer_pause;      /* between two acts of a writer, about */
    usec latency;           /* of the line to the server, at most */
    unsigned split;         /* percent of deliveries that are cut at a random octet */
    unsigned large;         /* percent of messages that are large */
    unsigned rubbish;       /* clients that send rubbish */
    bool deletes;           /* clients DELETE and RENAME */
    bool passwords;         /* wrong and second passwords */
    bool verify_connection; /* passwords are tried on a second connection */
    bool second_seat;       /* ... and the server has room for it */
    bool delegated;         /* the last user is reached through an authorization id */
    bool read_only_only;    /* clients only EXAMINE */
    unsigned slow_close;    /* percent of connections that take their time to close */
    bool abrupt_end;        /* the proxy is shut down in the middle of everything */
    unsigned spool_fails;   /* percent of openings, writes and reads of spools */
    bool departs;           /* clients leave in IDLE, in AUTHENTICATE and in the middle of a MOVE */
    enum ailment ailment;
    unsigned ailing;     /* the index of that mailbox; as many as there are mailboxes: all of them */
    bool holds_back;     /* with CONDSTORE and without QRESYNC, others' changes are told by NOOP only */
    bool status_uidnext; /* STATUS tells UIDNEXT, SELECT never */
    bool hurries;        /* packets come cut in the middle of a line, and commands by number in one packet with DONE */
    bool resumes;        /* some clients switch QRESYNC on, and take up what they kept */
    bool spellings;      /* the server takes names in any case, and has a second namespace with another separator */
    bool returns;        /* clients search with RETURN, and use what they have saved */
    bool searches_numbers; /* clients send UID SEARCH by number, and literals in a packet of their own */
    uint64_t piece_size;   /* of the upstream; 0: messages are fetched whole */
    bool counts_wrong;     /* its RFC822.SIZE is not what it sends */
    unsigned max_sessions; /* that the settings permit */
    unsigned seats;        /* that the server does */
    struct settings settings;
};

void plan_make(struct plan *plan, uint64_t seed);

/* --- cuts */

enum cut_kind { CUT_CLIENT, CUT_ACT, CUT_WRITER, CUT_WRITER_ACT, CUT_FAULT, CUT_LIBERTY, CUT_ROUND };

struct cut {
    enum cut_kind kind;
    unsigned actor;    /* client, writer */
    unsigned from, to; /* both included: acts, fault, liberty */
};

struct cuts {
    struct cut *cut;
    size_t count, capacity;
};

bool cuts_hold(const struct cuts *cuts, enum cut_kind kind, unsigned actor, unsigned step);
void cuts_add(struct cuts *cuts, struct cut cut);
void cuts_clear(struct cuts *cuts);
/* "c3,a2:5-9,w0,v1:3-3,f4,l2,r1"; returns owned */
char *cuts_print(const struct cuts *cuts);
bool cuts_read(struct cuts *cuts, const char *text);

#endif
