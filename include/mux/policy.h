/* The rules for sending a job's command again or sharing it, and how long its answer may take: one row for each kind of
 * command. A job names its row, the scheduler goes by it. A job whose command has not been written yet, or of which the
 * server certainly ran nothing, is kept in any case. */
#ifndef IMAPMUX_MUX_POLICY_H
#define IMAPMUX_MUX_POLICY_H

#include <stdbool.h>

/* A job's command had been written when the connection broke, or when its answer could no longer be trusted. */
enum policy_loss {
    POLICY_REPEAT,   /* built and sent again: doing it twice is doing it once */
    POLICY_FIND_OUT, /* the job ends JOB_LOST, also where only the map broke: its owner can ask what became of it */
    POLICY_UNKNOWN,  /* the job ends JOB_LOST: nobody can tell whether it was done, so it is not done again */
};

/* How long the server may be silent while it carries out a command. */
enum policy_patience {
    PATIENCE_QUICK, /* response_timeout */
    PATIENCE_SLOW,  /* slow_timeout: the work grows with the mailbox or the message */
};

/* Name, consequence of a loss, patience, and whether equal commands that wait together may go up once: then it needs no
 * mailbox selected, changes nothing, and is repeated. The first is that of a job that names none. */
#define POLICIES(X)                                                                                                    \
    X(APPEND, POLICY_UNKNOWN, PATIENCE_SLOW, false)                                                                    \
    X(COPY, POLICY_UNKNOWN, PATIENCE_SLOW, false)            /* MOVE, too */                                           \
    X(EXPUNGE, POLICY_UNKNOWN, PATIENCE_SLOW, false)         /* UID EXPUNGE and CLOSE, too */                          \
    X(REMOVE, POLICY_REPEAT, PATIENCE_SLOW, false)           /* UID EXPUNGE of what a MOVE has copied */               \
    X(FOLDERS, POLICY_UNKNOWN, PATIENCE_SLOW, false)         /* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE */      \
    X(STORE_REPLACE, POLICY_FIND_OUT, PATIENCE_QUICK, false) /* again it might undo what another has set meanwhile */  \
    X(STORE_CHANGE, POLICY_REPEAT, PATIENCE_QUICK, false)    /* +FLAGS, -FLAGS: the others' flags stay */              \
    X(FETCH, POLICY_REPEAT, PATIENCE_QUICK, false)           /* the messages that have not been answered */            \
    X(SEARCH, POLICY_REPEAT, PATIENCE_SLOW, false)           /* SORT and THREAD, too */                                \
    X(STATUS, POLICY_REPEAT, PATIENCE_QUICK, true)                                                                     \
    X(LIST, POLICY_REPEAT, PATIENCE_QUICK, true) /* LSUB, XLIST, NAMESPACE, too */                                     \
    X(LOOK, POLICY_REPEAT, PATIENCE_QUICK,                                                                             \
      false) /* nothing of its own: NOOP, STATUS, SELECT as the scheduler needs them */

enum policy {
#define POLICY_ENUM(name, loss, patience, shared) POLICY_##name,
    POLICIES(POLICY_ENUM)
#undef POLICY_ENUM
};

/* Returns the consequence for a job of this kind when its command was lost. */
enum policy_loss policy_loss(enum policy policy);
/* Returns how long the answer to such a command may take. */
enum policy_patience policy_patience(enum policy policy);
/* May equal commands of this kind that wait together go up once? */
bool policy_is_shared(enum policy policy);

#endif
