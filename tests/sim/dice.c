/* One splitmix generator for each (seed, stream, actor, step). */
#include "sim/dice.h"

struct dice dice_make(uint64_t seed, enum dice_stream stream, uint64_t actor, uint64_t step)
{
    struct dice dice;
    const uint64_t parts[] = {(uint64_t)stream + 1, actor + 1, step + 1};

    random_init(&dice.random, seed);
    for (unsigned i = 0; i < 3; i++)
        random_init(&dice.random, random_next(&dice.random) ^ (parts[i] * UINT64_C(0x9e3779b97f4a7c15)));
    return dice;
}

uint32_t dice_below(struct dice *dice, uint64_t bound)
{
    return bound ? (uint32_t)random_below(&dice->random, bound) : 0;
}

uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high)
{
    return low + dice_below(dice, (uint64_t)high - low + 1);
}

bool dice_percent(struct dice *dice, unsigned percent)
{
    return dice_below(dice, 100) < percent;
}

uint64_t dice_magnitude(struct dice *dice, uint64_t low, uint64_t high)
{
    unsigned doublings = 0;
    uint64_t top;

    while (doublings < 62 && (low << doublings) < high)
        doublings++;
    top = low << dice_below(dice, doublings + 1);
    if (top > high)
        top = high;
    return top / 2 >= low ? top / 2 + random_below(&dice->random, top - top / 2 + 1) : low;
}
