/* Logins that wait at one account: their order, their answers, and the credential that is tried next at
 * the upstream, and where. Dials nothing: the account asks for the next step, takes it, and reports the outcome.
 *
 * A login with a credential that the upstream accepted not longer than verify_ttl ago is let in as soon as the upstream
 * is logged in; the others wait until theirs has been tried. Only the upstream's own word makes a credential wrong, and
 * a login that cannot be served is never answered OK. Refusals are held back, longer with each one.
 *
 * A token proves nothing about its user where the server is not known to compare names (server.h). There it proves only
 * itself: the session that it logs in belongs to this token alone. Another credential that logs the session in takes it
 * over (it changes hands), and nobody who was in before may stay. A token takes it over from a token, but not from the
 * user's passwords. */
#ifndef IMAPMUX_MUX_LOGINS_H
#define IMAPMUX_MUX_LOGINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "mux/credential.h"
#include "mux/ground.h"
#include "mux/login.h"
#include "mux/permit.h"
#include "mux/refusal.h"
#include "mux/reputation.h"
#include "mux/server.h"
#include "mux/settings.h"
#include "mux/upstream.h"

struct logins;

/* All borrowed for as long as the logins live. */
struct logins_options {
    struct ground *ground;
    struct task *task; /* the account's: woken when there may be something to do */
    const struct upstream_settings *settings;
    struct server *server;
    const struct permit *permit;
    struct reputation *reputation;
    struct credential_room *room;
    struct account *account; /* for login_answer only */
    const char *name;        /* of the account, for the log */
    struct slice key;        /* of the account in the registry */
    struct slice authorization_id;
    struct slice authentication_id;
};

/* Returns owned; NULL: out of memory. */
struct logins *logins_new(const struct logins_options *options);
void logins_free(struct logins *logins); /* nobody may wait (logins_end), and every trial is over */

/* --- logins that wait */

/* `done` is called once, never from within this call; then the login is gone. The secret is copied into locked memory.
 * `address` is the key under which the client's address is counted. Returns borrowed; NULL: out of memory, done is not
 * called. */
struct login *logins_add(struct logins *logins, enum credential_kind kind, struct slice secret, uint64_t address,
                         login_answered *done, void *owner);
uint64_t logins_came(const struct logins *logins); /* how many there have been */
bool logins_wait(const struct logins *logins);     /* one waits, or is being tried although its client has gone */
/* All that wait are told so. `text` is in words, for the client. */
void logins_end(struct logins *logins, enum login_outcome outcome, const char *text);

/* --- steps */

/* The account as it stands. */
struct logins_facts {
    usec now;
    bool logged_in;     /* the upstream is */
    bool disconnected;  /* the upstream has no connection */
    const char *ending; /* why nobody is let in any more; NULL: the account lives on */
    bool jobs_wait;     /* a job waits for its turn */
    bool works;         /* a job waits, or has its turn */
    uint64_t turns;     /* of jobs that have ended: grows by one with each */
    usec quiet_since;   /* the last command was answered */
    bool second_free;   /* there is no second connection (verify_connection), and room for one */
    bool second_room;   /* there may be one beside those of the account's sessions */
};

/* Answers all that can be answered, and forgets the trial that nobody waits for any more. *deadline becomes the time of
 * the next such answer, if that is earlier. */
void logins_step(struct logins *logins, const struct logins_facts *facts, usec *deadline);

enum logins_place {
    LOGINS_ON_FIRST,  /* the account's own connection */
    LOGINS_ON_SECOND, /* the short one that verify_connection permits */
};

/* Is a credential to be tried on a second connection now? True: its trial has begun, dial with `with`. */
bool logins_try_on_second(struct logins *logins, const struct logins_facts *facts, struct upstream_login *with,
                          usec *deadline);
/* Is one to be tried in place? True: its trial has begun, log out; logins_choose then chooses it. */
bool logins_try_in_place(struct logins *logins, const struct logins_facts *facts, usec *deadline);
bool logins_tries_in_place(const struct logins *logins); /* all are logged out for a trial */
/* Fills `with` for the next dial of the account's connection. False: no dial before *deadline. */
bool logins_choose(struct logins *logins, struct upstream_login *with, usec now, usec *deadline);

/* --- outcomes */

/* The connection was logged in with this credential. True: the account's session has changed hands. Its user may be
 * another one now: members, jobs and truths from before are void. */
bool logins_accepted(struct logins *logins, enum logins_place place, const struct credential *credential, usec now)
    __attribute__((warn_unused_result));
/* The connection was refused, or could not be made. True:
 * no credential that was ever accepted is accepted now, so no member has proved who they are. */
bool logins_failed(struct logins *logins, enum logins_place place, const struct upstream_end *end, usec now)
    __attribute__((warn_unused_result));
/* Fills `with` for a session beside one that is logged in: a credential that the server has accepted. False: none is
 * left that it has not refused since. */
bool logins_choose_further(const struct logins *logins, struct upstream_login *with);
/* Such a session was logged in with this credential. */
void logins_further_accepted(struct logins *logins, const struct credential *credential, usec now);
/* Such a session was refused because of its credential: who comes with it is asked to prove it again. */
void logins_further_refused(struct logins *logins, const struct upstream_end *end);
/* The second connection could not even begin. */
void logins_second_is_impossible(struct logins *logins, usec now);
/* Every trial is over, whatever came of it: the connections are gone for good. */
void logins_end_trials(struct logins *logins, usec now);

#endif
