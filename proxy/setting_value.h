/* Values as they stand in the settings file: durations (500ms, 1s, 9m, 4h, 0), sizes (512, 64K, 1M, 10G), numbers, yes
 * and no. Reading and printing are inverse. */
#ifndef IMAPMUX_PROXY_SETTING_VALUE_H
#define IMAPMUX_PROXY_SETTING_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"

#define SETTING_VALUE_SIZE 32

/* False: not such a value, or out of range (a year; 1,024 T). */
bool setting_read_duration(const char *text, usec *value);
/* Octets: a number with K, M, G, T (of 1,024) or none. */
bool setting_read_size(const char *text, uint64_t *value);
/* A number without unit. */
bool setting_read_count(const char *text, uint64_t *value);
/* yes or no. */
bool setting_read_switch(const char *text, bool *value);

/* In the largest unit that divides it. Returns buffer. */
const char *setting_print_duration(usec value, char buffer[SETTING_VALUE_SIZE]);
/* In the largest unit that divides it. Returns buffer. */
const char *setting_print_size(uint64_t value, char buffer[SETTING_VALUE_SIZE]);

#endif
