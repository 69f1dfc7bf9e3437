/* The inside of a session, for the command families (one file each): what they may read and the verbs that they call.
 * Nobody outside the session layer includes it.
 *
 * A command's way: parsed when it has arrived (session/queue), started when its turn comes (`start` of its family, in
 * the table in session.c), which answers at once or submits a job and goes on in the job's `done`; it ends with exactly
 * one call of session_finish or one of its relatives, which tells the client what it may be told, writes the tagged
 * line, frees the run and starts the next one. */
#ifndef IMAPMUX_SESSION_STATE_H
#define IMAPMUX_SESSION_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/spool.h"
#include "imap/command.h"
#include "imap/command_reader.h"
#include "imap/response.h"
#include "mailbox/view.h"
#include "mux/account.h"
#include "mux/job.h"
#include "mux/registry.h"
#include "session/session.h"

/* A command that has arrived. Its values live in its arena and its bytes. */
struct queued {
    struct queued *next;
    struct command command;
    struct arena arena;
    char *bytes; /* the line, owned */
    size_t length;
    struct shared_spool *upload; /* APPEND's message; NULL: none */
    uint64_t upload_size;
    bool upload_literal8;
    const char *refused; /* NULL, or: answer this ("NO [TOOBIG] ...", "BAD ...") behind the tag instead of running it */
};

/* What a running command keeps between its steps. A family's own struct begins with it. */
struct run {
    void (*free)(struct run *run); /* frees the struct; the job has been abandoned already */
};

enum session_phase { SESSION_NOT_LOGGED_IN, SESSION_LOGGED_IN, SESSION_ENDING /* BYE written, waits to be closed */ };

struct session {
    struct task task;
    struct registry *registry;
    struct session_options options; /* peer is an owned copy */
    enum session_phase phase;
    unsigned wants;
    struct evbuffer *output;
    struct command_reader *reader;

    struct account *account;        /* NULL before login */
    bool offered[CAPABILITY_COUNT]; /* what the server had when this client was told its list: it keeps that list */
    struct account_member member;
    struct login *login; /* under way, or NULL */

    struct view *view;      /* the selected mailbox, or NULL */
    const char *view_ended; /* the reason, once view_ops.ended was called: BYE at the next step */
    bool changed_numbers;   /* from view_ops.changed; in IDLE told at the next step */
    bool changed_flags;     /* in IDLE told after idle_gather */

    struct queued *queue; /* waiting, oldest first */
    size_t queue_length;
    struct queued *current; /* the one in progress, or NULL */
    struct run *run;        /* of the current one, or NULL */
    struct job *job;        /* of the current one: at most one at a time, or NULL */
    unsigned bad_in_a_row;
    bool line_open; /* a FETCH answer is half-written in `output`, perhaps in the middle of a literal: nothing but its
                       rest may follow, not even BYE */
    struct evbuffer *held_lines; /* whole lines that wait for the end of an open one ([ALERT]) */
    bool idling;                 /* in IDLE */
    bool end_of_input;
    const char *retiring; /* why it ends after the command in progress; NULL: it does not */

    void (*line)(struct session *session, struct slice line); /* takes the next line instead of the queue; NULL: none */
    struct shared_spool *upload;                              /* of the command that is being read */
    uint64_t upload_size;
    bool upload_literal8;
    bool upload_failed;
    bool plus_owed; /* a literal has been accepted, its + waits for the end of an open line */
    bool blocked;   /* the last command read must be run before more is read (LOGIN, AUTHENTICATE, STARTTLS, IDLE) */

    /* deadlines, USEC_NEVER if there is none */
    usec login_by; /* login_timeout: the client's own time to log in; USEC_NEVER: logged in, or a login waits for us */
    usec login_left;    /* while a login waits: what is left of that time */
    usec gather_until;  /* IDLE: flag changes are told then */
    usec still_here_at; /* IDLE */
    usec run_until;     /* of the running command */
    void (*run_late)(struct session *session);
    void (*after_target)(struct session *session); /* target.c */
};

/* --- writing. All go to session->output; out of memory ends the session (session_no_memory), callers need not look:
 * run, view and account stay until the next step, and nothing more is written or submitted. */
