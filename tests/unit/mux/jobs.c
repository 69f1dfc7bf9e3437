/* Turns as a list: no clock, no upstream, no server. */
#include "mux/jobs.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct desk {
    struct runqueue *runqueue;
    struct jobs *jobs;
    struct jobs_turns turns;
    struct mailbox *inbox, *work;
    char order[200]; /* the titles of those that have ended, each with its status */
};

static struct desk desk;

static void done(struct job *job, const struct job_result *result)
{
    char text[20];

    snprintf(text, sizeof(text), "%s%s", job->title, result->status == JOB_OK ? "+" : "-");
    strcat(desk.order, text);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    (void)job;
    (void)out;
    return JOB_SEND;
}

static const struct job_ops ops = {.build = build, .done = done};

static void begin(void)
{
    desk = (struct desk){.runqueue = runqueue_new()};
    desk.jobs = jobs_new(desk.runqueue);
    desk.inbox = mailbox_new(SLICE("INBOX"));
    desk.work = mailbox_new(SLICE("Work"));
}

static void finish(void)
{
    jobs_end_all(desk.jobs, "over");
    jobs_free(desk.jobs);
    runqueue_free(desk.runqueue);
    mailbox_free(desk.inbox);
    mailbox_free(desk.work);
}

TestSuite(jobs, .init = begin, .fini = finish);

static struct job *add(const char *title, struct mailbox *mailbox, bool background)
{
    struct job wanted = {.ops = &ops, .title = title, .goal = JOB_RUN, .mailbox = mailbox, .background = background};

    return jobs_add(desk.jobs, &wanted, 7);
}

static void end(struct job *job, enum job_status status)
{
    jobs_end(desk.jobs, job, &(struct job_result){.status = status});
}

static struct job *pick(const struct mailbox *selected, uint64_t quantum)
{
    struct jobs_picker picker = {.turns = &desk.turns, .selected = selected, .quantum = quantum};

    return jobs_pick(desk.jobs, &picker);
}

/* The titles in the order of their turns, each of which ends well. */
static const char *all_turns(const struct mailbox *selected, uint64_t quantum)
{
    struct job *job;

    desk.order[0] = '\0';
    while ((job = pick(selected, quantum)))
        end(job, JOB_OK);
    return desk.order;
}

