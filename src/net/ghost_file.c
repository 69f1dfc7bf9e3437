/* A journal: each event is appended, and now and then the file is written anew under another name and renamed. Its time
 * of modification is set each minute, so that its reader knows how long the process lived. It must never be appended to
 * after a record that was not written whole: the next ones would stand askew. */
#include "net/ghost_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "net/ghost_table.h"

#define BEAT         (60 * USEC_SECOND)
#define NEW_NAME     GHOST_FILE_NAME ".new"
#define SIZE_MOST    ((off_t)64 * 1024 * 1024) /* of a file that is read */
#define RECORDS_LESS ((size_t)1024)            /* so many may be of no use any more before it is written anew */

struct ghost_file {
    struct task beat;
    struct ghost_file_options options;
    struct ghost_keeper keeper;
    struct ghost_table table;
    char *path;     /* of the directory; NULL: in memory only */
    int directory;  /* -1: none, or it cannot be used */
    int descriptor; /* of the file, to append; -1: it must be written anew */
    size_t records; /* in the file */
    bool complained;
};

static void complain(struct ghost_file *file, const char *what)
{
    if (!file->complained)
        log_line(file->options.log, LOG_ERROR,
                 "state_directory = %s: %s; after a restart servers may refuse sessions for as long as they count the "
                 "former ones",
                 file->path, what);
    file->complained = true;
}

/* ---- writing ---- */

static bool write_whole(int descriptor, const void *octets, size_t size)
{
    ssize_t written;

    do
        written = write(descriptor, octets, size);
    while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written < size)
        errno = ENOSPC;
    return written >= 0 && (size_t)written == size;
}

