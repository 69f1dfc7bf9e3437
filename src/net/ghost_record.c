/* Records of the file of ghost sessions. Nothing in them is trusted before the checksum agrees, and nothing but the two
 * ends is ever used of one that does. Numbers stand in network order:
 *
 *   0 event   1 family (4, 6)   2 our port   4 the server's port   6 zero   8 time   16 account   32 our address
 *   48 the server's address   64 checksum */
#include "net/ghost_record.h"

#include <netinet/in.h>
#include <string.h>

#define MAGIC      "imapmux ghost sessions 1\n"
#define MAGIC_SIZE 28 /* filled up with NULs */

static uint32_t checksum(const uint8_t *octets, size_t size)
{
    uint32_t sum = UINT32_C(0x811c9dc5); /* FNV-1a */

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ octets[i]) * UINT32_C(0x01000193);
    return sum;
}

static void put_number(uint8_t *octets, size_t size, uint64_t number)
{
    while (size-- > 0) {
        octets[size] = (uint8_t)number;
        number >>= 8;
    }
}

static uint64_t get_number(const uint8_t *octets, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | octets[i];
    return number;
}

static void seal(uint8_t *octets, size_t size)
{
    put_number(octets + size - 4, 4, checksum(octets, size - 4));
}

static bool is_sealed(const uint8_t *octets, size_t size)
{
    return get_number(octets + size - 4, 4) == checksum(octets, size - 4);
}

void ghost_header_write(const uint8_t salt[GHOST_SALT_SIZE], uint8_t octets[GHOST_HEADER_SIZE])
{
    memset(octets, 0, GHOST_HEADER_SIZE);
    memcpy(octets, MAGIC, sizeof(MAGIC));
    memcpy(octets + MAGIC_SIZE, salt, GHOST_SALT_SIZE);
    seal(octets, GHOST_HEADER_SIZE);
}

bool ghost_header_read(const uint8_t octets[GHOST_HEADER_SIZE], uint8_t salt[GHOST_SALT_SIZE])
{
    if (memcmp(octets, MAGIC, sizeof(MAGIC)) != 0 || !is_sealed(octets, GHOST_HEADER_SIZE))
        return false;
    memcpy(salt, octets + MAGIC_SIZE, GHOST_SALT_SIZE);
    return true;
}

/* --- ends */

static bool put_end(const uint8_t *end, uint8_t family, uint8_t *port, uint8_t *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (family == 4) {
        memcpy(&in, end, sizeof(in));
        memcpy(port, &in.sin_port, 2);
        memcpy(address, &in.sin_addr, 4);
        return in.sin_family == AF_INET;
    }
    memcpy(&in6, end, sizeof(in6));
    memcpy(port, &in6.sin6_port, 2);
    memcpy(address, &in6.sin6_addr, 16);
    return in6.sin6_family == AF_INET6 && in6.sin6_scope_id == 0;
}

static void get_end(uint8_t *end, uint8_t family, const uint8_t *port, const uint8_t *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (family == 4) {
        memcpy(&in.sin_port, port, 2);
        memcpy(&in.sin_addr, address, 4);
        memcpy(end, &in, sizeof(in));
    } else {
        memcpy(&in6.sin6_port, port, 2);
        memcpy(&in6.sin6_addr, address, 16);
        memcpy(end, &in6, sizeof(in6));
    }
}

static uint8_t family_of_length(uint8_t length)
{
    return length == sizeof(struct sockaddr_in) ? 4 : length == sizeof(struct sockaddr_in6) ? 6 : 0;
}

_Static_assert(sizeof(struct sockaddr_in6) == LINK_END_SIZE, "an end holds an address of either family");

/* --- records */

bool ghost_record_write(const struct ghost_record *record, uint8_t octets[GHOST_RECORD_SIZE])
{
    uint8_t family = family_of_length(record->ends.length);

    memset(octets, 0, GHOST_RECORD_SIZE);
    octets[0] = (uint8_t)record->event;
    octets[1] = family;
    put_number(octets + 8, 8, (uint64_t)record->at);
    memcpy(octets + 16, record->account, GHOST_ACCOUNT_SIZE);
    if (family == 0 || !put_end(record->ends.local, family, octets + 2, octets + 32) ||
        !put_end(record->ends.remote, family, octets + 4, octets + 48))
        return false;
    seal(octets, GHOST_RECORD_SIZE);
    return true;
}

bool ghost_record_read(struct ghost_record *record, const uint8_t octets[GHOST_RECORD_SIZE])
{
    uint8_t event = octets[0], family = octets[1];

    memset(record, 0, sizeof(*record));
    if (!is_sealed(octets, GHOST_RECORD_SIZE) || (family != 4 && family != 6) ||
        (event != GHOST_STANDS && event != GHOST_LOST && event != GHOST_OVER))
        return false;
    record->event = (enum ghost_event)event;
    record->at = (int64_t)get_number(octets + 8, 8);
    memcpy(record->account, octets + 16, GHOST_ACCOUNT_SIZE);
    record->ends.length = family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    get_end(record->ends.local, family, octets + 2, octets + 32);
    get_end(record->ends.remote, family, octets + 4, octets + 48);
    return true;
}
