/* CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE. */
#include <criterion/criterion.h>
#include <string.h>

#include "unit/session/bench.h"

TestSuite(plain, .init = bench_open_selected, .fini = bench_close);

Test(plain, noop_looks_then_tells_everything)
{
    bench_say("a NOOP\r\n");
    cr_assert(bench.job->goal == JOB_LOOK && bench.job->mailbox == bench.inbox);
    bench_deliver(40);
    bench_expunge(10);
    bench_flag(20, FLAG_SEEN);
    bench_done(JOB_OK, NULL);
    bench_expect("* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* 1 FETCH (FLAGS (\\Seen))\r\na OK NOOP completed.\r\n");
}

Test(plain, a_look_that_failed_is_no_answer)
{
    bench_say("a CHECK\r\n");
    bench_done(JOB_LOST, NULL);
    bench_expect("a NO [UNAVAILABLE] The connection to the mail server was lost; please try again later\r\n");
    bench_say("b NOOP\r\n");
    bench_done(JOB_DEAD, NULL);
    bench_expect("b NO [UNAVAILABLE] The mailbox is gone\r\n");
}

Test(plain, without_a_mailbox_noop_asks_nobody)
{
    bench_say("a UNSELECT\r\nb NOOP\r\n");
    bench_expect("a OK UNSELECT completed.\r\nb OK NOOP completed.\r\n");
}

Test(plain, logout_says_bye_then_ok_and_what_follows_is_not_run)
{
    bench_expunge(10);
    bench_say("a LOGOUT\r\nb NOOP\r\n");
    bench_expect("* BYE Logging out\r\na OK LOGOUT completed.\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_CLOSE);
    cr_assert_null(bench.member);
}

Test(plain, id_is_told_and_what_the_client_is_goes_to_the_log)
{
    bench_say("a ID (\"name\" \"mutt\")\r\nb ID\r\n");
    bench_expect("* ID (\"name\" \"imapmux\" \"version\" \"1.2\")\r\na OK ID completed.\r\n"
                 "b BAD ID takes a list of fields and values, or NIL\r\n");
    cr_assert(strstr(bench.logged, "calls itself"));
}

Test(plain, enable_ignores_what_it_does_not_know)
{
    bench_say("a ENABLE X-NO\r\nb ENABLE (a)\r\n");
    bench_expect("* ENABLED\r\na OK ENABLE completed.\r\nb BAD ENABLE takes names of capabilities\r\n");
}
