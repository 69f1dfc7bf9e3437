/* The truth: the upstream's latest account of one mailbox, and its own numbering. Knows no sockets and
 * no commands.
 *
 * The upstream numbers `map`, then `tail`: entries that were announced by EXISTS but whose UIDs are not known
 * yet (nameless), or whose UIDs are known but that stand after a nameless one. No view is told of the tail. RFC 3501
 * section 2.3.1, 7.3, 7.4; RFC 7162 section 3.2 (VANISHED). */
#ifndef IMAPMUX_MAILBOX_MAILBOX_H
#define IMAPMUX_MAILBOX_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "imap/flags.h"
#include "mailbox/keywords.h"
#include "mailbox/uid_map.h"
#include "mailbox/uid_set.h"

struct evbuffer;
struct view;

/* The changes for which a view's owner is woken. */
enum view_change {
    VIEW_CHANGED_NUMBERS, /* something arrived or is gone */
    VIEW_CHANGED_FLAGS,
};

struct tail_entry {
    uint32_t uid; /* 0: nameless */
    bool has_flags;
    uint8_t system;
    bool recent;
    uint32_t keywords;
    uint64_t modseq;
};

#define MAILBOX_NEVER (-1000000 * USEC_SECOND) /* before any time that a clock tells */

struct mailbox {
    char *name;           /* canonical (INBOX) */
    char *object_id;      /* MAILBOXID as the last SELECT that told one did (RFC 8474); NULL: none has */
    uint32_t uidvalidity; /* 0: not known */
    uint32_t uidnext;     /* a message with a lower UID is in the truth, or gone; 0: not known */
    uint32_t
        uidnext_status; /* as STATUS told it, where SELECT tells none; true once the map is in step again; 0: none */
    struct uid_map map;
    struct tail_entry *tail; /* tail_count entries from tail_first on */
    size_t tail_first;
    size_t tail_count;
    size_t tail_named; /* how many of them have their UID */
    size_t tail_capacity;
    bool known;         /* the map has been built once: views can exist */
    bool map_in_step;   /* selected upstream and the map proved; cleared by mailbox_out_of_step */
    bool doubted;       /* the server contradicted the map; cleared when the next switch has proved the whole map */
    bool flags_in_step; /* every message's flags are known up to now; cleared with map_in_step, too */
    bool read_only;     /* the last SELECT was answered READ-ONLY */
    bool deleted;       /* set by mailbox_deleted, never cleared: kept for its views only */
    uint64_t counter;   /* of flag changes: view.h */
    struct keywords *keywords;
    uint8_t flags_system;        /* * FLAGS: system flags */
    uint8_t permanent_system;    /* PERMANENTFLAGS as SELECT (not EXAMINE) told them */
    bool permanent_any;          /* \* */
    uint32_t permanent_keywords; /* interned set */
    uint32_t keywords_refused;   /* sets in a row for which there was no room */
    bool permanent_known;
    bool nomodseq;               /* the last SELECT told no HIGHESTMODSEQ */
    uint64_t modseq;             /* every change up to here is in the truth; 0: none known */
    uint64_t modseq_pending;     /* seen in answers, not yet vouched for */
    uint64_t modseq_selected;    /* HIGHESTMODSEQ in the last answer to SELECT; 0: none */
    uint64_t modseq_said;        /* HIGHESTMODSEQ since the last tagged answer; 0: none */
    bool gone_since_select;      /* a message has gone since it came in step: by which mod-sequence is not known */
    uint32_t uidnext_left;       /* UIDNEXT when the upstream left it with every entry named; 0: it did not */
    bool left_with_flags;        /* the flags were in step when it was left: its modseq may be compared with STATUS */
    uint32_t flags_cursor;       /* flags are learned up to this UID since the map came in step */
    uint32_t flags_due;          /* messages whose flags are due; counted while map_in_step */
    bool flags_due_only;         /* all other flags are in step */
    bool flags_urgent;           /* set when flags fall due; cleared when they are asked for */
    usec flags_at;               /* when the flags were last in step as a whole; negative: never */
    uint32_t first_unseen;       /* UID of the first unseen message as the last SELECT told it, 0: not told */
    struct uid_set recent_free;  /* \Recent on the upstream, given to no session */
    struct uid_set recent_taken; /* given to a session since the upstream's last SELECT */
    bool recent_ours;            /* a SELECT has shown recent_free: the server shows it to nobody else */
    bool recent_held;            /* selected with SELECT: what is \Recent now is so to no later session */
    uint32_t recent_told;        /* RECENT as last told since SELECT */
    uint32_t recent_said;        /* the same, less those that have gone and were not made up for by arrivals */
    uint32_t recent_exists;      /* EXISTS, from when it fell out of step on */
    uint32_t recent_named;       /* how many of them have been noted */
    uint32_t recent_owed;        /* \Recent to a former session that knew no names of them */
    uint32_t recent_above;       /* their UIDs are above this one */
    unsigned troubles;           /* in a row: it could not be opened or proved */
    unsigned refusals;           /* in a row: NO to SELECT or STATUS */
    usec shut_until;             /* left alone until then */
    unsigned losses;             /* connections lost in a row by the same command about it */
    unsigned lost_doing;         /* that command: its kind, as the caller numbers them */
    usec lost_at;                /* when the last one was lost */
    struct view *views;          /* DL list */
    const void *holder; /* the upstream session that selects it, has it selected, or leaves it; NULL: none does */
    bool look_spoilt;   /* something was put into it since the last look was sent; set by mailbox_touched */
    usec looked_at;     /* when the last command there finished; MAILBOX_NEVER */
    uint64_t confirmed; /* when the last look there was written, by the number that the caller gives */
};

