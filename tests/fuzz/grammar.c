/* See grammar.h. */
#include "fuzz/grammar.h"

#include <event2/buffer.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "imap/command_reader.h"

struct value *grammar_read(struct slice text, bool sections, struct arena *arena)
{
    struct line line = {.bytes = text, .strict = true, .sections = sections};
    struct value *values = NULL;
    const char *error;

    if (value_parse(line, 0, arena, &values, &error) != VALUE_OK)
        return NULL;
    return values;
}

struct slice grammar_written(struct outgoing *outgoing, struct arena *arena)
{
    struct command_reader *reader = fuzz_memory(command_reader_new(GRAMMAR_ARENA, false));
    struct evbuffer *out = fuzz_memory(evbuffer_new());
    struct command_input input;
    enum outgoing_state state;
    struct slice text;

    while ((state = outgoing_send(outgoing, out)) == OUTGOING_WAITS)
        outgoing_continue(outgoing);
    fuzz_require(state == OUTGOING_DONE, "a command without a spool is sent to its end");
    do {
        input = command_reader_next(reader, out);
        if (input.event == COMMAND_LITERAL)
            command_reader_accept(reader);
    } while (input.event == COMMAND_LITERAL);
    fuzz_require(input.event == COMMAND_READY && evbuffer_get_length(out) <= 2 + input.line.bytes.length,
                 "a command is one line");
    text = arena_copy(arena, input.line.bytes);
    fuzz_require(text.data != NULL, "the arena is large enough");
    command_reader_settle(reader, out);
    fuzz_require(evbuffer_get_length(out) == 0, "nothing stands behind a command");
    command_reader_free(reader);
    evbuffer_free(out);
    return text;
}
