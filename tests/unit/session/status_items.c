/* The items of a STATUS: what the truth has, what the command found, what the server told. */
#include "session/status_items.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

TestSuite(status_items, .init = bench_open, .fini = bench_close);

static const struct value *parse(struct arena *arena, const char *text)
{
    struct value *values;
    const char *error;

    arena_init(arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, arena, &values, &error), VALUE_OK);
    return values;
}

static const char *printed(const char *asked, const char *told, const struct status_found *found)
{
    static char text[500];
    struct evbuffer *out = evbuffer_new();
    struct arena arenas[2];
    const struct value *items = parse(&arenas[0], asked);
    const struct value *pairs = parse(&arenas[1], told ? told : "");

    status_items_print((struct account *)&bench, 1000, bench.inbox, told && !*asked ? pairs : items, pairs, found, out);
    text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    evbuffer_free(out);
    arena_clear(&arenas[0]);
    arena_clear(&arenas[1]);
    return text;
}

Test(status_items, the_truth_comes_first_and_the_rest_is_what_was_told)
{
    cr_assert_str_eq(printed("MESSAGES HIGHESTMODSEQ", "MESSAGES 99 HIGHESTMODSEQ 5", NULL),
                     "(MESSAGES 3 HIGHESTMODSEQ 5)");
    cr_assert_str_eq(printed("", "MESSAGES 99 X 5", NULL), "(MESSAGES 3 X 5)");
}

Test(status_items, what_nobody_knows_is_left_out)
{
    cr_assert_str_eq(printed("MESSAGES SIZE UIDNEXT", NULL, NULL), "(MESSAGES 3)");
}

Test(status_items, what_the_command_found_is_used)
{
    struct seqset unseen = {0};
    struct status_found found = {.size_known = true, .size = 12, .unseen = &unseen};

    cr_assert(seqset_add(&unseen, 10) && seqset_add(&unseen, 11)); /* 11 does not live */
    bench.flags_in_step = false;
    cr_assert_str_eq(printed("SIZE UNSEEN UIDNEXT", NULL, &found), "(SIZE 12 UNSEEN 1 UIDNEXT 31)");
    seqset_clear(&unseen);
}

Test(status_items, values_have_their_form_and_a_limit_is_not_above_our_own)
{
    cr_assert_str_eq(printed("MAILBOXID APPENDLIMIT", "MAILBOXID (F1) APPENDLIMIT 500", NULL),
                     "(MAILBOXID (F1) APPENDLIMIT 500)");
    cr_assert_str_eq(printed("APPENDLIMIT", "APPENDLIMIT 5000", NULL), "(APPENDLIMIT 1000)");
    cr_assert_str_eq(printed("APPENDLIMIT", "APPENDLIMIT NIL", NULL), "(APPENDLIMIT 1000)");
    cr_assert_str_eq(printed("MAILBOXID X MESSAGES", "MAILBOXID F1 X (1)", NULL), "(MESSAGES 3)");
    bench.inbox->object_id = slice_copy(SLICE("F7"));
    cr_assert_str_eq(printed("MAILBOXID", "MAILBOXID (F1)", NULL), "(MAILBOXID (F7))");
}
