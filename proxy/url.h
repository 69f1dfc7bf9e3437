/* imap://host[:143] and imaps://host[:993], host being a name, an IPv4 address, or an IPv6 address in brackets. */
#ifndef IMAPMUX_PROXY_URL_H
#define IMAPMUX_PROXY_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mux/settings.h"

#define URL_HOST_MAX UPSTREAM_HOST_MAX

struct url {
    bool implicit_tls;           /* imaps */
    char host[URL_HOST_MAX + 1]; /* without brackets; "*": every address of this machine (to listen on) */
    uint16_t port;
};

/* False: *fault is a text that names the fault. `listen`: host may be "*", port may be 0. */
bool url_parse(const char *text, bool listen, struct url *url, const char **fault);

#endif
