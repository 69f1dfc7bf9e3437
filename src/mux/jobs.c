/* The list of jobs. Everything that moves a job from one place to another is here, and asserts where it came from:
 * ending a job twice would give a client two answers to one command. */
#include "mux/jobs.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

struct jobs {
    struct runqueue *runqueue;
    struct job *waiting; /* DL list, in the order of their turns */
    uint64_t losses;
};

struct jobs *jobs_new(struct runqueue *runqueue)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));

    if (jobs)
        jobs->runqueue = runqueue;
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    assert(!jobs || !jobs->waiting);
    free(jobs);
}

/* --- waiting */

struct job *jobs_add(struct jobs *jobs, const struct job *wanted, uint64_t last_command)
{
    struct job *job = malloc(sizeof(*job));

    if (!job)
        return NULL;
    *job = *wanted;
    job->queueing = (struct job_queueing){.place = JOB_IS_WAITING,
                                          .since = runqueue_now(jobs->runqueue),
                                          .submitted = last_command,
                                          .uidvalidity = wanted->mailbox ? wanted->mailbox->uidvalidity : 0};
    job->course = (struct job_course){0};
    job->progress = (struct wish_progress){0};
    if (job->urgent)
        DL_PREPEND(jobs->waiting, job);
    else
        DL_APPEND(jobs->waiting, job);
    return job;
}

bool jobs_wait(const struct jobs *jobs)
{
    return jobs->waiting != NULL;
}

const struct job *jobs_next(const struct jobs *jobs, const struct job *after)
{
    return after ? after->next : jobs->waiting;
}

bool jobs_has(const struct jobs *jobs, const struct job *wanted)
{
    const struct job *job;

    DL_FOREACH (jobs->waiting, job) {
        if (job->ops == wanted->ops && job->mailbox == wanted->mailbox && job->goal == wanted->goal &&
            job->background == wanted->background && job->place == wanted->place)
            return true;
    }
    return false;
}

bool jobs_need(const struct jobs *jobs, const struct mailbox *mailbox)
{
    const struct job *job;

    DL_FOREACH (jobs->waiting, job) {
        if (job->mailbox == mailbox)
            return true;
    }
    return false;
}

/* --- turns */

static bool is_here(const struct job *job, const struct mailbox *selected)
{
    if (!job->mailbox || job->mailbox == selected)
        return true;
    return job->goal == JOB_LOOK && job->mailbox->known; /* STATUS will do, for a beginning */
}

/* Where the others never end, one job in the background has its turn after so many quanta of theirs. */
#define BACKGROUND_SHARE 2

static struct job *take(struct jobs *jobs, struct job *job)
{
    assert(job->queueing.place == JOB_IS_WAITING);
    DL_DELETE(jobs->waiting, job);
    job->queueing.place = JOB_IS_TAKEN;
    return job;
}

/* The first of each kind that a session may take. */
struct choice {
    struct job *urgent, *here, *other, *background;
};

static struct choice choose(const struct jobs *jobs, const struct jobs_picker *picker)
{
    struct choice choice = {0};
    struct job *job;
    bool first = true;

    DL_FOREACH (jobs->waiting, job) {
        struct job **kind = job->background                  ? &choice.background
                            : is_here(job, picker->selected) ? &choice.here
                                                             : &choice.other;
        if ((*kind && !first) || (picker->admits && !picker->admits(picker->context, job)))
            continue;
        if (first && job->urgent) {
            choice.urgent = job;
            return choice;
        }
        first = false;
        if (!*kind)
            *kind = job;
    }
    return choice;
}

static struct job *in_turn(const struct choice *choice, struct jobs_turns *turns, uint64_t quantum)
{
    turns->ahead = choice->background && (choice->here || choice->other) ? turns->ahead + 1 : 0;
    if (turns->ahead > quantum * BACKGROUND_SHARE) {
        turns->ahead = 0;
        return choice->background;
    }
    if (choice->here && (!choice->other || turns->in_a_row < quantum)) {
        turns->in_a_row++;
        return choice->here;
    }
    turns->in_a_row = 0;
    return choice->other ? choice->other : choice->background;
}

