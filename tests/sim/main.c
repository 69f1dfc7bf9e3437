/* The simulator's program.
 *
 *   sim --seed S [--cut CUTS] [--trace]                     one run, again, to the octet
 *   sim --seconds N [--first-seed S] [--no-shrink]          fresh seeds for so long, in the processor's own time;
 *                                                           --first-failure: until one fails
 *   sim --count N --first-seed S                            so many seeds
 *   sim --seeds FILE                                        the seeds of a file, one a line, # for comments
 *   sim --cuts                                              the line cut behind every octet of each command
 *
 * The last line has the totals. Exit status 1: something failed; the seed and a short trace of it have been printed. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "sim/cuts.h"
#include "sim/run.h"

#define SHRINK_SECONDS 40
#define TRACE_LINES    60

struct totals {
    uint64_t seeds, commands, faults, failures;
    double began;
};

struct options {
    uint64_t seed, first_seed, count, seconds;
    bool has_seed, has_first, trace, no_shrink, first_failure, cuts;
    const char *cut, *file;
};

static volatile uint64_t running; /* for the handlers */

static double clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_signal(int number)
{
    char text[80];
    int length = snprintf(text, sizeof(text), "\nFAILED seed %" PRIu64 ": %s\n", running,
                          number == SIGALRM ? "it never comes back" : "crash");

    (void)!write(STDOUT_FILENO, text, (size_t)length);
    signal(number, SIG_DFL);
    raise(number == SIGALRM ? SIGABRT : number);
}

static void print_tail(const char *trace)
{
    const char *at = trace + strlen(trace);
    unsigned lines = 0;

    while (at > trace && lines <= TRACE_LINES) {
        at--;
        lines += *at == '\n';
    }
    fputs(at, stdout);
}

static void show(uint64_t seed, const struct cuts *cuts)
{
    char *text = NULL, *cut = cuts_print(cuts);
    size_t size;
    FILE *trace = open_memstream(&text, &size);
    struct run_result result;

    if (!trace)
        abort();
    run_seed(seed, cuts, trace, &result);
    fclose(trace);
    print_tail(text);
    printf("again: sim --seed %" PRIu64 "%s%s --trace\n", seed, cut[0] ? " --cut " : "", cut);
    free(text);
    free(cut);
}

static void report(uint64_t seed, const struct run_result *failure, const struct options *options)
{
    struct cuts cuts = {0};

    printf("FAILED seed %" PRIu64 ": %s: %s\n", seed, failure->check, failure->text);
    fflush(stdout);
    if (!options->no_shrink) {
        shrink(seed, &cuts, failure, SHRINK_SECONDS);
        show(seed, &cuts);
    }
    fflush(stdout);
    cuts_clear(&cuts);
}

static void run(uint64_t seed, struct totals *totals, const struct options *options)
{
    struct run_result result;

    running = seed;
    run_seed(seed, NULL, NULL, &result);
    totals->seeds++;
    totals->commands += result.commands;
    totals->faults += result.faults;
    totals->failures += result.failed;
    if (result.failed)
        report(seed, &result, options);
}

static int replay(const struct options *options)
{
    struct cuts cuts = {0};
    struct run_result result;

    running = options->seed;
    if (options->cut && !cuts_read(&cuts, options->cut)) {
        fprintf(stderr, "sim: --cut takes what a failure has printed\n");
        return 2;
    }
    run_seed(options->seed, &cuts, options->trace ? stdout : NULL, &result);
    if (result.failed)
        printf("FAILED seed %" PRIu64 ": %s: %s\n", options->seed, result.check, result.text);
    printf("1 seeds, %" PRIu64 " commands, %" PRIu64 " faults, %d failures\n", result.commands, result.faults,
           result.failed);
    cuts_clear(&cuts);
    return result.failed;
}

static bool read_options(int count, char **arguments, struct options *options)
{
    const struct {
        const char *name;
        uint64_t *number;
        bool *set;
    } numbers[] = {{"--seed", &options->seed, &options->has_seed},
                   {"--first-seed", &options->first_seed, &options->has_first},
                   {"--count", &options->count, NULL},
                   {"--seconds", &options->seconds, NULL}};

    for (int i = 1; i < count; i++) {
        size_t n = 0;
        while (n < 4 && strcmp(arguments[i], numbers[n].name) != 0)
            n++;
        if (n < 4 && i + 1 < count) {
            *numbers[n].number = strtoull(arguments[++i], NULL, 10);
            if (numbers[n].set)
                *numbers[n].set = true;
        } else if (strcmp(arguments[i], "--cut") == 0 && i + 1 < count)
            options->cut = arguments[++i];
        else if (strcmp(arguments[i], "--seeds") == 0 && i + 1 < count)
            options->file = arguments[++i];
        else if (strcmp(arguments[i], "--cuts") == 0)
            options->cuts = true;
        else if (strcmp(arguments[i], "--trace") == 0)
            options->trace = true;
        else if (strcmp(arguments[i], "--first-failure") == 0)
            options->first_failure = options->no_shrink = true;
        else if (strcmp(arguments[i], "--no-shrink") == 0)
            options->no_shrink = true;
        else
            return false;
    }
    return options->has_seed || options->count || options->seconds || options->file || options->cuts;
}

static void run_file(const char *name, struct totals *totals, const struct options *options)
{
    FILE *file = fopen(name, "r");
    char line[1000];

    if (!file) {
        perror(name);
        exit(2);
    }
    while (fgets(line, sizeof(line), file)) {
        if (line[0] >= '0' && line[0] <= '9')
            run(strtoull(line, NULL, 10), totals, options);
    }
    fclose(file);
}

int main(int count, char **arguments)
{
    struct options options = {0};
    struct totals totals = {.began = clock_now()};
    double took;

    if (!read_options(count, arguments, &options)) {
        fprintf(stderr, "usage: sim --seed S [--cut CUTS] [--trace] | --seconds N [--first-seed S] | --count N "
                        "--first-seed S | --seeds FILE | --cuts; [--no-shrink]\n");
        return 2;
    }
    signal(SIGALRM, on_signal);
    signal(SIGABRT, on_signal);
#ifndef __SANITIZE_ADDRESS__ /* whose own handlers say more */
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
#endif
    if (options.cuts)
        return cuts_play_all();
    if (options.has_seed)
        return replay(&options);
    if (options.file)
        run_file(options.file, &totals, &options);
    if (!options.has_first && getrandom(&options.first_seed, sizeof(options.first_seed), 0) > 0)
        options.first_seed %= 1000000000000;
    if (options.count || options.seconds)
        printf("first seed %" PRIu64 "\n", options.first_seed);
    fflush(stdout); /* a crash does not lose it */
    for (uint64_t i = 0; (options.count && i < options.count) ||
                         (options.seconds && clock_now() - totals.began < (double)options.seconds);
         i++) {
        if (options.first_failure && totals.failures > 0)
            break;
        run(options.first_seed + i, &totals, &options);
    }
    took = clock_now() - totals.began;
    printf(
        "%" PRIu64 " seeds, %" PRIu64 " commands, %" PRIu64 " faults, %.0f commands per second, %" PRIu64 " failures\n",
        totals.seeds, totals.commands, totals.faults, (double)totals.commands / (took > 0 ? took : 1), totals.failures);
    return totals.failures > 0;
}
