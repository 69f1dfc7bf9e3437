/* FETCH: what the truth knows from the truth, the rest in slices, each asked again for what was not answered. */
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "session/tell.h"

#include "unit/session/bench.h"

TestSuite(fetch, .init = bench_open_selected, .fini = bench_close);

Test(fetch, uid_and_flags_come_from_the_truth)
{
    bench_flag(20, FLAG_SEEN);
    bench_say("a FETCH 2:3 (UID FLAGS)\r\n");
    bench_expect("* 2 FETCH (UID 20 FLAGS (\\Seen))\r\n* 3 FETCH (UID 30 FLAGS ())\r\na OK FETCH completed.\r\n");
    cr_assert_eq(bench.jobs, 1); /* that of SELECT */
}

Test(fetch, flags_that_are_not_in_step_are_asked_for_with_modseq_where_there_is_one)
{
    bench.flags_in_step = false;
    bench.wants_modseq = true;
    bench_say("a FETCH 1 FLAGS\r\n");
    bench_expect_sent("UID FETCH 10 (UID FLAGS MODSEQ)");
    bench_answer("* 1 FETCH (UID 10 FLAGS ())\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (FLAGS ())\r\na OK FETCH completed.\r\n");
}

Test(fetch, messages_go_in_slices)
{
    bench.settings.slice_messages = 2;
    bench_say("a UID FETCH 10:30 RFC822.SIZE\r\n");
    bench_expect_sent("UID FETCH 10:20 (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 1)\r\n* 2 FETCH (UID 20 RFC822.SIZE 2)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 30 (UID RFC822.SIZE)");
    bench_answer("* 3 FETCH (UID 30 RFC822.SIZE 3)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 RFC822.SIZE 1)\r\n* 2 FETCH (UID 20 RFC822.SIZE 2)\r\n"
                 "* 3 FETCH (UID 30 RFC822.SIZE 3)\r\na OK UID FETCH completed.\r\n");
}

Test(fetch, built_again_it_asks_for_what_was_not_answered)
{
    bench_say("a FETCH 1:3 RFC822.SIZE\r\n");
    bench_expect_sent("UID FETCH 10:30 (UID RFC822.SIZE)");
    bench_answer("* 2 FETCH (UID 20 RFC822.SIZE 2)\r\n");
    bench_expect_sent("UID FETCH 10,30 (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 1)\r\n* 3 FETCH (UID 30 RFC822.SIZE 3)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 3 FETCH (RFC822.SIZE 3)\r\na OK");
}

