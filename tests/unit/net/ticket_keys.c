#include "net/ticket_keys.h"

#include <criterion/criterion.h>
#include <string.h>

#define START (1000 * USEC_SECOND)

static bool same(const struct ticket_key *a, const struct ticket_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

Test(ticket_keys, a_key_seals_for_its_life_and_opens_for_as_long_again)
{
    struct ticket_keys *keys = ticket_keys_new();
    struct ticket_key first = *ticket_keys_sealing(keys, START);
    bool succeeded;

    cr_assert(same(&first, ticket_keys_sealing(keys, START + TICKET_LIFE - 1)));
    cr_assert(ticket_keys_opening(keys, first.name, START + TICKET_LIFE - 1, &succeeded));
    cr_assert_not(succeeded);

    struct ticket_key second = *ticket_keys_sealing(keys, START + TICKET_LIFE);
    cr_assert_not(same(&first, &second));
    cr_assert(memcmp(first.cipher, second.cipher, 32) != 0 && memcmp(first.mac, second.mac, 32) != 0);
    const struct ticket_key *opening = ticket_keys_opening(keys, first.name, START + 2 * TICKET_LIFE - 1, &succeeded);
    cr_assert(opening && same(&first, opening) && succeeded);
    cr_assert_null(ticket_keys_opening(keys, first.name, START + 2 * TICKET_LIFE, &succeeded));
    cr_assert(ticket_keys_opening(keys, second.name, START + 2 * TICKET_LIFE - 1, &succeeded));
    cr_assert_not(succeeded);
    ticket_keys_free(keys);
}

Test(ticket_keys, a_key_grows_old_although_nothing_is_sealed)
{
    struct ticket_keys *keys = ticket_keys_new();
    struct ticket_key first = *ticket_keys_sealing(keys, START);
    bool succeeded;

    cr_assert(ticket_keys_opening(keys, first.name, START + TICKET_LIFE, &succeeded));
    cr_assert(succeeded, "a ticket that it opens is replaced");
    cr_assert_null(ticket_keys_opening(keys, first.name, START + 2 * TICKET_LIFE, &succeeded));
    ticket_keys_free(keys);
}

Test(ticket_keys, names_of_others_and_of_none_open_nothing)
{
    struct ticket_keys *keys = ticket_keys_new(), *others = ticket_keys_new();
    const uint8_t zeroes[16] = {0};
    bool succeeded;

    cr_assert_null(ticket_keys_opening(keys, zeroes, START, &succeeded));
    ticket_keys_sealing(keys, START);
    cr_assert_null(ticket_keys_opening(keys, zeroes, START, &succeeded));
    cr_assert_null(ticket_keys_opening(keys, ticket_keys_sealing(others, START)->name, START, &succeeded));
    ticket_keys_free(keys);
    ticket_keys_free(others);
}

Test(ticket_keys, forgotten_they_open_nothing)
{
    struct ticket_keys *keys = ticket_keys_new();
    struct ticket_key first = *ticket_keys_sealing(keys, START);
    bool succeeded;

    ticket_keys_forget(keys);
    cr_assert_null(ticket_keys_opening(keys, first.name, START, &succeeded));
    cr_assert_not(same(&first, ticket_keys_sealing(keys, START)));
    ticket_keys_free(keys);
    ticket_keys_free(NULL);
}
