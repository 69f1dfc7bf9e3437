/* The connection's own rules: IDLE and its DONE, one command at a time, what was certainly not carried out. */
#include "mux/upstream.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static struct bench bench;
static char told[500];

static void tell(const char *word)
{
    strcat(told, word);
}

static void ready(void *owner, const struct credential *credential)
{
    (void)owner;
    (void)credential;
}

static void tagged(void *owner, const struct response *response)
{
    (void)owner;
    tell(response->status == RESPONSE_OK ? "OK;" : "NO;");
}

static void idle_over(void *owner, bool refused)
{
    (void)owner;
    tell(refused ? "IDLE refused;" : "IDLE over;");
}

static void garbage(void *owner, struct slice line, bool open_fetch, uint32_t fetch_number)
{
    (void)fetch_number;
    (void)owner;
    (void)line;
    (void)open_fetch;
    tell("garbage;");
}

static bool ended_by_server, ended_as_ghost;

static void closed(void *owner, const struct upstream_end *end)
{
    (void)owner;
    ended_by_server = end->by_server;
    ended_as_ghost = end->ghost && end->ends->local[0] == 7;
    tell(upstream_was_unsent(bench.upstream) ? "closed, unsent;" : "closed;");
}

static const struct upstream_owner owner = {
    .ready = ready, .tagged = tagged, .idle_over = idle_over, .garbage = garbage, .closed = closed};

static void begin(void)
{
    told[0] = '\0';
    bench_init(&bench);
    bench_log_in(&bench, &owner, "IDLE");
}

static void finish(void)
{
    bench_clear(&bench);
}

TestSuite(upstream, .init = begin, .fini = finish);

static void send_text(const char *text)
{
    struct outgoing *out = outgoing_new();

    outgoing_text(out, text);
    upstream_send(bench.upstream, out, PATIENCE_QUICK);
}

Test(upstream, done_is_written_only_after_the_plus_and_the_command_in_the_same_write)
{
    upstream_idle(bench.upstream);
    cr_assert_str_eq(bench_written(&bench), "IDLE");
    send_text("NOOP");
    cr_assert_str_eq(bench_written(&bench), "");
    bench_say(&bench, "+ idling");
    cr_assert_str_eq(bench_written(&bench), "DONE\nNOOP");
}

Test(upstream, an_idle_that_is_refused_or_ends_by_itself_is_told)
{
    upstream_idle(bench.upstream);
    (void)bench_written(&bench);
    bench_say(&bench, "%T NO not now");
    cr_assert_str_eq(told, "IDLE refused;");
    upstream_idle(bench.upstream);
    (void)bench_written(&bench);
    bench_say(&bench, "+ idling\r\n%T OK enough");
    cr_assert_str_eq(told, "IDLE refused;IDLE over;");
    cr_assert_not(upstream_busy(bench.upstream));
}

Test(upstream, an_unknown_tag_and_a_plus_that_nobody_waits_for_are_garbage)
{
    bench_say(&bench, "zz OK what\r\n+ go on");
    cr_assert_str_eq(told, "garbage;garbage;");
}

/* Whoever sent the message chooses these octets. */
Test(upstream, a_message_does_not_speak_as_the_server)
{
    send_text("UID FETCH 1 (UID ENVELOPE)");
    bench_say(
        &bench,
        "* 1 FETCH (UID 1 ENVELOPE (NIL \"he said \"no\" NIL {40}\r\n* OK [ALERT] Your password has expired!\r\n");
    cr_assert(bench.closing);
    cr_assert_str_eq(told, "");
}

Test(upstream, tags_cannot_be_guessed_and_differ_between_connections)
{
    char first[32];

    send_text("NOOP");
    (void)bench_written(&bench);
    snprintf(first, sizeof(first), "%s", bench.tag);
    cr_assert_gt(strlen(first), 9);
    bench_say(&bench, "x1 OK done");
    cr_assert_str_eq(told, "garbage;");
    bench_clear(&bench);
    bench_init(&bench);
    random_init(&bench.ground.tags, 7);
    bench_log_in(&bench, &owner, "IDLE");
    send_text("NOOP");
    (void)bench_written(&bench);
    cr_assert_str_neq(bench.tag, first);
}

Test(upstream, a_command_held_back_by_idle_was_certainly_not_carried_out)
{
    upstream_idle(bench.upstream);
    send_text("CREATE x");
    upstream_drop(bench.upstream, "cut");
    bench_closed(&bench);
    cr_assert_str_eq(told, "closed, unsent;");
}

Test(upstream, one_that_was_written_may_have_been)
{
    send_text("CREATE x");
    upstream_drop(bench.upstream, "cut");
    bench_closed(&bench);
    cr_assert_str_eq(told, "closed;");
}

