/* PROXY protocol headers (HAProxy's proxy-protocol.txt, 2.1 and 2.2). Stands before TLS and IMAP on a connection that
 * another proxy has made. Stateless: each call reads the whole header again, and it is short. It must never say
 * that more octets belong to the header than do, or TLS would lack them. */
#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define V1_MAX     107 /* with CRLF */
#define V2_FIXED   16
#define V2_COMMAND 12 /* where it stands */
#define V2_FAMILY  13
#define V2_LENGTH  14

static const struct slice v1_prefix = {"PROXY ", 6};
static const struct slice v2_signature = {"\r\n\r\n\0\r\nQUIT\n", 12};

static bool agree(struct slice bytes, struct slice with)
{
    size_t most = bytes.length < with.length ? bytes.length : with.length;
    return memcmp(bytes.data, with.data, most) == 0;
}

static bool begins(struct slice bytes, struct slice with)
{
    return bytes.length >= with.length && agree(bytes, with);
}

static enum proxy_header_answer more(struct proxy_header *header, size_t length)
{
    header->length = length;
    return PROXY_HEADER_MORE;
}

static void set_source(struct proxy_header *header, int family, const void *bytes, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    header->has_source = true;
    if (family == AF_INET) {
        memcpy(&in.sin_addr, bytes, sizeof(in.sin_addr));
        address_set(&header->source, (struct sockaddr *)&in, sizeof(in));
    } else {
        memcpy(&in6.sin6_addr, bytes, sizeof(in6.sin6_addr));
        address_set(&header->source, (struct sockaddr *)&in6, sizeof(in6));
    }
}

/* ---- version 1: a line of text ---- */

/* The first word; *text goes on after the space that must follow it, or is empty. */
static struct slice take_word(struct slice *text)
{
    const char *space = text->length > 0 ? memchr(text->data, ' ', text->length) : NULL;
    struct slice word = {text->data, space ? (size_t)(space - text->data) : text->length};
    size_t taken = word.length + (space ? 1 : 0);

    *text = (struct slice){text->data + taken, text->length - taken};
    return word;
}

static bool read_host(struct slice word, int family, void *bytes)
{
    char host[INET6_ADDRSTRLEN];

    if (word.length == 0 || word.length >= sizeof(host) || memchr(word.data, '\0', word.length))
        return false;
    memcpy(host, word.data, word.length);
    host[word.length] = '\0';
    return inet_pton(family, host, bytes) == 1;
}

