/* Turns: whoever waits is served after a bounded number of other jobs, whatever the others go on asking. */
#include "mux/job.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account.h"
#include "mux/registry.h"
#include "mux/upstream.h"

#define CHATTERERS 6
#define ENOUGH     400 /* jobs, then nobody asks again */

struct bench;

/* A client that asks again as soon as it has been answered. */
struct asker {
    struct bench *bench;
    struct mailbox *mailbox;
    bool asks_again;
    bool waits;
    unsigned begun;   /* how many jobs had been done when it asked last */
    unsigned longest; /* the most jobs of others between asking and being answered */
};

struct bench {
    struct runqueue *runqueue;
    struct registry *registry;
    struct settings settings;
    struct upstream *dialled;
    struct account *account;
    struct evbuffer *in;
    unsigned done;
    unsigned switches;
};

static const struct upstream_settings upstream_settings = {.name = "server", .host = "127.0.0.1", .port = 143};

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct bench *bench = context;

    (void)settings;
    bench->dialled = upstream;
    return bench;
}

static void wake(void *link)
{
    (void)link;
}

static void close_line(void *link, bool flush)
{
    (void)link;
    (void)flush;
}

static const struct upstream_link_ops link_ops = {.dial = dial, .wake = wake, .close = close_line};

static void write_log(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

/* --- a server that answers everything at once */

static void answer(struct bench *bench, const char *line)
{
    char tag[32] = "", word[32] = "";

    sscanf(line, "%31s %31s", tag, word);
    if (strcmp(word, "SELECT") == 0 || strcmp(word, "EXAMINE") == 0) {
        bench->switches++;
        evbuffer_add_printf(bench->in, "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n");
        evbuffer_add_printf(bench->in, "%s OK [READ-WRITE] done\r\n", tag);
    } else if (strcmp(word, "LOGIN") == 0) {
        evbuffer_add_printf(bench->in, "%s OK [CAPABILITY IMAP4rev1] in\r\n", tag);
    } else {
        evbuffer_add_printf(bench->in, "%s OK done\r\n", tag);
    }
    upstream_receive(bench->dialled, bench->in);
}

static bool serve(struct bench *bench)
{
    char *line;

    runqueue_step(bench->runqueue, runqueue_now(bench->runqueue) + 1);
    line = evbuffer_readln(upstream_output(bench->dialled), NULL, EVBUFFER_EOL_CRLF);
    if (line)
        answer(bench, line);
    free(line);
    return line != NULL;
}

static void serve_all(struct bench *bench)
{
    while (serve(bench)) {
    }
}

/* --- who asks */

static enum job_turn build(struct job *job, struct outgoing *out)
{
    (void)job;
    outgoing_text(out, "NOOP");
    return JOB_SEND;
}

static void ask(struct asker *asker);

static void answered(struct job *job, const struct job_result *result)
{
    struct asker *asker = job->owner;
    unsigned waited = asker->bench->done - asker->begun;

    cr_assert_eq(result->status, JOB_OK);
    asker->bench->done++;
    asker->waits = false;
    if (waited > asker->longest)
        asker->longest = waited;
    if (asker->asks_again && asker->bench->done < ENOUGH)
        ask(asker);
}

static const struct job_ops job_ops = {.build = build, .done = answered};

static void ask(struct asker *asker)
{
    struct job wanted = {.ops = &job_ops,
                         .owner = asker,
                         .title = "NOOP",
                         .goal = JOB_RUN,
                         .policy = POLICY_LOOK,
                         .mailbox = asker->mailbox,
                         .read_write = true};

    asker->begun = asker->bench->done;
    asker->waits = true;
    cr_assert_not_null(job_submit(asker->bench->account, &wanted));
}

/* --- the bench */

static void logged_in(void *owner, const struct login_answer *told)
{
    struct bench *bench = owner;

    cr_assert_eq(told->outcome, LOGIN_OK);
    bench->account = told->account;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static struct account_member member = {.end = ended};

static void begin(struct bench *bench)
{
    static struct log log = {.level = LOG_ERROR, .write = write_log};
    struct registry_options options = {.link_ops = &link_ops, .link_context = bench, .version = "0", .log = &log};
    struct login_credentials credentials = {.authentication_id = SLICE("alice"), .secret = SLICE("sesame")};

    *bench = (struct bench){.runqueue = runqueue_new(), .in = evbuffer_new()};
    settings_defaults(&bench->settings);
    options.runqueue = bench->runqueue;
    options.settings = &bench->settings;
    bench->registry = registry_new(&options);
    runqueue_step(bench->runqueue, USEC_SECOND);
    cr_assert_not_null(login_begin(bench->registry, &upstream_settings, &credentials, 1, logged_in, bench));
    runqueue_step(bench->runqueue, USEC_SECOND);
    upstream_connected(bench->dialled);
    evbuffer_add_printf(bench->in, "* OK [CAPABILITY IMAP4rev1] hello\r\n");
    upstream_receive(bench->dialled, bench->in);
    serve_all(bench);
    cr_assert_not_null(bench->account);
    cr_assert(account_join(bench->account, &member));
    serve_all(bench);
}

static void finish(struct bench *bench)
{
    account_leave(bench->account, &member);
    registry_free(bench->registry);
    runqueue_free(bench->runqueue);
    evbuffer_free(bench->in);
}

static void make_chatterers(struct bench *bench, struct asker *chatterers, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        chatterers[i] = (struct asker){.bench = bench, .asks_again = true};
        chatterers[i].mailbox = account_mailbox(bench->account, slice_of(name));
        ask(&chatterers[i]);
    }
}

Test(account, who_wants_another_mailbox_waits_for_a_quantum_at_most)
{
    struct bench bench;
    struct asker chatterers[CHATTERERS], late = {.bench = &bench};

    begin(&bench);
    make_chatterers(&bench, chatterers, CHATTERERS, "INBOX");
    late.mailbox = account_mailbox(bench.account, SLICE("Work"));
    while (bench.done < ENOUGH) {
        if (!late.waits && bench.done % 50 == 17)
            ask(&late);
        cr_assert(serve(&bench));
    }
    serve_all(&bench);
    cr_assert_not(late.waits);
    cr_assert_leq(late.longest, bench.settings.quantum, "it waited for %u jobs", late.longest);
    finish(&bench);
}

Test(account, who_needs_no_mailbox_waits_for_no_switch)
{
    struct bench bench;
    struct asker chatterers[CHATTERERS], late = {.bench = &bench};

    begin(&bench);
    make_chatterers(&bench, chatterers, CHATTERERS, "INBOX");
    while (bench.done < ENOUGH) {
        if (!late.waits && bench.done % 50 == 17)
            ask(&late);
        cr_assert(serve(&bench));
    }
    serve_all(&bench);
    cr_assert_leq(late.longest, bench.settings.quantum + CHATTERERS, "it waited for %u jobs", late.longest);
    cr_assert_eq(bench.switches, 1);
    finish(&bench);
}

Test(account, chatterers_in_two_mailboxes_take_turns)
{
    struct bench bench;
    struct asker one[CHATTERERS], other[CHATTERERS];
    unsigned bound;

    begin(&bench);
    make_chatterers(&bench, one, CHATTERERS, "INBOX");
    make_chatterers(&bench, other, CHATTERERS, "Work");
    serve_all(&bench);
    bound = (unsigned)bench.settings.quantum + 2 * CHATTERERS;
    for (unsigned i = 0; i < CHATTERERS; i++) {
        cr_assert_leq(one[i].longest, bound, "INBOX %u waited for %u jobs", i, one[i].longest);
        cr_assert_leq(other[i].longest, bound, "Work %u waited for %u jobs", i, other[i].longest);
    }
    /* Not a switch for every job either: that is what the quantum is for. */
    cr_assert_leq(bench.switches, ENOUGH / CHATTERERS + 2, "%u switches", bench.switches);
    finish(&bench);
}

Test(account, one_session_alone_never_gets_two_turns_while_another_waits)
{
    struct bench bench;
    struct asker greedy[2];

    begin(&bench);
    make_chatterers(&bench, greedy, 2, "INBOX");
    serve_all(&bench);
    cr_assert_leq(greedy[0].longest, 1);
    cr_assert_leq(greedy[1].longest, 1);
    finish(&bench);
}

/* --- equal commands */

/* Asks LIST of one pattern, and counts what it is told. */
struct lister {
    struct job *job; /* NULL: it has been answered */
    const char *pattern;
    unsigned told;
    enum job_status status;
};

static enum job_turn build_list(struct job *job, struct outgoing *out)
{
    struct lister *lister = job->owner;

    lister->told = 0;
    outgoing_text(out, "LIST \"\" ");
    outgoing_text(out, lister->pattern);
    return JOB_SEND;
}

static void listed(struct job *job, const struct response *response)
{
    struct lister *lister = job->owner;

    lister->told += response->kind == RESPONSE_LIST;
}

static void list_answered(struct job *job, const struct job_result *result)
{
    struct lister *lister = job->owner;

    lister->job = NULL;
    lister->status = result->status;
}

static const struct job_ops list_ops = {.build = build_list, .untagged = listed, .done = list_answered};

static void list(struct bench *bench, struct lister *lister, const char *pattern)
{
    struct job wanted = {.ops = &list_ops, .owner = lister, .title = "LIST", .goal = JOB_RUN, .policy = POLICY_LIST};

    *lister = (struct lister){.pattern = pattern};
    lister->job = job_submit(bench->account, &wanted);
    cr_assert_not_null(lister->job);
}

/* The command that has been sent: "LIST ..."; its tag is kept for the answer. */
static const char *sent(struct bench *bench, char tag[32])
{
    static char text[256];
    char *line;

    runqueue_step(bench->runqueue, runqueue_now(bench->runqueue) + 1);
    line = evbuffer_readln(upstream_output(bench->dialled), NULL, EVBUFFER_EOL_CRLF);
    if (!line)
        return NULL;
    snprintf(text, sizeof(text), "%s", strchr(line, ' ') + 1);
    snprintf(tag, 32, "%.*s", (int)strcspn(line, " "), line);
    free(line);
    return text;
}

static void tell_list(struct bench *bench, const char *tag)
{
    evbuffer_add_printf(bench->in, "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Work\r\n");
    if (tag)
        evbuffer_add_printf(bench->in, "%s OK done\r\n", tag);
    upstream_receive(bench->dialled, bench->in);
}

static void reconnect(struct bench *bench)
{
    struct upstream *lost = bench->dialled;

    bench->dialled = NULL;
    upstream_closed(lost, "reset");
    while (!bench->dialled)
        runqueue_step(bench->runqueue, runqueue_now(bench->runqueue) + USEC_SECOND);
    upstream_connected(bench->dialled);
    evbuffer_drain(bench->in, evbuffer_get_length(bench->in));
    evbuffer_add_printf(bench->in, "* OK [CAPABILITY IMAP4rev1] hello\r\n");
    upstream_receive(bench->dialled, bench->in);
    cr_assert(serve(bench)); /* LOGIN */
}

Test(account, equal_commands_that_wait_together_go_up_once)
{
    struct bench bench;
    struct lister listers[4], other, late;
    char tag[32];

    begin(&bench);
    for (unsigned i = 0; i < 4; i++)
        list(&bench, &listers[i], "*");
    list(&bench, &other, "%");
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" *");
    list(&bench, &late, "*"); /* the command had been written when it came */
    job_abandon(listers[0].job);
    job_abandon(listers[2].job);
    tell_list(&bench, tag);
    for (unsigned i = 1; i < 4; i += 2) {
        cr_assert_null(listers[i].job);
        cr_assert_eq(listers[i].status, JOB_OK);
        cr_assert_eq(listers[i].told, 2);
    }
    cr_assert_eq(listers[0].told + listers[2].told, 0);
    cr_assert_not_null(other.job);
    cr_assert_not_null(late.job);
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" %");
    tell_list(&bench, tag);
    cr_assert_eq(other.told, 2);
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" *");
    tell_list(&bench, tag);
    cr_assert_eq(late.told, 2);
    cr_assert_null(sent(&bench, tag));
    finish(&bench);
}

static void lose_the_line_of_three(bool first_leaves)
{
    struct bench bench;
    struct lister listers[3];
    char tag[32];

    begin(&bench);
    for (unsigned i = 0; i < 3; i++)
        list(&bench, &listers[i], "*");
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" *");
    tell_list(&bench, NULL);
    if (first_leaves)
        job_abandon(listers[0].job);
    reconnect(&bench);
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" *");
    tell_list(&bench, tag);
    for (unsigned i = first_leaves; i < 3; i++) {
        cr_assert_null(listers[i].job);
        cr_assert_eq(listers[i].status, JOB_OK);
        cr_assert_eq(listers[i].told, 2);
    }
    cr_assert_str_eq(sent(&bench, tag), "LIST \"\" \"\""); /* the account's own: the separator */
    finish(&bench);
}

Test(account, equal_commands_whose_line_is_lost_go_up_again_and_nothing_is_told_twice)
{
    lose_the_line_of_three(false);
}

Test(account, equal_commands_go_up_again_though_the_first_asker_has_gone)
{
    lose_the_line_of_three(true);
}
