/* A set that goes upstream in parts. */
#include "session/parts.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

static struct parts parts;

static void make(uint32_t count)
{
    parts = (struct parts){0};
    for (uint32_t i = 0; i < count; i++)
        cr_assert(seqset_add(&parts.left, 10 + 2 * i));
}

static size_t take(size_t octets)
{
    struct seqset part = {0};
    size_t count;

    cr_assert(parts_take(&parts, octets, &part));
    count = part.count;
    seqset_clear(&part);
    return count;
}

Test(parts, a_part_has_what_fits_and_at_least_one)
{
    make(5);
    cr_assert_eq(take(0), 1);
    cr_assert_eq(take(6), 2);
    cr_assert_eq(take(1000), 5);
    parts_clear(&parts);
}

Test(parts, a_part_is_the_same_until_it_is_done)
{
    make(3);
    cr_assert_eq(take(6), 2);
    cr_assert_eq(take(6), 2);
    cr_assert_eq(parts.left.count, 3);
    parts_done(&parts);
    cr_assert_eq(parts.left.count, 1);
    cr_assert_eq(parts.left.ranges[0].low, 14);
    cr_assert_eq(take(6), 1);
    parts_done(&parts);
    cr_assert_eq(parts.left.count, 0);
    parts_clear(&parts);
}

static const char *built(struct uid_map *map, bool uidplus, enum job_turn expected)
{
    static char text[200];
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();

    cr_assert_eq(parts_build_expunge(&parts, map, 6, uidplus, outgoing), expected);
    (void)outgoing_send(outgoing, out);
    text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    evbuffer_free(out);
    outgoing_free(outgoing);
    return text;
}

Test(parts, an_expunge_names_the_living_of_its_part)
{
    struct uid_map map = {0};

    make(4);
    cr_assert(uid_map_append(&map, 12));
    cr_assert(uid_map_append(&map, 16));
    cr_assert_str_eq(built(&map, true, JOB_SEND), "UID EXPUNGE 12\r\n");
    parts_done(&parts);
    cr_assert_str_eq(built(&map, true, JOB_SEND), "UID EXPUNGE 16\r\n");
    uid_map_remove(&map, 16);
    (void)built(&map, true, JOB_NOTHING);
    parts_clear(&parts);
    uid_map_clear(&map);
}

Test(parts, without_uidplus_everything_is_one_part)
{
    struct uid_map map = {0};

    make(4);
    cr_assert(uid_map_append(&map, 12));
    cr_assert_str_eq(built(&map, false, JOB_SEND), "EXPUNGE\r\n");
    parts_done(&parts);
    cr_assert_eq(parts.left.count, 0);
    parts_clear(&parts);
    uid_map_clear(&map);
}
