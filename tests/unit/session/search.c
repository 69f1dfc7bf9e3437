/* SEARCH: sets as UIDs upwards, as numbers downwards, and only what lives and is counted. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(search, .init = bench_open_selected, .fini = bench_close);

Test(search, numbers_go_up_as_uids_and_come_back_as_numbers)
{
    bench_say("a SEARCH 2:3 UNSEEN\r\n");
    bench_expect_sent("UID SEARCH UID 20:30 UNSEEN");
    bench_answer("* SEARCH 20 30\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SEARCH 2 3\r\na OK SEARCH completed.\r\n");
}

Test(search, esearch_is_used_where_the_server_has_it)
{
    bench_offer(CAPABILITY_ESEARCH);
    bench_say("a UID SEARCH ALL\r\n");
    bench_expect_sent("UID SEARCH RETURN (ALL) ALL");
    bench_answer("* ESEARCH (TAG \"x\") UID ALL 10,20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SEARCH 10 20\r\na OK UID SEARCH completed.\r\n");
}

Test(search, ok_without_the_esearch_that_is_due_is_refused)
{
    bench_offer(CAPABILITY_ESEARCH);
    bench_say("a UID SEARCH ALL\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect("a NO [SERVERBUG] The mail server did not say what it has found; please try again\r\n");
}

Test(search, what_cannot_be_read_is_refused)
{
    bench_offer(CAPABILITY_ESEARCH);
    bench_say("a SEARCH ALL\r\n");
    bench_expect_sent("UID SEARCH RETURN (ALL) ALL");
    bench_answer("* ESEARCH (TAG \"x\") UID ALL 1:*\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [SERVERBUG]");
}

Test(search, the_dead_are_not_shown_and_expunges_wait)
{
    bench_say("a SEARCH ALL\r\n");
    (void)bench_build();
    bench_answer("* SEARCH 10 20 40\r\n");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SEARCH 2\r\na OK SEARCH completed.\r\n");
}

Test(search, an_arrival_is_told_before_it_is_found)
{
    bench_say("a SEARCH ALL\r\n");
    (void)bench_build();
    bench_answer("* SEARCH 40\r\n");
    bench_deliver(40);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 4 EXISTS\r\n* 0 RECENT\r\n* SEARCH 4\r\na OK SEARCH completed.\r\n");
}

Test(search, keys_that_are_none_are_bad_and_within_only_where_it_is_offered)
{
    bench_say("a SEARCH\r\nb SEARCH NOSUCH\r\nc SEARCH YOUNGER 5\r\n");
    bench_expect_like("a BAD ");
    cr_assert_null(bench.job);
}

Test(search, return_is_answered_from_all_that_was_found)
{
    bench_say("a1 SEARCH RETURN (MAX COUNT MIN ALL) UNSEEN\r\n");
    bench_expect_sent("UID SEARCH UNSEEN");
    bench_answer("* SEARCH 30 10 20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"a1\") MIN 1 MAX 3 ALL 1:3 COUNT 3\r\na1 OK SEARCH completed.\r\n");
    bench_say("b UID SEARCH RETURN () UNSEEN\r\n");
    (void)bench_build();
    bench_answer("* SEARCH 10 30\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"b\") UID ALL 10,30\r\nb OK UID SEARCH completed.\r\n");
}

Test(search, of_nothing_found_only_the_count_is_told)
{
    bench_say("a SEARCH RETURN (MIN MAX ALL COUNT) SEEN\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"a\") COUNT 0\r\na OK SEARCH completed.\r\n");
    bench_say("b SEARCH RETURN (MIN) SEEN\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"b\")\r\nb OK SEARCH completed.\r\n");
}

Test(search, minimum_and_count_leave_out_the_dead)
{
    bench_say("a SEARCH RETURN (MIN COUNT) ALL\r\n");
    (void)bench_build();
    bench_answer("* SEARCH 10 20 30\r\n");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"a\") MIN 2 COUNT 2\r\na OK SEARCH completed.\r\n");
}

Test(search, options_that_are_none_are_bad)
{
    bench_say("a SEARCH RETURN (NOSUCH) ALL\r\n");
    bench_expect_like("a BAD ");
    bench_say("b SEARCH RETURN (MIN) NOSUCH\r\n");
    bench_expect_like("b BAD ");
    cr_assert_null(bench.job);
}
