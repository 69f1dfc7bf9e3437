/* The end of the process: clients are retired in small groups, who has a command in progress gets its answer, and every
 * account logs out upstream when its last client has gone. */
#include "mux/registry.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account.h"
#include "mux/upstream.h"

#define ACCOUNTS 3
#define CLIENTS  70 /* of each account */

/* A client, which leaves at once when it is retired unless it has something to finish. */
struct client {
    struct account_member member;
    struct account *account; /* NULL: it has left */
    bool busy;
    bool ended;
};

/* The line of one account. */
struct served {
    struct upstream *upstream; /* NULL: closed */
    bool closing;
    bool holds_plus; /* IDLE is not answered */
    bool logged_out;
    char idle_tag[32];
};

struct bench {
    struct runqueue *runqueue;
    struct registry *registry;
    struct settings settings;
    struct served lines[ACCOUNTS];
    size_t dialled;
    struct account *accounts[ACCOUNTS];
    size_t logged_in;
    struct client clients[ACCOUNTS][CLIENTS];
};

static const struct upstream_settings upstream_settings = {.name = "server", .host = "127.0.0.1", .port = 143};

/* --- a server that answers everything at once */

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct bench *bench = context;
    struct served *line = &bench->lines[bench->dialled++];

    (void)settings;
    cr_assert_leq(bench->dialled, ACCOUNTS, "dialled again");
    line->upstream = upstream;
    return line;
}

static void wake(void *link)
{
    (void)link;
}

static void close_line(void *link, bool flush)
{
    (void)flush;
    ((struct served *)link)->closing = true;
}

static const struct upstream_link_ops link_ops = {.dial = dial, .wake = wake, .close = close_line};

static void say(struct served *line, const char *text)
{
    struct evbuffer *in = evbuffer_new();

    evbuffer_add(in, text, strlen(text));
    upstream_receive(line->upstream, in);
    evbuffer_free(in);
}

static void answer(struct served *line, const char *command)
{
    char tag[32] = "", word[32] = "", text[256];

    sscanf(command, "%31s %31s", tag, word);
    if (strcmp(tag, "DONE") == 0) {
        snprintf(text, sizeof(text), "%s OK done\r\n", line->idle_tag);
    } else if (strcmp(word, "IDLE") == 0) {
        memcpy(line->idle_tag, tag, sizeof(tag));
        snprintf(text, sizeof(text), "+ idling\r\n");
        if (line->holds_plus)
            return;
    } else if (strcmp(word, "EXAMINE") == 0) {
        snprintf(text, sizeof(text),
                 "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n%s OK [READ-WRITE] done\r\n", tag);
    } else if (strcmp(word, "LOGIN") == 0) {
        snprintf(text, sizeof(text), "%s OK [CAPABILITY IMAP4rev1 IDLE] in\r\n", tag);
    } else {
        snprintf(text, sizeof(text), "%s OK done\r\n", tag);
    }
    line->logged_out = strcmp(word, "LOGOUT") == 0;
    say(line, text);
}

static void close_served(struct served *line, const char *why)
{
    struct upstream *upstream = line->upstream;

    line->upstream = NULL;
    upstream_closed(upstream, why);
}

static bool serve(struct served *line)
{
    if (line->upstream && line->closing)
        close_served(line, "closed here");
    char *command = line->upstream ? evbuffer_readln(upstream_output(line->upstream), NULL, EVBUFFER_EOL_CRLF) : NULL;

    if (command)
        answer(line, command);
    free(command);
    return command != NULL;
}

static void pass(struct bench *bench, usec time)
{
    bool more = true;

    runqueue_step(bench->runqueue, runqueue_now(bench->runqueue) + time);
    while (more) {
        more = false;
        for (size_t i = 0; i < ACCOUNTS; i++)
            more |= serve(&bench->lines[i]);
        runqueue_step(bench->runqueue, runqueue_now(bench->runqueue));
    }
}

/* --- clients */

static void leave(struct client *client)
{
    struct account *account = client->account;

    client->account = NULL;
    if (account)
        account_leave(account, &client->member);
}

static void end(void *owner, const char *reason)
{
    struct client *client = owner;

    cr_assert_str_eq(reason, "Going down");
    client->ended = true;
    leave(client);
}

static void retire(void *owner, const char *reason)
{
    struct client *client = owner;

    cr_assert_str_eq(reason, "Going down");
    if (!client->busy)
        leave(client);
}

static void logged_in(void *owner, const struct login_answer *told)
{
    struct bench *bench = owner;
    size_t i = bench->logged_in++;

    cr_assert_eq(told->outcome, LOGIN_OK);
    bench->accounts[i] = told->account;
    for (size_t k = 0; k < CLIENTS; k++) {
        struct client *client = &bench->clients[i][k];
        *client = (struct client){.account = told->account};
        client->member = (struct account_member){.owner = client, .end = end, .retire = retire};
        cr_assert(account_join(told->account, &client->member));
    }
}

static size_t here(const struct bench *bench)
{
    return registry_sessions(bench->registry);
}

static struct log silence = {.level = LOG_ERROR};

