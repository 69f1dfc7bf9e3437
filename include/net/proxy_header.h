/* The header of HAProxy's PROXY protocol, versions 1 and 2, as it stands in front of everything else on a connection: a
 * pure parser, which is called again with more octets until it says OK or BAD. */
#ifndef IMAPMUX_NET_PROXY_HEADER_H
#define IMAPMUX_NET_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "net/address.h"

/* The longest header that is taken: version 1 permits 107 octets, version 2 any number of TLVs. */
#define PROXY_HEADER_MAX 4096

enum proxy_header_answer {
    PROXY_HEADER_OK,   /* complete */
    PROXY_HEADER_MORE, /* good so far */
    PROXY_HEADER_BAD,  /* no header, or none that the specification permits, or one longer than PROXY_HEADER_MAX */
};

struct proxy_header {
    /* OK: how many octets it has. MORE: how many further octets certainly still belong to it, at least 1. A reader that
     * reads only those never takes an octet of what follows. */
    size_t length;
    /* OK only: the header tells the client's address. False: it tells nobody (LOCAL, UNKNOWN, UNSPEC, another kind than
     * TCP): the connection's own address holds. */
    bool has_source;
    struct address source;
};

/* bytes: all that was read from the beginning of the connection. The answer to a prefix is MORE, or the same BAD. */
enum proxy_header_answer proxy_header_parse(struct slice bytes, struct proxy_header *header);

#endif