Test(jobs, those_for_the_selected_mailbox_come_first_up_to_the_quantum)
{
    static const struct {
        const char *waiting; /* i: INBOX, which is selected, w: Work, n: none needed, b: in the background */
        uint64_t quantum;
        const char *turns;
    } rows[] = {
        {"wii", 8, "i+i+w+"},
        {"wiii", 2, "i+i+w+i+"},
        {"iiwww", 1, "i+w+i+w+w+"},
        {"win", 8, "i+n+w+"},
        {"bwi", 8, "i+w+b+"},
        {"b", 8, "b+"},
        {"", 8, ""},
        {"ww", 8, "w+w+"},
        {"wiiiiiiii", 3, "i+i+i+w+i+i+i+i+i+"},
        {"bwwww", 1, "w+w+b+w+w+"},
        {"biiiiii", 2, "i+i+i+i+b+i+i+"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static char titles[20][2];
        for (size_t k = 0; rows[i].waiting[k]; k++) {
            char kind = rows[i].waiting[k];
            titles[k][0] = kind;
            cr_assert_not_null(add(titles[k], kind == 'n' ? NULL : kind == 'i' ? desk.inbox : desk.work, kind == 'b'));
        }
        cr_assert_str_eq(all_turns(desk.inbox, rows[i].quantum), rows[i].turns, "%s", rows[i].waiting);
    }
}

Test(jobs, one_that_is_put_back_comes_first_and_one_put_last_comes_last)
{
    struct job *job;

    add("a", NULL, false);
    add("b", NULL, false);
    job = pick(NULL, 8);
    jobs_put_back(desk.jobs, job);
    cr_assert_eq(pick(NULL, 8), job);
    jobs_put_last(desk.jobs, job);
    cr_assert_str_eq(all_turns(NULL, 8), "b+a+");
}

static bool equal_titles(void *context, struct job *job)
{
    return strcmp(job->title, ((struct job *)context)->title) == 0;
}

Test(jobs, equal_ones_ride_and_end_with_the_same_result)
{
    struct job *job;

    add("a", NULL, false);
    add("b", NULL, false);
    add("a", NULL, false);
    job = pick(NULL, 8);
    jobs_gather(desk.jobs, job, equal_titles, job);
    end(job, JOB_NO);
    cr_assert_str_eq(desk.order, "a-a-");
    cr_assert_str_eq(all_turns(NULL, 8), "b+");
}

Test(jobs, riders_whose_command_is_not_answered_wait_again_before_the_others)
{
    struct job *job;

    add("a", NULL, false);
    add("b", NULL, false);
    add("a", NULL, false);
    job = pick(NULL, 8);
    jobs_gather(desk.jobs, job, equal_titles, job);
    jobs_put_back(desk.jobs, job);
    cr_assert_str_eq(all_turns(NULL, 8), "a+a+b+");
}

Test(jobs, an_abandoned_one_is_never_told_wherever_it_is)
{
    struct job *taken = add("a", NULL, false), *riding = add("a", NULL, false), *waiting = add("b", NULL, false);

    cr_assert_eq(pick(NULL, 8), taken);
    jobs_gather(desk.jobs, taken, equal_titles, taken);
    jobs_abandon(desk.jobs, riding);
    jobs_abandon(desk.jobs, waiting);
    jobs_abandon(desk.jobs, taken);
    end(taken, JOB_OK);
    cr_assert_str_eq(desk.order, "");
    cr_assert_not(jobs_wait(desk.jobs));
}

Test(jobs, a_dropped_mailbox_ends_what_waits_for_it_and_dooms_what_is_taken)
{
    struct job *taken = add("t", desk.inbox, false);

    cr_assert_eq(pick(desk.inbox, 8), taken);
    add("i", desk.inbox, false);
    add("w", desk.work, false);
    jobs_end_mailbox(desk.jobs, taken, desk.inbox, "the mailbox is gone");
    cr_assert_str_eq(desk.order, "i-");
    cr_assert_null(taken->mailbox);
    cr_assert(taken->queueing.doomed);
    cr_assert_not(jobs_need(desk.jobs, desk.inbox));
    cr_assert(jobs_need(desk.jobs, desk.work));
    end(taken, JOB_DEAD);
}

/* `done` of the first one makes the second's owner leave, and adds a third. */
static void abandon_the_other(struct job *job, const struct job_result *result)
{
    done(job, result);
    jobs_abandon(desk.jobs, job->owner);
    add("c", NULL, false);
}

Test(jobs, an_end_may_abandon_the_next_one_and_add_another)
{
    static const struct job_ops abandons = {.build = build, .done = abandon_the_other};
    struct job wanted = {.ops = &abandons, .title = "a", .goal = JOB_RUN}, *job;

    job = jobs_add(desk.jobs, &wanted, 0);
    job->owner = add("b", NULL, false);
    jobs_end_all(desk.jobs, "over");
    cr_assert_str_eq(desk.order, "a-");
    cr_assert_str_eq(all_turns(NULL, 8), "c+");
}

Test(jobs, only_what_names_messages_is_doomed_when_their_uids_mean_others)
{
    struct job *run = add("r", desk.inbox, false), *look = add("l", desk.inbox, false);

    look->goal = JOB_LOOK;
    jobs_doom_mailbox(desk.jobs, NULL, desk.inbox);
    cr_assert(run->queueing.doomed);
    cr_assert_not(look->queueing.doomed);
}

Test(jobs, equal_work_of_the_accounts_own_is_known)
{
    struct job wanted = {.ops = &ops, .goal = JOB_LOOK, .mailbox = desk.inbox};

    cr_assert_not(jobs_has(desk.jobs, &wanted));
    jobs_add(desk.jobs, &wanted, 0);
    cr_assert(jobs_has(desk.jobs, &wanted));
    wanted.mailbox = desk.work;
    cr_assert_not(jobs_has(desk.jobs, &wanted));
}

Test(jobs, what_was_for_a_lost_connection_alone_goes_with_it)
{
    struct job pinned = {.ops = &ops, .title = "p", .goal = JOB_RUN, .place = desk.inbox};

    add("a", NULL, false);
    jobs_add(desk.jobs, &pinned, 0);
    pinned.place = desk.work;
    jobs_add(desk.jobs, &pinned, 0);
    jobs_drop_pinned(desk.jobs, desk.inbox);
    cr_assert(jobs_has(desk.jobs, &pinned));
    pinned.place = desk.inbox;
    cr_assert_not(jobs_has(desk.jobs, &pinned));
    cr_assert_str_eq(desk.order, "");
}

Test(jobs, an_end_twice_is_an_assertion, .signal = SIGABRT)
{
    struct job *job = add("a", NULL, false);

    pick(NULL, 8);
    end(job, JOB_OK);
    end(job, JOB_OK);
}

Test(jobs, those_that_have_waited_too_long_end)
{
    add("old", NULL, false);
    runqueue_step(desk.runqueue, 5 * USEC_SECOND);
    add("new", NULL, false);
    cr_assert_eq(jobs_end_older(desk.jobs, 4 * USEC_SECOND, "the server is away"), 5 * USEC_SECOND);
    cr_assert_str_eq(desk.order, "old-");
    cr_assert_eq(jobs_end_older(desk.jobs, 5 * USEC_SECOND, "the server is away"), USEC_NEVER);
}

static bool pass_on(struct job *job, const char *text)
{
    cr_assert_str_eq(text, "away");
    job_inherit(job, &ops, desk.work, 9);
    return true;
}

Test(jobs, one_that_has_waited_too_long_may_be_passed_on)
{
    static const struct job_ops passing = {.build = build, .done = done, .overdue = pass_on};
    struct job *job = add("a", desk.inbox, false);

    job->ops = &passing;
    add("b", desk.inbox, false);
    cr_assert_eq(jobs_end_older(desk.jobs, 0, "away"), USEC_NEVER);
    cr_assert_str_eq(desk.order, "b-");
    cr_assert(job->ops == &ops && jobs_owed(desk.jobs, 8));
}

Test(jobs, one_that_is_inherited_ends_with_its_heir_and_is_owed_for_a_time)
{
    struct job *job = add("a", desk.inbox, false);

    cr_assert_not(jobs_owed(desk.jobs, 0));
    job_inherit(job, &ops, desk.work, 5);
    cr_assert_eq(job->owner, desk.work);
    cr_assert(jobs_owed(desk.jobs, 4));
    cr_assert_not(jobs_owed(desk.jobs, 5));
    cr_assert_not(job_was_sent(job));
    cr_assert_eq(jobs_end_older(desk.jobs, 5, "the server is away"), USEC_NEVER);
    cr_assert_str_eq(desk.order, "", "it waits on");
}
