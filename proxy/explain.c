/* The sections of the config in their order, the settings of each in that of the table. Only what the config has
 * recorded is told: nothing is worked out a second time here. */
#include "proxy/explain.h"

#include <string.h>

static const char *separated(const char *name)
{
    return name[0] ? " " : "";
}

static void print_origin(const struct config_section *section, const struct key *key, const char *path, FILE *out)
{
    int line = section->key_lines[key - keys];

    if (line == LINE_OF_COMMAND_LINE)
        fputs("command line", out);
    else if (line == LINE_OF_ENVIRONMENT)
        fputs("STATE_DIRECTORY of the environment", out);
    else if (line > 0)
        fprintf(out, "line %d of %s", line, path);
    else if (profile_value(section->profile, key->name))
        fprintf(out, "profile %s", section->profile->name);
    else
        fputs("default", out);
}

/* Why the profile has this value, and whether the section has another. */
static void print_profile(const struct config_section *section, const struct key *key, FILE *out)
{
    const struct profile_value *value = profile_value(section->profile, key->name);

    if (value && section->key_lines[key - keys] != 0)
        fprintf(out, "# profile %s would set %s; %s\n", section->profile->name, value->value, value->source);
    else if (value)
        fprintf(out, "# %s\n", value->source);
}

static bool is_default(const struct config_section *section, const struct key *key)
{
    return section->key_lines[key - keys] == 0 && !profile_value(section->profile, key->name);
}

/* Defaults are commented out: some settings mean something else once they stand in the file. */
static void print_setting(const struct config_section *section, const struct key *key, const char *path, FILE *out)
{
    char buffer[SETTING_VALUE_SIZE];

    fprintf(out, "# %s\n", key->help);
    print_profile(section, key, out);
    fprintf(out, "%s%s = %s ; ", is_default(section, key) ? "#" : "", key->name,
            key_print(key, section->values, buffer));
    print_origin(section, key, path, out);
    fputc('\n', out);
}

/* An upstream without a profile whose host has one. */
static void print_advice(const struct config *config, const struct config_section *section, FILE *out)
{
    for (const struct config_upstream *upstream = config->upstreams; upstream; upstream = upstream->next) {
        const struct profile *profile = profile_of_host(upstream->settings.host);
        if (upstream->section == section && profile && !section->profile)
            fprintf(out, "# There is a profile for %s: profile = %s\n", upstream->settings.host, profile->name);
    }
}

static void print_section(const struct config *config, const struct config_section *section, const char *path,
                          FILE *out)
{
    print_advice(config, section, out);
    fprintf(out, "[%s%s%s]\n", section->kind, separated(section->name), section->name);
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i].section, section->kind) == 0)
            print_setting(section, &keys[i], path, out);
}

/* The first setting of each kind of section: --help and conf/imapmux.conf have the sections in this order too. */
static bool begins_kind(const struct key *key)
{
    return key == keys || strcmp(key[-1].section, key->section) != 0;
}

void explain_print(const struct config *config, const char *path, FILE *out)
{
    const char *between = "";

    for (size_t i = 0; i < key_count; i++) {
        for (const struct config_section *section = config->sections; section; section = section->next) {
            if (!begins_kind(&keys[i]) || strcmp(section->kind, keys[i].section) != 0)
                continue;
            fputs(between, out);
            print_section(config, section, path, out);
            between = "\n";
        }
    }
}
