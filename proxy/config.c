/* The object that holds a whole configuration: sections with their values, and all their text. Stands between the file
 * (config_file.c) and the checks (config_check.c). It must never be changed once config_read has returned it. */
#include "proxy/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "proxy/command_line.h"

struct config_string {
    struct config_string *next;
    char text[];
};

/* ---- sections ---- */

static size_t values_size(const char *kind)
{
    return strcmp(kind, SECTION_UPSTREAM) == 0 ? sizeof(struct upstream_values) : sizeof(struct listener_values);
}

/* The general sections write into the config itself. */
static void *general_values(struct config *config, const char *kind)
{
    if (strcmp(kind, SECTION_TIMEOUTS) == 0 || strcmp(kind, SECTION_LIMITS) == 0)
        return &config->settings;
    return &config->program;
}

static void append(struct config *config, struct config_section *section)
{
    struct config_section **end = &config->sections;

    while (*end)
        end = &(*end)->next;
    *end = section;
}

static void section_free(struct config_section *section)
{
    free(section->owned_values);
    free(section);
}

struct config_section *config_section_new(struct config *config, const char *kind, const char *name, int line)
{
    struct config_section *section = calloc(1, sizeof(*section));
    bool named = key_section_named(kind);

    if (!section)
        return NULL;
    section->kind = config_keep(config, kind);
    section->name = config_keep(config, name);
    section->line = line;
    section->owned_values = named ? calloc(1, values_size(kind)) : NULL;
    section->values = named ? section->owned_values : general_values(config, kind);
    if (!section->kind || !section->name || !section->values) {
        section_free(section);
        return NULL;
    }
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i].section, kind) == 0)
            key_set_default(&keys[i], section->values);
    append(config, section);
    return section;
}

struct config_section *config_section_find(const struct config *config, const char *kind, const char *name)
{
    struct config_section *section = config->sections;

    while (section && (strcmp(section->kind, kind) != 0 || strcmp(section->name, name) != 0))
        section = section->next;
    return section;
}

int config_key_line(const struct config_section *section, const char *name)
{
    const struct key *key = key_find(section->kind, name);
    int line = key ? section->key_lines[key - keys] : 0;

    return line > 0 ? line : section->line;
}

/* ---- the whole ---- */

const char *config_keep(struct config *config, const char *text)
{
    size_t size = strlen(text) + 1;
    struct config_string *string = malloc(sizeof(*string) + size);

    if (!string)
        return NULL;
    memcpy(string->text, text, size);
    string->next = config->strings;
    config->strings = string;
    return string->text;
}

void config_warn(struct config *config, int line, const char *format, ...)
{
    struct config_warning *warning = calloc(1, sizeof(*warning));
    va_list arguments;

    if (!warning)
        return;
    warning->fault.line = line;
    va_start(arguments, format);
    vsnprintf(warning->fault.text, sizeof(warning->fault.text), format, arguments);
    va_end(arguments);
    LL_APPEND(config->warnings, warning);
}

struct config *config_new(void)
{
    static const char *const general[] = {SECTION_TIMEOUTS, SECTION_LIMITS, SECTION_LOGGING, SECTION_PROGRAM};
    struct config *config = calloc(1, sizeof(*config));

    if (!config)
        return NULL;
    settings_defaults(&config->settings);
    for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++) {
        if (!config_section_new(config, general[i], "", 0)) {
            config_free(config);
            return NULL;
        }
    }
    return config;
}

static void free_sections(struct config *config)
{
    struct config_section *section, *next;

    LL_FOREACH_SAFE(config->sections, section, next)
    section_free(section);
}

static void free_strings(struct config *config)
{
    struct config_string *string, *next;

    LL_FOREACH_SAFE(config->strings, string, next)
    free(string);
}

void config_free(struct config *config)
{
    struct config_upstream *upstream, *next_upstream;
    struct config_listener *listener, *next_listener;
    struct config_warning *warning, *next_warning;

    if (!config)
        return;
    LL_FOREACH_SAFE(config->upstreams, upstream, next_upstream)
    free(upstream);
    LL_FOREACH_SAFE(config->listeners, listener, next_listener)
    free(listener);
    LL_FOREACH_SAFE(config->warnings, warning, next_warning)
    free(warning);
    free_sections(config);
    free_strings(config);
    free(config);
}

