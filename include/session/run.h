/* The command in progress: from its turn to its tagged answer, which is written here and nowhere else, exactly once.
 * The verbs that a family calls. Unless said otherwise there must be a command in progress.
 *
 * Once the session is over (session_is_over) all of them but run_drop do nothing: what the command owns stays as it is
 * until the session's step drops it. */
#ifndef IMAPMUX_SESSION_RUN_H
#define IMAPMUX_SESSION_RUN_H

#include "session/state.h"

/* --- its beginning and its end, for session.c */

void run_init(struct session *session); /* of a new session: no command is in progress */
/* It is in progress from here on, and there is no other one. Takes `queued`; row: NULL if its name is not known. */
void run_take(struct session *session, struct queued *queued, const struct command_row *row);
/* Judges the number of its arguments by its row (which must not be NULL) and starts its family. */
void run_start(struct session *session);
/* True from run_take to the tagged answer or run_drop. */
bool run_in_progress(const struct session *session);
/* The session's step calls it: the time that it waited for has come, its family's `step`; a client that has waited for
 * long is told so (RFC 9585). May be called without a command in progress. */
void run_step(struct session *session, usec now);
/* When the session's step is to run next for its sake; USEC_NEVER: it need not. */
usec run_deadline(const struct session *session);
/* The line that run_await_line asked for; data NULL: it was too long, or held a literal. Returns what `line` does. */
bool run_take_line(struct session *session, struct slice line);
/* The messages that it is about mean others now: its job is not sent. May be called without one. */
void run_doom(struct session *session);
/* The client has gone (session->left_until). The command in progress, if any, goes on, and nobody is answered. */
void run_left(struct session *session);
/* The session ends: it is forgotten without an answer. May be called without one. */
void run_drop(struct session *session);

/* --- ending it: tells what may be told, writes the tagged line, frees the run */

/* code: the text in brackets, or NULL. text: never empty. Both may lie in the run. */
void run_finish(struct session *session, enum response_status status, const char *code, const char *text);
void run_ok(struct session *session, const char *text); /* NULL: "FETCH completed." and the like */
/* The same for a command that may have removed messages: with HIGHESTMODSEQ, where the client has switched QRESYNC on
 * (RFC 7162 section 3.2.7). */
void run_ok_removed(struct session *session);
/* Answers NO. code and text: as in run_finish. */
void run_no(struct session *session, const char *code, const char *text);
/* It was malformed. Too many in a row (max_bad) end the session; want of memory while it was parsed is answered NO. */
void run_bad(struct session *session, const char *text);
void run_no_memory(struct session *session); /* NO [UNAVAILABLE] */
/* As the upstream's result says (session/answer.h). */
void run_result(struct session *session, const struct job_result *result);
/* Before the first command goes up that removes messages: those that the client still counts and that are gone already
 * were removed by others. Later calls do nothing. False: out of memory, and the session ends. */
bool run_note_ghosts(struct session *session) __attribute__((warn_unused_result));
/* The expunges of `own` (UIDs that this very command removed) that were not noted, whatever waits behind it. All other
 * news, expunges by others among them where the commands that wait permit them, is told by the verbs above before the
 * tagged answer; where there is very much of it, in the session's next steps, so that the command is in progress for
 * some time yet. */
void run_tell_own(struct session *session, const struct seqset *own);

/* --- waiting */

/* Submits a job; none may be under way. mailbox: NULL if it does not matter which one is selected. False: the command
 * has been answered (out of memory), or the session is over. */
bool run_submit(struct session *session, const struct run_step *step, struct mailbox *mailbox);
/* Looks at `mailbox` for at most `patience`; then `then` is called once, whatever came of it. */
void run_look(struct session *session, struct mailbox *mailbox, usec patience, void (*then)(struct run *run));
/* The next line is not a command but goes to `line`, once (data NULL: see run_take_line). It returns false if what
 * follows are commands again, to be read before this one is answered. */
void run_await_line(struct session *session, bool (*line)(struct run *run, struct slice line));
/* The session's step, and with it the family's, is to run at `at`; USEC_NEVER: it need not. */
void run_wake_at(struct session *session, usec at);

#endif
