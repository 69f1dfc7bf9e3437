/* Log lines are put together in one fixed buffer and handed to the sink whole. No line can be longer, be split in two
 * by a peer's bytes (they are quoted), or fail for lack of memory. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_OCTETS  1000
#define QUOTE_MAX_OCTETS 200

static const char *const level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
    char line[LINE_MAX_OCTETS + 1];
    va_list arguments;
    int length;

    if (!log || level > log->level)
        return;
    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length >= 0)
        log->write(log->context, level, line);
}

/* Writes one octet as it looks in a log; returns how many octets that took (at most 4). */
static size_t quote_octet(unsigned char octet, char *out)
{
    static const char digits[] = "0123456789abcdef";

    if (octet >= 0x20 && octet < 0x7f) {
        out[0] = (char)octet;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[octet >> 4];
    out[3] = digits[octet & 15];
    return 4;
}

const char *log_quote(struct slice text, char *buffer, size_t size)
{
    size_t used = 0, at = 0;

    /* Room for one more octet, "..." and the NUL. */
    while (at < text.length && at < QUOTE_MAX_OCTETS && used + 4 + 3 + 1 <= size)
        used += quote_octet((unsigned char)text.data[at++], buffer + used);
    if (at < text.length) {
        memcpy(buffer + used, "...", 3);
        used += 3;
    }
    buffer[used] = '\0';
    return buffer;
}
