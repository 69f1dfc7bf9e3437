/* What the process is to the system: its user, its limits, whether its memory may be looked at. */
#ifndef IMAPMUX_PROXY_PROCESS_H
#define IMAPMUX_PROXY_PROCESS_H

#include <stdbool.h>

struct config;
struct log_writer;
struct program_settings;

/* To be called once, first: broken pipes are errors of their descriptors, and as many descriptors as are permitted. */
void process_begin(void);
/* core_dumps and memory_max; to be called again when they have changed. What cannot be done is logged. */
void process_apply(const struct program_settings *program, struct log_writer *log_writer);
/* Becomes `user`, for good, once the ports are bound and the log file is open (which is given to him). `path` is the
 * settings file, NULL: none. False: the process is not what it should be and must end; the log says why. Files that the
 * user cannot read, so that SIGHUP will fail, are warned of. */
bool process_become_user(const struct config *config, const char *path, struct log_writer *log_writer)
    __attribute__((warn_unused_result));

#endif
