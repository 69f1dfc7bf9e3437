/* Flag lists: each flag comes out once, as a bit or as a valid name; system flags are the same when printed and read.
 */
#include "imap/flags.h"

#include <event2/buffer.h>

#include "fuzz/fuzz.h"
#include "fuzz/grammar.h"

static void expect_each_once(const struct flag_list *flags)
{
    for (size_t i = 0; i < flags->keyword_count; i++) {
        fuzz_require(flags_system_bit(flags->keywords[i]) == 0, "a system flag is a bit");
        for (size_t j = 0; j < i; j++)
            fuzz_require(!slice_equal_nocase(flags->keywords[i], flags->keywords[j]), "a keyword comes out once");
    }
}

static void print_and_read(unsigned system, struct arena *arena)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new());
    struct flag_list again;
    struct value *values;

    fuzz_require(flags_print_system(system, out), "flags can be printed");
    values = grammar_read(fuzz_content(out), false, arena);
    fuzz_require(!values == !system, "flags are printed if there are any");
    if (values)
        fuzz_require(flags_parse(values, arena, &again) && again.system == system && again.keyword_count == 0,
                     "system flags are the same when printed and read again");
    evbuffer_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct flag_list flags;
    struct value *values;
    struct arena arena;

    arena_init(&arena, GRAMMAR_ARENA);
    values = grammar_read(input, false, &arena);
    if (values && flags_parse(values, &arena, &flags)) {
        expect_each_once(&flags);
        print_and_read(flags.system, &arena);
    }
    if (flags_valid_name(input)) {
        values = grammar_read(input, false, &arena);
        fuzz_require(values && !values->next && values->kind == VALUE_ATOM && slice_equal(values->text, input),
                     "a valid flag is one atom");
    }
    arena_clear(&arena);
    return 0;
}
