/* The jobs of an account that wait for one of its upstream sessions: whose turn is next, which equal ones go up
 * together, and the end of each. A list and its rules: no clock, no upstream.
 *
 *      add --> WAITING --pick--> TAKEN --end--> ENDED
 *                ^  |              |              ^
 *                |  +--gather--> RIDING --end-----+        (an abandoned job is not ended: its owner has gone)
 *                +--put_back-------+
 */
#ifndef IMAPMUX_MUX_JOBS_H
#define IMAPMUX_MUX_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "mux/job.h"

struct jobs;

/* Returns owned; NULL: out of memory. */
struct jobs *jobs_new(struct runqueue *runqueue);
/* Every job must have ended (jobs_end_all, and those that are taken). */
void jobs_free(struct jobs *jobs);

/* Adds a copy of `wanted` after those that wait. last_command: ground->commands. Returns borrowed until it ends; NULL:
 * out of memory, nothing has happened. */
struct job *jobs_add(struct jobs *jobs, const struct job *wanted, uint64_t last_command);
bool jobs_wait(const struct jobs *jobs); /* does one wait? */
/* Does one with these ops wait for this mailbox? */
bool jobs_has(const struct jobs *jobs, const struct job *wanted);
bool jobs_need(const struct jobs *jobs, const struct mailbox *mailbox); /* does one wait that names it? */

/* The one that waits after this one, in the order of their turns; `after` NULL: the first. NULL: no further one. */
const struct job *jobs_next(const struct jobs *jobs, const struct job *after);

/* How the turns at one upstream session have gone. Written by mux/jobs only; zero-initialised. */
struct jobs_turns {
    uint64_t in_a_row; /* in the selected mailbox since another has had one */
    uint64_t ahead;    /* of others since one in the background has had one, or none waits there */
};

/* An upstream session that is free for a job. */
struct jobs_picker {
    struct jobs_turns *turns;
    const struct mailbox *selected; /* NULL: none */
    uint64_t quantum;
    bool (*admits)(void *context, const struct job *job); /* may it take this one? NULL: every one */
    void *context;
};

/* Takes the next one of those that the picker admits: those for the selected mailbox and those that need none first, up
 * to `quantum` in a row while others wait; then the others have a turn; those in the background come last, but one of
 * them after two quanta of others. NULL: none waits. */
struct job *jobs_pick(struct jobs *jobs, const struct jobs_picker *picker);
/* Those that only `place` might have carried out are of no use any more: its connection is lost. Nobody is told. */
void jobs_drop_pinned(struct jobs *jobs, const void *place);
/* One that is taken, with its riders, waits again: before all others, */
void jobs_put_back(struct jobs *jobs, struct job *job);
/* or after all others. */
void jobs_put_last(struct jobs *jobs, struct job *job);

/* Those that wait and are equal to `carrier`, which is taken, become its riders: they hear the same answers and end
 * with the same result. All have come before the command is written, so no answer is older than its question.
 */
void jobs_gather(struct jobs *jobs, struct job *carrier, bool (*equal)(void *context, struct job *job), void *context);
/* The carrier's riders wait again, before all others: its command has not been answered. */
void jobs_unload(struct jobs *jobs, struct job *carrier);

/* A connection of the account is lost, with a job in its turn or a mailbox selected. Returns how many there have been.
 */
uint64_t jobs_count_loss(struct jobs *jobs);
/* The end of one that is taken, and of its riders: `done` of each that has not been abandoned is called, exactly once.
 * Freed after this event round. */
void jobs_end(struct jobs *jobs, struct job *job, const struct job_result *result);
/* Its owner has gone: no op is called any more. One that is taken stays so until jobs_end. */
void jobs_abandon(struct jobs *jobs, struct job *job);
/* It has another owner from here on, with these ops: the former one must forget it. It is no rider. owed_until: see
 * struct job. */
void job_inherit(struct job *job, const struct job_ops *ops, void *owner, usec owed_until);
/* Its client has gone, and the account stays for it until `until`. policy: from here on. */
void job_owe(struct job *job, usec until, enum policy policy);
bool job_was_sent(const struct job *job);          /* its command may have been carried out */
bool jobs_owed(const struct jobs *jobs, usec now); /* does one wait for which the account stays? */
/* It ends JOB_DEAD at its turn, unless its command has been sent. */
void jobs_doom(struct job *job);
/* The mailbox is dropped: those that wait and name it end JOB_DEAD with these words (a constant); `taken` (NULL: none),
 * if it names it, no longer points there, and is doomed. */
void jobs_end_mailbox(struct jobs *jobs, struct job *taken, const struct mailbox *mailbox, const char *text);
/* All that wait end JOB_DEAD with these words. */
void jobs_end_all(struct jobs *jobs, const char *text);
/* Those that wait and were added at `since` or before end (JOB_DEAD), unless they are owed, or their `overdue` finds
 * them another owner. Returns when the oldest of
 * the others was added; USEC_NEVER: there is none. */
usec jobs_end_older(struct jobs *jobs, usec since, const char *text);
/* The UIDs of the mailbox mean other messages now: those that name messages there are doomed. Waiting ones and, where
 * it is not NULL, the one that is taken. */
void jobs_doom_mailbox(struct jobs *jobs, struct job *taken, const struct mailbox *mailbox);

#endif
