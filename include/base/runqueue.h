/* The driver of all machines: runs tasks that were woken, and tasks whose deadline has come. Knows no clock: the time
 * comes in with runqueue_step. The program steps it once after each event round, the tests as they like.
 *
 * A machine (session, account, upstream, link) embeds a task. Nothing is freed while it is on the call stack: the
 * function that ends an object hands it to runqueue_dispose, which frees it when the step is over. */
#ifndef IMAPMUX_BASE_RUNQUEUE_H
#define IMAPMUX_BASE_RUNQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds of a monotonic clock. */
typedef int64_t usec;
#define USEC_SECOND ((usec)1000000)
#define USEC_NEVER  INT64_MAX

usec usec_earlier(usec one, usec other);
usec usec_later(usec one, usec other);

struct runqueue; /* opaque */

struct task {
    void (*run)(struct task *task, usec now);
    struct runqueue *queue;
    usec deadline; /* USEC_NEVER: none */
    bool woken;
    struct task *next, *previous;                        /* private: in the list of the woken */
    struct task *heap_child, *heap_next, *heap_previous; /* private: in the heap of deadlines */
};

/* Returns owned, empty, at time 0; NULL: out of memory. */
struct runqueue *runqueue_new(void);
void runqueue_free(struct runqueue *queue); /* also runs what runqueue_dispose was given */

/* Ties the task to its queue and function, with no deadline and not woken. The queue is borrowed and must outlive the
 * task, or task_clear comes first. */
void task_init(struct task *task, struct runqueue *queue, void (*run)(struct task *, usec));
/* Takes it out of the queue and the heap for good: waking it or setting a deadline does nothing from here on. A zeroed
 * task may be cleared. */
void task_clear(struct task *task);
/* run is called in this step, or in the next if none is under way. Waking twice is waking once. */
void task_wake(struct task *task);
/* run is called once when `at` has come (at <= now: at once); replaces the former deadline, which is spent when it
 * fires. */
void task_set_deadline(struct task *task, usec at);
usec task_now(const struct task *task); /* the time of the current (or last) step */

/* The time of the current or last step, or as runqueue_set_now has set it since. */
usec runqueue_now(const struct runqueue *queue);
/* Sets the time without running anything: called before bytes are fed in. Never goes back. */
void runqueue_set_now(struct runqueue *queue, usec now);
/* Runs everything woken and due until nothing is left, then frees what was disposed of. */
void runqueue_step(struct runqueue *queue, usec now);
/* When runqueue_step must be called next: now if something is woken, USEC_NEVER if nothing waits. */
usec runqueue_next(const struct runqueue *queue);
/* Calls free_object(object) at the end of the step (at the end of the next one if none is under way). If memory is
 * out for long the object leaks. */
void runqueue_dispose(struct runqueue *queue, void (*free_object)(void *), void *object);

#endif
