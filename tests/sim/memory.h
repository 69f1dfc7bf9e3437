/* Memory of one run: taken piece by piece, given back when the run ends. Out of memory ends the program. */
#ifndef IMAPMUX_TESTS_SIM_MEMORY_H
#define IMAPMUX_TESTS_SIM_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

struct memory_block;

struct memory {
    struct memory_block *blocks;
};

void *memory_take(struct memory *memory, size_t size); /* zeroed */
char *memory_text(struct memory *memory, struct slice text);
char *memory_format(struct memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A larger array with the old one's content. */
void *memory_grow(struct memory *memory, const void *old, size_t old_size, size_t size);
void memory_clear(struct memory *memory);

#endif
