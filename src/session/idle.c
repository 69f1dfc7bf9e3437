/* IDLE: the client is told at once of arrivals and expunges. Flag changes are gathered, so that a phone wakes up less
 * often. Ends with DONE, in any letter case; later octets in the same packet are read on. RFC 2177. */
#include "session/run.h"
#include "session/tell.h"

struct idle_run {
    struct run run;
    usec rest_at;       /* news that did not fit is told then; USEC_NEVER: all was told */
    usec gather_until;  /* flag changes are told then; USEC_NEVER: there are none */
    usec still_here_at; /* the client hears "Still here" then */
    bool ended;         /* its line has come */
    bool by_done;       /* and is DONE */
};

/* Everything but flags at once; flags too if with_flags. What is left is told after the next event round, so that
 * nobody waits for it. */
static void tell(struct idle_run *idle, bool with_flags)
{
    struct session *session = idle->run.session;
    struct tell_kinds kinds = {.expunges = !intake_awaits_rest(&session->intake), .flags = with_flags};

    idle->rest_at = USEC_NEVER;
    if (!tell_news(session_view(session), &session->output, &session->enabled, kinds))
        idle->rest_at = session_now(session) + 1;
    if (with_flags)
        idle->gather_until = idle->rest_at;
}

static void wake_in_time(struct idle_run *idle)
{
    run_wake_at(idle->run.session, usec_earlier(idle->rest_at, usec_earlier(idle->gather_until, idle->still_here_at)));
}

/* It is answered in the session's step: what has come in the same packet is read before, since commands by number that
 * follow hold back the news of expunges. */
static bool take_line(struct run *run, struct slice line)
{
    struct idle_run *idle = (struct idle_run *)run;
    struct session *session = run->session;

    membership_set_idling(&session->membership, false);
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        line.length--;
    idle->ended = true;
    idle->by_done = slice_equal_nocase(line, SLICE("DONE"));
    task_wake(&session->task);
    return false;
}

static void finish(const struct idle_run *idle)
{
    struct session *session = idle->run.session;

    run_wake_at(session, USEC_NEVER);
    if (idle->by_done)
        run_ok(session, NULL);
    else
        run_bad(session, "IDLE ends with DONE");
}

static void start(struct run *run)
{
    struct idle_run *idle = (struct idle_run *)run;
    struct session *session = run->session;

    output_format(&session->output, "+ idling\r\n");
    (void)membership_take_numbers_changed(&session->membership);
    (void)membership_take_flags_changed(&session->membership);
    tell(idle, true);
    idle->still_here_at = session_now(session) + session_settings(session)->keepalive;
    wake_in_time(idle);
    run_await_line(session, take_line);
    membership_set_idling(&session->membership, true);
}

/* Something has changed, or a time has come. */
static void step(struct run *run, usec now)
{
    struct idle_run *idle = (struct idle_run *)run;
    struct session *session = run->session;

    if (idle->ended) {
        finish(idle);
        return;
    }
    if (membership_take_numbers_changed(&session->membership) || now >= idle->rest_at)
        tell(idle, false);
    if (session->membership.flags_changed && idle->gather_until == USEC_NEVER)
        idle->gather_until = now + session_settings(session)->idle_gather;
    if (now >= idle->gather_until) {
        (void)membership_take_flags_changed(&session->membership);
        tell(idle, true);
    }
    if (now >= idle->still_here_at) {
        output_format(&session->output, "* OK Still here\r\n");
        idle->still_here_at = now + session_settings(session)->keepalive;
    }
    wake_in_time(idle);
}

const struct run_ops idle_ops = {.size = sizeof(struct idle_run), .start = start, .step = step};
