/* The one table of client commands: for each name of imap/command.h its family and flags. */
#ifndef IMAPMUX_SESSION_COMMANDS_H
#define IMAPMUX_SESSION_COMMANDS_H

#include "imap/command.h"
#include "session/family.h"

/* The row of a command; NULL: COMMAND_UNKNOWN. */
const struct command_row *commands_row(enum command_name name);

#endif
