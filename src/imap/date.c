/* See date.h. Days are not counted against their month: the server judges that. */
#include "imap/date.h"

#include <stdint.h>

static bool number_within(struct slice text, size_t at, size_t digits, uint64_t least, uint64_t most)
{
    uint64_t number;

    return slice_number((struct slice){text.data + at, digits}, most, &number) && number >= least;
}

static bool is_month(struct slice text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (size_t i = 0; i < 12; i++)
        if (slice_equal_nocase(text, (struct slice){months + 3 * i, 3}))
            return true;
    return false;
}

/* "Feb-1994", and nothing behind it. */
static bool is_month_and_year(struct slice text)
{
    return text.length == 8 && text.data[3] == '-' && is_month((struct slice){text.data, 3}) &&
           number_within(text, 4, 4, 0, 9999);
}

bool date_valid(struct slice text)
{
    size_t digits = text.length > 1 && text.data[1] == '-' ? 1 : 2;

    return text.length == digits + 9 && text.data[digits] == '-' && number_within(text, 0, digits, 1, 31) &&
           is_month_and_year((struct slice){text.data + digits + 1, 8});
}

/* "23:59:60 +0100" */
static bool is_time_and_zone(struct slice text)
{
    return text.length == 14 && text.data[2] == ':' && text.data[5] == ':' && text.data[8] == ' ' &&
           (text.data[9] == '+' || text.data[9] == '-') && number_within(text, 0, 2, 0, 23) &&
           number_within(text, 3, 2, 0, 59) && number_within(text, 6, 2, 0, 60) && number_within(text, 10, 4, 0, 9999);
}

bool date_time_valid(struct slice text)
{
    bool padded = text.length > 0 && text.data[0] == ' ';

    return text.length == 26 && text.data[2] == '-' && text.data[11] == ' ' &&
           number_within(text, padded ? 1 : 0, padded ? 1 : 2, 1, 31) &&
           is_month_and_year((struct slice){text.data + 3, 8}) && is_time_and_zone((struct slice){text.data + 12, 14});
}
