/* The process in the system: its user, its limits, and access to its memory. */
#ifndef IMAPMUX_PROXY_PROCESS_H
#define IMAPMUX_PROXY_PROCESS_H

#include <stdbool.h>

struct config;
struct log_writer;
struct program_settings;

/* To be called once, first: broken pipes are errors of their descriptors, and as many descriptors as are permitted. */
void process_begin(void);
/* core_dumps and memory_max; to be called again when they have changed. Failures are logged. */
void process_apply(const struct program_settings *program, struct log_writer *log_writer);
/* Becomes `user`, for good, after the ports are bound and the log file is open. The log file is given to that user.
 * `path` is the settings file, NULL: none. False: the process must end; the log says why.
 * Files that the user cannot read, so that SIGHUP will fail, are warned of. */
bool process_become_user(const struct config *config, const char *path, struct log_writer *log_writer)
    __attribute__((warn_unused_result));

#endif
