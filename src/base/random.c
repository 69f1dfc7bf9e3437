/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): one addition and a mix for
 * each number, every seed is a good one. The whole process replays from its seed, so nothing here may ask the system.
 */
#include "base/random.h"

void random_init(struct random *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t random_next(struct random *random)
{
    uint64_t mix = random->state += UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mix ^ (mix >> 31);
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    /* The lowest (2^64 mod bound) numbers would make small results likelier: draw again. */
    uint64_t unfair = (UINT64_MAX - bound + 1) % bound;
    uint64_t drawn;

    do
        drawn = random_next(random);
    while (drawn < unfair);
    return drawn % bound;
}
