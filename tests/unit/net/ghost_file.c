/* The memory of lost sessions over the end of a process, whatever that was like, and whatever became of the file. */
#include "net/ghost_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mux/ghosts.h"
#include "net/ghost_table.h"
#include "unit/net/bench.h"

struct desk {
    struct bench bench;
    char directory[40], path[60];
    struct ghost_file *file; /* NULL: the process has ended */
};

static struct desk desk;
static int64_t now;

static int64_t clock_of_test(void)
{
    return now;
}

/* A process begins, with whatever is there. */
static void start(const char *directory)
{
    struct ghost_file_options options = {
        .runqueue = desk.bench.runqueue, .log = &desk.bench.log, .clock = clock_of_test, .salt = {1, 2, 3}};

    desk.bench.logged[0] = '\0';
    desk.file = ghost_file_new(&options);
    ghost_file_open(desk.file, directory);
}

static void begin(void)
{
    bench_open(&desk.bench);
    now = (int64_t)time(NULL);
    strcpy(desk.directory, "/tmp/imapmux-unit.XXXXXX");
    cr_assert(mkdtemp(desk.directory));
    snprintf(desk.path, sizeof(desk.path), "%s/ghosts", desk.directory);
    start(desk.directory);
}

static void finish(void)
{
    char command[100];

    ghost_file_free(desk.file);
    snprintf(command, sizeof(command), "rm -rf %s", desk.directory);
    cr_assert_eq(system(command), 0);
    bench_close(&desk.bench);
}

TestSuite(ghost_file, .init = begin, .fini = finish);

/* The process ends without a word: its file is as it was at that moment. */
static void killed(void)
{
    char command[200];

    snprintf(command, sizeof(command), "cp -p %s %s.kept", desk.path, desk.path);
    cr_assert_eq(system(command), 0);
    ghost_file_free(desk.file);
    snprintf(command, sizeof(command), "mv %s.kept %s", desk.path, desk.path);
    cr_assert_eq(system(command), 0);
}

static struct link_ends ends(uint16_t port)
{
    struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0xc0000207)};
    struct link_ends made = {.length = sizeof(end)};

    memcpy(made.local, &end, sizeof(end));
    end.sin_port = htons(993);
    memcpy(made.remote, &end, sizeof(end));
    return made;
}

static void tell(void (*op)(void *context, struct slice account, const struct link_ends *ends), const char *account,
                 uint16_t port)
{
    struct link_ends told = ends(port);

    op(ghost_file_keeper(desk.file)->context, slice_of(account), &told);
}

static void stands(const char *account, uint16_t port)
{
    tell(ghost_file_keeper(desk.file)->ops->stands, account, port);
}

static void lost(const char *account, uint16_t port)
{
    tell(ghost_file_keeper(desk.file)->ops->lost, account, port);
}

static void over(const char *account, uint16_t port)
{
    tell(ghost_file_keeper(desk.file)->ops->over, account, port);
}

/* The port that is found; 0: none. Fails if there are several. */
static uint16_t found(const char *account)
{
    const struct ghost_keeper *keeper = ghost_file_keeper(desk.file);
    struct link_ends list[GHOSTS_MAX];
    size_t count = keeper->ops->find(keeper->context, slice_of(account), list, GHOSTS_MAX);
    struct sockaddr_in local;

    cr_assert_leq(count, 1);
    if (count == 0)
        return 0;
    memcpy(&local, list[0].local, sizeof(local));
    struct link_ends expected = ends(ntohs(local.sin_port));
    cr_assert_eq(memcmp(&list[0], &expected, sizeof(expected)), 0);
    return ntohs(local.sin_port);
}

static long size_of_file(void)
{
    struct stat status;

    return stat(desk.path, &status) == 0 ? (long)status.st_size : -1;
}

static void expect_logged(const char *words)
{
    cr_assert(strstr(desk.bench.logged, words), "%s: %s", words, desk.bench.logged);
}

static void expect_silence(void)
{
    cr_assert_str_eq(desk.bench.logged, "");
}

Test(ghost_file, after_a_kill_the_sessions_that_stood_are_lost_ones)
{
    stands("one", 1);
    stands("two", 2);
    stands("three", 3);
    lost("two", 2);
    over("three", 3);
    cr_assert_eq(found("one"), 0, "it stands");
    cr_assert_eq(found("two"), 2);
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
    cr_assert_eq(found("two"), 2);
    cr_assert_eq(found("three"), 0);
    cr_assert_eq(found("ones"), 0);
    expect_logged("servers may still count 2 sessions of the former process");
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1, "nor does another kill lose it");
}

