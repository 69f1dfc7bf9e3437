/* What the linker's --wrap gives names to: __wrap_X is called where a layer calls X, __real_X is X itself. */
#ifndef IMAPMUX_TESTS_UNIT_ALLOCATION_WRAPPED_H
#define IMAPMUX_TESTS_UNIT_ALLOCATION_WRAPPED_H

#include <event2/buffer.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__real_CRYPTO_secure_malloc(size_t size, const char *file, int line);
void __real_CRYPTO_secure_clear_free(void *memory, size_t size, const char *file, int line);
struct evbuffer *__real_evbuffer_new(void);
int __real_evbuffer_add(struct evbuffer *buffer, const void *bytes, size_t size);
int __real_evbuffer_add_buffer(struct evbuffer *to, struct evbuffer *from);
int __real_evbuffer_add_vprintf(struct evbuffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
unsigned char *__real_evbuffer_pullup(struct evbuffer *buffer, ssize_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **text, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void __wrap_free(void *memory);
void *__wrap_CRYPTO_secure_malloc(size_t size, const char *file, int line);
void __wrap_CRYPTO_secure_clear_free(void *memory, size_t size, const char *file, int line);
struct evbuffer *__wrap_evbuffer_new(void);
int __wrap_evbuffer_add(struct evbuffer *buffer, const void *bytes, size_t size);
int __wrap_evbuffer_add_buffer(struct evbuffer *to, struct evbuffer *from);
int __wrap_evbuffer_add_vprintf(struct evbuffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int __wrap_evbuffer_add_printf(struct evbuffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned char *__wrap_evbuffer_pullup(struct evbuffer *buffer, ssize_t size);

#endif
