/* Sessions beside the first: when one is opened, what it does, and what becomes of the others. The server answers at
 * once, except on a line that the test holds. */
#include "mux/account.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/registry.h"
#include "mux/upstream.h"

#define LINES 24

struct wire {
    struct upstream *upstream;
    bool greeted, logged_in;
    bool held;         /* by the test: what is asked is not answered */
    bool closing;      /* by imapmux */
    char selected[40]; /* "": nothing */
    char idle[32];     /* the tag of IDLE; "": it is over */
    char asked[80];    /* what it was held at */
};

struct watcher {
    struct account_member member;
    struct view *view;
};

static struct bench {
    struct runqueue *runqueue;
    struct registry *registry;
    struct settings settings;
    struct upstream_settings upstream_settings;
    struct account *account;
    struct wire lines[LINES];
    unsigned dials, most_open;
    unsigned seats;   /* at the server; 0: as many as come */
    const char *hold; /* a SELECT of this mailbox is not answered; NULL: none */
    struct watcher watchers[4];
    char commands[4000]; /* "1 SELECT INBOX;" and the like: the line that it came on, counted from 0 */
    char log[4000];
    struct job *job[4]; /* NULL: done */
    enum job_status status[4];
} bench;

/* --- the server */

static unsigned open_lines(void)
{
    unsigned open = 0;

    for (unsigned i = 0; i < bench.dials; i++)
        open += bench.lines[i].upstream != NULL;
    return open;
}

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct wire *line = &bench.lines[bench.dials++];

    (void)context;
    (void)settings;
    cr_assert_leq(bench.dials, LINES);
    *line = (struct wire){.upstream = upstream};
    if (open_lines() > bench.most_open)
        bench.most_open = open_lines();
    return line;
}

static void wake(void *link)
{
    (void)link;
}

static void close_line(void *link, bool flush)
{
    (void)flush;
    ((struct wire *)link)->closing = true;
}

static const struct upstream_link_ops link_ops = {.dial = dial, .wake = wake, .close = close_line};

static void write_log(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    if (strlen(bench.log) + strlen(line) + 2 < sizeof(bench.log)) {
        strcat(bench.log, line);
        strcat(bench.log, "\n");
    }
}

static void say(struct wire *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct wire *line, const char *format, ...)
{
    struct evbuffer *in = evbuffer_new();
    va_list arguments;

    va_start(arguments, format);
    evbuffer_add_vprintf(in, format, arguments);
    va_end(arguments);
    if (line->upstream)
        upstream_receive(line->upstream, in);
    evbuffer_free(in);
}

static void end(struct wire *line, const char *reason)
{
    struct upstream *upstream = line->upstream;

    line->upstream = NULL;
    line->selected[0] = '\0';
    upstream_closed(upstream, reason);
}

static unsigned seated(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < bench.dials; i++)
        count += bench.lines[i].upstream && bench.lines[i].logged_in;
    return count;
}

static void log_in(struct wire *line, const char *tag)
{
    if (bench.seats > 0 && seated() >= bench.seats) {
        say(line, "%s NO [LIMIT] Too many sessions\r\n", tag);
        return;
    }
    line->logged_in = true;
    say(line, "%s OK [CAPABILITY IMAP4rev1 IDLE UNSELECT] in\r\n", tag);
}

static void select_mailbox(struct wire *line, const char *tag, const char *name)
{
    for (unsigned i = 0; i < bench.dials; i++)
        cr_assert(&bench.lines[i] == line || !bench.lines[i].upstream || strcmp(bench.lines[i].selected, name) != 0,
                  "%s is selected on two lines", name);
    snprintf(line->selected, sizeof(line->selected), "%s", name);
    say(line, "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n%s OK [READ-WRITE] done\r\n", tag);
}