Test(ghost_file, holds_no_names_and_is_for_its_owner_only)
{
    char octets[1000] = "";
    struct stat status;

    umask(0);
    stands("a-name-that-can-be-found", 1);
    killed();
    start(desk.directory);
    cr_assert_eq(found("a-name-that-can-be-found"), 1);
    cr_assert(stat(desk.path, &status) == 0 && (status.st_mode & 07777) == 0600, "%o", status.st_mode);
    int descriptor = open(desk.path, O_RDONLY);
    ssize_t size = read(descriptor, octets, sizeof(octets));
    close(descriptor);
    cr_assert_eq(size, GHOST_HEADER_SIZE + GHOST_RECORD_SIZE);
    cr_assert_null(memmem(octets, (size_t)size, "name", 4));
}

Test(ghost_file, entries_are_of_use_for_half_an_hour_after_the_end_of_the_process)
{
    stands("one", 1);
    now += 86400; /* it stood for a day */
    desk.bench.ahead = 2 * USEC_MINUTE;
    bench_rounds(&desk.bench, 2); /* the file's time is set to the system's */
    now = (int64_t)time(NULL) + GHOST_LIFE - 10;
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
    killed();
    now += 20;
    start(desk.directory);
    cr_assert_eq(found("one"), 0);
    expect_silence();
}

Test(ghost_file, in_order_nothing_is_left)
{
    stands("one", 1);
    over("one", 1);
    ghost_file_free(desk.file);
    cr_assert_eq(size_of_file(), -1);
    start(desk.directory);
    expect_silence();
}

/* A write that a kill has cut short leaves the beginning of a record. */
Test(ghost_file, any_length_of_it_can_be_read)
{
    stands("one", 1);
    stands("two", 2);
    for (long cut = GHOST_HEADER_SIZE + 2 * GHOST_RECORD_SIZE; cut >= GHOST_HEADER_SIZE; cut--) {
        killed();
        cr_assert_eq(truncate(desk.path, cut), 0);
        start(desk.directory);
        cr_assert_null(strstr(desk.bench.logged, "ignored"), "%ld: %s", cut, desk.bench.logged);
        cr_assert_eq(found("one"), cut >= GHOST_HEADER_SIZE + GHOST_RECORD_SIZE ? 1 : 0);
        stands("one", 1);
        stands("two", 2);
    }
}

/* A process that works on the file until it is killed. */
static void work_on_it(void)
{
    start(desk.directory);
    stands("steady", 7);
    for (uint16_t i = 1;; i++) {
        stands("other", i);
        over("other", i);
    }
}

Test(ghost_file, killed_at_any_moment_it_leaves_a_good_file, .timeout = 60)
{
    ghost_file_free(desk.file);
    for (int i = 0; i < 25; i++) {
        pid_t child = fork();
        if (child == 0)
            work_on_it();
        usleep((useconds_t)(2000 + i * 1700));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        start(desk.directory);
        cr_assert_null(strstr(desk.bench.logged, "ignored"), "%s", desk.bench.logged);
        cr_assert(size_of_file() < 0 || found("steady") == 7 || !strstr(desk.bench.logged, "count"));
        ghost_file_free(desk.file);
    }
    start(desk.directory);
    cr_assert_eq(found("steady"), 7);
}

Test(ghost_file, it_does_not_grow_for_ever)
{
    stands("steady", 7);
    for (uint16_t i = 1; i < 20000; i++) {
        stands("one", i);
        over("one", i);
    }
    cr_assert_leq(size_of_file(), 200 * 1024);
    killed();
    start(desk.directory);
    cr_assert_eq(found("steady"), 7);
    cr_assert_eq(found("one"), 0);
    cr_assert_eq(size_of_file(), GHOST_HEADER_SIZE + GHOST_RECORD_SIZE, "written anew at the start");
}

