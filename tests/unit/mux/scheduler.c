/* A job on a selection: prepared, built, answered, ended once; and what becomes of it when the line breaks. */
#include "mux/scheduler.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

struct desk {
    struct bench bench;
    struct task task;
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    struct hierarchy hierarchy;
    struct scheduler *scheduler;
    const char *command; /* what the next job builds; NULL: nothing is left to do */
    char told[1000];     /* ends and untagged answers, a word each */
    const char *text;    /* of the last end; NULL: none */
    struct job *job;     /* that renames */
};

static struct desk desk;

static void note(const char *who, const char *what)
{
    size_t used = strlen(desk.told);

    snprintf(desk.told + used, sizeof(desk.told) - used, "%s %s;", who, what);
}

/* --- jobs */

static enum job_turn build(struct job *job, struct outgoing *out)
{
    (void)job;
    if (!desk.command)
        return JOB_NOTHING;
    outgoing_text(out, desk.command);
    return JOB_SEND;
}

static void job_untagged(struct job *job, const struct response *response)
{
    (void)response;
    note(job->title, "heard");
}

static void done(struct job *job, const struct job_result *result)
{
    static const char *const words[] = {
        [JOB_OK] = "OK",           [JOB_NO] = "NO",     [JOB_BAD] = "BAD",         [JOB_NOT_SELECTED] = "not selected",
        [JOB_REFUSED] = "refused", [JOB_LOST] = "lost", [JOB_GARBAGE] = "garbage", [JOB_DEAD] = "dead"};
    note(job->title, words[result->status]);
    desk.text = result->text;
}

static const struct job_ops ops = {.build = build, .untagged = job_untagged, .done = done};

static struct job *add(const char *title, enum policy policy, struct mailbox *mailbox)
{
    struct job wanted = {.ops = &ops, .title = title, .goal = JOB_RUN, .policy = policy, .mailbox = mailbox};

    return jobs_add(desk.jobs, &wanted, desk.bench.ground.commands);
}

/* --- wiring */

static void ready(void *owner, const struct credential *credential)
{
    (void)owner;
    (void)credential;
}

static void untagged(void *owner, const struct response *response)
{
    (void)owner;
    if (desk.scheduler)
        selection_untagged(scheduler_selection(desk.scheduler), response);
}

static void garbage(void *owner, struct slice line, bool open_fetch, uint32_t fetch_number)
{
    (void)owner;
    (void)line;
    selection_garbage(scheduler_selection(desk.scheduler), open_fetch, fetch_number);
}

static void tagged(void *owner, const struct response *response)
{
    (void)owner;
    scheduler_tagged(desk.scheduler, response);
}

static void line_lost(void *context, struct mailbox *mailbox)
{
    (void)context;
    mailbox_line_lost(mailbox, selection_mailbox(scheduler_selection(desk.scheduler)) == mailbox);
}

static void closed(void *owner, const struct upstream_end *end)
{
    (void)owner;
    (void)end;
    mailboxes_each(desk.mailboxes, line_lost, NULL);
    scheduler_lost(desk.scheduler);
}

static const struct upstream_owner owner = {
    .ready = ready, .untagged = untagged, .garbage = garbage, .tagged = tagged, .closed = closed};

static bool needed(void *mailboxes_owner, const struct mailbox *mailbox)
{
    (void)mailboxes_owner;
    return scheduler_needs(desk.scheduler, mailbox) || jobs_need(desk.jobs, mailbox);
}

static void dropped(void *mailboxes_owner, struct mailbox *mailbox)
{
    (void)mailboxes_owner;
    scheduler_mailbox_dropped(desk.scheduler, mailbox);
}

static const struct mailboxes_ops mailboxes_ops = {.needed = needed, .dropped = dropped};

static void run(struct task *task, usec now)
{
    (void)now;
    task_set_deadline(task, USEC_NEVER);
}

