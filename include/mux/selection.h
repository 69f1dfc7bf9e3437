/* One upstream session's selected mailbox, and the command in flight for it: leaving, switching, learning the tail, a
 * look, learning flags, and the one command that its owner sends in between. The ONE place where answers of a server
 * become facts: numbers and flags go into the truth (mailbox/mailbox) here, checked against the map, before anybody
 * hears of them.
 *
 * Knows no jobs, members or clients, and nothing of other sessions of the account: an account may have several.
 *
 *      prepare (sends LEAVE | SELECT, SEARCH... | LEARN | NOOP | STATUS | FLAGS, one at a time) --> prepared: prepare
 * again prepare says READY --> send (the owner's command) --> fetch, untagged... --> answered
 */
#ifndef IMAPMUX_MUX_SELECTION_H
#define IMAPMUX_MUX_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "imap/response.h"
#include "mailbox/mailbox.h"
#include "mux/ground.h"
#include "mux/upstream.h"
#include "mux/wish.h"

struct selection;

struct selection_ops {
    /* A part of a FETCH answer about a message of the selected mailbox, while the owner's command is in flight.
     * Guarded: number and UID agree with the map, and flags are in the truth. After a part that is not complete,
     * fetch_data follows with the octets of its literal (stream_size in all), then the next part; or fetch_broken. */
    void (*fetch)(void *owner, uint32_t uid, const struct fetch_answer *part);
    void (*fetch_data)(void *owner, struct slice bytes);
    /* sound: what was handed on of the answer is true; only its rest could not be read. */
    void (*fetch_broken)(void *owner, bool sound);
    /* Octets of a literal have been read, whether or not they are handed on. */
    void (*literal_read)(void *owner, size_t octets);
    /* Neither numbers nor flags, while the owner's command is in flight. */
    void (*untagged)(void *owner, const struct response *response);
    /* The owner's command has its tagged answer. */
    void (*answered)(void *owner, const struct response *tagged);
    /* A command of the selection's own is done: call selection_prepare again. part: it was a part of the flags, so that
     * others may have their turn before the next. */
    void (*prepared)(void *owner, bool part);
    /* The wish cannot be fulfilled. tagged: the server's NO or BAD; NULL: `text` says why. */
    void (*refused)(void *owner, const struct response *tagged, const char *text);
    /* A look or what it learns from (a command of the selection's own) was answered NO or BAD, or without the line that
     * it was sent for: nothing was learned. tagged: its answer. */
    void (*denied)(void *owner, const struct response *tagged);
    /* The mailbox is no more: the server says so, or refuses it again and again. */
    void (*gone)(void *owner, struct mailbox *mailbox);
    /* Every answer to the owner's command so far is void: the map broke and is resynchronised. */
    void (*contradicted)(void *owner);
    /* A line of the server could not be read: it may have been an answer to the command in flight. */
    void (*garbled)(void *owner);
    /* The UIDs of this mailbox mean other messages now. Its views have ended. */
    void (*meaning_lost)(void *owner, struct mailbox *mailbox);
};

enum selection_turn {
    SELECTION_READY,   /* the wish is fulfilled: the owner's command may be sent */
    SELECTION_SENT,    /* a command has been sent for it: wait for `prepared` or `refused` */
    SELECTION_DROPPED, /* out of memory: the connection is being closed */
    SELECTION_UNTOLD,  /* the server announces messages and does not name them: nobody may be told that there is no news
                        */
    SELECTION_SHUT,    /* the mailbox is in trouble and left alone for a while: the wish cannot be fulfilled */
};

/* What the owner's command does beside what it was asked for. */
enum selection_effect {
    SELECTION_NO_EFFECT,
    SELECTION_LOOKS,     /* NOOP: every server looks for news */
    SELECTION_SETS_SEEN, /* FETCH without PEEK: RFC 3501 section 6.4.5 has servers tell the flags, but not all do */
};

/* All borrowed, `name` for the log ("user@upstream"). Returns owned; NULL: out of memory. */
struct selection *selection_new(struct ground *ground, struct upstream *upstream, const char *name,
                                const struct selection_ops *ops, void *owner);
/* NULL: nothing happens. Its mailboxes stay. */
void selection_free(struct selection *selection);

/* --- getters */
struct mailbox *selection_mailbox(const struct selection *selection); /* selected upstream; NULL: none, or not known */
bool selection_is_switching(const struct selection *selection);       /* SELECT or its searches are in flight */
/* Selected, being so, or being left: as long as the server may count it as selected here. */
bool selection_needs(const struct selection *selection, const struct mailbox *mailbox);
bool selection_in_step(const struct selection *selection, const struct mailbox *mailbox); /* and no tail is left */
/* Selected, and all flags of its messages are known up to now. */
bool selection_flags_in_step(const struct selection *selection, const struct mailbox *mailbox);
/* In step, and looked at not longer ago than `freshness`. */
bool selection_is_fresh(const struct selection *selection, const struct mailbox *mailbox);
/* Octets that are still to come of the literal of a FETCH answer that is being read; 0: none is. */
uint64_t selection_literal_left(const struct selection *selection);

/* --- work. The upstream must be able to take a command (not upstream_busy). */
/* Sends at most one command. */
enum selection_turn selection_prepare(struct selection *selection, const struct wish *wish)
    __attribute__((warn_unused_result));
/* The connection was lost while a wish was prepared: its commands are sent again. */
void selection_wish_lost(struct wish_progress *progress);
/* The owner's command; SELECTION_READY only. Takes it. sole: the UID of the only message that it asks for, whose answer
 * may lack its UID; 0: none, or several. */
void selection_send(struct selection *selection, struct outgoing *command, enum selection_effect effect,
                    enum policy_patience patience, uint32_t sole);
/* The owner's turn is over: the tail may be asked for again. */
void selection_turn_over(struct selection *selection);
/* All flags of the selected mailbox are in step, judged as after a part of them. */
bool selection_flags_learned(struct selection *selection, struct mailbox *mailbox);
/* The mailbox is dropped: nothing here points to it any more. */
void selection_forget(struct selection *selection, const struct mailbox *mailbox);

/* --- events of the upstream */
void selection_connected(struct selection *selection); /* logged in */
/* An untagged response that is no FETCH. Facts go into the truth, the rest to the owner if it listens. */
void selection_untagged(struct selection *selection, const struct response *response);
/* A FETCH answer, or its first or next part; checked against the map before the owner gets anything. */
void selection_fetch(struct selection *selection, const struct response *response);
/* Octets of the literal that the last part of a FETCH answer announced. */
void selection_fetch_data(struct selection *selection, struct slice bytes);
/* A line that could not be read. open_fetch: the FETCH answer that was open will not be completed. fetch_number: it was
 * an answer about this message, which has changed no numbers; 0: nobody knows. */
void selection_garbage(struct selection *selection, bool open_fetch, uint32_t fetch_number);
/* The tagged answer of the command in flight: to `answered` if it is the owner's, else it carries on the selection's
 * own work. */
void selection_tagged(struct selection *selection, const struct response *response);
/* The connection is gone: nothing is selected. The account tells the mailboxes (mailbox_line_lost). True: it counts as
 * lost by the mailbox of the selection's own command in flight (mailbox_cost_line). */
bool selection_lost(struct selection *selection);

#endif
