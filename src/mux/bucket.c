/* One time stands for the level: what lacks is as much as flows in until full_at. */
#include "mux/bucket.h"

usec bucket_open_at(const struct bucket *bucket, struct bucket_measure measure, uint64_t count, usec now)
{
    uint64_t spare = count < measure.burst ? measure.burst - count : 0;
    usec at = bucket->full_at - (usec)spare * measure.each;

    return measure.burst == 0 || at < now ? now : at;
}

void bucket_take(struct bucket *bucket, struct bucket_measure measure, usec now)
{
    if (measure.burst == 0)
        return;
    if (bucket->full_at < now)
        bucket->full_at = now;
    bucket->full_at += measure.each;
}
