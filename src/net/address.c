/* Addresses of peers. Pure functions over sockaddr: nothing here looks a name up or opens a socket. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void address_set(struct address *address, const struct sockaddr *from, socklen_t length)
{
    memset(address, 0, sizeof(*address));
    if (!from || length > sizeof(address->storage))
        return;
    memcpy(&address->storage, from, length);
    address->length = length;
}

bool address_of_socket(struct address *address, int descriptor)
{
    memset(address, 0, sizeof(*address));
    address->length = sizeof(address->storage);
    if (getsockname(descriptor, (struct sockaddr *)&address->storage, &address->length) == 0)
        return true;
    address->length = 0;
    return false;
}

static int family_of(const struct address *address)
{
    return address->length > 0 ? address->storage.ss_family : AF_UNSPEC;
}

const char *address_text(const struct address *address, char buffer[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (family_of(address) == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(buffer, ADDRESS_TEXT_SIZE, "%s:%u", host, (unsigned)ntohs(in->sin_port));
    } else if (family_of(address) == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(buffer, ADDRESS_TEXT_SIZE, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
    } else {
        snprintf(buffer, ADDRESS_TEXT_SIZE, "local");
    }
    return buffer;
}

const char *address_host(const struct address *address, char buffer[ADDRESS_TEXT_SIZE])
{
    const void *host = family_of(address) == AF_INET6
                           ? (const void *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr
                           : (const void *)&((const struct sockaddr_in *)&address->storage)->sin_addr;

    if (family_of(address) == AF_UNSPEC || !inet_ntop(family_of(address), host, buffer, ADDRESS_TEXT_SIZE))
        snprintf(buffer, ADDRESS_TEXT_SIZE, "local");
    return buffer;
}

void address_take_port(struct address *address, const struct address *from)
{
    if (family_of(address) != family_of(from))
        return;
    if (family_of(address) == AF_INET)
        ((struct sockaddr_in *)&address->storage)->sin_port = ((const struct sockaddr_in *)&from->storage)->sin_port;
    else if (family_of(address) == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port =
            ((const struct sockaddr_in6 *)&from->storage)->sin6_port;
}

/* The IPv4 address, also of a mapped one, in network order. */
static bool ipv4_of(const struct address *address, uint8_t bytes[4])
{
    if (family_of(address) == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
        return true;
    }
    if (family_of(address) == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(in6))
            return false;
        memcpy(bytes, &in6->s6_addr[12], 4);
        return true;
    }
    return false;
}

bool address_is_loopback(const struct address *address)
{
    uint8_t ipv4[4];

    if (ipv4_of(address, ipv4))
        return ipv4[0] == 127;
    if (family_of(address) == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address->storage)->sin6_addr);
    return family_of(address) == AF_UNIX;
}

bool address_name_is_loopback(const char *host)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct address address;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
        address_set(&address, (struct sockaddr *)&in, sizeof(in));
    else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
        address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    else
        return false;
    return address_is_loopback(&address);
}

struct address_key address_key(const struct address *address)
{
    struct address_key key = {{0}};
    uint8_t ipv4[4];

    if (ipv4_of(address, ipv4))
        memcpy(&key.bytes[4], ipv4, 4); /* 0::/32 is no client's network */
    else if (family_of(address) == AF_INET6)
        memcpy(key.bytes, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, sizeof(key.bytes));
    return key;
}

uint64_t address_number(const struct address *address)
{
    struct address_key key = address_key(address);
    uint64_t number;

    memcpy(&number, key.bytes, sizeof(number));
    return number;
}