static bool read_port(struct slice word, uint16_t *port)
{
    uint64_t number = 0;

    if (word.length > 5 || !slice_number(word, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* line: the text between "PROXY " and CRLF. */
static bool read_line(struct slice line, struct proxy_header *header)
{
    struct slice kind = take_word(&line);
    int family = slice_equal(kind, SLICE("TCP4")) ? AF_INET : AF_INET6;
    uint8_t source[16], destination[16];
    uint16_t source_port = 0, destination_port = 0;

    if (slice_equal(kind, SLICE("UNKNOWN")))
        return true; /* whatever follows is to be ignored */
    if (family == AF_INET6 && !slice_equal(kind, SLICE("TCP6")))
        return false;
    struct slice from = take_word(&line), to = take_word(&line), from_port = take_word(&line);
    if (!read_host(from, family, source) || !read_host(to, family, destination) ||
        !read_port(from_port, &source_port) || !read_port(line, &destination_port))
        return false;
    set_source(header, family, source, source_port);
    return true;
}

/* The shortest header that begins so. */
static size_t v1_least(struct slice bytes)
{
    if (begins(bytes, SLICE("PROXY TCP4 ")))
        return sizeof("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n") - 1;
    if (begins(bytes, SLICE("PROXY TCP6 ")))
        return sizeof("PROXY TCP6 :: :: 0 0\r\n") - 1;
    return sizeof("PROXY UNKNOWN\r\n") - 1;
}

static enum proxy_header_answer parse_v1(struct slice bytes, struct proxy_header *header)
{
    size_t most = bytes.length < V1_MAX ? bytes.length : V1_MAX, least = v1_least(bytes);
    const char *end = memchr(bytes.data, '\n', most);

    if (!agree(bytes, v1_prefix))
        return PROXY_HEADER_BAD;
    if (end) {
        header->length = (size_t)(end - bytes.data) + 1;
        if (header->length < least || end[-1] != '\r')
            return PROXY_HEADER_BAD;
        struct slice line = {bytes.data + v1_prefix.length, header->length - v1_prefix.length - 2};
        return read_line(line, header) ? PROXY_HEADER_OK : PROXY_HEADER_BAD;
    }
    if (bytes.length >= V1_MAX)
        return PROXY_HEADER_BAD;
    if (bytes.length < least)
        return more(header, least - bytes.length);
    return more(header, bytes.data[bytes.length - 1] == '\r' || bytes.length + 1 == V1_MAX ? 1 : 2);
}

/* ---- version 2: binary ---- */

enum v2_family {
    V2_UNSPEC = 0x00,
    V2_TCP4 = 0x11,
    V2_UDP4 = 0x12,
    V2_TCP6 = 0x21,
    V2_UDP6 = 0x22,
    V2_UNIX_STREAM = 0x31,
    V2_UNIX_DATAGRAM = 0x32,
};

static uint16_t number_at(struct slice bytes, size_t offset)
{
    return (uint16_t)((uint8_t)bytes.data[offset] << 8 | (uint8_t)bytes.data[offset + 1]);
}

/* How long the two addresses with their ports are; -1: there is no such family. */
static int addresses_length(uint8_t family)
{
    switch (family) {
    case V2_UNSPEC:
        return 0;
    case V2_TCP4:
    case V2_UDP4:
        return 12;
    case V2_TCP6:
    case V2_UDP6:
        return 36;
    case V2_UNIX_STREAM:
    case V2_UNIX_DATAGRAM:
        return 216;
    default:
        return -1;
    }
}

/* Judges the first 16 octets: version, command, family and length fit each other. */
static bool v2_is_good(struct slice bytes)
{
    uint8_t command = (uint8_t)bytes.data[V2_COMMAND];
    int least = addresses_length((uint8_t)bytes.data[V2_FAMILY]);
    uint16_t length = number_at(bytes, V2_LENGTH);

    if (V2_FIXED + (size_t)length > PROXY_HEADER_MAX)
        return false;
    return command == 0x20 || (command == 0x21 && least >= 0 && length >= least);
}

static void read_v2_source(struct slice bytes, struct proxy_header *header)
{
    uint8_t family = (uint8_t)bytes.data[V2_FAMILY];

    if ((uint8_t)bytes.data[V2_COMMAND] == 0x20)
        return; /* LOCAL: the sender's own connection, a check of whether we live */
    if (family == V2_TCP4)
        set_source(header, AF_INET, bytes.data + V2_FIXED, number_at(bytes, V2_FIXED + 8));
    else if (family == V2_TCP6)
        set_source(header, AF_INET6, bytes.data + V2_FIXED, number_at(bytes, V2_FIXED + 32));
}

static enum proxy_header_answer parse_v2(struct slice bytes, struct proxy_header *header)
{
    if (!agree(bytes, v2_signature))
        return PROXY_HEADER_BAD;
    if (bytes.length < V2_FIXED)
        return more(header, V2_FIXED - bytes.length);
    if (!v2_is_good(bytes))
        return PROXY_HEADER_BAD;
    size_t length = V2_FIXED + (size_t)number_at(bytes, V2_LENGTH);
    if (bytes.length < length)
        return more(header, length - bytes.length);
    header->length = length;
    read_v2_source(bytes, header);
    return PROXY_HEADER_OK;
}

enum proxy_header_answer proxy_header_parse(struct slice bytes, struct proxy_header *header)
{
    memset(header, 0, sizeof(*header));
    if (bytes.length == 0)
        return more(header, sizeof("PROXY UNKNOWN\r\n") - 1);
    return bytes.data[0] == v1_prefix.data[0] ? parse_v1(bytes, header) : parse_v2(bytes, header);
}
