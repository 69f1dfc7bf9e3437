/* The table of an account's mailboxes. It owns the truths and drops them, and never looks into them. A mailbox
 * is never freed within the event round in which it was dropped. */
#include "mux/mailboxes.h"

#include <stdlib.h>
#include <string.h>

#include "imap/mailbox_name.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SEPARATORS_MAX 8

struct entry {
    struct mailbox *mailbox;
    bool doubted; /* from mailboxes_changed to mailboxes_settle */
    UT_hash_handle hh;
};

struct mailboxes {
    struct runqueue *runqueue;
    const struct mailboxes_ops *ops;
    void *owner;
    struct entry *entries;               /* by the mailbox's name */
    char separators[SEPARATORS_MAX + 1]; /* those that were told */
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

static struct entry *find_entry(const struct mailboxes *mailboxes, struct slice name)
{
    struct entry *entry = NULL;
    struct slice canonical = mailbox_name_canonical(name);

    HASH_FIND(hh, mailboxes->entries, canonical.data, canonical.length, entry);
    return entry;
}

struct mailbox *mailboxes_find(const struct mailboxes *mailboxes, struct slice name)
{
    const struct entry *entry = find_entry(mailboxes, name);

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

void mailboxes_gone(struct mailboxes *mailboxes, struct slice name, const char *reason, struct view *except)
{
    struct entry *entry = find_entry(mailboxes, name);

    if (!entry)
        return;
    mailbox_end_views(entry->mailbox, reason, except);
    if (except && except->mailbox == entry->mailbox)
        view_end(except, NULL);
    drop(mailboxes, entry);
}

void mailboxes_forget(struct mailboxes *mailboxes, const char *reason)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        mailbox_end_views(entry->mailbox, reason, NULL);
        drop(mailboxes, entry);
    }
    mailboxes->separators[0] = '\0';
}

void mailboxes_each(const struct mailboxes *mailboxes, void (*visit)(void *context, struct mailbox *mailbox),
                    void *context)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        visit(context, entry->mailbox);
    }
}

/* --- separators */

bool mailboxes_knows_separators(const struct mailboxes *mailboxes)
{
    return mailboxes->separators[0] != '\0';
}

void mailboxes_note_separator(struct mailboxes *mailboxes, const struct value *separator)
{
    size_t count = strlen(mailboxes->separators);

    if (!separator || separator->kind == VALUE_LIST || separator->text.length != 1 || count == SEPARATORS_MAX ||
        strchr(mailboxes->separators, separator->text.data[0]))
        return;
    mailboxes->separators[count] = separator->text.data[0];
    mailboxes->separators[count + 1] = '\0';
}

static bool is_inferior(struct slice name, struct slice parent, const char *separators)
{
    for (; *separators; separators++) {
        if (mailbox_name_is_inferior(name, parent, *separators))
            return true;
    }
    return false;
}

bool mailboxes_is_inferior(const struct mailboxes *mailboxes, struct slice name, struct slice parent)
{
    return is_inferior(name, parent, mailboxes->separators);
}

/* --- changes of names */

/* What becomes of a mailbox. */
enum fate { FATE_STAYS, FATE_IN_DOUBT, FATE_GONE };

static bool ends_nocase(struct slice text, struct slice end)
{
    return text.length >= end.length &&
           slice_equal_nocase((struct slice){text.data + text.length - end.length, end.length}, end);
}

/* Of the name that was taken away, or of one that may be another spelling of it (in another case, or without the prefix
 * of its namespace), or below one. Without a view it costs little to forget it. */
static enum fate fate_of_former(const struct mailbox *mailbox, struct slice name, bool sure)
{
    struct slice has = slice_of(mailbox->name);

    if (slice_equal(has, name))
        return sure ? FATE_GONE : FATE_IN_DOUBT;
    if (!slice_contains_nocase(has, name) && !ends_nocase(name, has))
        return FATE_STAYS;
    if (mailbox->views)
        return FATE_IN_DOUBT;
    return slice_starts_nocase(has, name) ? FATE_GONE : FATE_STAYS;
}

/* Of the name that has come into being, or below it: what was known of it was another mailbox. One in another case may
 * be another spelling of it. */
static enum fate fate_of_target(const struct mailboxes *mailboxes, const struct mailbox *mailbox, struct slice name)
{
    struct slice has = slice_of(mailbox->name);

    if (slice_equal(has, name) || mailboxes_is_inferior(mailboxes, has, name) ||
        is_inferior(has, name, MAILBOX_NAME_SEPARATORS))
        return FATE_GONE;
    if (!slice_equal_nocase(has, name))
        return FATE_STAYS;
    return mailbox->views ? FATE_IN_DOUBT : FATE_GONE;
}

/* A name may be given with a separator behind it (RFC 3501 section 6.3.3). */
static struct slice without_separator(const struct mailboxes *mailboxes, struct slice name)
{
    if (name.length > 1 && strchr(mailboxes->separators, name.data[name.length - 1]))
        name.length--;
    return name;
}

static enum fate fate(const struct mailboxes *mailboxes, const struct mailbox *mailbox,
                      const struct name_change *change, bool sure)
{
    struct slice name = without_separator(mailboxes, change->name), to = without_separator(mailboxes, change->to);
    enum fate as_target = FATE_STAYS;

    if (slice_equal(slice_of(mailbox->name), SLICE("INBOX")))
        return FATE_STAYS;
    switch (change->kind) {
    case NAME_CREATED:
        return slice_equal(slice_of(mailbox->name), name) ? FATE_GONE : FATE_STAYS;
    case NAME_RENAMED:
        as_target = fate_of_target(mailboxes, mailbox, to);
        if (as_target != FATE_STAYS || slice_equal(name, SLICE("INBOX"))) /* INBOX' messages have moved, no names */
            return as_target;
        return fate_of_former(mailbox, name, sure);
    case NAME_DELETED:
        return fate_of_former(mailbox, name, sure);
    }
    abort();
}

bool mailboxes_may_change(const struct mailboxes *mailboxes, const struct mailbox *mailbox,
                          const struct name_change *change)
{
    return fate(mailboxes, mailbox, change, true) != FATE_STAYS;
}

bool mailboxes_is_doubted(const struct mailboxes *mailboxes, const struct mailbox *mailbox)
{
    const struct entry *entry = find_entry(mailboxes, slice_of(mailbox->name));

    return entry && entry->doubted;
}

static void end(struct mailboxes *mailboxes, struct entry *entry, const char *reason)
{
    mailbox_end_views(entry->mailbox, reason, NULL);
    drop(mailboxes, entry);
}

void mailboxes_changed(struct mailboxes *mailboxes, const struct name_change *change, bool sure)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        switch (fate(mailboxes, entry->mailbox, change, sure)) {
        case FATE_STAYS:
            break;
        case FATE_IN_DOUBT:
            entry->doubted = true;
            break;
        case FATE_GONE:
            end(mailboxes, entry, "The mailbox that you had selected has been deleted, renamed or replaced");
            break;
        }
    }
}

struct slice mailboxes_doubted(const struct mailboxes *mailboxes)
{
    struct entry *entry, *next;

    HASH_ITER (hh, mailboxes->entries, entry, next) {
        if (entry->doubted)
            return slice_of(entry->mailbox->name);
    }
    return SLICE("");
}

void mailboxes_settle(struct mailboxes *mailboxes, struct slice name, bool there)
{
    struct entry *entry = find_entry(mailboxes, name);

    if (!entry)
        return;
    entry->doubted = false;
    if (!there)
        end(mailboxes, entry, "The mailbox that you had selected has been deleted or renamed");
}
