/* The list of accepted credentials. */
#include "mux/credential.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct credential make(const char *text)
{
    struct credential credential;

    cr_assert(credential_init(&credential, CREDENTIAL_PASSWORD, slice_of(text)));
    return credential;
}

Test(credential, a_token_is_no_password)
{
    struct credential password = make("same"), token;

    cr_assert(credential_init(&token, CREDENTIAL_TOKEN, SLICE("same")));
    cr_assert_not(credential_equal(&password, &token));
    credential_clear(&password);
    credential_clear(&token);
}

Test(credential, the_one_accepted_longest_ago_makes_room)
{
    struct credential_list list = {0};
    struct credential first = make("0"), second = make("1"), one;

    for (int i = 0; i < CREDENTIALS_MAX; i++) {
        char text[12];
        snprintf(text, sizeof(text), "%d", i);
        one = make(text);
        cr_assert(credential_list_accept(&list, &one, i + 1));
        credential_clear(&one);
    }
    cr_assert(credential_list_accept(&list, &first, 100)); /* accepted again: no longer the oldest */
    one = make("new");
    cr_assert(credential_list_accept(&list, &one, 101));
    cr_assert_eq(list.count, CREDENTIALS_MAX);
    cr_assert_not_null(credential_list_find(&list, &first));
    cr_assert_null(credential_list_find(&list, &second));
    cr_assert(credential_equal(credential_list_newest(&list), &one));
    credential_list_put_last(&list, &one);
    cr_assert(credential_equal(credential_list_newest(&list), &first));
    cr_assert(credential_list_remove(&list, &one));
    cr_assert(credential_equal(credential_list_newest(&list), &first));
    credential_list_clear(&list);
    cr_assert_null(credential_list_newest(&list));
    credential_clear(&first);
    credential_clear(&second);
    credential_clear(&one);
}
