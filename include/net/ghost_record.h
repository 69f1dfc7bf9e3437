/* What the file of ghost sessions is made of: a header, then records of one size, each with a checksum of its own.
 * Pure: octets in, values out. The sizes and places of everything are the file's format, version 1. */
#ifndef IMAPMUX_NET_GHOST_RECORD_H
#define IMAPMUX_NET_GHOST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "mux/link.h"

#define GHOST_HEADER_SIZE  64
#define GHOST_RECORD_SIZE  68
#define GHOST_SALT_SIZE    32
#define GHOST_ACCOUNT_SIZE 16

enum ghost_event {
    GHOST_STANDS = 'S', /* a session stands */
    GHOST_LOST = 'L',   /* its connection is lost, the server may count it */
    GHOST_OVER = 'O',   /* it is not counted any more */
};

struct ghost_record {
    enum ghost_event event;
    int64_t at;                          /* seconds since 1970 */
    uint8_t account[GHOST_ACCOUNT_SIZE]; /* a digest with the file's salt */
    struct link_ends ends;
};

void ghost_header_write(const uint8_t salt[GHOST_SALT_SIZE], uint8_t octets[GHOST_HEADER_SIZE]);
/* False: it is no header of such a file. */
bool ghost_header_read(const uint8_t octets[GHOST_HEADER_SIZE], uint8_t salt[GHOST_SALT_SIZE])
    __attribute__((warn_unused_result));

/* False: such ends are not kept (neither IPv4 nor IPv6, or of one link only: these are addresses of an interface). */
bool ghost_record_write(const struct ghost_record *record, uint8_t octets[GHOST_RECORD_SIZE])
    __attribute__((warn_unused_result));
/* False: it is damaged. */
bool ghost_record_read(struct ghost_record *record, const uint8_t octets[GHOST_RECORD_SIZE])
    __attribute__((warn_unused_result));

#endif