struct mailbox *mailbox_new(struct slice name); /* returns owned; NULL: out of memory */
void mailbox_free(struct mailbox *mailbox);     /* there must be no views */
/* Everything is forgotten but the name: UIDVALIDITY changed. There must be no views (mailbox_end_views before). */
void mailbox_reset(struct mailbox *mailbox);
/* Tells every view's owner that the view is over (view_ops.ended), but not the one of `except`. */
void mailbox_end_views(struct mailbox *mailbox, const char *reason, const struct view *except);

/* --- answers of the upstream while map_in_step. BROKEN: impossible; resynchronise and hand nothing on. */
enum mailbox_result { MAILBOX_OK, MAILBOX_IGNORED, MAILBOX_BROKEN, MAILBOX_NO_MEMORY };

/* The flags of a FETCH answer, as parsed. */
struct mailbox_flags {
    bool present;
    struct flag_list flags;
    uint64_t modseq; /* 0: not told */
};

/* EXISTS (RFC 3501 section 7.3.1): new entries at the end of the tail, nameless. BROKEN: fewer than are known, or too
 * many at once. */
enum mailbox_result mailbox_exists(struct mailbox *mailbox, uint32_t count);
/* EXPUNGE (RFC 3501 section 7.4.1), in the upstream's numbers: the entry goes, from map or tail. BROKEN: there is no
 * such number. */
enum mailbox_result mailbox_expunge(struct mailbox *mailbox, uint32_t number);
/* VANISHED without EARLIER. */
enum mailbox_result mailbox_vanished(struct mailbox *mailbox, const struct seqset *uids);
/* A FETCH answer for `number`; uid 0: it carried none. *found: the UID that it is about, 0 if it is about a nameless
 * entry. Flags and modseq go into the truth. MAILBOX_IGNORED: nothing can be said of it yet (nameless, or waiting in
 * the tail). */
enum mailbox_result mailbox_fetch(struct mailbox *mailbox, uint32_t number, uint32_t uid,
                                  const struct mailbox_flags *flags, uint32_t *found);
uint32_t mailbox_upstream_exists(const struct mailbox *mailbox); /* map and tail */
/* Forgets the announced entries that are not in the map. */
void mailbox_drop_tail(struct mailbox *mailbox);

