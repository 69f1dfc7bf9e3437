/* FETCH items: what is asked, how it is written upstream, and which answer is meant by it. */
#include "imap/fetch_items.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "imap/outgoing.h"
#include "imap/response_line.h"

static struct arena arena;

static struct fetch_item *parse(const char *text, const char **error)
{
    struct value *values;

    arena_init(&arena, 1 << 20);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text), .sections = true}, 0, &arena, &values, error),
                 VALUE_OK);
    return fetch_items_parse(values, &arena, error);
}

static char *take_text(struct evbuffer *buffer)
{
    static char text[2000];
    size_t length = evbuffer_get_length(buffer);

    cr_assert_lt(length, sizeof(text));
    evbuffer_remove(buffer, text, length);
    text[length] = '\0';
    evbuffer_free(buffer);
    return text;
}

static char *print_all(const struct fetch_item *items, bool peek)
{
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();
    char *text;

    for (const struct fetch_item *item = items; item; item = item->next) {
        if (item != items)
            outgoing_text(outgoing, " ");
        fetch_item_print_upstream(item, peek, outgoing);
    }
    cr_assert_not(outgoing_failed(outgoing));
    outgoing_send(outgoing, out);
    outgoing_free(outgoing);
    text = take_text(out);
    text[strlen(text) - 2] = '\0';
    return text;
}

static char *print_labels(const struct fetch_item *items)
{
    struct evbuffer *out = evbuffer_new();

    for (const struct fetch_item *item = items; item; item = item->next) {
        if (item != items)
            evbuffer_add(out, " ", 1);
        cr_assert(fetch_item_print_label(item, out));
    }
    return take_text(out);
}

static void expect(const char *text, const char *upstream, const char *with_peek, const char *labels)
{
    const char *error = NULL;
    struct fetch_item *items = parse(text, &error);

    cr_assert_not_null(items, "%s: %s", text, error);
    cr_assert_str_eq(print_all(items, false), upstream);
    cr_assert_str_eq(print_all(items, true), with_peek);
    cr_assert_str_eq(print_labels(items), labels);
    arena_clear(&arena);
}

Test(fetch_items, plain_items_and_macros)
{
    expect("flags", "FLAGS", "FLAGS", "FLAGS");
    expect("(UID Envelope BODY bodystructure MODSEQ INTERNALDATE RFC822.SIZE RFC822.HEADER)",
           "UID ENVELOPE BODY BODYSTRUCTURE MODSEQ INTERNALDATE RFC822.SIZE RFC822.HEADER",
           "UID ENVELOPE BODY BODYSTRUCTURE MODSEQ INTERNALDATE RFC822.SIZE RFC822.HEADER",
           "UID ENVELOPE BODY BODYSTRUCTURE MODSEQ INTERNALDATE RFC822.SIZE RFC822.HEADER");
    expect("fast", "FLAGS INTERNALDATE RFC822.SIZE", "FLAGS INTERNALDATE RFC822.SIZE",
           "FLAGS INTERNALDATE RFC822.SIZE");
    expect("ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
           "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE");
    expect("FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
           "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY");
}

Test(fetch_items, what_sets_seen_has_a_form_that_does_not)
{
    expect("(RFC822 RFC822.TEXT BODY[1] BODY.PEEK[2])", "RFC822 RFC822.TEXT BODY[1] BODY.PEEK[2]",
           "BODY.PEEK[] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[2]", "RFC822 RFC822.TEXT BODY[1] BODY[2]");
}

