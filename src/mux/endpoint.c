/* Canonical spellings of hosts. A spelling that is not understood stays as it is. */
#include "mux/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* False: host is no IPv6 address. */
static bool put_address(const char *host, char put[UPSTREAM_HOST_MAX + 1])
{
    unsigned char bytes[16];

    return inet_pton(AF_INET6, host, bytes) == 1 && inet_ntop(AF_INET6, bytes, put, UPSTREAM_HOST_MAX + 1);
}

static void put_name(const char *host, char put[UPSTREAM_HOST_MAX + 1])
{
    size_t length = strlen(host);

    if (length > 1 && host[length - 1] == '.')
        length--;
    for (size_t i = 0; i < length; i++) {
        bool upper = host[i] >= 'A' && host[i] <= 'Z';
        put[i] = (char)(upper ? host[i] - 'A' + 'a' : host[i]);
    }
    put[length] = '\0';
}

struct slice endpoint_make(struct endpoint *endpoint, const struct upstream_settings *upstream)
{
    char host[UPSTREAM_HOST_MAX + 1];

    assert(upstream->host && strlen(upstream->host) <= UPSTREAM_HOST_MAX);
    if (!put_address(upstream->host, host))
        put_name(upstream->host, host);
    snprintf(endpoint->text, sizeof(endpoint->text), "%s %u", host, (unsigned)upstream->port);
    return slice_of(endpoint->text);
}

bool endpoint_equal(const struct upstream_settings *one, const struct upstream_settings *two)
{
    struct endpoint first, second;

    return slice_equal(endpoint_make(&first, one), endpoint_make(&second, two));
}
