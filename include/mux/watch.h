/* The work of an account without requests: IDLE where most clients wait, rounds over the other mailboxes that are
 * looked at, flags that are not in step, NOOPs where there is no IDLE. Never without somebody to do it for. Facts in,
 * wishes out: it sends nothing itself. RFC 2177. */
#ifndef IMAPMUX_MUX_WATCH_H
#define IMAPMUX_MUX_WATCH_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "mailbox/mailbox.h"
#include "mux/job.h"
#include "mux/mailboxes.h"
#include "mux/member.h"
#include "mux/settings.h"

/* Written by watch only. */
struct watch {
    usec quiet_since; /* the last command, or the login, has finished */
    usec idle_began;
    usec park_wanted_since; /* IDLE should be elsewhere since then; USEC_NEVER: it is where it should be */
    usec round_at;          /* the next round over the other mailboxes */
    usec polled_at;         /* the last NOOP for want of IDLE, or to keep the session alive */
    bool idle_refused;      /* set when the server refuses IDLE, cleared by watch_connected */
};

/* As they stand now: logged in, and the upstream can take a command. */
struct watch_facts {
    usec now;
    const struct settings *settings;
    usec idle_reissue;                    /* the age at which IDLE is ended at this server */
    const struct account_member *members; /* a list; NULL: nobody */
    const struct mailboxes *mailboxes;
    struct mailbox *selected; /* by the upstream; NULL: none. What another one holds is not this one's concern */
    bool makes_rounds;        /* over the mailboxes that nobody has selected: one upstream session of an account does */
    bool in_step;             /* it is, tail included */
    bool announces_idle;      /* CAPABILITY IDLE */
    bool condstore;           /* the upstream tells mod-sequences */
    bool ready;               /* it is not in IDLE, nor entering it */
    bool idling;              /* it is in IDLE */
    usec heard_at;            /* when the server said something last */
};

struct watch_ops {
    /* Work of the account's own: see scheduler_ask. False: out of memory. */
    bool (*ask)(void *owner, struct mailbox *mailbox, enum job_goal goal, bool background);
    void (*idle)(void *owner);     /* IDLE is to be entered */
    void (*end_idle)(void *owner); /* IDLE is to be ended: it is old, or the server has been silent for long */
};

/* Nothing has been done yet and no connection stands. */
void watch_init(struct watch *watch);
void watch_connected(struct watch *watch, const struct settings *settings, usec now); /* logged in */
void watch_finished(struct watch *watch, usec now);                                   /* a command has been answered */
void watch_idle_over(struct watch *watch, bool refused, usec now); /* IDLE has ended without our DONE, or was refused */
/* Asks for what is due by the clock, however many jobs wait: it has its turn among them. *deadline becomes the time to
 * call again, if that is earlier. */
void watch_clock(struct watch *watch, const struct watch_facts *facts, const struct watch_ops *ops, void *owner,
                 usec *deadline);
/* Nobody has a job: decides the next work. True: `ask` was called with success and there is a job. Else *deadline
 * becomes the time to call again, if that is earlier. */
bool watch_rest(struct watch *watch, const struct watch_facts *facts, const struct watch_ops *ops, void *owner,
                usec *deadline);

#endif
