/* What a server may write, by the ABNF of RFC 3501 section 9 (with RFC 2342, 2971, 4315, 4731, 5161, 5258, 7162, 8438),
 * to the octet: a space too many or too few, a literal where only a quoted string may stand, NIL, 0 or a large number
 * where none may. Written apart from the proxy's own parsers, which are forgiving; shared by the simulator's clients
 * and the fuzzed ones. tests/support/grammar.py is the same for the scenarios, and tests/abnf/lines is read by both.
 *
 * Two things are more than the RFC has: text for humans may be UTF-8 (RFC 9051 section 9), and extensions that imapmux
 * does not offer are faults, since it has no business to write of them. */
#ifndef IMAPMUX_TESTS_ABNF_H
#define IMAPMUX_TESTS_ABNF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum abnf_result {
    ABNF_GOOD,
    ABNF_MORE, /* the octets end in the middle of a response that is right so far */
    ABNF_BAD,
};

struct abnf_answer {
    enum abnf_result result;
    size_t at;          /* ABNF_GOOD: the response's octets, CRLF included; ABNF_BAD: where the fault stands */
    const char *wanted; /* ABNF_BAD: what the grammar has there */
};

/* Reads the response at the front of `octets`. any_values: behind the server may be one that knows no grammar, so
 * values handed on from it (structures, dates, sizes, extended LIST data) may be any, but in well-formed tokens. */
struct abnf_answer abnf_response(struct slice octets, bool any_values);

#endif
