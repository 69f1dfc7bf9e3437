/* The lines to the servers. The fuzzer is the server; what it is sent is read by our own reader of commands, so that a
 * malformed one, one by number, or a second line of an account ends the run. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/bench.h"
#include "fuzz/fuzz.h"
#include "imap/command.h"
#include "imap/command_reader.h"
#include "mux/link.h"
#include "mux/registry.h"
#include "mux/upstream.h"

#define COMMAND_MAX ((size_t)1024 * 1024)
#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)

/* --- what the link ops are asked */

static size_t lines_of(const struct bench *bench, const struct upstream *upstream)
{
    size_t count = 0;

    for (size_t i = 0; i < BENCH_LINES; i++)
        count += upstream ? bench->lines[i].upstream == upstream : bench->lines[i].upstream != NULL;
    return count;
}

static void *dial(void *context, struct upstream *upstream, const struct upstream_settings *settings)
{
    struct bench *bench = context;
    struct dialled *line = bench->lines;
    enum dial_outcome outcome = bench->next_dial;

    bench->next_dial = DIAL_CONNECTS;
    fuzz_require(lines_of(bench, upstream) == 0, "an account dials only when it has no line");
    fuzz_require(lines_of(bench, NULL) < registry_accounts(bench->registry), "no line without its account");
    if (outcome == DIAL_IMPOSSIBLE)
        return NULL;
    while (line->upstream) {
        line++;
        fuzz_require(line < bench->lines + BENCH_LINES, "there are no more lines than accounts");
    }
    *line = (struct dialled){.bench = bench, .upstream = upstream, .settings = settings};
    line->number = ++bench->dialled;
    line->stuck = outcome == DIAL_STUCK;
    line->in = fuzz_memory(evbuffer_new());
    line->out = fuzz_memory(evbuffer_new());
    line->reader = fuzz_memory(command_reader_new(COMMAND_MAX, false));
    return line;
}

static void start_tls(void *link)
{
    struct dialled *line = link;

    fuzz_require(line->settings->tls == UPSTREAM_STARTTLS && !line->secured, "TLS is begun once, where it is wanted");
    evbuffer_drain(line->in, evbuffer_get_length(line->in));
    line->start_tls = true;
}

/* The octets of the fuzz stay as they are: only the order of the steps is tried. */
static void compress(void *link)
{
    struct dialled *line = link;

    fuzz_require(line->settings->compress && !line->compress, "compression is begun once, where it is wanted");
    line->compress = true;
}

static void wake(void *link)
{
    struct dialled *line = link;

    fuzz_require(line->upstream != NULL, "a line is not woken when it is gone");
}

static void close_line(void *link, bool flush)
{
    struct dialled *line = link;

    (void)flush;
    fuzz_require(line->upstream && !line->close, "a line is closed once");
    line->close = true;
}

static void pause_line(void *link, bool paused)
{
    (void)link;
    (void)paused;
}

const struct upstream_link_ops bench_link_ops = {
    .dial = dial, .start_tls = start_tls, .compress = compress, .wake = wake, .close = close_line, .pause = pause_line};

void line_forget(struct dialled *line)
{
    command_reader_free(line->reader);
    evbuffer_free(line->in);
    evbuffer_free(line->out);
    line->upstream = NULL;
}

void line_close(struct dialled *line, const char *reason)
{
    struct upstream *upstream = line->upstream;

    line_forget(line);
    upstream_closed(upstream, reason);
}

/* --- what the server is sent */

static void note_tag(struct dialled *line, struct slice tag)
{
    snprintf(line->last_tag, sizeof(line->last_tag), "%.*s", (int)tag.length, tag.data);
    if (line->tag_count < BENCH_TAGS)
        memcpy(line->tags[line->tag_count++], line->last_tag, sizeof(line->last_tag));
}

static void show(const char *what, struct slice text)
{
    fprintf(stderr, "fuzz: the server was sent: %.*s (%s)\n", (int)text.length, text.data, what);
}

static void judge(struct dialled *line, struct line text)
{
    struct command command;
    struct arena arena;

    if (slice_equal(text.bytes, SLICE("DONE")))
        return;
    if (line->authenticating && !memchr(text.bytes.data, ' ', text.bytes.length))
        return;
    arena_init(&arena, ARENA_LIMIT);
    command_parse(text, &arena, &command);
    if (command.fault)
        show(command.fault, text.bytes);
    fuzz_require(!command.fault, "a server is sent well-formed commands");
    if (command_uses_numbers(&command))
        show("by number", text.bytes);
    fuzz_require(!command_uses_numbers(&command), "a server is sent UIDs, no client's numbers");
    line->authenticating = command.name == COMMAND_AUTHENTICATE;
    if (command.name == COMMAND_AUTHENTICATE || command.name == COMMAND_LOGIN)
        fuzz_require(line->settings->tls == UPSTREAM_PLAIN || line->secured, "no password over a line to be secured");
    note_tag(line, command.tag);
    arena_clear(&arena);
}

