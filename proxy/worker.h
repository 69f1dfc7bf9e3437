/* One event base with everything that runs on it: clock, run queue, accounts, clients, listeners. The program has one
 * for now. */
#ifndef IMAPMUX_PROXY_WORKER_H
#define IMAPMUX_PROXY_WORKER_H

#include <stdbool.h>

#include "proxy/config.h"
#include "proxy/log_writer.h"

struct command_line;
struct worker; /* opaque */

struct worker_options {
    struct log_writer *log_writer;           /* borrowed */
    const char *path;                        /* of the settings file; NULL: none */
    const struct command_line *command_line; /* borrowed; laid over the file again at SIGHUP */
};

/* Takes config, which lives as long as the worker, and opens its listeners. Returns owned; NULL: the reason has been
 * logged. */
struct worker *worker_new(const struct worker_options *options, struct config *config);
/* Serves until SIGTERM or SIGINT, then until all is said and done, 4.5 s at the most. */
void worker_run(struct worker *worker);
/* Closes everything at once. NULL: nothing happens. */
void worker_free(struct worker *worker);

#endif
