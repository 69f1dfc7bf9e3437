/* From a client's bytes to the queue of its commands. Decides about each announced literal: into the line, into a spool
 * (APPEND's message, whole before anything goes upstream), or refused before memory is asked for. Runs nothing. RFC
 * 3501 section 4.3, RFC 7888 (LITERAL+). */
#ifndef IMAPMUX_SESSION_INTAKE_H
#define IMAPMUX_SESSION_INTAKE_H

#include <stdbool.h>

#include "mux/ground.h"
#include "session/output.h"
#include "session/queue.h"

struct command_reader;

struct intake_ops {
    /* Must this command have been answered before what follows it is read? Then limits, security or the meaning of the
     * bytes may be others. */
    bool (*runs_first)(enum command_name name);
    /* The line that intake_await_line asked for. Returns: the meaning of what follows is open, until the command in
     * progress has been answered. `line` is borrowed for the call; data NULL: it was too long, or held a
     * literal. */
    bool (*line)(void *owner, struct slice line);
    void (*go_on)(void *owner); /* reading may go on: the link is to offer what it has kept */
    /* The client sends a literal larger than anything that is taken: it is to be sent away. Constant text. */
    void (*too_large)(void *owner, const char *reason);
};

/* The octets after a command's line are of another kind. */
enum intake_change { INTAKE_NO_CHANGE, INTAKE_TLS, INTAKE_COMPRESSION };

struct intake {
    const struct intake_ops *ops;
    void *owner;
    const struct ground *ground; /* borrowed: settings, spooler */
    struct output *output;       /* borrowed: "+ OK" goes there */
    struct queue *queue;         /* borrowed: commands go there */
    struct command_reader *reader;
    struct upload upload; /* of the command that is being read */
    bool logged_in;
    bool stopped;      /* set by intake_stop, never cleared */
    bool rest;         /* the last octets that came have not been read: half a line, or more than may be read now */
    bool line_awaited; /* from intake_await_line until the line has come */
    bool blocked;      /* set by a command that must be answered first; cleared by intake_resume or intake_await_line */
    bool plus_owed;    /* set when a literal is accepted while an output line is open; cleared when its + is written */
    enum intake_change awaits; /* from intake_await to intake_changed: nothing more is read */
    bool paused;               /* set when reading stops; cleared by intake_resume */
};

/* Fills `intake`; ops, ground, output and queue are borrowed and must outlive it. False: out of memory; intake_clear
 * may be called in either case. */
bool intake_init(struct intake *intake, const struct intake_ops *ops, void *owner, const struct ground *ground,
                 struct output *output, struct queue *queue) __attribute__((warn_unused_result));
void intake_clear(struct intake *intake); /* a zeroed intake may be cleared */

/* Reads as far as it may, leaves the rest in `in`. Out of memory fails the output. */
void intake_take(struct intake *intake, struct evbuffer *in);
/* More has come than the commands in the queue: a line that is not whole, octets of a literal, or what may not be read
 * now. */
bool intake_awaits_rest(const struct intake *intake);
/* The next line is not a command: it goes to ops->line. */
void intake_await_line(struct intake *intake);
/* Called in every step of the session, and after a line was closed. idle: no command is in progress and none waits. */
void intake_resume(struct intake *intake, bool idle);
/* From the next line on the limits are those of a client that has logged in. */
void intake_logged_in(struct intake *intake);
/* STARTTLS or COMPRESS is about to be answered OK: nothing more is read until intake_changed. */
void intake_await(struct intake *intake, enum intake_change change);
/* TLS or compression stands: reading goes on. */
void intake_changed(struct intake *intake);
void intake_stop(struct intake *intake); /* nothing more is read */
/* Lets go of the upload that is being read: before the spooler ends. */
void intake_drop_upload(struct intake *intake);

#endif
