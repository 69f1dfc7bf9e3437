/* The table of what is repeated, found out or given up. */
#include "mux/policy.h"

#include <criterion/criterion.h>

Test(policy, what_goes_up_once_for_several_is_repeated)
{
    static const enum policy all[] = {
#define POLICY_VALUE(name, loss, patience, shared) POLICY_##name,
        POLICIES(POLICY_VALUE)
#undef POLICY_VALUE
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        cr_assert(!policy_is_shared(all[i]) || policy_loss(all[i]) == POLICY_REPEAT);
}

Test(policy, what_does_something_twice_when_it_is_sent_twice_is_never_repeated)
{
    static const enum policy once[] = {POLICY_APPEND, POLICY_COPY, POLICY_EXPUNGE, POLICY_FOLDERS,
                                       POLICY_STORE_REPLACE};

    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        cr_assert_neq(policy_loss(once[i]), POLICY_REPEAT);
}

Test(policy, what_grows_with_a_mailbox_may_take_long)
{
    static const enum policy slow[] = {POLICY_SEARCH, POLICY_COPY, POLICY_APPEND, POLICY_EXPUNGE};

    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
        cr_assert_eq(policy_patience(slow[i]), PATIENCE_SLOW);
    cr_assert_eq(policy_patience(POLICY_LOOK), PATIENCE_QUICK);
}
