/* Where the program's log lines end: standard error (with the journal's priorities if it is the journal), or a file. */
#ifndef IMAPMUX_PROXY_LOG_WRITER_H
#define IMAPMUX_PROXY_LOG_WRITER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"

struct log_writer {
    struct log log;
    int descriptor; /* standard error, or the file */
    bool journal;
};

/* Standard error, at level info. */
void log_writer_init(struct log_writer *writer);
/* Closes the file; standard error again. */
void log_writer_clear(struct log_writer *writer);
/* Makes the user the file's owner, so that the process can open it again as that user. Standard error is left alone. */
void log_writer_give(const struct log_writer *writer, uid_t user);
/* Opens the file, again if it was open, and appends to it from now on; NULL: standard error. False: errno says why, all
 * stays as it was. */
bool log_writer_open(struct log_writer *writer, const char *path);

#endif
