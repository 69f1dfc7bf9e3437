/* The addresses of this machine from which connections to an upstream may leave: the setting `source`. Each user leaves
 * from one of them, always the same, so that a provider sees one address per user, and the port of a lost session stays
 * of use. Pure: nothing is looked up or opened. */
#ifndef IMAPMUX_NET_SOURCES_H
#define IMAPMUX_NET_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "net/address.h"

#define SOURCES_MAX        32
#define SOURCES_FAULT_SIZE 128

struct sources {
    size_t count;
    struct address list[SOURCES_MAX]; /* with port 0 */
};

/* "192.0.2.1 192.0.2.2, 2001:db8::1", separated by spaces or commas; NULL or "": none. False: `fault` says what is
 * wrong; *sources is then empty. */
bool sources_parse(const char *text, struct sources *sources, char fault[SOURCES_FAULT_SIZE])
    __attribute__((warn_unused_result));
/* The user's address of this family (AF_INET, AF_INET6): the same for each process and each order of the list. One that
 * is added to the list, or taken from it, moves no more users than it must. NULL: there is none of this family.
 * Borrowed from *sources. */
const struct address *sources_choose(const struct sources *sources, int family, struct slice user);

#endif