/* ---- the command line ---- */

static void drop_sections(struct config *config, const char *kind)
{
    struct config_section **link = &config->sections;

    while (*link) {
        struct config_section *section = *link;
        if (strcmp(section->kind, kind) != 0) {
            link = &section->next;
            continue;
        }
        *link = section->next;
        section_free(section);
    }
}

static void set_text(struct config *config, struct config_section *section, const char *name, const char *text,
                     struct faults *faults)
{
    const struct key *key = key_find(section->kind, name);
    const char *kept = text ? config_keep(config, text) : "";
    const char *fault = kept ? key_set(key, section->values, kept) : "out of memory";

    section->key_lines[key - keys] = text ? LINE_OF_COMMAND_LINE : 0;
    if (fault)
        faults_add(faults, 0, "--%s %.60s: %s", name, text ? text : "", fault);
}

static void lay_upstream(struct config *config, const struct command_line *line, struct faults *faults)
{
    struct config_section *section;

    drop_sections(config, SECTION_UPSTREAM);
    for (section = config->sections; section; section = section->next)
        if (strcmp(section->kind, SECTION_LISTENER) == 0)
            set_text(config, section, "upstream", NULL, faults); /* there is only one now */
    section = config_section_new(config, SECTION_UPSTREAM, "default", 0);
    if (!section)
        return;
    set_text(config, section, "url", line->upstream, faults);
    set_text(config, section, "profile", line->profile, faults);
    set_text(config, section, "source", line->source, faults);
}

static void lay_listeners(struct config *config, const struct command_line *line, struct faults *faults)
{
    char name[24];

    drop_sections(config, SECTION_LISTENER);
    for (size_t i = 0; i < line->listen_count; i++) {
        snprintf(name, sizeof(name), "%zu", i + 1);
        struct config_section *section = config_section_new(config, SECTION_LISTENER, name, 0);
        if (!section)
            return;
        set_text(config, section, "url", line->listen[i], faults);
        set_text(config, section, "cert", line->cert, faults);
        set_text(config, section, "key", line->key, faults);
    }
}

static void lay_over(struct config *config, const struct command_line *line, struct faults *faults)
{
    if (line->upstream)
        lay_upstream(config, line, faults);
    else if (line->profile)
        faults_add(faults, 0, "--profile needs --upstream; in a file, set profile in [upstream NAME]");
    else if (line->source)
        faults_add(faults, 0, "--source needs --upstream; in a file, set source in [upstream NAME]");
    if (line->listen_count > 0)
        lay_listeners(config, line, faults);
    else if (line->cert || line->key)
        faults_add(faults, 0, "--cert and --key need --listen");
    if (line->log_level) {
        const struct key *key = key_find(SECTION_LOGGING, "log_level");
        const char *fault = key_set(key, &config->program, line->log_level);
        config_section_find(config, SECTION_LOGGING, "")->key_lines[key - keys] = LINE_OF_COMMAND_LINE;
        if (fault)
            faults_add(faults, 0, "--log-level %.60s: %s", line->log_level, fault);
    }
}

/* Of several directories the first. An empty setting is one. */
static void lay_environment(struct config *config, struct faults *faults)
{
    struct config_section *section = config_section_find(config, SECTION_PROGRAM, "");
    const struct key *key = key_find(SECTION_PROGRAM, "state_directory");
    const char *directories = getenv("STATE_DIRECTORY"), *kept;
    char first[4096];

    if (!directories || !directories[0] || section->key_lines[key - keys] != 0)
        return;
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(directories, ":"), directories);
    kept = config_keep(config, first);
    if (!kept)
        faults_add(faults, 0, "out of memory");
    else if (!key_set(key, section->values, kept))
        section->key_lines[key - keys] = LINE_OF_ENVIRONMENT;
}

struct config *config_read(const char *path, const struct command_line *command_line, struct faults *faults)
{
    struct config *config = config_new();

    if (!config)
        return NULL;
    if (!path || config_file_read(config, path, faults)) {
        lay_over(config, command_line, faults);
        lay_environment(config, faults);
        config_resolve(config, faults);
    }
    if (faults->count == 0)
        return config;
    faults_sort(faults);
    config_free(config);
    return NULL;
}
