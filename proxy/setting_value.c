/* Numbers with units, read and printed from the same tables, so that a printed value reads back as itself. */
#include "proxy/setting_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* The largest first: printing takes the first that divides. */
static const struct unit time_units[] = {
    {"d", UINT64_C(86400000000)}, {"h", UINT64_C(3600000000)}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {NULL, 0},
};
static const struct unit size_units[] = {
    {"T", UINT64_C(1) << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0},
};

#define DURATION_MAX (UINT64_C(366) * 86400000000)
#define SIZE_MAXIMUM (UINT64_C(1) << 50)
#define COUNT_MAX    UINT64_C(1000000000)

static bool read_with_unit(const char *text, const struct unit *units, uint64_t maximum, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;

    if (!slice_number((struct slice){text, digits}, maximum, &number))
        return false;
    if (number == 0 && text[digits] == '\0') {
        *value = 0;
        return true;
    }
    for (; units->name; units++) {
        if (strcasecmp(text + digits, units->name) != 0)
            continue;
        if (number > maximum / units->factor)
            return false;
        *value = number * units->factor;
        return true;
    }
    return false;
}

static const char *print_with_unit(uint64_t value, const struct unit *units, char buffer[SETTING_VALUE_SIZE])
{
    while (units[1].name && value % units->factor != 0)
        units++;
    snprintf(buffer, SETTING_VALUE_SIZE, "%" PRIu64 "%s", value / units->factor, value > 0 ? units->name : "");
    return buffer;
}

bool setting_read_duration(const char *text, usec *value)
{
    uint64_t number;

    if (!read_with_unit(text, time_units, DURATION_MAX, &number))
        return false;
    *value = (usec)number;
    return true;
}

bool setting_read_size(const char *text, uint64_t *value)
{
    return read_with_unit(text, size_units, SIZE_MAXIMUM, value);
}

bool setting_read_count(const char *text, uint64_t *value)
{
    return slice_number(slice_of(text), COUNT_MAX, value);
}

bool setting_read_switch(const char *text, bool *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true}, {"off", false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

const char *setting_print_duration(usec value, char buffer[SETTING_VALUE_SIZE])
{
    return print_with_unit((uint64_t)value, time_units, buffer);
}

const char *setting_print_size(uint64_t value, char buffer[SETTING_VALUE_SIZE])
{
    return print_with_unit(value, size_units, buffer);
}
