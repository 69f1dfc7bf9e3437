/* The mailboxes of an account: their truths by name, made when first asked for, forgotten when they are gone or nobody
 * needs them. */
#include <stdlib.h>
#include <string.h>

#include "imap/mailbox_name.h"
#include "mux/account_inside.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* More mailboxes than this are not kept in memory once no view is on them. */
#define MAILBOXES_KEPT 256

struct account_mailbox {
    struct mailbox *mailbox;
    UT_hash_handle hh;
};

struct mailbox *account_find_mailbox(struct account *account, struct slice name)
{
    struct account_mailbox *entry = NULL;
    struct slice canonical = mailbox_name_canonical(name);

    HASH_FIND(hh, account->mailboxes, canonical.data, canonical.length, entry);
    return entry ? entry->mailbox : NULL;
}

static void free_mailbox(void *object)
{
    mailbox_free(object);
}

static void drop_entry(struct account *account, struct account_mailbox *entry)
{
    struct mailbox *mailbox = entry->mailbox;

    if (account->selected == mailbox)
        account->selected = NULL;
    HASH_DEL(account->mailboxes, entry);
    free(entry);
    mailbox_deleted(mailbox);
    scheduler_mailbox_gone(account, mailbox);
    runqueue_dispose(account->ground->runqueue, free_mailbox, mailbox);
}

static bool is_needed(const struct account *account, const struct mailbox *mailbox)
{
    const struct job *job;

    if (mailbox->views || mailbox == account->selected || mailbox == account->resync.mailbox ||
        (account->current && account->current->mailbox == mailbox))
        return true;
    DL_FOREACH (account->jobs, job) {
        if (job->mailbox == mailbox)
            return true;
    }
    return false;
}

/* Forgets what nobody looks at, the oldest entries first. */
static void trim_mailboxes(struct account *account)
{
    struct account_mailbox *entry, *next;

    HASH_ITER (hh, account->mailboxes, entry, next) {
        if (HASH_COUNT(account->mailboxes) < MAILBOXES_KEPT)
            return;
        if (!is_needed(account, entry->mailbox))
            drop_entry(account, entry);
    }
}

struct mailbox *account_mailbox(struct account *account, struct slice name)
{
    struct mailbox *mailbox = account_find_mailbox(account, name);
    struct account_mailbox *entry;

    if (mailbox)
        return mailbox;
    trim_mailboxes(account);
    entry = calloc(1, sizeof(*entry));
    mailbox = mailbox_new(mailbox_name_canonical(name));
    if (entry && mailbox) {
        entry->mailbox = mailbox;
        HASH_ADD_KEYPTR(hh, account->mailboxes, mailbox->name, strlen(mailbox->name), entry);
        if (account_find_mailbox(account, name) == mailbox)
            return mailbox;
    }
    free(entry);
    mailbox_free(mailbox);
    return NULL;
}

void account_each_mailbox(struct account *account, void (*visit)(struct account *account, struct mailbox *mailbox))
{
    struct account_mailbox *entry, *next;

    HASH_ITER (hh, account->mailboxes, entry, next) {
        visit(account, entry->mailbox);
    }
}

bool account_is_selected(const struct account *account, const struct mailbox *mailbox)
{
    return account->selected == mailbox;
}

bool account_in_step(const struct account *account, const struct mailbox *mailbox)
{
    return account->selected == mailbox && mailbox->map_in_step && mailbox->tail_count == 0;
}

bool account_flags_in_step(const struct account *account, const struct mailbox *mailbox)
{
    return account_in_step(account, mailbox) && mailbox->flags_in_step;
}

bool account_is_fresh(const struct account *account, const struct mailbox *mailbox)
{
    usec freshness = account_settings(account)->freshness;

    return freshness > 0 && account_in_step(account, mailbox) &&
           task_now(&account->task) - mailbox->looked_at <= freshness;
}

void account_mailbox_touched(struct account *account, struct slice name)
{
    struct mailbox *mailbox = account_find_mailbox(account, name);

    if (!mailbox)
        return;
    mailbox_forget_look(mailbox);
    if (mailbox->views)
        scheduler_submit_own(account, mailbox, JOB_LOOK, false);
}

void account_mailbox_out_of_step(struct account *account, struct slice name)
{
    struct mailbox *mailbox = account_find_mailbox(account, name);

    if (!mailbox)
        return;
    mailbox_unsure(mailbox);
    account_mailbox_touched(account, name);
}

void account_mailbox_gone(struct account *account, struct slice name, bool inferiors, const char *reason,
                          struct view *except)
{
    struct account_mailbox *entry, *next;
    struct slice canonical = mailbox_name_canonical(name);

    HASH_ITER (hh, account->mailboxes, entry, next) {
        struct mailbox *mailbox = entry->mailbox;
        struct slice has = slice_of(mailbox->name);
        if (!slice_equal(has, canonical) &&
            !(inferiors && mailbox_name_is_inferior(has, canonical, account->separator)))
            continue;
        mailbox_end_views(mailbox, reason, except);
        if (except && except->mailbox == mailbox)
            view_end(except, NULL);
        drop_entry(account, entry);
    }
}

void account_free_mailboxes(struct account *account)
{
    struct account_mailbox *entry, *next;

    HASH_ITER (hh, account->mailboxes, entry, next) {
        HASH_DEL(account->mailboxes, entry);
        mailbox_end_views(entry->mailbox, "Shutting down", NULL);
        mailbox_free(entry->mailbox);
        free(entry);
    }
}
