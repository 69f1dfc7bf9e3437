/* The only place where a job meets a selection: picks a job, has prepared what it needs, lets it build its command,
 * hands it the answers, and ends it. One scheduler per upstream session; the jobs that wait are the account's.
 *
 *   waiting --pick--> current --prepare--> build --> sent --tagged--> ended
 *                        |                                  |
 *                        +--- the line is lost, or the map broke: waits again, or ends (mux/policy) ---+
 *
 * Nobody is served from what an earlier command told unless that is fresh: a look counts only if it was written after
 * the job was submitted. */
#ifndef IMAPMUX_MUX_SCHEDULER_H
#define IMAPMUX_MUX_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "mux/ground.h"
#include "mux/hierarchy.h"
#include "mux/jobs.h"
#include "mux/mailboxes.h"
#include "mux/selection.h"
#include "mux/settings.h"
#include "mux/upstream.h"

struct scheduler;

/* All borrowed. `task` is woken when there may be something to do. */
struct scheduler_options {
    /* Takes the job whose turn it is at this session (jobs_pick); NULL: any job may have its turn here. */
    struct job *(*pick)(void *picker, struct scheduler *scheduler, const struct jobs_picker *here);
    void *picker;
    struct ground *ground;
    struct task *task;
    struct upstream *upstream;
    const struct upstream_settings *settings;
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    struct hierarchy *hierarchy;
    const char *name; /* of the account, for the log */
};

/* Returns owned, with a selection of its own; NULL: out of memory. */
struct scheduler *scheduler_new(const struct scheduler_options *options);
void scheduler_free(struct scheduler *scheduler); /* the current job must have ended (scheduler_end) */
/* Its selection. Borrowed for as long as the scheduler lives. */
struct selection *scheduler_selection(const struct scheduler *scheduler);

/* Begins what can be begun, while the upstream can take a command (not upstream_busy). */
void scheduler_step(struct scheduler *scheduler);
bool scheduler_works(const struct scheduler *scheduler); /* a job has its turn */
/* How many turns have ended, over all connections. */
uint64_t scheduler_turns(const struct scheduler *scheduler);
/* The job that has its turn; NULL: none has. Borrowed until the next call. */
const struct job *scheduler_current(const struct scheduler *scheduler);
usec scheduler_served_at(const struct scheduler *scheduler); /* a client's job had its turn; negative: never */
bool scheduler_needs(const struct scheduler *scheduler, const struct mailbox *mailbox); /* now, or selected */
/* Is this work of the account's own in its turn? */
bool scheduler_asks(const struct scheduler *scheduler, const struct mailbox *mailbox, enum job_goal goal);
/* The account's own work, unless equal work waits or is under way. Without a mailbox it is for this session alone.
 * False: out of memory. */
bool scheduler_ask(struct scheduler *scheduler, struct mailbox *mailbox, enum job_goal goal, bool background);
/* The selected mailbox is left, before all others have their turn here. Nothing happens without memory. */
void scheduler_leave(struct scheduler *scheduler);
void scheduler_learn_separator(struct scheduler *scheduler); /* of the mailbox hierarchy: LIST "" "" */
/* The current job and all that wait end JOB_DEAD; `text` is a constant. */
void scheduler_end(struct scheduler *scheduler, const char *text);
/* The owner of a job has gone. */
void scheduler_abandon(struct scheduler *scheduler, struct job *job);
/* The mailbox is dropped: jobs for it end, and nothing here points to it any more. */
void scheduler_mailbox_dropped(struct scheduler *scheduler, const struct mailbox *mailbox);

/* --- events of the upstream; those not here go to the selection */
void scheduler_tagged(struct scheduler *scheduler, const struct response *response); /* its command's tagged answer */
/* The connection is lost. The current job is kept, tried again by its policy, or ends JOB_LOST. Returns as
 * selection_lost. */
bool scheduler_lost(struct scheduler *scheduler);

#endif
