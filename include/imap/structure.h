/* Values whose lists stand side by side: ENVELOPE, BODY, BODYSTRUCTURE and NAMESPACE, printed for a client. Elsewhere
 * the elements of a list have a space between them, here it depends on the place: `1*body`, `1*address` (RFC 3501
 * section 9) and the descriptions of a namespace (RFC 2342 section 6) have none.
 *
 * Kinds are kept, as value_print keeps them. A value that is not of the shape which its place asks for is printed as
 * value_print would. All return false when memory is out. */
#ifndef IMAPMUX_IMAP_STRUCTURE_H
#define IMAPMUX_IMAP_STRUCTURE_H

#include <stdbool.h>

#include "imap/value.h"

struct evbuffer;

/* The value of ENVELOPE. The lists in it are lists of addresses. */
bool structure_print_envelope(const struct value *envelope, struct evbuffer *out) __attribute__((warn_unused_result));
/* The value of BODY or BODYSTRUCTURE: one part, or several and then what they are together. */
bool structure_print_body(const struct value *body, struct evbuffer *out) __attribute__((warn_unused_result));
/* The arguments of NAMESPACE from `first` on: each is NIL or a list of descriptions. */
bool structure_print_namespaces(const struct value *first, struct evbuffer *out) __attribute__((warn_unused_result));
/* The attributes of a mailbox in LIST, LSUB and XLIST: \Noselect and the like. What is no attribute is left out; no
 * list is an empty one. */
bool structure_print_attributes(const struct value *attributes, struct evbuffer *out)
    __attribute__((warn_unused_result));
/* A hierarchy separator, in LIST and NAMESPACE: one octet in quotes, escaped if need be, never a literal. NIL stands
 * for NIL, and for everything that is no separator. */
bool structure_print_separator(const struct value *separator, struct evbuffer *out) __attribute__((warn_unused_result));

#endif