struct job *jobs_pick(struct jobs *jobs, const struct jobs_picker *picker)
{
    struct choice choice = choose(jobs, picker);
    struct job *picked = choice.urgent ? choice.urgent : in_turn(&choice, picker->turns, picker->quantum);

    return picked ? take(jobs, picked) : NULL;
}

void jobs_put_back(struct jobs *jobs, struct job *job)
{
    assert(job->queueing.place == JOB_IS_TAKEN);
    jobs_unload(jobs, job);
    job->queueing.place = JOB_IS_WAITING;
    DL_PREPEND(jobs->waiting, job);
}

/* --- riders */

void jobs_gather(struct jobs *jobs, struct job *carrier, bool (*equal)(void *context, struct job *job), void *context)
{
    struct job *job, *next;

    assert(carrier->queueing.place == JOB_IS_TAKEN);
    DL_FOREACH_SAFE (jobs->waiting, job, next) {
        if (!equal(context, job))
            continue;
        DL_DELETE(jobs->waiting, job);
        DL_APPEND(carrier->queueing.riders, job);
        job->queueing.place = JOB_IS_RIDING;
        job->queueing.carrier = carrier;
    }
}

static struct job *unload_first(struct job *carrier)
{
    struct job *job = carrier->queueing.riders;

    if (!job)
        return NULL;
    DL_DELETE(carrier->queueing.riders, job);
    job->queueing.carrier = NULL;
    return job;
}

void jobs_unload(struct jobs *jobs, struct job *carrier)
{
    struct job *job, *riders = NULL;

    while ((job = unload_first(carrier))) {
        assert(job->queueing.place == JOB_IS_RIDING);
        job->queueing.place = JOB_IS_WAITING;
        DL_APPEND(riders, job);
    }
    DL_CONCAT(riders, jobs->waiting);
    jobs->waiting = riders;
}

void jobs_put_last(struct jobs *jobs, struct job *job)
{
    struct job *rider;

    assert(job->queueing.place == JOB_IS_TAKEN);
    job->queueing.place = JOB_IS_WAITING;
    DL_APPEND(jobs->waiting, job);
    while ((rider = unload_first(job))) {
        assert(rider->queueing.place == JOB_IS_RIDING);
        rider->queueing.place = JOB_IS_WAITING;
        DL_APPEND(jobs->waiting, rider);
    }
}

uint64_t jobs_count_loss(struct jobs *jobs)
{
    return ++jobs->losses;
}

/* --- the end */

static void free_job(void *object)
{
    struct job *job = object;

    free(job->change);
    free(job);
}

static void end(struct jobs *jobs, struct job *job, const struct job_result *result)
{
    const struct job_ops *ops = job->ops;

    assert(job->queueing.place != JOB_IS_ENDED);
    job->queueing.place = JOB_IS_ENDED;
    job->ops = NULL;
    if (ops)
        ops->done(job, result);
    runqueue_dispose(jobs->runqueue, free_job, job);
}

void jobs_end(struct jobs *jobs, struct job *job, const struct job_result *result)
{
    struct job *rider;

    assert(job->queueing.place == JOB_IS_TAKEN);
    end(jobs, job, result);
    while ((rider = unload_first(job)))
        end(jobs, rider, result);
}

void jobs_abandon(struct jobs *jobs, struct job *job)
{
    job->ops = NULL;
    switch (job->queueing.place) {
    case JOB_IS_WAITING:
        DL_DELETE(jobs->waiting, job);
        break;
    case JOB_IS_RIDING:
        DL_DELETE(job->queueing.carrier->queueing.riders, job);
        break;
    case JOB_IS_TAKEN:
    case JOB_IS_ENDED:
        return;
    }
    job->queueing.place = JOB_IS_ENDED;
    runqueue_dispose(jobs->runqueue, free_job, job);
}

