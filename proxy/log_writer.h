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
/* Makes the file the user's own, so that he can open it again; standard error stays whose it is. */
void log_writer_give(const struct log_writer *writer, uid_t user);
/* Appends to the file from now on, opened anew; NULL: standard error. False: errno says why, all stays as it was. */
bool log_writer_open(struct log_writer *writer, const char *path);

#endif
