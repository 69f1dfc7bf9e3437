/* The rows of the table. POLICY_REPEAT must never stand at a command that has a second effect when it is sent twice.
 */
#include "mux/policy.h"

static const struct {
    enum policy_loss loss;
    enum policy_patience patience;
    bool shared;
} rows[] = {
#define POLICY_ROW(name, loss, patience, shared) [POLICY_##name] = {loss, patience, shared},
    POLICIES(POLICY_ROW)
#undef POLICY_ROW
};

enum policy_loss policy_loss(enum policy policy)
{
    return rows[policy].loss;
}

enum policy_patience policy_patience(enum policy policy)
{
    return rows[policy].patience;
}

bool policy_is_shared(enum policy policy)
{
    return rows[policy].shared;
}
