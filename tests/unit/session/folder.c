/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(folder, .init = bench_open_selected, .fini = bench_close);

Test(folder, names_go_up_canonical)
{
    bench_say("a0 CREATE \"new box\" (USE (\\Sent))\r\n");
    bench_expect("a0 BAD CREATE takes a mailbox name and optionally a list of parameters\r\n");
    bench_offer(CAPABILITY_CREATE_SPECIAL_USE);
    bench_say("a CREATE \"new box\" (USE (\\Sent))\r\n");
    bench_expect_sent("CREATE \"new box\" (USE (\\Sent))");
    bench_done(JOB_OK, "x OK done");
    bench_say("b SUBSCRIBE inbox\r\n");
    bench_expect_sent("SUBSCRIBE INBOX");
    bench_done(JOB_NO, "x NO [TRYCREATE] no");
    bench_expect("a OK done\r\nb NO [TRYCREATE] no\r\n");
}

Test(folder, delete_and_rename_leave_what_is_selected_others_do_not)
{
    bench_say("a DELETE INBOX\r\n");
    cr_assert(bench.job->leaves(bench.job, bench.inbox));
    cr_assert_not(bench.job->leaves(bench.job, bench.other));
    bench_done(JOB_NO, "x NO no");
    bench_say("b RENAME new other\r\n");
    cr_assert(bench.job->leaves(bench.job, bench.other));
    bench_done(JOB_NO, "x NO no");
    bench_say("b2 DELETE Other/\r\n");
    cr_assert(bench.job->leaves(bench.job, bench.other), "a separator may stand behind the name");
    bench_done(JOB_NO, "x NO no");
    bench_say("c CREATE new\r\n");
    cr_assert_null(bench.job->leaves);
    bench_done(JOB_OK, "x OK done");
}

Test(folder, its_own_view_just_ends)
{
    bench_say("a DELETE INBOX\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("a OK done\r\n");
    cr_assert_str_eq(bench.gone, "INBOX ");
    bench_say("b CLOSE\r\n");
    bench_expect("b BAD Select a mailbox first\r\n");
}

Test(folder, rename_ends_what_was_known_of_both_names)
{
    bench_say("a RENAME other new\r\n");
    bench_done(JOB_OK, "x OK done");
    cr_assert_str_eq(bench.gone, "other new ");
}

Test(folder, arguments_that_are_none_are_bad)
{
    bench_say("a CREATE\r\nb RENAME a\r\nc DELETE a b\r\nd CREATE a b\r\n"
              "e CREATE a (~{2+}\r\nzz)\r\nf CREATE a (USE ({2+}\r\nzz))\r\n");
    bench_expect("a BAD This command takes a mailbox name\r\nb BAD RENAME takes two mailbox names\r\n"
                 "c BAD This command takes a mailbox name\r\n"
                 "d BAD CREATE takes a mailbox name and optionally a list of parameters\r\n"
                 "e BAD CREATE takes a mailbox name and optionally a list of parameters\r\n"
                 "f BAD CREATE takes a mailbox name and optionally a list of parameters\r\n");
}

Test(folder, the_id_of_a_new_mailbox_is_for_those_that_were_offered_ids)
{
    bench_say("a CREATE new\r\n");
    bench_done(JOB_OK, "x OK [MAILBOXID (F1)] done");
    bench_expect("a OK done\r\n");
    bench_offer(CAPABILITY_OBJECTID);
    bench_say("b CREATE new\r\n");
    bench_done(JOB_OK, "x OK [MAILBOXID (F1)] done");
    bench_say("c CREATE new\r\n");
    bench_done(JOB_OK, "x OK [MAILBOXID F1] done");
    bench_expect("b OK [MAILBOXID (F1)] done\r\nc OK done\r\n");
}
