/* See output.h. A buffer that has failed or is sealed is frozen at its end (base/append.h), so it refuses printers as
 * well. */
#include "session/output.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdarg.h>

#include "base/append.h"
#include "base/runqueue.h"

bool output_init(struct output *output, struct task *task)
{
    *output = (struct output){.bytes = evbuffer_new(), .held = evbuffer_new(), .task = task};
    return output->bytes && output->held;
}

void output_clear(struct output *output)
{
    if (output->bytes)
        evbuffer_free(output->bytes);
    if (output->held)
        evbuffer_free(output->held);
    if (output->first)
        evbuffer_free(output->first);
    *output = (struct output){0};
}

void output_fail(struct output *output)
{
    append_fail(output->bytes);
    output->failed = true;
    task_wake(output->task);
}

void output_check(struct output *output, bool printed)
{
    if (!printed && !output->sealed)
        output_fail(output);
}

/* Into either buffer. */
static void __attribute__((format(printf, 3, 0)))
format_into(struct output *output, struct evbuffer *buffer, const char *format, va_list arguments)
{
    if (output_takes(output))
        output_check(output, append_arguments(buffer, format, arguments));
}

void output_format(struct output *output, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_into(output, output->bytes, format, arguments);
    va_end(arguments);
}

void output_bytes(struct output *output, struct slice bytes)
{
    if (output_takes(output))
        output_check(output, append_bytes(output->bytes, bytes.data, bytes.length));
}

void output_move(struct output *output, struct evbuffer *from)
{
    if (output_takes(output))
        output_check(output, append_buffer(output->bytes, from));
}

void output_open_line(struct output *output)
{
    output->line_open = true;
}

void output_close_line(struct output *output)
{
    if (!output->line_open)
        return;
    output->line_open = false;
    if (evbuffer_get_length(output->held) > 0)
        output_move(output, output->held);
    task_wake(output->task);
}

void output_whole_line(struct output *output, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_into(output, output->line_open ? output->held : output->bytes, format, arguments);
    va_end(arguments);
}

bool output_failed(const struct output *output)
{
    return output->failed || (!output->sealed && append_failed(output->bytes));
}

void output_seal(struct output *output)
{
    append_fail(output->bytes);
    output->sealed = true;
}

bool output_takes(const struct output *output)
{
    return !output->sealed && !output_failed(output);
}

void output_divide(struct output *output)
{
    struct evbuffer *bytes = evbuffer_new();

    assert(!output->first && !output->line_open);
    if (!bytes || !output_takes(output)) {
        if (bytes)
            evbuffer_free(bytes);
        output_fail(output);
        return;
    }
    output->first = output->bytes;
    output->bytes = bytes;
}

void output_join(struct output *output)
{
    assert(output->first && evbuffer_get_length(output->first) == 0);
    evbuffer_free(output->first);
    output->first = NULL;
}

bool output_is_divided(const struct output *output)
{
    return output->first != NULL;
}

struct evbuffer *output_first(const struct output *output)
{
    return output->first ? output->first : output->bytes;
}

size_t output_length(const struct output *output)
{
    return evbuffer_get_length(output_first(output));
}
