#include "bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct bench *bench = context;

    (void)settings;
    (void)upstream;
    bench->dials++;
    return bench;
}

static void wake(void *link)
{
    (void)link;
}

static void close_link(void *link, bool flush)
{
    (void)flush;
    ((struct bench *)link)->closing = true;
}

static void compress(void *link)
{
    ((struct bench *)link)->compressions++;
}

static const struct upstream_link_ops link_ops = {
    .dial = dial, .compress = compress, .wake = wake, .close = close_link};

static void write_log(void *context, enum log_level level, const char *line)
{
    struct bench *bench = context;

    (void)level;
    snprintf(bench->last_log, sizeof(bench->last_log), "%s", line);
}

void bench_init(struct bench *bench)
{
    *bench = (struct bench){.in = evbuffer_new()};
    settings_defaults(&bench->settings);
    bench->log = (struct log){.level = LOG_INFO, .write = write_log, .context = bench};
    bench->upstream_settings = (struct upstream_settings){.name = "server", .host = "127.0.0.1", .port = 143};
    bench->ground = (struct ground){.runqueue = runqueue_new(),
                                    .log = &bench->log,
                                    .settings = &bench->settings,
                                    .link_ops = &link_ops,
                                    .link_context = bench,
                                    .version = "0"};
    runqueue_step(bench->ground.runqueue, USEC_HOUR);
}

void bench_log_in(struct bench *bench, const struct upstream_owner *owner, const char *capabilities)
{
    struct credential credential;
    struct upstream_login login = {.authentication_id = SLICE("user"), .credential = &credential};
    char line[500];

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, SLICE("sesame")));
    bench->upstream = upstream_new(&bench->ground, &bench->upstream_settings, "user@server", owner);
    upstream_dial(bench->upstream, &login);
    credential_clear(&credential);
    upstream_connected(bench->upstream);
    snprintf(line, sizeof(line), "* OK [CAPABILITY IMAP4rev1 %s] hello", capabilities);
    bench_say(bench, line);
    for (int i = 0; i < 5 && !upstream_logged_in(bench->upstream); i++) {
        const char *command = bench_written(bench);
        if (strncmp(command, "LOGIN", 5) == 0)
            snprintf(line, sizeof(line), "%%T OK [CAPABILITY IMAP4rev1 %s] in", capabilities);
        else if (strncmp(command, "ENABLE", 6) == 0)
            snprintf(line, sizeof(line), "* ENABLED %s\r\n%%T OK enabled", strstr(command, " ") + 1);
        else
            snprintf(line, sizeof(line), "%%T OK done");
        bench_say(bench, line);
        if (bench->compressions > 0)
            upstream_compressed(bench->upstream);
    }
    cr_assert(upstream_logged_in(bench->upstream));
}

void bench_clear(struct bench *bench)
{
    upstream_free(bench->upstream);
    runqueue_free(bench->ground.runqueue);
    evbuffer_free(bench->in);
}

const char *bench_written(struct bench *bench)
{
    struct evbuffer *out = upstream_output(bench->upstream);
    size_t used = 0;
    char *line;

    bench->written[0] = '\0';
    while ((line = evbuffer_readln(out, NULL, EVBUFFER_EOL_CRLF))) {
        const char *words = strchr(line, ' ');
        if (words)
            snprintf(bench->tag, sizeof(bench->tag), "%.*s", (int)(words - line), line);
        used += (size_t)snprintf(bench->written + used, sizeof(bench->written) - used, "%s%s", used ? "\n" : "",
                                 words ? words + 1 : line);
        free(line);
    }
    return bench->written;
}

void bench_say(struct bench *bench, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (at[0] == '%' && at[1] == 'T') {
            evbuffer_add(bench->in, bench->tag, strlen(bench->tag));
            at++;
        } else {
            evbuffer_add(bench->in, at, 1);
        }
    }
    evbuffer_add(bench->in, "\r\n", 2);
    upstream_receive(bench->upstream, bench->in);
    runqueue_step(bench->ground.runqueue, runqueue_now(bench->ground.runqueue));
}

void bench_closed(struct bench *bench)
{
    bench->closing = false;
    upstream_closed(bench->upstream, "closed here");
    runqueue_step(bench->ground.runqueue, runqueue_now(bench->ground.runqueue));
}
