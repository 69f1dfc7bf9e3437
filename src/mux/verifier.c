/* A connection that only proves a credential. The upstream object does the work; it lacks every op that a session
 * needs, so no answer on it can become a fact. */
#include "mux/verifier.h"

#include <assert.h>
#include <stdlib.h>

struct verifier {
    struct verifier_options options;
    struct upstream *upstream; /* made when it is first needed; NULL: not yet */
};

static void on_ready(void *owner, const struct credential *credential)
{
    struct verifier *verifier = owner;

    log_line(verifier->options.ground->log, LOG_INFO, "%s: the server accepted the new password",
             verifier->options.name);
    verifier->options.ops->accepted(verifier->options.owner, credential);
    upstream_logout(verifier->upstream);
}

static void on_before_login(void *owner)
{
    const struct verifier *verifier = owner;

    verifier->options.ops->logs_in(verifier->options.owner);
}

static void on_closed(void *owner, const struct upstream_end *end)
{
    struct verifier *verifier = owner;

    verifier->options.ops->closed(verifier->options.owner, end);
}

struct verifier *verifier_new(const struct verifier_options *options)
{
    struct verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier)
        verifier->options = *options;
    return verifier;
}

void verifier_free(struct verifier *verifier)
{
    if (!verifier)
        return;
    upstream_free(verifier->upstream);
    free(verifier);
}

bool verifier_is_free(const struct verifier *verifier)
{
    return !verifier->upstream || upstream_state(verifier->upstream) == UPSTREAM_DISCONNECTED;
}

bool verifier_dial(struct verifier *verifier, const struct upstream_login *with)
{
    const struct verifier_options *options = &verifier->options;
    const struct upstream_owner owner = {
        .owner = verifier, .before_login = on_before_login, .ready = on_ready, .closed = on_closed};

    assert(options->settings->verify_connection && verifier_is_free(verifier));
    if (!verifier->upstream)
        verifier->upstream = upstream_new(options->ground, options->settings, options->name, &owner);
    if (!verifier->upstream)
        return false;
    log_line(options->ground->log, LOG_INFO, "%s: checking a new password on a second connection", options->name);
    upstream_dial(verifier->upstream, with);
    return true;
}

void verifier_log_out(struct verifier *verifier)
{
    if (verifier->upstream)
        upstream_logout(verifier->upstream);
}
