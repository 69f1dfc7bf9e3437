/* A client's commands: reader and grammar. What comes out does not depend on how the bytes arrive, and arguments that
 * are printed and read again are the same. */
#include "imap/command.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "imap/command_reader.h"

#define ARENA_LIMIT ((size_t)64 * 1024)

static const size_t line_limits[] = {8 * 1024, 20, 120, 1000};

struct options {
    size_t line_max;
    bool wipe;
    unsigned verdicts; /* two bits for each of four literals in turn */
};

struct reading {
    const struct options *options;
    struct command_reader *reader;
    unsigned literals;
};

static void *start(void *context)
{
    struct reading *reading = fuzz_memory(calloc(1, sizeof(*reading)));

    reading->options = context;
    reading->reader = fuzz_memory(command_reader_new(reading->options->line_max, reading->options->wipe));
    return reading;
}

/* --- grammar */

static void expect_printed_the_same(const struct value *values, bool sections)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new());
    struct arena arena;
    struct value *again;
    const char *error;
    struct line line = {.strict = true, .sections = sections};

    arena_init(&arena, SIZE_MAX / 2);
    if (value_print_all(values, out)) { /* no spooled literal among them */
        line.bytes = fuzz_content(out);
        fuzz_require(value_parse(line, 0, &arena, &again, &error) == VALUE_OK, "printed arguments can be read");
        fuzz_require(fuzz_same_values(values, again), "arguments are the same when printed and read again");
    }
    arena_clear(&arena);
    evbuffer_free(out);
}

static void note_command(struct line line, struct fuzz_record *record)
{
    struct arena arena;
    struct command command;

    arena_init(&arena, ARENA_LIMIT);
    command_parse(line, &arena, &command);
    fuzz_require(arena.used <= ARENA_LIMIT, "the arena keeps its limit");
    fuzz_note(record, "command %s%s: %s", command.uid ? "UID " : "", command_title(command.name),
              command.fault ? command.fault : "good");
    fuzz_note_bytes(record, command.tag);
    if (!command.fault) {
        fuzz_require(command.tag.length > 0 && command.name != COMMAND_UNKNOWN, "a good command has tag and name");
        fuzz_note_values(record, command.arguments);
        expect_printed_the_same(command.arguments, command.name == COMMAND_FETCH);
    }
    (void)command_uses_numbers(&command);
    arena_wipe(&arena);
}

/* --- reader */

static void judge_literal(struct reading *reading, const struct command_input *input, struct fuzz_record *record)
{
    struct command command;
    unsigned verdict = reading->options->verdicts >> (reading->literals++ % 4 * 2) & 3;

    command_parse_name(input->line.bytes, &command);
    fuzz_note(record, "literal %llu%s%s: %s %u", (unsigned long long)input->literal_size,
              input->synchronising ? " s" : "", input->literal8 ? " 8" : "", command_title(command.name), verdict);
    fuzz_note_bytes(record, input->line.bytes);
    if (verdict == 3)
        command_reader_refuse(reading->reader);
    else if (verdict == 2)
        command_reader_spool(reading->reader);
    else
        command_reader_accept(reading->reader);
}

static void note(struct reading *reading, const struct command_input *input, struct fuzz_record *record)
{
    switch (input->event) {
    case COMMAND_MORE:
        break;
    case COMMAND_LITERAL:
        judge_literal(reading, input, record);
        break;
    case COMMAND_DATA:
        fuzz_note_data(record, input->bytes);
        break;
    case COMMAND_READY:
        fuzz_note(record, "line");
        fuzz_note_bytes(record, input->line.bytes);
        note_command(input->line, record);
        break;
    case COMMAND_TOO_LONG:
    case COMMAND_NO_MEMORY:
        fuzz_note(record, "too long");
        fuzz_note_bytes(record, input->line.bytes);
        note_command(input->line, record);
        break;
    case COMMAND_SKIPPED:
        fuzz_note(record, "skipped");
        break;
    }
}

static void take(void *reader, struct evbuffer *in, struct fuzz_record *record)
{
    struct reading *reading = reader;
    struct command_input input;

    do {
        input = command_reader_next(reading->reader, in);
        note(reading, &input, record);
        fuzz_require(command_reader_used(reading->reader) <= reading->options->line_max, "the line keeps its limit");
    } while (input.event != COMMAND_MORE);
    command_reader_settle(reading->reader, in);
}

static void end(void *reader)
{
    struct reading *reading = reader;

    command_reader_free(reading->reader);
    free(reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    unsigned seed = fuzz_option(&input, 256);
    unsigned how = fuzz_option(&input, 256);
    struct options options = {.line_max = line_limits[how & 3], .wipe = how & 4, .verdicts = fuzz_option(&input, 256)};
    struct fuzz_feeder feeder = {.start = start, .take = take, .end = end, .context = &options, .owns = options.wipe};

    fuzz_feed(&feeder, input, seed);
    return 0;
}
