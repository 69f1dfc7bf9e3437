/* The lexer of both sides. Whatever it accepts is printed for a client, read again, and must be the same values; and
 * what is printed the second time is the same octets. */
#include "imap/value.h"

#include <event2/buffer.h>

#include "fuzz/fuzz.h"

#define ARENA_LIMIT ((size_t)64 * 1024)

static void use(const struct value *first)
{
    for (const struct value *value = first; value; value = value->next) {
        struct slice text;
        uint64_t number;
        bool nil;

        (void)value_astring(value, &text);
        (void)value_nstring(value, &text, &nil);
        fuzz_require(!value_number(value, UINT32_MAX, &number) || number <= UINT32_MAX, "a number keeps its bound");
        fuzz_require(!value_is_nil(value) || value->kind == VALUE_ATOM, "NIL is only ever the atom");
        use(value->first);
    }
}

static void print_and_read(const struct value *values, struct line line)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new()), *second = fuzz_memory(evbuffer_new());
    struct value *again;
    struct arena arena;
    const char *error;

    line.strict = true;
    arena_init(&arena, ARENA_LIMIT * 16);
    fuzz_require(value_print_all(values, out), "values can be printed");
    line.bytes = fuzz_content(out);
    fuzz_require(value_parse(line, 0, &arena, &again, &error) == VALUE_OK, "printed values can be read");
    fuzz_require(fuzz_same_values(values, again), "printed and read again values are the same");
    fuzz_require(value_print_all(again, second), "values can be printed again");
    fuzz_require(slice_equal(line.bytes, fuzz_content(second)), "values are printed the same twice");
    arena_clear(&arena);
    evbuffer_free(out);
    evbuffer_free(second);
}

/* Strings on their own, as mailbox names and texts are printed. */
static void print_strings(struct slice text)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new());
    struct line line = {.any_octet = true, .strict = true};
    struct value *value;
    struct arena arena;
    const char *error;

    arena_init(&arena, ARENA_LIMIT);
    fuzz_require(value_print_astring(text, out) && evbuffer_add(out, " ", 1) == 0 && value_print_string(text, out),
                 "strings can be printed");
    line.bytes = fuzz_content(out);
    fuzz_require(value_parse(line, 0, &arena, &value, &error) == VALUE_OK && value_count(value) == 2,
                 "a printed astring and a printed string are two values");
    fuzz_require(slice_equal(value->text, text) && slice_equal(value->next->text, text), "strings keep their octets");
    fuzz_require(!value_is_nil(value) && value_is_string(value->next), "strings keep their kind");
    arena_clear(&arena);
    evbuffer_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line line = {.bytes = {(const char *)data, size}};
    unsigned how = fuzz_option(&line.bytes, 256);
    size_t offset = how >> 4 < line.bytes.length ? how >> 4 : 0;
    struct value *values = NULL;
    const char *error = NULL;
    struct arena arena;
    enum value_result result;

    line.strict = how & 1;
    line.any_octet = how & 2;
    line.sections = how & 4;
    arena_init(&arena, ARENA_LIMIT);
    result = value_parse(line, offset, &arena, &values, &error);
    fuzz_require(arena.used <= ARENA_LIMIT, "the arena keeps its limit");
    fuzz_require(result != VALUE_BAD || error, "who wrote a bad line is told why");
    fuzz_require(result == VALUE_OK || !values, "no values of a bad line");
    use(values);
    print_and_read(values, line);
    print_strings(line.bytes);
    arena_clear(&arena);
    return 0;
}
