/* See membership.h. A view's calls are only noted, since they come from the middle of the truth's change. */
#include "session/membership.h"

#include <assert.h>

static void view_changed(void *owner, enum view_change change)
{
    struct membership *membership = owner;

    if (change == VIEW_CHANGED_NUMBERS)
        membership->numbers_changed = true;
    else
        membership->flags_changed = true;
    if (membership->member.idling)
        task_wake(membership->task);
}

static void view_ended(void *owner, const char *reason)
{
    struct membership *membership = owner;

    /* NULL: its own DELETE or RENAME; the view just ends. */
    membership->ended = reason ? reason : "";
    if (reason)
        membership->doom(membership->member.owner);
    membership->member.view = NULL;
    task_wake(membership->task);
}

const struct view_ops membership_view_ops = {.changed = view_changed, .ended = view_ended};

void membership_init(struct membership *membership, const struct membership_ops *ops, void *owner, struct task *task)
{
    *membership = (struct membership){
        .member = {.owner = owner, .end = ops->end, .retire = ops->retire, .alert = ops->alert},
        .doom = ops->doom,
        .task = task,
    };
}

bool membership_join(struct membership *membership, struct account *account)
{
    assert(!membership->account);
    if (!account_join(account, &membership->member))
        return false;
    membership->account = account;
    return true;
}

void membership_leave(struct membership *membership)
{
    struct account *account = membership->account;

    membership->member.idling = false;
    membership_unselect(membership);
    membership->account = NULL;
    if (account)
        account_leave(account, &membership->member);
}

void membership_select(struct membership *membership, struct view *view)
{
    assert(membership->account && !membership->view && view->owner == membership);
    membership->view = membership->member.view = view;
    membership->ended = NULL;
    account_interest_changed(membership->account);
}

void membership_unselect(struct membership *membership)
{
    if (!membership->view)
        return;
    view_free(membership->view);
    membership->view = membership->member.view = NULL;
    membership->ended = NULL;
    membership->numbers_changed = membership->flags_changed = false;
    if (membership->account)
        account_interest_changed(membership->account);
}

struct view *membership_view(const struct membership *membership)
{
    return membership->view && membership->view->mailbox ? membership->view : NULL;
}

void membership_set_idling(struct membership *membership, bool idling)
{
    membership->member.idling = idling;
    account_interest_changed(membership->account);
}

bool membership_is_idling(const struct membership *membership)
{
    return membership->member.idling;
}

static bool take(bool *changed)
{
    bool was = *changed;

    *changed = false;
    return was;
}

bool membership_take_numbers_changed(struct membership *membership)
{
    return take(&membership->numbers_changed);
}

bool membership_take_flags_changed(struct membership *membership)
{
    return take(&membership->flags_changed);
}
