/* A short list of addresses and networks in CIDR notation (RFC 4632, RFC 4291 section 2.3), IPv4 and IPv6: the peers
 * that a setting names. An IPv4 address and the same one mapped into IPv6 are one. */
#ifndef IMAPMUX_NET_NETWORKS_H
#define IMAPMUX_NET_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

#define NETWORKS_MAX 32

struct network {
    uint8_t bytes[16]; /* IPv4: mapped */
    uint8_t bits;      /* of 128 that must agree */
};

struct networks {
    size_t count;
    struct network list[NETWORKS_MAX];
};

/* "192.0.2.1 10.0.0.0/8 2001:db8::/32", separated by spaces; NULL or "": nobody. Bits outside the mask must be zero, so
 * that a slip is found. False: *fault says what is wrong; *networks is then empty. */
bool networks_parse(const char *text, struct networks *networks, const char **fault)
    __attribute__((warn_unused_result));
/* Does one of them hold this address? False for sockets without an address. */
bool networks_contain(const struct networks *networks, const struct address *address);

#endif
