/* LOGIN, AUTHENTICATE, STARTTLS: what a client must send, and what it hears of the server's word. */
#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(login, .init = bench_open, .fini = bench_close);

Test(login, an_accepted_client_is_told_its_capabilities)
{
    bench.capabilities.has[CAPABILITY_UIDPLUS] = true;
    bench_say("a LOGIN \"user\" {6+}\r\nsecret\r\n");
    cr_assert_str_eq(bench.user, "user");
    cr_assert_str_eq(bench.password, "secret");
    bench_expect("");
    bench_login(LOGIN_OK, "");
    bench_expect(
        "a OK [CAPABILITY IMAP4rev1 ENABLE ESEARCH ID IDLE INPROGRESS LITERAL+ MOVE PARTIAL SASL-IR SEARCHRES UIDPLUS "
        "UNSELECT] "
        "Logged in\r\n");
    cr_assert(session_is_logged_in(bench.session));
}

Test(login, only_the_servers_own_word_is_a_wrong_password)
{
    bench_say("a LOGIN user secret\r\n");
    bench_login(LOGIN_REJECTED, "[AUTHENTICATIONFAILED] no");
    bench_expect_like("a NO [AUTHENTICATIONFAILED] ");
    bench_say("b LOGIN user secret\r\n");
    bench_login(LOGIN_UNAVAILABLE, "[INUSE] [later]");
    bench_expect("b NO [UNAVAILABLE] (later]\r\n");
    bench_say("c LOGIN user secret\r\n");
    bench_login(LOGIN_LIMIT, "");
    bench_expect("c NO [LIMIT] The mail server permits no more sessions; please try again later\r\n");
}

Test(login, an_account_that_is_full_lets_nobody_in)
{
    bench.refuses_members = true;
    bench_say("a LOGIN user secret\r\n");
    bench_login(LOGIN_OK, "");
    bench_expect_like("a NO [LIMIT] ");
    cr_assert_not(session_is_logged_in(bench.session));
}

Test(login, passwords_are_not_taken_in_clear_text_where_that_is_forbidden)
{
    bench.session->options.plaintext_login = false;
    bench_say("a LOGIN user secret\r\nb AUTHENTICATE PLAIN\r\n");
    bench_expect_like("b NO [PRIVACYREQUIRED] ");
    cr_assert_not(bench.logging_in);
}

Test(login, authenticate_plain_asks_for_its_line)
{
    bench_say("a AUTHENTICATE PLAIN\r\n");
    bench_expect("+ \r\n");
    bench_say("AHVzZXIAc2VjcmV0\r\n");
    cr_assert_str_eq(bench.password, "secret");
    bench_login(LOGIN_OK, "");
    bench_expect_like("a OK [CAPABILITY");
}

Test(login, authenticate_login_asks_twice)
{
    bench_say("a AUTHENTICATE LOGIN\r\n");
    bench_expect("+ VXNlcm5hbWU6\r\n");
    bench_say("dXNlcg==\r\n");
    bench_expect("+ UGFzc3dvcmQ6\r\n");
    bench_say("c2VjcmV0\r\n");
    cr_assert_str_eq(bench.user, "user");
    cr_assert_str_eq(bench.password, "secret");
    bench_login(LOGIN_OK, "");
    bench_expect_like("a OK ");
}

Test(login, a_star_cancels_and_what_is_not_base64_is_bad)
{
    bench_say("a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE PLAIN\r\n");
    bench_say("???\r\n");
    bench_expect_like("a BAD Authentication cancelled\r\n+ \r\nb BAD The response is not base64, or is too long\r\n");
}

Test(login, a_refused_token_gets_its_challenge_first)
{
    bench.offers_tokens = true;
    bench_say("a AUTHENTICATE XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRva2VuAQE=\r\n");
    bench_login(LOGIN_REJECTED, "");
    bench_expect("+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=\r\n");
    bench_say("\r\nb NOOP\r\n");
    bench_expect_like("a NO [AUTHENTICATIONFAILED] ");
}

Test(login, mechanisms_that_are_not_offered_are_not_there)
{
    bench_say("a AUTHENTICATE XOAUTH2\r\nb AUTHENTICATE\r\n");
    bench_expect_like("a NO [CANNOT] This mechanism is not supported: see CAPABILITY\r\nb BAD ");
}

Test(login, a_client_that_goes_takes_its_login_back)
{
    bench_say("a LOGIN user secret\r\n");
    session_bye(bench.session, "Enough");
    cr_assert(bench.login_cancelled);
    bench_expect("* BYE Enough\r\n");
}

Test(login, the_time_that_we_take_is_not_the_clients)
{
    bench_pass_time(bench.settings.login_timeout - USEC_SECOND);
    bench_say("a LOGIN user secret\r\n");
    bench_pass_time(10 * USEC_MINUTE);
    bench_expect("");
    bench_login(LOGIN_UNAVAILABLE, "");
    (void)bench_heard();
    bench_pass_time(USEC_SECOND);
    bench_expect("* BYE Too long without a login; please connect again\r\n");
}

Test(login, starttls_is_done_once_and_nothing_is_read_before)
{
    bench_say("a STARTTLS\r\nb NOOP\r\n");
    bench_expect("a OK Begin TLS now\r\n");
    cr_assert(session_wants(bench.session) & SESSION_START_TLS);
    session_secured(bench.session);
    bench_settle();
    cr_assert_eq(session_wants(bench.session), 0);
    bench_say("c STARTTLS\r\n");
    bench_expect_like("c BAD TLS is already active\r\n");
}