static void answer(struct wire *line, const char *text)
{
    char tag[32] = "", word[32] = "", name[40] = "";

    sscanf(text, "%31s %31s %39s", tag, word, name);
    if (strcmp(tag, "DONE") == 0) {
        snprintf(tag, sizeof(tag), "%s", line->idle);
        line->idle[0] = '\0';
        say(line, "%s OK done\r\n", tag);
        return;
    }
    snprintf(bench.commands + strlen(bench.commands), sizeof(bench.commands) - strlen(bench.commands), "%u %s%s%s;",
             (unsigned)(line - bench.lines), word, name[0] ? " " : "", strcmp(word, "LOGIN") == 0 ? "" : name);
    if (strcmp(word, "SELECT") == 0 && bench.hold && strcmp(name, bench.hold) == 0) {
        line->held = true;
        snprintf(line->asked, sizeof(line->asked), "%s", name);
    } else if (strcmp(word, "LOGIN") == 0) {
        log_in(line, tag);
    } else if (strcmp(word, "SELECT") == 0 || strcmp(word, "EXAMINE") == 0) {
        select_mailbox(line, tag, name);
    } else if (strcmp(word, "IDLE") == 0) {
        snprintf(line->idle, sizeof(line->idle), "%s", tag);
        say(line, "+ idling\r\n");
    } else if (strcmp(word, "LOGOUT") == 0) {
        say(line, "* BYE\r\n%s OK done\r\n", tag);
        end(line, "closed by the server");
    } else if (strcmp(word, "STATUS") == 0) {
        say(line, "* STATUS %s (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r\n%s OK\r\n", name, tag);
    } else {
        if (strcmp(word, "UNSELECT") == 0)
            line->selected[0] = '\0';
        say(line, "%s OK done\r\n", tag);
    }
}

static bool serve(struct wire *line)
{
    char *text;

    if (!line->upstream)
        return false;
    if (line->closing) {
        end(line, "closed here");
        return true;
    }
    if (!line->greeted) {
        line->greeted = true;
        upstream_connected(line->upstream);
        say(line, "* OK [CAPABILITY IMAP4rev1] hello\r\n");
        return true;
    }
    if (line->held)
        return false;
    text = evbuffer_readln(upstream_output(line->upstream), NULL, EVBUFFER_EOL_CRLF);
    if (text)
        answer(line, text);
    free(text);
    return text != NULL;
}

/* So much time passes. */
static void pass(usec time)
{
    usec until = runqueue_now(bench.runqueue) + time, step = time / 50 + 1;

    while (runqueue_now(bench.runqueue) < until) {
        bool busy = false;
        runqueue_step(bench.runqueue, runqueue_now(bench.runqueue) + (step > 1000 ? 1000 : step));
        for (unsigned i = 0; i < bench.dials; i++)
            busy |= serve(&bench.lines[i]);
        if (!busy && step > 1000)
            runqueue_step(bench.runqueue, runqueue_now(bench.runqueue) + step);
    }
}

/* --- clients */

