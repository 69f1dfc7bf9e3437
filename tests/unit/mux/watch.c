/* What an account does when nobody asks: facts in, wishes out. */
#include "mux/watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define NOW USEC_HOUR

struct desk {
    struct runqueue *runqueue;
    struct settings settings;
    struct mailboxes *mailboxes;
    struct mailbox *inbox, *work;
    struct account_member members[3];
    struct view *views[3];
    struct watch watch;
    struct watch_facts facts;
    char asked[500];
    usec deadline;
    bool no_memory;
};

static struct desk desk;

static bool ask(void *owner, struct mailbox *mailbox, enum job_goal goal, bool background)
{
    static const char *const goals[] = {
        [JOB_RUN] = "run", [JOB_LOOK] = "look", [JOB_SELECTED] = "selected", [JOB_FLAGS] = "flags"};
    char text[100];

    (void)owner;
    snprintf(text, sizeof(text), "%s %s%s;", goals[goal], mailbox ? mailbox->name : "-", background ? " behind" : "");
    if (!desk.no_memory)
        strcat(desk.asked, text);
    return !desk.no_memory;
}

static void idle(void *owner)
{
    (void)owner;
    strcat(desk.asked, "idle;");
}

static void end_idle(void *owner)
{
    (void)owner;
    strcat(desk.asked, "end idle;");
}

static const struct watch_ops ops = {.ask = ask, .idle = idle, .end_idle = end_idle};

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

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static const struct view_ops view_ops = {.changed = changed, .ended = ended};

/* INBOX is selected and in step; the upstream is ready and can do IDLE. Nobody is there. */
static void begin(void)
{
    desk = (struct desk){.runqueue = runqueue_new(), .deadline = USEC_NEVER};
    settings_defaults(&desk.settings);
    desk.mailboxes = mailboxes_new(desk.runqueue, &mailboxes_ops, NULL);
    desk.inbox = mailboxes_get(desk.mailboxes, SLICE("inbox"));
    desk.work = mailboxes_get(desk.mailboxes, SLICE("Work"));
    desk.inbox->known = desk.inbox->map_in_step = desk.inbox->flags_in_step = true;
    desk.work->known = desk.work->flags_in_step = true;
    watch_connected(&desk.watch, &desk.settings, NOW - USEC_SECOND);
    desk.facts = (struct watch_facts){.now = NOW,
                                      .settings = &desk.settings,
                                      .idle_reissue = desk.settings.idle_reissue,
                                      .mailboxes = desk.mailboxes,
                                      .selected = desk.inbox,
                                      .makes_rounds = true,
                                      .in_step = true,
                                      .announces_idle = true,
                                      .ready = true,
                                      .heard_at = NOW};
}

static void finish(void)
{
    for (size_t i = 0; i < 3; i++)
        view_free(desk.views[i]);
    mailboxes_free(desk.mailboxes);
    runqueue_free(desk.runqueue);
}

TestSuite(watch, .init = begin, .fini = finish);

static void member(size_t i, struct mailbox *mailbox, bool idling)
{
    static struct account_member *list;

    if (i == 0)
        list = NULL;
    desk.views[i] = view_new(mailbox, false, &view_ops, NULL);
    desk.members[i] = (struct account_member){.view = desk.views[i], .idling = idling};
    DL_APPEND(list, &desk.members[i]);
    desk.facts.members = list;
}

static const char *rest(void)
{
    desk.asked[0] = '\0';
    desk.deadline = USEC_NEVER;
    (void)watch_rest(&desk.watch, &desk.facts, &ops, NULL, &desk.deadline);
    return desk.asked;
}

Test(watch, idle_is_entered_after_some_quiet)
{
    member(0, desk.inbox, true);
    watch_finished(&desk.watch, NOW);
    cr_assert_str_eq(rest(), "");
    cr_assert_eq(desk.deadline, NOW + desk.settings.idle_delay);
    desk.facts.now += desk.settings.idle_delay;
    cr_assert_str_eq(rest(), "idle;");
}

