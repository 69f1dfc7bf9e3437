/* SEARCH: what is written upstream can be read again, means the same (it is written the same again), and names no
 * number of a client. */
#include "imap/search.h"

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/grammar.h"

#define LAST_NUMBER 7

static bool as_written(void *context, struct slice written, struct seqset *uids)
{
    struct seqset set = {0};
    bool done, saved;

    (void)context;
    fuzz_require(seqset_parse_saved(written, &set, &saved) == SEQSET_OK, "a set in a search is valid");
    done = seqset_resolve(&set, LAST_NUMBER, uids) && (!saved || seqset_add(uids, 5));
    seqset_clear(&set);
    return done;
}

static bool none_above_the_last(void *context, struct slice written, struct seqset *uids)
{
    struct seqset set = {0};
    bool done = as_written(context, written, &set);

    for (size_t i = 0; done && i < set.count && set.ranges[i].low <= LAST_NUMBER; i++)
        done = seqset_add_range(uids, set.ranges[i].low,
                                set.ranges[i].high < LAST_NUMBER ? set.ranges[i].high : LAST_NUMBER);
    seqset_clear(&set);
    return done;
}

static bool recent(void *context, struct seqset *uids)
{
    const bool *some = context;

    return !*some || seqset_add_range(uids, 3, 4);
}

static void expect_no_numbers(const struct search_key *first)
{
    for (const struct search_key *key = first; key; key = key->next) {
        fuzz_require(key->kind != SEARCH_NUMBERS && key->kind != SEARCH_RECENT && key->kind != SEARCH_NEW &&
                         key->kind != SEARCH_OLD,
                     "what only one session knows is translated");
        expect_no_numbers(key->first);
    }
}

static struct slice write_upstream(const struct search *search, bool *some_recent, struct arena *arena)
{
    struct search_translation translation = {none_above_the_last, as_written, recent, some_recent};
    struct outgoing *out = fuzz_memory(outgoing_new());
    struct slice text;

    fuzz_require(search_print_upstream(search, &translation, out), "a search can be printed");
    text = grammar_written(out, arena);
    outgoing_free(out);
    return text;
}

static bool permits(const void *context, struct slice name)
{
    return *(const bool *)context ||
           !(slice_equal_nocase(name, SLICE("OLDER")) || slice_equal_nocase(name, SLICE("SAVE")) ||
             slice_starts_nocase(name, SLICE("X-GM")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size}, text;
    unsigned how = fuzz_option(&input, 256);
    bool some_recent = how & 1, extended = how & 2;
    struct search_permit permit = {permits, permits, &extended};
    struct search search, again;
    const char *error = NULL;
    struct arena arena;

    arena_init(&arena, GRAMMAR_ARENA);
    if (search_parse(grammar_read(input, false, &arena), &permit, &arena, &search, &error)) {
        text = write_upstream(&search, &some_recent, &arena);
        if (!search_parse(grammar_read(text, false, &arena), &permit, &arena, &again, &error)) {
            /* (UNSEEN UID 1) in place of NEW stands one level deeper. */
            fuzz_require(strstr(error, "nested too deeply") != NULL, "what goes upstream can be read");
            arena_clear(&arena);
            return 0;
        }
        expect_no_numbers(again.key);
        fuzz_require(slice_equal(text, write_upstream(&again, &some_recent, &arena)),
                     "a search is written the same twice");
    } else {
        fuzz_require(error != NULL, "who wrote a bad search is told why");
    }
    arena_clear(&arena);
    return 0;
}
