/* FETCH of large messages: in pieces, one literal for the client, whatever the server counts and cuts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/session/bench.h"

static void open_with_pieces(void)
{
    bench_open_selected();
    bench.upstream.manners.piece_size = 4;
}

TestSuite(fetch_pieces, .init = open_with_pieces, .fini = bench_close);

/* The server tells the sizes of all three, when it is asked. */
static void tell_sizes(unsigned size)
{
    char answer[300];

    bench_expect_sent("UID FETCH 10:30 (UID RFC822.SIZE)");
    snprintf(answer, sizeof(answer),
             "* 1 FETCH (UID 10 RFC822.SIZE %u)\r\n* 2 FETCH (UID 20 RFC822.SIZE 3)\r\n* 3 FETCH (UID 30 RFC822.SIZE "
             "4)\r\n",
             size);
    bench_answer(answer);
    bench_done(JOB_OK, "x OK done");
}

/* It is asked for this piece, and gives these octets of it. */
static void give(const char *asked, const char *answer)
{
    char command[200], line[300];

    snprintf(command, sizeof(command), "UID FETCH 10 (UID %s)", asked);
    bench_expect_sent(command);
    snprintf(line, sizeof(line), "* 1 FETCH (UID 10 %s)\r\n", answer);
    bench_answer(line);
    bench_done(JOB_OK, "x OK done");
}

/* Nothing of it goes up where everything has come: the turn of what else was asked of the message. */
static void nothing_else(void)
{
    cr_assert_eq(bench_build(), JOB_NOTHING);
    bench_done(JOB_OK, NULL);
}

Test(fetch_pieces, a_large_message_comes_in_pieces_and_leaves_as_one_literal)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(10);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> {4}\r\nabcd");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"efgh\"");
    give("BODY.PEEK[]<8.4>", "BODY[]<8> {2}\r\nij");
    bench_expect("");
    nothing_else();
    bench_expect("* 1 FETCH (BODY[] {10}\r\nabcdefghij)\r\na OK FETCH completed.\r\n");
}

Test(fetch_pieces, small_messages_are_fetched_whole_and_sizes_are_asked_for_once)
{
    bench_say("a FETCH 2:3 BODY.PEEK[]\r\n");
    bench_expect_sent("UID FETCH 20:30 (UID RFC822.SIZE)");
    bench_answer("* 2 FETCH (UID 20 RFC822.SIZE 3)\r\n* 3 FETCH (UID 30 RFC822.SIZE 4)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID FETCH 20:30 (UID BODY.PEEK[])");
    bench_answer("* 2 FETCH (UID 20 BODY[] \"abc\")\r\n* 3 FETCH (UID 30 BODY[] \"abcd\")\r\n");
    bench_done(JOB_OK, "x OK done");
    (void)bench_heard();
    bench_say("b FETCH 3 BODY.PEEK[]\r\n");
    bench_expect_sent("UID FETCH 30 (UID BODY.PEEK[])");
    bench_answer("* 3 FETCH (UID 30 BODY[] \"abcd\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("b OK");
}

Test(fetch_pieces, sizes_of_messages_behind_are_asked_for_as_well)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    bench_expect_sent("UID FETCH 10:30 (UID RFC822.SIZE)");
    bench_done(JOB_NO, "x NO not now"); /* then nothing is known to be large */
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[])");
    bench_answer("* 1 FETCH (UID 10 BODY[] \"abcdef\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect_like("\"abcdef\")\r\na OK");
}

Test(fetch_pieces, headers_and_small_parts_ask_for_no_sizes)
{
    bench_say("a FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[]<1.4>)\r\n");
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[HEADER] BODY.PEEK[]<1.4>)");
    bench_done(JOB_NO, "x NO");
}