Test(watch, idle_is_issued_again_before_it_grows_old_and_probed_when_the_server_is_silent)
{
    member(0, desk.inbox, true);
    cr_assert_str_eq(rest(), "idle;");
    desk.facts.ready = false;
    desk.facts.idling = true;
    cr_assert_str_eq(rest(), "");
    desk.facts.now = NOW + desk.settings.idle_probe;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "end idle;");
    desk.facts.heard_at = desk.facts.now;
    cr_assert_str_eq(rest(), "");
    desk.facts.now = desk.facts.heard_at = NOW + desk.facts.idle_reissue;
    cr_assert_str_eq(rest(), "end idle;");
}

Test(watch, without_idle_there_is_a_noop_every_poll_interval_while_somebody_looks)
{
    desk.facts.announces_idle = false;
    member(0, desk.inbox, true);
    desk.inbox->looked_at = NOW;
    cr_assert_str_eq(rest(), "");
    cr_assert_eq(desk.deadline, NOW - USEC_SECOND + desk.settings.watch_interval);
    desk.facts.now = NOW + desk.settings.poll_interval;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "run INBOX;");
    cr_assert_str_eq(rest(), "", "it has been asked for");
}

Test(watch, a_server_that_refuses_idle_is_polled)
{
    member(0, desk.inbox, true);
    watch_idle_over(&desk.watch, true, NOW);
    desk.facts.now = NOW + desk.settings.poll_interval;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "run INBOX;");
    watch_connected(&desk.watch, &desk.settings, desk.facts.now);
    desk.facts.now += desk.settings.idle_delay;
    cr_assert_str_eq(rest(), "idle;", "another connection may take it");
}

Test(watch, the_selected_mailbox_comes_in_step_before_all_else_if_somebody_looks)
{
    desk.facts.in_step = false;
    desk.watch.round_at = NOW;
    cr_assert_str_eq(rest(), "idle;", "nobody looks");
    member(0, desk.inbox, false);
    cr_assert_str_eq(rest(), "selected INBOX;");
    desk.facts.in_step = true;
    desk.inbox->flags_in_step = false;
    desk.inbox->flags_at = NOW - desk.settings.flag_interval;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "flags INBOX behind;");
    desk.watch.quiet_since = NOW;
    cr_assert_str_eq(rest(), "", "not again before the interval");
}

Test(watch, a_selected_mailbox_in_trouble_is_not_asked_for_before_its_pause_is_over)
{
    member(0, desk.inbox, false);
    desk.facts.in_step = false;
    desk.watch.round_at = USEC_NEVER;
    desk.watch.quiet_since = NOW;
    desk.inbox->shut_until = NOW + USEC_SECOND / 100;
    cr_assert_str_eq(rest(), "");
    cr_assert_leq(desk.deadline, NOW + USEC_SECOND / 100);
    desk.facts.now = desk.inbox->shut_until;
    cr_assert_str_eq(rest(), "selected INBOX;");
}

Test(watch, a_round_looks_at_the_other_mailboxes_that_have_views)
{
    member(0, desk.inbox, false);
    desk.watch.round_at = NOW;
    desk.watch.quiet_since = NOW;
    cr_assert_str_eq(rest(), "", "nobody looks at Work");
    member(1, desk.work, false);
    desk.watch.round_at = NOW;
    desk.work->flags_at = NOW;
    cr_assert_str_eq(rest(), "look Work;");
    desk.watch.round_at = NOW;
    desk.work->flags_at = NOW - desk.settings.watch_full_interval;
    cr_assert_str_eq(rest(), "flags Work behind;", "flags do not show in STATUS");
    desk.watch.round_at = NOW;
    desk.facts.condstore = desk.work->left_with_flags = true;
    cr_assert_str_eq(rest(), "look Work;", "they do where the server has CONDSTORE");
}

