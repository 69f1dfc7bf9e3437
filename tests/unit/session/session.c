/* What the link calls, and how a session ends. */
#include "session/session.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

TestSuite(session, .init = bench_open, .fini = bench_close);

Test(session, commands_are_judged_by_their_state)
{
    bench_say("a SELECT INBOX\r\nb FETCH 1 UID\r\n");
    bench_expect("a BAD Log in first\r\nb BAD Log in first\r\n");
    bench_log_in();
    bench_say("c LOGIN a b\r\nd FETCH 1 UID\r\n");
    bench_expect("c BAD You are already logged in\r\nd BAD Select a mailbox first\r\n");
    bench_select();
    bench_say("e LOGIN a b\r\n");
    bench_expect("e BAD You are already logged in\r\n");
}

Test(session, a_view_that_ends_sends_its_client_away)
{
    bench_log_in();
    bench_select();
    bench_say("a NOOP\r\n");
    mailbox_end_views(bench.inbox, "The mailbox has been deleted", NULL);
    bench_settle();
    bench_expect("* BYE The mailbox has been deleted\r\n");
    cr_assert(bench.doomed == 1 && bench.abandoned == 1);
}

Test(session, login_timeout_ends_it)
{
    bench_pass_time(bench.settings.login_timeout);
    bench_expect("* BYE Too long without a login; please connect again\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_CLOSE);
}

Test(session, bye_within_an_open_line_is_an_abort)
{
    output_bytes(&bench.session->output, SLICE("* 1 FETCH (BODY[] {5}\r\nab"));
    output_open_line(&bench.session->output);
    session_bye(bench.session, "Enough");
    cr_assert_eq(session_wants(bench.session), SESSION_ABORT);
    cr_assert_null(strstr(bench_heard(), "BYE"));
}

Test(session, what_comes_after_the_end_is_dropped)
{
    session_bye(bench.session, "Enough");
    bench_say("a NOOP\r\n");
    cr_assert_eq(evbuffer_get_length(bench.in), 0);
    bench_expect("* BYE Enough\r\n");
    session_bye(bench.session, "Again");
    bench_expect("");
}

Test(session, after_end_of_input_what_was_sent_is_answered)
{
    bench_log_in();
    bench_select();
    bench_say("a NOOP\r\nb CAPABILITY\r\n");
    session_end_of_input(bench.session);
    bench_settle();
    cr_assert_eq(session_wants(bench.session), 0);
    bench_done(JOB_OK, NULL);
    bench_expect_like("b OK CAPABILITY completed.\r\n* BYE Connection closed\r\n");
}

Test(session, what_waits_for_a_line_ends_with_the_input)
{
    bench_log_in();
    bench_select();
    bench_say("a IDLE\r\n");
    session_end_of_input(bench.session);
    bench_settle();
    bench_expect("+ idling\r\n* BYE Connection closed\r\n");
    cr_assert_null(bench.member);
}

Test(session, it_knows_when_a_command_has_begun)
{
    bench_log_in();
    bench_say("a NOOP\r\n");
    cr_assert_not(session_awaits_rest(bench.session));
    bench_say("b SEARCH CHARSET UTF-8 TEXT {5}\r\n");
    cr_assert(session_awaits_rest(bench.session));
    bench_say("apple");
    cr_assert(session_awaits_rest(bench.session));
    bench_say("\r\n");
    cr_assert_not(session_awaits_rest(bench.session));
    bench_say("c APPEND INBOX {3}\r\nab");
    cr_assert(session_awaits_rest(bench.session));
}

Test(session, retired_it_answers_the_command_in_progress_and_no_further_one)
{
    bench_log_in();
    bench_select();
    bench_say("a NOOP\r\nb NOOP\r\n");
    bench.member->retire(bench.member->owner, "Going down");
    bench_settle();
    bench_expect("");
    bench_done(JOB_OK, NULL);
    bench_expect("a OK NOOP completed.\r\n* BYE Going down\r\n");
}

Test(session, an_account_that_ends_is_left_at_once)
{
    bench_log_in();
    bench.member->end(bench.member->owner, "Password changed");
    cr_assert_null(bench.member);
    bench_expect("* BYE Password changed\r\n");
}

Test(session, the_link_is_woken_when_there_is_something_to_fetch)
{
    unsigned before;

    bench_log_in();
    before = bench.wakes;
    bench_settle();
    cr_assert_eq(bench.wakes, before);
    bench.member->alert(bench.member->owner, SLICE("full"));
    cr_assert_gt(bench.wakes, before);
    bench_expect("* OK [ALERT] full\r\n");
}

Test(session, words_of_the_server_are_made_fit_for_a_line)
{
    bench_log_in();
    bench_say("a CREATE x\r\n");
    bench_done(JOB_NO, "x NO [no] end \xfc");
    bench_expect("a NO end ?\r\n");
    bench_say("b CREATE x\r\n");
    bench_done(JOB_NO, "x NO [no end \xc3\xbc");
    bench_expect("b NO (no end \xc3\xbc\r\n");
    bench.member->alert(bench.member->owner, SLICE("[x] \xfc"));
    bench_expect("* OK [ALERT] (x] ?\r\n");
    session_bye(bench.session, "says it: \xfc");
    bench_expect("* BYE says it: ?\r\n");
}

Test(session, its_name_for_the_log)
{
    cr_assert_str_eq(session_account_name(bench.session), "-");
    cr_assert_not(session_is_logged_in(bench.session));
    bench_log_in();
    cr_assert_str_eq(session_account_name(bench.session), "user@test");
}
