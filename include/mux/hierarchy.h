/* What an account asks the server about names: how hierarchies are separated, and whether mailboxes are still there
 * after a command that may have taken them away. One per account: whichever upstream session is free asks. */
#ifndef IMAPMUX_MUX_HIERARCHY_H
#define IMAPMUX_MUX_HIERARCHY_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/mailbox_name.h"
#include "mux/jobs.h"
#include "mux/mailboxes.h"

/* Zero-initialised, but for the first two, which are borrowed. */
struct hierarchy {
    struct jobs *jobs;
    struct mailboxes *mailboxes;
    char asked[MAILBOX_NAME_MAX]; /* the mailbox that is being asked for */
    size_t asked_length;
    bool there;  /* set when an answer says that it is there */
    bool asking; /* from hierarchy_ask's job to its end */
};

/* Adds a job: LIST "" "". Nothing happens without memory. */
void hierarchy_learn(struct hierarchy *hierarchy, uint64_t last_command);
/* If a mailbox is in doubt (mailboxes.h), adds a job before all others that asks for it: LIST "" NAME. Without memory
 * the mailbox counts as gone. Called while no job has its turn. */
void hierarchy_ask(struct hierarchy *hierarchy, uint64_t last_command);

#endif