Test(watch, idle_moves_to_where_most_clients_wait_after_a_pause)
{
    member(0, desk.work, true);
    member(1, desk.work, true);
    member(2, desk.inbox, true);
    desk.watch.quiet_since = NOW;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "");
    desk.facts.now = NOW + desk.settings.park_delay;
    cr_assert_str_eq(rest(), "selected Work;");
    cr_assert_str_eq(rest(), "idle;", "again in park_delay only");
}

Test(watch, idle_stays_at_inbox_when_as_many_wait_elsewhere)
{
    member(0, desk.work, true);
    member(1, desk.inbox, true);
    desk.watch.round_at = USEC_NEVER;
    desk.facts.now = NOW + desk.settings.park_delay;
    cr_assert_str_eq(rest(), "idle;");
    desk.facts.selected = desk.work;
    (void)rest();
    desk.facts.now += desk.settings.park_delay;
    cr_assert_str_eq(rest(), "selected INBOX;");
}

Test(watch, with_nothing_selected_those_who_wait_are_served_at_once_but_only_once)
{
    member(0, desk.work, true);
    desk.facts.selected = NULL;
    desk.watch.round_at = USEC_NEVER;
    cr_assert_str_eq(rest(), "selected Work;");
    cr_assert_str_eq(rest(), "", "one that fails is not asked for in a circle");
    cr_assert_eq(desk.deadline, NOW + desk.settings.park_delay);
}

Test(watch, what_there_is_no_memory_for_is_not_taken_for_asked)
{
    desk.no_memory = true;
    member(0, desk.inbox, false);
    member(1, desk.work, false);
    desk.facts.in_step = false;
    desk.watch.round_at = NOW;
    cr_assert_not(watch_rest(&desk.watch, &desk.facts, &ops, NULL, &desk.deadline));
    cr_assert_gt(desk.deadline, NOW);
}

/* Nobody else may ever be without a job. */
Test(watch, what_is_due_by_the_clock_does_not_wait_for_rest)
{
    member(0, desk.inbox, false);
    member(1, desk.work, true);
    desk.inbox->flags_in_step = false;
    desk.inbox->flags_urgent = true;
    desk.facts.now += desk.settings.watch_interval;
    desk.asked[0] = '\0';
    watch_clock(&desk.watch, &desk.facts, &ops, NULL, &desk.deadline);
    cr_assert_str_eq(desk.asked, "flags INBOX behind;flags Work behind;");
    desk.asked[0] = '\0';
    watch_clock(&desk.watch, &desk.facts, &ops, NULL, &desk.deadline);
    cr_assert_str_eq(desk.asked, "", "it was asked for");
}

Test(watch, without_idle_the_selected_mailbox_is_polled_while_others_work)
{
    member(0, desk.inbox, true);
    desk.facts.announces_idle = false;
    desk.facts.now += desk.settings.poll_interval;
    desk.asked[0] = '\0';
    watch_clock(&desk.watch, &desk.facts, &ops, NULL, &desk.deadline);
    cr_assert_str_eq(desk.asked, "run INBOX;");
}

Test(watch, what_another_session_holds_is_neither_looked_at_nor_parked_on)
{
    static const char another;

    member(0, desk.work, true);
    member(1, desk.work, true);
    mailbox_claim(desk.work, &another);
    desk.watch.round_at = NOW;
    cr_assert_str_eq(rest(), "idle;", "the other session hears of it");
    desk.facts.now += 2 * desk.settings.park_delay;
    desk.watch.round_at = desk.facts.now;
    cr_assert_str_eq(rest(), "idle;", "this one stays");
    mailbox_release(desk.work, &another);
    desk.watch.round_at = desk.facts.now;
    desk.work->flags_at = desk.facts.now;
    cr_assert_str_eq(rest(), "look Work;");
}

Test(watch, one_session_makes_the_rounds)
{
    member(0, desk.work, false);
    desk.facts.makes_rounds = false;
    desk.watch.round_at = NOW;
    desk.work->flags_at = NOW;
    cr_assert_str_eq(rest(), "idle;");
    desk.facts.makes_rounds = true;
    cr_assert_str_eq(rest(), "look Work;");
}
