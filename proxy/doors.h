/* The listeners of a worker with what belongs to each: certificate, upstream, rules. Reconciled with a configuration at
 * start and at every SIGHUP: what is in both stays open. */
#ifndef IMAPMUX_PROXY_DOORS_H
#define IMAPMUX_PROXY_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/client_link.h"
#include "net/proxy_link.h"
#include "net/refusal_link.h"
#include "proxy/config.h"

struct admission;
struct door;
struct live_upstream;

struct doors {
    /* borrowed */
    struct event_base *base;
    struct log *log;
    struct client_links *clients;
    struct refusal_links *refusals;
    struct proxy_links *proxies;
    struct admission *admission;
    usec (*clock)(void);
    /* private */
    struct door *first;
    struct live_upstream *upstreams;
};

/* Makes the doors those of the configuration, which must live as long as the doors. False: some could not be opened, or
 * a certificate not be read, which has been logged; those stay as they were, the others are as configured. */
bool doors_apply(struct doors *doors, const struct config *config);
void doors_close(struct doors *doors); /* nobody is let in any more */
void doors_clear(struct doors *doors); /* after the clients have gone */

#endif
