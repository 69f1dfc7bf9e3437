/* The inside of a session, for the modules of the session layer. Each part is written by the verbs of its own module;
 * everybody else reads. Nobody outside the session layer includes this. */
#ifndef IMAPMUX_SESSION_STATE_H
#define IMAPMUX_SESSION_STATE_H

#include "base/log.h"
#include "mux/ground.h"
#include "mux/registry.h"
#include "session/enabled.h"
#include "session/family.h"
#include "session/intake.h"
#include "session/membership.h"
#include "session/offer.h"
#include "session/options.h"
#include "session/output.h"
#include "session/queue.h"

/*
 *   NOT_LOGGED_IN --login OK--> LOGGED_IN (nothing selected, or a mailbox)
 *         |                         |
 *         +----- BYE, LOGOUT, ------+--> ENDING --link closed--> freed
 *                abort
 */
enum session_phase {
    SESSION_NOT_LOGGED_IN,
    SESSION_LOGGED_IN,
    SESSION_ENDING, /* nothing more is written; waits for its link to close */
};

enum session_end {
    SESSION_END_NONE,
    SESSION_END_QUIETLY, /* closed once the output is written */
    SESSION_END_BYE,     /* the same, after a "* BYE" with the reason */
    SESSION_END_ABORT,   /* closed at once, not one octet more: a line was cut */
};

/* For so long commands are carried out whose client has gone. */
#define SESSION_LEFT_TIME (10 * USEC_MINUTE)

/* The command in progress. Written by run.c. */
struct current {
    struct queued *queued;         /* owned; NULL: no command is in progress */
    const struct command_row *row; /* NULL: a command of no known name */
    struct run *run;               /* owned; NULL: not started, or answered without being started */
    struct job *job;               /* at most one at a time; NULL: none */
    const struct run_step *step;   /* of the job */
    usec until;                    /* when the session's step is to look; USEC_NEVER: it need not */
    usec word_at;                  /* when the client is told that it goes on; USEC_NEVER: that is not told */
    void (*then)(struct run *run); /* of run_look: called at its end, or when `until` has come; else NULL */
    bool (*line)(struct run *run, struct slice line); /* takes the next line; NULL: lines are commands */
    struct seqset ghosts;                             /* see run_note_ghosts */
    bool ghosts_noted;                                /* cleared with the command */
    bool begun;                                       /* set when the server has carried out a command of it */
    bool repeats;                                     /* what the family's `left` has said; false before */
    usec owed_until;                                  /* for its jobs, see struct job */
    struct evbuffer *tagged; /* owned: the tagged answer, which follows when all news has been told; else NULL */
    unsigned bad_in_a_row;   /* commands answered BAD since one that was not */
};

struct session {
    struct task task;
    struct registry *registry;
    struct ground *ground;
    struct session_options options; /* peer is an owned copy */

    /* state.c */
    enum session_phase phase;
    enum session_end end;
    const char *end_reason; /* constant or copied text; NULL: none is logged or told */
    usec login_by;          /* login_timeout: the client's own time to log in; USEC_NEVER: it does not run now */
    usec login_left;        /* rest of that time when the clock was stopped */

    struct output output;
    struct queue queue;
    struct intake intake;
    struct membership membership;
    struct offer offer;
    struct enabled enabled;
    struct current current;

    /* session.c */
    usec left_until;      /* 0; once the client has gone: until then its commands are carried out */
    bool end_of_input;    /* set by session_end_of_input, never cleared */
    bool compressed;      /* compress.c: set by COMPRESS, never cleared */
    const char *retiring; /* why it ends after the command in progress; NULL: it does not */
};

/* --- phases */

/* The only writer of session->phase. Asserts the edge and does what belongs to it: the limits of intake after login;
 * output sealed and intake stopped at the end. */
void session_set_phase(struct session *session, enum session_phase phase);
/* The session is to end. Only its step ends it, so that nothing is freed under a caller's feet. The first reason
 * counts; an ABORT stops the output at once. reason: constant, or living until the step; NULL: none. */
void session_ask_to_end(struct session *session, enum session_end end, const char *reason);
/* It ends now, for the session's step: logs the reason, writes the BYE if that was asked, and is ENDING afterwards. An
 * ABORT where memory was out, or where a BYE would stand within an open line. */
void session_end(struct session *session);
/* It has been asked to end, is ending, or memory was out for its output: nothing more is to be done for the client. */
bool session_is_over(const struct session *session);

/* login_timeout counts the client's own time only: it stands still while a login waits for us. */
void session_start_login_clock(struct session *session);
/* It stands still: a login is being decided. */
void session_stop_login_clock(struct session *session);
/* It goes on with the time that was left. */
void session_resume_login_clock(struct session *session);

/* The client uses CONDSTORE: from now on it is told mod-sequences, first of all HIGHESTMODSEQ of what it has selected.
 * RFC 7162 section 3.1. */
void session_enable_condstore(struct session *session);

/* --- getters */
/* Those of its registry. Borrowed. */
const struct settings *session_settings(const struct session *session);
usec session_now(const struct session *session);                             /* of the present step */
struct account *session_account(const struct session *session);              /* NULL: not logged in */
struct view *session_view(const struct session *session);                    /* NULL: nothing selected, or it is gone */
const struct command *session_command(const struct session *session);        /* in progress; there must be one */
bool session_can(const struct session *session, enum capability capability); /* the server has it now */
void session_print_capabilities(const struct session *session, struct evbuffer *out); /* after "CAPABILITY " */

/* "user@upstream", or "-" before login. Borrowed until the session changes. */
const char *session_log_name(const struct session *session);
void session_log(struct session *session, enum log_level level, const char *text); /* "account: client peer: text" */
void session_wake_link(struct session *session);                                   /* there is something to fetch */

#endif
