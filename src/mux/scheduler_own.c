/* Work that no client has asked for: looks for the watch, leaving a mailbox, questions about names. It waits for its
 * turn like any other job, and equal work is not asked for twice. */
#include "mux/scheduler_inside.h"

static void own_done(struct job *job, const struct job_result *result)
{
    (void)job;
    (void)result;
}

static enum job_turn own_build(struct job *job, struct outgoing *out)
{
    (void)job;
    outgoing_text(out, "NOOP");
    return JOB_SEND;
}

static const struct job_ops own_ops = {.build = own_build, .done = own_done};

bool scheduler_is_own(const struct job *job)
{
    return job->ops == &own_ops;
}

static bool add(struct scheduler *scheduler, const struct job *wanted)
{
    bool added = jobs_add(scheduler->options.jobs, wanted, scheduler->options.ground->commands) != NULL;

    if (added)
        task_wake(scheduler->options.task);
    return added;
}

void scheduler_learn_separator(struct scheduler *scheduler)
{
    hierarchy_learn(scheduler->options.hierarchy, scheduler->options.ground->commands);
    task_wake(scheduler->options.task);
}

/* The same is being done. Asked for once more with each turn, two mailboxes would be selected in turn without end. */
static bool is_under_way(const struct scheduler *scheduler, const struct job *wanted)
{
    const struct job *job = scheduler->current;

    return job && job->ops == wanted->ops && job->mailbox == wanted->mailbox && job->goal == wanted->goal &&
           job->place == wanted->place;
}

bool scheduler_asks(const struct scheduler *scheduler, const struct mailbox *mailbox, enum job_goal goal)
{
    const struct job *job = scheduler->current;

    return job && scheduler_is_own(job) && job->mailbox == mailbox && job->goal == goal;
}

bool scheduler_ask(struct scheduler *scheduler, struct mailbox *mailbox, enum job_goal goal, bool background)
{
    struct job wanted = {.ops = &own_ops,
                         .title = "own",
                         .goal = goal,
                         .policy = POLICY_LOOK,
                         .mailbox = mailbox,
                         .place = mailbox ? NULL : scheduler,
                         .background = background};

    return is_under_way(scheduler, &wanted) || jobs_has(scheduler->options.jobs, &wanted) || add(scheduler, &wanted);
}

static enum job_turn leave_build(struct job *job, struct outgoing *out)
{
    (void)job;
    (void)out;
    return JOB_NOTHING;
}

static bool leaves_any(const struct job *job, const struct mailbox *selected)
{
    (void)job;
    (void)selected;
    return true;
}

void scheduler_leave(struct scheduler *scheduler)
{
    static const struct job_ops ops = {.build = leave_build, .done = own_done};
    struct job wanted = {.ops = &ops,
                         .title = "own",
                         .goal = JOB_RUN,
                         .policy = POLICY_LOOK,
                         .leaves = leaves_any,
                         .place = scheduler,
                         .urgent = true};

    if (!jobs_has(scheduler->options.jobs, &wanted))
        (void)!add(scheduler, &wanted);
}
