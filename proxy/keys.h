/* The table of everything that can stand in the settings file: its section, kind, default and effect. The file's
 * reader, the checks, --help and the tests of the documents all go by it. The numbers come from SETTINGS in
 * mux/settings.h. */
#ifndef IMAPMUX_PROXY_KEYS_H
#define IMAPMUX_PROXY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/setting_value.h"

enum key_kind {
    KEY_DURATION, /* usec */
    KEY_SIZE,     /* uint64_t */
    KEY_COUNT,    /* uint64_t */
    KEY_SWITCH,   /* bool */
    KEY_CHOICE,   /* unsigned: index of the word in choices */
    KEY_TEXT,     /* const char *; NULL: empty */
};

struct key {
    const char *section;
    const char *name;
    enum key_kind kind;
    bool required;
    size_t offset;              /* of its value in the section's struct */
    const char *default_text;   /* NULL: numbers, as settings_defaults says */
    const char *const *choices; /* KEY_CHOICE: ends with NULL */
    const char *help;
};

#define KEYS_MAX 100

extern const struct key keys[];
extern const size_t key_count;

/* Sections whose values stand in struct settings, struct program_settings, struct upstream_values and struct
 * listener_values (proxy/config.h). The last two have names: [upstream NAME]. */
#define SECTION_TIMEOUTS "timeouts"
#define SECTION_LIMITS   "limits"
#define SECTION_LOGGING  "logging"
#define SECTION_PROGRAM  "program"
#define SECTION_UPSTREAM "upstream"
#define SECTION_LISTENER "listener"

/* Is there any setting of this section? */
bool key_section_known(const char *section);
bool key_section_named(const char *section);                       /* it must have a name */
const struct key *key_find(const char *section, const char *name); /* NULL: none */
const char *key_section_of(const char *name); /* where a setting of that name belongs; NULL: nowhere */

/* Writes the value into the section's struct. NULL: done; else what is wrong with it, a text to follow "name = value:
 * ". KEY_TEXT keeps the pointer. */
const char *key_set(const struct key *key, void *values, const char *text);
/* Writes the default into the section's struct. */
void key_set_default(const struct key *key, void *values);
/* The value in the section's struct as it would stand in the file: key_set reads it back. Returns buffer, a constant,
 * or the value's own text. */
const char *key_print(const struct key *key, const void *values, char buffer[SETTING_VALUE_SIZE]);
/* The default as it stands in the file. */
const char *key_default_text(const struct key *key, char buffer[SETTING_VALUE_SIZE]);

#endif
