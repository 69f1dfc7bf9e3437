/* Telling what has changed: the only place that moves a view's numbers, line by line as each is written. When what may
 * be told is decided by the command in progress and by what waits behind it. RFC 3501 section 5.2, 5.5 and 7.4.1. */
#include "session/tell.h"

#include <event2/buffer.h>

#include "mailbox/mailbox.h"

static bool has_view(const struct session *session)
{
    return session->view && session->view->mailbox && session->phase != SESSION_ENDING;
}

static void tell_recent(struct session *session)
{
    if (view_recent_differs(session->view))
        session_write(session, "* %u RECENT\r\n", view_tell_recent(session->view));
}

void tell_arrivals(struct session *session)
{
    if (!has_view(session) || !view_tell_arrivals(session->view))
        return;
    session_write(session, "* %u EXISTS\r\n", view_exists(session->view));
    session_write(session, "* %u RECENT\r\n", view_tell_recent(session->view));
}

/* --- flags */

void tell_flags_line(struct session *session, const struct message *message)
{
    if (!view_needs_flags_line(session->view, message))
        return;
    session_write(session, "* FLAGS ");
    if (!mailbox_print_flags(session->view->mailbox, session->output))
        session_no_memory(session);
    session_write(session, "\r\n");
    view_flags_line_told(session->view);
}

void tell_fetch_flags(struct session *session, const struct message *message, bool with_uid)
{
    struct view *view = session->view;

    tell_flags_line(session, message);
    session_write(session, "* %u FETCH (", view_number(view, message->uid));
    if (with_uid)
        session_write(session, "UID %u ", message->uid);
    session_write(session, "FLAGS ");
    if (!mailbox_print_message_flags(view->mailbox, message, view_shows_recent(view, message->uid), session->output))
        session_no_memory(session);
    session_write(session, ")\r\n");
    (void)!view_note_told(view, message);
}

static void tell_flags(struct session *session)
{
    const struct message *message;
    uint32_t uid = 0;

    while ((message = view_next_untold(session->view, uid))) {
        uid = message->uid;
        tell_fetch_flags(session, message, false);
    }
    view_all_flags_told(session->view);
}

/* --- expunges */

static void tell_ghosts(struct session *session, const struct seqset *only)
{
    struct view *view = session->view;
    uint32_t uid = 0;

    while ((uid = view_next_ghost(view, uid)) != 0) {
        if (!only || seqset_contains(only, uid))
            session_write(session, "* %u EXPUNGE\r\n", view_end_ghost(view, uid));
    }
}

/* Would an EXPUNGE now shift the numbers of a command that the client has sent already? */
static bool numbers_are_queued(const struct session *session)
{
    for (const struct queued *queued = session->queue; queued; queued = queued->next) {
        if (command_uses_numbers(&queued->command))
            return true;
    }
    return false;
}

/* FETCH, STORE and SEARCH by number: RFC 3501 section 7.4.1 permits no EXPUNGE while they are in progress. */
static bool permits_expunges(const struct command *command)
{
    return command->uid ||
           (command->name != COMMAND_FETCH && command->name != COMMAND_STORE && command->name != COMMAND_SEARCH);
}

void tell_before_tag(struct session *session, const struct seqset *own)
{
    if (!has_view(session))
        return;
    if (permits_expunges(&session->current->command) && !numbers_are_queued(session))
        tell_ghosts(session, NULL);
    else if (own)
        tell_ghosts(session, own);
    tell_arrivals(session);
    tell_recent(session);
    tell_flags(session);
}

void tell_in_idle(struct session *session, bool with_flags)
{
    if (!has_view(session))
        return;
    tell_ghosts(session, NULL);
    tell_arrivals(session);
    tell_recent(session);
    if (with_flags)
        tell_flags(session);
}
