/* The upstream's work before the owner's command: leave a mailbox, switch to another, learn the tail, take a look,
 * learn flags. One command at a time: after each the wish is judged again. Each function returns true if it has sent
 * one (or has dropped the line). */
#include <stdlib.h>
#include <utlist.h>

#include "mailbox/view.h"
#include "mux/selection_inside.h"

#define FLAGS_SLICE 1000

static bool send_learn(struct selection *selection)
{
    struct outgoing *out = selection_command(selection);

    if (!out)
        return true;
    selection->learned = true;
    selection->learns++;
    selection->learns_above = selection->selected->map.highest;
    selection->learns_named = selection->selected->tail_named;
    outgoing_text(out, "UID FETCH ");
    outgoing_number(out, (uint64_t)selection->selected->map.highest + 1);
    outgoing_text(out, selection_asks_modseq(selection) ? ":* (UID FLAGS MODSEQ)" : ":* (UID FLAGS)");
    selection_send_own(selection, ACTIVITY_LEARN, out);
    return true;
}

static bool send_noop(struct selection *selection)
{
    struct outgoing *out = selection_command(selection);

    if (!out)
        return true;
    outgoing_text(out, "NOOP");
    selection->learned = false; /* what the look finds is to be named, too; one look a turn, so this ends */
    selection_send_own(selection, ACTIVITY_NOOP, out);
    return true;
}

/* Asks for the names of the tail. Where that has named nothing the server is made to look first, once a turn: it may
 * not have said yet that the message has gone. */
static bool send_for_tail(struct selection *selection)
{
    if (!selection->untold || selection->settled)
        return send_learn(selection);
    selection->settled = true;
    return send_noop(selection);
}

static bool wants_names(const struct selection *selection)
{
    return selection->selected->tail_count > 0 && (!selection->learned || (selection->untold && !selection->settled));
}

/* A mailbox is not left while messages in it have no names: the server shows their \Recent to this session alone, and
 * to nobody once it has ended. A server that announces more with every answer does not hold others up for ever. */
#define LEARNS_BEFORE_LEAVING 10

static bool has_to_learn(const struct selection *selection)
{
    const struct mailbox *left = selection->selected;

    return left && left->map_in_step && left->tail_count > 0 && selection->learns < LEARNS_BEFORE_LEAVING;
}

static bool send_leave(struct selection *selection)
{
    struct outgoing *out;

    if (has_to_learn(selection))
        return send_for_tail(selection);
    out = selection_command(selection);
    if (!out)
        return true;
    selection->leaves_by_name = !selection_has(selection, CAPABILITY_UNSELECT);
    if (!selection->leaves_by_name)
        outgoing_text(out, "UNSELECT");
    else /* one that fails leaves nothing selected; another mailbox would be selected without its truth in step */
        outgoing_text(out, "EXAMINE \"imapmux leaves this mailbox\"");
    if (selection->leaves_by_name)
        switch_leave(selection); /* UNSELECT may be refused, and then the mailbox stays */
    selection_send_own(selection, ACTIVITY_LEAVE, out);
    return true;
}

static bool send_switch(struct selection *selection, struct mailbox *mailbox, bool read_write)
{
    const struct view *view;

    if (selection->selected != mailbox && has_to_learn(selection))
        return send_for_tail(selection);
    DL_FOREACH (mailbox->views, view) {
        read_write |= !view->read_only;
    }
    (void)!switch_begin(selection, mailbox, read_write);
    return true;
}