static void begin(void)
{
    desk = (struct desk){.command = "XCOMMAND"};
    bench_init(&desk.bench);
    bench_log_in(&desk.bench, &owner, "ESEARCH");
    task_init(&desk.task, desk.bench.ground.runqueue, run);
    desk.jobs = jobs_new(desk.bench.ground.runqueue);
    desk.mailboxes = mailboxes_new(desk.bench.ground.runqueue, &mailboxes_ops, NULL);
    desk.hierarchy = (struct hierarchy){.jobs = desk.jobs, .mailboxes = desk.mailboxes};
    desk.scheduler = scheduler_new(&(struct scheduler_options){.ground = &desk.bench.ground,
                                                               .task = &desk.task,
                                                               .upstream = desk.bench.upstream,
                                                               .settings = &desk.bench.upstream_settings,
                                                               .jobs = desk.jobs,
                                                               .mailboxes = desk.mailboxes,
                                                               .hierarchy = &desk.hierarchy,
                                                               .name = "user@server"});
}

static void finish(void)
{
    scheduler_end(desk.scheduler, "over");
    scheduler_free(desk.scheduler);
    mailboxes_free(desk.mailboxes);
    jobs_free(desk.jobs);
    task_clear(&desk.task);
    bench_clear(&desk.bench);
}

TestSuite(scheduler, .init = begin, .fini = finish);

static const char *step(void)
{
    scheduler_step(desk.scheduler);
    return bench_written(&desk.bench);
}

/* The line is lost, and there is a new one. */
static void reconnect(void)
{
    struct credential credential;
    struct upstream_login with = {.authentication_id = SLICE("user"), .credential = &credential};

    upstream_drop(desk.bench.upstream, "cut");
    bench_closed(&desk.bench);
    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    upstream_dial(desk.bench.upstream, &with);
    credential_clear(&credential);
    upstream_connected(desk.bench.upstream);
    bench_say(&desk.bench, "* OK [CAPABILITY IMAP4rev1 ESEARCH] hello");
    (void)bench_written(&desk.bench);
    bench_say(&desk.bench, "%T OK [CAPABILITY IMAP4rev1 ESEARCH] in");
}

static void be_silent(usec duration)
{
    runqueue_step(desk.bench.ground.runqueue, runqueue_now(desk.bench.ground.runqueue) + duration);
}

Test(scheduler, a_job_is_built_at_its_turn_and_ends_with_its_answer)
{
    add("a", POLICY_LIST, NULL);
    cr_assert_str_eq(step(), "XCOMMAND");
    bench_say(&desk.bench, "* LIST () \"/\" x");
    bench_say(&desk.bench, "%T NO no");
    cr_assert_str_eq(desk.told, "a heard;a NO;");
    cr_assert_eq(scheduler_turns(desk.scheduler), 1);
    cr_assert_not(scheduler_works(desk.scheduler));
}

Test(scheduler, what_has_nothing_left_to_do_costs_no_command)
{
    desk.command = NULL;
    add("a", POLICY_FETCH, NULL);
    cr_assert_str_eq(step(), "");
    cr_assert_str_eq(desk.told, "a OK;");
}

Test(scheduler, a_mailbox_is_selected_first_and_its_refusal_ends_the_job)
{
    add("a", POLICY_FETCH, mailboxes_get(desk.mailboxes, SLICE("Work")));
    cr_assert_str_eq(step(), "EXAMINE Work");
    bench_say(&desk.bench, "%T NO no such mailbox");
    cr_assert_str_eq(desk.told, "a not selected;");
}

Test(scheduler, equal_commands_that_wait_together_go_up_once)
{
    add("a", POLICY_LIST, NULL);
    add("b", POLICY_LIST, NULL);
    add("c", POLICY_FOLDERS, NULL);
    cr_assert_str_eq(step(), "XCOMMAND");
    bench_say(&desk.bench, "* LIST () \"/\" x\r\n%T OK done");
    cr_assert_str_eq(desk.told, "a heard;b heard;a OK;b OK;");
    cr_assert_str_eq(step(), "XCOMMAND", "the other one is not shared");
}

Test(scheduler, what_is_repeated_goes_up_again_after_a_lost_line)
{
    add("a", POLICY_SEARCH, NULL);
    (void)step();
    reconnect();
    cr_assert_str_eq(desk.told, "");
    cr_assert_str_eq(step(), "XCOMMAND");
    bench_say(&desk.bench, "%T OK done");
    cr_assert_str_eq(desk.told, "a OK;");
}

