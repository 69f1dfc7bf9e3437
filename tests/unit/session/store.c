/* STORE: never silent upstream, answered from the truth, and found out where the line broke. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "unit/session/bench.h"

TestSuite(store, .init = bench_open_selected, .fini = bench_close);

Test(store, each_message_is_answered_from_the_truth)
{
    bench_say("a STORE 1:2 +FLAGS.SILENT (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10,20 +FLAGS (\\Seen)");
    cr_assert_eq(bench.job->policy, POLICY_STORE_CHANGE);
    bench_flag(10, FLAG_SEEN);
    bench_flag(20, FLAG_SEEN | FLAG_FLAGGED); /* somebody else's change must not hide behind the silence */
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 2 FETCH (FLAGS (\\Flagged \\Seen))\r\na OK STORE completed.\r\n");
}

Test(store, a_lost_replacement_is_found_out_done)
{
    bench_say("a UID STORE 10 FLAGS (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10 FLAGS (\\Seen)");
    cr_assert_eq(bench.job->policy, POLICY_STORE_REPLACE);
    bench_done(JOB_LOST, NULL);
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_flag(10, FLAG_SEEN);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 FLAGS (\\Seen))\r\na OK UID STORE completed.\r\n");
}

Test(store, a_lost_replacement_that_was_not_done_is_sent_again)
{
    bench_say("a UID STORE 10 FLAGS (\\Seen)\r\n");
    (void)bench_build();
    bench_done(JOB_LOST, NULL);
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_flag(10, 0);
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID STORE 10 FLAGS (\\Seen)");
    bench_done(JOB_NO, "x NO no");
    bench_expect("a NO no\r\n");
}

Test(store, a_lost_replacement_that_is_neither_is_unknown)
{
    bench_say("a UID STORE 10 FLAGS (\\Seen)\r\n");
    (void)bench_build();
    bench_done(JOB_LOST, NULL);
    bench_flag(10, FLAG_FLAGGED);
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [UNAVAILABLE] ");
}

Test(store, a_lost_replacement_is_not_found_out_by_an_ok_without_flags)
{
    bench_say("a UID STORE 10 FLAGS (\\Seen)\r\n");
    (void)bench_build();
    bench_done(JOB_LOST, NULL);
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("a NO [UNAVAILABLE] ");
}

