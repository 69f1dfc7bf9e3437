/* SEARCH: sets as UIDs upwards, as numbers downwards, and only what lives and is counted. */
#include <criterion/criterion.h>
#include <stdio.h>

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

/* --- SAVE and $ */

/* Saves what the server finds. */
static void save(const char *command, const char *found, const char *heard)
{
    bench_say(command);
    (void)bench_build();
    bench_answer(found);
    bench_done(JOB_OK, "x OK done");
    bench_expect(heard);
}

Test(search, what_is_saved_stands_for_a_set_until_the_next_search_saves)
{
    save("a SEARCH RETURN (SAVE) UNSEEN\r\n", "* SEARCH 10 30\r\n", "a OK SEARCH completed.\r\n");
    bench_say("b UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 10,30 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("b OK ");
    save("c SEARCH ALL\r\n", "* SEARCH 20\r\n", "* SEARCH 2\r\nc OK SEARCH completed.\r\n");
    bench_say("d UID SEARCH RETURN (SAVE COUNT) NOT $\r\n");
    bench_expect_sent("UID SEARCH NOT UID 10,30");
    bench_answer("* SEARCH 20\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ESEARCH (TAG \"d\") UID COUNT 1\r\nd OK UID SEARCH completed.\r\n");
    bench_say("e COPY $ other\r\n");
    bench_expect_sent("UID COPY 20 other");
}

Test(search, of_minimum_and_maximum_alone_only_these_are_saved)
{
    static const struct {
        const char *options, *told, *copied;
    } cases[] = {{"MIN SAVE", "MIN 1", "10"},
                 {"SAVE MAX", "MAX 3", "30"},
                 {"MAX MIN SAVE", "MIN 1 MAX 3", "10,30"},
                 {"MIN COUNT SAVE", "MIN 1 COUNT 3", "10,20,30"},
                 {"SAVE ALL MAX", "MAX 3 ALL 1:3", "10,20,30"}};
    char command[100], heard[100];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(command, sizeof(command), "a SEARCH RETURN (%s) ALL\r\n", cases[i].options);
        snprintf(heard, sizeof(heard), "* ESEARCH (TAG \"a\") %s\r\na OK SEARCH completed.\r\n", cases[i].told);
        save(command, "* SEARCH 10 20 30\r\n", heard);
        bench_say("b UID COPY $ other\r\n");
        snprintf(heard, sizeof(heard), "UID COPY %s other", cases[i].copied);
        bench_expect_sent(heard);
        bench_done(JOB_OK, "x OK done");
        bench_expect_like("b OK ");
    }
}

Test(search, nothing_saved_is_no_error)
{
    bench_say("a COPY $ other\r\nb FETCH $ UID\r\nc UID STORE $ +FLAGS (\\Seen)\r\n");
    cr_assert_null(bench.job);
    bench_expect("a OK COPY completed.\r\nb OK FETCH completed.\r\nc OK UID STORE completed.\r\n");
    bench_say("d SEARCH $\r\n");
    bench_expect_sent("UID SEARCH NOT ALL");
}

Test(search, no_saves_nothing_and_bad_changes_nothing)
{
    save("a SEARCH RETURN (SAVE) ALL\r\n", "* SEARCH 10 20\r\n", "a OK SEARCH completed.\r\n");
    bench_say("b SEARCH RETURN (SAVE) NOSUCH\r\n");
    bench_expect_like("b BAD ");
    bench_say("c SEARCH TEXT x\r\n");
    (void)bench_build();
    bench_done(JOB_NO, "x NO not now");
    bench_expect_like("c NO ");
    bench_say("d UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 10,20 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("d OK ");
    bench_say("e SEARCH RETURN (SAVE) CHARSET x TEXT x\r\n");
    (void)bench_build();
    bench_done(JOB_NO, "x NO [BADCHARSET] not known");
    bench_expect_like("e NO ");
    bench_say("f COPY $ other\r\n");
    bench_expect_like("f OK ");
    cr_assert_null(bench.job);
}

Test(search, a_message_that_dies_is_no_longer_saved)
{
    save("a SEARCH RETURN (SAVE) ALL\r\n", "* SEARCH 10 20\r\n", "a OK SEARCH completed.\r\n");
    bench_expunge(10);
    bench_say("b COPY $ other\r\n");
    bench_expect_sent("UID COPY 20 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 EXPUNGE\r\nb OK COPY completed.\r\n");
}

Test(search, one_that_arrives_after_it_is_not_saved)
{
    save("a SEARCH RETURN (SAVE) ALL\r\n", "* SEARCH 10 20 30\r\n", "a OK SEARCH completed.\r\n");
    bench_deliver(40);
    bench_say("b UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 10,20,30 other");
}

Test(search, a_part_is_told_and_saved)
{
    save("a SEARCH RETURN (PARTIAL -1:-2 SAVE COUNT) ALL\r\n", "* SEARCH 10 20 30\r\n",
         "* ESEARCH (TAG \"a\") PARTIAL (-1:-2 2:3) COUNT 3\r\na OK SEARCH completed.\r\n");
    bench_say("b UID COPY $ other\r\n");
    bench_expect_sent("UID COPY 10,20,30 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("b OK ");
    save("c UID SEARCH RETURN (PARTIAL 2:9 SAVE MIN) ALL\r\n", "* SEARCH 10 20 30\r\n",
         "* ESEARCH (TAG \"c\") UID MIN 10 PARTIAL (2:9 20,30)\r\nc OK UID SEARCH completed.\r\n");
    save("d UID SEARCH RETURN (SAVE PARTIAL 4:9) ALL\r\n", "* SEARCH 10 20 30\r\n",
         "* ESEARCH (TAG \"d\") UID PARTIAL (4:9 NIL)\r\nd OK UID SEARCH completed.\r\n");
    bench_say("e COPY $ other\r\n");
    bench_expect_like("e OK ");
    cr_assert_null(bench.job);
}

Test(search, a_part_of_a_fetch)
{
    bench.flags_in_step = true;
    bench_say("a UID FETCH 1:* UID (PARTIAL -1:-2)\r\nb UID FETCH 1:15 UID (PARTIAL 2:3)\r\n");
    bench_expect(
        "* 2 FETCH (UID 20)\r\n* 3 FETCH (UID 30)\r\na OK UID FETCH completed.\r\nb OK UID FETCH completed.\r\n");
    bench_expunge(10);
    bench_say("c UID FETCH 1:* UID (PARTIAL 1:1)\r\n");
    bench_expect("* 2 FETCH (UID 20)\r\n* 1 EXPUNGE\r\nc OK UID FETCH completed.\r\n");
    bench_say("d FETCH 1:* UID (PARTIAL 1:1)\r\n");
    bench_expect_like("d BAD ");
    bench_say("e UID FETCH 1:* UID (PARTIAL 1)\r\n");
    bench_expect_like("e BAD ");
}
