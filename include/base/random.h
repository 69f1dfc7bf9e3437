/* Random numbers from a seed that is handed in: for jitter and hash seeds, never for keys. */
#ifndef IMAPMUX_BASE_RANDOM_H
#define IMAPMUX_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

/* Starts the sequence that belongs to this seed: equal seeds give equal numbers. */
void random_init(struct random *random, uint64_t seed);
/* The next number of the sequence, any of 64 bits. */
uint64_t random_next(struct random *random);
/* 0 <= result < bound; bound > 0 */
uint64_t random_below(struct random *random, uint64_t bound);

#endif