Test(store, an_ok_without_the_flags_is_no_answer)
{
    bench_say("a STORE 1 +FLAGS (\\Seen)\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_SELECTED, "it may have gone");
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a NO [SERVERBUG] The mail server did not tell the flags of each message; please try again\r\n");
}

Test(store, one_that_has_gone_needs_no_flags)
{
    bench_say("a STORE 1:2 +FLAGS (\\Seen)\r\n");
    (void)bench_build();
    bench_flag(20, FLAG_SEEN);
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 10,20 (UID FLAGS)");
    bench_flag(20, FLAG_SEEN);
    bench_done(JOB_OK, "x OK done");
    bench_expunge(10);
    bench_done(JOB_OK, NULL);
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 2 FETCH (FLAGS (\\Seen))\r\na OK ");
}

Test(store, a_slice_that_is_refused_does_not_stop_the_others)
{
    bench.settings.slice_messages = 2;
    bench_say("a STORE 1:3 +FLAGS (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10,20 +FLAGS (\\Seen)");
    bench_done(JOB_NO, "x NO not these");
    bench_expect_sent("UID STORE 30 +FLAGS (\\Seen)");
    bench_flag(30, FLAG_SEEN);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (FLAGS ())\r\n* 2 FETCH (FLAGS ())\r\n* 3 FETCH (FLAGS (\\Seen))\r\na NO not these\r\n");
}

/* RFC 7162 section 3.1.3 */
Test(store, each_slice_that_was_changed_meanwhile_is_told)
{
    bench.settings.slice_messages = 1;
    bench_offer(CAPABILITY_CONDSTORE);
    bench.inbox->modseq = bench.inbox->modseq_selected = 9;
    bench_select();
    bench_say("a UID STORE 10,30 (UNCHANGEDSINCE 5) +FLAGS (\\Seen)\r\n");
    (void)bench_heard();
    bench_expect_sent("UID STORE 10 (UNCHANGEDSINCE 5) +FLAGS (\\Seen)");
    bench_done(JOB_NO, "x NO [MODIFIED 10] no");
    bench_expect_sent("UID STORE 30 (UNCHANGEDSINCE 5) +FLAGS (\\Seen)");
    bench_done(JOB_NO, "x NO [MODIFIED 30] no");
    bench_expect_like("a NO [MODIFIED 10,30] no");
}

Test(store, arguments_that_are_none_are_bad)
{
    bench_say("a STORE 1 FLAGS\r\nb STORE 1 NOSUCH (x)\r\nc STORE 1 FLAGS (\\Recent)\r\nd STORE 1 FLAGS (x) y\r\n"
              "e STORE 4 FLAGS (x)\r\n");
    bench_expect("a BAD STORE takes a set of messages, FLAGS, +FLAGS or -FLAGS, and flags\r\n"
                 "b BAD STORE takes FLAGS, +FLAGS or -FLAGS, each with or without .SILENT\r\n"
                 "c BAD \\Recent cannot be stored\r\nd BAD Nothing may follow the list of flags\r\n"
                 "e BAD There is no message with this number\r\n");
}

Test(store, an_examined_mailbox_is_read_only)
{
    bench_say("a EXAMINE INBOX\r\n");
    bench_done(JOB_OK, NULL);
    (void)bench_heard();
    bench_say("b STORE 1 FLAGS (x)\r\n");
    bench_expect("b NO [READ-ONLY] The mailbox is open read-only\r\n");
}

Test(store, what_the_server_stored_without_a_word_is_asked_for)
{
    bench_say("a UID STORE 10 +FLAGS (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10 +FLAGS (\\Seen)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_flag(10, FLAG_SEEN);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 FLAGS (\\Seen))\r\na OK UID STORE completed.\r\n");
}

Test(store, anothers_change_between_two_tries_is_no_answer)
{
    bench_say("a STORE 1 +FLAGS (\\Flagged)\r\n");
    bench_expect_sent("UID STORE 10 +FLAGS (\\Flagged)");
    bench_flag(10, FLAG_SEEN); /* the line was lost, and the next one has told it */
    bench_expect_sent("UID STORE 10 +FLAGS (\\Flagged)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 10 (UID FLAGS)");
    bench_flag(10, FLAG_SEEN | FLAG_FLAGGED);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (FLAGS (\\Flagged \\Seen))\r\na OK STORE completed.\r\n");
}

/* Message 10 carries so many keywords: "k0" and so on. */
static void carry(unsigned count)
{
    static char texts[KEYWORDS_MAX][8];
    static struct slice names[KEYWORDS_MAX];
    struct mailbox_flags flags = {.present = true, .flags = {.keywords = names, .keyword_count = count}};

    for (unsigned i = 0; i < count; i++)
        names[i] = (struct slice){texts[i], (size_t)snprintf(texts[i], sizeof(texts[i]), "k%u", i)};
    cr_assert(mailbox_set_flags(bench.inbox, uid_map_find(&bench.inbox->map, 10), &flags));
}

Test(store, one_keyword_too_many_is_refused_until_some_are_carried_no_more)
{
    carry(KEYWORDS_MAX);
    bench_say("a UID STORE 20 +FLAGS (one.more)\r\n");
    bench_expect_like("a NO [LIMIT] This mailbox has too many keywords already");
    bench_say("b UID STORE 20 +FLAGS (K7)\r\n");
    bench_expect_sent("UID STORE 20 +FLAGS (K7)");
    bench_done(JOB_NO, "x NO no");
    carry(KEYWORDS_MAX - 1);
    (void)bench_heard();
    bench_say("c UID STORE 20 +FLAGS (one.more)\r\n");
    bench_expect_sent("UID STORE 20 +FLAGS (one.more)");
    bench_done(JOB_NO, "x NO no");
    bench_expect_like("c NO no");
}

Test(store, a_conditional_one_says_which_were_changed_meanwhile)
{
    bench_select_with_modseqs();
    bench_say("a STORE 1:2 (UNCHANGEDSINCE 50) +FLAGS (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10,20 (UNCHANGEDSINCE 50) +FLAGS (\\Seen)");
    bench_flag_at(10, FLAG_SEEN, 52);
    bench_done(JOB_OK, "x OK [MODIFIED 20] not all");
    bench_expect_sent("UID FETCH 10,20 (UID FLAGS MODSEQ)");
    bench_flag_at(10, FLAG_SEEN, 52);
    bench_flag_at(20, FLAG_DRAFT, 51);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (52))\r\n* 2 FETCH (UID 20 FLAGS (\\Draft) MODSEQ (51))\r\n"
                 "* OK [HIGHESTMODSEQ 50] Highest\r\n"
                 "a OK [MODIFIED 2] Some messages have been changed meanwhile\r\n");
}

Test(store, silence_still_tells_the_mod_sequence)
{
    bench_select_with_modseqs();
    bench_say("a STORE 1 +FLAGS.SILENT (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10 +FLAGS (\\Seen)");
    bench_flag_at(10, FLAG_SEEN, 52);
    bench.inbox->modseq = 52;
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 MODSEQ (52))\r\na OK STORE completed.\r\n");
}

Test(store, a_conditional_one_whose_answer_was_lost_is_looked_up)
{
    bench_select_with_modseqs();
    bench_say("a STORE 1 (UNCHANGEDSINCE 50) +FLAGS (\\Seen)\r\n");
    bench_expect_sent("UID STORE 10 (UNCHANGEDSINCE 50) +FLAGS (\\Seen)");
    bench_done(JOB_LOST, NULL);
    bench_expect_sent("UID FETCH 10 (UID FLAGS MODSEQ)");
    bench_flag_at(10, FLAG_SEEN, 52);
    bench.inbox->modseq = 52;
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (52))\r\na OK STORE completed.\r\n");
}
