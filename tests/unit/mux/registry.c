/* Logins, with lines that the test holds in its hand. */
#include "mux/registry.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account.h"
#include "mux/upstream.h"

struct desk {
    struct runqueue *runqueue;
    struct registry *registry;
    struct settings settings;
    struct upstream *dialled;
    bool close;
    struct evbuffer *in;
    char log[8000];
    enum login_outcome outcome;
    char told[500];
};

static const struct upstream_settings upstream_settings = {.name = "server", .host = "127.0.0.1", .port = 143};

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct desk *desk = context;

    (void)settings;
    desk->dialled = upstream;
    return desk;
}

static void wake(void *link)
{
    (void)link;
}

static void close_line(void *link, bool flush)
{
    struct desk *desk = link;

    (void)flush;
    desk->close = true;
}

static const struct upstream_link_ops link_ops = {.dial = dial, .wake = wake, .close = close_line};

static void write_log(void *context, enum log_level level, const char *line)
{
    struct desk *desk = context;

    (void)level;
    strncat(desk->log, line, sizeof(desk->log) - strlen(desk->log) - 1);
}

static void begin(struct desk *desk)
{
    static struct log log;
    struct registry_options options = {.link_ops = &link_ops, .link_context = desk, .version = "0", .log = &log};

    *desk = (struct desk){.runqueue = runqueue_new(), .in = evbuffer_new()};
    log = (struct log){.level = LOG_DEBUG, .write = write_log, .context = desk};
    settings_defaults(&desk->settings);
    options.runqueue = desk->runqueue;
    options.settings = &desk->settings;
    desk->registry = registry_new(&options);
    runqueue_step(desk->runqueue, USEC_SECOND);
}

static void finish(struct desk *desk)
{
    registry_free(desk->registry);
    runqueue_free(desk->runqueue);
    evbuffer_free(desk->in);
}

static void done(void *owner, const struct login_answer *answer)
{
    struct desk *desk = owner;

    desk->outcome = answer->outcome;
    snprintf(desk->told, sizeof(desk->told), "%.*s", (int)answer->text.length, answer->text.data);
}

static struct login *log_in(struct desk *desk, struct slice user)
{
    struct login_credentials credentials = {.authentication_id = user, .secret = SLICE("sesame")};

    return login_begin(desk->registry, &upstream_settings, &credentials, 192, done, desk);
}

static void say(struct desk *desk, struct slice text)
{
    evbuffer_add(desk->in, text.data, text.length);
    upstream_receive(desk->dialled, desk->in);
    runqueue_step(desk->runqueue, runqueue_now(desk->runqueue));
}

Test(registry, a_user_name_too_long_for_an_account_is_refused)
{
    struct desk desk;
    struct slice user = {malloc(9000), 9000};

    begin(&desk);
    memset((char *)(uintptr_t)user.data, 'u', user.length);
    cr_assert_null(log_in(&desk, user));
    cr_assert_eq(registry_accounts(desk.registry), 0);
    free((char *)(uintptr_t)user.data);
    finish(&desk);
}

Test(registry, what_a_server_says_as_it_refuses_stays_on_one_line)
{
    struct desk desk;

    begin(&desk);
    cr_assert_not_null(log_in(&desk, SLICE("alice")));
    runqueue_step(desk.runqueue, USEC_SECOND);
    upstream_connected(desk.dialled);
    say(&desk, SLICE("* OK [CAPABILITY IMAP4rev1] hello\r\n* LIST {31}\r\nToo many connections\r\nforged:\t )\r\n"));
    cr_assert(desk.close);
    upstream_closed(desk.dialled, "closed here");
    cr_assert_not_null(strstr(desk.log, "Too many connections??forged:?"), "%s", desk.log);
    cr_assert_null(strpbrk(desk.log, "\r\n\t"));
    finish(&desk);
}

Test(registry, who_comes_while_the_program_goes_down_is_told_so_and_nobody_is_dialled)
{
    struct desk desk;

    begin(&desk);
    registry_shutdown(desk.registry, "Going down");
    cr_assert_not_null(log_in(&desk, SLICE("alice")));
    runqueue_step(desk.runqueue, USEC_SECOND);
    cr_assert_null(desk.dialled);
    cr_assert_eq(desk.outcome, LOGIN_UNAVAILABLE);
    cr_assert(registry_idle(desk.registry));
    finish(&desk);
}

Test(registry, long_passwords_of_those_who_wait_keep_out_no_short_ones)
{
    struct desk desk;
    static char text[30000];
    struct login_credentials credentials = {.authentication_id = SLICE("alice"), .secret = {text, sizeof(text)}};
    struct login *logins[1000];
    size_t long_ones = 0;

    memset(text, 'x', sizeof(text));
    begin(&desk);
    while (long_ones < 1000 &&
           (logins[long_ones] = login_begin(desk.registry, &upstream_settings, &credentials, 192, done, &desk)))
        long_ones++;
    cr_assert_gt(long_ones, 10);
    cr_assert_lt(long_ones, 100, "they would fill the memory for passwords");
    for (int i = 0; i < 1000; i++)
        cr_assert_not_null(log_in(&desk, SLICE("alice")), "short one %d", i);
    /* Who has gone makes room. */
    login_cancel(logins[0]);
    while (long_ones-- > 1)
        login_cancel(logins[long_ones]);
    cr_assert_not_null(login_begin(desk.registry, &upstream_settings, &credentials, 192, done, &desk));
    finish(&desk);
}
