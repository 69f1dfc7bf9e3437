/* See commands.h. A command of imap/command.h without a row here, or with two, does not compile. */
#include "session/commands.h"

/* X(command, ops of its family, flags) */
#define ROWS(X)                                                                                                        \
    X(APPEND, append_ops, ROW_CHANGES)                                                                                 \
    X(AUTHENTICATE, authenticate_ops, ROW_RUNS_FIRST)                                                                  \
    X(CAPABILITY, capability_ops, ROW_NO_ARGUMENTS)                                                                    \
    X(CHECK, noop_ops, ROW_NO_ARGUMENTS)                                                                               \
    X(CLOSE, close_ops, ROW_NO_ARGUMENTS | ROW_CHANGES | ROW_LEAVES_MAILBOX)                                           \
    X(COMPRESS, compress_ops, ROW_RUNS_FIRST)                                                                          \
    X(COPY, copy_ops, ROW_CHANGES)                                                                                     \
    X(CREATE, folder_ops, ROW_CHANGES)                                                                                 \
    X(DELETE, folder_ops, ROW_CHANGES)                                                                                 \
    X(DELETEACL, passed_ops, ROW_CHANGES)                                                                              \
    X(ENABLE, enable_ops, 0)                                                                                           \
    X(EXAMINE, select_ops, ROW_LEAVES_MAILBOX)                                                                         \
    X(EXPUNGE, expunge_ops, ROW_NO_ARGUMENTS | ROW_CHANGES)                                                            \
    X(FETCH, fetch_ops, ROW_HOLDS_EXPUNGES)                                                                            \
    X(GETACL, passed_ops, 0)                                                                                           \
    X(GETMETADATA, passed_ops, 0)                                                                                      \
    X(GETQUOTA, passed_ops, 0)                                                                                         \
    X(GETQUOTAROOT, passed_ops, 0)                                                                                     \
    X(ID, id_ops, 0)                                                                                                   \
    X(IDLE, idle_ops, ROW_RUNS_FIRST | ROW_NO_ARGUMENTS)                                                               \
    X(LIST, list_ops, 0)                                                                                               \
    X(LISTRIGHTS, passed_ops, 0)                                                                                       \
    X(LOGIN, login_ops, ROW_RUNS_FIRST)                                                                                \
    X(LOGOUT, logout_ops, ROW_RUNS_FIRST | ROW_NO_ARGUMENTS)                                                           \
    X(LSUB, list_ops, 0)                                                                                               \
    X(MOVE, copy_ops, ROW_CHANGES)                                                                                     \
    X(MYRIGHTS, passed_ops, 0)                                                                                         \
    X(NAMESPACE, list_ops, ROW_NO_ARGUMENTS)                                                                           \
    X(NOOP, noop_ops, ROW_NO_ARGUMENTS)                                                                                \
    X(RENAME, folder_ops, ROW_CHANGES)                                                                                 \
    X(REPLACE, replace_ops, ROW_CHANGES)                                                                               \
    X(SEARCH, search_ops, ROW_HOLDS_EXPUNGES)                                                                          \
    X(SELECT, select_ops, ROW_LEAVES_MAILBOX)                                                                          \
    X(SETACL, passed_ops, ROW_CHANGES)                                                                                 \
    X(SETMETADATA, passed_ops, ROW_CHANGES)                                                                            \
    X(SETQUOTA, passed_ops, ROW_CHANGES)                                                                               \
    X(SORT, sort_ops, ROW_HOLDS_EXPUNGES)                                                                              \
    X(STARTTLS, starttls_ops, ROW_RUNS_FIRST | ROW_NO_ARGUMENTS)                                                       \
    X(STATUS, status_ops, 0)                                                                                           \
    X(STORE, store_ops, ROW_CHANGES | ROW_HOLDS_EXPUNGES)                                                              \
    X(SUBSCRIBE, folder_ops, ROW_CHANGES)                                                                              \
    X(THREAD, thread_ops, ROW_HOLDS_EXPUNGES)                                                                          \
    X(UNSELECT, unselect_ops, ROW_NO_ARGUMENTS | ROW_LEAVES_MAILBOX)                                                   \
    X(UNSUBSCRIBE, folder_ops, ROW_CHANGES)                                                                            \
    X(XLIST, list_ops, 0)

enum {
#define ROW_NUMBER(command, family, flags) ROW_OF_##command,
    ROWS(ROW_NUMBER)
#undef ROW_NUMBER
        ROW_COUNT
};

#define HAS_ROW(command, name, states, uid, numbers) _Static_assert(ROW_OF_##command < ROW_COUNT, "has a row");
COMMANDS(HAS_ROW)
#undef HAS_ROW
_Static_assert((int)ROW_COUNT == (int)COMMAND_UNKNOWN, "one row for each command");

static const struct command_row rows[] = {
#define ROW(command, family, flags) [COMMAND_##command] = {&(family), (flags)},
    ROWS(ROW)
#undef ROW
};

const struct command_row *commands_row(enum command_name name)
{
    return name < COMMAND_UNKNOWN ? &rows[name] : NULL;
}
