/* A user's source is the one whose hash with the user's name is the highest (rendezvous hashing). The hash must stay as
 * it is over versions: another one would show providers other addresses. */
#include "net/sources.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SEPARATORS " \t,"

/* NULL: it may be one of this machine's addresses. */
static const char *fault_of_ipv4(struct in_addr in)
{
    uint32_t number = ntohl(in.s_addr);

    if (number == INADDR_ANY)
        return "means any address; leave source empty for that";
    return number >> 28 >= 14 ? "cannot be an address of this machine" : NULL; /* multicast, reserved, broadcast */
}

static const char *fault_of_ipv6(const struct in6_addr *in6)
{
    if (IN6_IS_ADDR_UNSPECIFIED(in6))
        return "means any address; leave source empty for that";
    if (IN6_IS_ADDR_V4MAPPED(in6))
        return "must be written as an IPv4 address";
    if (IN6_IS_ADDR_LINKLOCAL(in6))
        return "belongs to one link only; servers are not reached from it";
    return IN6_IS_ADDR_MULTICAST(in6) ? "cannot be an address of this machine" : NULL;
}

static const char *parse_one(const char *text, struct address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        address_set(address, (struct sockaddr *)&in, sizeof(in));
        return fault_of_ipv4(in.sin_addr);
    }
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
        address_set(address, (struct sockaddr *)&in6, sizeof(in6));
        return fault_of_ipv6(&in6.sin6_addr);
    }
    return "is not an IPv4 or IPv6 address (no names, ports or brackets)";
}

static bool take_one(struct slice entry, struct sources *sources, char fault[SOURCES_FAULT_SIZE])
{
    char text[INET6_ADDRSTRLEN + 1];
    const char *wrong;

    if (sources->count == SOURCES_MAX) {
        snprintf(fault, SOURCES_FAULT_SIZE, "more than %d addresses", SOURCES_MAX);
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", (int)entry.length, entry.data);
    wrong = parse_one(text, &sources->list[sources->count]);
    sources->count++;
    if (wrong)
        snprintf(fault, SOURCES_FAULT_SIZE, "\"%s\" %s", text, wrong);
    return !wrong;
}

bool sources_parse(const char *text, struct sources *sources, char fault[SOURCES_FAULT_SIZE])
{
    memset(sources, 0, sizeof(*sources));
    fault[0] = '\0';
    text = text ? text + strspn(text, SEPARATORS) : "";
    while (*text) {
        size_t length = strcspn(text, SEPARATORS);
        if (!take_one((struct slice){text, length}, sources, fault)) {
            sources->count = 0;
            return false;
        }
        text += length;
        text += strspn(text, SEPARATORS);
    }
    return true;
}

static uint64_t stir(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *octets = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ octets[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

static uint64_t rank_of(const struct address *address, struct slice user)
{
    uint64_t hash = stir(UINT64_C(0xcbf29ce484222325), user.data, user.length);

    if (address->storage.ss_family == AF_INET)
        hash = stir(hash, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
    else
        hash = stir(hash, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, 16);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd); /* its last octets alone would decide else */
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

const struct address *sources_choose(const struct sources *sources, int family, struct slice user)
{
    const struct address *chosen = NULL;
    uint64_t highest = 0;

    for (size_t i = 0; i < sources->count; i++) {
        const struct address *address = &sources->list[i];
        uint64_t rank = rank_of(address, user);
        if (address->storage.ss_family != family || (chosen && rank <= highest))
            continue;
        chosen = address;
        highest = rank;
    }
    return chosen;
}