#define TAG_SECRET 8 /* octets of a tag before its "." and number */

/* A command whose literal the server has refused ends before it: what follows is the next one. */
static void skip_refused_literal(struct dialled *line)
{
    char number[24 + 3];
    struct slice text;
    int length = snprintf(number, sizeof(number), ".%llu ", (unsigned long long)upstream_commands(line->upstream));

    if (!line->literal_awaited || evbuffer_get_length(line->out) == 0)
        return;
    text = fuzz_content(line->out);
    line->literal_awaited = false;
    if (upstream_commands(line->upstream) == line->literal_of) /* its own octets, whatever they look like */
        return;
    if (text.length < TAG_SECRET + (size_t)length || memcmp(text.data + TAG_SECRET, number, (size_t)length) != 0)
        return;
    command_reader_free(line->reader);
    line->reader = fuzz_memory(command_reader_new(COMMAND_MAX, false));
}

/* A message is the client's own, with whatever octets: the server may judge it. */
static void take_literal(struct dialled *line, struct slice before)
{
    struct command command;

    command_parse_name(before, &command);
    if (command.name == COMMAND_APPEND)
        command_reader_spool(line->reader);
    else
        command_reader_accept(line->reader);
}

static void read_commands(struct dialled *line)
{
    skip_refused_literal(line);
    for (;;) {
        struct command_input input = command_reader_next(line->reader, line->out);
        switch (input.event) {
        case COMMAND_MORE:
            command_reader_settle(line->reader, line->out);
            return;
        case COMMAND_LITERAL:
            line->literal_awaited = true;
            line->literal_of = upstream_commands(line->upstream);
            take_literal(line, input.line.bytes);
            skip_refused_literal(line);
            break;
        case COMMAND_READY:
            line->literal_awaited = false;
            judge(line, input.line);
            break;
        case COMMAND_DATA:
            line->literal_awaited = false;
            break;
        case COMMAND_SKIPPED:
        case COMMAND_TOO_LONG:
        case COMMAND_NO_MEMORY:
            fuzz_require(false, "commands are not longer than they may be");
        }
    }
}

static bool take_output(struct dialled *line)
{
    struct evbuffer *output = upstream_output(line->upstream);

    if (!line->connected || evbuffer_get_length(output) == 0)
        return false;
    evbuffer_add_buffer(line->out, output);
    read_commands(line);
    upstream_writable(line->upstream);
    return true;
}

/* --- what the server says */

#define TAG_MARK '\xfe'

static void say_tag(struct dialled *line, bool answers)
{
    const char *tag = line->tag_count > 0 ? line->tags[0] : line->last_tag;

    evbuffer_add(line->in, tag, strlen(tag));
    if (answers && line->tag_count > 0)
        memmove(line->tags[0], line->tags[1], sizeof(line->tags[0]) * --line->tag_count);
}

void line_say(struct dialled *line, struct slice bytes)
{
    bool at_beginning = true;

    for (size_t i = 0; i < bytes.length; i++) {
        char c = bytes.data[i];
        if ((c == '@' && at_beginning) || c == TAG_MARK)
            say_tag(line, c == '@');
        else
            evbuffer_add(line->in, &c, 1);
        at_beginning = c == '\n';
    }
}

static bool give_input(struct dialled *line)
{
    size_t before = evbuffer_get_length(line->in);

    if (before == 0 || line->start_tls || line->close)
        return false;
    upstream_receive(line->upstream, line->in);
    return evbuffer_get_length(line->in) != before;
}

bool line_work(struct dialled *line)
{
    if (!line->upstream)
        return false;
    if (line->close) {
        line_close(line, "closed here");
        return true;
    }
    if (line->stuck)
        return false;
    if (!line->connected) {
        line->connected = true;
        upstream_connected(line->upstream);
        return true;
    }
    if (line->start_tls) {
        line->start_tls = false;
        line->secured = true;
        upstream_secured(line->upstream);
        return true;
    }
    if (line->compress) {
        line->compress = false;
        upstream_compressed(line->upstream);
        return true;
    }
    return take_output(line) || give_input(line);
}

/* --- which */

struct dialled *line_newest(struct bench *bench)
{
    struct dialled *found = NULL;

    for (size_t i = 0; i < BENCH_LINES; i++) {
        if (bench->lines[i].upstream && (!found || bench->lines[i].number > found->number))
            found = &bench->lines[i];
    }
    return found;
}

struct dialled *line_oldest(struct bench *bench)
{
    struct dialled *found = NULL;

    for (size_t i = 0; i < BENCH_LINES; i++) {
        if (bench->lines[i].upstream && (!found || bench->lines[i].number < found->number))
            found = &bench->lines[i];
    }
    return found;
}
