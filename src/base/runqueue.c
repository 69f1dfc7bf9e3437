/* The list of woken tasks and the heap of deadlines. Both are threaded through the tasks themselves, so that waking one
 * and setting a deadline cannot fail. The heap is a pairing heap (Fredman et al. 1986): heap_child is a task's first
 * child, the children are a list; heap_previous is the sibling before, or the parent of a first child.
 *
 * Invariant outside wake_due: a task in the heap has a deadline that is not USEC_NEVER, one outside has USEC_NEVER.
 * Nothing here may free an object before the step is over. */
#include "base/runqueue.h"

#include <stdlib.h>

#define DISPOSALS_FIRST 64

struct disposal {
    void (*free_object)(void *);
    void *object;
};

struct runqueue {
    usec now;
    struct task *first, *last; /* the woken, in the order of their waking */
    struct task *soonest;      /* root of the heap */
    struct disposal *disposals;
    size_t disposal_count, disposal_capacity;
};

/* ---- heap ---- */

static struct task *heap_meld(struct task *a, struct task *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline < a->deadline) {
        struct task *swap = a;
        a = b;
        b = swap;
    }
    b->heap_previous = a;
    b->heap_next = a->heap_child;
    if (a->heap_child)
        a->heap_child->heap_previous = b;
    a->heap_child = b;
    return a;
}

/* Melds a list of siblings, two by two and then the pairs from the last to the first: that order keeps it O(log n). */
static struct task *heap_meld_siblings(struct task *first)
{
    struct task *pairs = NULL, *root = NULL;

    while (first) {
        struct task *a = first, *b = a->heap_next;
        first = b ? b->heap_next : NULL;
        a->heap_next = a->heap_previous = NULL;
        if (b)
            b->heap_next = b->heap_previous = NULL;
        a = heap_meld(a, b);
        a->heap_next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct task *next = pairs->heap_next;
        pairs->heap_next = NULL;
        root = heap_meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void heap_cut(struct task *task)
{
    struct task *before = task->heap_previous;

    if (before->heap_child == task)
        before->heap_child = task->heap_next;
    else
        before->heap_next = task->heap_next;
    if (task->heap_next)
        task->heap_next->heap_previous = before;
}

static void heap_remove(struct runqueue *queue, struct task *task)
{
    struct task *orphans = heap_meld_siblings(task->heap_child);

    if (task == queue->soonest) {
        queue->soonest = orphans;
    } else {
        heap_cut(task);
        queue->soonest = heap_meld(queue->soonest, orphans);
    }
    task->heap_child = task->heap_next = task->heap_previous = NULL;
    task->deadline = USEC_NEVER;
}

/* ---- list of the woken ---- */

static void list_append(struct runqueue *queue, struct task *task)
{
    task->woken = true;
    task->next = NULL;
    task->previous = queue->last;
    if (queue->last)
        queue->last->next = task;
    else
        queue->first = task;
    queue->last = task;
}

static void list_remove(struct runqueue *queue, struct task *task)
{
    if (task->previous)
        task->previous->next = task->next;
    else
        queue->first = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        queue->last = task->previous;
    task->next = task->previous = NULL;
    task->woken = false;
}

/* ---- tasks ---- */

void task_init(struct task *task, struct runqueue *queue, void (*run)(struct task *, usec))
{
    *task = (struct task){.run = run, .queue = queue, .deadline = USEC_NEVER};
}

void task_clear(struct task *task)
{
    if (task->woken)
        list_remove(task->queue, task);
    if (task->run && task->deadline != USEC_NEVER)
        heap_remove(task->queue, task);
    task->run = NULL; /* deaf from here on */
}

void task_wake(struct task *task)
{
    if (task->run && !task->woken)
        list_append(task->queue, task);
}

void task_set_deadline(struct task *task, usec at)
{
    struct runqueue *queue = task->queue;

    if (!task->run || at == task->deadline)
        return;
    if (task->deadline != USEC_NEVER)
        heap_remove(queue, task);
    if (at <= queue->now) {
        task_wake(task);
    } else if (at != USEC_NEVER) {
        task->deadline = at;
        queue->soonest = heap_meld(queue->soonest, task);
    }
}

usec task_now(const struct task *task)
{
    return task->queue->now;
}

/* ---- queue ---- */

/* Asks for room when half of it is taken, so that disposed objects find a place even after many refusals. */
static bool make_room(struct runqueue *queue)
{
    size_t capacity = queue->disposal_capacity ? queue->disposal_capacity * 2 : DISPOSALS_FIRST;
    struct disposal *grown;

    if (queue->disposal_count < queue->disposal_capacity / 2)
        return true;
    grown = reallocarray(queue->disposals, capacity, sizeof(*grown));
    if (!grown)
        return queue->disposal_count < queue->disposal_capacity;
    queue->disposals = grown;
    queue->disposal_capacity = capacity;
    return true;
}

usec usec_earlier(usec one, usec other)
{
    return one < other ? one : other;
}

usec usec_later(usec one, usec other)
{
    return one > other ? one : other;
}

struct runqueue *runqueue_new(void)
{
    struct runqueue *queue = calloc(1, sizeof(*queue));

    if (queue && !make_room(queue)) {
        free(queue);
        return NULL;
    }
    return queue;
}

static void dispose_all(struct runqueue *queue)
{
    /* A free_object may dispose of more, which moves the array. */
    for (size_t i = 0; i < queue->disposal_count; i++) {
        struct disposal disposal = queue->disposals[i];
        disposal.free_object(disposal.object);
    }
    queue->disposal_count = 0;
}

void runqueue_free(struct runqueue *queue)
{
    if (!queue)
        return;
    dispose_all(queue);
    free(queue->disposals);
    free(queue);
}

usec runqueue_now(const struct runqueue *queue)
{
    return queue->now;
}

void runqueue_set_now(struct runqueue *queue, usec now)
{
    if (now > queue->now)
        queue->now = now;
}

static void wake_due(struct runqueue *queue)
{
    while (queue->soonest && queue->soonest->deadline <= queue->now) {
        struct task *due = queue->soonest;
        heap_remove(queue, due);
        task_wake(due);
    }
}

static void run_woken(struct runqueue *queue)
{
    wake_due(queue);
    while (queue->first) {
        struct task *task = queue->first;
        list_remove(queue, task);
        task->run(task, queue->now);
        wake_due(queue);
    }
}

void runqueue_step(struct runqueue *queue, usec now)
{
    runqueue_set_now(queue, now);
    do {
        run_woken(queue);
        dispose_all(queue);
    } while (queue->first);
}

usec runqueue_next(const struct runqueue *queue)
{
    if (queue->first || queue->disposal_count > 0)
        return queue->now;
    return queue->soonest ? queue->soonest->deadline : USEC_NEVER;
}

void runqueue_dispose(struct runqueue *queue, void (*free_object)(void *), void *object)
{
    if (make_room(queue))
        queue->disposals[queue->disposal_count++] = (struct disposal){free_object, object};
}