void jobs_drop_pinned(struct jobs *jobs, const void *place)
{
    struct job *job, *next;

    DL_FOREACH_SAFE (jobs->waiting, job, next) {
        if (job->place == place)
            jobs_abandon(jobs, job);
    }
}

void job_inherit(struct job *job, const struct job_ops *ops, void *owner, usec owed_until)
{
    assert(job->queueing.place == JOB_IS_WAITING || job->queueing.place == JOB_IS_TAKEN);
    job->ops = ops;
    job->owner = owner;
    job->leaves = NULL;
    job->owed_until = owed_until;
}

void job_owe(struct job *job, usec until, enum policy policy)
{
    assert(job->queueing.place == JOB_IS_WAITING || job->queueing.place == JOB_IS_TAKEN);
    job->owed_until = until;
    job->policy = policy;
}

bool job_was_sent(const struct job *job)
{
    return job->course.written;
}

bool jobs_owed(const struct jobs *jobs, usec now)
{
    const struct job *job;

    DL_FOREACH (jobs->waiting, job) {
        if (job->owed_until > now)
            return true;
    }
    return false;
}

/* Marked first, so that jobs added or abandoned within `done` are not mistaken for them. */
static struct job *first_marked(const struct jobs *jobs)
{
    struct job *job;

    DL_FOREACH (jobs->waiting, job) {
        if (job->queueing.ending)
            return job;
    }
    return NULL;
}

static void end_marked(struct jobs *jobs, const char *text)
{
    struct job_result result = {.status = JOB_DEAD, .text = text};
    struct job *job;

    while ((job = first_marked(jobs))) {
        DL_DELETE(jobs->waiting, job);
        end(jobs, job, &result);
    }
}

void jobs_end_mailbox(struct jobs *jobs, struct job *taken, const struct mailbox *mailbox, const char *text)
{
    struct job *job;

    if (taken && taken->mailbox == mailbox) {
        taken->queueing.doomed = true;
        taken->mailbox = NULL;
    }
    DL_FOREACH (jobs->waiting, job)
        job->queueing.ending = job->mailbox == mailbox;
    end_marked(jobs, text);
}

void jobs_end_all(struct jobs *jobs, const char *text)
{
    struct job *job;

    DL_FOREACH (jobs->waiting, job)
        job->queueing.ending = true;
    end_marked(jobs, text);
}

/* Those whose work another owner goes on with do not end. */
static void pass_on_marked(struct jobs *jobs, const char *text)
{
    struct job *job, *next;

    DL_FOREACH_SAFE (jobs->waiting, job, next) {
        if (job->queueing.ending && job->ops && job->ops->overdue && job->ops->overdue(job, text))
            job->queueing.ending = false;
    }
}

usec jobs_end_older(struct jobs *jobs, usec since, const char *text)
{
    usec oldest = USEC_NEVER, now = runqueue_now(jobs->runqueue);
    struct job *job;

    DL_FOREACH (jobs->waiting, job) {
        bool owed = job->owed_until > now;
        job->queueing.ending = !owed && job->queueing.since <= since;
        if (!owed && !job->queueing.ending && job->queueing.since < oldest)
            oldest = job->queueing.since;
    }
    pass_on_marked(jobs, text);
    end_marked(jobs, text);
    return oldest;
}

void jobs_doom(struct job *job)
{
    job->queueing.doomed = true;
}

static void doom(struct job *job, const struct mailbox *mailbox)
{
    if (job->mailbox == mailbox && job->goal == JOB_RUN)
        job->queueing.doomed = true;
}

void jobs_doom_mailbox(struct jobs *jobs, struct job *taken, const struct mailbox *mailbox)
{
    struct job *job;

    DL_FOREACH (jobs->waiting, job)
        doom(job, mailbox);
    if (taken)
        doom(taken, mailbox);
}