static void logged_in(void *owner, const struct login_answer *told)
{
    (void)owner;
    cr_assert_eq(told->outcome, LOGIN_OK);
    bench.account = told->account;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void view_ended(void *owner, const char *reason)
{
    struct watcher *watcher = owner;

    (void)reason;
    watcher->member.view = NULL;
}

static const struct view_ops view_ops = {.changed = changed, .ended = view_ended};

/* Client i idles in this mailbox; NULL: in none. */
static void idles(unsigned i, const char *name)
{
    struct watcher *watcher = &bench.watchers[i];

    view_free(watcher->view);
    watcher->view = NULL;
    watcher->member.view = NULL;
    if (name) {
        watcher->view = view_new(account_mailbox(bench.account, slice_of(name)), false, &view_ops, watcher);
        watcher->member.view = watcher->view;
    }
    watcher->member.idling = name != NULL;
    account_interest_changed(bench.account);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    outgoing_text(out, job->title);
    return JOB_SEND;
}

static void done(struct job *job, const struct job_result *result)
{
    unsigned i = (unsigned)((struct job **)job->owner - bench.job);

    bench.job[i] = NULL;
    bench.status[i] = result->status;
}

/* Client i sends a command that needs this mailbox; NULL: none. */
static void command(unsigned i, const char *text, const char *mailbox)
{
    static const struct job_ops ops = {.build = build, .done = done};
    struct job wanted = {.ops = &ops,
                         .owner = &bench.job[i],
                         .title = text,
                         .goal = JOB_RUN,
                         .policy = POLICY_SEARCH,
                         .read_write = true,
                         .mailbox = mailbox ? account_mailbox(bench.account, slice_of(mailbox)) : NULL};

    bench.job[i] = job_submit(bench.account, &wanted);
    cr_assert_not_null(bench.job[i]);
}

static bool leaves(const struct job *job, const struct mailbox *selected)
{
    return strncmp(selected->name, strchr(job->title, ' ') + 1, strlen(strchr(job->title, ' ') + 1)) == 0;
}

/* DELETE of this mailbox. */
static void take_away(unsigned i, const char *text)
{
    static const struct job_ops ops = {.build = build, .done = done};
    struct job wanted = {.ops = &ops,
                         .owner = &bench.job[i],
                         .title = text,
                         .goal = JOB_RUN,
                         .policy = POLICY_FOLDERS,
                         .leaves = leaves,
                         .change = name_change_new(NAME_DELETED, slice_of(strchr(text, ' ') + 1), SLICE(""))};

    bench.job[i] = job_submit(bench.account, &wanted);
    cr_assert_not_null(bench.job[i]);
}

/* --- the bench */

static void start(const char *user, uint64_t sessions, const char *sessions_for)
{
    static struct log log = {.level = LOG_INFO, .write = write_log};
    struct registry_options options = {.link_ops = &link_ops, .version = "0", .log = &log};
    struct login_credentials credentials = {.authentication_id = slice_of(user), .secret = SLICE("sesame")};

    bench = (struct bench){.runqueue = runqueue_new()};
    settings_defaults(&bench.settings);
    bench.upstream_settings = (struct upstream_settings){
        .name = "server", .host = "127.0.0.1", .port = 143, .max_sessions_for = sessions_for};
    bench.upstream_settings.manners.max_sessions = sessions;
    options.runqueue = bench.runqueue;
    options.settings = &bench.settings;
    bench.registry = registry_new(&options);
    runqueue_step(bench.runqueue, USEC_SECOND);
    cr_assert_not_null(login_begin(bench.registry, &bench.upstream_settings, &credentials, 1, logged_in, NULL));
    pass(USEC_SECOND / 10);
    cr_assert_not_null(bench.account);
    for (unsigned i = 0; i < 4; i++) {
        bench.watchers[i].member = (struct account_member){.end = ended};
        cr_assert(account_join(bench.account, &bench.watchers[i].member));
    }
    pass(USEC_SECOND / 10);
    bench.commands[0] = '\0';
}

static void stop(void)
{
    for (unsigned i = 0; i < 4; i++) {
        idles(i, NULL);
        if (bench.job[i])
            job_abandon(bench.job[i]);
        account_leave(bench.account, &bench.watchers[i].member);
    }
    registry_free(bench.registry);
    runqueue_free(bench.runqueue);
}

/* Line 0 rests in INBOX, where client 0 idles, and line 1 has been opened for client 1, who idles in Work. */
static void begin_with_two(void)
{
    start("alice", 2, NULL);
    idles(1, "Work");
    pass(2 * USEC_SECOND);
    idles(0, "INBOX"); /* which is looked at for the first time, by the only session */
    pass(2 * USEC_SECOND);
    cr_assert_eq(bench.dials, 2);
    cr_assert_str_eq(bench.lines[0].selected, "INBOX");
    cr_assert_str_eq(bench.lines[1].selected, "Work");
    bench.commands[0] = '\0';
}

static bool has(const char *words)
{
    return strstr(bench.commands, words) != NULL;
}

/* --- when one is opened */

Test(account_further, one_is_opened_for_a_client_that_idles_where_nobody_listens)
{
    begin_with_two();
    cr_assert(strstr(bench.log, "opening a further session"));
    cr_assert_eq(bench.most_open, 2);
    stop();
}

Test(account_further, none_is_opened_where_one_is_permitted_or_while_one_will_do)
{
    start("alice", 1, "bob=2");
    idles(0, "INBOX");
    idles(1, "Work");
    pass(5 * USEC_SECOND);
    cr_assert_eq(bench.dials, 1);
    stop();
    start("bob", 1, "bob=2");
    idles(0, "INBOX");
    pass(5 * USEC_SECOND);
    cr_assert_eq(bench.dials, 1, "one mailbox, one session");
    idles(1, "Work");
    pass(5 * USEC_SECOND);
    cr_assert_eq(bench.dials, 2, "the pattern permits it");
    stop();
}

Test(account_further, one_is_opened_for_work_that_waits_for_other_work)
{
    start("alice", 2, NULL);
    command(0, "UID SEARCH TEXT slow", "Archive");
    bench.lines[0].held = true;
    pass(USEC_SECOND / 10);
    command(1, "UID SEARCH ALL", "Work");
    pass(USEC_SECOND);
    cr_assert_eq(bench.dials, 2);
    cr_assert_null(bench.job[1], "it was carried out beside the slow one");
    cr_assert_not_null(bench.job[0]);
    bench.lines[0].held = false;
    pass(USEC_SECOND);
    cr_assert_null(bench.job[0]);
    stop();
}

Test(account_further, work_for_the_mailbox_of_the_slow_one_opens_none)
{
    start("alice", 2, NULL);
    command(0, "UID SEARCH TEXT slow", "Archive");
    pass(1);
    bench.lines[0].held = true;
    command(1, "UID SEARCH ALL", "Archive");
    pass(3 * USEC_SECOND);
    cr_assert_eq(bench.dials, 1);
    bench.lines[0].held = false;
    pass(USEC_SECOND);
    cr_assert_null(bench.job[1]);
    stop();
}

Test(account_further, each_idle_mailbox_has_a_session_as_far_as_they_go)
{
    start("alice", 3, NULL);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const names[] = {"INBOX", "A", "B", "C"};
        idles(i, names[i]);
    }
    pass(10 * USEC_SECOND);
    cr_assert_eq(bench.dials, 3);
    cr_assert_eq(bench.most_open, 3);
    stop();
}

