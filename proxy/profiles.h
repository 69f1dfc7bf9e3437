/* What is known of the servers that many people have: values for the settings of an [upstream NAME], each with the
 * place that it is known from. `profile = NAME` in the section sets them; a setting that stands in the section itself
 * wins.
 * --help, --explain and docs/profiles.md are made from this table or compared with it. */
#ifndef IMAPMUX_PROXY_PROFILES_H
#define IMAPMUX_PROXY_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#define PROFILE_VALUES_MAX 8

struct profile_value {
    const char *name;   /* a setting of [upstream NAME]; NULL: no more values */
    const char *value;  /* as it would stand in the file */
    const char *source; /* one sentence, which begins with documented, reported, measured or chosen */
};

struct profile {
    const char *name;
    const char *server; /* what it is for, in words */
    const char *hosts;  /* where that is, names separated by spaces; "": anywhere */
    const struct profile_value values[PROFILE_VALUES_MAX + 1];
};

extern const struct profile profiles[];
extern const size_t profile_count;

/* By name, in any case; NULL: there is none. */
const struct profile *profile_find(const char *name);
/* The profile whose hosts name this one, in any case; NULL: none does. */
const struct profile *profile_of_host(const char *host);
/* What the profile says of the setting; NULL: nothing. profile NULL: nothing. */
const struct profile_value *profile_value(const struct profile *profile, const char *name);
/* The names of all profiles, separated by ", ". Returns buffer; cut if it is too small. */
const char *profile_names(char *buffer, size_t size);

#endif
