/* The phases and their edges; asking to end. */
#include "session/state.h"

#include <criterion/criterion.h>
#include <signal.h>

#include "unit/session/bench.h"

TestSuite(state, .init = bench_open, .fini = bench_close);

Test(state, after_login_the_limits_are_others)
{
    cr_assert_not(bench.session->intake.logged_in);
    bench_log_in();
    cr_assert_eq(bench.session->phase, SESSION_LOGGED_IN);
    cr_assert(bench.session->intake.logged_in);
    cr_assert_eq(bench.session->login_by, USEC_NEVER);
}

Test(state, logged_in_without_an_account_aborts, .signal = SIGABRT)
{
    session_set_phase(bench.session, SESSION_LOGGED_IN);
}

Test(state, logged_in_twice_aborts, .signal = SIGABRT)
{
    bench_log_in();
    session_set_phase(bench.session, SESSION_LOGGED_IN);
}

Test(state, nothing_follows_the_end, .signal = SIGABRT)
{
    session_bye(bench.session, "Enough");
    session_set_phase(bench.session, SESSION_ENDING);
}

Test(state, the_first_reason_counts)
{
    session_ask_to_end(bench.session, SESSION_END_BYE, "first");
    session_ask_to_end(bench.session, SESSION_END_ABORT, "second");
    cr_assert(session_is_over(bench.session));
    bench_settle();
    bench_expect("* BYE first\r\n");
}

Test(state, an_abort_stops_the_output_at_once)
{
    session_ask_to_end(bench.session, SESSION_END_ABORT, "cut");
    output_bytes(&bench.session->output, SLICE("lost"));
    cr_assert_eq(session_wants(bench.session), SESSION_ABORT);
    bench_expect("");
}

Test(state, the_login_clock_stands_still_while_it_is_stopped)
{
    session_stop_login_clock(bench.session);
    cr_assert_eq(bench.session->login_by, USEC_NEVER);
    bench_pass_time(USEC_HOUR);
    session_resume_login_clock(bench.session);
    cr_assert_eq(bench.session->login_by, bench.now + bench.settings.login_timeout);
}
