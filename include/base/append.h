/* Appending to an evbuffer so that failing once is failing for good: after the first append for which there was no
 * memory the buffer takes nothing more, and so never holds a text with a piece missing in its middle. A printer checks
 * only at the end, not after each piece. */
#ifndef IMAPMUX_BASE_APPEND_H
#define IMAPMUX_BASE_APPEND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct evbuffer;

/* False: this one has failed, or one before it. */
bool append_bytes(struct evbuffer *to, const void *bytes, size_t size);
/* printf into the buffer. Returns as append_bytes does. */
bool append_format(struct evbuffer *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* vprintf into the buffer. Returns as append_bytes does. */
bool append_arguments(struct evbuffer *to, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
/* Moves all of `from`, which is empty then. A failed `from` makes `to` a failed one. */
bool append_buffer(struct evbuffer *to, struct evbuffer *from);
void append_fail(struct evbuffer *to); /* from here on it takes nothing more */
/* True once an append to this buffer has failed or append_fail was called; it stays true. */
bool append_failed(struct evbuffer *buffer);

#endif
