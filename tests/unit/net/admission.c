#include "net/admission.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct address address_of(const char *text)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct address address;

    cr_assert_eq(inet_pton(AF_INET, text, &from.sin_addr), 1);
    address_set(&address, (const struct sockaddr *)&from, sizeof(from));
    return address;
}

Test(admission, one_address_does_not_take_the_places_of_others)
{
    uint64_t total = 10, per_address = 2;
    struct admission *admission = admission_new(1, &total, &per_address);
    struct address one = address_of("192.0.2.1"), other = address_of("192.0.2.2");

    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &one), ADMISSION_ADDRESS_FULL);
    cr_assert_eq(admission_enter(admission, &other), ADMISSION_OK);
    cr_assert_eq(admission_count(admission), 3);
    admission_leave(admission, &one);
    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    admission_free(admission);
}

Test(admission, all_together_are_limited_and_a_place_is_free_again)
{
    uint64_t total = 1, per_address = 5;
    struct admission *admission = admission_new(1, &total, &per_address);
    struct address one = address_of("192.0.2.1"), other = address_of("192.0.2.2");

    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &other), ADMISSION_TOTAL_FULL);
    admission_leave(admission, &one);
    cr_assert_eq(admission_enter(admission, &other), ADMISSION_OK);
    admission_free(admission);
}

Test(admission, new_limits_hold_at_once)
{
    uint64_t total = 1, per_address = 1;
    struct admission *admission = admission_new(1, &total, &per_address);
    struct address one = address_of("192.0.2.1");

    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    total = per_address = 2;
    cr_assert_eq(admission_enter(admission, &one), ADMISSION_OK);
    per_address = 0;
    admission_leave(admission, &one);
    admission_leave(admission, &one);
    cr_assert_eq(admission_enter(admission, &one), ADMISSION_ADDRESS_FULL);
    admission_free(admission);
    admission_free(NULL);
}

Test(admission, who_is_turned_away_is_told_which_limit_it_was)
{
    cr_assert_not_null(strstr(admission_words(ADMISSION_TOTAL_FULL), "sessions_total"));
    cr_assert_not_null(strstr(admission_words(ADMISSION_ADDRESS_FULL), "sessions_per_address"));
    cr_assert_eq(strncmp(admission_words(ADMISSION_ADDRESS_FULL), "[LIMIT]", 7), 0);
    cr_assert_eq(strncmp(admission_words(ADMISSION_NO_MEMORY), "[UNAVAILABLE]", 13), 0);
}

Test(admission, limits_of_an_address_and_of_all)
{
    uint64_t total = 5, per_address = 2;
    struct admission *admission = admission_new(7, &total, &per_address);
    struct address a = address_of("192.0.2.1"), b = address_of("192.0.2.2"), own = address_of("127.0.0.1");

    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_ADDRESS_FULL);
    cr_assert_eq(admission_enter(admission, &b), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_OK);
    cr_assert_eq(admission_enter(admission, &own), ADMISSION_TOTAL_FULL);
    admission_leave(admission, &a);
    cr_assert_eq(admission_enter(admission, &a), ADMISSION_OK);
    cr_assert_eq(admission_count(admission), 5);
    admission_free(admission);
}
