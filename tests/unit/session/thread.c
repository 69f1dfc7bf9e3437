/* THREAD: the numbers in the lists, and lists without what is gone. */
#include <criterion/criterion.h>

#include "imap/capability.h"
#include "unit/session/bench.h"

static void open_threading(void)
{
    static struct value word = {.kind = VALUE_ATOM, .text = {"THREAD=REFS", 11}};

    bench_open_selected();
    cr_assert(capability_set_read(&bench.capabilities, &word));
    bench_offer(CAPABILITY_THREAD);
}

TestSuite(thread, .init = open_threading, .fini = bench_close);

Test(thread, numbers_are_translated_in_the_lists)
{
    bench_say("a THREAD REFS utf-8 1:2\r\n");
    bench_expect_sent("UID THREAD REFS utf-8 UID 10:20");
    bench_answer("* THREAD (10 (20)(30))\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* THREAD (1 (2)(3))\r\na OK THREAD completed.\r\n");
    bench_say("b UID THREAD refs utf-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* THREAD (10)\r\n* THREAD (30 20)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* THREAD (10)(30 20)\r\nb OK UID THREAD completed.\r\n");
}

Test(thread, what_is_gone_or_was_not_told_is_left_out)
{
    bench_say("a THREAD REFS UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* THREAD (10 (20)(30))(40)\r\n");
    bench_expunge(20);
    bench_done(JOB_OK, "x OK done");
    bench_expect("* THREAD (1 3)\r\na OK THREAD completed.\r\n");
}

Test(thread, nothing_found_is_told)
{
    bench_say("a THREAD REFS UTF-8 SEEN\r\n");
    (void)bench_build();
    bench_done(JOB_OK, "x OK done");
    bench_expect("* THREAD\r\na OK THREAD completed.\r\n");
    bench_say("b THREAD REFS UTF-8 ALL\r\n");
    (void)bench_build();
    bench_answer("* THREAD (40)\r\n");
    bench_done(JOB_OK, "x OK done");
    bench_expect("* THREAD\r\nb OK THREAD completed.\r\n");
}

Test(thread, algorithms_are_the_servers)
{
    bench_say("a THREAD NOSUCH UTF-8 ALL\r\n");
    bench_expect_like("a BAD ");
    bench_say("b THREAD REFS UTF-8\r\n");
    bench_expect_like("b BAD ");
    bench_say("c THREAD\r\n");
    bench_expect_like("c BAD ");
    cr_assert_null(bench.job);
}
