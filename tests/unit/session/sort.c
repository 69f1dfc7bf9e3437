/* SORT: the server's order in the client's numbers, and RETURN made from it. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

static void open_sorting(void)
{
    bench_open_selected();
    bench_offer(CAPABILITY_SORT);
}

TestSuite(sort, .init = open_sorting, .fini = bench_close);

Test(sort, the_order_is_the_servers_and_the_numbers_are_the_clients)
{
    bench_say("a SORT (reverse Arrival subject) utf-8 2:3 UNSEEN\r\n");
    bench_expect_sent("UID SORT (REVERSE ARRIVAL SUBJECT) utf-8 UID 20:30 UNSEEN");
    bench_answer("* SORT 30 10 20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SORT 3 1 2\r\na OK SORT completed.\r\n");
    bench_say("b UID SORT (DATE) US-ASCII ALL\r\n");
    (void)bench_build();
    bench_answer("* SORT 20 10\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SORT 20 10\r\nb OK UID SORT completed.\r\n");
}

Test(sort, the_dead_are_left_out_and_expunges_wait)
{
    bench_say("a SORT (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* SORT 30 10 20 40\r\n");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SORT 3 2\r\na OK SORT completed.\r\n");
}

Test(sort, return_is_made_from_the_order)
{
    bench_say("a SORT RETURN (MIN MAX ALL COUNT) (DATE) UTF-8 ALL\r\n");
    bench_expect_sent("UID SORT (DATE) UTF-8 ALL");
    bench_answer("* SORT 30 10 20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"a\") MIN 3 MAX 2 ALL 3,1:2 COUNT 3\r\na OK SORT completed.\r\n");
}

Test(sort, esort_is_used_where_the_server_has_it_and_its_order_is_kept)
{
    bench_offer(CAPABILITY_ESORT);
    bench_say("a SORT (DATE) UTF-8 ALL\r\n");
    bench_expect_sent("UID SORT RETURN (ALL) (DATE) UTF-8 ALL");
    bench_answer("* ESEARCH (TAG \"x\") UID ALL 30,10:20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SORT 3 1 2\r\na OK SORT completed.\r\n");
    bench_say("b UID SORT (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* ESEARCH (TAG \"x\") UID ALL 20:10,25:40\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* SORT 20 10 30\r\nb OK UID SORT completed.\r\n");
}

Test(sort, asked_is_not_answered)
{
    bench_offer(CAPABILITY_ESORT);
    bench_say("a SORT (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [SERVERBUG]");
}

Test(sort, a_server_that_names_more_than_there_are_is_not_believed)
{
    bench_say("a SORT (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* SORT 10 20 30 10 20 30\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [SERVERBUG]");
}

Test(sort, what_it_saves_is_in_no_order)
{
    bench_say("a SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* SORT 30 10\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"a\") MIN 3\r\na OK SORT completed.\r\n");
    bench_say("b UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 30 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("b OK");
    bench_say("c SORT RETURN (SAVE) (DATE) UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* SORT 30 10\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("c OK");
    bench_say("d UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 10,30 other");
}

Test(sort, what_is_malformed_is_bad)
{
    static const char *const bad[] = {"SORT (DATE) UTF-8",        "SORT DATE UTF-8 ALL",        "SORT () UTF-8 ALL",
                                      "SORT (REVERSE) UTF-8 ALL", "SORT (NOSUCH) UTF-8 ALL",    "SORT (DATE) (x) ALL",
                                      "SORT (DATE) UTF-8 NOSUCH", "SORT (DISPLAYTO) UTF-8 ALL", "SORT"};

    bench.settings.max_bad = 100;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bench_say("a ");
        bench_say(bad[i]);
        bench_say("\r\n");
        bench_expect_like("a BAD ");
    }
    cr_assert_null(bench.job);
    bench_offer(CAPABILITY_SORT_DISPLAY);
    bench_say("a SORT (DISPLAYTO REVERSE DISPLAYFROM) UTF-8 ALL\r\n");
    bench_expect_sent("UID SORT (DISPLAYTO REVERSE DISPLAYFROM) UTF-8 ALL");
}
