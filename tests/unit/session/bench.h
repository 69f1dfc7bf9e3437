/* What the tests of session stand on: a session on a run queue with a clock of its own, and a fake of everything that
 * it asks of mux (account, jobs, login, registry). No server, no login: the test says what the account answers. */
#ifndef IMAPMUX_TESTS_UNIT_SESSION_BENCH_H
#define IMAPMUX_TESTS_UNIT_SESSION_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "imap/capability.h"
#include "mux/account.h"
#include "mux/ground.h"
#include "session/session.h"
#include "session/state.h"

/* One at a time: the fakes find it in `bench`. */
struct bench {
    struct runqueue *runqueue;
    usec now;
    struct settings settings;
    struct spooler spooler;
    struct log log;
    struct ground ground;
    struct upstream_settings upstream;
    char logged[4096];
    bool spool_full;

    /* of the fakes */
    struct capability_set capabilities; /* of the account, now */
    struct mailbox *inbox;              /* messages 10, 20 and 30, all without flags, UIDVALIDITY 7, in step */
    struct mailbox *other;              /* "other", not selected upstream, empty */
    struct account_member *member;      /* the one that has joined */
    bool offers_tokens, refuses_members, refuses_jobs, refuses_logins;
    bool flags_in_step, wants_modseq, tells_vanished;
    struct job *job;       /* submitted and neither done nor abandoned; NULL: none */
    unsigned jobs;         /* submitted in all */
    unsigned abandoned;    /* jobs */
    unsigned doomed;       /* jobs */
    unsigned touched;      /* account_mailbox_touched */
    unsigned interest;     /* account_interest_changed */
    char gone[128];        /* names of account_mailbox_gone, a space behind each */
    char out_of_step[128]; /* names of account_mailbox_out_of_step, likewise */
    char user[64], password[64];
    bool logging_in, login_cancelled;

    struct session *session;
    struct evbuffer *in;
    unsigned wakes;
    char heard[65536], sent[4096];
};

extern struct bench bench;

void bench_open(void); /* fixture: a session that has greeted; the greeting has been read */
void bench_close(void);
void bench_open_selected(void); /* fixture: logged in, INBOX selected */

/* Sends the client's bytes, "%s" and all of it, and runs what is to run. */
void bench_say(const char *bytes);
void bench_settle(void);
void bench_pass_time(usec time);
/* What the client has been sent since the last call. Borrowed until the next call. */
const char *bench_heard(void);
void bench_expect(const char *heard); /* bench_heard is exactly this */
void bench_expect_like(const char *part);
size_t bench_take_lines(void); /* how many lines the client has been sent; they count as read */

void bench_log_in(void);
void bench_select(void);
/* The server has it, and the session is told so as if it logged in now. */
void bench_offer(enum capability capability);
/* The server has CONDSTORE and QRESYNC, INBOX has mod-sequences up to 50 (each message 50), and is selected anew by a
 * client that has switched QRESYNC on. */
void bench_select_with_modseqs(void);
/* What the login is told; LOGIN_OK attaches. */
void bench_login(enum login_outcome outcome, const char *text);

/* --- the job that was submitted last */
/* Its `build`; bench.sent has what it would send. */
enum job_turn bench_build(void);
void bench_expect_sent(const char *command); /* builds: JOB_SEND, and exactly this */
void bench_answer(const char *bytes);        /* lines of the server, for its untagged, fetch, fetch_data */
void bench_break(void);                      /* the answer that is open will not be completed */
/* It is done. tagged: the server's answer with any tag ("x OK [TRYCREATE] no"), or NULL. */
void bench_done(enum job_status status, const char *tagged);
void bench_free_job(struct job *job); /* as the account does: with what it owns */

/* --- INBOX */
void bench_deliver(uint32_t uid);
void bench_expunge(uint32_t uid);
void bench_flag_at(uint32_t uid, unsigned system, uint64_t modseq); /* 0: told without MODSEQ */
void bench_flag(uint32_t uid, unsigned system);

/* For tests of parts that take an output of their own. */
void bench_output(struct output *output, struct task *task);
const char *bench_text(struct output *output); /* what stands in it; drained. Borrowed until the next call */

#endif