Test(fetch_items, sections_and_partials)
{
    expect("(BODY[] BODY.PEEK[header]<0.10> BODY[1.2.MIME] BODY[1.text]<5.4294967295> BODY[TEXT])",
           "BODY[] BODY.PEEK[header]<0.10> BODY[1.2.MIME] BODY[1.text]<5.4294967295> BODY[TEXT]",
           "BODY.PEEK[] BODY.PEEK[header]<0.10> BODY.PEEK[1.2.MIME] BODY.PEEK[1.text]<5.4294967295> BODY.PEEK[TEXT]",
           "BODY[] BODY[header]<0> BODY[1.2.MIME] BODY[1.text]<5> BODY[TEXT]");
    expect("BODY[1.HEADER.FIELDS (\"From\" \"x]y\" a)]", "BODY[1.HEADER.FIELDS (From \"x]y\" a)]",
           "BODY.PEEK[1.HEADER.FIELDS (From \"x]y\" a)]", "BODY[1.HEADER.FIELDS (From \"x]y\" a)]");
    expect("BODY[Header.Fields.Not (To)]", "BODY[Header.Fields.Not (To)]", "BODY.PEEK[Header.Fields.Not (To)]",
           "BODY[Header.Fields.Not (To)]");
}

Test(fetch_items, parts_without_their_transfer_encoding)
{
    expect("(binary[1.2] BINARY.PEEK[] BINARY.peek[3]<0.10> Binary.Size[1])",
           "BINARY[1.2] BINARY.PEEK[] BINARY.PEEK[3]<0.10> BINARY.SIZE[1]",
           "BINARY.PEEK[1.2] BINARY.PEEK[] BINARY.PEEK[3]<0.10> BINARY.SIZE[1]",
           "BINARY[1.2] BINARY[] BINARY[3]<0> BINARY.SIZE[1]");
}

Test(fetch_items, a_preview_may_be_lazy)
{
    const char *error = NULL;
    struct fetch_item *items;
    struct value *values;

    expect("(preview (lazy) UID)", "PREVIEW (LAZY) UID", "PREVIEW (LAZY) UID", "PREVIEW UID");
    expect("PREVIEW (LAZY)", "PREVIEW (LAZY)", "PREVIEW (LAZY)", "PREVIEW");
    expect("(PREVIEW (LAZY) PREVIEW)", "PREVIEW", "PREVIEW", "PREVIEW");
    arena_init(&arena, 1 << 20);
    cr_assert_eq(
        value_parse((struct line){.bytes = SLICE("PREVIEW (LAZY) (CHANGEDSINCE 5)")}, 0, &arena, &values, &error),
        VALUE_OK);
    items = fetch_items_parse(values, &arena, &error);
    cr_assert(items && items->lazy && !items->next);
    cr_assert_eq(fetch_items_end(values), values->next->next);
    cr_assert_eq(fetch_items_end(values->next->next), NULL);
    arena_clear(&arena);
}

Test(fetch_items, an_item_asked_for_twice_comes_out_once)
{
    expect("(UID FLAGS UID BODY[text] BODY.PEEK[TEXT] BODY[TEXT]<0.5>)", "UID FLAGS BODY[text] BODY[TEXT]<0.5>",
           "UID FLAGS BODY.PEEK[text] BODY.PEEK[TEXT]<0.5>", "UID FLAGS BODY[text] BODY[TEXT]<0>");
}

