/* One session's knowledge of its selected mailbox, as told: the heart of imapmux. UIDs only ascend, so it is three
 * things: `told`, the highest UID told; the ghosts, messages that are gone while the view still counts them; and
 * `flags_told`, a value of the mailbox's counter of flag changes. The client's number of a message u is
 *
 *     rank of u in the truth + ghosts below u   (a ghost counts itself as well)      for u <= told
 *
 * A view costs its ghosts, not the mailbox. Numbers move only when the session writes the line that says so: every verb
 * that moves them says which line that is. RFC 3501 section 7.4.1, RFC 2180. */
#ifndef IMAPMUX_MAILBOX_VIEW_H
#define IMAPMUX_MAILBOX_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/mailbox.h"

struct view_ops {
    /* There is something to tell. Called from the middle of the truth's change: only note it and wake the session's
     * task. */
    void (*changed)(void *owner, enum view_change change);
    /* The view means nothing any more (mailbox deleted, UIDVALIDITY changed...): no verb but view_free may be called on
     * it. Only note it; the session says * BYE. */
    void (*ended)(void *owner, const char *reason);
};

struct view_exact { /* told directly since flags_told */
    uint32_t uid;
    uint64_t changed;
};

struct view {
    struct mailbox *mailbox; /* borrowed; NULL once the view has ended */
    bool read_only;          /* EXAMINE, or the server's READ-ONLY */
    uint32_t told;
    uint32_t begun_with; /* `told` as it was at first */
    struct uid_set ghosts;
    uint64_t flags_told;
    struct view_exact *exact; /* ascending by uid */
    size_t exact_count;
    size_t exact_capacity;
    struct uid_set recent;      /* \Recent messages that belong to this view */
    bool recent_declined;       /* set by view_decline_recent: it takes none */
    uint32_t recent_told;       /* RECENT as last told */
    size_t keywords_told;       /* names of mailbox->keywords that a * FLAGS line has shown */
    uint64_t keywords_replaced; /* keywords_replaced as it stood then */
    bool has_modseqs;           /* the answer to SELECT told HIGHESTMODSEQ, not NOMODSEQ */
    uint64_t modseq;            /* every change up to here has been told; never above the truth's */
    uint64_t modseq_shown;      /* the highest in lines since the last tagged answer */
    uint32_t brought;           /* up to this UID the client may know flags by itself; 0: it does not */
    bool modseq_lowered;        /* the client has been told a lower one than it had read in lines */
    struct seqset saved;        /* see view_save; may name UIDs that are gone */
    const struct view_ops *ops;
    void *owner;
    struct view *prev, *next; /* mailbox->views */
};

/* Everything that the truth has now is what the answer to SELECT tells; \Recent messages that nobody has are taken
 * unless read_only. Returns owned; NULL: out of memory. */
struct view *view_new(struct mailbox *mailbox, bool read_only, const struct view_ops *ops, void *owner);
/* Leaves the mailbox if the view has not ended. NULL: nothing happens. */
void view_free(struct view *view);
void view_end(struct view *view, const char *reason); /* leaves the mailbox and calls ops->ended */

/* The mailbox's map has lost this message: a ghost, if the view was told of it. For mailbox.c. */
void view_message_gone(struct view *view, uint32_t uid);

/* --- numbers */
/* How many messages the client counts now: the living ones told to it, and ghosts. */
uint32_t view_exists(const struct view *view);
bool view_counts(const struct view *view, uint32_t uid); /* living or ghost, and told */
/* Is it a message that is gone while the client still counts it? */
bool view_is_ghost(const struct view *view, uint32_t uid);
uint32_t view_number(const struct view *view, uint32_t uid); /* view_counts(uid) must hold */
uint32_t view_uid(const struct view *view, uint32_t number); /* 1 <= number <= view_exists */
uint32_t view_last_uid(const struct view *view);             /* 0: empty */
/* Adds the UIDs of the numbers low..high (1 <= low <= high <= exists), ghosts included. False: out of memory. */
bool view_uids(const struct view *view, uint32_t low, uint32_t high, struct seqset *uids);
/* Adds the UIDs between low and high (both included) that the view counts, ghosts included. */
bool view_counted_uids(const struct view *view, uint32_t low, uint32_t high, struct seqset *uids);

