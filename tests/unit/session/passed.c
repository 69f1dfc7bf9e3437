/* Quota, rights and annotations: what goes up, and which answers are shown. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "unit/session/bench.h"

static void open_offered(void)
{
    bench_open();
    bench.capabilities.has[CAPABILITY_QUOTA] = bench.capabilities.has[CAPABILITY_ACL] = true;
    bench.capabilities.has[CAPABILITY_METADATA] = true;
    bench_log_in();
}

TestSuite(passed, .init = open_offered, .fini = bench_close);

Test(passed, answers_are_shown_when_they_are_complete_and_under_the_clients_name)
{
    bench_say("a GETQUOTAROOT inbox\r\n");
    bench_expect_sent("GETQUOTAROOT INBOX");
    cr_assert_eq(bench.job->policy, POLICY_LIST);
    bench_answer("* QUOTAROOT \"INBOX\" \"\" \"User quota\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n");
    bench_expect("");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* QUOTAROOT inbox \"\" \"User quota\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\na OK done\r\n");
}

Test(passed, a_repetition_shows_nothing_twice)
{
    bench_say("a GETACL other\r\n");
    bench_expect_sent("GETACL other");
    bench_answer("* ACL other u1 lrs\r\n");
    bench_expect_sent("GETACL other");
    bench_answer("* ACL other u1 lrs anyone l\r\n* ACL other u1 lrs\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* ACL other u1 lrs anyone l\r\na OK done\r\n");
}

Test(passed, asked_is_not_answered)
{
    static const char *const commands[] = {"GETACL other", "MYRIGHTS other", "LISTRIGHTS other u1", "GETQUOTA \"\"",
                                           "GETQUOTAROOT other"};
    char line[100];

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        snprintf(line, sizeof(line), "a %s\r\n", commands[i]);
        bench_say(line);
        bench_expect_sent(commands[i]);
        bench_answer("* ACL other u1\r\n* MYRIGHTS other\r\n* LISTRIGHTS other\r\n* QUOTA \"\" (STORAGE 1)\r\n* LIST "
                     "() NIL x\r\n");
        bench_done(JOB_OK, "x OK done");
        bench_expect("a NO [SERVERBUG] The mail server did not tell what was asked; please try again\r\n");
    }
}

Test(passed, another_spelling_of_the_name_is_taken_where_nothing_else_was_told)
{
    bench_say("a MYRIGHTS Other\r\n");
    (void)bench_build();
    bench_answer("* MYRIGHTS other lr\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* MYRIGHTS Other lr\r\na OK done\r\n");
}

Test(passed, lines_that_nobody_asked_for_are_not_shown)
{
    bench_say("a GETMETADATA (DEPTH 1 MAXSIZE 100) other (/shared/comment \"/private/x\")\r\n");
    bench_expect_sent("GETMETADATA (DEPTH 1 MAXSIZE 100) other (/shared/comment \"/private/x\")");
    bench_answer("* METADATA other /shared/comment\r\n* METADATA third (/shared/comment \"no\")\r\n* ACL other u1 l\r\n"
                 "* METADATA other (/shared/comment {6}\r\na\r\nb\"c /private/x NIL)\r\n");
    bench_done(JOB_OK, "x OK [METADATA LONGENTRIES 2199] done");
    bench_expect("* METADATA other (/shared/comment {6}\r\na\r\nb\"c /private/x NIL)\r\n"
                 "a OK [METADATA LONGENTRIES 2199] done\r\n");
}

Test(passed, options_may_stand_behind_the_mailbox_and_an_entry_alone)
{
    bench_say("a GETMETADATA \"\" (MAXSIZE 5) /shared/admin\r\n");
    bench_expect_sent("GETMETADATA \"\" (MAXSIZE 5) /shared/admin");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK done\r\n");
}

Test(passed, values_go_up_whatever_they_hold)
{
    bench_say("a SETMETADATA other (/private/comment {5+}\r\na\r\nb\" /shared/comment NIL)\r\n");
    bench_expect_sent("SETMETADATA other (/private/comment {5}\r\na\r\nb\" /shared/comment NIL)");
    cr_assert_eq(bench.job->policy, POLICY_FOLDERS);
    bench_done(JOB_LOST, NULL);
    bench_expect_like("a NO [UNAVAILABLE] ");
}

Test(passed, a_change_of_rights_puts_the_mailbox_out_of_step)
{
    bench_say("a SETACL INBOX anyone +lr\r\n");
    bench_expect_sent("SETACL INBOX anyone +lr");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK done\r\n");
    cr_assert_str_eq(bench.out_of_step, "INBOX ");
    bench_say("b DELETEACL inbox -u2\r\n");
    bench_expect_sent("DELETEACL INBOX -u2");
    bench_done(JOB_NO, "x NO [NOPERM] no");
    bench_expect("b NO [NOPERM] no\r\n");
    cr_assert_str_eq(bench.out_of_step, "INBOX ");
}

Test(passed, what_is_none_of_these_is_refused)
{
    static const char *const lines[] = {
        "GETQUOTA",
        "GETQUOTA a b",
        "GETQUOTA (a)",
        "GETQUOTAROOT \"\"",
        "SETQUOTA \"\" (STORAGE)",
        "SETQUOTA \"\" (STORAGE x)",
        "SETQUOTA \"\" STORAGE",
        "SETACL INBOX a",
        "LISTRIGHTS INBOX",
        "GETMETADATA INBOX",
        "GETMETADATA INBOX ()",
        "GETMETADATA INBOX /a/",
        "GETMETADATA INBOX (/a//b)",
        "GETMETADATA INBOX /a/%",
        "GETMETADATA (DEPTH 2) INBOX /a",
        "GETMETADATA () INBOX /a",
        "SETMETADATA INBOX ()",
        "SETMETADATA INBOX (/a)",
        "SETMETADATA INBOX (/a b)",
        "SETMETADATA INBOX (/a (\"b\"))",
    };
    char line[100];

    bench.settings.max_bad = 1000;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(line, sizeof(line), "a %s\r\n", lines[i]);
        bench_say(line);
        cr_expect_null(bench.job, "%s", lines[i]);
        bench_expect_like("a BAD ");
    }
}

Test(passed, limits_are_set)
{
    bench_say("a SETQUOTA \"\" (STORAGE 512 MESSAGE 9)\r\nb SETQUOTA \"\" ()\r\n");
    bench_expect_sent("SETQUOTA \"\" (STORAGE 512 MESSAGE 9)");
    bench_answer("* QUOTA \"\" (STORAGE 1 512 MESSAGE 1 9)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* QUOTA \"\" (STORAGE 1 512 MESSAGE 1 9)\r\na OK done\r\n");
    bench_expect_sent("SETQUOTA \"\" ()");
    bench_done(JOB_NO, "x NO [CANNOT] no");
    bench_expect("b NO [CANNOT] no\r\n");
}

TestSuite(passed_not_offered, .fini = bench_close);

Test(passed_not_offered, where_the_server_lacks_it_nothing_goes_up, .init = bench_open_selected)
{
    bench_say("a GETQUOTA \"\"\r\nb GETACL INBOX\r\nc GETMETADATA INBOX /shared/comment\r\n");
    cr_assert_null(bench.job);
    bench_expect(
        "a BAD The mail server does not support this command\r\nb BAD The mail server does not support this command\r\n"
        "c BAD The mail server does not support this command\r\n");
}
