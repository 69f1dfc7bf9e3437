/* STATUS: passed on, but for the mailbox that the upstream has selected. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "unit/session/bench.h"

TestSuite(status, .init = bench_open_selected, .fini = bench_close);

Test(status, of_another_mailbox_it_is_passed_on_once)
{
    bench_say("a STATUS other (MESSAGES UNSEEN)\r\n");
    bench_expect_sent("STATUS other (MESSAGES UNSEEN)");
    bench_answer(
        "* STATUS elsewhere (MESSAGES 1)\r\n* STATUS other (MESSAGES 4 UNSEEN 2)\r\n* STATUS other (MESSAGES 5)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (MESSAGES 4 UNSEEN 2)\r\na OK done\r\n");
}

Test(status, a_line_under_another_spelling_is_about_the_same_mailbox)
{
    bench_say("a STATUS Other/Box (MESSAGES)\r\n");
    bench_expect_sent("STATUS Other/Box (MESSAGES)");
    bench_answer("* STATUS other/box (MESSAGES 4)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS Other/Box (MESSAGES 4)\r\na OK done\r\n");
}

Test(status, a_line_before_the_connection_is_lost_is_no_answer)
{
    bench_say("a STATUS other (MESSAGES)\r\nb STATUS other (MESSAGES)\r\n");
    bench_expect_sent("STATUS other (MESSAGES)");
    bench_answer("* STATUS other (MESSAGES 4)\r\n");
    bench_expect_sent("STATUS other (MESSAGES)");
    bench_answer("* STATUS other (MESSAGES 5)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (MESSAGES 5)\r\na OK done\r\n");
    bench_expect_sent("STATUS other (MESSAGES)");
    bench_answer("* STATUS other (MESSAGES 4)\r\n");
    bench_done(JOB_NO, "x NO no such mailbox"); /* the answer to the second try */
    bench_expect("b NO no such mailbox\r\n");
}

Test(status, an_ok_without_a_line_is_no_answer)
{
    bench_say("a STATUS other (MESSAGES)\r\n");
    bench_expect_sent("STATUS other (MESSAGES)");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a NO [SERVERBUG] The mail server did not tell the status of this mailbox; please try again\r\n");
}

/* Directly, too, it would be no answer; and what is no number is not in the grammar. */
Test(status, a_line_that_lacks_an_item_is_no_answer)
{
    static const char *const lines[] = {"()", "(MESSAGES 3)", "(MESSAGES NIL UNSEEN -1)",
                                        "(MESSAGES \"x\" UNSEEN (1 2))"};
    char line[100];

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        bench_say("a STATUS other (MESSAGES UNSEEN)\r\n");
        bench_expect_sent("STATUS other (MESSAGES UNSEEN)");
        snprintf(line, sizeof(line), "* STATUS other %s\r\n", lines[i]);
        bench_answer(line);
        bench_done(JOB_OK, "x OK done");
        bench_expect("a NO [SERVERBUG] The mail server did not tell the status of this mailbox; please try again\r\n");
    }
}

Test(status, only_what_was_asked_for_is_told_and_recent_may_be_missing)
{
    bench_say("a STATUS other (RECENT MESSAGES)\r\n");
    bench_expect_sent("STATUS other (RECENT MESSAGES)");
    bench_answer("* STATUS other (DELETED 5 messages 3)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (RECENT 0 MESSAGES 3)\r\na OK done\r\n");
}

Test(status, unseen_that_was_not_told_is_no_answer)
{
    bench.flags_in_step = false;
    bench.capabilities.has[CAPABILITY_ESEARCH] = true;
    bench_say("a STATUS INBOX (UNSEEN)\r\n");
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID SEARCH RETURN (ALL) UNSEEN");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [SERVERBUG]");
}

Test(status, of_the_selected_one_it_comes_from_the_truth_after_a_look)
{
    bench_flag(10, FLAG_SEEN);
    bench_say("a STATUS INBOX (MESSAGES UNSEEN UIDVALIDITY UIDNEXT)\r\n");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    cr_assert_eq(bench.job->goal, JOB_FLAGS);
    bench_done(JOB_OK, NULL);
    bench_expect("* STATUS INBOX (MESSAGES 3 UNSEEN 2 UIDVALIDITY 7 UIDNEXT 31)\r\n"
                 "* 1 FETCH (FLAGS (\\Seen))\r\na OK STATUS completed.\r\n");
}

