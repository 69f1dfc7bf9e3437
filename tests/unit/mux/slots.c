/* All slots of an account. */
#include "mux/slots.h"

#include <criterion/criterion.h>

#include "bench.h"

static bool needed(void *owner, const struct mailbox *mailbox)
{
    return slots_need(owner, mailbox);
}

static void dropped(void *owner, struct mailbox *mailbox)
{
    slots_mailbox_dropped(owner, mailbox);
}

static void run(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

Test(slots, at_first_none_is_connected_none_works_and_no_mailbox_is_needed)
{
    static const struct mailboxes_ops ops = {.needed = needed, .dropped = dropped};
    static const struct slot_ops slot_ops = {0};
    struct bench bench;
    struct task task;
    struct slots slots = {0};
    struct members members = {0};
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    struct mailbox *inbox;

    bench_init(&bench);
    task_init(&task, bench.ground.runqueue, run);
    jobs = jobs_new(bench.ground.runqueue);
    mailboxes = mailboxes_new(bench.ground.runqueue, &ops, &slots);
    cr_assert(slots_make(&slots, &(struct slot_options){.ground = &bench.ground,
                                                        .task = &task,
                                                        .settings = &bench.upstream_settings,
                                                        .jobs = jobs,
                                                        .mailboxes = mailboxes,
                                                        .members = &members,
                                                        .name = "user@server",
                                                        .ops = &slot_ops}));
    inbox = mailboxes_get(mailboxes, SLICE("INBOX"));
    cr_assert_not_null(slots_first(&slots));
    cr_assert_eq(slots_connected(&slots), 0);
    cr_assert_not(slots_work(&slots));
    cr_assert_null(slots_with(&slots, inbox));
    cr_assert_not(slots_need(&slots, inbox));
    mailboxes_gone(mailboxes, SLICE("INBOX"), "gone", NULL);
    slots_end_jobs(&slots, "over");
    slots_free(&slots);
    mailboxes_free(mailboxes);
    jobs_free(jobs);
    task_clear(&task);
    bench_clear(&bench);
}
