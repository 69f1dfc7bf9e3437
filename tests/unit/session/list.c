/* LIST, LSUB, XLIST, NAMESPACE: passed on, and shown once. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

static void open_logged_in(void)
{
    bench_open();
    bench_log_in();
    bench_offer(CAPABILITY_LIST_EXTENDED);
    bench_offer(CAPABILITY_LIST_STATUS);
}

TestSuite(list, .init = open_logged_in, .fini = bench_close);

Test(list, answers_are_shown_when_they_are_complete)
{
    bench_say("a LIST \"\" *\r\n");
    bench_expect_sent("LIST \"\" *");
    cr_assert_eq(bench.job->policy, POLICY_LIST);
    bench_answer("* LIST (\\HasNoChildren) \"/\" other\r\n");
    bench_expect("");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* LIST (\\HasNoChildren) \"/\" other\r\na OK done\r\n");
}

Test(list, a_repetition_shows_nothing_twice)
{
    bench_say("a LSUB \"\" %\r\n");
    bench_expect_sent("LSUB \"\" %");
    bench_answer("* LSUB () \"/\" one\r\n");
    bench_expect_sent("LSUB \"\" %");
    bench_answer("* LSUB () \"/\" one\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* LSUB () \"/\" one\r\na OK done\r\n");
}

Test(list, the_status_of_what_is_selected_upstream_comes_from_the_truth)
{
    bench_say("a LIST \"\" % RETURN (STATUS (MESSAGES))\r\n");
    (void)bench_build();
    bench_answer("* STATUS INBOX (MESSAGES 99 X 4)\r\n* STATUS other (MESSAGES 99)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (MESSAGES 99)\r\n");
    cr_assert(bench.job->goal == JOB_SELECTED && bench.job->mailbox == bench.inbox, "a truth that was looked at");
    bench_deliver(40);
    bench_done(JOB_OK, NULL);
    bench_expect("* STATUS INBOX (MESSAGES 4 X 4)\r\na OK LIST completed.\r\n");
}

Test(list, unseen_messages_of_what_is_selected_upstream_are_counted_when_flags_are_known)
{
    bench_say("a LIST \"\" % RETURN (STATUS (UNSEEN))\r\n");
    (void)bench_build();
    bench_answer("* STATUS INBOX (UNSEEN 99)\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_eq(bench.job->goal, JOB_FLAGS);
    bench_done(JOB_OK, NULL);
    bench_expect("* STATUS INBOX (UNSEEN 3)\r\na OK LIST completed.\r\n");
}

Test(list, without_a_look_the_status_is_not_told)
{
    bench_say("a LIST \"\" % RETURN (STATUS (MESSAGES))\r\n");
    (void)bench_build();
    bench_answer("* STATUS INBOX (MESSAGES 99)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_done(JOB_NO, "x NO busy");
    bench_expect("a NO busy\r\n");
}

Test(list, arguments_that_are_none_are_bad)
{
    bench_say("a LIST \"\"\r\nb LSUB a b c\r\nc NAMESPACE x\r\n");
    bench_expect(
        "a BAD LIST takes a reference and a mailbox pattern\r\n"
        "b BAD This command takes a reference and a mailbox pattern\r\nc BAD NAMESPACE takes no arguments\r\n");
}

Test(list, options_that_were_not_offered_are_bad)
{
    bench_say(
        "a LIST (SPECIAL-USE) \"\" *\r\nb LIST \"\" * RETURN (SPECIAL-USE)\r\nc LIST \"\" * RETURN (STATUS (SIZE))\r\n"
        "d LIST \"\" * RETURN (STATUS)\r\ne LIST \"\" * FOO\r\nf LIST \"\" * RETURN (METADATA (/x))\r\n");
    bench_expect(
        "a BAD An option of LIST that is not offered\r\nb BAD An option of LIST that is not offered\r\n"
        "c BAD An option of LIST that is not offered\r\nd BAD An option of LIST that is not offered\r\n"
        "e BAD LIST takes a reference and a mailbox pattern\r\nf BAD An option of LIST that is not offered\r\n");
    bench_offer(CAPABILITY_SPECIAL_USE);
    bench_say("g LIST (SUBSCRIBED SPECIAL-USE) \"\" (a b) RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE)\r\n");
    bench_expect_sent(
        "LIST (SUBSCRIBED SPECIAL-USE) \"\" (a b) RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE)");
}

Test(list, a_status_has_ids_and_limits)
{
    bench_offer(CAPABILITY_OBJECTID);
    bench_offer(CAPABILITY_APPENDLIMIT);
    bench.settings.append_max = 1000;
    bench_say("a LIST \"\" * RETURN (STATUS (MAILBOXID APPENDLIMIT))\r\n");
    (void)bench_build();
    bench_answer("* STATUS other (MAILBOXID (F1) APPENDLIMIT 5000)\r\n* STATUS more (MAILBOXID F1)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* STATUS other (MAILBOXID (F1) APPENDLIMIT 1000)\r\na OK done\r\n");
}

/* RFC 8440, RFC 9590 */
Test(list, rights_and_annotations_are_shown_where_they_were_asked_for)
{
    bench_offer(CAPABILITY_LIST_MYRIGHTS);
    bench_offer(CAPABILITY_LIST_METADATA);
    bench_say("a LIST \"\" % RETURN (MYRIGHTS METADATA (/private/x))\r\n");
    bench_expect_sent("LIST \"\" % RETURN (MYRIGHTS METADATA (/private/x))");
    bench_answer("* LIST () \"/\" a\r\n* MYRIGHTS a lr\r\n* METADATA a (/private/x {1}\r\ny)\r\n* MYRIGHTS b\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* LIST () \"/\" a\r\n* MYRIGHTS a lr\r\n* METADATA a (/private/x \"y\")\r\na OK done\r\n");
    bench_say("b LIST \"\" % RETURN (MYRIGHTS)\r\n");
    (void)bench_build();
    bench_answer("* METADATA a (/private/x \"y\")\r\n* MYRIGHTS a lr\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* MYRIGHTS a lr\r\nb OK done\r\n");
}
