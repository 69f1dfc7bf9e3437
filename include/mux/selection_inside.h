/* The inside of a selection, shared by its files: selection.c (facts, answers), selection_prepare.c (what a wish
 * needs), selection_hold.c (which mailboxes it holds), selection_switch.c (SELECT and the proof of the map),
 * selection_fetch.c (FETCH answers). Nobody else includes it. */
#ifndef IMAPMUX_MUX_SELECTION_INSIDE_H
#define IMAPMUX_MUX_SELECTION_INSIDE_H

#include "base/arena.h"
#include "imap/seqset.h"
#include "mux/selection.h"

/* The purpose of the one command in flight. */
#define SELECTION_ACTIVITIES(X)                                                                                        \
    X(NONE)          /* nothing is in flight, or IDLE */                                                               \
    X(OWNER)         /* the owner's command */                                                                         \
    X(LEAVE)         /* the selected mailbox is left, for DELETE and RENAME */                                         \
    X(SELECT)        /* a switch */                                                                                    \
    X(FETCH_NEW)     /* a switch: numbers and UIDs from the floor on */                                                \
    X(SEARCH_ALL)    /* a switch: all UIDs */                                                                          \
    X(FETCH_ALL)     /* a switch: all numbers and UIDs */                                                              \
    X(SETTLE)        /* a switch: NOOP between two proofs, so that the server sends the news it holds back */          \
    X(SEARCH_RECENT) /* a switch: which are \Recent */                                                                 \
    X(LEARN)         /* the names of the tail */                                                                       \
    X(NOOP)          /* a look at the selected mailbox */                                                              \
    X(STATUS)        /* a look at another one */                                                                       \
    X(FLAGS)         /* flags of a part of the selected mailbox */

enum selection_activity {
#define SELECTION_ACTIVITY_ENUM(name) ACTIVITY_##name,
    SELECTION_ACTIVITIES(SELECTION_ACTIVITY_ENUM)
#undef SELECTION_ACTIVITY_ENUM
};

/* A message as the answer to SELECT (QRESYNC ...), or to a proof by FETCH, told it. */
struct switch_fetch {
    uint32_t number;
    uint32_t uid;
    uint32_t order; /* in which it was told */
    struct tail_entry flags;
};

/* A switch under way: the facts of the answer to SELECT, and the results of the searches. */
struct selection_switch {
    struct mailbox *mailbox; /* NULL: no switch under way */
    struct mailbox_told told;
    bool qresync;
    bool exists_told;
    uint32_t exists; /* as valid now: EXISTS, EXPUNGE and VANISHED are counted while there is no map */
    uint32_t recent;
    uint32_t unseen;
    struct seqset vanished;
    struct switch_fetch *fetched;
    struct keywords *keywords; /* of those; NULL: none has come */
    size_t fetched_count;
    size_t fetched_capacity;
    uint32_t fetched_order;   /* how many have been told */
    struct seqset found;      /* by the search in flight */
    unsigned tries;           /* proofs of the whole map that have been sent */
    uint32_t exists_selected; /* EXISTS as it stood at the end of the answer to SELECT */
    bool shrunk;              /* set by EXPUNGE or VANISHED, cleared when SELECT has been answered */
    bool unsure;       /* a VANISHED does not say how many have gone: `exists` is not known until the next SELECT */
    uint32_t owed;     /* of those counted when the proof was sent, how many have not gone since */
    bool disturbed;    /* set by an answer that spoils the proof in flight; cleared when the next proof is sent */
    bool flags_missed; /* set by a flag change that could not be taken in; the flags are then not in step after this
                          switch */
};

struct held_fetch;

/* The FETCH answer that is being read, across its literals. */
struct fetch_intake {
    bool open;       /* from a part that is not complete to the one that is */
    bool to_owner;   /* set with the first part if the owner gets the parts */
    bool flags_told; /* in a part so far */
    uint32_t number;
    uint32_t uid;            /* 0: not known yet */
    uint64_t left;           /* octets of the streamed literal still to come */
    struct held_fetch *held; /* its parts, kept until the UID is known; NULL: not held */
};

struct selection {
    struct ground *ground;
    struct upstream *upstream;
    const char *name;
    const struct selection_ops *ops;
    void *owner;

    struct mailbox *selected; /* by the upstream; NULL: none, or not known */
    bool selected_read_only;  /* by EXAMINE */
    struct mailbox *left;     /* until another one is selected: numbers about it may still come; NULL: none */
    struct mailbox *leaving;  /* by the command in flight; NULL: none, or dropped */
    char *
        orphan; /* the server has it selected, but it was dropped: its name, until the next SELECT is answered; owned */
    enum selection_activity activity;
    bool leaves_by_name; /* set when LEAVE opens a mailbox that does not exist, cleared when it is UNSELECT */
    enum selection_effect owner_effect; /* of its command, set by selection_send */
    uint32_t owner_sole;                /* see selection_send */
    bool owner_void;                    /* set by selection_contradicted, cleared by selection_send */
    struct mailbox *asked;              /* by STATUS; NULL: dropped meanwhile */
    bool status_told;                   /* set by a STATUS line about `asked`, cleared when STATUS is sent */
    bool status_differs;                /* the line differed from the truth; cleared when STATUS is sent */
    uint32_t flags_up_to;               /* the part of the flags that is asked for: its last UID */
    bool flags_by_changes;              /* it is asked for by CHANGEDSINCE */
    bool learned;             /* set when the tail is asked for; cleared after the owner's turn and before a look */
    unsigned learns;          /* how often it was asked for; 0 after the owner's turn */
    uint32_t learns_above;    /* the highest UID that was known when it was asked for */
    size_t learns_named;      /* and how many entries of the tail had a name */
    bool untold;              /* when it was asked for last in this turn, nothing was named */
    bool settled;             /* NOOP was sent for that; cleared after the owner's turn */
    unsigned learned_in_vain; /* answers in a row that named nothing */
    unsigned garbage;       /* lines in a row that could not be understood or contradicted the map; 0 at a tagged answer
                               without one before it */
    bool garbage_since_tag; /* set by one of them, cleared at the next tagged answer */
    struct selection_switch switching;
    struct fetch_intake intake;
};

