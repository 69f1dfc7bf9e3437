/* The short second connection. */
#include "mux/verifier.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static struct bench bench;
static struct verifier *verifier;
static struct upstream *dialled;
static unsigned logins, accepted, closed;

static void on_logs_in(void *owner)
{
    (void)owner;
    logins++;
}

static void on_accepted(void *owner, const struct credential *credential)
{
    (void)owner;
    (void)credential;
    accepted++;
}

static void on_closed(void *owner, const struct upstream_end *end)
{
    (void)owner;
    (void)end;
    closed++;
}

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    (void)settings;
    dialled = upstream;
    return context;
}

static void wake(void *link)
{
    (void)link;
}

static void close_link(void *link, bool flush)
{
    (void)link;
    (void)flush;
}

static const struct upstream_link_ops link_ops = {.dial = dial, .wake = wake, .close = close_link};
static const struct verifier_ops ops = {.logs_in = on_logs_in, .accepted = on_accepted, .closed = on_closed};

static void begin(void)
{
    struct verifier_options options = {.name = "user@server", .ops = &ops};

    bench_init(&bench);
    bench.ground.link_ops = &link_ops;
    bench.upstream_settings.verify_connection = true;
    options.ground = &bench.ground;
    options.settings = &bench.upstream_settings;
    verifier = verifier_new(&options);
}

static void finish(void)
{
    verifier_free(verifier);
    bench_clear(&bench);
}

TestSuite(verifier, .init = begin, .fini = finish);

static void start(void)
{
    struct credential credential;
    struct upstream_login with = {.authentication_id = SLICE("user"), .credential = &credential};

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    cr_assert(verifier_dial(verifier, &with));
    credential_clear(&credential);
}

static void say(const char *text)
{
    evbuffer_add_printf(bench.in, "%s\r\n", text);
    upstream_receive(dialled, bench.in);
}

/* The tagged answer to the last command. */
static void answer(const char *text)
{
    char *line, tag[40] = "";

    while ((line = evbuffer_readln(upstream_output(dialled), NULL, EVBUFFER_EOL_CRLF))) {
        sscanf(line, "%39s", tag);
        free(line);
    }
    evbuffer_add_printf(bench.in, "%s %s\r\n", tag, text);
    upstream_receive(dialled, bench.in);
}

Test(verifier, it_logs_in_and_out_again_and_is_free_when_the_line_is_closed)
{
    cr_assert(verifier_is_free(verifier));
    start();
    cr_assert_not(verifier_is_free(verifier));
    upstream_connected(dialled);
    say("* OK [CAPABILITY IMAP4rev1] hello");
    answer("OK [CAPABILITY IMAP4rev1] in");
    cr_assert_eq(accepted, 1);
    cr_assert_eq(upstream_state(dialled), UPSTREAM_LOGGING_OUT);
    upstream_closed(dialled, "closed");
    cr_assert_eq(closed, 1);
    cr_assert(verifier_is_free(verifier));
    start();
}

Test(verifier, what_the_server_says_on_it_is_heard_by_nobody)
{
    start();
    upstream_connected(dialled);
    say("* OK [CAPABILITY IMAP4rev1] hello");
    say("* 4 EXISTS\r\n* 1 FETCH (UID 3 FLAGS ())\r\n* OK [ALERT] full\r\n* ((((");
    answer("NO [AUTHENTICATIONFAILED] no");
    cr_assert_eq(accepted, 0);
    upstream_closed(dialled, "closed");
    cr_assert_eq(closed, 1);
}

Test(verifier, never_a_second_one_beside_it, .signal = SIGABRT)
{
    start();
    start();
}

Test(verifier, never_without_the_setting, .signal = SIGABRT)
{
    bench.upstream_settings.verify_connection = false;
    start();
}
