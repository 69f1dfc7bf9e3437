/* COMPRESS: exactly which octets are compressed, and who may say it. */
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

static void open_offered(void)
{
    bench_open();
    bench.session->options.compress = true;
    bench_log_in();
    bench_select();
}

TestSuite(compress, .init = open_offered, .fini = bench_close);

/* What the link does once all is written. */
static void switch_over(void)
{
    cr_assert_eq(evbuffer_get_length(session_output(bench.session)), 0);
    session_compressed(bench.session);
    bench_settle();
}

Test(compress, what_follows_the_command_is_left_to_the_link)
{
    bench_say("a COMPRESS DEFLATE\r\nb NOOP\r\n");
    bench_expect("a OK DEFLATE active\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_COMPRESS);
    cr_assert_eq(evbuffer_get_length(bench.in), strlen("b NOOP\r\n"));
    switch_over();
    cr_assert_eq(session_wants(bench.session), 0);
    evbuffer_drain(bench.in, evbuffer_get_length(bench.in));
    bench_say("c UNSELECT\r\n");
    bench_expect("c OK UNSELECT completed.\r\n");
}

Test(compress, news_and_a_bye_wait_for_it)
{
    bench_expunge(10);
    bench_say("a COMPRESS DEFLATE\r\n");
    session_bye(bench.session, "The server ends");
    bench_settle();
    bench_expect("* 1 EXPUNGE\r\na OK DEFLATE active\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_COMPRESS);
    session_compressed(bench.session);
    bench_settle();
    bench_expect("* BYE The server ends\r\n");
    cr_assert_eq(session_wants(bench.session), SESSION_CLOSE);
}

Test(compress, twice_is_refused_and_it_is_shown_no_more)
{
    bench_say("a CAPABILITY\r\n");
    bench_expect_like("COMPRESS=DEFLATE");
    bench_say("b COMPRESS DEFLATE\r\n");
    bench_expect("b OK DEFLATE active\r\n");
    switch_over();
    bench_say("c COMPRESS DEFLATE\r\nd CAPABILITY\r\n");
    bench_expect(
        "c NO [COMPRESSIONACTIVE] DEFLATE is active already\r\n"
        "* CAPABILITY IMAP4rev1 ENABLE ESEARCH ID IDLE INPROGRESS LITERAL+ PARTIAL SASL-IR SEARCHRES UNSELECT\r\nd OK "
        "CAPABILITY completed.\r\n");
}

Test(compress, only_deflate_is_known)
{
    bench_say("a COMPRESS LZ4\r\nb COMPRESS\r\nc COMPRESS DEFLATE DEFLATE\r\nd COMPRESS \"DEFLATE\"\r\n");
    bench_expect("a BAD COMPRESS knows DEFLATE only\r\nb BAD COMPRESS takes the name of an algorithm\r\n"
                 "c BAD COMPRESS takes the name of an algorithm\r\nd BAD COMPRESS takes the name of an algorithm\r\n");
    cr_assert_eq(session_wants(bench.session), 0);
}

TestSuite(compress_not_offered, .fini = bench_close);

Test(compress_not_offered, where_a_listener_does_not_offer_it_it_is_unknown, .init = bench_open_selected)
{
    bench_say("a CAPABILITY\r\nb COMPRESS DEFLATE\r\n");
    bench_expect(
        "* CAPABILITY IMAP4rev1 ENABLE ESEARCH ID IDLE INPROGRESS LITERAL+ PARTIAL SASL-IR SEARCHRES UNSELECT\r\na OK "
        "CAPABILITY completed.\r\n"
        "b BAD The mail server does not support this command\r\n");
}

Test(compress_not_offered, before_login_it_is_refused, .init = bench_open)
{
    bench_say("a COMPRESS DEFLATE\r\n");
    bench_expect("a BAD Log in first\r\n");
}