/* --- for resynchronisation */
/* A message is gone: out of the map, a ghost in every view that was told of it. False: it was not there. */
bool mailbox_gone(struct mailbox *mailbox, uint32_t uid);
void mailbox_gone_range(struct mailbox *mailbox, struct seqrange range); /* all of the map that are in it */
/* A new UID above every one that ever was. False: out of memory. Views are poked. */
bool mailbox_append(struct mailbox *mailbox, uint32_t uid);
/* Flags learned for a message of the map; unknown before: no change, nobody was told. */
bool mailbox_set_flags(struct mailbox *mailbox, struct message *message, const struct mailbox_flags *flags);
/* Could a message be given these keywords? Those that no message carries make room. */
bool mailbox_takes_keywords(struct mailbox *mailbox, const struct flag_list *flags);
/* The list of * FLAGS, or of PERMANENTFLAGS as the answer to SELECT (never to EXAMINE) has it. Anything that is no list
 * of flags is ignored. */
void mailbox_take_flag_list(struct mailbox *mailbox, const struct value *list, bool permanent);

/* The "(id)" of MAILBOXID in the answer to SELECT. Anything else is ignored. */
void mailbox_take_object_id(struct mailbox *mailbox, const struct value *list);

/* --- in and out of step: called by the one that has it selected upstream, each at the moment that it is named after */

/* The facts in the answer to SELECT or EXAMINE. */
struct mailbox_told {
    bool read_write; /* it was SELECT */
    bool read_only;  /* [READ-ONLY] */
    uint32_t uidvalidity;
    uint32_t uidnext;       /* 0: not told */
    uint64_t highestmodseq; /* 0: not told, or NOMODSEQ */
    uint64_t command;       /* number of the command */
    usec selected_at;       /* when it was answered: arrivals that it did not count may be news already */
    uint32_t recent;        /* RECENT as told last */
};

/* The state of the flags when the map comes in step. */
enum mailbox_flags_state {
    MAILBOX_FLAGS_TOLD,    /* of every message, up to now */
    MAILBOX_FLAGS_CHEAP,   /* not all; the server can say what has changed, so they are due at once */
    MAILBOX_FLAGS_UNKNOWN, /* not all; due after flag_interval */
};

/* The answer to SELECT is complete; the map is not in step yet. UIDVALIDITY is the told one from here on: where it has
 * changed, mailbox_reset comes before. \Recent messages that an EXAMINE has shown, and nobody was given, are forgotten:
 * the server shows them again. */
void mailbox_selected(struct mailbox *mailbox, const struct mailbox_told *told);
/* The map has been proved; `exists` is what the server counts now, map included. Counts as a look, finished when SELECT
 * was answered. */
enum mailbox_result mailbox_in_step(struct mailbox *mailbox, const struct mailbox_told *told, uint32_t exists,
                                    enum mailbox_flags_state flags, usec now) __attribute__((warn_unused_result));
void mailbox_set_first_unseen(struct mailbox *mailbox, uint32_t uid); /* 0: not told */
/* SELECT or NOOP is given to the upstream. */
void mailbox_looks(struct mailbox *mailbox);
/* A command that makes every server look for news (NOOP) has been answered there. It counts, unless something has been
 * put into the mailbox since it was sent. */
void mailbox_looked(struct mailbox *mailbox, uint64_t command, usec now);
/* STATUS, which does not prove enough to be fresh, has told nothing new. */
void mailbox_confirmed(struct mailbox *mailbox, uint64_t command);

/* Map and flags are no longer in step; the tail is forgotten. */
void mailbox_out_of_step(struct mailbox *mailbox);
void mailbox_left(struct mailbox *mailbox); /* another mailbox is about to be selected, or none */
/* The connection is lost: out of step, and nothing that is known of UIDNEXT or the flags' time counts. was_selected:
 * the upstream had this mailbox selected. */