Test(scheduler, what_kills_every_line_is_given_up_in_the_end)
{
    int lines = 0;

    add("a", POLICY_SEARCH, NULL);
    while (strcmp(desk.told, "") == 0 && lines++ < 20) {
        (void)step();
        reconnect();
    }
    cr_assert_str_eq(desk.told, "a lost;");
    cr_assert_eq(lines, 3);
}

Test(scheduler, what_is_not_answered_in_time_is_sent_twice_in_all_and_others_go_first)
{
    add("a", POLICY_SEARCH, NULL);
    (void)step();
    add("b", POLICY_FOLDERS, NULL);
    be_silent(desk.bench.settings.response_timeout);
    cr_assert_not(desk.bench.closing, "a search may take longer than that");
    be_silent(desk.bench.settings.slow_timeout);
    cr_assert(desk.bench.closing);
    reconnect();
    cr_assert_str_eq(step(), "XCOMMAND");
    bench_say(&desk.bench, "%T OK done");
    cr_assert_str_eq(desk.told, "b OK;");
    cr_assert_str_eq(step(), "XCOMMAND");
    be_silent(desk.bench.settings.slow_timeout);
    reconnect();
    cr_assert_str_eq(desk.told, "b OK;a lost;");
    cr_assert_str_eq(desk.text, "The mail server did not answer in time");
}

Test(scheduler, where_the_line_is_lost_without_it_too_a_command_is_excused)
{
    add("a", POLICY_SEARCH, NULL);
    (void)step();
    add("b", POLICY_COPY, NULL);
    reconnect();
    for (int lines = 0; lines < 2; lines++) { /* b, then a */
        cr_assert_str_eq(step(), "XCOMMAND");
        reconnect();
    }
    cr_assert_str_eq(step(), "XCOMMAND", "a, for the third time");
    bench_say(&desk.bench, "%T OK done");
    cr_assert_str_eq(desk.told, "b lost;a OK;");
}

Test(scheduler, riders_of_what_kills_the_line_do_not_kill_it_again)
{
    add("a", POLICY_LIST, NULL);
    add("b", POLICY_LIST, NULL);
    for (int lines = 0; lines < 3; lines++) {
        cr_assert_str_eq(step(), "XCOMMAND");
        reconnect();
    }
    cr_assert_str_eq(desk.told, "a lost;b lost;");
    cr_assert_str_eq(step(), "");
}

/* INBOX is opened where a command is sent for it: all is well until then. */
static const char *open_inbox(void)
{
    cr_assert_str_eq(step(), "EXAMINE INBOX");
    bench_say(&desk.bench, "* 1 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    for (;;) {
        const char *command = step();
        if (!strstr(command, "UID "))
            return command;
        bench_say(&desk.bench,
                  strstr(command, "SEARCH") ? "* SEARCH 10\r\n%T OK done" : "* 1 FETCH (UID 10)\r\n%T OK done");
    }
}

Test(scheduler, a_mailbox_that_kills_the_line_is_tried_twice_and_then_left_alone_for_a_growing_pause)
{
    struct mailbox *inbox = mailboxes_get(desk.mailboxes, SLICE("INBOX"));

    add("a", POLICY_FETCH, inbox);
    add("b", POLICY_FETCH, inbox);
    cr_assert_str_eq(step(), "EXAMINE INBOX");
    reconnect();
    cr_assert_str_eq(step(), "EXAMINE INBOX", "by the other one");
    reconnect();
    add("c", POLICY_FOLDERS, NULL);
    cr_assert_str_eq(step(), "XCOMMAND", "others are served");
    bench_say(&desk.bench, "%T OK done");
    cr_assert_str_eq(step(), "", "the mailbox is left alone");
    cr_assert_str_eq(desk.told, "c OK;a not selected;b not selected;");
    be_silent(3 * USEC_SECOND);
    add("d", POLICY_FETCH, inbox);
    cr_assert_str_eq(step(), "EXAMINE INBOX");
    reconnect();
    be_silent(3 * USEC_SECOND);
    cr_assert_str_eq(step(), "", "one try only, and a longer pause");
    be_silent(3 * USEC_SECOND);
    add("e", POLICY_FETCH, inbox);
    cr_assert_str_eq(open_inbox(), "XCOMMAND");
    cr_assert_eq(inbox->losses, 0);
}