Test(account_further, the_login_budget_keeps_one_for_the_first)
{
    start("alice", 3, NULL);
    bench.upstream_settings.manners.login_budget = 3;
    bench.upstream_settings.manners.login_interval = USEC_HOUR;
    idles(0, "INBOX");
    idles(1, "A");
    idles(2, "B");
    pass(60 * USEC_SECOND);
    cr_assert_eq(bench.dials, 3, "the first one came before there was a budget");
    end(&bench.lines[1], "reset");
    pass(60 * USEC_SECOND);
    cr_assert_eq(bench.dials, 3, "the last login is kept");
    stop();
}

/* --- who does what */

Test(account_further, work_goes_to_the_one_that_is_missed_least)
{
    begin_with_two();
    idles(1, NULL);
    command(2, "UID SEARCH ALL", "Archive");
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2]);
    cr_assert(has("1 SELECT Archive"), "%s", bench.commands);
    cr_assert_str_eq(bench.lines[0].selected, "INBOX", "its client hears of news at once");
    command(2, "UID SEARCH NEW", "INBOX");
    pass(USEC_SECOND);
    cr_assert(has("0 UID SEARCH"), "%s", bench.commands);
    stop();
}

Test(account_further, what_needs_no_mailbox_does_not_wait_for_the_slow_one)
{
    begin_with_two();
    command(2, "UID SEARCH TEXT slow", "Work");
    bench.lines[1].held = true;
    pass(USEC_SECOND / 100);
    command(3, "LSUB \"\" *", NULL);
    pass(USEC_SECOND / 10);
    cr_assert_null(bench.job[3]);
    cr_assert(has("0 LSUB"), "%s", bench.commands);
    bench.lines[1].held = false;
    pass(USEC_SECOND);
    command(3, "LSUB \"\" *", NULL);
    pass(USEC_SECOND / 10);
    cr_assert(has("1 LSUB"), "the worker is free: %s", bench.commands);
    stop();
}

Test(account_further, a_mailbox_is_taken_away_where_it_is_selected)
{
    begin_with_two();
    idles(1, NULL);
    take_away(2, "DELETE Work");
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2]);
    cr_assert(has("1 UNSELECT;1 DELETE Work"), "%s", bench.commands);
    stop();
}