static void ignore(void *context, enum log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static void begin(struct bench *bench)
{
    static const char *const users[ACCOUNTS] = {"alice", "bob", "carol"};
    struct registry_options options = {.link_ops = &link_ops, .link_context = bench, .version = "0", .log = &silence};

    silence.write = ignore;
    memset(bench, 0, sizeof(*bench));
    bench->runqueue = options.runqueue = runqueue_new();
    settings_defaults(&bench->settings);
    options.settings = &bench->settings;
    bench->registry = registry_new(&options);
    runqueue_step(bench->runqueue, USEC_SECOND);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        struct login_credentials credentials = {.authentication_id = slice_of(users[i]), .secret = SLICE("sesame")};
        cr_assert_not_null(login_begin(bench->registry, &upstream_settings, &credentials, 1, logged_in, bench));
        runqueue_step(bench->runqueue, runqueue_now(bench->runqueue));
        upstream_connected(bench->lines[i].upstream);
        say(&bench->lines[i], "* OK [CAPABILITY IMAP4rev1 IDLE] hello\r\n");
        pass(bench, 0);
    }
    cr_assert_eq(here(bench), ACCOUNTS * CLIENTS);
}

static void finish(struct bench *bench)
{
    registry_free(bench->registry);
    runqueue_free(bench->runqueue);
}

static void looked(struct job *job, const struct job_result *result)
{
    (void)job;
    (void)result;
}

static void look(struct account *account)
{
    static const struct job_ops ops = {.done = looked};
    struct job wanted = {.ops = &ops,
                         .title = "look",
                         .goal = JOB_LOOK,
                         .policy = POLICY_LOOK,
                         .mailbox = account_mailbox(account, SLICE("INBOX"))};

    cr_assert_not_null(job_submit(account, &wanted));
}

Test(drain, clients_leave_in_small_groups_and_each_account_logs_out_behind_its_last)
{
    static struct bench bench;
    size_t before = ACCOUNTS * CLIENTS;

    begin(&bench);
    registry_shutdown(bench.registry, "Going down");
    for (unsigned group = 0; before > 0; group++) {
        pass(&bench, group == 0 ? 0 : USEC_SECOND / 20);
        cr_assert_geq(here(&bench) + 50, before);
        cr_assert_lt(here(&bench), before);
        before = here(&bench);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            size_t left = 0;
            for (size_t k = 0; k < CLIENTS; k++)
                left += bench.clients[i][k].account != NULL;
            cr_assert_eq(bench.lines[i].logged_out, left == 0, "account %zu with %zu clients", i, left);
        }
    }
    cr_assert(registry_idle(bench.registry));
    finish(&bench);
}

Test(drain, who_has_a_command_in_progress_has_three_seconds_for_it)
{
    static struct bench bench;
    struct client *quick = &bench.clients[0][CLIENTS - 1], *slow = &bench.clients[1][0];

    begin(&bench);
    quick->busy = slow->busy = true;
    registry_shutdown(bench.registry, "Going down");
    for (unsigned i = 0; i < 40; i++)
        pass(&bench, USEC_SECOND / 20);
    cr_assert_eq(here(&bench), 2);
    cr_assert_not(bench.lines[0].logged_out);
    cr_assert(bench.lines[2].logged_out);
    leave(quick);
    pass(&bench, USEC_SECOND / 20);
    cr_assert(bench.lines[0].logged_out);
    cr_assert_not(slow->ended);
    pass(&bench, USEC_SECOND);
    cr_assert(slow->ended);
    cr_assert(bench.lines[1].logged_out);
    cr_assert(registry_idle(bench.registry));
    finish(&bench);
}

Test(drain, a_line_that_is_lost_meanwhile_is_not_dialled_again)
{
    static struct bench bench;
    struct client *busy = &bench.clients[1][0];

    begin(&bench);
    busy->busy = true;
    registry_shutdown(bench.registry, "Going down");
    pass(&bench, 0);
    close_served(&bench.lines[1], "reset");
    pass(&bench, 0);
    cr_assert(busy->ended);
    for (unsigned i = 0; i < 10; i++)
        pass(&bench, USEC_SECOND / 20);
    cr_assert(registry_idle(bench.registry));
    finish(&bench);
}

Test(drain, who_is_only_just_entering_idle_logs_out_as_well)
{
    static struct bench bench;

    begin(&bench);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        bench.lines[i].holds_plus = true;
        look(bench.accounts[i]);
    }
    for (unsigned i = 0; i < 20; i++)
        pass(&bench, USEC_SECOND / 10);
    for (size_t i = 0; i < ACCOUNTS; i++)
        cr_assert_eq(upstream_state(bench.lines[i].upstream), UPSTREAM_ENTERING_IDLE);
    registry_shutdown(bench.registry, "Going down");
    for (unsigned i = 0; i < 10; i++)
        pass(&bench, USEC_SECOND / 20);
    cr_assert_eq(here(&bench), 0);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        cr_assert_not(bench.lines[i].logged_out);
        say(&bench.lines[i], "+ idling\r\n");
        pass(&bench, 0);
        cr_assert(bench.lines[i].logged_out);
    }
    pass(&bench, 0);
    cr_assert(registry_idle(bench.registry));
    finish(&bench);
}
