/* Text for humans, such as a status response ends with, as a client's grammar has it: RFC 3501 section 9, "text", and
 * UTF-8 (RFC 9051 section 9), which servers send in languages other than English. */
#ifndef IMAPMUX_IMAP_TEXT_H
#define IMAPMUX_IMAP_TEXT_H

#include <stdbool.h>

#include "base/slice.h"

struct evbuffer;

/* Appends the text, each octet that may not stand there as "?": controls, and what is no well-formed UTF-8 (the half of
 * a character where a text was cut short included). A "[" in front, which would begin a response code, becomes "("; an
 * empty text becomes "-". False: out of memory. */
bool text_print(struct slice text, struct evbuffer *out) __attribute__((warn_unused_result));

#endif
