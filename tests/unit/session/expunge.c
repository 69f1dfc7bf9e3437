/* EXPUNGE and UID EXPUNGE: what they removed is told before their OK. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(expunge, .init = bench_open_selected, .fini = bench_close);

Test(expunge, what_it_removed_is_told_even_if_the_next_command_uses_numbers)
{
    bench_say("a EXPUNGE\r\nb FETCH 1 (UID)\r\n");
    bench_expect_sent("EXPUNGE");
    cr_assert(bench.job->read_write);
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 EXPUNGE\r\na OK done\r\n* 1 FETCH (UID 20)\r\nb OK FETCH completed.\r\n");
}

/* Their numbers have not moved for the client, and those of the commands behind mean what it saw. */
Test(expunge, what_others_had_removed_before_waits_while_numbers_wait)
{
    bench_expunge(20);
    bench_say("a EXPUNGE\r\nb STORE 2 +FLAGS (x)\r\n");
    bench_expect_sent("EXPUNGE");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 EXPUNGE\r\na OK done\r\n");
    bench_expect_sent("UID STORE 30 +FLAGS (x)");
    bench_done(JOB_NO, "x NO no");
}

Test(expunge, one_that_is_refused_has_removed_nothing)
{
    bench_say("a EXPUNGE\r\nb STORE 3 +FLAGS (x)\r\n");
    bench_expect_sent("EXPUNGE");
    bench_expunge(10);
    bench_done(JOB_NO, "x NO no");
    bench_expect("a NO no\r\n");
    bench_expect_sent("UID STORE 30 +FLAGS (x)");
    bench_done(JOB_NO, "x NO no");
}

Test(expunge, of_uid_expunge_only_its_own_while_numbers_wait)
{
    bench_offer(CAPABILITY_UIDPLUS);
    bench_say("a UID EXPUNGE 20\r\nb FETCH 1 (UID)\r\n");
    bench_expect_sent("UID EXPUNGE 20");
    bench_expunge(20);
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 2 EXPUNGE\r\na OK done\r\n");
}

Test(expunge, a_long_set_goes_in_parts)
{
    bench_offer(CAPABILITY_UIDPLUS);
    bench.settings.upstream_command_max = 4;
    bench_say("a UID EXPUNGE 10,30\r\n");
    bench_expect_sent("UID EXPUNGE 10");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 30");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK done\r\n");
}

Test(expunge, without_uidplus_and_without_messages)
{
    bench_say("a UID EXPUNGE 10\r\nb UID EXPUNGE x\r\n");
    bench_expect("a BAD UID EXPUNGE is not possible: the mail server does not support it\r\n"
                 "b BAD This is not a set of message numbers\r\n");
    bench_offer(CAPABILITY_UIDPLUS);
    bench_say("c UID EXPUNGE 11\r\n");
    bench_expect("c OK UID EXPUNGE completed.\r\n");
}