/* --- selection.c */
/* The time of the present step. */
usec selection_now(const struct selection *selection);
/* Returns an empty command, owned; NULL: out of memory, and the connection is dropped. */
struct outgoing *selection_command(struct selection *selection);
/* Sends a command of the selection's own; takes it. */
void selection_send_own(struct selection *selection, enum selection_activity activity, struct outgoing *command);
bool selection_has(const struct selection *selection, enum capability capability); /* announced now */
bool selection_asks_modseq(const struct selection *selection); /* FLAGS are never asked for without MODSEQ */
/* The map of the selected mailbox cannot be trusted: resynchronise. In words, with the numbers, for the log. */
void selection_contradicted(struct selection *selection, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NO or BAD to SELECT or STATUS of this mailbox: the owner hears of it if that means that it is gone. */
void selection_mailbox_refused(struct selection *selection, struct mailbox *mailbox, const struct response *tagged);
/* Has the server told every change up to the mod-sequences that it has shown, when this command is answered? See
 * mailbox_settle_modseq. */
bool selection_vouches(const struct selection *selection, enum selection_activity activity);
/* True: answers about the selected mailbox may go to the owner now. */
bool selection_owner_listens(const struct selection *selection);

/* --- selection_hold.c */
void hold_given_back(struct selection *selection);     /* the command that leaves a mailbox has been answered */
void hold_all_given_back(struct selection *selection); /* the connection is gone */
void hold_forget_orphan(struct selection *selection);  /* the server has left that one, too */

/* --- selection_switch.c */
/* Is it selected in a way that will do: in step, and with SELECT if read_write is asked for? */
bool switch_selected_well(const struct selection *selection, const struct mailbox *mailbox, bool read_write);
/* Writes SELECT or EXAMINE, and claims the mailbox. False: out of memory, the connection is dropped. */
bool switch_begin(struct selection *selection, struct mailbox *mailbox, bool read_write);
/* An untagged response during a switch. */
void switch_untagged(struct selection *selection, const struct response *response);
/* A FETCH answer during a switch, complete or in parts. */
void switch_fetch_answer(struct selection *selection, const struct response *response);
/* The answer to one of its commands. It goes on with the next one, ends (switching.mailbox is NULL then), or drops the
 * line. The owner is told of a refusal, after which nothing is selected. */
void switch_tagged(struct selection *selection, enum selection_activity activity, const struct response *response);
/* Ends the switch and frees its memory; the mailbox is not touched. */
void switch_clear(struct selection *selection);
void switch_fails(struct selection *selection); /* as well, with nothing proved: what was \Recent is kept in mind */
void switch_leave(struct selection *selection); /* the selected mailbox is left: its numbers are no longer heard of */
void switch_disturbed(struct selection *selection); /* something came inside it that could not be understood */

/* The UIDs of the mailbox mean nothing any more: its views end with this reason. */
void switch_start_over(struct selection *selection, const char *reason);

/* --- selection_proof.c: which messages there are. Numbers prove a map, counts do not: "known + new = EXISTS" also fits
 * when one known message is gone and one that is counted is hidden from SEARCH (RFC 2180 section 4.3). */
/* Sends a command whose answer may prove the map. False: out of memory, the connection is dropped. */
bool proof_send(struct selection *selection, enum selection_activity activity);
/* Judges the complete answer, and takes the messages into the map if they are proved. */
bool proof_take(struct selection *selection, enum selection_activity activity);
/* Is the map proved by the answer to SELECT alone: nothing has come since it was last whole, and as many are there? */
bool proof_by_uidnext(const struct selection_switch *sw);
/* A message is gone while the proof is under way. The proof is disturbed if the effect on it is not certain. */
void proof_hear_expunged(struct selection_switch *sw, enum selection_activity activity, uint32_t number);
/* As proof_hear_expunged, for the UIDs of a VANISHED (RFC 7162 section 3.2.10). */
void proof_hear_vanished(struct selection_switch *sw, enum selection_activity activity, const struct seqset *uids);
void proof_take_vanished(struct mailbox *mailbox, const struct seqset *uids); /* VANISHED: those in the map are gone */
void proof_take_flags(struct selection_switch *sw);  /* of those told by FETCH that are in the map */
void proof_take_recent(struct selection_switch *sw); /* what the search has found, in the map or not yet */

/* --- selection_fetch.c */
/* A FETCH answer outside of a switch, or a part of one. */
void fetch_intake_response(struct selection *selection, const struct response *response);
/* Octets of its literal. */
void fetch_intake_data(struct selection *selection, struct slice bytes);
/* The open answer will not be completed. sound: see selection_ops. */
void fetch_intake_broken(struct selection *selection, bool sound);
/* The flags of a FETCH answer; the list's slices are borrowed from the pairs, its array from the arena. False: they
 * cannot be read. */
bool fetch_intake_flags(const struct fetch_pair *pairs, struct arena *arena, struct mailbox_flags *flags)
    __attribute__((warn_unused_result));

#endif
