/* The inside of the scheduler, shared by its files: scheduler.c (turns, answers), scheduler_own.c (work that no client
 * has asked for) and scheduler_lost.c (what becomes of a job when the connection is lost). Nobody else includes it. */
#ifndef IMAPMUX_MUX_SCHEDULER_INSIDE_H
#define IMAPMUX_MUX_SCHEDULER_INSIDE_H

#include "mux/scheduler.h"

/* Connections under which a command is tried, each being lost: the command itself may have ended them. */
#define SCHEDULER_TRIES_MAX 3
/* And how often it is tried where no answer comes in time: the server may be at work on it still. */
#define SCHEDULER_PATIENCE_MAX 2

struct scheduler {
    struct scheduler_options options;
    struct selection *selection;
    struct job *current; /* whose turn it is: being prepared, or in flight; NULL: nobody's */
    uint64_t turns;      /* ended */
    struct jobs_turns row;
    usec served_at;   /* see scheduler_served_at */
    uint64_t drained; /* octets of literals read in this turn for a client that has gone */
};

/* Losses that are excused in one job's course: so many at most. */
#define SCHEDULER_EXCUSES_MAX 3

/* The current job's turn is over, and so is the job: its result is made of these. `text`: see job_result. */
void scheduler_finish(struct scheduler *scheduler, enum job_status status, const struct response *response,
                      const char *text);

/* A look at the account's own wish. */
bool scheduler_is_own(const struct job *job);

#endif
