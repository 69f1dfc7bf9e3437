/* Which mailboxes a session holds: the one that it selects or has selected, the one that the command in flight leaves,
 * and, by its name, one that was dropped while the server has it selected still. No other session selects these. */
#include <stdlib.h>
#include <string.h>

#include "mux/selection_inside.h"

bool selection_needs(const struct selection *selection, const struct mailbox *mailbox)
{
    return selection->selected == mailbox || selection->switching.mailbox == mailbox || selection->leaving == mailbox ||
           (selection->orphan && strcmp(selection->orphan, mailbox->name) == 0);
}

void hold_given_back(struct selection *selection)
{
    if (selection->leaving)
        mailbox_release(selection->leaving, selection);
    selection->leaving = NULL;
}

void hold_forget_orphan(struct selection *selection)
{
    free(selection->orphan);
    selection->orphan = NULL;
}

static void note_orphan(struct selection *selection, const struct mailbox *mailbox)
{
    hold_forget_orphan(selection);
    selection->orphan = slice_copy(slice_of(mailbox->name));
    if (!selection->orphan)
        upstream_drop(selection->upstream, "out of memory");
}

void selection_forget(struct selection *selection, const struct mailbox *mailbox)
{
    if (selection->selected == mailbox || selection->leaving == mailbox)
        note_orphan(selection, mailbox);
    if (selection->selected == mailbox)
        selection->selected = NULL;
    if (selection->left == mailbox)
        selection->left = NULL;
    if (selection->leaving == mailbox)
        selection->leaving = NULL;
    if (selection->asked == mailbox)
        selection->asked = NULL;
    if (selection->switching.mailbox == mailbox) {
        upstream_drop(selection->upstream, "the mailbox that is being opened is gone");
        switch_clear(selection);
    }
}

void hold_all_given_back(struct selection *selection)
{
    if (selection->switching.mailbox && selection->switching.mailbox != selection->selected)
        mailbox_release(selection->switching.mailbox, selection);
    if (selection->selected)
        mailbox_release(selection->selected, selection);
    hold_given_back(selection);
    hold_forget_orphan(selection);
}
