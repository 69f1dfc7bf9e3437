/* The identity of a login: its names as the upstream's settings want them, and the key of the account that they mean.
 * An account is the server's user: (endpoint, authorization id, authentication id), whatever the section of the
 * settings is called. An empty authorization id means the same as the authentication id. RFC 4616 section 2. */
#ifndef IMAPMUX_MUX_IDENTITY_H
#define IMAPMUX_MUX_IDENTITY_H

#include <stdbool.h>

#include "base/slice.h"
#include "mux/endpoint.h"
#include "mux/settings.h"

#define IDENTITY_NAME_MAX ((size_t)2048) /* octets of a name, domain included, are fewer */
#define IDENTITY_KEY_MAX  (ENDPOINT_SIZE + 2 * IDENTITY_NAME_MAX)

struct identity {
    struct slice authorization_id; /* empty: none was given; points into the struct, as the next two */
    struct slice authentication_id;
    struct slice key; /* endpoint, NUL, authorization id, NUL, authentication id */
    char authorization[IDENTITY_NAME_MAX];
    char authentication[IDENTITY_NAME_MAX];
    char key_octets[IDENTITY_KEY_MAX];
};

/* lower_case_users and default_domain are applied. False: a name is too long. The struct must not be moved. */
bool identity_make(struct identity *identity, const struct upstream_settings *upstream, const struct naming *naming,
                   struct slice authorization_id, struct slice authentication_id) __attribute__((warn_unused_result));
/* "user@upstream", or "user as other@upstream", for the log: on one line whatever it holds. Returns owned; NULL: out of
 * memory. */
char *identity_name(const struct identity *identity, const struct upstream_settings *upstream);

#endif
