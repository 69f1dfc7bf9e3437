/* Memories of who tries to log in. */
#include "mux/reputation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MINUTE USEC_MINUTE

static struct settings settings;
static struct reputation *reputation;

static void begin(void)
{
    static const uint8_t key[32] = "a key for tests";

    settings_defaults(&settings);
    reputation = reputation_new(&settings, key);
}

static void finish(void)
{
    reputation_free(reputation);
}

TestSuite(reputation, .init = begin, .fini = finish);

static struct applicant from(uint64_t address)
{
    return (struct applicant){SLICE("server\0alice\0alice"), address};
}

static struct credential secret(const char *text, enum credential_kind kind)
{
    struct credential credential;

    cr_assert(credential_init(&credential, kind, slice_of(text)));
    return credential;
}

Test(reputation, a_refused_credential_is_known_for_its_account_and_kind_and_time)
{
    struct applicant alice = from(1), bob = {SLICE("server\0bob\0bob"), 1};
    struct credential wrong = secret("wrong", CREDENTIAL_PASSWORD), token = secret("wrong", CREDENTIAL_TOKEN);

    reputation_note_rejected(reputation, &alice, &wrong, MINUTE);
    cr_assert(reputation_is_rejected(reputation, &alice, &wrong, 2 * MINUTE));
    cr_assert_not(reputation_is_rejected(reputation, &bob, &wrong, 2 * MINUTE));
    cr_assert_not(reputation_is_rejected(reputation, &alice, &token, 2 * MINUTE));
    cr_assert_not(reputation_is_rejected(reputation, &alice, &wrong, MINUTE + settings.rejected_ttl));
    credential_clear(&wrong);
    credential_clear(&token);
}

Test(reputation, each_failure_of_an_address_doubles_its_delay_up_to_the_longest)
{
    struct applicant stranger = from(2), other = from(3);
    usec wanted[] = {1, 2, 4, 8, 16, 16};

    cr_assert_eq(reputation_delay(reputation, &stranger, MINUTE), 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        reputation_note_failure(reputation, &stranger, MINUTE);
        cr_assert_eq(reputation_delay(reputation, &stranger, MINUTE), wanted[i] * USEC_SECOND, "failure %zu", i + 1);
    }
    /* More than five by strangers slow down every stranger there; a quarter of an hour later all is forgotten. */
    cr_assert_eq(reputation_delay(reputation, &other, MINUTE), 1 * USEC_SECOND);
    cr_assert_eq(reputation_delay(reputation, &stranger, 17 * MINUTE), 0);
}

Test(reputation, who_has_entered_has_ten_failures_free_and_answers_for_no_stranger)
{
    struct applicant owner = from(4);

    reputation_note_entered(reputation, &owner, MINUTE);
    for (int i = 0; i < 10; i++)
        reputation_note_failure(reputation, &owner, MINUTE);
    cr_assert_eq(reputation_delay(reputation, &owner, MINUTE), 0);
    reputation_shut_until(reputation, &owner, 2 * MINUTE);
    cr_assert_eq(reputation_open_at(reputation, &owner, MINUTE), 0);
    reputation_note_failure(reputation, &owner, MINUTE);
    cr_assert_eq(reputation_delay(reputation, &owner, MINUTE), 1 * USEC_SECOND);
    cr_assert_eq(reputation_open_at(reputation, &owner, MINUTE), 2 * MINUTE);
    for (int i = 0; i < 10; i++)
        reputation_note_failure(reputation, &owner, MINUTE);
    cr_assert_eq(reputation_strangers_failed(reputation, &owner, MINUTE), 0);
}

Test(reputation, the_same_address_is_a_stranger_at_another_account)
{
    struct applicant owner = from(5), elsewhere = {SLICE("server\0bob\0bob"), 5};

    reputation_note_entered(reputation, &owner, MINUTE);
    cr_assert(reputation_has_entered(reputation, &owner, MINUTE));
    cr_assert_not(reputation_has_entered(reputation, &elsewhere, MINUTE));
    /* Its failures there count, whatever it may do at home. */
    reputation_note_failure(reputation, &elsewhere, MINUTE);
    cr_assert_eq(reputation_delay(reputation, &elsewhere, MINUTE), 1 * USEC_SECOND);
}

Test(reputation, memories_are_bounded_and_the_oldest_makes_room)
{
    struct applicant alice = from(6);
    struct credential first = secret("guess0", CREDENTIAL_PASSWORD);

    reputation_note_rejected(reputation, &alice, &first, MINUTE);
    for (int i = 1; i <= 10000; i++) {
        char text[20];
        struct credential guess;
        snprintf(text, sizeof(text), "guess%d", i);
        guess = secret(text, CREDENTIAL_PASSWORD);
        reputation_note_rejected(reputation, &alice, &guess, MINUTE);
        cr_assert(reputation_is_rejected(reputation, &alice, &guess, MINUTE));
        credential_clear(&guess);
    }
    cr_assert_not(reputation_is_rejected(reputation, &alice, &first, MINUTE));
    credential_clear(&first);
}
