/* Spools of the program: a growing block of memory, then a file that has no name, so that no file remains whatever
 * happens. Bytes here are people's mail: files are made with mode 0600 and never linked. It must never end the program
 * over a full disk, and never hand out bytes past a spool's size. */
#include "net/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/runqueue.h"

#define COMPLAINT_INTERVAL (60 * USEC_SECOND)
#define MEMORY_LEAST       ((size_t)4 * 1024)

struct spool_store {
    struct spooler spooler;
    struct spool_store_options options;
    char *directory;
    uint64_t used;
    bool complained;
    usec complained_at;
};

struct spool {
    struct spool_store *store;
    uint64_t size;
    char *memory; /* all of it, until there is a file */
    size_t capacity;
    int file; /* -1: none yet */
};

/* ---- store ---- */

static const struct spool_ops store_ops;

struct spool_store *spool_store_new(const struct spool_store_options *options)
{
    struct spool_store *store = calloc(1, sizeof(*store));

    if (!store)
        return NULL;
    store->options = *options;
    store->spooler = (struct spooler){.ops = &store_ops, .context = store};
    store->directory = strdup(options->directory);
    if (!store->directory) {
        free(store);
        return NULL;
    }
    return store;
}

bool spool_store_move(struct spool_store *store, const char *directory)
{
    char *copy = strdup(directory);

    if (!copy)
        return false;
    free(store->directory);
    store->directory = copy;
    return true;
}

void spool_store_free(struct spool_store *store)
{
    if (!store)
        return;
    free(store->directory);
    free(store);
}

struct spooler *spool_store_spooler(struct spool_store *store)
{
    return &store->spooler;
}

uint64_t spool_store_used(const struct spool_store *store)
{
    return store->used;
}

static void complain(struct spool_store *store, const char *what, const char *advice)
{
    usec now = store->options.clock ? runqueue_now(store->options.clock) : 0;

    if (store->complained && now - store->complained_at < COMPLAINT_INTERVAL)
        return;
    store->complained = true;
    store->complained_at = now;
    log_line(store->options.log, LOG_ERROR, "spool directory %s: %s; %s", store->directory, what, advice);
}

/* ---- files ---- */

static int make_file(const char *directory)
{
    char path[4096];
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return file;
    if (snprintf(path, sizeof(path), "%s/imapmux.XXXXXX", directory) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

bool spool_directory_usable(const char *directory, const char **reason)
{
    int file = make_file(directory);

    if (file < 0) {
        *reason = strerror(errno);
        return false;
    }
    close(file);
    return true;
}

static bool write_whole(int file, const char *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(file, bytes, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return true;
}

/* Moves the octets in memory into a file. */
static bool go_to_file(struct spool *spool)
{
    int file = make_file(spool->store->directory);

    if (file < 0)
        return false;
    if (!write_whole(file, spool->memory, (size_t)spool->size, 0)) {
        int error = errno;
        close(file);
        errno = error;
        return false;
    }
    spool->file = file;
    free(spool->memory);
    spool->memory = NULL;
    spool->capacity = 0;
    return true;
}

/* ---- spools ---- */

static struct spool *store_open(void *context)
{
    struct spool *spool = calloc(1, sizeof(*spool));

    if (!spool)
        return NULL;
    spool->store = context;
    spool->file = -1;
    return spool;
}

static bool fits_memory(const struct spool *spool, size_t size)
{
    return spool->file < 0 && spool->size + size <= spool->store->options.memory;
}

static bool append_to_memory(struct spool *spool, const void *bytes, size_t size)
{
    size_t needed = (size_t)spool->size + size, capacity = spool->capacity ? spool->capacity : MEMORY_LEAST;

    while (capacity < needed)
        capacity *= 2;
    if (capacity > spool->capacity) {
        char *grown = realloc(spool->memory, capacity);
        if (!grown)
            return false;
        spool->memory = grown;
        spool->capacity = capacity;
    }
    memcpy(spool->memory + spool->size, bytes, size);
    return true;
}

static bool append_to_file(struct spool *spool, const void *bytes, size_t size)
{
    if ((spool->file >= 0 || go_to_file(spool)) && write_whole(spool->file, bytes, size, spool->size))
        return true;
    complain(spool->store, strerror(errno), "free some space there, or set spool_directory to another place");
    return false;
}

static bool store_append(struct spool *spool, const void *bytes, size_t size)
{
    struct spool_store *store = spool->store;

    if (size == 0)
        return true;
    if (size > *store->options.total || store->used > *store->options.total - size) {
        complain(store, "spool_total is reached",
                 "clients that need more are cut or refused; raise it if the disk is large enough");
        return false;
    }
    if (!(fits_memory(spool, size) ? append_to_memory(spool, bytes, size) : append_to_file(spool, bytes, size)))
        return false;
    spool->size += size;
    store->used += size;
    return true;
}

static size_t read_file(const struct spool *spool, uint64_t offset, char *bytes, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t more = pread(spool->file, bytes + got, size - got, (off_t)(offset + got));
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0) {
            complain(spool->store, more < 0 ? strerror(errno) : "a file is shorter than written",
                     "is the disk failing?");
            break;
        }
        got += (size_t)more;
    }
    return got;
}

static size_t store_read(struct spool *spool, uint64_t offset, void *bytes, size_t size)
{
    if (offset >= spool->size)
        return 0;
    if (size > spool->size - offset)
        size = (size_t)(spool->size - offset);
    if (spool->file >= 0)
        return read_file(spool, offset, bytes, size);
    memcpy(bytes, spool->memory + offset, size);
    return size;
}

static uint64_t store_size(const struct spool *spool)
{
    return spool->size;
}

static void store_close(struct spool *spool)
{
    if (!spool)
        return;
    spool->store->used -= spool->size;
    if (spool->file >= 0)
        close(spool->file);
    free(spool->memory);
    free(spool);
}

static const struct spool_ops store_ops = {
    .open = store_open,
    .append = store_append,
    .read = store_read,
    .size = store_size,
    .close = store_close,
};
