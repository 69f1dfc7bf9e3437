/* One write per line, so that lines of several programs do not mix. It must never wait for anything but the kernel, nor
 * end the program when the log cannot be written. */
#include "proxy/log_writer.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1100

static void write_line(void *context, enum log_level level, const char *line)
{
    static const int priorities[] = {[LOG_ERROR] = 3, [LOG_WARNING] = 4, [LOG_INFO] = 6, [LOG_DEBUG] = 7};
    const struct log_writer *writer = context;
    char text[LINE_SIZE];
    int length;

    if (writer->journal) {
        length = snprintf(text, sizeof(text), "<%d>%s\n", priorities[level], line);
    } else {
        struct timespec now;
        struct tm local;
        char when[32] = "";
        clock_gettime(CLOCK_REALTIME, &now);
        if (localtime_r(&now.tv_sec, &local))
            strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &local);
        length = snprintf(text, sizeof(text), "%s.%03ld %-7s %s\n", when, now.tv_nsec / 1000000, log_level_name(level),
                          line);
    }
    if (length > 0)
        (void)!write(writer->descriptor, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* JOURNAL_STREAM is inherited by programs whose standard error goes elsewhere: it names device and inode.
 * systemd.exec(5)
 */
static bool is_journal(int descriptor)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[48];
    struct stat status;

    if (!stream || fstat(descriptor, &status) != 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void log_writer_init(struct log_writer *writer)
{
    writer->descriptor = STDERR_FILENO;
    writer->journal = is_journal(STDERR_FILENO);
    writer->log = (struct log){.level = LOG_INFO, .write = write_line, .context = writer};
}

void log_writer_clear(struct log_writer *writer)
{
    if (writer->descriptor != STDERR_FILENO)
        close(writer->descriptor);
    writer->descriptor = STDERR_FILENO;
}

bool log_writer_open(struct log_writer *writer, const char *path)
{
    int descriptor = STDERR_FILENO;

    if (path) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (descriptor < 0)
            return false;
    }
    log_writer_clear(writer);
    writer->descriptor = descriptor;
    writer->journal = is_journal(descriptor);
    return true;
}

void log_writer_give(const struct log_writer *writer, uid_t user)
{
    if (writer->descriptor != STDERR_FILENO)
        (void)!fchown(writer->descriptor, user, (gid_t)-1); /* if that fails, opening it again will say so */
}
