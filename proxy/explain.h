/* --explain: the settings that are in force, each with the place that it comes from. */
#ifndef IMAPMUX_PROXY_EXPLAIN_H
#define IMAPMUX_PROXY_EXPLAIN_H

#include <stdio.h>

#include "proxy/config.h"

/* Prints every section of the config as a settings file: of each setting what it is and the value that is in force. A
 * comment says where the value comes from: the default (commented out), a profile, a line of the file, the command
 * line. path: the file; NULL: none was read. The output is a settings file that means the same. */
void explain_print(const struct config *config, const char *path, FILE *out);

#endif
