/* What becomes of a client's commands when it goes without waiting for the answers. */
#include <criterion/criterion.h>

#include "session/session.h"
#include "unit/session/bench.h"

static void open(void)
{
    bench_open_selected();
    bench_offer(CAPABILITY_UIDPLUS);
}

TestSuite(left, .init = open, .fini = bench_close);

static void leave(void)
{
    session_closed(bench.session);
    bench.session = NULL;
    bench_settle();
}

static void expect_gone(void)
{
    cr_assert_null(bench.job);
    cr_assert_null(bench.member);
}

Test(left, close_removes_what_was_deleted_when_the_client_went)
{
    bench_flag(20, FLAG_DELETED);
    bench_say("a CLOSE\r\nb LOGOUT\r\n");
    leave();
    cr_assert_gt(bench.job->owed_until, 0);
    bench_flag(30, FLAG_DELETED); /* by another one, later */
    bench.flags_in_step = false;
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID EXPUNGE 20");
    cr_assert(bench.job->policy == POLICY_REMOVE && bench.job->owed_until > 0);
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, close_has_no_more_time_where_the_server_removes_all_or_nothing)
{
    bench.capabilities.has[CAPABILITY_UIDPLUS] = false;
    bench_flag(20, FLAG_DELETED);
    bench_say("a CLOSE\r\n");
    leave();
    cr_assert_eq(bench.job->owed_until, 0);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("EXPUNGE");
    cr_assert_eq(bench.job->policy, POLICY_EXPUNGE);
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, expunge_names_its_messages_when_it_is_sent_again)
{
    bench_flag(10, FLAG_DELETED);
    bench_say("a EXPUNGE\r\n");
    bench_expect_sent("EXPUNGE");
    bench.job->course.written = true;
    leave();
    bench_flag(20, FLAG_DELETED);
    cr_assert(bench.job->policy == POLICY_REMOVE && bench.job->owed_until > 0);
    bench_expect_sent("UID EXPUNGE 10");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, a_divided_removal_is_finished)
{
    bench.settings.upstream_command_max = 4;
    bench_say("a UID EXPUNGE 10,30\r\n");
    bench_expect_sent("UID EXPUNGE 10");
    leave();
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 30");
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, what_had_arrived_is_done_in_its_order_but_not_read)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\nb STORE 2 +FLAGS.SILENT (\\Deleted)\r\nc NOOP\r\nd CLOSE\r\ne LOGOUT\r\n");
    leave();
    cr_assert_eq(bench.abandoned, 1);
    bench_expect_sent("UID STORE 20 +FLAGS (\\Deleted)");
    bench_flag(20, FLAG_DELETED);
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID EXPUNGE 20");
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, what_follows_a_failure_is_not_done)
{
    bench_say("a COPY 1 other\r\nb STORE 1 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\n");
    bench_expect_sent("UID COPY 10 other");
    leave();
    bench_done(JOB_NO, "x NO [OVERQUOTA] full");
    expect_gone();
}

Test(left, nothing_is_done_for_one_that_only_reads)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\nb SELECT other\r\nc LOGOUT\r\n");
    leave();
    cr_assert_eq(bench.abandoned, 1);
    expect_gone();
}

Test(left, it_is_given_up_after_a_time)
{
    bench_flag(20, FLAG_DELETED);
    bench_say("a CLOSE\r\n");
    leave();
    bench_pass_time(9 * USEC_MINUTE);
    cr_assert_not_null(bench.job);
    bench_pass_time(2 * USEC_MINUTE);
    expect_gone();
}

static void expect_time_without_answer(const char *commands, bool ended)
{
    struct job *job;

    bench_flag(20, FLAG_DELETED);
    bench_say(commands);
    job = bench.job;
    if (ended)
        session_end_of_input(bench.session);
    cr_assert(job->ops->overdue(job, "away"));
    cr_assert_gt(job->owed_until, 0);
    cr_assert_not(job->ops->overdue(job, "away"), "only once");
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID EXPUNGE 20");
    cr_assert_gt(bench.job->owed_until, 0);
    bench_done(JOB_OK, "x OK done");
}

Test(left, one_that_only_ended_its_sending_side_is_not_told_no_for_what_can_still_be_done)
{
    expect_time_without_answer("a CLOSE\r\n", true);
    bench_expect("a OK CLOSE completed.\r\n* BYE Connection closed\r\n");
}

Test(left, one_that_logs_out_is_not_told_no_for_what_can_still_be_done)
{
    expect_time_without_answer("a CLOSE\r\nb LOGOUT\r\n", false);
    bench_expect("a OK CLOSE completed.\r\n* BYE Logging out\r\nb OK LOGOUT completed.\r\n");
}

Test(left, one_that_stays_is_told_no)
{
    bench_say("a CLOSE\r\n");
    cr_assert_not(bench.job->ops->overdue(bench.job, "away"));
}

Test(left, a_removal_that_is_lost_is_sent_again_for_one_that_logs_out)
{
    bench_flag(20, FLAG_DELETED);
    bench_say("a EXPUNGE\r\nb LOGOUT\r\n");
    bench_expect_sent("EXPUNGE");
    bench_done(JOB_LOST, NULL);
    bench_expect_sent("UID EXPUNGE 20");
    cr_assert_eq(bench.job->policy, POLICY_REMOVE);
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE]");
}

Test(left, a_removal_that_is_lost_is_not_sent_again_for_one_that_stays)
{
    bench_say("a EXPUNGE\r\n");
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE]");
}

Test(left, a_move_made_of_three_commands_is_finished)
{
    bench_say("a UID MOVE 10,20 other\r\n");
    leave();
    cr_assert_eq(bench.job->owed_until, 0, "nothing has been begun");
    bench_expect_sent("UID COPY 10,20 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 20 1] done");
    bench_expect_sent("UID STORE 20 +FLAGS (\\Deleted)");
    cr_assert_gt(bench.job->owed_until, 0);
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 20");
    cr_assert_gt(bench.job->owed_until, 0);
    bench_expunge(20);
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, a_copy_in_parts_is_finished)
{
    bench.settings.upstream_command_max = 4;
    bench_say("a UID COPY 10,30 other\r\n");
    bench_expect_sent("UID COPY 10 other");
    leave();
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID COPY 30 other");
    cr_assert(bench.job->policy == POLICY_COPY && bench.job->owed_until > 0);
    bench_done(JOB_OK, "x OK done");
    expect_gone();
}

Test(left, an_absolute_store_has_no_more_time)
{
    bench_say("a STORE 1 FLAGS (\\Seen)\r\n");
    leave();
    cr_assert_eq(bench.job->owed_until, 0);
    bench_done(JOB_DEAD, NULL);
    expect_gone();
}

/* Nobody would ever be shown it. */
Test(left, nothing_is_recent_to_a_client_that_has_gone)
{
    bench_say("a UID COPY 10 other\r\nb UID COPY 20 other\r\n");
    bench_expect_sent("UID COPY 10 other");
    leave();
    bench_deliver(40);
    mailbox_note_recent(bench.inbox, 40);
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID COPY 20 other");
    bench_done(JOB_OK, "x OK done");
    cr_assert(uid_set_contains(&bench.inbox->recent_free, 40));
    expect_gone();
}

Test(left, nor_what_it_has_selected_since)
{
    mailbox_note_recent(bench.inbox, 30);
    bench_say("a SELECT INBOX\r\nb UID COPY 20 other\r\n");
    leave();
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID COPY 20 other");
    bench_done(JOB_OK, "x OK done");
    cr_assert(uid_set_contains(&bench.inbox->recent_free, 30));
    expect_gone();
}
