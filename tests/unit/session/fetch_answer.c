/* The lines of a FETCH: each item once, under the client's number, literals passed straight through. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/session/bench.h"

#define LARGE 20000 /* above RESPONSE_INLINE_MAX */

TestSuite(fetch_answer, .init = bench_open_selected, .fini = bench_close);

static char large[LARGE + 1];

static const char *large_answer(size_t octets)
{
    static char text[LARGE + 200];

    memset(large, 'x', LARGE);
    snprintf(text, sizeof(text), "* 1 FETCH (UID 10 BODY[] {%d}\r\n%.*s", LARGE, (int)octets, large);
    return text;
}

Test(fetch_answer, the_number_is_the_clients)
{
    bench_expunge(10);
    bench_say("a FETCH 2 RFC822.SIZE\r\n");
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 20 RFC822.SIZE 5)\r\n");
    bench_expect("* 2 FETCH (RFC822.SIZE 5)\r\n");
    bench_done(JOB_OK, "x OK done");
}

Test(fetch_answer, an_item_is_told_once_and_one_that_nobody_asked_for_not_at_all)
{
    bench_say("a FETCH 1 RFC822.SIZE\r\n");
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n"
                 "* 2 FETCH (UID 20 RFC822.SIZE 6)\r\n* 1 FETCH (UID 10 INTERNALDATE \"x\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (RFC822.SIZE 5)\r\na OK FETCH completed.\r\n");
}

Test(fetch_answer, a_large_literal_passes_through_and_flags_stand_last)
{
    const char *heard;

    bench_say("a FETCH 1 (FLAGS BODY.PEEK[])\r\n");
    (void)bench_build();
    bench_answer(large_answer(LARGE));
    cr_assert(bench.session->output.line_open);
    bench.session->current.step->fetch(bench.session->current.run, 10, &(struct fetch_answer){.complete = true});
    cr_assert_not(bench.session->output.line_open);
    bench_done(JOB_OK, "x OK done");
    heard = bench_heard();
    cr_assert(strncmp(heard, "* 1 FETCH (BODY[] {20000}\r\nxxx", 30) == 0);
    cr_assert_str_eq(heard + strlen("* 1 FETCH (BODY[] {20000}\r\n") + LARGE,
                     " FLAGS ())\r\na OK FETCH completed.\r\n");
}

Test(fetch_answer, an_alert_waits_for_the_end_of_the_line)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    (void)bench_build();
    bench_answer(large_answer(LARGE));
    (void)bench_heard();
    bench.member->alert(bench.member->owner, SLICE("careful"));
    bench_expect("");
    bench.session->current.step->fetch(bench.session->current.run, 10, &(struct fetch_answer){.complete = true});
    bench_expect(")\r\n* OK [ALERT] careful\r\n");
    bench_done(JOB_OK, "x OK done");
}

Test(fetch_answer, a_message_that_is_cut_ends_the_session_without_an_octet_more)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    (void)bench_build();
    bench_answer(large_answer(100));
    (void)bench_heard();
    bench_break();
    cr_assert_eq(session_wants(bench.session), SESSION_ABORT);
    bench_expect("");
    cr_assert_eq(bench.abandoned, 1);
}

Test(fetch_answer, what_looks_invented_waits_for_the_tagged_answer)
{
    bench_say("a FETCH 1:2 (RFC822.SIZE ENVELOPE)\r\n");
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 0 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n");
    bench_expect("");
    bench_expunge(10); /* it was dead already */
    bench_done(JOB_OK, "x OK done");
    bench_done(JOB_OK, NULL); /* the other one was not answered: the news */
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 20 RFC822.SIZE 7 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 2 FETCH (RFC822.SIZE 7 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"
                 "a OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
}

Test(fetch_answer, flags_that_are_owed_come_before_the_tag)
{
    bench.flags_in_step = false;
    bench_say("a UID FETCH 10 (FLAGS RFC822.SIZE)\r\n");
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n"
                 "a OK UID FETCH completed.\r\n");
}

Test(fetch_answer, flags_that_the_server_has_not_told_are_not_those_known_before)
{
    bench.flags_in_step = false;
    bench_say("a UID FETCH 10 (FLAGS RFC822.SIZE)\r\n");
    bench_expect_sent("UID FETCH 10 (UID FLAGS RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_SELECTED);
    bench_done(JOB_OK, NULL);
    bench_expect_sent("UID FETCH 10 (UID FLAGS RFC822.SIZE)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\na NO [SERVERBUG]");
}

Test(fetch_answer, two_parts_with_one_start_have_each_its_own_answer)
{
    bench_say("a UID FETCH 10 (BODY.PEEK[]<0.3> BODY.PEEK[]<0.6>)\r\n");
    (void)bench_build();
    bench_answer("* 1 FETCH (UID 10 BODY[]<0> \"abc\" BODY[]<0> \"abcdef\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 BODY[]<0> \"abc\" BODY[]<0> \"abcdef\")\r\na OK UID FETCH completed.\r\n");
}
