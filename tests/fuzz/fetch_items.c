/* FETCH items: what is written upstream can be read and means the same; the label of an item answers that item. */
#include "imap/fetch_value.h"

#include <event2/buffer.h>

#include "fuzz/fuzz.h"
#include "fuzz/grammar.h"

static struct slice write_upstream(const struct fetch_item *items, bool peek, struct arena *arena)
{
    struct outgoing *out = fuzz_memory(outgoing_new());
    struct slice text;

    outgoing_text(out, "(");
    for (const struct fetch_item *item = items; item; item = item->next) {
        if (item != items)
            outgoing_text(out, " ");
        fetch_item_print_upstream(item, peek, out);
    }
    outgoing_text(out, ")");
    fuzz_require(!outgoing_failed(out), "items can be printed");
    text = grammar_written(out, arena);
    outgoing_free(out);
    return text;
}

static bool is_answered_by(const struct fetch_item *item, struct slice name)
{
    struct fetch_label label;
    bool is;

    fuzz_require(fetch_label_read(&label, name), "there is memory");
    is = fetch_item_answered_by(item, &label);
    fetch_label_clear(&label);
    return is;
}

static void expect_answered(const struct fetch_item *item)
{
    struct evbuffer *label = fuzz_memory(evbuffer_new());

    fuzz_require(fetch_item_print_label(item, label), "a label can be printed");
    fuzz_require(is_answered_by(item, fuzz_content(label)), "an item is answered by its own label");
    if (item->kind == FETCH_SECTION)
        fuzz_require(is_answered_by(item, fuzz_content(label)), "a section too, when it was peeked at");
    evbuffer_free(label);
}

static void try_value(const struct fetch_item *item, const struct value *value)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new());

    if (value->kind != VALUE_SPOOLED && fetch_value_fits(item, value))
        fuzz_require(fetch_value_print(item, value, out), "a value that fits can be printed");
    evbuffer_free(out);
}

/* An answer may name anything. */
static void try_answers(const struct fetch_item *items, const struct value *values)
{
    for (const struct value *value = values; value; value = value->next) {
        struct fetch_pair pair = {.name = value->text,
                                  .value = value->next ? value->next : (struct value *)(uintptr_t)value};
        (void)fetch_pair_kind(&pair);
        (void)fetch_pair_uid(&pair);
        (void)fetch_pair_modseq(&pair);
        (void)fetch_pair_looks_invented(&pair);
        for (const struct fetch_item *item = items; item; item = item->next) {
            (void)is_answered_by(item, value->text);
            try_value(item, pair.value);
        }
    }
}

static void write_and_read(const struct fetch_item *items, bool peek, struct arena *arena)
{
    struct slice text = write_upstream(items, peek, arena);
    const char *error = NULL;
    struct fetch_item *again = fetch_items_parse(grammar_read(text, true, arena), arena, &error);

    fuzz_require(again != NULL, "what goes upstream can be read");
    for (const struct fetch_item *item = again; peek && item; item = item->next)
        fuzz_require(!fetch_item_sets_seen(item), "what is peeked at sets nothing");
    if (!peek)
        fuzz_require(slice_equal(text, write_upstream(again, false, arena)), "items are written the same twice");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct fetch_item *items = NULL;
    const char *error = NULL;
    struct value *values;
    struct arena arena;

    arena_init(&arena, GRAMMAR_ARENA);
    values = grammar_read(input, true, &arena);
    if (values) {
        items = fetch_items_parse(values, &arena, &error);
        fuzz_require(items || error, "who asked for nothing that there is, is told why");
        try_answers(items, values);
    }
    for (const struct fetch_item *item = items; item; item = item->next)
        expect_answered(item);
    if (items) {
        write_and_read(items, false, &arena);
        write_and_read(items, true, &arena);
    }
    arena_clear(&arena);
    return 0;
}