static bool send_status(struct selection *selection, struct mailbox *mailbox)
{
    struct outgoing *out = selection_command(selection);

    if (!out)
        return true;
    outgoing_text(out, "STATUS ");
    outgoing_astring(out, slice_of(mailbox->name));
    outgoing_text(out, selection_asks_modseq(selection) ? " (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                                                        : " (MESSAGES UIDNEXT UIDVALIDITY)");
    selection->status_told = selection->status_differs = false;
    selection->asked = mailbox;
    selection_send_own(selection, ACTIVITY_STATUS, out);
    return true;
}

/* The changes since the modseq tell all flags, if the server can tell them and all were known then. */
static bool can_ask_changes(const struct selection *selection, const struct mailbox *mailbox)
{
    return upstream_has_condstore(selection->upstream) && mailbox->modseq > 0 && !mailbox->nomodseq &&
           mailbox_all_flags_known(mailbox);
}

/* Asks for the next part of the flags: the changes since, of all messages, if the server can tell; else so many
 * messages. */
static bool send_flags(struct selection *selection)
{
    struct mailbox *mailbox = selection->selected;
    bool changes = can_ask_changes(selection, mailbox);
    struct outgoing *out = selection_command(selection);
    struct seqset uids = {0};

    if (!out)
        return true;
    outgoing_text(out, "UID FETCH ");
    if (changes)
        mailbox_flags_asked(mailbox, 0);
    if (mailbox_flags_next(mailbox, changes ? UINT32_MAX : FLAGS_SLICE, &uids)) {
        uids.count = seqset_fitting(&uids, selection->ground->settings->upstream_command_max);
        outgoing_set(out, &uids);
        if (!changes)
            mailbox_flags_expected_of(mailbox, &uids);
    }
    selection->flags_up_to = seqset_highest(&uids);
    selection->flags_by_changes = changes;
    seqset_clear(&uids);
    outgoing_text(out, selection_asks_modseq(selection) ? " (UID FLAGS MODSEQ)" : " (UID FLAGS)");
    if (changes) {
        outgoing_text(out, " (CHANGEDSINCE ");
        outgoing_number(out, mailbox->modseq);
        outgoing_text(out, ")");
    }
    if (selection->flags_up_to == 0) { /* there is always one: out of memory */
        outgoing_free(out);
        upstream_drop(selection->upstream, "out of memory");
        return true;
    }
    selection_send_own(selection, ACTIVITY_FLAGS, out);
    return true;
}

/* Selected as the wish has it, with map in step and the tail learned. True: a command has been sent for it. */
static bool prepare_selected(struct selection *selection, const struct wish *wish)
{
    struct mailbox *mailbox = wish->mailbox;

    if (!switch_selected_well(selection, mailbox, wish->read_write))
        return send_switch(selection, mailbox, wish->read_write);
    if (wants_names(selection))
        return send_for_tail(selection);
    return false;
}

static bool has_been_looked_at(const struct selection *selection, const struct wish *wish)
{
    return selection_is_fresh(selection, wish->mailbox) || wish->mailbox->confirmed > wish->submitted;
}

static bool prepare_look(struct selection *selection, const struct wish *wish)
{
    struct mailbox *mailbox = wish->mailbox;

    if (mailbox == selection->selected && mailbox->map_in_step) {
        if (wants_names(selection))
            return send_for_tail(selection);
        return has_been_looked_at(selection, wish) ? false : send_noop(selection);
    }
    if (mailbox->known && mailbox != selection->selected && !wish->progress->asked) {
        wish->progress->asked = true;
        return has_been_looked_at(selection, wish) ? false : send_status(selection, mailbox);
    }
    if (mailbox->known && mailbox != selection->selected && !selection->status_differs)
        return false;
    return send_switch(selection, mailbox, wish->read_write);
}

static bool prepare_fresh(struct selection *selection, const struct wish *wish)
{
    if (prepare_selected(selection, wish))
        return true;
    return has_been_looked_at(selection, wish) ? false : send_noop(selection);
}

bool selection_flags_learned(struct selection *selection, struct mailbox *mailbox)
{
    return selection->selected == mailbox &&
           mailbox_flags_learned(mailbox, selection_now(selection), selection_vouches(selection, ACTIVITY_FLAGS));
}

static bool prepare_flags(struct selection *selection, const struct wish *wish)
{
    if (prepare_selected(selection, wish))
        return true;
    /* A server may not tell all flags, for example of dead messages: the known ones must do. The look is owed all the
     * same.
     */
    if (!selection_flags_learned(selection, wish->mailbox) &&
        wish->progress->passes++ <= 3 + wish->mailbox->map.count / FLAGS_SLICE * 3)
        return send_flags(selection);
    return !wish->background && !has_been_looked_at(selection, wish) && send_noop(selection);
}

static bool prepare(struct selection *selection, const struct wish *wish)
{
    switch (wish->need) {
    case WISH_NOTHING:
        return false;
    case WISH_LEFT:
        return selection->selected && send_leave(selection);
    case WISH_SELECTED:
        return prepare_selected(selection, wish);
    case WISH_LOOK:
        return prepare_look(selection, wish);
    case WISH_FRESH:
        return prepare_fresh(selection, wish);
    case WISH_FLAGS:
        return prepare_flags(selection, wish);
    }
    abort();
}

void selection_wish_lost(struct wish_progress *progress)
{
    progress->asked = false;
}

/* True: the mailbox is in trouble and left alone for a while. Never the selected one that works. */
static bool is_shut(const struct selection *selection, const struct mailbox *mailbox)
{
    return mailbox && mailbox->shut_until > selection_now(selection) && !selection_in_step(selection, mailbox);
}

/* Somebody wants the news, and there is some that the server does not tell. */
static bool is_untold(const struct selection *selection, const struct wish *wish)
{
    bool wants_news =
        wish->need == WISH_LOOK || wish->need == WISH_FRESH || (wish->need == WISH_FLAGS && !wish->background);

    return wants_news && wish->mailbox == selection->selected && selection->untold && wish->mailbox->tail_count > 0;
}

enum selection_turn selection_prepare(struct selection *selection, const struct wish *wish)
{
    if (is_shut(selection, wish->mailbox))
        return SELECTION_SHUT;
    if (prepare(selection, wish))
        return selection->activity == ACTIVITY_NONE ? SELECTION_DROPPED : SELECTION_SENT;
    return is_untold(selection, wish) ? SELECTION_UNTOLD : SELECTION_READY;
}
