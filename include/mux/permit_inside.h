/* What permit.c and permit_further.c share. */
#ifndef IMAPMUX_MUX_PERMIT_INSIDE_H
#define IMAPMUX_MUX_PERMIT_INSIDE_H

#include "mux/permit.h"

/* What the end of a connection says about the server. visitor: whose turn in its row that was. */
void permit_note_server(struct permit *permit, struct server_visitor *visitor, const struct upstream_end *end,
                        usec now);
/* True: the next connection is made from the port of a lost session. */
bool permit_note_ghost(struct permit *permit, const struct upstream_end *end);

#endif
