/* All slots of one account, and the calls that concern every one of them. */
#ifndef IMAPMUX_MUX_SLOTS_H
#define IMAPMUX_MUX_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "mux/slot.h"

/* How many sessions an account has upstream. */
#define SLOTS 1

struct slots {
    struct slot *at[SLOTS];
};

/* False: out of memory; slots_free is called all the same. */
bool slots_make(struct slots *slots, const struct slot_options *options) __attribute__((warn_unused_result));
void slots_end_jobs(struct slots *slots, const char *text); /* JOB_DEAD, in flight and waiting; a constant text */
/* Frees every slot: their jobs must have ended (see slot_free). */
void slots_free(struct slots *slots);

/* The slot that logs in first, checks passwords in place, and runs jobs without a mailbox. */
struct slot *slots_first(const struct slots *slots);
/* The one in which the mailbox is selected; NULL: none. */
struct slot *slots_with(const struct slots *slots, const struct mailbox *mailbox);
size_t slots_connected(const struct slots *slots);                         /* how many have a connection */
bool slots_work(const struct slots *slots);                                /* one of them has a job in its turn */
bool slots_need(const struct slots *slots, const struct mailbox *mailbox); /* see scheduler_needs */
/* The mailbox is dropped: no slot points to it any more. */
void slots_mailbox_dropped(struct slots *slots, const struct mailbox *mailbox);

#endif
