/* SELECT, EXAMINE, CLOSE, UNSELECT. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "unit/session/bench.h"

TestSuite(select, .init = bench_open_selected, .fini = bench_close);

Test(select, the_answer_is_made_from_the_truth)
{
    bench_flag(10, FLAG_SEEN);
    bench_say("a EXAMINE inbox\r\n");
    cr_assert(bench.job->goal == JOB_SELECTED && !bench.job->read_write);
    bench_done(JOB_OK, NULL);
    bench_expect("* FLAGS ()\r\n* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n* 3 EXISTS\r\n* 0 RECENT\r\n"
                 "* OK [UNSEEN 2] First unseen\r\n* OK [UIDVALIDITY 7] UIDs valid\r\n"
                 "a OK [READ-ONLY] EXAMINE completed.\r\n");
}

Test(select, one_that_fails_leaves_nothing_selected)
{
    bench_say("a SELECT other\r\n");
    bench_done(JOB_NOT_SELECTED, "x NO no");
    bench_expect("a NO no\r\n");
    bench_say("b FETCH 1 FLAGS\r\nc SELECT nowhere\r\n");
    bench_expect("b BAD Select a mailbox first\r\nc NO [UNAVAILABLE] Out of memory; please try again later\r\n");
}

Test(select, one_that_is_malformed_changes_nothing)
{
    bench_say("a SELECT\r\nb SELECT INBOX (CONDSTORE)\r\nc FETCH 1 UID\r\n");
    bench_expect(
        "a BAD SELECT and EXAMINE take a mailbox name\r\nb BAD SELECT and EXAMINE do not know this parameter\r\n"
        "* 1 FETCH (UID 10)\r\nc OK FETCH completed.\r\n");
}

Test(select, close_removes_what_the_view_counts)
{
    bench_offer(CAPABILITY_UIDPLUS);
    bench_flag(20, FLAG_DELETED);
    bench_deliver(40);
    bench_flag(40, FLAG_DELETED); /* the client has not been told of it */
    bench_say("a CLOSE\r\n");
    cr_assert_eq(bench_build(), JOB_NOTHING); /* the flags are in step: no search */
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID EXPUNGE 20");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK CLOSE completed.\r\n");
    cr_assert_null(bench.member->view);
}

Test(select, close_asks_which_are_deleted_where_the_flags_are_not_in_step)
{
    bench.flags_in_step = false;
    bench_say("a CLOSE\r\n");
    bench_expect_sent("UID SEARCH DELETED");
    bench_answer("* SEARCH 30\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("EXPUNGE");
    bench_done(JOB_NO, "x NO no");
    bench_expect("a OK CLOSE completed.\r\n");
}

Test(select, close_removes_what_is_known_where_the_answer_was_lost_and_the_flags_came)
{
    bench.flags_in_step = false;
    bench_flag(20, FLAG_DELETED);
    bench_say("a CLOSE\r\n");
    bench_expect_sent("UID SEARCH DELETED");
    bench.flags_in_step = true; /* over the next connection, by another's work */
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("EXPUNGE");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK CLOSE completed.\r\n");
}

Test(select, close_that_cannot_be_asked_leaves_the_mailbox_all_the_same)
{
    bench.refuses_jobs = true;
    bench_say("a CLOSE\r\nb CHECK\r\n");
    bench_expect("a NO [UNAVAILABLE] Out of memory; please try again later\r\nb BAD Select a mailbox first\r\n");
}

Test(select, unselect_removes_nothing)
{
    bench_flag(20, FLAG_DELETED);
    bench_say("a UNSELECT\r\n");
    bench_expect("a OK UNSELECT completed.\r\n");
    cr_assert(bench.jobs == 1 && !bench.member->view);
}

Test(select, the_id_of_a_mailbox_is_told_if_the_server_told_it)
{
    bench_offer(CAPABILITY_OBJECTID);
    bench.inbox->object_id = slice_copy(SLICE("F7"));
    bench_say("a SELECT INBOX\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect_like("* OK [MAILBOXID (F7)] Its id\r\n");
}

Test(select, one_that_comes_back_is_told_what_has_changed_before_its_view_begins)
{
    bench_select_with_modseqs();
    bench_say("a SELECT INBOX (QRESYNC (7 40 5:30))\r\n");
    bench_expect("* OK [CLOSED] The former mailbox is closed\r\n");
    bench_done(JOB_OK, NULL);
    cr_assert(bench.job->read_write, "\\Recent is given only where SELECT has shown it");
    bench_expect_sent("UID FETCH 5:30 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    bench_answer("* VANISHED (EARLIER) 5:12\r\n* 2 FETCH (UID 20 FLAGS (\\Seen) MODSEQ (50))\r\n");
    bench_flag_at(20, FLAG_SEEN, 50);
    bench_expunge(30); /* meanwhile: it is not counted at all */
    bench_expect("");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 2 EXISTS\r\n");
}

Test(select, another_uidvalidity_is_none_of_its_business)
{
    bench_select_with_modseqs();
    bench_say("a SELECT INBOX (QRESYNC (8 40 5:30))\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect_like("* OK [HIGHESTMODSEQ 50] Highest\r\na OK [READ-WRITE] SELECT completed.\r\n");
}

Test(select, parameters_that_are_malformed_are_bad)
{
    static const char *const lists[] = {"(QRESYNC)",
                                        "(QRESYNC (7))",
                                        "(QRESYNC (0 4))",
                                        "(QRESYNC (7 0))",
                                        "(QRESYNC (7 4 1:*))",
                                        "(QRESYNC (7 4 1:3 (1 2 3)))",
                                        "(CONDSTORE NONSENSE)",
                                        "()",
                                        "(QRESYNC 7)"};
    char line[100];

    bench_select_with_modseqs();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        snprintf(line, sizeof(line), "a SELECT INBOX %s\r\n", lists[i]);
        bench_say(line);
        bench_expect_like("a BAD ");
    }
    bench_say("b SELECT INBOX (QRESYNC (7 50 10:30 (1,3 10,30)) CONDSTORE)\r\n");
    bench_done(JOB_OK, NULL);
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect_like("b OK [READ-WRITE] SELECT completed.\r\n");
}
