/* APPEND: sent as it came, never sent twice, and its answer waits for the message. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(append, .init = bench_open_selected, .fini = bench_close);

Test(append, the_message_goes_up_as_it_came)
{
    bench_say("a APPEND other (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {4+}\r\nmail\r\n");
    cr_assert_eq(bench.job->policy, POLICY_APPEND);
    bench_expect_sent("APPEND other (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {4}\r\nmail");
    bench_done(JOB_OK, "x OK [APPENDUID 7 41] done");
    bench_expect("a OK [APPENDUID 7 41] APPEND completed.\r\n");
    cr_assert_eq(bench.touched, 1);
}

Test(append, a_uid_that_cannot_be_is_not_handed_on)
{
    bench_say("a APPEND other {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK [APPENDUID 7 0] done");
    bench_expect("a OK APPEND completed.\r\n");
}

Test(append, into_the_selected_mailbox_the_ok_waits_for_the_message)
{
    bench_say("a APPEND INBOX {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_LOOK);
    bench_deliver(40);
    bench_expect("");
    bench_done(JOB_OK, NULL);
    bench_expect("* 4 EXISTS\r\n* 0 RECENT\r\na OK APPEND completed.\r\n");
}

Test(append, the_ok_waits_a_second_at_most)
{
    bench_say("a APPEND INBOX {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_pass_time(USEC_SECOND - 1);
    bench_expect("");
    bench_pass_time(1);
    bench_expect("a OK APPEND completed.\r\n");
    cr_assert_eq(bench.abandoned, 1);
}

Test(append, a_lost_one_is_answered_and_not_repeated)
{
    bench_say("a APPEND other {4+}\r\nmail\r\n");
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE]");
    cr_assert_null(bench.job);
}

Test(append, arguments_that_are_none_are_bad)
{
    bench_say("a APPEND other (\\Recent) {1+}\r\nx\r\nb APPEND other\r\nc APPEND other ~{1+}\r\nx\r\n"
              "d APPEND other () (x) {1+}\r\nx\r\ne APPEND other \"a\\\"b\" {1+}\r\nx\r\n");
    bench_expect("a BAD A message cannot be given this flag\r\n"
                 "b BAD APPEND ends with a message, as one literal\r\n"
                 "c BAD literal8 is not supported\r\n"
                 "d BAD APPEND ends with a message, as one literal\r\n"
                 "e BAD The date of a message is such as \"01-Feb-1994 12:00:00 +0100\"\r\n");
}