Test(fetch_items, what_no_fetch_may_ask_for_is_refused)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "Missing FETCH items"},
        {"()", "Missing FETCH items"},
        {"FOO", "Unknown FETCH item"},
        {"(ALL)", "Unknown FETCH item"},
        {"(FLAGS FOO)", "Unknown FETCH item"},
        {"\"FLAGS\"", "FETCH items must be atoms"},
        {"((FLAGS))", "FETCH items must be atoms"},
        {"BODY.PEEK", "Unknown FETCH item"},
        {"BINARY", "Unknown FETCH item"},
        {"BINARY[TEXT]", "Malformed BINARY section"},
        {"BINARY[1.MIME]", "Malformed BINARY section"},
        {"BINARY.SIZE[1]<0.5>", "Malformed BINARY section"},
        {"BINARY.SIZE.PEEK[1]", "Unknown FETCH item"},
        {"PREVIEW[]", "Unknown FETCH item"},
        {"(PREVIEW (FUZZY))", "FETCH items must be atoms"},
        {"(UID (LAZY))", "FETCH items must be atoms"},
        {"RFC822[]", "Unknown FETCH item"},
        {"BODY[FOO]", "Malformed BODY section"},
        {"BODY[MIME]", "Malformed BODY section"},
        {"BODY[0]", "Malformed BODY section"},
        {"BODY[1.]", "Malformed BODY section"},
        {"BODY[1..2]", "Malformed BODY section"},
        {"BODY[.1]", "Malformed BODY section"},
        {"BODY[1TEXT]", "Malformed BODY section"},
        {"BODY[4294967296]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS ]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS ()]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (a ]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (a  b)]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (a b )]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (a)b)]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (a%)]", "Malformed BODY section"},
        {"BODY[HEADER.FIELDS (gr\xfc)]", "Malformed BODY section"},
        {"BODY[]x", "Malformed BODY section"},
        {"BODY[]<0>", "Malformed BODY section"},
        {"BODY[]<0.0>", "Malformed BODY section"},
        {"BODY[]<0.1", "Malformed BODY section"},
        {"BODY[]<.1>", "Malformed BODY section"},
        {"BODY[]<0.>", "Malformed BODY section"},
        {"BODY[]<0.4294967296>", "Malformed BODY section"},
        {"BODY[]<0.1.2>", "Malformed BODY section"},
        {"BODY.PEEK[x]", "Malformed BODY section"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *error = NULL;
        cr_assert_null(parse(cases[i].text, &error), "%s", cases[i].text);
        cr_assert_not_null(error, "%s", cases[i].text);
        cr_assert_str_eq(error, cases[i].error, "%s: %s", cases[i].text, error);
        arena_clear(&arena);
    }
}

static bool answers(const char *asked, const char *name)
{
    const char *error = NULL;
    struct fetch_item *item = parse(asked, &error);
    struct fetch_label label;
    bool done = fetch_label_read(&label, slice_of(name)) && fetch_item_answered_by(item, &label);

    fetch_label_clear(&label);
    arena_clear(&arena);
    return done;
}

Test(fetch_items, which_answer_is_meant_by_an_item)
{
    cr_assert(answers("FLAGS", "FLAGS"));
    cr_assert_not(answers("BODY", "BODY[]"));
    cr_assert_not(answers("BODY", "BODYSTRUCTURE"));
    cr_assert(answers("RFC822", "RFC822"));
    cr_assert(answers("RFC822", "BODY[]"));
    cr_assert(answers("RFC822.TEXT", "BODY[TEXT]"));
    cr_assert(answers("RFC822.HEADER", "RFC822.HEADER"));
    cr_assert(answers("BODY.PEEK[1.text]", "BODY[1.TEXT]"));
    cr_assert_not(answers("BODY[1]", "BODY[1.TEXT]"));
    cr_assert_not(answers("BODY[1.TEXT]", "BODY[1]"));
    cr_assert(answers("BODY[HEADER.FIELDS (from TO)]", "BODY[HEADER.FIELDS (\"From\" To)]"));
    cr_assert(answers("BODY[HEADER.FIELDS (\"x]\" b)]", "BODY[HEADER.FIELDS (\"X]\" \"b\")]"));
    cr_assert_not(answers("BODY[HEADER.FIELDS (from)]", "BODY[HEADER.FIELDS (from to)]"));
}

