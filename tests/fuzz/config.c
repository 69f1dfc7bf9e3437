/* The settings file: any octets give faults or a configuration. Files that it names are read, but none is made. */
#include "proxy/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "proxy/command_line.h"

/* The linker puts it in the place of open: what the fuzzer names is not to appear on the disk. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    if ((flags & O_CREAT) || strncmp(path, "/dev/", 5) == 0) {
        errno = EACCES;
        return -1;
    }
    va_start(arguments, flags);
    mode = (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return __real_open(path, flags, mode);
}

static void expect_whole(const struct config *config)
{
    fuzz_require(config->upstreams && config->listeners, "a configuration has upstreams and listeners");
    for (const struct config_upstream *upstream = config->upstreams; upstream; upstream = upstream->next)
        fuzz_require(upstream->settings.name && upstream->settings.host && upstream->settings.port > 0,
                     "an upstream has a name and an address");
    for (const struct config_listener *listener = config->listeners; listener; listener = listener->next)
        fuzz_require(listener->upstream != NULL, "a listener has its upstream");
}

static void expect_faults(struct faults *faults)
{
    char text[1000];

    fuzz_require(faults->count > 0, "what is refused has a fault");
    faults_sort(faults);
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++)
        fuzz_require(strlen(fault_text(&faults->list[i], "file", text, sizeof(text))) > 0, "a fault has words");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct faults faults;
    struct command_line command_line = {.file = NULL};
    int file = memfd_create("settings", MFD_CLOEXEC);
    char path[64];
    struct config *config;

    fuzz_require(file >= 0 && write(file, data, size) == (ssize_t)size, "there is a file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    faults.count = 0;
    config = config_read(path, &command_line, &faults);
    if (config)
        expect_whole(config);
    else
        expect_faults(&faults);
    config_free(config);
    close(file);
    return 0;
}