/* --- what the client's last search saved: `$` (RFC 5182) */
/* Keeps these UIDs in place of the former ones: resolved, counted by the view, UIDs that are gone for good may stand
 * between them (see uid_map_intersect_dense). Takes what `uids` owns, which is empty afterwards. */
void view_save(struct view *view, struct seqset *uids);
/* Adds those of them that live. False: out of memory. */
bool view_saved_uids(const struct view *view, struct seqset *uids);

/* --- arrivals: "* n EXISTS" */
/* Are there messages that the client has not been told of? */
bool view_has_arrivals(const struct view *view);
/* True: `told` has moved up; the caller writes * EXISTS with view_exists, then what view_tell_recent says. */
bool view_tell_arrivals(struct view *view);

/* --- \Recent: "* n RECENT" */
/* The \Recent messages that the client counts and nobody has been given are its own from here on, unless the view is
 * read-only. Before RECENT is told. */
void view_take_recent(struct view *view);
/* Its client has gone and will not be told of any: it takes none from here on. not_told: nor has it been told of those
 * that it has, which are nobody's again. */
void view_decline_recent(struct view *view, bool not_told);
/* How many messages of the view are \Recent for this client now. */
uint32_t view_recent(const struct view *view);
/* Is this message \Recent for this client? */
bool view_shows_recent(const struct view *view, uint32_t uid);
bool view_recent_differs(const struct view *view); /* from the number told last */
uint32_t view_tell_recent(struct view *view);      /* the number to write now */
/* Adds the UIDs that are \Recent for this view and counted by it. False: out of memory. */
bool view_recent_uids(const struct view *view, struct seqset *uids);

/* --- ghosts: "* n EXPUNGE" */
/* Is there any EXPUNGE still to be told? */
bool view_has_ghosts(const struct view *view);
uint32_t view_first_ghost(const struct view *view);              /* UID; there must be one */
uint32_t view_next_ghost(const struct view *view, uint32_t uid); /* the next above uid, or 0 */
uint32_t view_end_ghost(struct view *view, uint32_t uid);        /* returns the number to write in EXPUNGE */

/* --- flags: "* n FETCH (FLAGS ...)" */
/* Has the message flags that this client has not been told? False for messages above `told`. */
bool view_flags_untold(const struct view *view, const struct message *message);
/* The next message above `uid` whose flags the client has not been told, or NULL. Start with 0. */
struct message *view_next_untold(const struct view *view, uint32_t uid);
/* A line with these flags has been written (or the client knows without). False: out of memory (it will be told again).
 */
bool view_note_told(struct view *view, const struct message *message);
/* Everything untold has been told: at the tagged answer, or in IDLE. */
void view_all_flags_told(struct view *view);
/* Must a * FLAGS line go before a FETCH line that shows this message? */
bool view_needs_flags_line(const struct view *view, const struct message *message);
/* A * FLAGS line with all keywords known now has been written. */
void view_flags_line_told(struct view *view);

/* --- mod-sequences (RFC 7162) */
/* The client uses CONDSTORE: it may have brought flags of the messages that it was told of by SELECT. */
void view_brings_flags(struct view *view);
/* Are these flags, which the truth learns now, others than the client has brought, as far as mod-sequences say? */
bool view_may_know_otherwise(const struct view *view, const struct message *message);
/* The line shows this one. */
void view_show_modseq(struct view *view, uint64_t modseq);
/* At a tagged answer. True: the client takes a wrong mod-sequence for the one up to which it knows everything, and is
 * to be told view->modseq ("* OK [HIGHESTMODSEQ n]"): a higher one because of the lines that it has read (section 3.2),
 * or a lower one that it was told for that reason before. */
bool view_settle_modseq(struct view *view);

#endif
