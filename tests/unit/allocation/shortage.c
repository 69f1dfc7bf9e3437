/* See shortage.h. */
#include "unit/allocation/shortage.h"

#include <event2/event.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/allocation/wrapped.h"

#define FRAMES      14
#define PATH_FRAMES 8 /* of the layers, the innermost */

static struct {
    bool on;
    unsigned buffers; /* within so many calls of libevent's buffers by the layers */
    unsigned long requests, refused, more;
    bool struck;
    long held;
    void (*refusal)(void *context);
    void *context;
    struct shortage_paths *paths;
    void *frames[FRAMES]; /* of the last refusal */
    int frame_count;
} shortage;

/* --- who asks */

static uint64_t hash_frames(void *const *frames, int count)
{
    uint64_t hash = 14695981039346656037u;

    for (int i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
    return hash;
}

static void write_path_down(struct shortage_paths *paths)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);

    if (paths->count == paths->capacity) {
        paths->capacity = paths->capacity ? paths->capacity * 2 : 1024;
        paths->path = __real_reallocarray(paths->path, paths->capacity, sizeof(*paths->path));
        if (!paths->path)
            abort();
    }
    paths->path[paths->count++] = hash_frames(frames, count < PATH_FRAMES ? count : PATH_FRAMES);
}

bool shortage_path_is_new(const struct shortage_paths *paths, unsigned long number)
{
    uint64_t path = paths->path[number - 1];

    for (size_t i = 0; i + 1 < number; i++) {
        if (paths->path[i] == path)
            return false;
    }
    return true;
}

void shortage_paths_clear(struct shortage_paths *paths)
{
    __real_free(paths->path);
    *paths = (struct shortage_paths){0};
}

void shortage_record(struct shortage_paths *paths)
{
    shortage.paths = paths;
}

/* The sanitizer's, where there is one. */
void __sanitizer_symbolize_pc(void *address, const char *format, char *text, size_t size) __attribute__((weak));

void shortage_show(void)
{
    char text[500];

    if (!__sanitizer_symbolize_pc) {
        backtrace_symbols_fd(shortage.frames, shortage.frame_count, STDERR_FILENO);
        return;
    }
    for (int i = 0; i < shortage.frame_count; i++) {
        __sanitizer_symbolize_pc((char *)shortage.frames[i] - 1, "    %f %S", text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
}

/* --- the decision */

static bool refuse(void)
{
    unsigned long number;

    if (!shortage.on)
        return false;
    number = ++shortage.requests;
    if (shortage.paths)
        write_path_down(shortage.paths);
    if (shortage.refused == 0 || number < shortage.refused || number - shortage.refused > shortage.more)
        return false;
    shortage.struck = true;
    shortage.frame_count = backtrace(shortage.frames, FRAMES);
    if (shortage.refusal)
        shortage.refusal(shortage.context);
    return true;
}

static void *counted(void *memory)
{
    shortage.held += memory != NULL;
    return memory;
}

void shortage_begin(unsigned long refused, unsigned long more, void (*refusal)(void *context), void *context)
{
    shortage.on = true;
    shortage.requests = 0;
    shortage.refused = refused;
    shortage.more = more;
    shortage.struck = false;
    shortage.refusal = refusal;
    shortage.context = context;
}

void shortage_end(void)
{
    shortage.on = false;
    shortage.paths = NULL;
}

unsigned long shortage_requests(void)
{
    return shortage.requests;
}

bool shortage_struck(void)
{
    return shortage.struck;
}

long shortage_held(void)
{
    return shortage.held;
}

/* --- the C library */

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    void *memory = refuse() ? NULL : __real_realloc(old, size);

    shortage.held += memory && !old;
    return memory;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    void *memory = refuse() ? NULL : __real_reallocarray(old, count, size);

    shortage.held += memory && !old;
    return memory;
}

char *__wrap_strdup(const char *text)
{
    return refuse() ? NULL : counted(__real_strdup(text));
}

static int __attribute__((format(printf, 2, 0))) print_text(char **text, const char *format, va_list arguments)
{
    int length = refuse() ? -1 : vasprintf(text, format, arguments);

    if (length < 0)
        *text = NULL;
    counted(*text);
    return length;
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = print_text(text, format, arguments);
    va_end(arguments);
    return length;
}

int __wrap___asprintf_chk(char **text, int flag, const char *format, ...)
{
    va_list arguments;
    int length;

    (void)flag;
    va_start(arguments, format);
    length = print_text(text, format, arguments);
    va_end(arguments);
    return length;
}

void __wrap_free(void *memory)
{
    shortage.held -= memory != NULL;
    __real_free(memory);
}

/* --- libcrypto: secrets */

void *__wrap_CRYPTO_secure_malloc(size_t size, const char *file, int line)
{
    return refuse() ? NULL : counted(__real_CRYPTO_secure_malloc(size, file, line));
}

void __wrap_CRYPTO_secure_clear_free(void *memory, size_t size, const char *file, int line)
{
    shortage.held -= memory != NULL;
    __real_CRYPTO_secure_clear_free(memory, size, file, line);
}

/* --- libevent's buffers: refused where a layer calls, not where the model around it does */

static bool refuse_buffer(void)
{
    return shortage.buffers > 0 && refuse();
}

static void *buffer_malloc(size_t size)
{
    return refuse_buffer() ? NULL : counted(__real_malloc(size));
}

static void *buffer_realloc(void *old, size_t size)
{
    void *memory = refuse_buffer() ? NULL : __real_realloc(old, size);

    shortage.held += memory && !old;
    return memory;
}

static void buffer_free(void *memory)
{
    __wrap_free(memory);
}

struct evbuffer *__wrap_evbuffer_new(void)
{
    struct evbuffer *buffer;

    shortage.buffers++;
    buffer = __real_evbuffer_new();
    shortage.buffers--;
    return buffer;
}

int __wrap_evbuffer_add(struct evbuffer *buffer, const void *bytes, size_t size)
{
    int result;

    shortage.buffers++;
    result = __real_evbuffer_add(buffer, bytes, size);
    shortage.buffers--;
    return result;
}

int __wrap_evbuffer_add_buffer(struct evbuffer *to, struct evbuffer *from)
{
    int result;

    shortage.buffers++;
    result = __real_evbuffer_add_buffer(to, from);
    shortage.buffers--;
    return result;
}

int __wrap_evbuffer_add_vprintf(struct evbuffer *buffer, const char *format, va_list arguments)
{
    int result;

    shortage.buffers++;
    result = __real_evbuffer_add_vprintf(buffer, format, arguments);
    shortage.buffers--;
    return result;
}

int __wrap_evbuffer_add_printf(struct evbuffer *buffer, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __wrap_evbuffer_add_vprintf(buffer, format, arguments);
    va_end(arguments);
    return result;
}

unsigned char *__wrap_evbuffer_pullup(struct evbuffer *buffer, ssize_t size)
{
    unsigned char *bytes;

    shortage.buffers++;
    bytes = __real_evbuffer_pullup(buffer, size);
    shortage.buffers--;
    return bytes;
}

static void say_nothing(int severity, const char *message)
{
    (void)severity;
    (void)message;
}

void shortage_init(void)
{
    void *frames[FRAMES];

    event_set_log_callback(say_nothing);
    (void)backtrace(frames, FRAMES); /* loads what it needs */
    event_set_mem_functions(buffer_malloc, buffer_realloc, buffer_free);
}
