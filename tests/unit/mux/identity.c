/* Names of users and the accounts that they mean. */
#include "mux/identity.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct upstream_settings server = {.name = "main", .host = "mail.example.com", .port = 993};
static const struct naming exact;
static const struct naming folding = {.lower_case_users = true, .default_domain = "x.org"};

static bool same(const struct naming *settings, const char *as, const char *user, const char *other_as,
                 const char *other)
{
    struct identity one, two;

    cr_assert(identity_make(&one, &server, settings, slice_of(as), slice_of(user)));
    cr_assert(identity_make(&two, &server, settings, slice_of(other_as), slice_of(other)));
    return slice_equal(one.key, two.key);
}

Test(identity, an_empty_authorization_id_is_the_authentication_id)
{
    cr_assert(same(&exact, "", "anna", "anna", "anna"));
    cr_assert_not(same(&exact, "", "anna", "bob", "anna"));
    cr_assert_not(same(&exact, "an", "na", "ann", "a"), "the parts are kept apart");
}

Test(identity, spellings_are_folded_only_where_the_settings_say_so)
{
    cr_assert_not(same(&exact, "", "Anna", "", "anna"));
    cr_assert(same(&folding, "", "Anna", "", "anna@X.org"));
    cr_assert_not(same(&folding, "", "anna@y.org", "", "anna"));
}

Test(identity, names_that_are_too_long_are_refused)
{
    struct identity identity;
    char name[IDENTITY_NAME_MAX + 1];

    memset(name, 'n', sizeof(name));
    cr_assert_not(identity_make(&identity, &server, &exact, SLICE(""), (struct slice){name, IDENTITY_NAME_MAX}));
    cr_assert(identity_make(&identity, &server, &exact, SLICE(""), (struct slice){name, IDENTITY_NAME_MAX - 1}));
    cr_assert_not(identity_make(&identity, &server, &folding, SLICE(""), (struct slice){name, IDENTITY_NAME_MAX - 4}),
                  "with its domain");
}

Test(identity, the_name_for_the_log_stays_on_one_line)
{
    struct identity identity;
    char *name;

    cr_assert(identity_make(&identity, &server, &exact, SLICE("boss"), SLICE("an\nna")));
    name = identity_name(&identity, &server);
    cr_assert_null(strpbrk(name, "\r\n"));
    cr_assert_not_null(strstr(name, " as boss@main"));
    free(name);
}