Test(fetch_pieces, a_large_one_is_a_slice_of_its_own)
{
    bench.settings.slice_messages = 200;
    bench_say("a FETCH 1:3 BODY.PEEK[]\r\n");
    tell_sizes(5);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"e\"");
    nothing_else();
    bench_expect_sent("UID FETCH 20:30 (UID BODY.PEEK[])");
    bench_answer("* 2 FETCH (UID 20 BODY[] \"abc\")\r\n* 3 FETCH (UID 30 BODY[] \"abcd\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (BODY[] {5}\r\nabcde)\r\n* 2 FETCH (BODY[] \"abc\")\r\n* 3 FETCH (BODY[] \"abcd\")\r\n"
                 "a OK FETCH completed.\r\n");
}

Test(fetch_pieces, a_size_that_is_too_small_or_too_large_ends_nothing)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(8);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"efgh\"");
    give("BODY.PEEK[]<8.4>", "BODY[]<8> \"i\"");
    give("BODY.PEEK[]<9.4>", "BODY[]<9> \"\"");
    nothing_else();
    bench_expect_like("{9}\r\nabcdefghi)\r\na OK");
}

Test(fetch_pieces, a_server_that_gives_less_than_it_was_asked_for_is_asked_for_the_rest)
{
    bench_say("a FETCH 1 BODY.PEEK[TEXT]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[TEXT]<0.4>", "BODY[TEXT]<0> \"ab\"");
    give("BODY.PEEK[TEXT]<2.4>", "BODY[TEXT]<2> \"cd\"");
    give("BODY.PEEK[TEXT]<4.4>", "BODY[TEXT]<4> \"\"");
    nothing_else();
    bench_expect_like("* 1 FETCH (BODY[TEXT] {4}\r\nabcd)\r\na OK");
}

Test(fetch_pieces, everything_of_the_message_stands_in_one_line)
{
    bench.flags_in_step = false;
    bench_say("a UID FETCH 10 (FLAGS RFC822.SIZE BODY.PEEK[]<1.5> RFC822.HEADER)\r\n");
    tell_sizes(9);
    bench_expect_sent("UID FETCH 10 (UID FLAGS BODY.PEEK[]<1.4>)");
    bench_answer("* 1 FETCH (UID 10 FLAGS () BODY[]<1> \"bcde\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench.flags_in_step = true;
    give("BODY.PEEK[]<5.1>", "BODY[]<5> \"f\"");
    give("BODY.PEEK[HEADER]<0.4>", "BODY[HEADER]<0> \"ab\"");
    give("BODY.PEEK[HEADER]<2.4>", "BODY[HEADER]<2> {0}\r\n");
    bench_expect_sent("UID FETCH 10 (UID RFC822.SIZE)");
    bench_answer("* 1 FETCH (UID 10 RFC822.SIZE 9)\r\n");
    bench_expect("");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (UID 10 RFC822.SIZE 9 BODY[]<1> {5}\r\nbcdef RFC822.HEADER {2}\r\nab FLAGS ())\r\n"
                 "a OK UID FETCH completed.\r\n");
}

Test(fetch_pieces, the_first_piece_sets_seen_once)
{
    bench_say("a FETCH 1 RFC822\r\n");
    tell_sizes(5);
    cr_assert(bench.job->read_write && bench.job->sets_seen);
    give("BODY[]<0.4>", "BODY[]<0> \"abcd\" FLAGS (\\Seen)");
    cr_assert_not(bench.job->sets_seen);
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"e\"");
    nothing_else();
    bench_expect("* 1 FETCH (RFC822 {5}\r\nabcde)\r\n* 1 FETCH (FLAGS (\\Seen))\r\na OK FETCH completed.\r\n");
}

Test(fetch_pieces, after_a_lost_line_only_the_rest_is_asked_for)
{
    bench_say("a FETCH 1 BODY[]\r\n");
    tell_sizes(20000);
    bench.upstream.manners.piece_size = 4; /* of the commands that follow */
    give("BODY[]<0.4>", "BODY[]<0> \"abcd\"");
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[]<4.4>)");
    bench_answer("* 1 FETCH (UID 10 BODY[]<4> \"efgh\")\r\n");
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[]<8.4>)"); /* the tagged answer was lost */
    bench_answer("* 1 FETCH (UID 10 BODY[]<8> \"\")\r\n");
    bench_done(JOB_OK, "x OK done");
    nothing_else();
    bench_expect_like("{8}\r\nabcdefgh)\r\na OK");
}