/* A connection that is lost under a NOOP says nothing of the mailbox: the switch after it stands for the NOOP. */
Test(scheduler, a_line_that_is_cut_now_and_then_is_no_mailboxs_trouble)
{
    struct mailbox *inbox = mailboxes_get(desk.mailboxes, SLICE("INBOX"));

    add("a", POLICY_FETCH, inbox);
    cr_assert_str_eq(open_inbox(), "XCOMMAND");
    bench_say(&desk.bench, "%T OK done");
    for (int lines = 0; lines < 5; lines++) {
        be_silent(2 * USEC_SECOND);
        cr_assert(scheduler_ask(desk.scheduler, inbox, JOB_SELECTED, false));
        cr_assert_str_eq(step(), "NOOP");
        reconnect();
        cr_assert_str_eq(open_inbox(), "", "the switch was the look");
    }
    cr_assert_eq(inbox->losses, 0);
}

Test(scheduler, a_switch_that_succeeds_ends_the_row_of_losses)
{
    struct mailbox *inbox = mailboxes_get(desk.mailboxes, SLICE("INBOX"));

    for (int lines = 0; lines < 5; lines++) {
        add("a", POLICY_FETCH, inbox);
        cr_assert_str_eq(step(), "EXAMINE INBOX");
        reconnect();
        cr_assert_str_eq(open_inbox(), "XCOMMAND");
        bench_say(&desk.bench, "%T OK done");
        reconnect();
    }
    cr_assert_eq(inbox->losses, 0);
}

Test(scheduler, what_may_have_been_done_is_never_repeated)
{
    add("a", POLICY_COPY, NULL);
    (void)step();
    reconnect();
    cr_assert_str_eq(desk.told, "a lost;");
    cr_assert_str_eq(step(), "");
}

Test(scheduler, garbage_ends_the_job_and_no_other)
{
    add("a", POLICY_FOLDERS, NULL);
    add("b", POLICY_FOLDERS, NULL);
    (void)step();
    bench_say(&desk.bench, "* 2 FETCH (UID\r\n%T OK done");
    cr_assert_str_eq(desk.told, "a garbage;");
    cr_assert_str_eq(step(), "XCOMMAND");
}

Test(scheduler, a_session_that_is_void_is_left_and_the_job_kept)
{
    add("a", POLICY_COPY, NULL);
    (void)step();
    bench_say(&desk.bench, "%T BAD User is authenticated but not connected.");
    cr_assert(desk.bench.closing);
    reconnect();
    cr_assert_str_eq(desk.told, "");
    cr_assert_str_eq(step(), "XCOMMAND", "it was certainly not done");
}

Test(scheduler, an_abandoned_job_is_not_told_and_its_turn_ends_with_the_answer)
{
    struct job *job = add("a", POLICY_SEARCH, NULL);

    (void)step();
    scheduler_abandon(desk.scheduler, job);
    cr_assert(scheduler_works(desk.scheduler));
    bench_say(&desk.bench, "* SEARCH 1 2\r\n%T OK done");
    cr_assert_not(scheduler_works(desk.scheduler));
    cr_assert_str_eq(desk.told, "");
}

