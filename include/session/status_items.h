/* The items of STATUS: which may be asked for, and their values. Of the mailbox that the upstream has selected a server
 * may answer from what it told last, so those that change come from the truth. RFC 3501 section 7.2.4, RFC 7889
 * (APPENDLIMIT), RFC 8438 (SIZE), RFC 8474 (MAILBOXID). */
#ifndef IMAPMUX_SESSION_STATUS_ITEMS_H
#define IMAPMUX_SESSION_STATUS_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/seqset.h"
#include "imap/value.h"
#include "mailbox/mailbox.h"
#include "mux/account.h"
#include "session/offer.h"

struct evbuffer;

/* Other questions of a STATUS command to the server. Zero-initialised: nothing. */
struct status_found {
    bool size_known;
    uint64_t size;               /* sum of RFC822.SIZE, octets */
    const struct value *told;    /* a STATUS list of the server, for what never changes; NULL: not asked */
    const struct seqset *unseen; /* UIDs, by a search: used where the truth does not know all flags; NULL: not asked */
};

/* May the client ask for each of these items? */
bool status_items_known(const struct offer *offer, const struct value *items);
/* Has a mailbox this value as long as it lives, so that a server says it of its selected mailbox too? */
bool status_item_is_lasting(const struct value *item);
/* Is the value of the form that the item's grammar asks for? */
bool status_item_fits(const struct value *item, const struct value *value);
/* Appends " value", which fits. append_max: octets of the largest message that imapmux takes; APPENDLIMIT is at most
 * that. Out of memory: append_failed(out). */
void status_item_print(const struct value *item, const struct value *value, uint64_t append_max, struct evbuffer *out);
/* The value of this item in a STATUS list of the server; NULL: it does not tell it. Borrowed from the list. */
const struct value *status_items_told(const struct value *told, const struct value *item);
/* Appends "(MESSAGES 3 ...)" to `out`. items: the names asked for. told: a STATUS list of the server, for what the
 * truth does not have; NULL: that is left out. If told == items, every second value of it is a name. found: what the
 * command found out; NULL for the STATUS lines of a LIST, where the server's own numbers are better than a guess. Out
 * of memory: append_failed(out). */
void status_items_print(const struct account *account, uint64_t append_max, const struct mailbox *mailbox,
                        const struct value *items, const struct value *told, const struct status_found *found,
                        struct evbuffer *out);

#endif