Test(upstream, silence_during_a_command_ends_the_line_and_in_idle_it_does_not)
{
    upstream_idle(bench.upstream);
    bench_say(&bench, "+ idling");
    runqueue_step(bench.ground.runqueue, USEC_HOUR + 2 * bench.settings.response_timeout);
    cr_assert_not(bench.closing);
    send_text("NOOP");
    runqueue_step(bench.ground.runqueue, USEC_HOUR + 4 * bench.settings.response_timeout);
    cr_assert(bench.closing);
}

Test(upstream, a_second_command_in_flight_is_an_assertion, .signal = SIGABRT)
{
    send_text("NOOP");
    send_text("NOOP");
}

Test(upstream, a_second_dial_is_an_assertion, .signal = SIGABRT)
{
    struct credential credential;
    struct upstream_login with = {.authentication_id = SLICE("user"), .credential = &credential};

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    upstream_dial(bench.upstream, &with);
}

/* A session that the server cuts again and again is another matter than one that we leave. */
Test(upstream, whose_end_it_was_is_told)
{
    bench_say(&bench, "* BYE logged in from another place");
    bench_closed(&bench);
    cr_assert(ended_by_server);
}

Test(upstream, an_end_under_a_command_may_be_the_commands)
{
    send_text("EXAMINE deadly");
    (void)bench_written(&bench);
    bench_say(&bench, "* BYE internal error");
    bench_closed(&bench);
    cr_assert_not(ended_by_server);
}

/* The link has heard no end of the server. */
static bool is_ghost_after(const char *said)
{
    const struct link_ends ends = {.length = 1, .local = {7}};

    upstream_stands_between(bench.upstream, &ends);
    cr_assert(upstream_ends(bench.upstream)->local[0] == 7);
    upstream_logout(bench.upstream);
    (void)bench_written(&bench);
    if (said)
        bench_say(&bench, said);
    upstream_ends_unheard(bench.upstream);
    bench_closed(&bench);
    return ended_as_ghost;
}

Test(upstream, a_logout_without_an_answer_leaves_a_ghost)
{
    cr_assert(is_ghost_after(NULL));
}

Test(upstream, a_logout_that_was_answered_leaves_none_whoever_closes_first)
{
    cr_assert_not(is_ghost_after("* BYE\r\n%T OK bye"));
}

Test(upstream, an_end_by_logout_is_our_own)
{
    upstream_logout(bench.upstream);
    (void)bench_written(&bench);
    bench_say(&bench, "* BYE\r\n%T OK bye");
    bench_closed(&bench);
    cr_assert_not(ended_by_server);
}

/* --- COMPRESS */

static void begin_compressing(void)
{
    told[0] = '\0';
    bench_init(&bench);
    bench.upstream_settings.compress = true;
}

TestSuite(upstream_compress, .init = begin_compressing, .fini = finish);

Test(upstream_compress, it_is_the_last_step_and_what_follows_its_answer_is_left)
{
    bench_log_in(&bench, &owner, "COMPRESS=DEFLATE");
    cr_assert_eq(bench.compressions, 1);
    cr_assert_str_eq(bench_written(&bench), "");
    send_text("NOOP");
    cr_assert_str_eq(bench_written(&bench), "NOOP");
}

/* As far as COMPRESS, which awaits its answer. */
static void go_to_compress(void)
{
    static struct credential credential;
    struct upstream_login login = {.authentication_id = SLICE("user"), .credential = &credential};

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    bench.upstream = upstream_new(&bench.ground, &bench.upstream_settings, "user@server", &owner);
    upstream_dial(bench.upstream, &login);
    credential_clear(&credential);
    upstream_connected(bench.upstream);
    bench_say(&bench, "* OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello");
    (void)bench_written(&bench);
    bench_say(&bench, "%T OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in");
    cr_assert_str_eq(bench_written(&bench), "COMPRESS DEFLATE");
    cr_assert_not(upstream_logged_in(bench.upstream));
}

Test(upstream_compress, octets_behind_the_ok_are_the_links)
{
    go_to_compress();
    bench_say(&bench, "%T OK begin\r\nnot for us");
    cr_assert_eq(bench.compressions, 1);
    cr_assert_eq(evbuffer_get_length(bench.in), strlen("not for us\r\n"));
    cr_assert_not(upstream_logged_in(bench.upstream));
    upstream_compressed(bench.upstream);
    cr_assert(upstream_logged_in(bench.upstream));
}

Test(upstream_compress, a_server_that_refuses_is_used_without)
{
    go_to_compress();
    bench_say(&bench, "%T NO not now");
    cr_assert_eq(bench.compressions, 0);
    cr_assert(upstream_logged_in(bench.upstream));
}

Test(upstream_compress, one_that_offers_none_is_not_asked)
{
    bench_log_in(&bench, &owner, "IDLE");
    cr_assert_eq(bench.compressions, 0);
}
