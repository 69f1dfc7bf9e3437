/* The grammar of a server's line, for the response reader: a line that is whole becomes a struct response. RFC 3501
 * section 7. */
#ifndef IMAPMUX_IMAP_RESPONSE_LINE_H
#define IMAPMUX_IMAP_RESPONSE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/response.h"
#include "imap/value.h"

/* False: garbage. The line is without line end, and without padding at its ends. */
bool response_line_parse(struct line line, struct arena *arena, struct response *response);
/* A line that could not be parsed: is it about nothing but itself, so that it can be left out? True of * LIST, * STATUS
 * and words that nobody knows; false of everything about messages or a command. */
bool response_line_is_spare(struct slice line);
/* Does the text begin with "* n FETCH ("? *offset: of the parenthesis. A number of 0 or beyond 32 bits is none. */
bool response_line_begins_fetch(struct slice text, uint32_t *number, size_t *offset);
/* Makes pairs of the values from `first` up to `end` (excluded; NULL: all). False: garbage, such as an odd count, a
 * name that is no atom, a UID or MODSEQ that is none. */
bool response_line_pairs(struct value *first, const struct value *end, struct arena *arena, struct fetch_pair **pairs);
/* Makes the name of a FETCH item capitals, up to a [ if there is one. False: out of memory. */
bool response_line_name(struct slice *name, struct arena *arena);
/* May a literal of this item be streamed? */
bool response_line_streams(struct slice name);

#endif
