/* A FETCH in progress: what fetch.c (slices, jobs) and fetch_answer.c (the lines written for the client) share. */
#ifndef IMAPMUX_SESSION_FETCH_RUN_H
#define IMAPMUX_SESSION_FETCH_RUN_H

#include "imap/fetch_items.h"
#include "session/state.h"

#define FETCH_ITEMS_MAX 60

/* An answer that looks like what servers invent for dead messages: kept until the tagged answer. */
struct fetch_held_line {
    uint32_t uid;
    struct evbuffer *items; /* what stands in the parentheses */
    struct fetch_held_line *next;
};

/* What has been answered of one message of the slice: a bit for each item of the list, in its order. */
struct fetch_message {
    uint32_t uid;
    uint64_t answered;
};

struct fetch_run {
    struct run run;
    struct fetch_item *items;
    uint64_t upstream_items; /* bits of those that must be asked: all but UID and FLAGS */
    uint64_t flags_item;     /* bit of FLAGS, 0: not asked */
    bool with_uid;
    bool peek;          /* the session changes nothing */
    struct seqset uids; /* what the client means, ghosts included */
    struct seqset left; /* not yet in a slice */
    struct fetch_message *slice;
    size_t slice_count;
    size_t slice_limit;
    uint64_t slice_octets; /* written for this slice */
    bool again;            /* the slice has items that one answer could not give: it is asked once more */

    /* the answer that is being written */
    struct fetch_message *message; /* NULL: one that nobody asked for */
    struct evbuffer *out;          /* session->output, or a held line */
    bool started;                  /* "* n FETCH (" has been written */
    uint64_t stream_left;          /* octets of the literal still to be passed on */
    struct fetch_held_line *held;
};

/* fetch_answer.c */
void fetch_answer_part(struct session *session, struct fetch_run *fetch, uint32_t uid, const struct fetch_answer *part);
void fetch_answer_data(struct session *session, struct fetch_run *fetch, struct slice bytes);
void fetch_answer_broken(struct session *session, struct fetch_run *fetch);
/* One line from the truth alone (UID, FLAGS). */
void fetch_answer_from_truth(struct session *session, struct fetch_run *fetch, const struct message *message);
/* At the tagged answer: held lines about messages that still live, and FLAGS that are still owed. */
void fetch_answer_settle(struct session *session, struct fetch_run *fetch);
/* Held lines are forgotten, and with them that they were answered: the slice is asked again. */
void fetch_answer_forget_held(struct fetch_run *fetch);

#endif