Test(fetch_items, an_answer_is_matched_by_its_meaning)
{
    cr_assert(answers("BODY[]", "RFC822"));
    cr_assert(answers("BODY.PEEK[HEADER]", "RFC822.HEADER"));
    cr_assert(answers("RFC822.HEADER", "BODY[header]"));
    cr_assert(answers("BODY.PEEK[]", "BODY.PEEK[]"));
    cr_assert(answers("BODY[1.MIME]", "body[1.mime]"));
    cr_assert(answers("BODY[HEADER.FIELDS (From To)]", "BODY[HEADER.FIELDS (\"TO\"  FROM TO)]"));
    cr_assert(answers("BODY[1.HEADER.FIELDS.NOT (a b)]", "BODY[1.HEADER.FIELDS.NOT(b a)]"));
    cr_assert(answers("BODY[HEADER.FIELDS (a A b)]", "BODY[HEADER.FIELDS (b a)]"));
    cr_assert_not(answers("BODY[HEADER.FIELDS (a b)]", "BODY[HEADER.FIELDS (\"a b\")]"));
    cr_assert_not(answers("BODY[HEADER.FIELDS (From To)]", "BODY[HEADER.FIELDS (To)]"));
    cr_assert_not(answers("BODY[HEADER.FIELDS (From To)]", "BODY[HEADER.FIELDS.NOT (To From)]"));
    cr_assert_not(answers("BODY[TEXT]", "RFC822"));
    cr_assert_not(answers("BODYSTRUCTURE", "BODY"));
}

static bool loosely(const char *asked, const char *name)
{
    const char *error = NULL;
    struct fetch_item *item = parse(asked, &error);
    struct fetch_label label;
    bool done = fetch_label_read(&label, slice_of(name)) && fetch_item_loosely_answered_by(item, &label);

    fetch_label_clear(&label);
    arena_clear(&arena);
    return done;
}

Test(fetch_items, an_origin_of_zero_may_be_told_or_not)
{
    cr_assert(loosely("BODY[]", "BODY[]<0>") && !answers("BODY[]", "BODY[]<0>"));
    cr_assert(loosely("BODY[]<0.10>", "BODY[]") && !answers("BODY[]<0.10>", "BODY[]"));
    cr_assert(answers("BODY[]<5.10>", "BODY[]<5.10>"));
    cr_assert_not(loosely("BODY[]<5.10>", "BODY[]"));
    cr_assert_not(loosely("BODY[]", "BODY[]<5>"));
    cr_assert(fetch_item_permits_size(&(struct fetch_item){.partial = true, .partial_count = 5}, 5));
    cr_assert_not(fetch_item_permits_size(&(struct fetch_item){.partial = true, .partial_count = 5}, 6));
}

Test(fetch_items, a_partial_is_answered_by_its_start)
{
    cr_assert(answers("BODY[]<5.10>", "BODY[]<5>"));
    cr_assert_not(answers("BODY[]<5.10>", "BODY[]<6>"));
    cr_assert_not(answers("BODY[]<5.10>", "BODY[]"));
    cr_assert_not(answers("BODY[]<5.10>", "BODY[]<>"));
    cr_assert_not(answers("BODY[]", "BODY[]<5>"));
}

Test(fetch_items, what_sets_seen)
{
    static const struct {
        const char *text;
        bool sets;
    } cases[] = {{"RFC822", true},       {"RFC822.TEXT", true},    {"BODY[]", true}, {"BODY[1]<0.1>", true},
                 {"BODY.PEEK[]", false}, {"RFC822.HEADER", false}, {"BODY", false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *error;
        cr_assert_eq(fetch_item_sets_seen(parse(cases[i].text, &error)), cases[i].sets, "%s", cases[i].text);
        arena_clear(&arena);
    }
}

static struct fetch_pair *pair_of(const char *text)
{
    struct value *values;
    struct fetch_pair *pairs;
    const char *error;

    arena_init(&arena, 100000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text), .sections = true}, 0, &arena, &values, &error),
                 VALUE_OK);
    cr_assert(response_line_pairs(values, NULL, &arena, &pairs));
    return pairs;
}

