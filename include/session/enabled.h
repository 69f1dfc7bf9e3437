/* The extensions that a client has switched on for its session, by ENABLE (RFC 5161) or by using them (RFC 7162
 * section 3.1). They stay on until it ends. */
#ifndef IMAPMUX_SESSION_ENABLED_H
#define IMAPMUX_SESSION_ENABLED_H

#include <stdbool.h>

#include "base/slice.h"

/* Zeroed: none. */
struct enabled {
    bool condstore; /* every FETCH that shows FLAGS shows MODSEQ */
    bool qresync;   /* VANISHED stands in place of EXPUNGE; condstore as well */
};

/* Switches one on by its name, compared without case. False: it is no name of one that can be. */
bool enabled_switch_on(struct enabled *enabled, struct slice name);

#endif
