/* A buffer that has failed is frozen at its end: libevent refuses whatever would be put there. It can still be read. */
#include "base/append.h"

#include <event2/buffer.h>

void append_fail(struct evbuffer *to)
{
    evbuffer_freeze(to, 0);
}

bool append_failed(struct evbuffer *buffer)
{
    return evbuffer_commit_space(buffer, NULL, 0) < 0; /* commits nothing, and is refused at a frozen end */
}

static bool result(struct evbuffer *to, bool done)
{
    if (!done)
        append_fail(to);
    return done;
}

bool append_bytes(struct evbuffer *to, const void *bytes, size_t size)
{
    return result(to, size == 0 ? !append_failed(to) : evbuffer_add(to, bytes, size) == 0);
}

bool append_arguments(struct evbuffer *to, const char *format, va_list arguments)
{
    return result(to, evbuffer_add_vprintf(to, format, arguments) >= 0);
}

bool append_format(struct evbuffer *to, const char *format, ...)
{
    va_list arguments;
    bool done;

    va_start(arguments, format);
    done = append_arguments(to, format, arguments);
    va_end(arguments);
    return done;
}

bool append_buffer(struct evbuffer *to, struct evbuffer *from)
{
    return result(to, !append_failed(from) && evbuffer_add_buffer(to, from) == 0);
}
