/* One upstream session: its states, its pauses, and what it tells its account. */
#include "mux/slot.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

struct desk {
    struct bench bench; /* its upstream is the slot's */
    struct task task;
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    struct members members;
    struct hierarchy hierarchy;
    struct slot *slot;
    char told[500];
    bool goes_on; /* what closed answers */
};

static struct desk desk;

static void before_login(void *owner, struct slot *slot, const struct capability_set *capabilities)
{
    (void)owner;
    (void)capabilities;
    (void)slot;
    strcat(desk.told, "before;");
}

static void ready(void *owner, struct slot *slot, const struct credential *credential)
{
    (void)owner;
    (void)credential;
    (void)slot;
    strcat(desk.told, "ready;");
}

static bool capabilities(void *owner, struct slot *slot, const struct capability_set *set)
{
    (void)owner;
    (void)set;
    (void)slot;
    strcat(desk.told, "capabilities;");
    return true;
}

static void alert(void *owner, struct slice text)
{
    (void)owner;
    (void)text;
    strcat(desk.told, "alert;");
}

static bool closed(void *owner, struct slot *slot, const struct upstream_end *end)
{
    (void)owner;
    (void)end;
    (void)slot;
    strcat(desk.told, "closed;");
    return desk.goes_on;
}

static const struct slot_ops ops = {
    .before_login = before_login, .ready = ready, .capabilities = capabilities, .alert = alert, .closed = closed};

static bool needed(void *owner, const struct mailbox *mailbox)
{
    (void)owner;
    (void)mailbox;
    return true;
}

static void dropped(void *owner, struct mailbox *mailbox)
{
    (void)owner;
    (void)mailbox;
}

static const struct mailboxes_ops mailboxes_ops = {.needed = needed, .dropped = dropped};

static void run(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

static void begin(void)
{
    desk = (struct desk){0};
    bench_init(&desk.bench);
    task_init(&desk.task, desk.bench.ground.runqueue, run);
    desk.jobs = jobs_new(desk.bench.ground.runqueue);
    desk.mailboxes = mailboxes_new(desk.bench.ground.runqueue, &mailboxes_ops, NULL);
    desk.hierarchy = (struct hierarchy){.jobs = desk.jobs, .mailboxes = desk.mailboxes};
    desk.slot = slot_new(&(struct slot_options){.ground = &desk.bench.ground,
                                                .task = &desk.task,
                                                .settings = &desk.bench.upstream_settings,
                                                .jobs = desk.jobs,
                                                .mailboxes = desk.mailboxes,
                                                .hierarchy = &desk.hierarchy,
                                                .members = &desk.members,
                                                .name = "user@server",
                                                .ops = &ops});
    desk.bench.upstream = slot_upstream(desk.slot);
}

static void finish(void)
{
    scheduler_end(slot_scheduler(desk.slot), "over");
    slot_free(desk.slot);
    desk.bench.upstream = NULL;
    mailboxes_free(desk.mailboxes);
    jobs_free(desk.jobs);
    task_clear(&desk.task);
    bench_clear(&desk.bench);
}

TestSuite(slot, .init = begin, .fini = finish);

static void dial(void)
{
    struct credential credential;
    struct upstream_login with = {.authentication_id = SLICE("user"), .credential = &credential};

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    slot_dial(desk.slot, &with, false);
    credential_clear(&credential);
}

static void log_in(void)
{
    dial();
    upstream_connected(desk.bench.upstream);
    bench_say(&desk.bench, "* OK [CAPABILITY IMAP4rev1 IDLE] hello");
    (void)bench_written(&desk.bench);
    bench_say(&desk.bench, "%T OK [CAPABILITY IMAP4rev1 IDLE] in");
}

/* Works off what there is to do: the separator is asked for after the first login. */
static const char *work(void)
{
    usec deadline = USEC_NEVER;

    slot_work(desk.slot, runqueue_now(desk.bench.ground.runqueue), &deadline);
    return bench_written(&desk.bench);
}

Test(slot, it_tells_its_account_what_the_upstream_does)
{
    log_in();
    cr_assert_str_eq(desk.told, "before;capabilities;ready;");
    cr_assert(slot_can_work(desk.slot));
    bench_say(&desk.bench, "* OK [ALERT] full\r\n* CAPABILITY IMAP4rev1");
    cr_assert_str_eq(desk.told, "before;capabilities;ready;alert;capabilities;");
    cr_assert_str_eq(work(), "LIST \"\" \"\"");
    upstream_drop(desk.bench.upstream, "cut");
    bench_closed(&desk.bench);
    cr_assert(slot_is_away(desk.slot));
}

Test(slot, after_a_lost_line_no_mailbox_is_in_step)
{
    struct mailbox *inbox = mailboxes_get(desk.mailboxes, SLICE("INBOX"));

    log_in();
    inbox->map_in_step = true;
    upstream_drop(desk.bench.upstream, "cut");
    bench_closed(&desk.bench);
    cr_assert_not(inbox->map_in_step);
}

Test(slot, a_check_in_place_may_take_several_connections)
{
    log_in();
    cr_assert_str_eq(work(), "LIST \"\" \"\"");
    bench_say(&desk.bench, "* LIST (\\Noselect) \"/\" \"\"\r\n%T OK done");
    slot_check(desk.slot);
    cr_assert_str_eq(bench_written(&desk.bench), "LOGOUT");
    desk.goes_on = true;
    bench_say(&desk.bench, "* BYE\r\n%T OK bye");
    bench_closed(&desk.bench);
    cr_assert(slot_is_away(desk.slot));
    log_in();
    cr_assert(slot_can_work(desk.slot));
}

Test(slot, a_check_that_nobody_wants_any_more_is_over)
{
    log_in();
    slot_check(desk.slot);
    desk.goes_on = true;
    bench_closed(&desk.bench);
    slot_checked(desk.slot);
    log_in();
}

Test(slot, it_logs_out_for_good_from_any_state)
{
    slot_log_out(desk.slot);
    cr_assert_str_eq(desk.told, "", "it was away");
    dial();
    slot_log_out(desk.slot);
    cr_assert(desk.bench.closing);
    bench_closed(&desk.bench);
    log_in();
    (void)work();
    bench_say(&desk.bench, "%T OK done");
    slot_log_out(desk.slot);
    cr_assert_str_eq(bench_written(&desk.bench), "LOGOUT");
}

Test(slot, never_dialled_while_it_has_a_connection, .signal = SIGABRT)
{
    dial();
    dial();
}
