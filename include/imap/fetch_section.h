/* Sections of a message, such as "1.HEADER.FIELDS (From To)": what stands in the brackets of BODY[...]. RFC 3501
 * section 6.4.5. */
#ifndef IMAPMUX_IMAP_FETCH_SECTION_H
#define IMAPMUX_IMAP_FETCH_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

bool fetch_section_valid(struct slice section);
/* Where the ] that closes a section stands in the text behind the [; its length: there is none. A quoted name may hold
 * others. */
size_t fetch_section_end(struct slice text);
/* Are they written alike? Without regard to case, quotes and backslashes. */
bool fetch_section_alike(struct slice one, struct slice other);
/* The octets that fetch_section_meaning needs for a section. */
size_t fetch_section_room(struct slice section);
/* What it means, in one spelling: two sections mean the same if these are equal, however they are written, their names
 * of header fields quoted and ordered. Written into `room`, which the result borrows. */
struct slice fetch_section_meaning(struct slice section, char *room);

#endif
