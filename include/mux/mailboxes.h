/* The mailboxes of one account: their truths by name, made when first asked for, forgotten when they are gone or nobody
 * needs them. Names are compared in their canonical form (INBOX in any case, RFC 3501 section 5.1). */
#ifndef IMAPMUX_MUX_MAILBOXES_H
#define IMAPMUX_MUX_MAILBOXES_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "imap/value.h"
#include "mailbox/mailbox.h"
#include "mailbox/view.h"
#include "mux/name_change.h"

struct mailboxes;

/* More mailboxes than this are not kept in memory once nobody needs them. */
#define MAILBOXES_KEPT 256

struct mailboxes_ops {
    /* Is some work waiting or under way for it? Then it is kept although no view is on it. */
    bool (*needed)(void *owner, const struct mailbox *mailbox);
    /* It is out of the list, with no view on it, and freed after this event round: forget it. */
    void (*dropped)(void *owner, struct mailbox *mailbox);
};

/* The ops are borrowed. Returns owned; NULL: out of memory. */
struct mailboxes *mailboxes_new(struct runqueue *runqueue, const struct mailboxes_ops *ops, void *owner);
void mailboxes_free(struct mailboxes *mailboxes); /* ends the views that are left; dropped is not called */

/* The truth of this name; NULL: not there. Borrowed until it is dropped. */
struct mailbox *mailboxes_find(const struct mailboxes *mailboxes, struct slice name);
/* The same, made if not there. NULL: out of memory. */
struct mailbox *mailboxes_get(struct mailboxes *mailboxes, struct slice name);
/* The mailbox is no more: views on it end with the reason, `except` (NULL: none) without one, and what is known of it
 * is dropped. */
void mailboxes_gone(struct mailboxes *mailboxes, struct slice name, const char *reason, struct view *except);
/* All of them are gone, and so are the separators. Views end with the reason. */
void mailboxes_forget(struct mailboxes *mailboxes, const char *reason);
/* In the order in which they were made. The visitor may not drop any. */
void mailboxes_each(const struct mailboxes *mailboxes, void (*visit)(void *context, struct mailbox *mailbox),
                    void *context);

/* A hierarchy separator belongs to a name: namespaces may differ. So all that the server has told are kept. */
bool mailboxes_knows_separators(const struct mailboxes *mailboxes); /* has it told one? */
/* The separator of an answer to LIST or NAMESPACE. Nothing happens if it is none (NIL, for example). */
void mailboxes_note_separator(struct mailboxes *mailboxes, const struct value *separator);
/* Is `name` below `parent`, by any separator that has been told? */
bool mailboxes_is_inferior(const struct mailboxes *mailboxes, struct slice name, struct slice parent);

/* The server has carried the change out; not sure: it may have. What is known of mailboxes that are certainly gone or
 * other ones is dropped, and views on them end. Others may be the same mailbox under another spelling, or below it by
 * a separator that nobody knows: those with views are in doubt until mailboxes_settle. */
void mailboxes_changed(struct mailboxes *mailboxes, const struct name_change *change, bool sure);
/* Could the change, where it is carried out, be one of this mailbox? */
bool mailboxes_may_change(const struct mailboxes *mailboxes, const struct mailbox *mailbox,
                          const struct name_change *change);
bool mailboxes_is_doubted(const struct mailboxes *mailboxes, const struct mailbox *mailbox);
/* The name of one that is in doubt, borrowed; empty: none. */
struct slice mailboxes_doubted(const struct mailboxes *mailboxes);
/* The server has been asked about a mailbox in doubt. Not there: its views end. Nothing happens if it is not known. */
void mailboxes_settle(struct mailboxes *mailboxes, struct slice name, bool there);

#endif
