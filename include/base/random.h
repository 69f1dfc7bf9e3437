/* Random numbers from a seed that is handed in: for jitter and hash seeds, never for keys. */
#ifndef IMAPMUX_BASE_RANDOM_H
#define IMAPMUX_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 <= result < bound; bound > 0 */
uint64_t random_below(struct random *random, uint64_t bound);

#endif