Test(fetch, a_living_message_without_an_answer_is_asked_for_once_more)
{
    bench_say("a FETCH 1:3 RFC822.SIZE\r\n");
    bench_expect_sent("UID FETCH 10:30 (UID RFC822.SIZE)");
    bench_answer("* 2 FETCH (UID 20 RFC822.SIZE 2)\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_SELECTED);
    bench_expunge(30);
    bench_done(JOB_OK, "x OK nothing else is new");
    bench_expect_sent("UID FETCH 10 (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 1)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 1 FETCH (RFC822.SIZE 1)\r\na OK [EXPUNGEISSUED]");
}

Test(fetch, ok_without_an_answer_for_a_living_message_is_refused)
{
    bench_say("a FETCH 1:2 RFC822.SIZE\r\n");
    for (unsigned i = 0; i < 2; i++) {
        bench_build();
        bench_answer("* 2 FETCH (UID 20 RFC822.SIZE 2)\r\n");
        bench_done(JOB_OK, "x OK done");
        if (i == 0)
            bench_done(JOB_OK, "x OK no news");
    }
    bench_expect("* 2 FETCH (RFC822.SIZE 2)\r\na NO [SERVERBUG] The mail server did not answer for all messages; "
                 "please try again\r\n");
}

Test(fetch, messages_that_are_gone_are_said_at_the_end)
{
    bench_expunge(20);
    bench_say("a FETCH 1:3 UID\r\nb UID FETCH 10:30 UID\r\n");
    bench_expect_like("* 3 FETCH (UID 30)\r\na OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
}

Test(fetch, only_reading_a_body_wants_the_mailbox_read_write)
{
    bench_say("a FETCH 1 BODY[]\r\n");
    cr_assert(bench.job->read_write);
    bench_done(JOB_OK, "x OK done");
    bench_say("b FETCH 1 BODY.PEEK[]\r\n");
    cr_assert_not(bench.job->read_write);
    bench_done(JOB_OK, "x OK done");
}

Test(fetch, arrivals_are_told_before_a_set_of_uids_is_read)
{
    bench_deliver(40);
    bench_say("a UID FETCH * UID\r\n");
    bench_expect("* 4 EXISTS\r\n* 0 RECENT\r\n* 4 FETCH (UID 40)\r\na OK UID FETCH completed.\r\n");
}

Test(fetch, what_is_no_fetch_is_bad)
{
    bench_say("a FETCH 1\r\nb FETCH 1 NOSUCH\r\nc FETCH 4 UID\r\nd FETCH 1 MODSEQ\r\n");
    bench_expect_like("a BAD FETCH takes a set of messages and what to fetch of them\r\nb BAD ");
}

/* So that no other client waits for it; and what is left may have to be asked for. */
Test(fetch, very_many_messages_are_answered_from_the_truth_in_several_steps)
{
    for (uint32_t uid = 40; uid < 40 + 2 * TELL_SLICE; uid++)
        bench_deliver(uid);
    bench_say("a NOOP\r\n");
    bench_done(JOB_OK, NULL);
    (void)bench_take_lines();
    bench_say("b FETCH 1:* FLAGS\r\n");
    cr_assert_eq(bench_take_lines(), TELL_SLICE);
    bench_pass_time(1);
    cr_assert_eq(bench_take_lines(), TELL_SLICE);
    bench.flags_in_step = false;
    bench_pass_time(1);
    cr_assert_eq(bench_take_lines(), 0);
    cr_assert_not_null(bench.job);
    bench_done(JOB_NO, "x NO no");
}

Test(fetch, changedsince_leaves_out_what_has_not_changed)
{
    bench_select_with_modseqs();
    bench_flag_at(20, FLAG_SEEN, 60);
    bench_say("a FETCH 1:* (FLAGS) (CHANGEDSINCE 50)\r\n");
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect(
        "* 2 FETCH (FLAGS (\\Seen) MODSEQ (60))\r\n* OK [HIGHESTMODSEQ 50] Highest\r\na OK FETCH completed.\r\n");
}

Test(fetch, changes_that_the_server_has_told_are_not_asked_for_again)
{
    bench_select_with_modseqs();
    bench.flags_in_step = false;
    bench_say("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 40 VANISHED)\r\n");
    bench_expect_sent("UID FETCH 1:30 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    bench_answer("* VANISHED (EARLIER) 1:9\r\n* 3 FETCH (UID 30 FLAGS () MODSEQ (50))\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect(
        "* VANISHED (EARLIER) 1:9\r\n* 3 FETCH (UID 30 FLAGS () MODSEQ (50))\r\na OK UID FETCH completed.\r\n");
}

Test(fetch, a_mod_sequence_that_is_not_known_is_asked_for)
{
    bench_select_with_modseqs();
    bench_flag(20, FLAG_SEEN);
    bench_say("a UID FETCH 20 (MODSEQ)\r\n");
    bench_expect_sent("UID FETCH 20 (UID FLAGS MODSEQ)");
    bench_answer("* 2 FETCH (UID 20 FLAGS (\\Seen) MODSEQ (55))\r\n");
    bench_flag_at(20, FLAG_SEEN, 55);
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 2 FETCH (UID 20 MODSEQ (55))\r\n");
}
