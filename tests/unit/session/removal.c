/* What becomes of a MOVE made of three commands when its session ends, or its client is told NO. */
#include "session/removal.h"

#include <criterion/criterion.h>

#include "session/session.h"
#include "unit/session/bench.h"

static void open(void)
{
    bench_open_selected();
    bench_offer(CAPABILITY_UIDPLUS);
}

/* The session has been freed by the test. */
static void close_rest(void)
{
    bench.session = NULL;
    bench_close();
}

TestSuite(removal, .init = open, .fini = close_rest);

static void leave(void)
{
    session_bye(bench.session, "over");
    session_closed(bench.session);
    bench_settle();
}

Test(removal, what_was_copied_is_removed_though_the_session_has_ended)
{
    bench_say("a UID MOVE 10,20 other\r\n");
    bench_expect_sent("UID COPY 10,20 other");
    bench.job->course.written = true;
    leave();
    bench_done(JOB_OK, "x OK [COPYUID 9 20 1] done");
    bench_expect_sent("UID STORE 20 +FLAGS (\\Deleted)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 20");
    bench_done(JOB_OK, "x OK done");
    cr_assert_null(bench.job);
}

Test(removal, nothing_is_removed_without_an_ok)
{
    static const enum job_status ends[] = {JOB_NO, JOB_LOST, JOB_GARBAGE, JOB_DEAD};
    struct seqset uids = {0};

    bench_say("a UID MOVE 10,20 other\r\n");
    cr_assert(seqset_add(&uids, 10));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct job *job = bench.job;
        job->course.written = true;
        cr_assert(removal_inherit(job, REMOVAL_COPY, &uids, 1));
        cr_assert_eq(job->owed_until, 1);
        job->ops->done(job, &(struct job_result){.status = ends[i]});
        cr_assert_eq(bench.job, job, "no other one is submitted");
    }
    seqset_clear(&uids);
    bench.job->course.written = false;
    leave();
}

Test(removal, a_copy_that_was_not_sent_is_not_begun)
{
    bench_say("a UID MOVE 10,20 other\r\n");
    leave();
    cr_assert_null(bench.job);
    cr_assert_eq(bench.abandoned, 1);
}

Test(removal, a_removal_goes_on_from_its_step)
{
    bench_say("a UID MOVE 10 other\r\n");
    bench_expect_sent("UID COPY 10 other");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID STORE 10 +FLAGS (\\Deleted)");
    leave();
    bench_expect_sent("UID STORE 10 +FLAGS (\\Deleted)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 10");
    bench_done(JOB_OK, "x OK done");
    cr_assert_null(bench.job);
}

Test(removal, a_client_is_answered_while_the_removal_waits_for_a_server_that_is_away)
{
    struct job *job;

    bench_say("a UID MOVE 10 other\r\n");
    job = bench.job;
    cr_assert_not(job->ops->overdue(job, "away"), "nothing has been begun");
    bench_expect_sent("UID COPY 10 other");
    bench_done(JOB_OK, "x OK done");
    job = bench.job;
    cr_assert(job->ops->overdue(job, "away"));
    bench_settle();
    bench_expect_like("a NO [UNAVAILABLE] The messages were copied; they are removed");
    cr_assert_gt(job->owed_until, 0);
    bench_expect_sent("UID STORE 10 +FLAGS (\\Deleted)");
    bench_done(JOB_OK, "x OK done");
    bench_expect_sent("UID EXPUNGE 10");
    bench_done(JOB_OK, "x OK done");
    bench_say("b UNSELECT\r\n");
    bench_expect("b OK UNSELECT completed.\r\n");
    leave();
}