Test(fetch_items, what_an_answers_pair_is)
{
    cr_assert_eq(fetch_pair_kind(pair_of("body[1] NIL")), FETCH_SECTION);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_kind(pair_of("BODY NIL")), FETCH_BODY);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_kind(pair_of("X-FOO NIL")), FETCH_UNKNOWN);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_uid(pair_of("uid 7")), 7);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_uid(pair_of("FLAGS 7")), 0);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_modseq(pair_of("MODSEQ (9223372036854775807)")), INT64_MAX);
    arena_clear(&arena);
    cr_assert_eq(fetch_pair_modseq(pair_of("UID 5")), 0);
    arena_clear(&arena);
}

Test(fetch_items, what_servers_invent_for_the_dead)
{
    static const struct {
        const char *text;
        bool invented;
    } cases[] = {
        {"BODY[] NIL", true},       {"BODY[] \"NIL\"", false},
        {"BODY[TEXT] \"\"", false}, {"RFC822 NIL", true},
        {"RFC822.TEXT NIL", true},  {"RFC822.SIZE 0", true},
        {"RFC822.SIZE 5", false},   {"ENVELOPE (NIL NIL)", true},
        {"ENVELOPE NIL", true},     {"ENVELOPE (NIL \"x\")", false},
        {"FLAGS NIL", false},       {"BODYSTRUCTURE NIL", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_assert_eq(fetch_pair_looks_invented(pair_of(cases[i].text)), cases[i].invented, "%s", cases[i].text);
        arena_clear(&arena);
    }
}

Test(fetch_items, there_are_not_too_many)
{
    static char text[20000] = "(";
    const char *error = NULL;

    for (int i = 1; i <= 1001; i++)
        sprintf(text + strlen(text), "BODY[%d] ", i);
    strcat(text, ")");
    cr_assert_null(parse(text, &error));
    cr_assert_str_eq(error, "Too many FETCH items");
    arena_clear(&arena);
}

static const char *print_piece(const char *asked, uint64_t offset, uint64_t most)
{
    const char *error = NULL;
    struct fetch_item *item = parse(asked, &error), piece;

    return fetch_item_piece(item, offset, most, &piece) ? print_all(&piece, false) : "none";
}

Test(fetch_items, a_piece_of_a_string_is_a_part_asked_with_peek)
{
    static const struct {
        const char *asked;
        uint64_t offset, most;
        const char *piece;
    } cases[] = {
        {"BODY[]", 0, 100, "BODY.PEEK[]<0.100>"},
        {"BODY[1.2]", 300, 100, "BODY.PEEK[1.2]<300.100>"},
        {"RFC822", 5, 10, "BODY.PEEK[]<5.10>"},
        {"RFC822.TEXT", 5, 10, "BODY.PEEK[TEXT]<5.10>"},
        {"RFC822.HEADER", 0, 10, "BODY.PEEK[HEADER]<0.10>"},
        {"BODY.PEEK[]<1000.250>", 200, 100, "BODY.PEEK[]<1200.50>"},
        {"BODY.PEEK[]<1000.250>", 250, 100, "BODY.PEEK[]<1250.0>"},
        {"BODY.PEEK[]<4294967290.100>", 0, 100, "BODY.PEEK[]<4294967290.5>"},
        {"BODY[]", UINT32_MAX, 100, "BODY.PEEK[]<4294967295.0>"},
        {"ENVELOPE", 0, 100, "none"},
        {"BODY", 0, 100, "none"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_assert_str_eq(print_piece(cases[i].asked, cases[i].offset, cases[i].most), cases[i].piece);
        arena_clear(&arena);
    }
}

Test(fetch_items, the_size_among_an_answers_pairs)
{
    cr_assert_eq(fetch_pairs_size(pair_of("RFC822.SIZE 77")), 77);
    arena_clear(&arena);
    cr_assert_eq(fetch_pairs_size(pair_of("UID 5")), 0);
    arena_clear(&arena);
    cr_assert_eq(fetch_pairs_size(NULL), 0);
}
