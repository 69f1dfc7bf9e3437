/* For the targets of grammars over values: from octets to values, and from an outgoing command back to them. */
#ifndef IMAPMUX_TESTS_FUZZ_GRAMMAR_H
#define IMAPMUX_TESTS_FUZZ_GRAMMAR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/outgoing.h"
#include "imap/value.h"

#define GRAMMAR_ARENA ((size_t)1024 * 1024)

/* As a client's line; sections: as its FETCH. NULL: not well-formed, or empty. */
struct value *grammar_read(struct slice text, bool sections, struct arena *arena);
/* What would be written to a server with LITERAL+, without its line end, with literals as {n}. In the arena. */
struct slice grammar_written(struct outgoing *outgoing, struct arena *arena);

#endif
