/* A client's command: tag, name, arguments, and the table of all commands that imapmux knows. RFC 3501 section 6. */
#ifndef IMAPMUX_IMAP_COMMAND_H
#define IMAPMUX_IMAP_COMMAND_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "imap/value.h"

/* Where a command may be used (RFC 3501 section 3). */
enum {
    COMMAND_BEFORE_LOGIN = 1,
    COMMAND_AFTER_LOGIN = 2,
    COMMAND_SELECTED = 4,
    COMMAND_ANY = COMMAND_BEFORE_LOGIN | COMMAND_AFTER_LOGIN | COMMAND_SELECTED,
    COMMAND_LOGGED_IN = COMMAND_AFTER_LOGIN | COMMAND_SELECTED,
};

/* X(enumerator, name, states, has a UID form, its non-UID form names messages by number) */
#define COMMANDS(X)                                                                                                    \
    X(APPEND, "APPEND", COMMAND_LOGGED_IN, false, false)                                                               \
    X(AUTHENTICATE, "AUTHENTICATE", COMMAND_BEFORE_LOGIN, false, false)                                                \
    X(CAPABILITY, "CAPABILITY", COMMAND_ANY, false, false)                                                             \
    X(CHECK, "CHECK", COMMAND_SELECTED, false, false)                                                                  \
    X(CLOSE, "CLOSE", COMMAND_SELECTED, false, false)                                                                  \
    X(COMPRESS, "COMPRESS", COMMAND_LOGGED_IN, false, false)                                                           \
    X(COPY, "COPY", COMMAND_SELECTED, true, true)                                                                      \
    X(CREATE, "CREATE", COMMAND_LOGGED_IN, false, false)                                                               \
    X(DELETE, "DELETE", COMMAND_LOGGED_IN, false, false)                                                               \
    X(DELETEACL, "DELETEACL", COMMAND_LOGGED_IN, false, false)                                                         \
    X(ENABLE, "ENABLE", COMMAND_LOGGED_IN, false, false)                                                               \
    X(EXAMINE, "EXAMINE", COMMAND_LOGGED_IN, false, false)                                                             \
    X(EXPUNGE, "EXPUNGE", COMMAND_SELECTED, true, false)                                                               \
    X(FETCH, "FETCH", COMMAND_SELECTED, true, true)                                                                    \
    X(GETACL, "GETACL", COMMAND_LOGGED_IN, false, false)                                                               \
    X(GETMETADATA, "GETMETADATA", COMMAND_LOGGED_IN, false, false)                                                     \
    X(GETQUOTA, "GETQUOTA", COMMAND_LOGGED_IN, false, false)                                                           \
    X(GETQUOTAROOT, "GETQUOTAROOT", COMMAND_LOGGED_IN, false, false)                                                   \
    X(ID, "ID", COMMAND_ANY, false, false)                                                                             \
    X(IDLE, "IDLE", COMMAND_LOGGED_IN, false, false)                                                                   \
    X(LIST, "LIST", COMMAND_LOGGED_IN, false, false)                                                                   \
    X(LISTRIGHTS, "LISTRIGHTS", COMMAND_LOGGED_IN, false, false)                                                       \
    X(LOGIN, "LOGIN", COMMAND_BEFORE_LOGIN, false, false)                                                              \
    X(LOGOUT, "LOGOUT", COMMAND_ANY, false, false)                                                                     \
    X(LSUB, "LSUB", COMMAND_LOGGED_IN, false, false)                                                                   \
    X(MOVE, "MOVE", COMMAND_SELECTED, true, true)                                                                      \
    X(MYRIGHTS, "MYRIGHTS", COMMAND_LOGGED_IN, false, false)                                                           \
    X(NAMESPACE, "NAMESPACE", COMMAND_LOGGED_IN, false, false)                                                         \
    X(NOOP, "NOOP", COMMAND_ANY, false, false)                                                                         \
    X(RENAME, "RENAME", COMMAND_LOGGED_IN, false, false)                                                               \
    X(REPLACE, "REPLACE", COMMAND_SELECTED, true, true)                                                                \
    X(SEARCH, "SEARCH", COMMAND_SELECTED, true, true)                                                                  \
    X(SELECT, "SELECT", COMMAND_LOGGED_IN, false, false)                                                               \
    X(SETACL, "SETACL", COMMAND_LOGGED_IN, false, false)                                                               \
    X(SETMETADATA, "SETMETADATA", COMMAND_LOGGED_IN, false, false)                                                     \
    X(SETQUOTA, "SETQUOTA", COMMAND_LOGGED_IN, false, false)                                                           \
    X(SORT, "SORT", COMMAND_SELECTED, true, true)                                                                      \
    X(STARTTLS, "STARTTLS", COMMAND_BEFORE_LOGIN, false, false)                                                        \
    X(STATUS, "STATUS", COMMAND_LOGGED_IN, false, false)                                                               \
    X(STORE, "STORE", COMMAND_SELECTED, true, true)                                                                    \
    X(SUBSCRIBE, "SUBSCRIBE", COMMAND_LOGGED_IN, false, false)                                                         \
    X(THREAD, "THREAD", COMMAND_SELECTED, true, true)                                                                  \
    X(UNSELECT, "UNSELECT", COMMAND_SELECTED, false, false)                                                            \
    X(UNSUBSCRIBE, "UNSUBSCRIBE", COMMAND_LOGGED_IN, false, false)                                                     \
    X(XLIST, "XLIST", COMMAND_LOGGED_IN, false, false)

enum command_name {
#define COMMAND_ENUM(id, name, states, uid, numbers) COMMAND_##id,
    COMMANDS(COMMAND_ENUM)
#undef COMMAND_ENUM
        COMMAND_UNKNOWN
};

struct command {
    struct slice tag; /* empty if there is no valid one: answer with "*" */
    enum command_name name;
    bool uid;                /* UID FETCH and the like */
    size_t arguments_at;     /* octets of the line before its arguments */
    struct value *arguments; /* first argument or NULL */
    const char *fault; /* NULL, or why it is malformed: a constant text that helps the client's author; answer BAD */
};

/* Parses a whole line. Values and slices live in the arena or in the line. An unknown name, UID before a command that
 * has no UID form, a bad tag and bad arguments are faults; too much nesting or size is a fault as well. AUTHENTICATE's
 * initial response and LOGIN's arguments are ordinary values. */
void command_parse(struct line line, struct arena *arena, struct command *command);
/* The same for the text before an announced literal: only tag and name are wanted, and faults are not told. */
void command_parse_name(struct slice text, struct command *command);

const char *command_title(enum command_name name); /* "FETCH"; "?" for COMMAND_UNKNOWN */
/* The states in which the command may be used, as bits (COMMAND_BEFORE_LOGIN...); 0 for COMMAND_UNKNOWN. */
unsigned command_states(enum command_name name);
/* Does it name messages by number, and not in its UID form? */
bool command_uses_numbers(const struct command *command);
/* The same, and true of a UID SEARCH, SORT or THREAD with what may be a number among its keys. */
bool command_may_use_numbers(const struct command *command);

#endif
