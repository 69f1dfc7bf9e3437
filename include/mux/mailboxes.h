/* The mailboxes of one account: their truths by name, made when first asked for, forgotten when they are gone or nobody
 * needs them. Names are compared in their canonical form (INBOX in any case, RFC 3501 section 5.1). */
#ifndef IMAPMUX_MUX_MAILBOXES_H
#define IMAPMUX_MUX_MAILBOXES_H

#include <stdbool.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "mailbox/mailbox.h"
#include "mailbox/view.h"

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
/* The mailbox (and its inferiors) is no more: views on it end with the reason, `except` (NULL: none) without one, and
 * what is known of it is dropped. */
void mailboxes_gone(struct mailboxes *mailboxes, struct slice name, bool inferiors, const char *reason,
                    struct view *except);
/* All of them are gone, and so is the separator. Views end with the reason. */
void mailboxes_forget(struct mailboxes *mailboxes, const char *reason);
/* In the order in which they were made. The visitor may not drop any. */
void mailboxes_each(const struct mailboxes *mailboxes, void (*visit)(void *context, struct mailbox *mailbox),
                    void *context);

/* The hierarchy separator of the server; 0: not known yet, or flat. The first one that is told stays. */
char mailboxes_separator(const struct mailboxes *mailboxes);
/* The server has told its separator. Nothing happens if one is known already. */
void mailboxes_note_separator(struct mailboxes *mailboxes, char separator);

#endif
