/* STORE of X-GM-LABELS: stored, and each living message is answered with what it has. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

static void open_with_labels(void)
{
    bench_open_selected();
    bench_offer(CAPABILITY_X_GM_EXT_1);
}

TestSuite(labels, .init = open_with_labels, .fini = bench_close);

Test(labels, each_message_is_answered_with_its_labels)
{
    bench_say("a STORE 1:2 +X-GM-LABELS (\\Inbox \"two words\")\r\n");
    cr_assert_eq(bench.job->policy, POLICY_STORE_CHANGE);
    bench_expect_sent("UID STORE 10,20 +X-GM-LABELS (\\Inbox \"two words\")");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 10,20 (UID X-GM-LABELS)");
    bench_answer("* 1 FETCH (UID 10 X-GM-LABELS (\\Inbox \"two words\" x))\r\n* 2 FETCH (UID 20 X-GM-LABELS ())\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (X-GM-LABELS (\\Inbox \"two words\" x))\r\n* 2 FETCH (X-GM-LABELS ())\r\n"
                 "a OK STORE completed.\r\n");
}

Test(labels, silence_asks_for_nothing)
{
    bench_say("a UID STORE 10:20 -x-gm-labels.silent one\r\n");
    bench_expect_sent("UID STORE 10,20 -X-GM-LABELS (one)");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK UID STORE completed.\r\n");
    bench_say("b STORE 3 X-GM-LABELS.SILENT ()\r\n");
    cr_assert_eq(bench.job->policy, POLICY_STORE_REPLACE);
    bench_expect_sent("UID STORE 30 X-GM-LABELS ()");
}

Test(labels, one_that_has_gone_is_left_out_and_one_that_lives_must_be_told)
{
    bench_say("a UID STORE 10:20 X-GM-LABELS (a)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expunge(10);
    bench_expect_sent("UID FETCH 20 (UID X-GM-LABELS)");
    bench_answer("* 1 FETCH (UID 20 X-GM-LABELS NIL)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 20 (UID X-GM-LABELS)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [SERVERBUG]");
}

Test(labels, arguments_that_are_none_are_bad)
{
    bench_say("a STORE 1 X-GM-LABELS\r\nb STORE 1 X-GM-LABELS ((a))\r\nc STORE 9 X-GM-LABELS (a)\r\n"
              "d STORE 1 X-GM-LABELS (a) b\r\n");
    bench_expect("a BAD STORE takes a set of messages, X-GM-LABELS and a list of labels\r\n"
                 "b BAD This is not a list of labels\r\nc BAD There is no message with this number\r\n"
                 "d BAD STORE takes a set of messages, X-GM-LABELS and a list of labels\r\n");
}