Test(status, sizes_and_unseen_are_asked_for_where_the_truth_lacks_them)
{
    bench.flags_in_step = false;
    bench_offer(CAPABILITY_STATUS_SIZE);
    bench_say("a STATUS INBOX (SIZE UNSEEN)\r\n");
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 1:* (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 2 FETCH (UID 20 RFC822.SIZE 6)\r\n"
                 "* 2 FETCH (UID 20 RFC822.SIZE 6)\r\n* 3 FETCH (UID 30 RFC822.SIZE 7)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID SEARCH UNSEEN");
    bench_answer("* SEARCH 10 99\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS INBOX (SIZE 18 UNSEEN 1)\r\na OK STATUS completed.\r\n");
}

static void ask_sizes(void)
{
    bench_offer(CAPABILITY_STATUS_SIZE);
    bench_say("a STATUS INBOX (SIZE)\r\n");
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 1:* (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 2 FETCH (UID 20 RFC822.SIZE 6)\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_SELECTED, "the third may have gone");
}

Test(status, sizes_without_one_message_are_no_answer)
{
    ask_sizes();
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 1:* (UID RFC822.SIZE)");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a NO [SERVERBUG] The mail server did not tell the size of each message; please try again\r\n");
}

Test(status, sizes_are_asked_for_again_where_a_message_has_gone_meanwhile)
{
    ask_sizes();
    bench_expunge(30);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 1:* (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 2 FETCH (UID 20 RFC822.SIZE 6)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* STATUS INBOX (SIZE 11)\r\n");
}

Test(status, items_that_are_not_offered_are_bad)
{
    bench_say("a STATUS other (SIZE)\r\nb STATUS other\r\nc STATUS other ()\r\n");
    bench_expect_like("a BAD STATUS takes MESSAGES, RECENT, UIDNEXT, UIDVALIDITY and UNSEEN");
}

Test(status, unseen_is_counted_in_the_truth_where_the_answer_was_lost_and_the_flags_came)
{
    bench.flags_in_step = false;
    bench_say("a STATUS INBOX (UNSEEN)\r\n");
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID SEARCH UNSEEN");
    bench.flags_in_step = true; /* over the next connection, by another's work */
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
    bench_expect_like("* STATUS INBOX (UNSEEN 3)\r\na OK ");
}

Test(status, what_never_changes_is_asked_of_the_server_for_the_selected_one_too)
{
    bench_offer(CAPABILITY_OBJECTID);
    bench_offer(CAPABILITY_APPENDLIMIT);
    bench_say("a STATUS INBOX (MESSAGES MAILBOXID APPENDLIMIT)\r\n");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("STATUS INBOX (MAILBOXID APPENDLIMIT)");
    bench_answer("* STATUS INBOX (APPENDLIMIT 5 MAILBOXID (F1) MESSAGES 99)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS INBOX (MESSAGES 3 MAILBOXID (F1) APPENDLIMIT 5)\r\na OK STATUS completed.\r\n");
}

Test(status, an_id_that_select_told_is_known)
{
    bench_offer(CAPABILITY_OBJECTID);
    bench.inbox->object_id = slice_copy(SLICE("F7"));
    bench_say("a STATUS INBOX (MAILBOXID)\r\n");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_expect("* STATUS INBOX (MAILBOXID (F7))\r\na OK STATUS completed.\r\n");
}

Test(status, what_the_server_does_not_say_is_no_answer)
{
    bench_offer(CAPABILITY_OBJECTID);
    bench_say("a STATUS INBOX (MAILBOXID)\r\n");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    bench_done(JOB_OK, NULL);
    bench_answer("* STATUS INBOX (MAILBOXID NIL)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a NO [SERVERBUG] The mail server did not tell the status of this mailbox; please try again\r\n");
    bench_say("b STATUS other (MAILBOXID MESSAGES)\r\n");
    bench_answer("* STATUS other (MAILBOXID (x) MESSAGES 1)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (MAILBOXID (x) MESSAGES 1)\r\nb OK done\r\n");
}
