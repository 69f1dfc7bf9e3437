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
