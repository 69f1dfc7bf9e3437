/* Every command, in every phase, with and without arguments: exactly one tagged answer each, whatever the account says,
 * and the process lives on. A new row of the table is covered here without a change. */
#include "session/commands.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/session/bench.h"

#define NAME(id, name, states, uid, numbers) name,
static const char *const names[] = {COMMANDS(NAME)};
#undef NAME

static const char *const arguments[] = {
    "",
    " a",
    " a b",
    " a b c",
    " 1",
    " 1:* (FLAGS)",
    " 1 BODY[]",
    " 99 FLAGS",
    " 1 +FLAGS (\\Seen)",
    " 1 FLAGS.SILENT (key)",
    " 1 other",
    " 1 \"\"",
    " ALL",
    " () ()",
    " \"\" *",
    " NIL",
    " other (MESSAGES UNSEEN)",
    " other",
    " INBOX",
    " INBOX (UNSEEN)",
    " PLAIN AHVzZXIAc2VjcmV0",
    " LOGIN dXNlcg==",
    " PLAIN",
    " other {1+}\r\nx",
};

/* How often does a line begin with "t "? */
static unsigned tagged_lines(const char *heard)
{
    unsigned count = strncmp(heard, "t ", 2) == 0;

    for (const char *at = heard; (at = strstr(at, "\r\nt ")); at += 2)
        count++;
    return count;
}

/* Everything that the command waits for comes, until it is answered. */
static unsigned serve(enum job_status status, enum login_outcome outcome)
{
    unsigned answers = 0;

    for (int i = 0; i < 10; i++) {
        answers += tagged_lines(bench_heard());
        if (answers > 0)
            return answers;
        if (bench.logging_in) {
            bench_login(outcome, "words");
        } else if (bench.job) {
            if (bench.job->ops->build && bench.job->goal == JOB_RUN)
                (void)bench_build();
            bench_done(status, status == JOB_OK || status == JOB_NO ? "x OK done"
                               : status == JOB_BAD                  ? "x BAD no"
                                                                    : NULL);
        } else {
            bench_say("DONE\r\n"); /* to IDLE, or to what AUTHENTICATE asks for */
        }
    }
    return answers;
}

static void to_phase(unsigned phase)
{
    bench_open();
    bench.settings.max_bad = bench.settings.max_bad_before_login = 1000;
    for (int i = 0; i < CAPABILITY_COUNT; i++)
        bench.capabilities.has[i] = true;
    if (phase > 0)
        bench_log_in();
    if (phase == 2)
        bench_select();
    if (phase == 3) {
        bench_say("a1 EXAMINE INBOX\r\n");
        bench_done(JOB_OK, NULL);
        bench_expect_like("READ-ONLY");
    }
}

static void try_one(unsigned phase, const char *name, const char *argument, enum job_status status)
{
    char line[200];
    unsigned answers;

    to_phase(phase);
    snprintf(line, sizeof(line), "t %s%s\r\n", name, argument);
    bench_say(line);
    answers = serve(status, status == JOB_OK ? LOGIN_OK : LOGIN_REJECTED);
    cr_assert_eq(answers, 1, "phase %u, %s%s, status %d: %u tagged answers", phase, name, argument, status, answers);
    if (strcmp(name, "LOGOUT") != 0 && strcmp(name, "STARTTLS") != 0) { /* it goes on */
        bench_say("u CAPABILITY\r\n");
        bench_expect_like("u OK CAPABILITY completed.\r\n");
    }
    bench_close();
}

static void try_all(enum job_status status)
{
    char with_uid[40];

    for (unsigned phase = 0; phase < 4; phase++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            snprintf(with_uid, sizeof(with_uid), "UID %s", names[i]);
            for (size_t j = 0; j < sizeof(arguments) / sizeof(arguments[0]); j++) {
                try_one(phase, names[i], arguments[j], status);
                try_one(phase, with_uid, arguments[j], status);
            }
        }
    }
}

Test(commands, every_one_in_every_phase_is_answered_once_when_all_goes_well)
{
    try_all(JOB_OK);
}

Test(commands, every_one_in_every_phase_is_answered_once_when_the_server_refuses)
{
    try_all(JOB_NO);
}

Test(commands, every_one_in_every_phase_is_answered_once_when_the_line_breaks)
{
    try_all(JOB_LOST);
}

Test(commands, every_one_has_a_row_with_a_family)
{
    for (int name = 0; name < COMMAND_UNKNOWN; name++) {
        const struct command_row *row = commands_row((enum command_name)name);
        cr_assert_not_null(row->ops, "%s", command_title((enum command_name)name));
        cr_assert_not_null(row->ops->start, "%s", command_title((enum command_name)name));
        cr_assert_geq(row->ops->size, sizeof(struct run));
    }
    cr_assert_null(commands_row(COMMAND_UNKNOWN));
}

/* The client cannot know its new limits or its new meaning of bytes before the answer. */
Test(commands, what_changes_the_meaning_of_bytes_runs_first)
{
    static const enum command_name first[] = {COMMAND_LOGIN, COMMAND_AUTHENTICATE, COMMAND_STARTTLS, COMMAND_IDLE,
                                              COMMAND_LOGOUT};

    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        cr_assert(commands_row(first[i])->flags & ROW_RUNS_FIRST);
}

/* RFC 3501 section 7.4.1: their numbers must not shift under them. */
Test(commands, those_that_answer_by_number_hold_expunges_back)
{
    static const enum command_name held[] = {COMMAND_FETCH, COMMAND_STORE, COMMAND_SEARCH};

    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
        cr_assert(commands_row(held[i])->flags & ROW_HOLDS_EXPUNGES);
}

Test(commands, those_without_arguments_refuse_them_by_name, .init = bench_open_selected, .fini = bench_close)
{
    bench_say("a NOOP x\r\nb EXPUNGE 1\r\nc CLOSE ()\r\nd IDLE now\r\n");
    bench_expect("a BAD NOOP takes no arguments\r\n"
                 "b BAD EXPUNGE takes no arguments\r\n"
                 "c BAD CLOSE takes no arguments\r\n"
                 "d BAD IDLE takes no arguments\r\n");
}
