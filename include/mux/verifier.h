/* The short second connection on which an unknown credential is tried where the settings permit one
 * (verify_connection): logs in and out again, and does nothing else. At most one of an account at a time. */
#ifndef IMAPMUX_MUX_VERIFIER_H
#define IMAPMUX_MUX_VERIFIER_H

#include <stdbool.h>

#include "mux/ground.h"
#include "mux/settings.h"
#include "mux/upstream.h"

struct verifier;

struct verifier_ops {
    void (*logs_in)(void *owner);                                       /* a credential is about to be sent */
    void (*accepted)(void *owner, const struct credential *credential); /* borrowed for the call; it logs out */
    void (*closed)(void *owner, const struct upstream_end *end);        /* the connection is closed, always and last */
};

/* All borrowed for as long as the verifier lives. */
struct verifier_options {
    struct ground *ground;
    const struct upstream_settings *settings;
    const char *name; /* of the account, for the log */
    const struct verifier_ops *ops;
    void *owner;
};

/* Opens nothing. Returns owned; NULL: out of memory. */
struct verifier *verifier_new(const struct verifier_options *options);
void verifier_free(struct verifier *verifier);          /* at once; NULL: nothing happens */
bool verifier_is_free(const struct verifier *verifier); /* it has no connection */
/* It must be free, and verify_connection on. False: out of memory, nothing happens. */
bool verifier_dial(struct verifier *verifier, const struct upstream_login *with);
void verifier_log_out(struct verifier *verifier); /* in any state */

#endif
