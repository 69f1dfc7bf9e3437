/* Which server an upstream is: its host and its port. Two [upstream NAME] sections with equal endpoints name one
 * server, whatever the sections are called. Host names are equal in any case (RFC 4343) and with or without the dot at
 * their end, IPv6 addresses in any of their spellings. Nothing is looked up: two names of one machine are two servers
 * here. */
#ifndef IMAPMUX_MUX_ENDPOINT_H
#define IMAPMUX_MUX_ENDPOINT_H

#include <stdbool.h>

#include "base/slice.h"
#include "mux/settings.h"

#define ENDPOINT_SIZE ((size_t)(UPSTREAM_HOST_MAX + 8))

struct endpoint {
    char text[ENDPOINT_SIZE]; /* "host port", host in its canonical spelling */
};

/* Equal endpoints have equal texts. Returns the text, borrowed from the struct. */
struct slice endpoint_make(struct endpoint *endpoint, const struct upstream_settings *upstream);
bool endpoint_equal(const struct upstream_settings *one, const struct upstream_settings *two);

#endif
