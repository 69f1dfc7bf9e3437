/* IDLE: the client is told at once what arrives and what is gone; flag changes are gathered, so that a phone wakes up
 * less often. Ends with DONE, in any letter case; what follows it in the same packet is read on. RFC 2177. */
#include "session/state.h"
#include "session/tell.h"

static void schedule_still_here(struct session *session, usec now)
{
    session->still_here_at = now + session_settings(session)->keepalive;
}

void idle_line(struct session *session, struct slice line)
{
    session->idling = session->member.idling = false;
    session->gather_until = session->still_here_at = USEC_NEVER;
    account_interest_changed(session->account);
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        line.length--;
    if (slice_equal_nocase(line, SLICE("DONE")))
        session_finish(session, RESPONSE_OK, NULL, "IDLE completed.");
    else
        session_bad(session, "IDLE ends with DONE");
}

void session_start_idle(struct session *session)
{
    if (session->current->command.arguments) {
        session_bad(session, "IDLE takes no arguments");
        return;
    }
    session_write(session, "+ idling\r\n");
    session->idling = session->member.idling = true;
    tell_in_idle(session, true);
    session->changed_numbers = session->changed_flags = false;
    schedule_still_here(session, session_now(session));
    intake_await_line(session, idle_line);
    account_interest_changed(session->account);
}

/* Something has changed, or a time has come. */
void idle_step(struct session *session, usec now)
{
    if (session->changed_numbers) {
        session->changed_numbers = false;
        tell_in_idle(session, false);
    }
    if (session->changed_flags && session->gather_until == USEC_NEVER)
        session->gather_until = now + session_settings(session)->idle_gather;
    if (now >= session->gather_until) {
        session->gather_until = USEC_NEVER;
        session->changed_flags = false;
        tell_in_idle(session, true);
    }
    if (now >= session->still_here_at) {
        session_write(session, "* OK Still here\r\n");
        schedule_still_here(session, now);
    }
}
