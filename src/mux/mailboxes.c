/* The table of an account's mailboxes. It owns the truths and drops them, and never looks into them. A mailbox
 * is never freed within the event round in which it was dropped. */
#include "mux/mailboxes.h"

#include <stdlib.h>
#include <string.h>

#include "imap/mailbox_name.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
    struct mailbox *mailbox;
    UT_hash_handle hh;
};

struct mailboxes {
    struct runqueue *runqueue;
    const struct mailboxes_ops *ops;
    void *owner;
    struct entry *entries; /* by the mailbox's name */
    char separator;
};

struct mailboxes *mailboxes_new(struct runqueue *runqueue, const struct mailboxes_ops *ops, void *owner)
{
    struct mailboxes *mailboxes = calloc(1, sizeof(*mailboxes));

    if (!mailboxes)
        return NULL;
    mailboxes->runqueue = runqueue;
    mailboxes->ops = ops;
    mailboxes->owner = owner;
    return mailboxes;
}

void mailboxes_free(struct mailboxes *mailboxes)
{
    struct entry *entry, *next;

    if (!mailboxes)
        return;
    HASH_ITER (hh, mailboxes->entries, entry, next) {
        HASH_DEL(mailboxes->entries, entry);
        mailbox_end_views(entry->mailbox, "Shutting down", NULL);
        mailbox_free(entry->mailbox);
        free(entry);
    }
    free(mailboxes);
}

struct mailbox *mailboxes_find(const struct mailboxes *mailboxes, struct slice name)
{
    struct entry *entry = NULL;
    struct slice canonical = mailbox_name_canonical(name);

    HASH_FIND(hh, mailboxes->entries, canonical.data, canonical.length, entry);
    return entry ? entry->mailbox : NULL;
}

static void free_mailbox(void *object)
{
    mailbox_free(object);
}

static void drop(struct mailboxes *mailboxes, struct entry *entry)
{
    struct mailbox *mailbox = entry->mailbox;

    HASH_DEL(mailboxes->entries, entry);
    free(entry);
    mailbox_deleted(mailbox);
    mailboxes->ops->dropped(mailboxes->owner, mailbox);
    runqueue_dispose(mailboxes->runqueue, free_mailbox, mailbox);
}

/* Drops mailboxes without views, the oldest entries first. */
static void trim(struct mailboxes *mailboxes)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        if (HASH_COUNT(mailboxes->entries) < MAILBOXES_KEPT)
            return;
        if (!entry->mailbox->views && !mailboxes->ops->needed(mailboxes->owner, entry->mailbox))
            drop(mailboxes, entry);
    }
}

struct mailbox *mailboxes_get(struct mailboxes *mailboxes, struct slice name)
{
    struct mailbox *mailbox = mailboxes_find(mailboxes, name);
    struct entry *entry;

    if (mailbox)
        return mailbox;
    trim(mailboxes);
    entry = calloc(1, sizeof(*entry));
    mailbox = mailbox_new(mailbox_name_canonical(name));
    if (entry && mailbox) {
        entry->mailbox = mailbox;
        HASH_ADD_KEYPTR(hh, mailboxes->entries, mailbox->name, strlen(mailbox->name), entry);
        if (mailboxes_find(mailboxes, name) == mailbox)
            return mailbox;
    }
    free(entry);
    mailbox_free(mailbox);
    return NULL;
}

void mailboxes_gone(struct mailboxes *mailboxes, struct slice name, bool inferiors, const char *reason,
                    struct view *except)
{
    struct entry *entry, *next;
    struct slice canonical = mailbox_name_canonical(name);

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        struct mailbox *mailbox = entry->mailbox;
        struct slice has = slice_of(mailbox->name);
        if (!slice_equal(has, canonical) &&
            !(inferiors && mailbox_name_is_inferior(has, canonical, mailboxes->separator)))
            continue;
        mailbox_end_views(mailbox, reason, except);
        if (except && except->mailbox == mailbox)
            view_end(except, NULL);
        drop(mailboxes, entry);
    }
}

void mailboxes_forget(struct mailboxes *mailboxes, const char *reason)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        mailbox_end_views(entry->mailbox, reason, NULL);
        drop(mailboxes, entry);
    }
    mailboxes->separator = '\0';
}

void mailboxes_each(const struct mailboxes *mailboxes, void (*visit)(void *context, struct mailbox *mailbox),
                    void *context)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        visit(context, entry->mailbox);
    }
}

char mailboxes_separator(const struct mailboxes *mailboxes)
{
    return mailboxes->separator;
}

void mailboxes_note_separator(struct mailboxes *mailboxes, char separator)
{
    if (mailboxes->separator == '\0')
        mailboxes->separator = separator;
}
