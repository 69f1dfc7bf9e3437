/* A measure in time: so many at once, and then one each so many microseconds. Zero-initialised it is full. */
#ifndef IMAPMUX_MUX_BUCKET_H
#define IMAPMUX_MUX_BUCKET_H

#include <stdint.h>

#include "base/runqueue.h"

struct bucket {
    usec full_at; /* when it will be full again; earlier than now: it is full */
};

struct bucket_measure {
    uint64_t burst; /* 0: no measure at all */
    usec each;      /* > 0, unless burst is 0 */
};

/* When so many (at most burst) may be taken; `now` or earlier: now. */
usec bucket_open_at(const struct bucket *bucket, struct bucket_measure measure, uint64_t count, usec now);
/* One is taken, whether or not there was one. */
void bucket_take(struct bucket *bucket, struct bucket_measure measure, usec now);

#endif