Test(scheduler, a_mailbox_that_is_dropped_while_it_is_being_selected_ends_its_job)
{
    struct mailbox *work = mailboxes_get(desk.mailboxes, SLICE("Work"));

    add("a", POLICY_FETCH, work);
    (void)step();
    bench_say(&desk.bench, "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    mailboxes_gone(desk.mailboxes, SLICE("Work"), "gone", NULL);
    cr_assert_str_eq(step(), "");
    cr_assert_str_eq(desk.told, "a dead;");
    cr_assert_null(selection_mailbox(scheduler_selection(desk.scheduler)));
}

Test(scheduler, the_accounts_own_work_waits_once)
{
    struct mailbox *work = mailboxes_get(desk.mailboxes, SLICE("Work"));

    cr_assert(scheduler_ask(desk.scheduler, work, JOB_LOOK, false));
    cr_assert(scheduler_ask(desk.scheduler, work, JOB_LOOK, false));
    cr_assert_str_eq(step(), "EXAMINE Work");
    bench_say(&desk.bench, "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    cr_assert_str_eq(step(), "");
    cr_assert_not(jobs_wait(desk.jobs));
}

Test(scheduler, what_is_under_way_is_not_asked_for_once_more)
{
    struct mailbox *work = mailboxes_get(desk.mailboxes, SLICE("Work"));

    cr_assert(scheduler_ask(desk.scheduler, work, JOB_LOOK, false));
    cr_assert_str_eq(step(), "EXAMINE Work");
    cr_assert(scheduler_ask(desk.scheduler, work, JOB_LOOK, false));
    cr_assert_not(jobs_wait(desk.jobs));
}

Test(scheduler, the_separator_is_learned_from_list)
{
    scheduler_learn_separator(desk.scheduler);
    cr_assert_str_eq(step(), "LIST \"\" \"\"");
    bench_say(&desk.bench, "* LIST (\\Noselect) \".\" \"\"\r\n%T OK done");
    cr_assert(mailboxes_is_inferior(desk.mailboxes, SLICE("a.b"), SLICE("a")));
}

static void view_ended(void *view_owner, const char *reason)
{
    (void)view_owner;
    (void)reason;
}

static struct view *watch(const char *name)
{
    static const struct view_ops view_ops = {.changed = NULL, .ended = view_ended};

    return view_new(mailboxes_get(desk.mailboxes, slice_of(name)), false, &view_ops, NULL);
}

static void rename_work(void)
{
    struct job wanted = {.ops = &ops, .title = "rename", .goal = JOB_RUN, .policy = POLICY_FOLDERS};

    wanted.change = name_change_new(NAME_RENAMED, SLICE("Work"), SLICE("New"));
    desk.job = jobs_add(desk.jobs, &wanted, desk.bench.ground.commands);
    cr_assert_not_null(desk.job);
}

Test(scheduler, what_may_have_gone_with_a_name_is_asked_for_before_anything_else)
{
    struct view *gone = watch("Work#a"), *there = watch("Work#b");

    rename_work();
    add("next", POLICY_COPY, NULL);
    cr_assert_str_eq(step(), "XCOMMAND");
    bench_say(&desk.bench, "%T OK done");
    cr_assert_str_eq(step(), "LIST \"\" Work#a");
    bench_say(&desk.bench, "* LIST (\\HasChildren \\NonExistent) \"#\" \"Work#a\"\r\n%T OK done");
    cr_assert_null(mailboxes_find(desk.mailboxes, SLICE("Work#a")));
    cr_assert_str_eq(step(), "LIST \"\" Work#b");
    bench_say(&desk.bench, "* LIST () \"#\" \"work#B\"\r\n%T OK done");
    cr_assert_not_null(mailboxes_find(desk.mailboxes, SLICE("Work#b")));
    cr_assert_str_eq(step(), "XCOMMAND", "the next one's");
    view_free(gone);
    view_free(there);
}

Test(scheduler, a_change_counts_although_its_client_has_gone_and_its_outcome_is_unknown)
{
    struct view *view = watch("Work");

    rename_work();
    cr_assert_str_eq(step(), "XCOMMAND");
    scheduler_abandon(desk.scheduler, desk.job);
    bench_closed(&desk.bench);
    cr_assert_not_null(mailboxes_find(desk.mailboxes, SLICE("Work")));
    cr_assert(slice_equal(mailboxes_doubted(desk.mailboxes), SLICE("Work")));
    view_free(view);
}

Test(scheduler, all_end_when_the_account_does)
{
    add("a", POLICY_COPY, NULL);
    add("b", POLICY_COPY, NULL);
    (void)step();
    scheduler_end(desk.scheduler, "over");
    cr_assert_str_eq(desk.told, "a dead;b dead;");
}
