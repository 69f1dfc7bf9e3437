/* The command in progress: one tagged answer, what may be told before it, one job, and the end of a session in its
 * middle. */
#include "session/run.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdlib.h>

#include "session/tell.h"
#include "unit/session/bench.h"

TestSuite(run, .init = bench_open_selected, .fini = bench_close);

Test(run, commands_are_answered_one_after_the_other)
{
    bench_say("a NOOP\r\nb NOOP\r\n");
    bench_expect("");
    bench_done(JOB_OK, NULL);
    bench_expect("a OK NOOP completed.\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect("b OK NOOP completed.\r\n");
}

Test(run, an_expunge_waits_while_a_command_by_number_is_queued)
{
    bench_expunge(10);
    bench_say("a NOOP\r\nb STORE 2 +FLAGS (x)\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect("a OK NOOP completed.\r\n");
    bench_expect_sent("UID STORE 20 +FLAGS (x)");
    bench_done(JOB_NO, "x NO no");
    bench_expect("b NO no\r\n"); /* it would have been STORE 1 */
    bench_say("c NOOP\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect("* 1 EXPUNGE\r\nc OK NOOP completed.\r\n");
}

/* Cut anywhere in its line, it has been sent all the same. */
Test(run, an_expunge_waits_while_half_a_command_has_come)
{
    bench_expunge(10);
    bench_say("a NOOP\r\nb STORE 2 +FL");
    bench_done(JOB_OK, NULL);
    bench_expect("a OK NOOP completed.\r\n");
    bench_say("AGS (x)\r\n");
    bench_expect_sent("UID STORE 20 +FLAGS (x)");
    bench_done(JOB_NO, "x NO no");
    bench_expect("b NO no\r\n");
}

/* The answer comes behind the last piece. */
Test(run, very_much_news_is_told_in_several_steps)
{
    for (uint32_t uid = 40; uid < 40 + 3 * TELL_SLICE; uid++)
        bench_deliver(uid);
    bench_say("a NOOP\r\n");
    bench_done(JOB_OK, NULL);
    cr_assert_eq(bench_take_lines(), 3);
    for (uint32_t uid = 40; uid < 40 + 3 * TELL_SLICE; uid++)
        bench_expunge(uid);
    bench_say("b NOOP\r\n");
    bench_done(JOB_OK, NULL);
    for (int slice = 0; slice < 2; slice++) {
        cr_assert_eq(bench_take_lines(), TELL_SLICE);
        cr_assert(run_in_progress(bench.session));
        bench_pass_time(1);
    }
    cr_assert_eq(bench_take_lines(), TELL_SLICE + 1);
    cr_assert_not(run_in_progress(bench.session));
}

Test(run, a_command_without_a_tag_is_answered_untagged)
{
    bench_say("+ NOOP\r\n");
    bench_expect("* BAD Invalid tag\r\n");
}

Test(run, too_many_bad_ones_in_a_row_end_the_session)
{
    bench.settings.max_bad = 3;
    bench_say("a NO1\r\nb NO2\r\nc CAPABILITY\r\n");
    (void)bench_heard();
    bench_say("d NO1\r\ne NO2\r\nf NO3\r\ng CAPABILITY\r\n");
    bench_expect("d BAD Unknown command\r\ne BAD Unknown command\r\nf BAD Unknown command\r\n"
                 "* BYE Too many invalid commands\r\n");
}

Test(run, without_memory_for_a_job_the_answer_is_no)
{
    bench.refuses_jobs = true;
    bench_say("a NOOP\r\n");
    bench_expect("a NO [UNAVAILABLE] Out of memory; please try again later\r\n");
}

Test(run, a_failed_output_ends_the_session_and_abandons_the_job)
{
    bench_say("a NOOP\r\n");
    output_fail(&bench.session->output);
    bench_settle();
    cr_assert_eq(session_wants(bench.session), SESSION_ABORT);
    cr_assert(bench.abandoned == 1 && !bench.member);
}

Test(run, what_comes_for_a_session_that_is_over_is_dropped)
{
    bench_say("a SEARCH ALL\r\n");
    session_ask_to_end(bench.session, SESSION_END_ABORT, "enough");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_answer("* SEARCH 1\r\n");
    bench_done(JOB_OK, NULL);
    cr_assert_eq(session_wants(bench.session), SESSION_ABORT);
    bench_expect("");
}

Test(run, a_second_tagged_answer_aborts, .signal = SIGABRT)
{
    bench_say("a NOOP\r\n");
    bench_done(JOB_OK, NULL);
    run_ok(bench.session, NULL);
}

Test(run, an_answer_while_its_job_is_under_way_aborts, .signal = SIGABRT)
{
    bench_say("a NOOP\r\n");
    run_ok(bench.session, NULL);
}

Test(run, an_answer_within_an_open_line_aborts, .signal = SIGABRT)
{
    bench_say("a IDLE\r\n");
    output_open_line(&bench.session->output);
    run_ok(bench.session, NULL);
}

Test(run, a_second_command_in_progress_aborts, .signal = SIGABRT)
{
    bench_say("a IDLE\r\n");
    run_take(bench.session, NULL, NULL);
}

Test(run, a_client_that_waits_for_long_is_told_so)
{
    bench_say("a FETCH 1 ENVELOPE\r\nb NOOP\r\n");
    bench_pass_time(10 * USEC_SECOND - 1);
    bench_expect("");
    bench_pass_time(1);
    bench_expect("* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n");
    bench_pass_time(10 * USEC_SECOND);
    bench_expect("* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n");
    bench_done(JOB_NO, "x NO no");
    bench_expect("a NO no\r\n");
    bench_pass_time(10 * USEC_SECOND);
    bench_expect("* OK [INPROGRESS (\"b\" NIL NIL)] Still at work\r\n");
}

Test(run, nothing_is_told_within_an_open_line)
{
    bench_say("a FETCH 1 BODY.PEEK[TEXT]\r\n");
    (void)bench_build();
    output_open_line(&bench.session->output);
    bench_pass_time(30 * USEC_SECOND);
    bench_expect("");
    output_close_line(&bench.session->output);
}
