/* A mailbox as one client believes it to be, built only from what it was told. Whatever it is told that cannot be true
 * fails the run. */
#ifndef IMAPMUX_TESTS_SIM_REPLICA_H
#define IMAPMUX_TESTS_SIM_REPLICA_H

#include "sim/store.h"

struct entry {
    struct message *message;   /* NULL: the client has not been told which one it is */
    struct identity *identity; /* learned from its content */
    bool flags_known;
    bool recent; /* \Recent was among them once */
    uint32_t flags;
    unsigned told_in; /* the number of the order during which its flags were told last */
    unsigned
        sure_selection;    /* the proxy knew of every change then, in this selection of the server's; 0: perhaps not */
    unsigned sure_changes; /* how many those were */
};

struct replica {
    struct sim *sim;
    const char *who;
    struct box *box; /* selected and known, or NULL */
    bool selected;
    bool read_only;
    struct entry *entries;
    unsigned count, capacity;
    unsigned recent;
    usec since;    /* when it was selected */
    uint64_t view; /* a number for each SELECT */

    bool qresync;            /* switched on on this line */
    const struct kept *kept; /* of the mailbox that was left last; NULL: nothing */
    bool nomodseq;           /* the selected one has none */
    uint64_t modseq;         /* everything up to here is known of it; 0: not told */
    uint64_t modseq_said;    /* HIGHESTMODSEQ since all was quiet; 0: none */
    uint64_t modseq_seen;    /* the highest MODSEQ since then */
};

void replica_begin(struct replica *replica);
void replica_end(struct replica *replica);
/* EXISTS. In the answer to SELECT any number will do. */
void replica_exists(struct replica *replica, unsigned count, bool selecting);
void replica_expunge(struct replica *replica, unsigned number);
void replica_vanished(struct replica *replica, uint32_t uid);
/* No command is in progress: what was said of mod-sequences counts. RFC 7162 section 3.2. */
void replica_settle_modseq(struct replica *replica);
void replica_recent(struct replica *replica, unsigned count);
struct entry *replica_entry(struct replica *replica, unsigned number); /* NULL: fails the run */
void replica_learn_uid(struct replica *replica, unsigned number, uint32_t uid);
void replica_learn_flags(struct replica *replica, unsigned number, struct slice list, unsigned during);
/* The content says that it is this one. */
void replica_learn_identity(struct replica *replica, unsigned number, struct identity *identity);
unsigned replica_number(const struct replica *replica, const struct message *message); /* 0: not counted, not known */
unsigned replica_unknown(const struct replica *replica); /* how many entries the client could not name */
/* Everything is quiet and the client has been told everything: is it as the server has it? flags: those too. */
void replica_compare(struct replica *replica, bool flags);
/* How many messages it may count, if it knows everything since then. */
void replica_bounds(const struct box *box, usec since, unsigned *low, unsigned *high);

#endif