Test(fetch_pieces, the_same_piece_told_twice_is_taken_once)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(5);
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[]<0.4>)");
    bench_answer("* 1 FETCH (UID 10 BODY[]<0> \"abcd\")\r\n* 1 FETCH (UID 10 BODY[]<0> \"abcd\")\r\n"
                 "* 2 FETCH (UID 20 BODY[]<0> \"xxx\")\r\n");
    bench_done(JOB_OK, "x OK done");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"e\"");
    nothing_else();
    bench_expect_like("{5}\r\nabcde)\r\na OK");
}

/* The pieces were of no use: the message is asked for as it always was. */
static void fetched_whole(void)
{
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[])");
    bench_answer("* 1 FETCH (UID 10 BODY[] \"abcdef\")\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* 1 FETCH (BODY[] \"abcdef\")\r\na OK FETCH completed.\r\n");
}

Test(fetch_pieces, a_piece_that_is_too_long_is_not_believed)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[] \"abcdef\"");
    fetched_whole();
}

Test(fetch_pieces, a_server_that_gives_the_same_piece_for_ever_is_not_believed)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"abcd\"");
    give("BODY.PEEK[]<8.4>", "BODY[]<8> \"abcd\"");
    give("BODY.PEEK[]<12.4>", "BODY[]<12> \"abcd\"");
    fetched_whole();
}

Test(fetch_pieces, a_server_that_refuses_parts_is_asked_for_the_whole)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    bench_expect_sent("UID FETCH 10 (UID BODY.PEEK[]<4.4>)");
    bench_done(JOB_BAD, "x BAD what");
    fetched_whole();
}

Test(fetch_pieces, nil_at_once_no_answer_and_a_full_spool_mean_the_whole)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> NIL");
    fetched_whole();
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    give("BODY.PEEK[]<0.4>", "BODY[]<4> \"abcd\"");
    fetched_whole();
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    bench.spool_full = true;
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    fetched_whole();
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    fetched_whole();
}

Test(fetch_pieces, nil_behind_the_first_pieces_is_the_end_if_the_message_lives)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> NIL");
    cr_assert_eq(bench.job->goal, JOB_SELECTED);
    bench_done(JOB_OK, NULL);
    nothing_else();
    bench_expect_like("{4}\r\nabcd)\r\na OK FETCH");
}

Test(fetch_pieces, of_a_message_that_goes_between_two_pieces_nothing_is_told)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> NIL");
    bench_expunge(10);
    bench_done(JOB_OK, NULL);
    bench_expect("a OK [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
    bench_say("b NOOP\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect_like("* 1 EXPUNGE");
}

Test(fetch_pieces, the_client_hears_that_its_command_goes_on)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(5);
    bench_pass_time(9 * USEC_SECOND);
    bench_expect("");
    bench_pass_time(2 * USEC_SECOND);
    bench_expect("* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n");
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    bench_pass_time(11 * USEC_SECOND);
    bench_expect("* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n");
    give("BODY.PEEK[]<4.4>", "BODY[]<4> \"e\"");
    nothing_else();
    bench_expect_like("{5}\r\nabcde)\r\na OK");
}

Test(fetch_pieces, a_client_that_leaves_between_two_pieces_leaves_nothing_behind)
{
    bench_say("a FETCH 1 BODY.PEEK[]\r\n");
    tell_sizes(6);
    give("BODY.PEEK[]<0.4>", "BODY[]<0> \"abcd\"");
    session_closed(bench.session);
    bench.session = NULL;
    bench_settle();
    cr_assert_eq(bench.abandoned, 1);
}
