/* REPLACE: the old message goes as if the client had removed it, the new one comes as by APPEND. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

static void open_with_replace(void)
{
    bench_open_selected();
    bench_offer(CAPABILITY_REPLACE);
}

TestSuite(replace, .init = open_with_replace, .fini = bench_close);

Test(replace, the_old_one_goes_and_the_new_one_comes)
{
    bench_say("a REPLACE 2 INBOX (\\Seen) {4+}\r\nmail\r\n");
    cr_assert_eq(bench.job->policy, POLICY_APPEND);
    bench_expect_sent("UID REPLACE 20 INBOX (\\Seen) {4}\r\nmail");
    bench_answer("* OK [APPENDUID 7 40] stored\r\n");
    bench_expunge(20);
    bench_done(JOB_OK, "x OK done");
    bench_deliver(40);
    bench_done(JOB_OK, NULL);
    bench_expect(
        "* OK [APPENDUID 7 40] Stored\r\n* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 0 RECENT\r\na OK REPLACE completed.\r\n");
}

Test(replace, one_that_has_gone_is_not_replaced)
{
    bench_say("a REPLACE 2 other {4+}\r\nmail\r\n");
    bench_expunge(20);
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    bench_expect_like("a NO [EXPUNGEISSUED] The message no longer exists\r\n");
    bench_say("b UID REPLACE 25 other {4+}\r\nmail\r\n");
    bench_expect("b NO [EXPUNGEISSUED] The message no longer exists\r\n");
}

Test(replace, a_lost_one_is_answered_and_not_repeated)
{
    bench_say("a UID REPLACE 10 other {4+}\r\nmail\r\n");
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE]");
    cr_assert_null(bench.job);
}

Test(replace, arguments_that_are_none_are_bad)
{
    bench_say("a REPLACE 1:2 other {1+}\r\nx\r\nb REPLACE 9 other {1+}\r\nx\r\nc REPLACE 1 other\r\n"
              "d REPLACE 1 other {1+}\r\nx {1+}\r\ny\r\n");
    bench_expect("a BAD REPLACE takes one message\r\nb BAD There is no message with this number\r\n"
                 "c BAD APPEND ends with a message, as one literal\r\n"
                 "d BAD APPEND ends with a message, as one literal\r\n");
}
