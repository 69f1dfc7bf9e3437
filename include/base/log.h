/* Where log lines go. The code that decides logs, once, with the object; parsers and the mailbox model never do. Never
 * a secret. Text of a peer is quoted with log_quote first. */
#ifndef IMAPMUX_BASE_LOG_H
#define IMAPMUX_BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    enum log_level level; /* lines above it are dropped before they are formatted */
    void (*write)(void *context, enum log_level level, const char *line);
    void *context;
};

/* One line, at most 1,000 octets, without line end. `log` may be NULL. */
void log_line(struct log *log, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes text into buffer (size >= 16) for a log line: printable ASCII as it is, the rest as \xNN, cut to 200 octets of
 * text followed by "...". Returns buffer. */
const char *log_quote(struct slice text, char *buffer, size_t size);
#define LOG_QUOTE_SIZE 820

/* "error", "warning", "info" or "debug"; a constant. */
const char *log_level_name(enum log_level level);

#endif
