/* The program: its command line and file, its demands on the system, then one worker until a signal ends
 * it. Exit status: 0 ended in order, or the settings are good; 1 cannot start, or they are not; 2 misused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "net/tls.h"
#include "proxy/command_line.h"
#include "proxy/config.h"
#include "proxy/explain.h"
#include "proxy/log_writer.h"
#include "proxy/process.h"
#include "proxy/worker.h"

static void print_faults(const struct faults *faults, const char *path)
{
    char text[600];

    if (faults->count == 0)
        fputs("imapmux: out of memory\n", stderr);
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++)
        fprintf(stderr, "%s\n", fault_text(&faults->list[i], path ? path : "imapmux", text, sizeof(text)));
    if (faults->count > FAULTS_MAX)
        fprintf(stderr, "and %zu more\n", faults->count - FAULTS_MAX);
}

static void print_warnings(const struct config *config, const char *path)
{
    const struct config_warning *warning;
    char text[600];

    for (warning = config->warnings; warning; warning = warning->next)
        fprintf(stderr, "warning: %s\n", fault_text(&warning->fault, path ? path : "imapmux", text, sizeof(text)));
}

static void print_good(const struct config *config, const char *path)
{
    size_t upstreams = 0, listeners = 0;

    for (const struct config_upstream *upstream = config->upstreams; upstream; upstream = upstream->next)
        upstreams++;
    for (const struct config_listener *listener = config->listeners; listener; listener = listener->next)
        listeners++;
    printf("%s: good: %zu upstream%s, %zu listener%s\n", path ? path : "imapmux", upstreams, upstreams == 1 ? "" : "s",
           listeners, listeners == 1 ? "" : "s");
}

static int serve(const struct worker_options *options, struct config *config)
{
    struct worker *worker = worker_new(options, config);

    if (!worker)
        return EXIT_FAILURE;
    bool ready = process_become_user(config, options->path, options->log_writer); /* the worker has opened its ports */
    if (ready) {
        process_apply(&config->program, options->log_writer);
        worker_run(worker);
    }
    worker_free(worker);
    return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct command_line *command_line, struct faults *faults)
{
    const char *path = command_line->file ? command_line->file : command_line->upstream ? NULL : CONFIG_FILE_DEFAULT;
    struct log_writer log_writer;
    const struct worker_options options = {.log_writer = &log_writer, .path = path, .command_line = command_line};
    bool locked = tls_library_start(SECRET_HEAP_SIZE);
    struct config *config = config_read(path, command_line, faults);

    if (!config) {
        print_faults(faults, path);
        return EXIT_FAILURE;
    }
    if (command_line->test || command_line->explain) {
        print_warnings(config, path);
        if (command_line->explain)
            explain_print(config, path, stdout);
        else
            print_good(config, path);
        config_free(config);
        return EXIT_SUCCESS;
    }
    log_writer_init(&log_writer);
    log_writer.log.level = (enum log_level)config->program.log_level;
    if (!locked)
        log_line(&log_writer.log, LOG_WARNING,
                 "the memory for passwords cannot be locked and may be swapped out (raise LimitMEMLOCK)");
    process_begin();
    int status = serve(&options, config);
    log_writer_clear(&log_writer);
    return status;
}

int main(int argc, char **argv)
{
    struct command_line command_line;

    if (!command_line_parse(&command_line, argc, argv))
        return 2;
    if (command_line.help) {
        command_line_help(stdout);
        return EXIT_SUCCESS;
    }
    if (command_line.version) {
        puts("imapmux " IMAPMUX_VERSION);
        return EXIT_SUCCESS;
    }
    struct faults *faults = calloc(1, sizeof(*faults));
    int status = faults ? run(&command_line, faults) : EXIT_FAILURE;
    free(faults);
    return status;
}
