/* The types that make a family of client commands, and the list of all families. A family is one file; its
 * commands share a struct run_ops, and each command has a row in src/session/commands.c.
 *
 * A command's way: read whole (intake), queued, taken when its turn comes (session/run.h), started by its family. The
 * family answers at once or submits a step, whose `done` answers or submits the next one. Exactly one call of run_ok,
 * run_no, run_bad, run_result or run_finish ends it. */
#ifndef IMAPMUX_SESSION_FAMILY_H
#define IMAPMUX_SESSION_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "imap/outgoing.h"
#include "imap/response.h"
#include "mux/job.h"
#include "mux/policy.h"

struct session;
struct run;

/* All are called with the run of the command in progress. */
struct run_ops {
    size_t size; /* of the family's struct, zeroed before `start` */
    /* Optional: the family that carries out this form of the command instead; NULL: none. */
    const struct run_ops *(*instead)(const struct session *session);
    /* The command's turn has come. Its state (RFC 3501 section 3) permits it; its arguments have not been looked at. */
    void (*start)(struct run *run);
    /* NULL, or called in each step of the session while the command is in progress (IDLE). */
    void (*step)(struct run *run, usec now);
    /* Optional: the command ends while this job of it is under way or waits, because the session ends or the server is
     * away for too long. True: the job is the account's to finish, and has another owner. */
    bool (*leave)(struct run *run, struct job *job);
    /* Optional: the client has gone, or sends nothing more and has not been answered for a long time, while the command
     * is in progress, which goes on without it. May be called again. The run knows by now
     * what it is about, as far as it can. True: it may be carried out late, and a job of it that is lost is repeated.
     */
    bool (*left)(struct run *run);
    /* Optional: frees the memory that the struct owns. The struct itself is freed by the caller; no op is called
     * afterwards.
     */
    void (*clear)(struct run *run);
};

/* The state of a running command between its steps: a family's own struct begins with it. */
struct run {
    const struct run_ops *ops;
    struct session *session;
    uint32_t sole;   /* set by build: see struct job */
    bool compresses; /* set by the family: all that follows the tagged answer is to be compressed */
};

/* One job of a command: what mux/job.h says of job_ops, with the run in place of the job. All ops but `done` may be
 * NULL; `build` must stand there for JOB_RUN. */
struct run_step {
    enum job_goal goal;
    enum policy policy;
    bool read_write;     /* the mailbox must have been SELECTed, not EXAMINEd */
    bool sets_seen;      /* a FETCH without PEEK */
    bool judges_answers; /* see struct job */
    bool (*leaves)(const struct run *run, const struct mailbox *selected);
    struct name_change *(*change)(const struct run *run); /* owned by the job; NULL: out of memory */
    enum job_turn (*build)(struct run *run, struct mailbox *mailbox, struct outgoing *out);
    void (*untagged)(struct run *run, const struct response *response);
    void (*fetch)(struct run *run, uint32_t uid, const struct fetch_answer *part);
    void (*fetch_data)(struct run *run, struct slice bytes);
    void (*fetch_broken)(struct run *run, bool sound);
    /* Exactly once, unless the session ends before. The job is forgotten already: another step may be submitted. */
    void (*done)(struct run *run, const struct job_result *result);
};

enum row_flag {
    ROW_RUNS_FIRST = 1,      /* answered before what follows it is read: limits, security or meaning may change */
    ROW_NO_ARGUMENTS = 2,    /* takes none, but in its UID form */
    ROW_CHANGES = 4,         /* done twice it would not be the same as done once */
    ROW_HOLDS_EXPUNGES = 8,  /* no EXPUNGE may be told while it is in progress, but in its UID form (section 7.4.1) */
    ROW_LEAVES_MAILBOX = 16, /* nothing is selected once it has been answered NO for want of memory */
};

/* One client command, as src/session/commands.c has it. */
struct command_row {
    const struct run_ops *ops;
    unsigned flags; /* of enum row_flag */
};

/* The families, by file: each file includes this header, so that its ops are what is declared here. */
extern const struct run_ops append_ops;                                               /* append.c */
extern const struct run_ops compress_ops;                                             /* compress.c */
extern const struct run_ops copy_ops;                                                 /* copy.c */
extern const struct run_ops expunge_ops;                                              /* expunge.c */
extern const struct run_ops fetch_ops;                                                /* fetch.c */
extern const struct run_ops folder_ops;                                               /* folder.c */
extern const struct run_ops idle_ops;                                                 /* idle.c */
extern const struct run_ops labels_ops;                                               /* labels.c */
extern const struct run_ops list_ops;                                                 /* list.c */
extern const struct run_ops login_ops, authenticate_ops, starttls_ops;                /* login.c */
extern const struct run_ops capability_ops, enable_ops, id_ops, logout_ops, noop_ops; /* plain.c */
extern const struct run_ops passed_ops;                                               /* passed.c */
extern const struct run_ops replace_ops;                                              /* replace.c */
extern const struct run_ops search_ops;                                               /* search.c */
extern const struct run_ops select_ops, close_ops, unselect_ops;                      /* select.c */
extern const struct run_ops sort_ops;                                                 /* sort.c */
extern const struct run_ops status_ops;                                               /* status.c */
extern const struct run_ops store_ops;                                                /* store.c */
extern const struct run_ops thread_ops;                                               /* thread.c */

/* Of store_ops: STORE of X-GM-LABELS is carried out by labels.c. */
const struct run_ops *labels_instead(const struct session *session);

#endif