static void close_file(struct ghost_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

/* What goes into one new file. */
struct batch {
    int descriptor;
    size_t used, records;
    uint8_t octets[GHOST_RECORD_SIZE * 512];
};

static bool flush(struct batch *batch)
{
    bool written = batch->used == 0 || write_whole(batch->descriptor, batch->octets, batch->used);

    batch->used = 0;
    return written;
}

static bool put_record(void *context, const struct ghost_record *record)
{
    struct batch *batch = context;

    if (batch->used == sizeof(batch->octets) && !flush(batch))
        return false;
    if (!ghost_record_write(record, batch->octets + batch->used))
        return true;
    batch->used += GHOST_RECORD_SIZE;
    batch->records++;
    return true;
}

static bool put_all(const struct ghost_file *file, struct batch *batch)
{
    uint8_t header[GHOST_HEADER_SIZE];

    ghost_header_write(file->options.salt, header);
    return write_whole(batch->descriptor, header, sizeof(header)) &&
           ghost_table_each(&file->table, put_record, batch) && flush(batch) &&
           renameat(file->directory, NEW_NAME, file->directory, GHOST_FILE_NAME) == 0;
}

static void write_anew(struct ghost_file *file)
{
    struct batch *batch = malloc(sizeof(*batch));

    close_file(file);
    if (!batch)
        return; /* at the next beat */
    *batch = (struct batch){.used = 0};
    (void)unlinkat(file->directory, NEW_NAME, 0);
    batch->descriptor = openat(file->directory, NEW_NAME,
                               O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (batch->descriptor >= 0 && put_all(file, batch)) {
        file->descriptor = batch->descriptor;
        file->records = batch->records;
        file->complained = false;
    } else {
        complain(file, strerror(errno));
        if (batch->descriptor >= 0)
            close(batch->descriptor);
        (void)unlinkat(file->directory, NEW_NAME, 0);
    }
    free(batch);
}

static void append(struct ghost_file *file, const struct ghost_record *record)
{
    uint8_t octets[GHOST_RECORD_SIZE];

    if (file->descriptor < 0 || !ghost_record_write(record, octets))
        return;
    if (!write_whole(file->descriptor, octets, sizeof(octets))) {
        complain(file, strerror(errno));
        close_file(file);
        return;
    }
    file->records++;
    if (file->records > 2 * file->table.count + RECORDS_LESS)
        write_anew(file);
}

/* ---- reading ---- */

static void set_aside(struct ghost_file *file, const char *why)
{
    bool moved = renameat(file->directory, GHOST_FILE_NAME, file->directory, GHOST_FILE_BAD) == 0;

    log_line(file->options.log, LOG_WARNING, "state_directory = %s: the file %s %s; it is ignored%s", file->path,
             GHOST_FILE_NAME, why, moved ? " and now called " GHOST_FILE_BAD : "");
}

static void take_records(struct ghost_file *file, const uint8_t *octets, size_t size)
{
    size_t damaged = 0;
    struct ghost_record record;

    for (; size >= GHOST_RECORD_SIZE; octets += GHOST_RECORD_SIZE, size -= GHOST_RECORD_SIZE) {
        if (!ghost_record_read(&record, octets) || !ghost_table_note(&file->table, &record))
            damaged++;
    }
    if (damaged > 0)
        log_line(file->options.log, LOG_WARNING, "state_directory = %s: %zu damaged entries of the file %s are ignored",
                 file->path, damaged, GHOST_FILE_NAME);
}

static bool read_whole(int descriptor, uint8_t *octets, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t more = read(descriptor, octets + got, size - got);
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

/* NULL: the file's entries have been taken in, if it has any. */
static const char *take_octets(struct ghost_file *file, int descriptor, const struct stat *status)
{
    size_t size = (size_t)status->st_size;
    uint8_t *octets = malloc(size);
    const char *fault = NULL;

    if (!octets)
        return "needs more memory than there is";
    if (!read_whole(descriptor, octets, size))
        fault = "cannot be read";
    else if (!ghost_header_read(octets, file->options.salt))
        fault = "was not written by imapmux, or is damaged";
    else
        take_records(file, octets + GHOST_HEADER_SIZE, size - GHOST_HEADER_SIZE);
    free(octets);
    return fault;
}

static const char *take_file(struct ghost_file *file, int descriptor)
{
    struct stat status;
    const char *fault;

    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return "is no file";
    if (status.st_size < GHOST_HEADER_SIZE || status.st_size > SIZE_MOST)
        return "was not written by imapmux, or is damaged";
    fault = take_octets(file, descriptor, &status);
    ghost_table_lose_all(&file->table, (int64_t)status.st_mtime);
    ghost_table_expire(&file->table, file->options.clock());
    return fault;
}

static void read_former(struct ghost_file *file)
{
    int descriptor = openat(file->directory, GHOST_FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const char *fault;

    if (descriptor < 0 && errno == ENOENT)
        return;
    fault = descriptor < 0 ? strerror(errno) : take_file(file, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    if (fault)
        set_aside(file, fault);
    if (file->table.count > 0)
        log_line(file->options.log, LOG_INFO,
                 "state_directory = %s: servers may still count %zu sessions of the former process", file->path,
                 file->table.count);
}

/* ---- the directory ---- */

static bool lock_directory(struct ghost_file *file)
{
    if (flock(file->directory, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true; /* not every file system has locks */
    complain(file, "another process uses it; give each one its own");
    return false;
}

static void close_directory(struct ghost_file *file)
{
    close_file(file);
    if (file->directory >= 0)
        close(file->directory);
    file->directory = -1;
}

static void use_directory(struct ghost_file *file)
{
    file->directory = open(file->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->directory < 0) {
        complain(file, strerror(errno));
        return;
    }
    if (!lock_directory(file)) {
        close_directory(file);
        return;
    }
    if (file->table.count == 0)
        read_former(file);
    write_anew(file);
}

/* A file that was taken away is written again, too. */
static bool is_there(const struct ghost_file *file)
{
    struct stat status;

    return file->descriptor >= 0 && fstat(file->descriptor, &status) == 0 && status.st_nlink > 0;
}

static void try_again(struct ghost_file *file)
{
    if (file->path && file->directory < 0)
        use_directory(file);
    else if (file->path && !is_there(file))
        write_anew(file);
}

void ghost_file_open(struct ghost_file *file, const char *directory)
{
    bool same = file->path && directory && strcmp(file->path, directory) == 0;

    file->complained = false;
    if (!same) {
        if (file->directory >= 0)
            (void)unlinkat(file->directory, GHOST_FILE_NAME, 0);
        close_directory(file);
        free(file->path);
        file->path = directory ? strdup(directory) : NULL;
    }
    try_again(file);
}

static void beat(struct task *task, usec now)
{
    struct ghost_file *file = (struct ghost_file *)task;

    ghost_table_expire(&file->table, file->options.clock());
    try_again(file);
    if (file->descriptor >= 0)
        (void)futimens(file->descriptor, NULL);
    task_set_deadline(task, now + BEAT);
}

/* ---- the keeper's ops ---- */

/* False: no digest could be made. */
static bool digest(const struct ghost_file *file, struct slice account, uint8_t octets[GHOST_ACCOUNT_SIZE])
{
    const struct slice salt = {(const char *)file->options.salt, GHOST_SALT_SIZE};
    uint8_t whole[SECRET_DIGEST_SIZE];

    if (!secret_digest(salt, account, whole))
        return false;
    memcpy(octets, whole, GHOST_ACCOUNT_SIZE);
    return true;
}

static void note(struct ghost_file *file, enum ghost_event event, struct slice account, const struct link_ends *ends)
{
    struct ghost_record record = {.event = event, .at = file->options.clock(), .ends = *ends};

    if (digest(file, account, record.account) && ghost_table_note(&file->table, &record))
        append(file, &record);
}

static void on_stands(void *context, struct slice account, const struct link_ends *ends)
{
    note(context, GHOST_STANDS, account, ends);
}

static void on_lost(void *context, struct slice account, const struct link_ends *ends)
{
    note(context, GHOST_LOST, account, ends);
}

static void on_over(void *context, struct slice account, const struct link_ends *ends)
{
    note(context, GHOST_OVER, account, ends);
}

static size_t on_find(void *context, struct slice account, struct link_ends *ends, size_t most)
{
    const struct ghost_file *file = context;
    uint8_t octets[GHOST_ACCOUNT_SIZE];

    return digest(file, account, octets) ? ghost_table_find(&file->table, octets, file->options.clock(), ends, most)
                                         : 0;
}

static const struct ghost_keeper_ops keeper_ops = {
    .stands = on_stands, .lost = on_lost, .over = on_over, .find = on_find};

const struct ghost_keeper *ghost_file_keeper(const struct ghost_file *file)
{
    return &file->keeper;
}

/* ---- life ---- */

struct ghost_file *ghost_file_new(const struct ghost_file_options *options)
{
    struct ghost_file *file = calloc(1, sizeof(*file));

    if (!file)
        return NULL;
    file->options = *options;
    file->keeper = (struct ghost_keeper){.ops = &keeper_ops, .context = file};
    file->directory = file->descriptor = -1;
    task_init(&file->beat, options->runqueue, beat);
    task_set_deadline(&file->beat, runqueue_now(options->runqueue) + BEAT);
    return file;
}

void ghost_file_free(struct ghost_file *file)
{
    if (!file)
        return;
    if (file->directory >= 0 && file->table.count == 0)
        (void)unlinkat(file->directory, GHOST_FILE_NAME, 0);
    close_directory(file);
    task_clear(&file->beat);
    ghost_table_clear(&file->table);
    free(file->path);
    free(file);
}
