/* A FETCH in progress: what fetch.c (slices, jobs), fetch_pieces.c (large messages) and fetch_answer.c (the lines
 * written for the client) share. */
#ifndef IMAPMUX_SESSION_FETCH_INSIDE_H
#define IMAPMUX_SESSION_FETCH_INSIDE_H

#include "imap/fetch_items.h"
#include "imap/search_return.h"
#include "session/changes.h"
#include "session/renumber.h"
#include "session/run.h"

#define FETCH_ITEMS_MAX 60
/* The bit of MODSEQ where CHANGEDSINCE asks for it and the list does not. */
#define FETCH_IMPLIED_MODSEQ (UINT64_C(1) << 63)

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

/* The strings of one large message, gathered piece by piece. Written by fetch_pieces.c. */
struct fetch_pieces {
    uint64_t limit;       /* octets of a piece; 0: messages are asked for whole */
    uint32_t sized_up_to; /* up to this UID sizes have been asked for */
    struct spool *spool;  /* the strings one after another, in the order of the list; NULL: no large message's turn */
    uint64_t spooled;     /* bits of the items that stand in it whole */
    uint64_t sizes[FETCH_ITEMS_MAX]; /* octets of each item that stand in it */
    uint64_t literal8;               /* bits of the items of which a piece came as a literal8 */
    struct fetch_item *item;         /* being gathered, or being written; NULL: all have been */
    unsigned index;                  /* its place in the list */
    bool seen_owed;                  /* no piece without PEEK has been answered, as its asking needs */
    struct fetch_item piece;         /* the part of it that is asked for now */
    uint64_t announced, got;         /* octets of its answer */
    bool answered, nil;              /* it was answered; by NIL */
    bool open;                       /* octets of its literal are arriving */
    bool wrong;                      /* set when its answer cannot be used, or when there is no room for it */
    bool writing;                    /* all is gathered: the line is being written */
    uint64_t written;                /* octets of the spool that are in the line */
    bool labelled;                   /* the name of the item that is being written is in the line */
};

/* Written by fetch.c. */
struct fetch_run {
    struct run run;
    struct fetch_item *items;
    uint64_t upstream_items;       /* bits of those that must be asked: all but UID, FLAGS and MODSEQ */
    uint64_t truth_items;          /* bits of FLAGS and MODSEQ, answered from the truth and both at once */
    bool flags, modseq;            /* which of these two are asked for */
    struct search_partial partial; /* PARTIAL: only these of the set; low 0: all */
    struct changes changes;        /* CHANGEDSINCE: the others are left out */
    bool changes_told;             /* the flags of those that are left have been told by the server in this command */
    bool with_uid;
    bool peek;          /* the session changes nothing */
    struct seqset uids; /* of the client's set, ghosts included */
    struct seqset left; /* not yet in a slice */
    bool from_truth;    /* those left are answered from it, a part in each step of the session */
    struct fetch_message *slice;
    size_t slice_count;
    size_t slice_limit;
    unsigned tries;   /* of the present slice, in which living messages were not wholly answered */
    bool lacking;     /* set when a slice is given up for that */
    unsigned refused; /* slices in a row that were answered NO, without an answer about any message */
    bool has_refusal; /* a slice was answered NO; its text: */
    char refusal[400];
    const char *refusal_code; /* UNKNOWN-CTE (RFC 3516 section 4.3), or NULL */
    struct fetch_writing writing;
    struct fetch_pieces pieces;
};

/* fetch.c */

/* fetch->uids are known: fetches them. */
void fetch_begin(struct fetch_run *fetch);
/* Can it be long? Not a header. */
bool fetch_is_body(const struct fetch_item *item);
/* Asks for what the present slice still lacks. */
void fetch_submit(struct fetch_run *fetch);
/* Cuts the next slice, which is not empty, and asks for it. */
void fetch_begin_slice(struct fetch_run *fetch);
/* The present slice is done with: the next one, or the end. */
void fetch_go_on(struct fetch_run *fetch);
/* Does the truth know the FLAGS and MODSEQ of this message that were asked for? */
bool fetch_truth_knows(const struct fetch_run *fetch, const struct message *message);
/* " FLAGS", with MODSEQ where there is one, if the client asked for what the truth has of them and they are not in
 * step. */
void fetch_write_flags_item(const struct fetch_run *fetch, struct mailbox *mailbox, struct outgoing *out);

/* fetch_pieces.c */

/* The items are known: are there any that may be large? */
void fetch_pieces_init(struct fetch_run *fetch);
/* True: sizes are asked for before the next slice is cut; fetch_begin_slice follows. */
bool fetch_pieces_ask_sizes(struct fetch_run *fetch);
/* Is this message fetched in pieces? Then it is a slice of its own. */
bool fetch_pieces_wants(const struct fetch_run *fetch, uint32_t uid);
/* May this message be in a slice: is its size known, or has it been asked for? */
bool fetch_pieces_sized(const struct fetch_run *fetch, uint32_t uid);
/* The slice is one large message: gathers its strings, asks for its other items by fetch_submit, and then
 * fetch_pieces_write is to be called. Where there is no room fetch_submit asks for all of it at once. */
void fetch_pieces_begin(struct fetch_run *fetch);
/* The message of the slice is asked for whole instead: nothing has been written of it. */
void fetch_pieces_give_up(struct fetch_run *fetch);
/* Everything is there: writes the line, if need be in several steps of the session. Then fetch_go_on. */
void fetch_pieces_write(struct fetch_run *fetch);
/* The session's step. */
void fetch_pieces_step(struct fetch_run *fetch);
/* Frees the spool. A zeroed one may be cleared. */
void fetch_pieces_clear(struct fetch_run *fetch);

/* fetch_changes.c */

/* "(CHANGEDSINCE n)" or "(CHANGEDSINCE n VANISHED)", in any order; NULL: no modifiers. Returns the fault, or NULL. */
const char *fetch_changes_read(struct fetch_run *fetch, const struct value *list);
/* fetch->uids are those of the client's set: leaves the changed ones of them and goes on by fetch_begin. VANISHED is
 * about UIDs that the view does not count any more. */
enum renumber_result fetch_changes_ask(struct fetch_run *fetch);

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
/* One line from the truth alone (UID, FLAGS, MODSEQ). */
void fetch_answer_from_truth(struct fetch_run *fetch, const struct message *message);
/* At the tagged answer: held lines about messages that still live, and FLAGS and MODSEQ that are still owed.
 */
void fetch_answer_settle(struct fetch_run *fetch);
/* The line of a slice that was fetched in pieces: its beginning, with the items that were held back for it. */
void fetch_answer_open(struct fetch_run *fetch, const struct message *message);
/* The name of the item and the length of its literal, whose octets follow. literal8: they may hold NUL. */
void fetch_answer_announce(struct fetch_run *fetch, const struct fetch_item *item, uint64_t size, bool literal8);
/* FLAGS and MODSEQ if they were asked for, and the end of the line. message: NULL if it has gone meanwhile. */
void fetch_answer_close(struct fetch_run *fetch, const struct message *message);
/* Frees held lines. A zeroed one may be cleared. */
void fetch_answer_clear(struct fetch_run *fetch);

#endif
