/* The run queue: order, deadlines, and that nothing is freed before the step is over. */
#include "base/runqueue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/random.h"

struct probe {
    struct task task;
    int runs;
    usec last;
    int rounds;         /* wakes itself so often */
    struct task *other; /* cleared when this one runs */
};

static void probe_run(struct task *task, usec now)
{
    struct probe *probe = (struct probe *)task;

    cr_assert_geq(now, probe->last);
    probe->runs++;
    probe->last = now;
    if (probe->rounds > 0) {
        probe->rounds--;
        task_wake(task);
    }
    if (probe->other)
        task_clear(probe->other);
}

Test(runqueue, waking_twice_is_waking_once)
{
    struct runqueue *queue = runqueue_new();
    struct probe probe = {0};

    task_init(&probe.task, queue, probe_run);
    task_wake(&probe.task);
    task_wake(&probe.task);
    runqueue_step(queue, 1);
    runqueue_step(queue, 2);
    cr_assert_eq(probe.runs, 1);
    task_clear(&probe.task);
    runqueue_free(queue);
}

Test(runqueue, a_task_that_wakes_itself_runs_in_the_same_step)
{
    struct runqueue *queue = runqueue_new();
    struct probe probe = {.rounds = 3};

    task_init(&probe.task, queue, probe_run);
    probe.rounds = 3;
    task_wake(&probe.task);
    runqueue_step(queue, 1);
    cr_assert_eq(probe.runs, 4);
    cr_assert_eq(runqueue_next(queue), USEC_NEVER);
    runqueue_free(queue);
}

Test(runqueue, a_deadline_fires_once_when_it_has_come)
{
    struct runqueue *queue = runqueue_new();
    struct probe probe = {0};

    task_init(&probe.task, queue, probe_run);
    task_set_deadline(&probe.task, 100);
    cr_assert_eq(runqueue_next(queue), 100);
    runqueue_step(queue, 99);
    cr_assert_eq(probe.runs, 0);
    runqueue_step(queue, 100);
    runqueue_step(queue, 200);
    cr_assert_eq(probe.runs, 1);
    cr_assert_eq(probe.task.deadline, USEC_NEVER);
    runqueue_free(queue);
}

Test(runqueue, a_new_deadline_replaces_the_former)
{
    struct runqueue *queue = runqueue_new();
    struct probe probe = {0};

    task_init(&probe.task, queue, probe_run);
    task_set_deadline(&probe.task, 100);
    task_set_deadline(&probe.task, 50);
    cr_assert_eq(runqueue_next(queue), 50);
    task_set_deadline(&probe.task, USEC_NEVER);
    runqueue_step(queue, 1000);
    cr_assert_eq(probe.runs, 0);
    runqueue_free(queue);
}

Test(runqueue, a_deadline_in_the_past_wakes_at_once)
{
    struct runqueue *queue = runqueue_new();
    struct probe probe = {0};

    task_init(&probe.task, queue, probe_run);
    runqueue_set_now(queue, 500);
    runqueue_set_now(queue, 400);
    cr_assert_eq(runqueue_now(queue), 500, "time never goes back");
    task_set_deadline(&probe.task, 500);
    cr_assert_eq(runqueue_next(queue), 500);
    runqueue_step(queue, 500);
    cr_assert_eq(probe.runs, 1);
    runqueue_free(queue);
}

Test(runqueue, a_cleared_task_never_runs)
{
    struct runqueue *queue = runqueue_new();
    struct probe first = {0}, second = {0}, zeroed = {0};

    task_init(&first.task, queue, probe_run);
    task_init(&second.task, queue, probe_run);
    first.other = &second.task;
    task_wake(&first.task);
    task_wake(&second.task);
    task_set_deadline(&second.task, 10);
    runqueue_step(queue, 1);
    task_wake(&second.task);
    task_set_deadline(&second.task, 5);
    runqueue_step(queue, 100);
    cr_assert_eq(first.runs, 1);
    cr_assert_eq(second.runs, 0);
    task_clear(&zeroed.task);
    runqueue_free(queue);
}

#define PROBES 500

/* Against a model: a random history of deadlines set, replaced and taken back. */
Test(runqueue, many_deadlines_fire_in_their_order)
{
    struct runqueue *queue = runqueue_new();
    struct probe *probes = calloc(PROBES, sizeof(*probes));
    usec due[PROBES];
    struct random random;

    random_init(&random, 7);
    for (int i = 0; i < PROBES; i++) {
        task_init(&probes[i].task, queue, probe_run);
        due[i] = USEC_NEVER;
    }
    for (usec now = 1; now < 4000; now++) {
        usec soonest = USEC_NEVER;
        size_t one = random_below(&random, PROBES);
        due[one] = random_below(&random, 8) == 0 ? USEC_NEVER : now + 1 + (usec)random_below(&random, 1000);
        task_set_deadline(&probes[one].task, due[one]);
        for (int i = 0; i < PROBES; i++)
            if (due[i] < soonest)
                soonest = due[i];
        cr_assert_eq(runqueue_next(queue), soonest);
        runqueue_step(queue, now);
        for (int i = 0; i < PROBES; i++) {
            if (due[i] == now) {
                cr_assert_eq(probes[i].last, now);
                due[i] = USEC_NEVER;
            }
        }
    }
    for (int i = 0; i < PROBES; i++)
        task_clear(&probes[i].task);
    cr_assert_eq(runqueue_next(queue), USEC_NEVER);
    free(probes);
    runqueue_free(queue);
}

struct disposable {
    struct task task;
    struct runqueue *queue;
    int *freed;
};

static void disposable_free(void *object)
{
    struct disposable *disposable = object;
    ++*disposable->freed;
    free(disposable);
}

static void disposable_run(struct task *task, usec now)
{
    struct disposable *disposable = (struct disposable *)task;
    (void)now;
    runqueue_dispose(disposable->queue, disposable_free, disposable);
    cr_assert_eq(*disposable->freed, 0, "not while it is on the call stack");
    task_clear(task);
    task_wake(task);
}

Test(runqueue, what_is_disposed_of_lives_until_the_step_is_over)
{
    struct runqueue *queue = runqueue_new();
    struct disposable *disposable = calloc(1, sizeof(*disposable));
    int freed = 0;

    *disposable = (struct disposable){.queue = queue, .freed = &freed};
    task_init(&disposable->task, queue, disposable_run);
    task_wake(&disposable->task);
    runqueue_step(queue, 1);
    cr_assert_eq(freed, 1);
    runqueue_free(queue);
}

Test(runqueue, freeing_the_queue_frees_what_was_disposed_of)
{
    struct runqueue *queue = runqueue_new();
    int freed = 0;

    for (int i = 0; i < 40; i++) {
        struct disposable *disposable = calloc(1, sizeof(*disposable));
        disposable->freed = &freed;
        runqueue_dispose(queue, disposable_free, disposable);
    }
    runqueue_free(queue);
    cr_assert_eq(freed, 40);
    runqueue_free(NULL);
}
