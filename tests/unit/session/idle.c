/* IDLE: arrivals at once, flags gathered, a word every keepalive, and DONE. */
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/view.h"
#include "session/tell.h"
#include "unit/session/bench.h"

static void open_idling(void)
{
    bench_open_selected();
    bench_say("a IDLE\r\n");
    bench_expect("+ idling\r\n");
    cr_assert(bench.member->idling);
}

TestSuite(idle, .init = open_idling, .fini = bench_close);

Test(idle, arrivals_and_expunges_are_told_at_once)
{
    bench_deliver(40);
    bench_expect("* 4 EXISTS\r\n* 0 RECENT\r\n");
    bench_expunge(10);
    bench_expect("* 1 EXPUNGE\r\n");
}

Test(idle, flags_are_gathered)
{
    bench_flag(10, FLAG_SEEN);
    bench_pass_time(bench.settings.idle_gather / 2);
    bench_flag(20, FLAG_SEEN);
    bench_expect("");
    bench_pass_time(bench.settings.idle_gather / 2);
    bench_expect("* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS (\\Seen))\r\n");
}

Test(idle, the_client_hears_that_we_are_still_here)
{
    bench_pass_time(bench.settings.keepalive - 1);
    bench_expect("");
    bench_pass_time(1);
    bench_expect("* OK Still here\r\n");
    bench_pass_time(bench.settings.keepalive);
    bench_expect("* OK Still here\r\n");
}

Test(idle, done_ends_it_in_any_case_and_what_follows_is_read)
{
    bench_say("done  \r\nb CAPABILITY\r\n");
    bench_expect_like("a OK IDLE completed.\r\n* CAPABILITY ");
    cr_assert_not(bench.member->idling);
    bench_pass_time(2 * bench.settings.keepalive);
    bench_expect("");
}

/* In one event round with the news. */
Test(idle, an_expunge_waits_while_a_command_by_number_comes_with_done)
{
    mailbox_gone(bench.inbox, 10);
    bench_say("DONE\r\nb STORE 2 +FLAGS (x)\r\n");
    bench_expect("a OK IDLE completed.\r\n");
    bench_expect_sent("UID STORE 20 +FLAGS (x)");
    bench_done(JOB_NO, "x NO no");
    bench_expect("b NO no\r\n");
}

Test(idle, an_expunge_waits_while_half_of_done_has_come)
{
    bench_say("DO");
    bench_expunge(10);
    bench_expect("");
    bench_say("NE\r\n");
    bench_expect("* 1 EXPUNGE\r\na OK IDLE completed.\r\n");
}

Test(idle, a_line_that_is_too_long_ends_it)
{
    char line[70001];

    memset(line, 'x', 70000);
    line[70000] = '\0';
    bench_say(line);
    bench_say("\r\n");
    bench_expect("a BAD IDLE ends with DONE\r\n");
}

Test(idle, anything_else_ends_it_too)
{
    bench_say("b NOOP\r\n");
    bench_expect("a BAD IDLE ends with DONE\r\n");
}

Test(idle, an_account_that_retires_it_need_not_wait)
{
    bench.member->retire(bench.member->owner, "Going down");
    bench_settle();
    bench_expect("* BYE Going down\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_CLOSE);
}

static size_t lines_of_output(void)
{
    size_t lines = 0;
    char *line;

    while ((line = evbuffer_readln(session_output(bench.session), NULL, EVBUFFER_EOL_CRLF_STRICT))) {
        lines++;
        free(line);
    }
    return lines;
}

Test(idle, very_much_news_is_told_a_slice_an_event_round)
{
    for (uint32_t uid = 40; uid < 40 + 3 * TELL_SLICE; uid++)
        bench_deliver(uid);
    cr_assert_eq(lines_of_output(), 2 * 3 * TELL_SLICE);
    for (uint32_t uid = 40; uid < 40 + 2 * TELL_SLICE; uid++)
        cr_assert(mailbox_gone(bench.inbox, uid));
    for (uint32_t uid = 40 + 2 * TELL_SLICE; uid < 40 + 3 * TELL_SLICE; uid++)
        uid_map_find(&bench.inbox->map, uid)->changed = bench.inbox->counter + 1;
    bench.inbox->counter++;
    mailbox_poke(bench.inbox, VIEW_CHANGED_FLAGS);
    bench_settle();
    cr_assert_eq(lines_of_output(), TELL_SLICE);
    bench_pass_time(1);
    cr_assert_eq(lines_of_output(), TELL_SLICE);
    bench_pass_time(bench.settings.idle_gather);
    cr_assert_eq(lines_of_output(), TELL_SLICE);
}