static void write_file(const char *octets, size_t size)
{
    int descriptor = open(desk.path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    cr_assert_eq(write(descriptor, octets, size), (ssize_t)size);
    close(descriptor);
}

Test(ghost_file, a_foreign_file_is_put_aside)
{
    char aside[80], octets[100] = "";

    ghost_file_free(desk.file);
    write_file("my notes about ghosts\n", 22);
    start(desk.directory);
    expect_logged("the file ghosts was not written by imapmux, or is damaged; it is ignored and now called ghosts.bad");
    stands("one", 1);
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
    snprintf(aside, sizeof(aside), "%s.bad", desk.path);
    int descriptor = open(aside, O_RDONLY);
    cr_assert_eq(read(descriptor, octets, sizeof(octets)), 22);
    close(descriptor);
    cr_assert_str_eq(octets, "my notes about ghosts\n");
}

Test(ghost_file, noise_of_any_length_is_no_reason_to_stop)
{
    char noise[2000];

    ghost_file_free(desk.file);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 197 + 13);
    for (size_t size = 0; size < sizeof(noise); size += 39) {
        write_file(noise, size);
        start(desk.directory);
        expect_logged("it is ignored");
        cr_assert_eq(found("one"), 0);
        ghost_file_free(desk.file);
    }
    cr_assert_eq(mkdir(desk.path, 0700), 0);
    start(desk.directory);
    expect_logged("is no file");
}

Test(ghost_file, a_damaged_entry_costs_no_other)
{
    struct stat status;

    stands("one", 1);
    stands("two", 2);
    stands("three", 3);
    killed();
    int descriptor = open(desk.path, O_RDWR);
    cr_assert_eq(pwrite(descriptor, "?", 1, GHOST_HEADER_SIZE + GHOST_RECORD_SIZE + 20), 1);
    cr_assert_eq(fstat(descriptor, &status), 0);
    close(descriptor);
    start(desk.directory);
    expect_logged("1 damaged entries of the file ghosts are ignored");
    cr_assert(found("one") == 1 && found("two") == 0 && found("three") == 3);
}

Test(ghost_file, two_processes_do_not_share_a_directory)
{
    struct ghost_file *first = desk.file;

    start(desk.directory);
    expect_logged("another process uses it; give each one its own");
    stands("one", 1);
    lost("one", 1);
    cr_assert_eq(found("one"), 1, "in memory");
    ghost_file_free(first);
    ghost_file_open(desk.file, desk.directory); /* SIGHUP */
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
}

Test(ghost_file, a_directory_that_cannot_be_used_is_told_once)
{
    char other[80];

    ghost_file_free(desk.file);
    snprintf(other, sizeof(other), "%s/none", desk.directory);
    start(other);
    expect_logged("No such file or directory; after a restart servers may refuse sessions");
    desk.bench.logged[0] = '\0';
    stands("one", 1);
    desk.bench.ahead = 2 * USEC_MINUTE;
    bench_rounds(&desk.bench, 2);
    expect_silence();
    cr_assert_eq(mkdir(other, 0700), 0);
    desk.bench.ahead = 4 * USEC_MINUTE;
    bench_rounds(&desk.bench, 2); /* it is tried again by itself */
    snprintf(desk.path, sizeof(desk.path), "%s/none/ghosts", desk.directory);
    killed();
    start(other);
    cr_assert_eq(found("one"), 1);
    snprintf(desk.path, sizeof(desk.path), "%s/ghosts", desk.directory);
}

Test(ghost_file, a_file_that_was_taken_away_is_written_again)
{
    stands("one", 1);
    cr_assert_eq(unlink(desk.path), 0);
    desk.bench.ahead = 2 * USEC_MINUTE;
    bench_rounds(&desk.bench, 2);
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
}

Test(ghost_file, moves_to_another_directory)
{
    char other[80];

    stands("one", 1);
    snprintf(other, sizeof(other), "%s/other", desk.directory);
    cr_assert_eq(mkdir(other, 0700), 0);
    ghost_file_open(desk.file, other);
    cr_assert_eq(size_of_file(), -1);
    ghost_file_open(desk.file, NULL);
    ghost_file_open(desk.file, desk.directory);
    expect_silence();
    killed();
    start(desk.directory);
    cr_assert_eq(found("one"), 1);
}

/* A record of which only a part could be written is followed by none. */
Test(ghost_file, a_full_disk_is_told_and_made_up_for)
{
    struct rlimit limit, less;

    stands("one", 1);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    less = limit;
    less.rlim_cur = GHOST_HEADER_SIZE + GHOST_RECORD_SIZE + 30;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &less), 0);
    stands("two", 2);
    expect_logged("after a restart servers may refuse sessions");
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    stands("three", 3);
    cr_assert_eq(size_of_file(), GHOST_HEADER_SIZE + GHOST_RECORD_SIZE + 30);
    desk.bench.ahead = 2 * USEC_MINUTE;
    bench_rounds(&desk.bench, 2);
    killed();
    start(desk.directory);
    cr_assert(found("one") == 1 && found("two") == 2 && found("three") == 3);
}
