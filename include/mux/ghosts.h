/* The ghost sessions of one account: its server may count them on although their connections are lost, and refuse a new
 * one for that. A connection between the same two ends makes the server's TCP find out that the former one is dead (RFC
 * 5961 section 4). It is worth a try once a connection from a fresh port has been refused for want of a place. */
#ifndef IMAPMUX_MUX_GHOSTS_H
#define IMAPMUX_MUX_GHOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "mux/ghost_keeper.h"
#include "mux/upstream.h"

#define GHOSTS_MAX ((size_t)4)

/* Written by its own functions only. */
struct ghosts {
    const struct ghost_keeper *keeper;
    struct slice account;
    struct link_ends list[GHOSTS_MAX]; /* the one lost last first */
    size_t count;
    bool several; /* the account may have several sessions: one that got in needs not have a ghost's place */
    bool revives; /* the next connection is made between the ends of the first one */
};

/* Begins with those that the keeper knows; NULL: nobody keeps any. The account's key is borrowed. */
void ghosts_init(struct ghosts *ghosts, const struct ghost_keeper *keeper, struct slice account);
/* The account connects. Returns between which ends; NULL: any. Borrowed until the list changes. */
const struct link_ends *ghosts_dialled(struct ghosts *ghosts);
/* It is logged in, between these ends (NULL: not known): a ghost that stood there is over, and it has got its place, so
 * that no other keeps it out. Where the account may have several sessions, another may keep out the next one. */
void ghosts_ready(struct ghosts *ghosts, const struct link_ends *ends);
/* The connection has ended. True: it was refused, perhaps because a ghost is counted; the next connection is made
 * between that one's ends. */
bool ghosts_closed(struct ghosts *ghosts, const struct upstream_end *end);

#endif
