/* What a client with QRESYNC keeps of a mailbox when it leaves it or loses its line, and how it takes it up again: by
 * the rules of RFC 7162 section 3.2.5 alone, so that a change that it was not told of shows sooner or later. */
#ifndef IMAPMUX_TESTS_SIM_RESUME_H
#define IMAPMUX_TESTS_SIM_RESUME_H

#include "sim/replica.h"
#include "sim/wire.h"

struct kept_message {
    struct message *message;
    bool flags_known;
    uint32_t flags;
};

/* Never changed once it is made. */
struct kept {
    struct box *box;
    uint64_t modseq;
    unsigned count; /* all messages from the first one on that it could name */
    struct kept_message messages[];
};

/* A SELECT with it in progress. */
struct resume {
    const struct kept *kept; /* NULL: none is */
    bool *gone;              /* VANISHED (EARLIER), one for each of them */
};

/* What is to be kept of the replica; NULL: nothing. */
const struct kept *resume_keep(const struct replica *replica);
/* The set of its UIDs, "" for none. */
const char *resume_uids(struct sim *sim, const struct kept *kept);
void resume_begin(struct sim *sim, struct resume *resume, const struct kept *kept);
void resume_vanished(struct resume *resume, const struct ranges *uids);
/* The SELECT has been answered OK: what was kept is known again. */
void resume_end(const struct resume *resume, struct replica *replica);

#endif
