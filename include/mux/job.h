/* One unit of upstream work for a session (or for the account itself). It names its demands on the upstream, builds its
 * command at its turn, and handles every reply. */
#ifndef IMAPMUX_MUX_JOB_H
#define IMAPMUX_MUX_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "imap/outgoing.h"
#include "imap/response.h"
#include "mailbox/mailbox.h"
#include "mux/name_change.h"
#include "mux/policy.h"
#include "mux/wish.h"

struct account;
struct job;

enum job_goal {
    JOB_RUN,  /* `build` is called with the mailbox (if any) selected and its map in step */
    JOB_LOOK, /* nothing is built: done when the upstream has been asked about the mailbox after the job was submitted,
                 or it is fresh. A mailbox that is not selected is asked by STATUS, and selected only if that differs
                 from the truth */
    JOB_SELECTED, /* the same, but the mailbox must be the selected one at the end, with its map in step */
    JOB_FLAGS,    /* the same, and the flags are in step, too */
};

enum job_turn {
    JOB_SEND,    /* the command (without tag) has been written into `out` */
    JOB_NOTHING, /* nothing left to do: done with JOB_OK, no upstream command */
    JOB_REFUSE,  /* the job's owner has decided otherwise: done with JOB_REFUSED; no upstream command */
};

enum job_status {
    JOB_OK,
    JOB_NO,           /* tagged NO */
    JOB_BAD,          /* tagged BAD */
    JOB_NOT_SELECTED, /* not sent: the mailbox could not be selected. Code and text are the server's NO, or `text` */
    JOB_REFUSED,      /* see JOB_REFUSE */
    JOB_LOST,         /* the connection broke after it was written: the outcome is unknown */
    JOB_GARBAGE,      /* the server's answer could not be understood */
    JOB_DEAD, /* it can never be done: the mailbox is gone or another now (UIDVALIDITY), or the account has ended */
};

struct job_result {
    enum job_status status;
    const struct response
        *response;    /* the tagged answer, for its code and text; NULL if there was none. Borrowed for the call */
    const char *text; /* NULL, or a text that is borrowed for the call, where there is no response. JOB_LOST: what
                         became of the connection */
};

/* One piece of a FETCH answer about one message of the job's mailbox. The guard has checked number and UID against the
 * map, and flags are in the truth already. After a part that is not complete, `fetch_data` is called with the octets of
 * the item stream_name, stream_size in all, then the next part follows. A dead message (in no map) is never handed on.
 */
struct job_fetch {
    uint32_t uid;
    const struct fetch_answer *part;
};

struct job_ops {
    /* JOB_RUN only. Everything that must be judged at the turn is judged here: numbers, ghosts, clipping, what is
     * already known. Where policies permit it, it is called in vain, and again. */
    enum job_turn (*build)(struct job *job, struct outgoing *out);
    /* Every untagged answer but FETCH, EXISTS, EXPUNGE, VANISHED, RECENT, CAPABILITY, BYE while the job is in flight.
     * NULL: dropped. */
    void (*untagged)(struct job *job, const struct response *response);
    void (*fetch)(struct job *job, const struct job_fetch *fetch);
    void (*fetch_data)(struct job *job, struct slice bytes);
    /* The FETCH answer that was open (a part that was not complete) will never be completed: line lost or
     * garbage. sound: see selection_ops. */
    void (*fetch_broken)(struct job *job, bool sound);
    /* Optional: it has waited too long for its turn, and is to end JOB_DEAD with this text (a constant, or borrowed for
     * the call). True: its owner has been told so, and the job itself has another owner (job_inherit) and waits on. */
    bool (*overdue)(struct job *job, const char *text);
    /* Exactly once, and last; the account frees the job afterwards: the owner must forget it. */
    void (*done)(struct job *job, const struct job_result *result);
};

/* Where it is. Written by mux/jobs only. */
#define JOB_PLACES(X)                                                                                                  \
    X(WAITING) /* for its turn */                                                                                      \
    X(RIDING)  /* an equal command of another job is in flight for it, too */                                          \
    X(TAKEN)   /* its turn has come */                                                                                 \
    X(ENDED)   /* `done` has been called, or its owner has abandoned it before its turn */

enum job_place {
#define JOB_PLACE_ENUM(name) JOB_IS_##name,
    JOB_PLACES(JOB_PLACE_ENUM)
#undef JOB_PLACE_ENUM
};

struct job_queueing {
    enum job_place place;
    struct job *riders;   /* of a job that is taken: those answered with it */
    struct job *carrier;  /* of a rider */
    usec since;           /* when it was added */
    uint64_t submitted;   /* ground->commands when it was added */
    uint32_t uidvalidity; /* of its mailbox when it was added; 0: not known */
    bool doomed;          /* set when the mailbox is gone or its UIDs mean other messages; never cleared */
    bool ending;          /* set within jobs_end_mailbox, whose end is the job's */
};

/* How its turns have gone. Written by mux/scheduler only. */
struct job_course {
    unsigned attempts; /* answers spoilt under it */
    unsigned timeouts; /* of those, how often no answer came in time */
    unsigned losses;   /* connections lost in its turn, and by all appearances by its fault */
    unsigned excused;  /* lost in its turn, but another was lost in between without it */
    uint64_t lost_as;  /* the number of the last one, among all that the account has lost */
    bool written;      /* set when its command is sent; cleared when the server certainly did not carry it out */
    bool spoilt;       /* set when the map breaks under its command; cleared when the command is sent again */
    bool garbled;      /* set by garbage under its command; cleared when the command is sent again */
};

struct job {
    struct job *prev, *next;   /* of mux/jobs */
    const struct job_ops *ops; /* NULL: its owner has abandoned it */
    void *owner;
    const char *title; /* for the log: "FETCH" */
    enum job_goal goal;
    enum policy policy;
    struct mailbox *mailbox; /* borrowed; NULL: the selected mailbox does not matter */
    bool read_write;         /* the mailbox must have been SELECTed, not EXAMINEd */
    bool judges_answers; /* its owner finds out which messages were not answered: an unreadable line does not end it */
    bool sets_seen;      /* a FETCH without PEEK */
    /* NULL, or: must the upstream leave its selected mailbox (by name) before this command? Leaving and the command are
     * one (DELETE, RENAME). */
    bool (*leaves)(const struct job *job, const struct mailbox *selected);

    usec owed_until; /* until then the account stays for it, though nobody is logged in; 0: it does not */
    uint32_t sole;   /* set by build: the UID of the only message that the command asks for; 0: none, or several */
    /* NULL, or what the command does to names. The job owns it: it counts for the account once the server has answered
     * OK, or may have carried the command out, whether or not the owner has gone. */
    struct name_change *change;

    /* private to mux */
    struct account *account;
    struct job_queueing queueing;
    struct job_course course;
    struct wish_progress progress;
    const void *place; /* NULL, or the only scheduler that may carry it out */
    bool urgent;       /* its turn is before all others */
    bool background;   /* yields to the others, but has a turn now and then (mux/jobs) */
};

#endif
