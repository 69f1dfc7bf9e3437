/* The rows of the table. It must never say POLICY_REPEAT of a command that does something again when it is sent twice.
 */
#include "mux/policy.h"

static const struct {
    enum policy_loss loss;
    bool shared;
} rows[] = {
#define POLICY_ROW(name, loss, shared) [POLICY_##name] = {loss, shared},
    POLICIES(POLICY_ROW)
#undef POLICY_ROW
};

enum policy_loss policy_loss(enum policy policy)
{
    return rows[policy].loss;
}

bool policy_is_shared(enum policy policy)
{
    return rows[policy].shared;
}
