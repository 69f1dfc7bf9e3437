/* A listener on a free port of this machine, for tests that need somebody to reach. */
#ifndef IMAPMUX_TESTS_UNIT_NET_DOOR_H
#define IMAPMUX_TESTS_UNIT_NET_DOOR_H

#include "net/listener.h"
#include "unit/net/bench.h"

struct door {
    struct bench bench;
    struct listener *listener;
    int accepted[64];
    int count;
};

void door_open(struct door *door);
int door_knock(const struct door *door); /* a connection to it; returns its descriptor */

#endif
