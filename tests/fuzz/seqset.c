/* Sets: printed and read again they are the same; a resolved one is sorted and apart, holds what it was made of, and
 * loses what is taken away. */
#include "imap/seqset.h"

#include <event2/buffer.h>

#include "fuzz/fuzz.h"

#define WALK_MAX 2000

static bool same(const struct seqset *a, const struct seqset *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = a->ranges[i].low == b->ranges[i].low && a->ranges[i].high == b->ranges[i].high;
    return equal;
}

static void print_and_read(const struct seqset *set)
{
    struct evbuffer *out = fuzz_memory(evbuffer_new());
    struct seqset again = {0};
    struct slice text;

    fuzz_require(seqset_print(set, out), "a set can be printed");
    text = fuzz_content(out);
    fuzz_require(seqset_fitting(set, text.length) == set->count, "the printed length is known beforehand");
    if (set->count > 0) {
        fuzz_require(seqset_parse(text, &again) == SEQSET_OK, "a printed set can be read");
        fuzz_require(same(set, &again), "a set is the same when printed and read again");
    }
    seqset_clear(&again);
    evbuffer_free(out);
}

static void expect_resolved(const struct seqset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        fuzz_require(set->ranges[i].low != SEQSET_STAR && set->ranges[i].low <= set->ranges[i].high,
                     "a resolved range ascends and has no star");
        fuzz_require(i == 0 || set->ranges[i].low > set->ranges[i - 1].high + (uint64_t)1,
                     "resolved ranges ascend and do not touch");
    }
}

static uint32_t end_of(uint32_t written, uint32_t star)
{
    return written == SEQSET_STAR ? star : written;
}

static void expect_members(const struct seqset *written, uint32_t star, const struct seqset *resolved)
{
    for (size_t i = 0; i < written->count; i++) {
        uint32_t low = end_of(written->ranges[i].low, star), high = end_of(written->ranges[i].high, star);
        if (low == 0 || high == 0)
            continue;
        fuzz_require(seqset_contains(resolved, low) && seqset_contains(resolved, high) &&
                         seqset_contains(resolved, (uint32_t)(((uint64_t)low + high) / 2)),
                     "a resolved set holds what was written");
    }
}

static void expect_walk(const struct seqset *set)
{
    struct seqset rebuilt = {0};
    struct seqset_walk walk;
    uint64_t steps = 0;
    uint32_t number;

    if (seqset_size(set) > WALK_MAX)
        return;
    seqset_walk_start(&walk, set);
    while (seqset_walk_next(&walk, &number)) {
        steps++;
        fuzz_require(seqset_add(&rebuilt, number), "a number can be added");
    }
    fuzz_require(steps == seqset_size(set) && same(set, &rebuilt), "a walk meets every number once");
    seqset_clear(&rebuilt);
}

static void take_away(struct seqset *set, uint32_t number)
{
    uint64_t before = seqset_size(set);
    bool had = seqset_contains(set, number);
    struct seqset copy = {0};

    fuzz_require(seqset_copy(set, &copy) && same(set, &copy), "a copy is the same");
    seqset_remove(set, number);
    expect_resolved(set);
    fuzz_require(!seqset_contains(set, number) && seqset_size(set) == before - had, "a number is taken away alone");
    fuzz_require(number == 0 || !had || (seqset_add(set, number) && same(set, &copy)),
                 "a number is added where it was");
    seqset_cut_up_to(set, number);
    expect_resolved(set);
    fuzz_require(set->count == 0 || set->ranges[0].low > number, "all up to a number are taken away");
    seqset_clear(&copy);
}

static void merge(struct seqset *set, const struct seqset *other)
{
    for (size_t i = 0; i < other->count; i++)
        fuzz_require(seqset_add_range(set, other->ranges[i].low, other->ranges[i].high), "a range can be added");
    expect_resolved(set);
    expect_members(other, 0, set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t stars[] = {0, 1, 7, 100, UINT32_MAX};
    struct slice input = {(const char *)data, size};
    uint32_t star = stars[fuzz_option(&input, 5)];
    uint32_t number = fuzz_option(&input, 256);
    struct seqset written = {0}, resolved = {0}, low = {0};

    if (seqset_parse(input, &written) == SEQSET_OK) {
        print_and_read(&written);
        fuzz_require(seqset_resolve(&written, star, &resolved), "a set can be resolved");
        expect_resolved(&resolved);
        expect_members(&written, star, &resolved);
        print_and_read(&resolved);
        expect_walk(&resolved);
        fuzz_require(star == 0 || seqset_highest(&written) <= (resolved.count ? UINT32_MAX : 0),
                     "the highest is known");
        fuzz_require(seqset_resolve(&written, 1, &low), "a set can be resolved twice");
        take_away(&resolved, seqset_highest(&written) > number ? seqset_highest(&written) - number : number);
        merge(&resolved, &low);
    }
    seqset_clear(&written);
    seqset_clear(&resolved);
    seqset_clear(&low);
    return 0;
}
