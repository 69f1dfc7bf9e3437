/* Whole runs of the simulator in which one request of the layers for memory is refused: its clients may be refused or
 * sent away then, but nobody is told what is not true, and everybody is served afterwards; nothing leaks.
 *
 *   allocation_sessions                       in each run each caller is refused once
 *   allocation_sessions --full                every request
 *   allocation_sessions --run NAME --refuse N [--trace]    one of them again */
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

struct run {
    const char *name;
    uint64_t seed;
    unsigned can;
    unsigned faults;
};

/* Each seed makes other clients of other habits; what the server can do decides which ways the proxy goes. */
static const struct run runs[] = {
    {"plain", 1, CAN_IDLE | CAN_UIDPLUS, 0},
};

struct options {
    const char *run;
    unsigned long refuse;
    bool full, trace;
};

static const struct run *present;
static unsigned long present_number;

/* --- a run */

static void plan_small(void *context, struct plan *plan)
{
    const struct run *run = context;

    plan->users = 2;
    plan->clients = 5;
    plan->boxes = 3;
    plan->writers = 1;
    plan->rounds = 1;
    plan->acts = 25;
    plan->think = USEC_SECOND / 10;
    plan->writer_pause = USEC_SECOND / 2;
    plan->rubbish = 0;
    plan->fault_count = run->faults < plan->fault_count ? run->faults : plan->fault_count;
    plan->can = run->can;
}

struct strike {
    const struct run *run;
    unsigned long refused;
    struct shortage_paths *paths;
    struct sim *sim;
};

static void on_refusal(void *context)
{
    struct strike *strike = context;

    faults_out_of_memory(strike->sim);
}

static void planned(void *context, struct plan *plan)
{
    struct strike *strike = context;

    plan_small((void *)(uintptr_t)strike->run, plan);
}

static void begins(void *context, struct sim *sim)
{
    struct strike *strike = context;

    strike->sim = sim;
    if (strike->paths)
        shortage_record(strike->paths);
    shortage_begin(strike->refused, 0, on_refusal, strike);
}

static void ends(void *context, struct sim *sim)
{
    (void)context;
    (void)sim;
    shortage_end();
}

static bool play(struct strike *strike, FILE *trace)
{
    const struct run_observer observer = {.context = strike, .planned = planned, .begins = begins, .ends = ends};
    struct run_result result;
    long held = shortage_held();

    present = strike->run;
    present_number = strike->refused;
    run_seed_observed(strike->run->seed, &observer, trace, &result);
    if (result.failed)
        printf("FAILED %s, %lu: %s: %s\n", present->name, present_number, result.check, result.text);
    else if (shortage_held() != held)
        printf("FAILED %s, %lu: %ld pieces of memory leak\n", present->name, present_number, shortage_held() - held);
    if (result.failed || shortage_held() != held) {
        fflush(stdout);
        shortage_show();
        return false;
    }
    return true;
}

/* --- all of them */

static unsigned sweep(const struct run *run, bool full, unsigned long *played)
{
    struct shortage_paths paths = {0};
    struct strike strike = {.run = run, .paths = &paths};
    unsigned failures = !play(&strike, NULL);

    strike.paths = NULL;
    for (strike.refused = 1; strike.refused <= paths.count; strike.refused++) {
        if (!full && !shortage_path_is_new(&paths, strike.refused))
            continue;
        failures += !play(&strike, NULL);
        ++*played;
    }
    printf("%s: %zu requests, %lu refused\n", run->name, paths.count, *played);
    shortage_paths_clear(&paths);
    return failures;
}

static void on_crash(int number)
{
    char text[120];
    int length = snprintf(text, sizeof(text), "\nFAILED %s, %lu: %s\n", present->name, present_number,
                          number == SIGALRM ? "it never comes back" : "crash");

    (void)!write(STDOUT_FILENO, text, (size_t)length);
    shortage_show();
    signal(number, SIG_DFL);
    raise(number == SIGALRM ? SIGABRT : number);
}

static bool read_options(int count, char **arguments, struct options *options)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--full") == 0)
            options->full = true;
        else if (strcmp(arguments[i], "--trace") == 0)
            options->trace = true;
        else if (strcmp(arguments[i], "--run") == 0 && i + 1 < count)
            options->run = arguments[++i];
        else if (strcmp(arguments[i], "--refuse") == 0 && i + 1 < count)
            options->refuse = strtoul(arguments[++i], NULL, 10);
        else
            return false;
    }
    return !options->refuse || options->run;
}

int main(int count, char **arguments)
{
    struct options options = {0};
    unsigned failures = 0;
    unsigned long played = 0;

    if (!read_options(count, arguments, &options)) {
        fprintf(stderr, "usage: allocation_sessions [--full] [--run NAME [--refuse N] [--trace]]\n");
        return 2;
    }
    shortage_init();
    signal(SIGALRM, on_crash);
    signal(SIGABRT, on_crash);
    for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
        struct strike strike = {.run = &runs[i], .refused = options.refuse};
        if (options.run && strcmp(options.run, runs[i].name) != 0)
            continue;
        failures += options.refuse ? !play(&strike, options.trace ? stdout : NULL)
                                   : sweep(&runs[i], options.full, &played);
    }
    printf("%lu requests refused, %u failures\n", played, failures);
    return failures > 0;
}
