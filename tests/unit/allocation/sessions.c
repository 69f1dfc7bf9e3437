/* Whole runs of the simulator in which one request of the layers for memory is refused: its clients may be refused or
 * sent away then, but nobody is told what is not true, and everybody is served afterwards; nothing leaks.
 *
 *   allocation_sessions [--first SEED --last SEED]    in each run each caller is refused once
 *   allocation_sessions --full                        every request in turn
 *   allocation_sessions --seed S --refuse N [--trace] one of them again
 *   --more N                                          the N requests behind it are refused as well */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/others.h"
#include "sim/run.h"
#include "sim/sim.h"
#include "unit/allocation/shortage.h"

/* Each seed makes other clients, other abilities of the server and other habits. */
#define FIRST_SEED 1
#define LAST_SEED  9

struct options {
    unsigned long first, last; /* seeds */
    unsigned long refuse, more;
    bool full, trace;
};

struct strike {
    uint64_t seed;
    unsigned long refused, more;
    struct shortage_paths *paths;
    struct sim *sim;
};

static const struct strike *present; /* for the handler */

/* --- a run */

/* As the seed has it, but short, and with nothing else going wrong. */
static void planned(void *context, struct plan *plan)
{
    (void)context;
    plan->users = plan->users > 1 ? 2 : 1;
    plan->clients = plan->users + 3;
    if (plan->boxes > 3)
        plan->boxes = 3;
    plan->writers = plan->writers > 0;
    plan->rounds = 1;
    plan->acts = 25;
    plan->think = USEC_SECOND / 10;
    plan->writer_pause = USEC_SECOND / 2;
    plan->rubbish = 0;
    plan->fault_count = 0;
}

static void on_refusal(void *context)
{
    struct strike *strike = context;

    faults_out_of_memory(strike->sim);
}

static void begins(void *context, struct sim *sim)
{
    struct strike *strike = context;

    strike->sim = sim;
    if (strike->paths)
        shortage_record(strike->paths);
    shortage_begin(strike->refused, strike->more, on_refusal, strike);
}

static void ends(void *context, struct sim *sim)
{
    (void)context;
    (void)sim;
    shortage_end();
}

static void say_failed(const struct strike *strike, const char *check, const char *text)
{
    printf("FAILED seed %" PRIu64 ", request %lu: %s: %s\n", strike->seed, strike->refused, check, text);
    fflush(stdout);
    shortage_show();
}

static bool play(struct strike *strike, FILE *trace)
{
    const struct run_observer observer = {.context = strike, .planned = planned, .begins = begins, .ends = ends};
    struct run_result result;
    char leak[80];
    long held = shortage_held();

    present = strike;
    run_seed_observed(strike->seed, &observer, trace, &result);
    held = shortage_held() - held;
    snprintf(leak, sizeof(leak), "%ld pieces of memory", held);
    if (result.failed)
        say_failed(strike, result.check, result.text);
    else if (held != 0)
        say_failed(strike, "leak", leak);
    return !result.failed && held == 0;
}

/* --- all of them */

static unsigned sweep(uint64_t seed, const struct options *options, unsigned long *played)
{
    struct shortage_paths paths = {0};
    struct strike strike = {.seed = seed, .paths = &paths};
    unsigned failures = !play(&strike, NULL);

    strike.paths = NULL;
    strike.more = options->more;
    for (strike.refused = 1; strike.refused <= paths.count; strike.refused++) {
        if (!options->full && !shortage_path_is_new(&paths, strike.refused))
            continue;
        failures += !play(&strike, NULL);
        ++*played;
    }
    shortage_paths_clear(&paths);
    return failures;
}

static void on_crash(int number)
{
    char text[120];
    int length = snprintf(text, sizeof(text), "\nFAILED seed %" PRIu64 ", request %lu: %s\n", present->seed,
                          present->refused, number == SIGALRM ? "it never comes back" : "crash");

    (void)!write(STDOUT_FILENO, text, (size_t)length);
    shortage_show();
    signal(number, SIG_DFL);
    raise(number == SIGALRM ? SIGABRT : number);
}

/* So that on_crash is called. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "abort_on_error=1:handle_abort=0";
}

const char *__ubsan_default_options(void)
{
    return "abort_on_error=1";
}

static bool read_options(int count, char **arguments, struct options *options)
{
    const struct {
        const char *name;
        unsigned long *number;
    } numbers[] = {{"--first", &options->first},
                   {"--last", &options->last},
                   {"--seed", &options->first},
                   {"--refuse", &options->refuse},
                   {"--more", &options->more}};

    for (int i = 1; i < count; i++) {
        size_t n = 0;
        while (n < 5 && strcmp(arguments[i], numbers[n].name) != 0)
            n++;
        if (n < 5 && i + 1 < count)
            *numbers[n].number = strtoul(arguments[++i], NULL, 10);
        else if (strcmp(arguments[i], "--full") == 0)
            options->full = true;
        else if (strcmp(arguments[i], "--trace") == 0)
            options->trace = true;
        else
            return false;
        if (n == 2)
            options->last = options->first;
    }
    return !options->refuse || options->first == options->last;
}

int main(int count, char **arguments)
{
    struct options options = {.first = FIRST_SEED, .last = LAST_SEED};
    unsigned failures = 0;
    unsigned long played = 0;

    if (!read_options(count, arguments, &options)) {
        fprintf(stderr, "usage: allocation_sessions [--full] [--first SEED --last SEED | --seed SEED [--refuse N] "
                        "[--trace]] [--more N]\n");
        return 2;
    }
    shortage_init();
    signal(SIGALRM, on_crash);
    signal(SIGABRT, on_crash);
    for (uint64_t seed = options.first; seed <= options.last; seed++) {
        struct strike strike = {.seed = seed, .refused = options.refuse, .more = options.more};
        if (options.refuse)
            failures += !play(&strike, options.trace ? stdout : NULL);
        else
            failures += sweep(seed, &options, &played);
    }
    printf("%lu requests refused, %u failures\n", played, failures);
    return failures > 0;
}
