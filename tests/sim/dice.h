/* Random decisions that do not disturb each other: each actor's each step draws from dice of its own, made from the
 * run's seed and its place, so that leaving one step out changes nothing for the others. */
#ifndef IMAPMUX_TESTS_SIM_DICE_H
#define IMAPMUX_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

enum dice_stream { DICE_PLAN, DICE_ACT, DICE_CLIENT_LINE, DICE_WRITER, DICE_LINK, DICE_SERVER, DICE_FAULT, DICE_SPOOL };

struct dice {
    struct random random;
};

struct dice dice_make(uint64_t seed, enum dice_stream stream, uint64_t actor, uint64_t step);
/* 0 <= result < bound; 0 for a bound of 0 */
uint32_t dice_below(struct dice *dice, uint64_t bound);
/* low <= result <= high */
uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high);
bool dice_percent(struct dice *dice, unsigned percent);
/* Small values as likely as large ones, by order of magnitude. 1 <= low <= high. */
uint64_t dice_magnitude(struct dice *dice, uint64_t low, uint64_t high);

#endif