void session_write(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
void session_write_slice(struct session *session, struct slice bytes);
void session_no_memory(struct session *session);

/* --- ending the current command. `code` is NULL or what stands in the brackets; `text` never empty. */
void session_finish(struct session *session, enum response_status status, const char *code, const char *text);
void session_ok(struct session *session, const char *text); /* NULL: "FETCH completed." and the like */
void session_no(struct session *session, const char *code, const char *text);
void session_bad(struct session *session, const char *text); /* counts bad_in_a_row */
/* The tagged answer has been written already. */
void session_quiet_end(struct session *session);
/* From an upstream result: its code if it is one of those handed on, its text; JOB_LOST, _GARBAGE, _DEAD, _NOT_SELECTED
 * in words. A code that holds numbers of messages is never handed on from here. */
void session_finish_result(struct session *session, const struct job_result *result);

/* --- what the server has now, and what it had when the client was told so */
bool session_can(const struct session *session, enum capability capability);
/* Ends the current command for want of this capability: NO [CANNOT] if the client has been offered it, else BAD. */
void session_cannot(struct session *session, const char *text, enum capability capability);

/* --- jobs of the current command. Fills owner and mailbox's account; false: out of memory, the command has been ended.
 */
bool session_submit(struct session *session, const struct job *wanted);

/* --- the view */
extern const struct view_ops session_view_ops;
void session_leave_view(struct session *session); /* the selected mailbox is none now */

/* --- families: start functions of the table (session.c), by file */
void session_start_capability(
    struct session *session); /* plain.c: also NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE... */
void session_start_noop(struct session *session);
void session_start_logout(struct session *session);
void session_start_id(struct session *session);
void session_start_enable(struct session *session);
void session_start_login(struct session *session); /* login.c */
void session_start_authenticate(struct session *session);
void session_start_starttls(struct session *session);
void session_start_idle(struct session *session);   /* idle.c */
void session_start_select(struct session *session); /* select.c: SELECT, EXAMINE */
void session_start_close(struct session *session);
void session_start_unselect(struct session *session);
void session_start_list(struct session *session); /* list.c: LIST, LSUB, XLIST, NAMESPACE */
void session_start_mailbox_change(
    struct session *session);                        /* folder.c: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE */
void session_start_status(struct session *session);  /* status.c */
void session_start_append(struct session *session);  /* append.c */
void session_start_fetch(struct session *session);   /* fetch.c (its answers: fetch_answer.c) */
void session_start_store(struct session *session);   /* store.c */
void session_start_copy(struct session *session);    /* copy.c: COPY, MOVE */
void session_start_expunge(struct session *session); /* expunge.c: EXPUNGE, UID EXPUNGE */
void session_start_search(struct session *session);  /* search.c */

/* --- what the files of the session layer share beyond that */
void session_abort(struct session *session,
                   const char *reason);       /* at once, without an octet more; the reason is logged */
void session_detach(struct session *session); /* leaves account, view, job and login */
void session_log(struct session *session, enum log_level level, const char *text);
const struct settings *session_settings(const struct session *session);
usec session_now(const struct session *session);
void session_wake_link(struct session *session);
void queued_free(struct queued *queued);                        /* wipes */
void intake_take(struct session *session, struct evbuffer *in); /* intake.c: reads commands into the queue */
void intake_resume(struct session *session);                    /* after a line has been closed, or a command has run */
void intake_await_line(struct session *session, void (*line)(struct session *session, struct slice line));
void idle_step(struct session *session, usec now); /* idle.c */
void idle_line(struct session *session, struct slice line);
/* capability.c: the atoms after "CAPABILITY ", as the state of the session permits. */
void session_print_capabilities(struct session *session, struct evbuffer *out);
void session_note_capabilities(struct session *session); /* it has just logged in: what it is offered */
bool session_has_lost_something(const struct session *session);
/* target.c: after APPEND, COPY, MOVE into `name`: its views and watches look; if this session has it selected, `then`
 * is called once the new message is known, or after a second; else at once. */
void target_changed(struct session *session, struct slice name, void (*then)(struct session *session));
/* A set of UIDs that goes up in as many commands as it needs. A command that was not carried out is built again, with
 * the same part: only target_part_done ends that part, once the command is answered. */
struct parts {
    struct seqset left;
    size_t in_flight; /* of the first ranges of left: in the command built last */
};
/* Adds to `part` the ranges of at most `octets` when printed (at least one) that are next. False: out of memory. */
bool target_take_part(struct parts *parts, size_t octets, struct seqset *part);
void target_part_done(struct parts *parts);
/* Writes UID EXPUNGE of what lives of the next part. Where the server has no UIDPLUS: if or_all_deleted EXPUNGE, and
 * everything is that part. */
enum job_turn target_expunge_part(struct session *session, const struct job *job, struct parts *parts,
                                  bool or_all_deleted, struct outgoing *out);
/* status.c: the items of a STATUS from the truth of the mailbox that the upstream has selected; those that the truth
 * does not have are taken from `told` (a STATUS list of the server, may be NULL) or left out. */
void status_print(struct session *session, const struct mailbox *mailbox, const struct value *items,
                  const struct value *told, struct evbuffer *out);

#endif
