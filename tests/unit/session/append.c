/* APPEND: sent as it came, never sent twice, and its answer waits for the message. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/session/bench.h"

TestSuite(append, .init = bench_open_selected, .fini = bench_close);

Test(append, the_message_goes_up_as_it_came)
{
    bench_say("a APPEND other (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {4+}\r\nmail\r\n");
    cr_assert_eq(bench.job->policy, POLICY_APPEND);
    bench_expect_sent("APPEND other (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {4}\r\nmail");
    bench_done(JOB_OK, "x OK [APPENDUID 7 41] done");
    bench_expect("a OK [APPENDUID 7 41] APPEND completed.\r\n");
    cr_assert_eq(bench.touched, 1);
}

Test(append, a_uid_that_cannot_be_is_not_handed_on)
{
    bench_say("a APPEND other {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK [APPENDUID 7 0] done");
    bench_expect("a OK APPEND completed.\r\n");
}

Test(append, into_the_selected_mailbox_the_ok_waits_for_the_message)
{
    bench_say("a APPEND INBOX {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_LOOK);
    bench_deliver(40);
    bench_expect("");
    bench_done(JOB_OK, NULL);
    bench_expect("* 4 EXISTS\r\n* 0 RECENT\r\na OK APPEND completed.\r\n");
}

Test(append, the_ok_waits_a_second_at_most)
{
    bench_say("a APPEND INBOX {4+}\r\nmail\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_pass_time(USEC_SECOND - 1);
    bench_expect("");
    bench_pass_time(1);
    bench_expect("a OK APPEND completed.\r\n");
    cr_assert_eq(bench.abandoned, 1);
}

Test(append, a_lost_one_is_answered_and_not_repeated)
{
    bench_say("a APPEND other {4+}\r\nmail\r\n");
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE]");
    cr_assert_null(bench.job);
}

Test(append, arguments_that_are_none_are_bad)
{
    bench_say("a APPEND other (\\Recent) {1+}\r\nx\r\nb APPEND other\r\nc APPEND other ~{1+}\r\nx\r\n"
              "d APPEND other () (x) {1+}\r\nx\r\ne APPEND other \"a\\\"b\" {1+}\r\nx\r\n");
    bench_expect("a BAD A message cannot be given this flag\r\n"
                 "b BAD APPEND ends with a message, as one literal\r\n"
                 "c BAD literal8 is not supported\r\n"
                 "d BAD APPEND ends with a message, as one literal\r\n"
                 "e BAD The date of a message is such as \"01-Feb-1994 12:00:00 +0100\"\r\n");
}

static void offer_uploads(void)
{
    bench_offer(CAPABILITY_MULTIAPPEND);
    bench_offer(CAPABILITY_CATENATE);
    bench_offer(CAPABILITY_BINARY);
    bench.upstream.host = "mail.example.org";
}

Test(append, several_messages_go_up_in_one_command)
{
    offer_uploads();
    bench_say("a APPEND other {4+}\r\nmail (\\Seen) ~{3+}\r\na b () \"17-Jul-1996 02:44:25 -0700\" {2+}\r\nhi\r\n");
    bench_expect_sent("APPEND other {4}\r\nmail (\\Seen) ~{3}\r\na b () \"17-Jul-1996 02:44:25 -0700\" {2}\r\nhi");
    bench_done(JOB_OK, "x OK [APPENDUID 7 41:42,50] done");
    bench_expect("a OK [APPENDUID 7 41:42,50] APPEND completed.\r\n");
}

Test(append, several_are_none_where_the_server_has_not_said_so)
{
    bench_say("a APPEND other {2+}\r\nhi {2+}\r\nho\r\nb APPEND other CATENATE (TEXT {1+}\r\nx)\r\n");
    bench_expect("a BAD APPEND ends with a message, as one literal\r\n"
                 "b BAD APPEND ends with a message, as one literal\r\n");
}

Test(append, a_message_is_put_together_from_the_clients_own_mailbox)
{
    offer_uploads();
    bench_say("a APPEND other (\\Draft) CATENATE (URL \"/;UID=1\" TEXT {2+}\r\nhi)\r\n");
    bench_expect("a NO [BADURL \"/;UID=1\"] This is no address of a message of this account\r\n");
    bench_say("a APPEND other CATENATE (URL \";UID=20/;section=HEADER\" TEXT {2+}\r\nhi URL \"/other/;UID=5\" "
              "TEXT ~{1+}\r\n!) {1+}\r\nx\r\n");
    bench_expect_sent("APPEND other CATENATE (URL \"/INBOX;UIDVALIDITY=7/;UID=20/;SECTION=HEADER\" TEXT {2}\r\nhi URL "
                      "\"/other/;UID=5\" TEXT ~{1}\r\n!) {1}\r\nx");
    bench_done(JOB_NO, "x NO [BADURL \"/other/;UID=5\"] no such message");
    bench_expect("a NO [BADURL \"/other/;UID=5\"] The mail server does not find this message\r\n");
}

Test(append, the_code_has_the_clients_own_address)
{
    offer_uploads();
    bench_say("a APPEND other CATENATE (URL \"/a/;UID=1\" URL \";UID=20\")\r\n");
    bench_done(JOB_NO, "x NO [BADURL \"/INBOX;UIDVALIDITY=7/;UID=20\"] gone");
    bench_expect("a NO [BADURL \";UID=20\"] The mail server does not find this message\r\n");
}

Test(append, an_address_elsewhere_is_refused)
{
    offer_uploads();
    bench_say("a APPEND other CATENATE (URL \"imap://mail.example.org/a/;UID=1\" URL "
              "\"imap://user;AUTH=*@mail.example.org:143/b/;UID=1\")\r\n");
    bench_expect_sent("APPEND other CATENATE (URL \"/a/;UID=1\" URL \"/b/;UID=1\")");
    bench_done(JOB_OK, "x OK done");
    (void)bench_heard();
    bench_say("b APPEND other CATENATE (URL \"imap://other@mail.example.org/a/;UID=1\")\r\n");
    bench_expect_like("b NO [BADURL ");
    bench_say("c APPEND other CATENATE (URL \"imap://mail.example.com/a/;UID=1\")\r\n");
    bench_expect_like("c NO [BADURL ");
    bench_say("d APPEND other CATENATE (URL \"] injected\")\r\n");
    bench_expect("d NO [BADURL \"\"] This is no address of a message of this account\r\n");
}

Test(append, the_parts_of_a_message_together_are_not_above_append_max)
{
    offer_uploads();
    bench.settings.append_max = 10;
    bench_say("a APPEND other CATENATE (TEXT {6+}\r\n123456 TEXT {6+}\r\n123456)\r\n");
    bench_expect("a NO [TOOBIG] The message is larger than this server accepts\r\n");
    bench_say("b APPEND other {6+}\r\n123456 {6+}\r\n123456\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("b OK APPEND completed.\r\n");
}

Test(append, parts_of_another_form_are_bad)
{
    char expected[1000] = "";

    offer_uploads();
    bench_say("a APPEND other CATENATE ()\r\nb APPEND other CATENATE (FOO {1+}\r\nx)\r\n"
              "c APPEND other CATENATE (URL)\r\nd APPEND other CATENATE\r\n"
              "e APPEND other CATENATE (TEXT \"x\")\r\n");
    for (char tag = 'a'; tag <= 'e'; tag++)
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
                 "%c BAD CATENATE takes a list of TEXT with a literal and URL with an address\r\n", tag);
    bench_expect(expected);
}
