/* See run_progress.h. Nothing is written within an open line, before login (nothing is offered there), or in IDLE,
 * which ends when the client says so. */
#include "session/run_progress.h"

#define INTERVAL (10 * USEC_SECOND)

void run_progress_begin(struct session *session)
{
    bool tells = session->phase == SESSION_LOGGED_IN && session_command(session)->name != COMMAND_IDLE;

    session->current.word_at = tells ? session_now(session) + INTERVAL : USEC_NEVER;
}

/* A tag needs no escapes in quotes. */
void run_progress_tell(struct session *session, usec now)
{
    struct current *current = &session->current;
    struct slice tag;

    if (now < current->word_at)
        return;
    if (session_is_over(session) || session->left_until != 0) {
        current->word_at = USEC_NEVER;
        return;
    }
    current->word_at = now + INTERVAL;
    tag = session_command(session)->tag;
    if (!session->output.line_open && tag.length > 0)
        output_format(&session->output, "* OK [INPROGRESS (\"%.*s\" NIL NIL)] Still at work\r\n", (int)tag.length,
                      tag.data);
}
