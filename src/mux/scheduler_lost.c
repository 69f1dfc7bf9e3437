/* The current job when the connection is lost under it: it is sent again, or its outcome is found unknown, or it is
 * given up. A command that may have been carried out is never sent again unless its policy says so, and none without
 * end. */
#include "mux/scheduler_inside.h"

/* May it be sent (again) over the next connection? */
static bool is_kept(const struct job *job)
{
    return job->ops && job->course.losses < SCHEDULER_TRIES_MAX && job->course.timeouts < SCHEDULER_PATIENCE_MAX &&
           (!job->course.written || policy_loss(job->policy) == POLICY_REPEAT);
}

/* Where connections are lost without it, too, the line is bad and not the command. */
static void count_one(struct job_course *course, uint64_t number, bool timed_out)
{
    bool others_lost = course->losses > 0 && number > course->lost_as + 1;

    if (others_lost && course->excused < SCHEDULER_EXCUSES_MAX)
        course->excused++;
    else
        course->losses++;
    course->timeouts += timed_out;
    course->lost_as = number;
}

static void count_loss(const struct scheduler *scheduler, struct job *job, uint64_t losses)
{
    bool timed_out = upstream_has_timed_out(scheduler->options.upstream);

    count_one(&job->course, losses, timed_out);
    for (struct job *rider = job->queueing.riders; rider; rider = rider->next)
        count_one(&rider->course, losses, timed_out);
}

static void finish_lost(struct scheduler *scheduler)
{
    bool timed_out = upstream_has_timed_out(scheduler->options.upstream);

    if (scheduler->current->course.written)
        scheduler_finish(scheduler, JOB_LOST, NULL,
                         timed_out ? "The mail server did not answer in time"
                                   : "The connection to the mail server was lost");
    else
        scheduler_finish(scheduler, JOB_NOT_SELECTED, NULL,
                         timed_out
                             ? "The mail server did not answer in time; please try again later"
                             : "The connection to the mail server was lost again and again; please try again later");
}

/* Keeps the current job, finds its outcome unknown, or gives it up. Tries are bounded, because the command itself may
 * have made the server end the connection; and whoever has cost a connection goes last. Riders share the fate of the
 * command that went up for them, unless the first to ask has gone. */
bool scheduler_lost(struct scheduler *scheduler)
{
    struct job *job = scheduler->current;
    uint64_t losses = 0;
    bool by_mailbox;

    if (job || selection_mailbox(scheduler->selection))
        losses = jobs_count_loss(scheduler->options.jobs);
    by_mailbox = selection_lost(scheduler->selection);
    if (!job)
        return by_mailbox;
    selection_wish_lost(&job->progress);
    if (upstream_was_unsent(scheduler->options.upstream))
        job->course.written = false;
    count_loss(scheduler, job, losses);
    if (!job->ops)
        jobs_unload(scheduler->options.jobs, job);
    if (!is_kept(job)) {
        finish_lost(scheduler);
        return by_mailbox;
    }
    job->course.written = false;
    scheduler->current = NULL;
    jobs_put_last(scheduler->options.jobs, job);
    return by_mailbox;
}
