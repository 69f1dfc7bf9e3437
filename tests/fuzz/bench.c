/* See bench.h. */
#include "fuzz/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "mux/registry.h"

/* Rounds in which something happens without the clock moving. The input has a few thousand octets. */
#define ROUNDS_MAX 20000

/* IMAPMUX_FUZZ_LOG=1 in the environment shows what happens. */
static void write_log(void *context, enum log_level level, const char *line)
{
    (void)context;
    if (getenv("IMAPMUX_FUZZ_LOG"))
        fprintf(stderr, "%s: %s\n", log_level_name(level), line);
    fuzz_require(!strchr(line, '\n'), "a log line is one line");
}

static void make_small(struct settings *settings)
{
    settings->client_line_max = 2048;
    settings->client_line_max_before_login = 1024;
    settings->literal_max_before_login = 200;
    settings->upstream_answer_max = 4096;
    settings->upstream_command_max = 200;
    settings->append_max = 2048;
    settings->slice_messages = 2;
    settings->slice_size = 1000;
    settings->quantum = 1;
    settings->sessions_per_account = 2;
    settings->queued_commands = 3;
    settings->drain_max = 500;
    settings->max_garbage = 3;
    settings->max_bad = 4;
    settings->reverify_interval = 2 * USEC_SECOND;
    settings->verify_ttl = 60 * USEC_SECOND;
}

void bench_begin(struct bench *bench, bool small, bool fresh)
{
    struct registry_options options = {.seed = 1, .version = "0", .link_ops = &bench_link_ops};

    *bench = (struct bench){.now = 1000 * USEC_SECOND};
    settings_defaults(&bench->settings);
    if (small)
        make_small(&bench->settings);
    if (!fresh)
        bench->settings.freshness = 0;
    bench->log = (struct log){.level = LOG_DEBUG, .write = write_log};
    bench->spooler = (struct spooler){.ops = &fuzz_spool_ops};
    bench->upstreams[0] = (struct upstream_settings){.name = "one", .host = "127.0.0.1", .port = 143};
    bench->upstreams[1] = (struct upstream_settings){.name = "two",
                                                     .host = "imap.example",
                                                     .port = 143,
                                                     .tls = UPSTREAM_STARTTLS,
                                                     .compress = true,
                                                     .hide = "MOVE XLIST"};
    for (size_t i = 0; i < BENCH_CLIENTS; i++)
        bench->clients[i].bench = bench;
    bench->runqueue = fuzz_memory(runqueue_new());
    runqueue_set_now(bench->runqueue, bench->now);
    options.runqueue = bench->runqueue;
    options.log = &bench->log;
    options.settings = &bench->settings;
    options.spooler = &bench->spooler;
    options.link_context = bench;
    bench->registry = fuzz_memory(registry_new(&options));
}

void bench_settle(struct bench *bench)
{
    bool worked = true;

    for (unsigned round = 0; worked; round++) {
        fuzz_require(round < ROUNDS_MAX, "it does not go round for ever");
        runqueue_step(bench->runqueue, bench->now);
        worked = false;
        for (size_t i = 0; i < BENCH_LINES; i++)
            worked = line_work(&bench->lines[i]) || worked;
        for (size_t i = 0; i < BENCH_CLIENTS; i++)
            worked = client_work(&bench->clients[i]) || worked;
        worked = worked || runqueue_next(bench->runqueue) <= bench->now;
    }
}

/* Every deadline on the way has its turn. */
void bench_pass_time(struct bench *bench, usec time)
{
    usec until = bench->now + time;

    for (unsigned round = 0; bench->now < until; round++) {
        usec next = runqueue_next(bench->runqueue);
        fuzz_require(round < ROUNDS_MAX, "there is not always something due");
        bench->now = next < until ? next : until;
        bench_settle(bench);
    }
}

static void end_in_order(struct bench *bench)
{
    registry_shutdown(bench->registry, "Going down");
    bench_settle(bench);
    client_say(&bench->clients[0], SLICE("z1 LOGIN alice late\r\nz2 NOOP\r\n")); /* one more wants in */
    bench_settle(bench);
    for (size_t i = 0; i < BENCH_CLIENTS; i++)
        client_close(&bench->clients[i]);
    bench_settle(bench);
    /* a server may be silent in a slow command to the end of its time, and then not close its end */
    bench_pass_time(bench, bench->settings.slow_timeout + 2 * bench->settings.response_timeout);
    fuzz_require(registry_idle(bench->registry), "a shutdown comes to its end");
    fuzz_require(line_newest(bench) == NULL, "no line is left behind");
}

void bench_end(struct bench *bench, bool in_order)
{
    if (in_order)
        end_in_order(bench);
    for (size_t i = 0; i < BENCH_CLIENTS; i++)
        client_close(&bench->clients[i]);
    registry_free(bench->registry);
    for (size_t i = 0; i < BENCH_LINES; i++) {
        if (bench->lines[i].upstream)
            line_forget(&bench->lines[i]);
    }
    runqueue_free(bench->runqueue);
}
