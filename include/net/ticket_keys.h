/* The keys that seal a listener's session tickets (RFC 5077, RFC 8446 section 4.6.1): with them a client that comes
 * back needs no full handshake, and nothing about it is kept here. They live in the secure heap and are made from
 * libcrypto's random numbers when they are first needed. */
#ifndef IMAPMUX_NET_TICKET_KEYS_H
#define IMAPMUX_NET_TICKET_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"

/* A key seals new tickets for this long, and a ticket may be used for this long. After sealing ends, the key opens its
 * tickets for as long again. */
#define TICKET_LIFE ((usec)12 * 3600 * USEC_SECOND)

struct ticket_keys; /* opaque */

struct ticket_key {
    uint8_t name[16]; /* stands in the ticket in clear */
    uint8_t cipher[32], mac[32];
};

struct ticket_keys *ticket_keys_new(void); /* returns owned; NULL: out of memory */
/* Wipes them. NULL: nothing happens. */
void ticket_keys_free(struct ticket_keys *keys);
/* No ticket that is out can be opened any more. */
void ticket_keys_forget(struct ticket_keys *keys);

/* The key for new tickets; one that is TICKET_LIFE old is succeeded by another. Borrowed until the next call; NULL:
 * there are no random numbers. */
const struct ticket_key *ticket_keys_sealing(struct ticket_keys *keys, usec now);
/* The key of that name while it may open tickets, else NULL. *succeeded: new tickets are sealed with another. Borrowed
 * until the next call. */
const struct ticket_key *ticket_keys_opening(const struct ticket_keys *keys, const uint8_t name[16], usec now,
                                             bool *succeeded);

#endif
