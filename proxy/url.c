/* Parsing of the two kinds of URL. Nothing is looked up here. */
#include "proxy/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

static const struct {
    const char *prefix;
    bool implicit_tls;
    uint16_t port;
} schemes[] = {
    {"imap://", false, 143},
    {"imaps://", true, 993},
};

static const char *parse_scheme(const char *text, struct url *url)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, length) != 0)
            continue;
        url->implicit_tls = schemes[i].implicit_tls;
        url->port = schemes[i].port;
        return text + length;
    }
    return NULL;
}

/* [address] or name; *rest is what follows it. */
static const char *parse_host(const char *text, struct url *url, const char **rest)
{
    bool bracketed = text[0] == '[';
    const char *begin = text + bracketed, *end = begin + strcspn(begin, bracketed ? "]" : ":/");
    unsigned char bytes[16];

    if (bracketed && *end != ']')
        return "the bracket of the address is not closed by ]";
    if ((size_t)(end - begin) > URL_HOST_MAX)
        return "the host is longer than 255 octets";
    memcpy(url->host, begin, (size_t)(end - begin));
    url->host[end - begin] = '\0';
    *rest = end + bracketed;
    if (bracketed && inet_pton(AF_INET6, url->host, bytes) != 1)
        return "the text in brackets is not an IPv6 address";
    return NULL;
}

static bool is_host_name(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
    return host[0] != '\0' && host[strspn(host, allowed)] == '\0';
}

static const char *parse_port(const char *text, bool listen, struct url *url)
{
    uint64_t port = 0;
    size_t length = strcspn(text, "/");

    if (text[length] == '/' && text[length + 1] != '\0')
        return "nothing may follow the port: the client chooses account and mailbox";
    if (length == 0)
        return NULL;
    if (text[0] != ':' || !slice_number((struct slice){text + 1, length - 1}, UINT16_MAX, &port) ||
        (port == 0 && !listen))
        return "the port must be a number from 1 to 65535; put an IPv6 address in brackets";
    url->port = (uint16_t)port;
    return NULL;
}

bool url_parse(const char *text, bool listen, struct url *url, const char **fault)
{
    const char *rest = parse_scheme(text, url);

    *fault = NULL;
    if (!rest)
        *fault = "a url must begin with imap:// or imaps://";
    else if (strchr(rest, '@'))
        *fault = "a url must not have a user or password: clients log in with their own";
    else
        *fault = parse_host(rest, url, &rest);
    if (!*fault && !(listen && strcmp(url->host, "*") == 0) && !is_host_name(url->host))
        *fault = listen ? "the host must be an address of this machine, or * for all"
                        : "the host is missing or is not a host name";
    if (!*fault)
        *fault = parse_port(rest, listen, url);
    return !*fault;
}
