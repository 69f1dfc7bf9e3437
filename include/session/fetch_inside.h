/* A FETCH in progress: what fetch.c (slices, jobs) and fetch_answer.c (the lines written for the client) share. */
#ifndef IMAPMUX_SESSION_FETCH_INSIDE_H
#define IMAPMUX_SESSION_FETCH_INSIDE_H

#include "imap/fetch_items.h"
#include "session/run.h"

#define FETCH_ITEMS_MAX 60

/* An answer such as servers invent for dead messages: kept until the tagged answer. */
struct fetch_held_line {
    uint32_t uid;
    struct evbuffer *items; /* what stands in the parentheses */
    struct fetch_held_line *next;
};

/* The answered items of one message of the slice: a bit for each item of the list, in its order. */
struct fetch_message {
    uint32_t uid;
    uint64_t answered;
};

/* Written by fetch_answer.c: the present answer, and the items answered so far. */
struct fetch_writing {
    struct fetch_message *message; /* in the slice; NULL: one that nobody asked for */
    struct evbuffer *out;          /* the session's output, or a held line */
    bool started;                  /* "* n FETCH (" has been written */
    uint64_t stream_left;          /* octets of the literal still to be passed on */
    struct fetch_held_line *held;
    uint64_t octets; /* written since fetch_answer_begin_slice */
    bool again;      /* the slice has items that one answer could not give: it is asked once more */
};

/* Written by fetch.c. */
struct fetch_run {
    struct run run;
    struct fetch_item *items;
    uint64_t upstream_items; /* bits of those that must be asked: all but UID and FLAGS */
    uint64_t flags_item;     /* bit of FLAGS, 0: not asked */
    bool with_uid;
    bool peek;          /* the session changes nothing */
    struct seqset uids; /* of the client's set, ghosts included */
    struct seqset left; /* not yet in a slice */
    struct fetch_message *slice;
    size_t slice_count;
    size_t slice_limit;
    unsigned tries;   /* of the present slice, in which living messages were not wholly answered */
    bool lacking;     /* set when a slice is given up for that */
    unsigned refused; /* slices in a row that were answered NO, without an answer about any message */
    bool has_refusal; /* a slice was answered NO; its text: */
    char refusal[400];
    struct fetch_writing writing;
};

/* fetch_answer.c */

/* A new slice has been cut: nothing of it is answered. */
void fetch_answer_begin_slice(struct fetch_run *fetch);
/* The slice is asked (again) for what is not answered: held lines are forgotten, and with them that they were. */
void fetch_answer_ask_again(struct fetch_run *fetch);
/* As the ops of struct run_step. */
void fetch_answer_part(struct fetch_run *fetch, uint32_t uid, const struct fetch_answer *part);
/* Octets of the literal that the last part announced. */
void fetch_answer_data(struct fetch_run *fetch, struct slice bytes);
/* The answer will not be completed. A client with an open line is cut off, unless what it has got of it is sound and
 * stands between two items. */
void fetch_answer_broken(struct fetch_run *fetch, bool sound);
/* One line from the truth alone (UID, FLAGS). */
void fetch_answer_from_truth(struct fetch_run *fetch, const struct message *message);
/* At the tagged answer: held lines about messages that still live, and FLAGS that are still owed. */
void fetch_answer_settle(struct fetch_run *fetch);
/* Frees held lines. A zeroed one may be cleared. */
void fetch_answer_clear(struct fetch_run *fetch);

#endif
