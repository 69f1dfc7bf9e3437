/* What happens at the target of APPEND, COPY and MOVE. */
#include "session/target.h"

#include <criterion/criterion.h>

#include "unit/session/bench.h"

TestSuite(target, .init = bench_open_selected, .fini = bench_close);

static unsigned reached;

static void then(struct run *run)
{
    reached++;
    run_ok(run->session, NULL);
}

Test(target, a_mailbox_that_is_not_selected_is_touched_and_nothing_waits)
{
    bench_say("a IDLE\r\n");
    target_changed(bench.session, SLICE("other"), then);
    cr_assert(reached == 1 && bench.touched == 1 && !bench.job);
}

Test(target, the_selected_one_is_looked_at_whatever_comes_of_it)
{
    bench_say("a IDLE\r\n");
    bench.inbox->looked_at = bench.now;
    target_changed(bench.session, SLICE("INBOX"), then);
    cr_assert(reached == 0 && bench.job->mailbox == bench.inbox && bench.inbox->looked_at == MAILBOX_NEVER);
    bench_done(JOB_LOST, NULL);
    cr_assert_eq(reached, 1);
}

Test(target, without_memory_nothing_waits)
{
    bench_say("a IDLE\r\n");
    bench.refuses_jobs = true;
    target_changed(bench.session, SLICE("INBOX"), then);
    cr_assert_eq(reached, 1);
}
