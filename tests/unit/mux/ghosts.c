/* Which ends of connections an account tries again, and what the keeper is told. */
#include "mux/ghosts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct kept {
    char told[400]; /* a word for each call */
    struct link_ends known[2 * GHOSTS_MAX];
    size_t count;
};

static struct kept kept;
static struct ghosts ghosts;
static struct link_ends wanted; /* of the last connection; length 0: any */

static struct link_ends ends(uint8_t port)
{
    return (struct link_ends){.length = 1, .local = {port}, .remote = {99}};
}

static void tell(const char *word, struct slice account, const struct link_ends *which)
{
    size_t used = strlen(kept.told);

    cr_assert(slice_equal(account, SLICE("key")));
    snprintf(kept.told + used, sizeof(kept.told) - used, "%s%s %u", used > 0 ? ", " : "", word, which->local[0]);
}

static void on_stands(void *context, struct slice account, const struct link_ends *which)
{
    cr_assert_eq(context, &kept);
    tell("stands", account, which);
}

static void on_lost(void *context, struct slice account, const struct link_ends *which)
{
    cr_assert_eq(context, &kept);
    tell("lost", account, which);
}

static void on_over(void *context, struct slice account, const struct link_ends *which)
{
    cr_assert_eq(context, &kept);
    tell("over", account, which);
}

static size_t on_find(void *context, struct slice account, struct link_ends *found, size_t most)
{
    size_t count = kept.count < most ? kept.count : most;

    cr_assert(context == &kept && slice_equal(account, SLICE("key")));
    memcpy(found, kept.known, count * sizeof(*found));
    return count;
}

static const struct ghost_keeper_ops ops = {.stands = on_stands, .lost = on_lost, .over = on_over, .find = on_find};
static const struct ghost_keeper keeper = {.ops = &ops, .context = &kept};

static void begin(void)
{
    kept = (struct kept){.count = 0};
    ghosts_init(&ghosts, &keeper, SLICE("key"));
}

TestSuite(ghosts, .init = begin);

static void expect_told(const char *words)
{
    cr_assert_str_eq(kept.told, words);
    kept.told[0] = '\0';
}

/* Dials; returns the port, 0: any. */
static uint8_t dialled(void)
{
    const struct link_ends *between = ghosts_dialled(&ghosts);

    wanted = between ? *between : (struct link_ends){0};
    return wanted.local[0];
}

static void ready(uint8_t port)
{
    struct link_ends at = ends(port);

    ghosts_ready(&ghosts, &at);
}

static bool ended(uint8_t port, bool was_ready, bool ghost, enum refusal refusal)
{
    struct link_ends at = ends(port);

    return ghosts_closed(&ghosts, &(struct upstream_end){.was_ready = was_ready,
                                                         .reached = true,
                                                         .ghost = ghost,
                                                         .ends = port > 0 ? &at : NULL,
                                                         .between = wanted.length > 0 ? &wanted : NULL,
                                                         .refusal = refusal});
}

static bool lose(uint8_t port)
{
    return ended(port, true, true, REFUSAL_NONE);
}

static bool refuse(uint8_t port)
{
    return ended(port, false, false, REFUSAL_LIMIT);
}

Test(ghosts, a_session_that_ended_in_order_is_over)
{
    cr_assert_eq(dialled(), 0);
    ready(1);
    cr_assert_not(ended(1, true, false, REFUSAL_NONE));
    expect_told("stands 1, over 1");
    cr_assert_eq(dialled(), 0);
    cr_assert_not(refuse(2), "there is none that could be meant");
    expect_told("");
}

Test(ghosts, a_lost_one_is_tried_once_a_fresh_port_was_refused)
{
    (void)dialled();
    ready(1);
    cr_assert_not(lose(1));
    expect_told("stands 1, lost 1");
    cr_assert_eq(dialled(), 0);
    cr_assert(refuse(2));
    cr_assert_eq(dialled(), 1);
    expect_told("");
    ready(1);
    expect_told("over 1, stands 1");
    cr_assert_not(ended(1, true, false, REFUSAL_NONE));
    cr_assert_eq(dialled(), 0);
    cr_assert_not(refuse(3), "it is gone");
}

/* Courier closes the connection of one too many without a word. */
Test(ghosts, an_end_without_a_greeting_counts_as_refused)
{
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(ended(2, false, false, REFUSAL_TEMPORARY));
    cr_assert_eq(dialled(), 1);
}

