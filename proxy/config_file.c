/* The settings file, line by line. libinih splits names from values. The reader that libinih pulls its lines from
 * counts them and recognises the sections. libinih alone would report the first fault only, take an indented line for
 * the continuation of the last value, and cut long lines in silence. It must never stop at a fault: the admin wants to
 * see all of them, each with its own line. */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"

#define LINE_OCTETS_MAX 4096
#define NAME_MAX_OCTETS 40

struct reading {
    FILE *file;
    char *line; /* getline's */
    size_t capacity;
    int number;
    struct config *config;
    struct faults *faults;
    struct config_section *section; /* NULL: none yet, or a faulty one whose settings are passed over */
    bool in_faulty_section;
    bool value_expected; /* the line that libinih has now must come back as name and value */
};

/* ---- sections ---- */

static const char *name_fault(const char *kind, const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    if (!key_section_known(kind))
        return "there is no such section; see docs/settings.md or imapmux --help";
    if (!key_section_named(kind))
        return name[0] ? "this section takes no name" : NULL;
    if (name[0] == '\0')
        return "a name is missing: [upstream NAME], [listener NAME]";
    if (strlen(name) > NAME_MAX_OCTETS || name[strspn(name, allowed)] != '\0')
        return "the name must be at most 40 letters, digits, dots, hyphens and underscores";
    return NULL;
}

static void begin_section(struct reading *reading, char *header)
{
    char *name = header + strcspn(header, " \t");
    struct config_section *before;
    const char *fault;

    if (*name)
        *name++ = '\0';
    name += strspn(name, " \t");
    name[strcspn(name, " \t")] = '\0';
    fault = name_fault(header, name);
    before = config_section_find(reading->config, header, name);
    if (fault) {
        faults_add(reading->faults, reading->number, "[%.60s%s%.60s]: %s", header, name[0] ? " " : "", name, fault);
    } else if (before && before->line > 0) {
        faults_add(reading->faults, reading->number, "[%s%s%s] already begins in line %d", header, name[0] ? " " : "",
                   name, before->line);
    } else if (before) {
        before->line = reading->number;
        reading->section = before;
    } else {
        reading->section = config_section_new(reading->config, header, name, reading->number);
    }
    reading->in_faulty_section = !reading->section;
}

static void take_header(struct reading *reading, char *line)
{
    char *end = strchr(line, ']'), *rest = end ? end + 1 : line;

    reading->section = NULL;
    reading->in_faulty_section = true;
    rest += strspn(rest, " \t");
    if (!end) {
        faults_add(reading->faults, reading->number, "the section %.60s is not closed: ] is missing", line);
    } else if (*rest && *rest != ';' && *rest != '#') {
        faults_add(reading->faults, reading->number, "only a comment may follow a section");
    } else {
        *end = '\0';
        begin_section(reading, line + 1 + strspn(line + 1, " \t"));
    }
}

/* ---- lines ---- */

static void miss_value(struct reading *reading)
{
    if (reading->value_expected)
        faults_add(reading->faults, reading->number, "this is not a [section], a name = value, or a # comment");
    reading->value_expected = false;
}

/* The next line without white space around it; NULL: there is none. */
static char *get_line(struct reading *reading)
{
    ssize_t length = getline(&reading->line, &reading->capacity, reading->file);
    char *line = reading->line;

    if (length < 0)
        return NULL;
    reading->number++;
    if (strlen(line) != (size_t)length)
        faults_add(reading->faults, reading->number, "the line holds a NUL octet; is this a text file?");
    if (reading->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    while (isspace((unsigned char)*line))
        line++;
    for (size_t end = strlen(line); end > 0 && isspace((unsigned char)line[end - 1]); end--)
        line[end - 1] = '\0';
    return line;
}

/* An ini_reader. Only lines that must be name = value reach libinih as they are. */
static char *next_line(char *buffer, int size, void *stream)
{
    struct reading *reading = stream;
    char *line;

    miss_value(reading);
    line = get_line(reading);
    if (!line)
        return NULL;
    buffer[0] = '\0';
    if (line[0] == '[')
        take_header(reading, line);
    else if (strlen(line) >= (size_t)size)
        faults_add(reading->faults, reading->number, "the line is longer than %d octets", size - 1);
    else if (line[0] != '\0' && line[0] != '#' && line[0] != ';') {
        reading->value_expected = true;
        memcpy(buffer, line, strlen(line) + 1);
    }
    return buffer;
}

/* ---- values ---- */

static void unknown_setting(struct reading *reading, const char *name)
{
    const char *elsewhere = key_section_of(name);

    if (elsewhere)
        faults_add(reading->faults, reading->number, "%s belongs to [%s%s], not to [%s]", name, elsewhere,
                   key_section_named(elsewhere) ? " NAME" : "", reading->section->kind);
    else
        faults_add(reading->faults, reading->number,
                   "unknown setting %.60s in [%s]; see docs/settings.md or imapmux --help", name,
                   reading->section->kind);
}

static void set_value(struct reading *reading, const struct key *key, const char *value)
{
    int *line = &reading->section->key_lines[key - keys];
    const char *kept = config_keep(reading->config, value);
    const char *fault = kept ? key_set(key, reading->section->values, kept) : "out of memory";

    if (*line > 0)
        faults_add(reading->faults, reading->number, "%s is already set in line %d", key->name, *line);
    else if (fault)
        faults_add(reading->faults, reading->number, "%s = %.60s: %s", key->name, value, fault);
    *line = reading->number;
}

/* An ini_handler. Always goes on; faults are kept. */
static int take_value(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    const struct key *key = reading->section ? key_find(reading->section->kind, name) : NULL;

    (void)section; /* cut to 49 octets there; next_line knows it better */
    reading->value_expected = false;
    if (key)
        set_value(reading, key, value);
    else if (reading->section)
        unknown_setting(reading, name);
    else if (!reading->in_faulty_section)
        faults_add(reading->faults, reading->number, "%.60s stands before any [section]", name);
    return 1;
}

static void read_lines(struct reading *reading)
{
    ini_use_stack = false; /* on the stack libinih has room for 200 octets */
    ini_initial_alloc = LINE_OCTETS_MAX;
    ini_max_line = LINE_OCTETS_MAX;
    ini_allow_multiline = false;
    /* ini_parse_stream passes one pointer to both: the reader's stream is the handler's user as well. */
    if (ini_parse_stream(next_line, reading, take_value, reading) < 0)
        faults_add(reading->faults, 0, "out of memory");
    if (ferror(reading->file))
        faults_add(reading->faults, 0, "cannot be read: %s", strerror(errno));
}

bool config_file_read(struct config *config, const char *path, struct faults *faults)
{
    struct reading reading = {.config = config, .faults = faults, .file = fopen(path, "re")};

    if (!reading.file) {
        faults_add(faults, 0, "cannot be opened: %s; give a settings file with -c, or --upstream and --listen",
                   strerror(errno));
        return false;
    }
    read_lines(&reading);
    free(reading.line);
    fclose(reading.file);
    return true;
}
