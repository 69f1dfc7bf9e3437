/* A STORE in progress: what store.c (slices, jobs) and store_answer.c (the lines for the client) share. */
#ifndef IMAPMUX_SESSION_STORE_INSIDE_H
#define IMAPMUX_SESSION_STORE_INSIDE_H

#include "imap/flags.h"
#include "session/run.h"

enum store_sign { STORE_REPLACE, STORE_ADD, STORE_REMOVE };

struct store_message {
    uint32_t uid;
    bool untold; /* it had a change that the client did not know of */
    bool known;
    uint8_t system;
    uint32_t keywords;
};

struct store_run {
    struct run run;
    enum store_sign sign;
    bool silent;
    bool conditional; /* UNCHANGEDSINCE */
    uint64_t unchanged_since;
    struct flag_list flags;
    struct seqset left;
    struct seqset modified; /* UIDs that the server has not changed for that reason */
    struct seqset hidden;   /* changed without a word to a client that asked for silence */
    struct store_message *slice;
    size_t slice_count; /* not answered yet; 0 when all are */
    size_t slice_size;
    bool noted;    /* the former flags of the slice are noted, their keywords pinned */
    bool refused;  /* the server has said NO to a slice: the others are done, and the end is NO */
    bool repeated; /* the slice has been sent twice, after a lost connection */
    bool looked;   /* what was not told of the slice has been asked for twice, with a look between */
    char refusal[400];
};

/* store_answer.c */

/* Is the message now as it was before, changed as asked? */
bool store_is_as_asked(struct mailbox *mailbox, const struct store_run *store, const struct store_message *former,
                       const struct message *message);
/* Do its flags show what was asked, whatever else has changed? Not those that are not known. */
bool store_is_shown(struct mailbox *mailbox, const struct store_run *store, const struct message *message);
/* A line for each message of the slice that lives, as far as the client is to read one. */
void store_answer_slice(struct store_run *store);
/* The STORE fails: a client does not assume the silent changes then, and is told of them. */
void store_tell_hidden(struct store_run *store);
/* "MODIFIED set", in the client's numbers; owned. NULL: nothing. Out of memory fails the output. */
char *store_modified_code(const struct store_run *store);

#endif
