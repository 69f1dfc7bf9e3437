/* COPY and MOVE: all or nothing, COPYUID believed only of what was asked for, and MOVE made of what the server has. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(copy, .init = bench_open_selected, .fini = bench_close);

Test(copy, numbers_go_up_as_uids)
{
    bench_say("a COPY 1:2 other\r\n");
    bench_expect_sent("UID COPY 10,20 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 10,20 1:2] done");
    bench_expect("a OK [COPYUID 9 10,20 1:2] COPY completed.\r\n");
}

Test(copy, by_number_nothing_is_done_if_a_message_is_gone)
{
    bench_expunge(20);
    bench_say("a COPY 1:2 other\r\n");
    cr_assert_eq(bench_build(), JOB_REFUSE);
    bench_done(JOB_REFUSED, NULL);
    bench_expect("* 2 EXPUNGE\r\na NO [EXPUNGEISSUED] Some of the messages no longer exist; nothing was copied\r\n");
}

Test(copy, a_copyuid_of_other_messages_is_not_believed)
{
    bench_say("a UID COPY 10 other\r\n");
    bench_expect_sent("UID COPY 10 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 30 1] done");
    bench_expect("a OK UID COPY completed.\r\n");
}

Test(copy, what_the_server_left_out_is_told)
{
    bench_say("a COPY 1:2 other\r\n");
    bench_expect_sent("UID COPY 10,20 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 10 1] done");
    bench_expect("a NO [EXPUNGEISSUED] 1 of 2 messages were copied: the others no longer exist\r\n");
}

Test(copy, a_set_too_long_for_a_command_goes_in_parts)
{
    bench.settings.upstream_command_max = 4;
    bench_say("a COPY 1:3 other\r\n");
    bench_expect_sent("UID COPY 10 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 10 1] done");
    bench_expect_sent("UID COPY 20 other");
    bench_done(JOB_NO, "x NO quota");
    bench_expect("a NO The mail server refused after 1 messages\r\n");
}

Test(copy, move_of_the_server_is_used)
{
    bench_offer(CAPABILITY_MOVE);
    bench_say("a MOVE 1 other\r\n");
    bench_expect_sent("UID MOVE 10 other");
    bench_answer("* OK [COPYUID 9 10 1] moved\r\n");
    bench_expunge(10);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* OK [COPYUID 9 10 1] Moved\r\n* 1 EXPUNGE\r\na OK MOVE completed.\r\n");
}

Test(copy, a_made_up_move_removes_what_was_copied_and_nothing_else)
{
    bench_offer(CAPABILITY_UIDPLUS);
    bench_say("a UID MOVE 10,20 other\r\n");
    bench_expect_sent("UID COPY 10,20 other");
    bench_done(JOB_OK, "x OK [COPYUID 9 20 1] done");
    bench_expect_sent("UID STORE 20 +FLAGS (\\Deleted)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 20");
    bench_expunge(20);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* OK [COPYUID 9 20 1] Moved\r\n* 2 EXPUNGE\r\na OK UID MOVE completed.\r\n");
}

Test(copy, copied_but_not_removed_is_said)
{
    bench_offer(CAPABILITY_UIDPLUS);
    bench_say("a MOVE 1 other\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_done(JOB_NO, "x NO no");
    bench_expect("a NO The messages were copied but could not be removed from this mailbox\r\n");
}

Test(copy, without_uidplus_move_is_not_offered)
{
    bench_say("a MOVE 1 other\r\nb COPY 4 other\r\nc COPY 1 \"\"\r\n");
    bench_expect_like("a BAD The mail server does not support this command\r\n"
                      "b BAD There is no message with this number\r\n"
                      "c BAD ");
}