void mailbox_line_lost(struct mailbox *mailbox, bool was_selected);
void mailbox_doubt(struct mailbox *mailbox);  /* the server has contradicted the map: it is searched as a whole */
void mailbox_unsure(struct mailbox *mailbox); /* by RENAME INBOX: everything may be another way now */
/* STATUS tells other numbers: an equal UIDNEXT at the next SELECT proves nothing. */
void mailbox_differs(struct mailbox *mailbox);
void mailbox_deleted(struct mailbox *mailbox); /* it is kept for its views only */
/* An upstream session selects it now. No other one may hold it: its truth has one clock. */
void mailbox_claim(struct mailbox *mailbox, const void *holder);
/* Its holder has it selected no more: the server has answered the command that leaves it, or the connection is gone. */
void mailbox_release(struct mailbox *mailbox, const void *holder);
/* Something has been put into it, perhaps by another session: it is not fresh, and a look under way finds nothing out.
 */
void mailbox_touched(struct mailbox *mailbox);
/* Something has been put into it since the last look, whatever that was: it is not fresh. */
void mailbox_forget_look(struct mailbox *mailbox);

/* It could not be opened or proved: it is left alone for a pause, from two seconds doubled up to five minutes with each
 * trouble in a row. Coming in step ends that, unless what cost the connection has not been answered yet. */
void mailbox_trouble(struct mailbox *mailbox, usec now);
/* A command of this kind about it was in flight when the connection was lost. Returns how many of
 * that kind in a row there have been; an answer to such a command ends the row. */
unsigned mailbox_cost_line(struct mailbox *mailbox, unsigned doing, usec now);
/* Other connections were lost at the same time, since then: the last one was not lost by this mailbox, if it has ever
 * been in step and is not known for trouble. */
void mailbox_excused_line(struct mailbox *mailbox, usec since);
/* A command of this kind about it has been answered. */
void mailbox_spared_line(struct mailbox *mailbox, unsigned doing);
/* NO to SELECT or STATUS of it. Returns how many in a row there have been; an answer that tells of it ends the row. */
unsigned mailbox_refused(struct mailbox *mailbox);
/* The server's mod-sequences have begun again: ours, and those of the messages, say nothing any more. RFC 7162
 * section 6. */
void mailbox_forget_modseqs(struct mailbox *mailbox);
/* The same, and all flags and messages are looked at again. */
void mailbox_modseq_is_void(struct mailbox *mailbox);

/* --- learning flags in parts */
bool mailbox_all_flags_known(const struct mailbox *mailbox); /* of every message */
/* The flags of one message may have changed without a word of the server: it set \Seen, or told flags that could not be
 * read. They are due until they have been told. urgent: to be asked for at once, not after flag_interval. */
void mailbox_flags_untold(struct mailbox *mailbox, struct message *message, bool urgent);
/* The flags to be asked for next, at most so many messages of them: the due ones if all others are in step, else the
 * next ones above flags_cursor. `uids` (empty before) gets ranges between which no message lives; only while the flags
 * are not in step. False: out of memory. */
bool mailbox_flags_next(const struct mailbox *mailbox, uint32_t most, struct seqset *uids)
    __attribute__((warn_unused_result));
/* They are asked for from now on: if that fails, not again before flag_interval. */
void mailbox_flags_tried(struct mailbox *mailbox, usec now);
/* The server is asked for the flags of this message, or of these: until it has told them they are due, since what was
 * known before is no answer. Only while the flags are not in step. */
void mailbox_flags_expected(struct mailbox *mailbox, struct message *message);
void mailbox_flags_expected_of(struct mailbox *mailbox, const struct seqset *uids);
void mailbox_flags_asked(struct mailbox *mailbox, uint32_t up_to); /* answered: the next part begins above this UID */
/* Are all flags in step? Judged when a part has been answered: the last part ends the learning, or, where some flags
 * were not told, it begins again. vouched: as in mailbox_settle_modseq. */
bool mailbox_flags_learned(struct mailbox *mailbox, usec now, bool vouched);

/* --- mod-sequences (RFC 7162) */
void mailbox_note_highestmodseq(struct mailbox *mailbox, uint64_t modseq); /* in or beside a tagged answer */
/* At the tagged answer of a command in this mailbox that vouches: before it the server has told every change up to the
 * mod-sequences that it has shown. With QRESYNC every command does; without it a server may hold others' changes back,
 * and only NOOP, SELECT and FETCH CHANGEDSINCE do. modseq moves up if nothing is nameless or unknown. A server that
 * holds changes back says so by a lower HIGHESTMODSEQ, which counts even if higher ones have been seen (RFC 7162
 * section 5). */