Test(account_further, it_is_taken_away_after_the_command_there_and_others_wait)
{
    begin_with_two();
    command(1, "UID SEARCH TEXT slow", "Work");
    bench.lines[1].held = true;
    pass(USEC_SECOND / 100);
    take_away(2, "DELETE Work");
    command(3, "UID SEARCH ALL", "Work");
    pass(USEC_SECOND);
    cr_assert_not_null(bench.job[2], "the search goes on");
    bench.lines[1].held = false;
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2]);
    cr_assert_eq(bench.status[3], JOB_DEAD, "its mailbox is gone");
    cr_assert_not(has("0 SELECT Work"), "%s", bench.commands);
    stop();
}

Test(account_further, the_others_leave_what_is_taken_away)
{
    start("alice", 2, NULL);
    idles(1, "Work/Old");
    pass(2 * USEC_SECOND);
    idles(0, "Work");
    pass(2 * USEC_SECOND);
    cr_assert_str_eq(bench.lines[1].selected, "Work/Old");
    bench.commands[0] = '\0';
    take_away(2, "DELETE Work");
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2], "%s", bench.commands);
    cr_assert(has("1 UNSELECT"), "%s", bench.commands);
    cr_assert(has("0 UNSELECT;0 DELETE Work"), "%s", bench.commands);
    stop();
}

/* --- the end of one */

Test(account_further, one_that_nobody_needs_is_logged_out_after_linger)
{
    begin_with_two();
    idles(1, NULL);
    pass(9 * bench.settings.linger);
    cr_assert_eq(open_lines(), 2);
    pass(2 * bench.settings.linger);
    cr_assert_eq(open_lines(), 1);
    cr_assert(has("1 LOGOUT"), "%s", bench.commands);
    stop();
}

Test(account_further, the_first_goes_if_the_other_one_is_needed)
{
    begin_with_two();
    idles(0, NULL);
    pass(11 * bench.settings.linger);
    cr_assert(has("0 LOGOUT"), "%s", bench.commands);
    cr_assert_str_eq(bench.lines[1].selected, "Work");
    idles(0, "INBOX");
    pass(2 * USEC_SECOND);
    cr_assert_eq(open_lines(), 2, "and comes back");
    stop();
}

Test(account_further, when_the_first_is_lost_the_other_goes_on)
{
    begin_with_two();
    idles(0, NULL);
    end(&bench.lines[0], "reset");
    pass(USEC_SECOND);
    cr_assert_eq(bench.dials, 2, "nothing is dialled that nobody needs");
    command(2, "UID SEARCH ALL", "Archive");
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2]);
    cr_assert_eq(bench.status[2], JOB_OK);
    end(&bench.lines[1], "reset");
    pass(USEC_SECOND);
    cr_assert_eq(bench.dials, 3, "the last one is the account's");
    stop();
}

Test(account_further, a_job_of_the_lost_one_is_carried_out_by_the_other)
{
    begin_with_two();
    bench.lines[1].held = true;
    command(2, "UID SEARCH ALL", "Work");
    pass(USEC_SECOND / 100);
    end(&bench.lines[1], "reset");
    idles(1, NULL);
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2]);
    cr_assert_eq(bench.status[2], JOB_OK);
    stop();
}

Test(account_further, with_the_last_client_all_are_logged_out)
{
    begin_with_two();
    for (unsigned i = 0; i < 4; i++) {
        idles(i, NULL);
        account_leave(bench.account, &bench.watchers[i].member);
    }
    pass(bench.settings.linger + 5 * USEC_SECOND);
    cr_assert_eq(open_lines(), 0);
    registry_free(bench.registry);
    runqueue_free(bench.runqueue);
}

Test(account_further, where_fewer_are_permitted_from_now_on_the_others_go)
{
    begin_with_two();
    bench.upstream_settings.manners.max_sessions = 1;
    command(2, "LSUB \"\" *", NULL);
    pass(USEC_SECOND);
    cr_assert_eq(open_lines(), 1);
    stop();
}

/* --- the server's word */

