/* A fake of what session asks of mux: every function of account.h, job.h and registry.h that it calls, so that the real
 * ones are not linked. See bench.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/session/bench.h"

static struct account *the_account(void)
{
    return (struct account *)&bench;
}

/* --- registry */

struct ground *registry_ground(struct registry *registry)
{
    (void)registry;
    return &bench.ground;
}

bool registry_offers_tokens(struct registry *registry, const struct upstream_settings *upstream)
{
    (void)registry;
    (void)upstream;
    return bench.offers_tokens;
}

/* --- login */

static struct {
    void (*done)(void *owner, const struct login_answer *answer);
    void *owner;
} login;

struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, uint64_t address,
                          void (*done)(void *owner, const struct login_answer *answer), void *owner)
{
    (void)registry;
    (void)upstream;
    (void)address;
    if (bench.refuses_logins)
        return NULL;
    snprintf(bench.user, sizeof(bench.user), "%.*s", (int)credentials->authentication_id.length,
             credentials->authentication_id.data);
    snprintf(bench.password, sizeof(bench.password), "%.*s", (int)credentials->secret.length, credentials->secret.data);
    login.done = done;
    login.owner = owner;
    bench.logging_in = true;
    return (struct login *)&login;
}

void login_cancel(struct login *cancelled)
{
    cr_assert_eq((void *)cancelled, (void *)&login);
    bench.logging_in = false;
    bench.login_cancelled = true;
}

void bench_login(enum login_outcome outcome, const char *text)
{
    struct login_answer answer = {.outcome = outcome, .account = the_account(), .text = slice_of(text)};

    cr_assert(bench.logging_in, "no login is under way");
    bench.logging_in = false;
    login.done(login.owner, &answer);
    bench_settle();
}

/* --- account */

bool account_join(struct account *account, struct account_member *member)
{
    cr_assert_eq(account, the_account());
    if (bench.refuses_members)
        return false;
    bench.member = member;
    return true;
}

void account_leave(struct account *account, struct account_member *member)
{
    (void)account;
    cr_assert_eq(member, bench.member);
    bench.member = NULL;
}

void account_interest_changed(struct account *account)
{
    (void)account;
    bench.interest++;
}

bool account_is_of(const struct account *account, struct slice user)
{
    (void)account;
    return slice_equal(user, SLICE("user"));
}

const char *account_name(const struct account *account)
{
    (void)account;
    return "user@test";
}

const struct capability_set *account_capabilities(const struct account *account)
{
    (void)account;
    return &bench.capabilities;
}

bool account_tells_vanished(const struct account *account, const struct mailbox *mailbox)
{
    (void)account;
    (void)mailbox;
    return bench.tells_vanished;
}

bool account_wants_modseq(const struct account *account, const struct mailbox *mailbox)
{
    (void)account;
    (void)mailbox;
    return bench.wants_modseq;
}

void account_note_separator(struct account *account, const struct value *separator)
{
    (void)account;
    (void)separator;
}

struct mailbox *account_find_mailbox(struct account *account, struct slice name)
{
    (void)account;
    if (slice_equal(name, SLICE("INBOX")))
        return bench.inbox;
    return slice_equal(name, SLICE("other")) ? bench.other : NULL;
}

struct mailbox *account_mailbox(struct account *account, struct slice name)
{
    return account_find_mailbox(account, slice_equal_nocase(name, SLICE("INBOX")) ? SLICE("INBOX") : name);
}

bool account_in_step(const struct account *account, const struct mailbox *mailbox)
{
    (void)account;
    return mailbox == bench.inbox;
}

bool account_flags_in_step(const struct account *account, const struct mailbox *mailbox)
{
    return account_in_step(account, mailbox) && bench.flags_in_step;
}

bool account_is_selected(const struct account *account, const struct mailbox *mailbox)
{
    return account_in_step(account, mailbox);
}

void account_mailbox_touched(struct account *account, struct slice name)
{
    (void)account;
    (void)name;
    bench.touched++;
}

void account_mailbox_gone(struct account *account, struct slice name, const char *reason, struct view *except)
{
    size_t used = strlen(bench.gone);

    (void)account;
    snprintf(bench.gone + used, sizeof(bench.gone) - used, "%.*s ", (int)name.length, name.data);
    if (!slice_equal(name, SLICE("INBOX")))
        return;
    mailbox_end_views(bench.inbox, reason, except);
    if (except && except->mailbox == bench.inbox)
        view_end(except, NULL);
}

void account_mailbox_out_of_step(struct account *account, struct slice name)
{
    size_t used = strlen(bench.out_of_step);

    (void)account;
    snprintf(bench.out_of_step + used, sizeof(bench.out_of_step) - used, "%.*s ", (int)name.length, name.data);
}

void account_status_seen(struct account *account, struct mailbox *mailbox, const struct value *items)
{
    (void)account;
    (void)mailbox;
    (void)items;
}

/* --- jobs */

struct job *job_submit(struct account *account, const struct job *wanted)
{
    cr_assert_eq(account, the_account());
    cr_assert_null(bench.job, "a command has one job at a time");
    if (bench.refuses_jobs)
        return NULL;
    bench.job = malloc(sizeof(*bench.job));
    *bench.job = *wanted;
    bench.job->account = account;
    bench.jobs++;
    return bench.job;
}

void bench_free_job(struct job *job)
{
    free(job->change);
    free(job);
}

void job_abandon(struct job *job)
{
    cr_assert_eq(job, bench.job);
    bench_free_job(job);
    bench.job = NULL;
    bench.abandoned++;
}

void job_doom(struct job *job)
{
    cr_assert_eq(job, bench.job);
    bench.doomed++;
}