void mailbox_settle_modseq(struct mailbox *mailbox);
/* HIGHESTMODSEQ for a client that selects it now: it must ask for nothing older than its own knowledge. 0: NOMODSEQ. */
uint64_t mailbox_highestmodseq(const struct mailbox *mailbox);
/* Is it certain that nothing has changed since this mod-sequence, but what messages with higher ones show, and that no
 * message has gone since? */
bool mailbox_is_known_since(const struct mailbox *mailbox, uint64_t modseq);

/* Does a STATUS list (pairs of name and number) differ from the truth? True, too, if it lacks what the server tells
 * otherwise of MESSAGES, UIDNEXT and UIDVALIDITY. A modseq that has
 * risen counts only if the mailbox was left with its flags in step, else every poll would cost a switch. Where SELECT
 * tells no UIDNEXT (Courier), that of STATUS is kept: one message gone and one come make equal counts. */
bool mailbox_status_differs(struct mailbox *mailbox, const struct value *items);

/* --- \Recent (RFC 3501 section 2.3.2): mailbox_recent.c */
/* The upstream shows it as \Recent. Nothing happens if a session has been given it since the last SELECT. */
void mailbox_note_recent(struct mailbox *mailbox, uint32_t uid);
void mailbox_recent_said(struct mailbox *mailbox, uint32_t count); /* RECENT, while map_in_step */
/* What is told of it when it is left already, or in doubt: so many have gone, and any of them may have been \Recent;
 * EXISTS; RECENT. */
void mailbox_recent_gone_late(struct mailbox *mailbox, uint64_t count);
void mailbox_recent_exists_late(struct mailbox *mailbox, uint32_t count);
void mailbox_recent_late(struct mailbox *mailbox, uint32_t count);
/* So many were \Recent to a session that has lost the mailbox before it knew their names: they are given to the next
 * ones that came behind those known, when the map is in step again. */
void mailbox_recent_nameless(struct mailbox *mailbox, uint32_t count);

/* --- for its own files and view.c */
void mailbox_recent_forget(struct mailbox *mailbox);
void mailbox_recent_selected(struct mailbox *mailbox, bool read_write);
void mailbox_recent_in_step(struct mailbox *mailbox, uint32_t said); /* the map is proved, the tail not yet there */
void mailbox_recent_gone(struct mailbox *mailbox, uint32_t uid);
/* So many have come. RECENT is told again if it differs from the number told last: where nothing follows they have made
 * up for those that had gone. Returns how many have done so. */
uint32_t mailbox_recent_come(struct mailbox *mailbox, uint32_t count);
void mailbox_recent_left(struct mailbox *mailbox); /* about to fall out of step, the tail still there */
void mailbox_poke(struct mailbox *mailbox, enum view_change change); /* wakes every view's owner */
/* Adds the view to the list of those that are told. Borrows it until mailbox_remove_view. */
void mailbox_add_view(struct mailbox *mailbox, struct view *view);
/* Takes it off the list. */
void mailbox_remove_view(struct mailbox *mailbox, struct view *view);
/* Moves the \Recent messages that nobody has, up to this UID, into `taken`. When memory is out, the rest stays. */
void mailbox_give_recent(struct mailbox *mailbox, uint32_t up_to, struct uid_set *taken);
/* The other way; `taken` is empty then. */
void mailbox_take_back_recent(struct mailbox *mailbox, struct uid_set *taken);

/* --- printing for clients. False: out of memory. */
/* "(\Seen \Recent $kw)" */
bool mailbox_print_message_flags(const struct mailbox *mailbox, const struct message *message, bool recent,
                                 struct evbuffer *out);
bool mailbox_print_flags(const struct mailbox *mailbox,
                         struct evbuffer *out); /* "(...)" of * FLAGS: all keywords known */
bool mailbox_print_permanent_flags(const struct mailbox *mailbox, struct evbuffer *out); /* "(...)" */

#endif