Test(account_further, one_that_is_refused_is_not_asked_for_again_for_a_day)
{
    start("alice", 3, NULL);
    bench.seats = 2;
    idles(0, "INBOX");
    idles(1, "A");
    idles(2, "B");
    pass(60 * USEC_SECOND);
    cr_assert_eq(bench.dials, 3);
    cr_assert(strstr(bench.log, "permits no session beside the 2 that there are"), "%s", bench.log);
    pass(23 * USEC_HOUR);
    cr_assert_eq(bench.dials, 3);
    pass(2 * USEC_HOUR);
    cr_assert_eq(bench.dials, 4, "a day has passed");
    stop();
}

Test(account_further, a_server_that_cuts_the_first_for_the_second_permits_one)
{
    start("alice", 2, NULL);
    idles(0, "INBOX");
    pass(2 * USEC_SECOND);
    idles(1, "Work");
    pass(USEC_SECOND);
    cr_assert_eq(bench.dials, 2);
    say(&bench.lines[0], "* BYE logged in from elsewhere\r\n");
    end(&bench.lines[0], "closed by the server");
    for (int i = 0; i < 60 && bench.dials < 3; i++)
        pass(USEC_SECOND);
    cr_assert_eq(bench.dials, 3, "once, it may have been restarted");
    pass(USEC_SECOND);
    say(&bench.lines[1], "* BYE logged in from elsewhere\r\n");
    end(&bench.lines[1], "closed by the server");
    pass(USEC_HOUR);
    cr_assert_eq(bench.dials, 3, "it has been told");
    cr_assert_eq(open_lines(), 1);
    stop();
}

Test(account_further, none_is_opened_for_a_mailbox_that_is_left_alone)
{
    start("alice", 2, NULL);
    idles(1, "Work");
    pass(2 * USEC_SECOND);
    mailbox_trouble(account_mailbox(bench.account, SLICE("INBOX")), runqueue_now(bench.runqueue));
    account_mailbox(bench.account, SLICE("INBOX"))->shut_until += USEC_HOUR;
    idles(0, "INBOX");
    pass(10 * USEC_MINUTE);
    cr_assert_eq(bench.dials, 1);
    pass(USEC_HOUR);
    cr_assert_eq(bench.dials, 2);
    stop();
}

/* --- several lost at once */

/* SELECT of Archive is under way on the worker's line, `lines[n]`, when both lines are lost. */
static void lose_both(unsigned n, bool worker_first)
{
    struct wire *worker = &bench.lines[n], *other = NULL;

    for (unsigned i = 0; i < bench.dials; i++) {
        if (i != n && bench.lines[i].upstream)
            other = &bench.lines[i];
    }
    cr_assert(worker->upstream && other, "%s\n%s", bench.commands, bench.log);
    end(worker_first ? worker : other, "reset");
    end(worker_first ? other : worker, "reset");
    pass(20 * USEC_SECOND);
}

/* The line on which a SELECT waits for its answer. */
static unsigned waits_in(const char *name)
{
    for (unsigned i = 0; i < bench.dials; i++) {
        if (bench.lines[i].upstream && bench.lines[i].held && strstr(bench.lines[i].asked, name))
            return i;
    }
    return LINES;
}

Test(account_further, a_mailbox_is_not_blamed_for_what_all_have_lost)
{
    begin_with_two();
    command(2, "UID SEARCH ALL", "Archive");
    pass(USEC_SECOND);
    command(2, "UID SEARCH ALL", "Other");
    pass(USEC_SECOND);
    cr_assert_null(bench.job[2], "Archive can be opened");
    for (unsigned round = 0; round < 4; round++) {
        bench.hold = "Archive";
        if (!bench.job[2])
            command(2, "UID SEARCH ALL", "Archive");
        pass(USEC_SECOND);
        cr_assert_lt(waits_in("Archive"), LINES, "%u: %s", round, bench.commands);
        lose_both(waits_in("Archive"), round % 2 == 0);
    }
    bench.hold = NULL;
    for (unsigned i = 0; i < bench.dials; i++)
        bench.lines[i].held = false;
    pass(2 * USEC_SECOND);
    cr_assert_null(strstr(bench.log, "lost by this mailbox"), "%s", bench.log);
    stop();
}