Test(ghosts, refused_from_there_too_it_was_not_that)
{
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(refuse(2));
    (void)dialled();
    kept.told[0] = '\0';
    cr_assert_not(refuse(1));
    expect_told("over 1");
    (void)dialled();
    cr_assert_not(refuse(3));
}

/* The kernel, or another program, still has the port. */
Test(ghosts, another_port_in_place_of_the_wanted_one_proves_nothing)
{
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(refuse(2));
    cr_assert_eq(dialled(), 1);
    cr_assert_not(refuse(3), "not at once again");
    (void)dialled();
    cr_assert(refuse(4));
    cr_assert_eq(dialled(), 1);
    kept.told[0] = '\0';
    ready(5);
    expect_told("over 1, stands 5");
}

Test(ghosts, an_attempt_that_did_not_reach_the_server_says_nothing)
{
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(refuse(2));
    (void)dialled();
    cr_assert_not(ghosts_closed(&ghosts, &(struct upstream_end){.refusal = REFUSAL_TEMPORARY, .between = &wanted}));
    (void)dialled();
    cr_assert(refuse(3));
    cr_assert_eq(dialled(), 1);
}

Test(ghosts, whoever_gets_in_from_a_fresh_port_has_no_ghosts)
{
    for (uint8_t port = 1; port <= 3; port++) {
        (void)dialled();
        ended(port, false, true, REFUSAL_TEMPORARY); /* a login without an answer */
    }
    expect_told("lost 1, lost 2, lost 3");
    (void)dialled();
    ready(4);
    expect_told("over 1, over 2, over 3, stands 4");
    ended(4, true, false, REFUSAL_NONE);
    (void)dialled();
    cr_assert_not(refuse(5));
}

Test(ghosts, the_one_lost_last_is_tried_first_and_the_oldest_makes_way)
{
    for (uint8_t port = 1; port <= GHOSTS_MAX + 1; port++) {
        (void)dialled();
        ended(port, false, true, REFUSAL_TEMPORARY);
    }
    cr_assert(strstr(kept.told, "lost 4, over 1, lost 5"), "%s", kept.told);
    for (uint8_t port = GHOSTS_MAX + 1; port > 1; port--) {
        (void)dialled();
        cr_assert(refuse(9));
        cr_assert_eq(dialled(), port);
        cr_assert_not(refuse(port));
    }
    (void)dialled();
    cr_assert_not(refuse(9));
}

Test(ghosts, lost_again_at_the_same_ends_it_is_one)
{
    for (int i = 0; i < 3; i++) {
        (void)dialled();
        ended(1, false, true, REFUSAL_TEMPORARY);
    }
    cr_assert_eq(ghosts.count, 1);
}

Test(ghosts, those_of_the_process_before_are_tried_likewise)
{
    kept.known[0] = ends(7);
    kept.known[1] = ends(8);
    kept.count = 2;
    ghosts_init(&ghosts, &keeper, SLICE("key"));
    cr_assert_eq(dialled(), 0);
    cr_assert(refuse(1));
    cr_assert_eq(dialled(), 7);
    ready(7);
    lose(7);
    (void)dialled();
    cr_assert(refuse(2));
    cr_assert_eq(dialled(), 7);
}

Test(ghosts, without_a_keeper_the_account_itself_remembers)
{
    ghosts_init(&ghosts, NULL, SLICE("key"));
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(refuse(2));
    cr_assert_eq(dialled(), 1);
    ghosts_ready(&ghosts, NULL);
    expect_told("");
}

/* The first session is lost and dialled again while a further one is on its way to a ghost's port. */
Test(ghosts, another_connection_meanwhile_does_not_change_what_the_first_one_proves)
{
    struct link_ends first;

    ghosts.several = true;
    (void)dialled();
    ready(1);
    lose(1);
    (void)dialled();
    cr_assert(refuse(2));
    cr_assert_eq(dialled(), 1);
    first = wanted;
    cr_assert_eq(dialled(), 0, "the other");
    kept.told[0] = '\0';
    ready(1);
    expect_told("over 1, stands 1");
    wanted = first;
    cr_assert_not(refuse(1), "a session stands there, or has stood there");
    cr_assert_eq(ghosts.count, 0);
}
