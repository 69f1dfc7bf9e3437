/* Between which two ends the connection is to stand, between which it stands, and whether the server knows that it has
 * ended. The link reports all of it; nothing here is believed before the link has called. */
#include "mux/upstream_inside.h"

const struct link_ends *upstream_between(const struct upstream *upstream)
{
    return upstream->between.length > 0 ? &upstream->between : NULL;
}

void upstream_stands_between(struct upstream *upstream, const struct link_ends *ends)
{
    upstream->ends = *ends;
}

const struct link_ends *upstream_ends(const struct upstream *upstream)
{
    return upstream->ends.length > 0 ? &upstream->ends : NULL;
}

struct slice upstream_user(const struct upstream *upstream)
{
    const struct upstream_login *login = &upstream->login;

    return login->authorization_id.length > 0 ? login->authorization_id : login->authentication_id;
}

void upstream_lacks_source(struct upstream *upstream)
{
    upstream->sourceless = true;
}

void upstream_ends_unheard(struct upstream *upstream)
{
    upstream->unheard = true;
}

/* A login was accepted, or not answered. After BYE the server counts no session, whoever closes first. */
bool upstream_is_ghost(const struct upstream *upstream)
{
    bool session = upstream->was_ready || (upstream->sent_credential && upstream->late);

    return upstream->unheard && !upstream->said_bye && session && upstream->ends.length > 0;
}
