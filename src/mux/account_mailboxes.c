/* What sessions ask of an account's jobs and mailboxes: most of it is passed on to the slot that has the mailbox
 * selected. */
#include "mux/account_inside.h"

/* --- jobs */

struct job *job_submit(struct account *account, const struct job *wanted)
{
    struct job own = *wanted, *job;

    own.account = account;
    job = jobs_add(account->jobs, &own, account->ground->commands);
    if (job)
        task_wake(&account->task);
    return job;
}

void job_abandon(struct job *job)
{
    slots_abandon(&job->account->slots, job);
}

void job_doom(struct job *job)
{
    jobs_doom(job);
}

/* --- mailboxes */

void account_note_separator(struct account *account, const struct value *separator)
{
    mailboxes_note_separator(account->mailboxes, separator);
}

struct mailbox *account_mailbox(struct account *account, struct slice name)
{
    return mailboxes_get(account->mailboxes, name);
}

struct mailbox *account_find_mailbox(struct account *account, struct slice name)
{
    return mailboxes_find(account->mailboxes, name);
}

bool account_is_selected(const struct account *account, const struct mailbox *mailbox)
{
    return slots_with(&account->slots, mailbox) != NULL;
}

bool account_in_step(const struct account *account, const struct mailbox *mailbox)
{
    const struct slot *slot = slots_with(&account->slots, mailbox);

    return slot && selection_in_step(slot_selection(slot), mailbox);
}

bool account_flags_in_step(const struct account *account, const struct mailbox *mailbox)
{
    const struct slot *slot = slots_with(&account->slots, mailbox);

    return slot && selection_flags_in_step(slot_selection(slot), mailbox);
}

bool account_is_fresh(const struct account *account, const struct mailbox *mailbox)
{
    const struct slot *slot = slots_with(&account->slots, mailbox);

    return slot && selection_is_fresh(slot_selection(slot), mailbox);
}

void account_mailbox_touched(struct account *account, struct slice name)
{
    struct mailbox *mailbox = account_find_mailbox(account, name);

    if (mailbox)
        mailbox_touched(mailbox);
    if (mailbox && mailbox->views)
        (void)account_ask(account, mailbox, JOB_LOOK);
}

void account_mailbox_out_of_step(struct account *account, struct slice name)
{
    struct mailbox *mailbox = account_find_mailbox(account, name);

    if (mailbox)
        mailbox_unsure(mailbox);
    account_mailbox_touched(account, name);
}

void account_mailbox_gone(struct account *account, struct slice name, const char *reason, struct view *except)
{
    mailboxes_gone(account->mailboxes, name, reason, except);
}

void account_status_seen(struct account *account, struct mailbox *mailbox, const struct value *items)
{
    if (!mailbox->known || account_is_selected(account, mailbox) || !mailbox_status_differs(mailbox, items))
        return;
    mailbox_differs(mailbox);
    if (mailbox->views)
        (void)account_ask(account, mailbox, JOB_SELECTED);
}
