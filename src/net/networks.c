/* Addresses and networks of a setting. Stands beside net/address: pure, nothing is looked up. All are kept as IPv6, so
 * that a listener on [::] and one on 0.0.0.0 judge alike. It must never take a malformed entry for a wide one. */
#include "net/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/slice.h"

#define ENTRY_MAX   (INET6_ADDRSTRLEN + 4)
#define MAPPED_BITS 96

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool same_bits(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* True: no bit outside the mask is set. */
static bool is_clean(const struct network *network)
{
    for (unsigned bit = network->bits; bit < 128; bit++)
        if (network->bytes[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    return true;
}

static const char *parse_one(struct slice text, struct network *network)
{
    char host[ENTRY_MAX];
    const char *slash = memchr(text.data, '/', text.length);
    size_t length = slash ? (size_t)(slash - text.data) : text.length;
    uint64_t bits = 0;

    if (length >= sizeof(host))
        return "an entry is not an address; host names are not accepted";
    memcpy(host, text.data, length);
    host[length] = '\0';
    memcpy(network->bytes, mapped_prefix, sizeof(mapped_prefix));
    bool ipv4 = inet_pton(AF_INET, host, network->bytes + sizeof(mapped_prefix)) == 1;
    if (!ipv4 && inet_pton(AF_INET6, host, network->bytes) != 1)
        return "an entry is not an address; host names are not accepted";
    unsigned before = ipv4 ? MAPPED_BITS : 0;
    if (slash && !slice_number((struct slice){slash + 1, text.length - length - 1}, 128 - before, &bits))
        return "the number after a slash must be 0 to 32, or 0 to 128 for IPv6";
    network->bits = (uint8_t)(slash ? before + bits : 128);
    return is_clean(network) ? NULL : "a network has bits set outside its mask";
}

bool networks_parse(const char *text, struct networks *networks, const char **fault)
{
    static const char separators[] = " \t";

    memset(networks, 0, sizeof(*networks));
    *fault = NULL;
    text = text ? text + strspn(text, separators) : "";
    while (*text && !*fault) {
        size_t length = strcspn(text, separators);
        if (networks->count == NETWORKS_MAX)
            *fault = "more than 32 entries";
        else
            *fault = parse_one((struct slice){text, length}, &networks->list[networks->count++]);
        text += length;
        text += strspn(text, separators);
    }
    if (*fault)
        networks->count = 0;
    return !*fault;
}

static bool bytes_of(const struct address *address, uint8_t bytes[16])
{
    if (address->length == 0)
        return false;
    if (address->storage.ss_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, 16);
        return true;
    }
    if (address->storage.ss_family != AF_INET)
        return false;
    memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(bytes + sizeof(mapped_prefix), &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
    return true;
}

bool networks_contain(const struct networks *networks, const struct address *address)
{
    uint8_t bytes[16];

    if (!bytes_of(address, bytes))
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (same_bits(networks->list[i].bytes, bytes, networks->list[i].bits))
            return true;
    return false;
}
