/* The upstream sessions of one account, and what they decide together: which of them may take which job. There are as
 * many as the server permits, one as a rule; further ones are made when they are first needed.
 *
 * A mailbox is selected in one of them at a time, so its jobs run there. The other jobs go to a free one. Where clients
 * in IDLE wait on the mailboxes of several slots, those slots rest there, and one of them, the worker, does the work
 * that needs another mailbox. A command that takes names away (DELETE, RENAME) runs in the slot that has such a mailbox
 * selected, and the others leave theirs first. */
#ifndef IMAPMUX_MUX_SLOTS_H
#define IMAPMUX_MUX_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "mux/slot.h"

#define SLOTS_MAX SESSIONS_MAX

/* Zero-initialised: none. Written by its own functions only. */
struct slots {
    struct slot *at[SLOTS_MAX]; /* `count` of them; the first one is logged in if any is (slots_order) */
    size_t count;
    struct slot_options options;
    const struct slot *lost; /* the last one that has lost its connection, not by a mailbox; NULL: none has */
    usec lost_at;            /* and when */
};

/* Makes the first. False: out of memory; slots_free is called all the same. The peers of the options are set here. */
bool slots_make(struct slots *slots, const struct slot_options *options) __attribute__((warn_unused_result));
/* One that has no connection, beside the first; made if all have one. NULL: out of memory, or there are SLOTS_MAX. */
struct slot *slots_further(struct slots *slots);
void slots_end_jobs(struct slots *slots, const char *text); /* JOB_DEAD, in flight and waiting; a constant text */
/* Frees every slot: their jobs must have ended (see slot_free). */
void slots_free(struct slots *slots);

/* The slot that logs in first and checks passwords in place. */
struct slot *slots_first(const struct slots *slots);
/* If the first has lost its connection and another is logged in, that one is the first from here on. */
void slots_order(struct slots *slots);
/* The one in which the mailbox is selected; NULL: none. */
struct slot *slots_with(const struct slots *slots, const struct mailbox *mailbox);
size_t slots_connected(const struct slots *slots); /* how many have a connection */
size_t slots_logged_in(const struct slots *slots); /* how many of these are logged in */
/* How many can work, or are at work, without this one (NULL: all). */
unsigned slots_working_beside(const struct slots *slots, const struct slot *slot);
bool slots_work(const struct slots *slots);        /* one of them has a job in its turn */
uint64_t slots_turns(const struct slots *slots);   /* how many turns have ended */
usec slots_quiet_since(const struct slots *slots); /* the last command of any of them was answered */
bool slots_need(const struct slots *slots, const struct mailbox *mailbox); /* see scheduler_needs */
/* The mailbox is dropped: no slot points to it any more. */
void slots_mailbox_dropped(struct slots *slots, const struct mailbox *mailbox);
/* The owner of a job has gone. */
void slots_abandon(struct slots *slots, struct job *job);
/* Work of the account's own about a mailbox: see scheduler_ask. */
bool slots_ask(struct slots *slots, struct mailbox *mailbox, enum job_goal goal);

/* --- slots_pick.c: who does what */

/* The one that takes the work for mailboxes that nobody has selected; NULL: none is logged in. */
struct slot *slots_worker(const struct slots *slots);
extern const struct slot_peers slots_peers;

#endif
