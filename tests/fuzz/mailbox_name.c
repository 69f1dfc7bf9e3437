/* Mailbox names: a valid one keeps its octets on the way to a client and to a server. */
#include "imap/mailbox_name.h"

#include <event2/buffer.h>

#include "fuzz/fuzz.h"
#include "fuzz/grammar.h"

static void expect_kept(struct slice name, struct slice text, struct arena *arena)
{
    struct value *value = grammar_read(text, false, arena);
    struct slice again = {0};

    fuzz_require(value && !value->next && value_astring(value, &again), "a name that was written can be read");
    fuzz_require(slice_equal(name, again), "a name keeps its octets");
    fuzz_require(!value_is_nil(value), "no name is NIL");
}

static void write_and_read(struct slice name, struct arena *arena)
{
    struct outgoing *up = fuzz_memory(outgoing_new());
    struct evbuffer *down = fuzz_memory(evbuffer_new());

    outgoing_astring(up, name);
    fuzz_require(!outgoing_failed(up) && value_print_astring(name, down), "a name can be printed");
    expect_kept(name, grammar_written(up, arena), arena);
    expect_kept(name, fuzz_content(down), arena);
    outgoing_free(up);
    evbuffer_free(down);
}

static void expect_order(struct slice name, struct slice parent, char separator)
{
    bool below = mailbox_name_is_inferior(name, parent, separator);

    fuzz_require(!below || name.length > parent.length, "an inferior has a longer name");
    fuzz_require(!below || !mailbox_name_is_inferior(parent, name, separator), "nothing is below its inferior");
    fuzz_require(!mailbox_name_is_inferior(name, name, separator), "nothing is below itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice name = {(const char *)data, size}, parent;
    char separator = (char)fuzz_option(&name, 256);
    size_t cut = fuzz_option(&name, 256);
    const char *error = NULL;
    struct slice canonical = mailbox_name_canonical(name);
    struct arena arena;

    arena_init(&arena, GRAMMAR_ARENA);
    parent = (struct slice){name.data, cut < name.length ? cut : name.length};
    fuzz_require(slice_equal(canonical, mailbox_name_canonical(canonical)), "a canonical name stays as it is");
    fuzz_require(slice_equal_nocase(canonical, name), "a canonical name is the same name");
    if (mailbox_name_valid(name, &error)) {
        fuzz_require(name.length > 0 && name.length <= MAILBOX_NAME_MAX, "a valid name is not too long");
        write_and_read(name, &arena);
    } else {
        fuzz_require(error != NULL, "who named it is told why not");
    }
    expect_order(name, parent, separator);
    arena_clear(&arena);
    return 0;
}
