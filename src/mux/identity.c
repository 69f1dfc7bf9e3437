/* Names of users, made comparable. Two spellings that give two keys are two accounts here: nothing is folded that the
 * settings do not name. */
#include "mux/identity.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* False: too long. */
static bool normalise(const struct naming *naming, struct slice name, char buffer[IDENTITY_NAME_MAX],
                      struct slice *made)
{
    bool bare = name.length > 0 && !memchr(name.data, '@', name.length);
    const char *domain = bare && naming->default_domain ? naming->default_domain : "";
    int length = snprintf(buffer, IDENTITY_NAME_MAX, "%.*s%s%s", (int)name.length, name.length ? name.data : "",
                          domain[0] ? "@" : "", domain);

    if (name.length >= IDENTITY_NAME_MAX || length < 0 || (size_t)length >= IDENTITY_NAME_MAX)
        return false;
    for (int i = 0; naming->lower_case_users && i < length; i++) {
        if (buffer[i] >= 'A' && buffer[i] <= 'Z')
            buffer[i] = (char)(buffer[i] - 'A' + 'a');
    }
    *made = (struct slice){buffer, (size_t)length};
    return true;
}

static bool make_key(struct identity *identity, const struct upstream_settings *upstream)
{
    struct slice authentication = identity->authentication_id;
    struct slice authorization = identity->authorization_id.length > 0 ? identity->authorization_id : authentication;
    struct endpoint endpoint;
    int length =
        snprintf(identity->key_octets, IDENTITY_KEY_MAX, "%s%c%.*s%c%.*s", endpoint_make(&endpoint, upstream).data, 0,
                 (int)authorization.length, authorization.data, 0, (int)authentication.length, authentication.data);

    if (length < 0 || (size_t)length >= IDENTITY_KEY_MAX)
        return false;
    identity->key = (struct slice){identity->key_octets, (size_t)length};
    return true;
}

bool identity_make(struct identity *identity, const struct upstream_settings *upstream, const struct naming *naming,
                   struct slice authorization_id, struct slice authentication_id)
{
    return normalise(naming, authorization_id, identity->authorization, &identity->authorization_id) &&
           normalise(naming, authentication_id, identity->authentication, &identity->authentication_id) &&
           make_key(identity, upstream);
}

char *identity_name(const struct identity *identity, const struct upstream_settings *upstream)
{
    char *name = NULL, quoted[LOG_QUOTE_SIZE], quoted_as[LOG_QUOTE_SIZE];
    bool other =
        identity->authorization_id.length > 0 && !slice_equal(identity->authorization_id, identity->authentication_id);

    log_quote(identity->authentication_id, quoted, sizeof(quoted));
    log_quote(identity->authorization_id, quoted_as, sizeof(quoted_as));
    if (asprintf(&name, "%s%s%s@%s", quoted, other ? " as " : "", other ? quoted_as : "", upstream->name) < 0)
        return NULL;
    return name;
}
