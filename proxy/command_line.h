/* The command line, taken apart. Nothing is judged here but its form. */
#ifndef IMAPMUX_PROXY_COMMAND_LINE_H
#define IMAPMUX_PROXY_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COMMAND_LINE_LISTENERS 32

struct command_line {
    const char *file; /* -c; NULL: not given */
    bool test, explain, version, help;
    const char *upstream, *profile, *source;
    const char *listen[COMMAND_LINE_LISTENERS];
    size_t listen_count;
    const char *cert, *key;
    const char *log_level;
};

/* False: a line on standard error names the fault. The strings are argv's. */
bool command_line_parse(struct command_line *command_line, int argc, char **argv);
void command_line_help(FILE *out); /* usage, then every setting with its default, then the profiles */

#endif
