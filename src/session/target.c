/* See target.h. */
#include "session/target.h"

void target_changed(struct session *session, struct slice name, void (*then)(struct run *run))
{
    struct mailbox *mailbox = account_find_mailbox(session_account(session), name);
    struct view *view = session_view(session);

    if (!mailbox || !view || view->mailbox != mailbox) {
        account_mailbox_touched(session_account(session), name);
        then(session->current.run);
        return;
    }
    mailbox_touched(mailbox);
    run_look(session, mailbox, USEC_SECOND, then);
}
