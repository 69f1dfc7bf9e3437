/* Proofs of the messages that a mailbox has. There are two: a search of all whose count is the EXISTS valid at its
 * tagged answer (its finds are a part of the counted messages); or FETCH answers whose numbers and UIDs ascend together
 * without a gap, from the floor (the highest known living message, under its own rank: since UIDs only ascend, the
 * messages counted below it are the known ones) or from 1. Unproved messages go nowhere. */
#include <stdlib.h>

#include "mux/selection_inside.h"

/* --- asking */

/* Asks for flags of the new messages only. Of all messages it asks for UIDs alone, since there may be a million. */
static void write_fetch(const struct selection *selection, struct outgoing *out, bool all)
{
    outgoing_text(out, "UID FETCH ");
    outgoing_number(out, all ? 1 : uid_map_last(&selection->switching.mailbox->map)->uid);
    outgoing_text(out, all                                ? ":* (UID)"
                       : selection_asks_modseq(selection) ? ":* (UID FLAGS MODSEQ)"
                                                          : ":* (UID FLAGS)");
}

/* Forgets the answers to a failed proof. Flags among them are lost. */
static void drop_fetched(struct selection_switch *sw)
{
    for (size_t i = 0; i < sw->fetched_count; i++)
        sw->flags_missed |= sw->fetched[i].flags.has_flags;
    sw->fetched_count = 0;
}

bool proof_send(struct selection *selection, enum selection_activity activity)
{
    struct outgoing *out = selection_command(selection);
    struct selection_switch *sw = &selection->switching;
    bool by_fetch = activity == ACTIVITY_FETCH_NEW || activity == ACTIVITY_FETCH_ALL;

    if (!out)
        return false;
    seqset_clear(&sw->found);
    drop_fetched(sw);
    sw->disturbed = false;
    sw->owed = sw->exists;
    if (activity == ACTIVITY_SETTLE) {
        outgoing_text(out, "NOOP");
    } else if (by_fetch) {
        write_fetch(selection, out, activity == ACTIVITY_FETCH_ALL);
    } else {
        outgoing_text(out, selection_has(selection, CAPABILITY_ESEARCH) ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
        outgoing_text(out, activity == ACTIVITY_SEARCH_RECENT ? "RECENT" : "ALL");
    }
    selection_send_own(selection, activity, out);
    return true;
}

/* --- answers to QRESYNC */

void proof_take_vanished(struct mailbox *mailbox, const struct seqset *uids)
{
    for (size_t i = 0; i < uids->count; i++)
        mailbox_gone_range(mailbox, uids->ranges[i]);
}

static void take_flags(const struct selection_switch *sw, const struct switch_fetch *fetched)
{
    struct mailbox *mailbox = sw->mailbox;
    struct message *message = uid_map_find(&mailbox->map, fetched->uid);
    struct slice names[KEYWORDS_MAX];
    struct mailbox_flags flags = {.present = fetched->flags.has_flags, .modseq = fetched->flags.modseq};

    if (!message)
        return;
    flags.flags.system = fetched->flags.system | (fetched->flags.recent ? (unsigned)FLAG_RECENT : 0);
    flags.flags.keywords = names;
    flags.flags.keyword_count = keywords_names(sw->keywords, fetched->flags.keywords, names);
    (void)!mailbox_set_flags(mailbox, message, &flags);
}

void proof_take_flags(struct selection_switch *sw)
{
    for (size_t i = 0; i < sw->fetched_count; i++)
        take_flags(sw, &sw->fetched[i]);
}

void proof_take_recent(struct selection_switch *sw)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid))
        mailbox_note_recent(sw->mailbox, uid);
}

/* --- expunges while a proof is under way */

/* The message of this number is gone: those above it have lower ones now. */
static void fetched_expunged(struct selection_switch *sw, uint32_t number)
{
    size_t kept = 0;

    for (size_t i = 0; i < sw->fetched_count; i++) {
        struct switch_fetch fetched = sw->fetched[i];
        if (fetched.number == number)
            continue;
        fetched.number -= fetched.number > number;
        sw->fetched[kept++] = fetched;
    }
    sw->fetched_count = kept;
}

/* As above, by UID: messages above it have higher numbers. */
static void fetched_vanished(struct selection_switch *sw, const struct seqset *uids)
{
    size_t kept = 0;

    for (size_t i = 0; i < sw->fetched_count; i++) {
        struct switch_fetch fetched = sw->fetched[i];
        uint64_t below = 0;
        for (size_t k = 0; k < uids->count && uids->ranges[k].low < fetched.uid; k++)
            below += (uint64_t)(uids->ranges[k].high < fetched.uid ? uids->ranges[k].high : fetched.uid - 1) -
                     uids->ranges[k].low + 1;
        if (seqset_contains(uids, fetched.uid) || below >= fetched.number)
            continue;
        fetched.number -= (uint32_t)below;
        sw->fetched[kept++] = fetched;
    }
    sw->fetched_count = kept;
}

void proof_hear_expunged(struct selection_switch *sw, enum selection_activity activity, uint32_t number)
{
    struct mailbox *mailbox = sw->mailbox;

    if (sw->disturbed || sw->unsure)
        return; /* what has been missed may have shifted the numbers; everything is proved again */
    if (activity == ACTIVITY_SEARCH_RECENT && number >= 1 && number <= mailbox->map.count)
        mailbox_gone(mailbox, uid_map_at(&mailbox->map, number - 1)->uid);
    else if (activity == ACTIVITY_FETCH_ALL || (activity == ACTIVITY_FETCH_NEW && number > mailbox->map.count))
        fetched_expunged(sw, number);
    else if (activity != ACTIVITY_SEARCH_RECENT)
        sw->disturbed = true; /* which one that was is not known */
}

void proof_hear_vanished(struct selection_switch *sw, enum selection_activity activity, const struct seqset *uids)
{
    if (activity == ACTIVITY_SEARCH_ALL || activity == ACTIVITY_SETTLE) {
        sw->disturbed = true;
        return;
    }
    if (activity != ACTIVITY_FETCH_ALL)
        proof_take_vanished(sw->mailbox, uids);
    fetched_vanished(sw, uids);
}

/* --- judging */

/* Below an equal UIDNEXT every message was known when the mailbox was left, so equal counts mean equal messages.
 */
bool proof_by_uidnext(const struct selection_switch *sw)
{
    return sw->told.uidnext != 0 && sw->told.uidnext == sw->mailbox->uidnext_left &&
           sw->mailbox->map.count == sw->exists;
}

static int by_uid(const void *a, const void *b)
{
    const struct switch_fetch *x = a, *y = b;

    if (x->uid != y->uid)
        return x->uid > y->uid ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Sorted by UID; one that was told twice counts once, with the flags that were told last. Two numbers for one UID stay
 * two.
 */
static void sort_fetched(struct selection_switch *sw)
{
    size_t kept = 0;

    if (sw->fetched_count == 0)
        return;
    qsort(sw->fetched, sw->fetched_count, sizeof(*sw->fetched), by_uid);
    for (size_t i = 1; i < sw->fetched_count; i++) {
        const struct switch_fetch *last = &sw->fetched[kept], *next = &sw->fetched[i];
        bool twice = last->uid == next->uid && last->number == next->number;
        if (!twice)
            sw->fetched[++kept] = *next;
        else if (next->flags.has_flags)
            sw->fetched[kept] = *next;
    }
    sw->fetched_count = kept + 1;
}

/* Do the numbers of those from the index on ascend with the UIDs, without a gap, from `first` on, and are they counted?
 */
static bool numbers_fit(const struct selection_switch *sw, size_t from, uint32_t first)
{
    for (size_t i = from; i < sw->fetched_count; i++) {
        if (sw->fetched[i].number != first + (i - from) || (i > from && sw->fetched[i].uid == sw->fetched[i - 1].uid))
            return false;
    }
    return !sw->disturbed && first + (sw->fetched_count - from) - 1 <= sw->exists;
}

/* From the floor on. */
static bool take_new(struct selection_switch *sw)
{
    struct mailbox *mailbox = sw->mailbox;
    const struct message *floor = uid_map_last(&mailbox->map);
    size_t at = 0;

    sort_fetched(sw);
    while (floor && at < sw->fetched_count && sw->fetched[at].uid < floor->uid)
        at++; /* a flag change of a known one, told meanwhile */
    if (!floor || at == sw->fetched_count || sw->fetched[at].uid != floor->uid ||
        !numbers_fit(sw, at, mailbox->map.count))
        return false;
    if (at + 1 < sw->fetched_count && sw->fetched[at + 1].uid <= mailbox->map.highest)
        return false; /* one that has come back: all are looked at */
    for (size_t i = at + 1; i < sw->fetched_count; i++) {
        if (!mailbox_append(mailbox, sw->fetched[i].uid))
            return false;
    }
    proof_take_flags(sw);
    return true;
}

/* The search must find as many messages as the server counts at its tagged answer. A server may leave out messages that
 * are gone but still counted. An arrival found inside the search must not make up for one of them. Every found message
 * has been announced by then, so equal numbers mean equal messages. */
static bool count_is_right(const struct selection_switch *sw)
{
    return !sw->disturbed && seqset_size(&sw->found) == sw->exists;
}

/* If mail arrives during every search, EXISTS never equals what was found. But messages counted by the answer to SELECT
 * all have UIDs below its UIDNEXT, and none that came since has: if so many are found there, and none is known to have
 * gone, they are the map, and the rest is the tail. */
static bool keep_those_selected(struct selection_switch *sw)
{
    struct seqset below = {0};
    struct seqset_walk walk;
    uint32_t uid;
    bool right = sw->told.uidnext > 0 && !sw->disturbed && !sw->shrunk;

    seqset_walk_start(&walk, &sw->found);
    while (right && seqset_walk_next(&walk, &uid) && uid < sw->told.uidnext)
        right = seqset_add(&below, uid);
    right = right && seqset_size(&below) == sw->exists_selected;
    seqset_clear(right ? &sw->found : &below);
    if (right)
        sw->found = below;
    return right;
}

/* All by their numbers. Those that arrived meanwhile and were not told are the tail. */
static bool find_by_numbers(struct selection_switch *sw)
{
    sort_fetched(sw);
    if (!numbers_fit(sw, 0, 1) || sw->fetched_count < sw->owed)
        return false;
    for (size_t i = 0; i < sw->fetched_count; i++) {
        if (!seqset_add(&sw->found, sw->fetched[i].uid))
            return false;
    }
    return true;
}

static void remove_missing(struct mailbox *mailbox, const struct seqset *found)
{
    struct message *message;
    uint32_t uid = 0;

    while ((message = uid_map_after(&mailbox->map, uid))) {
        uid = message->uid;
        if (!seqset_contains(found, uid))
            mailbox_gone(mailbox, uid);
    }
}

/* True: one of them is not above every UID that ever was. It has come back, against RFC 3501 section 2.3.1.1. */
static bool one_has_come_back(const struct mailbox *mailbox, const struct seqset *found)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, found);
    while (seqset_walk_next(&walk, &uid) && uid <= mailbox->map.highest) {
        if (!uid_map_find(&mailbox->map, uid))
            return true;
    }
    return false;
}

/* Those found are all that there are. */
static bool take_found(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;
    struct seqset_walk walk;
    uint32_t uid;

    remove_missing(mailbox, &sw->found);
    if (one_has_come_back(mailbox, &sw->found))
        switch_start_over(selection, "The mail server has reused a UID; please reconnect");
    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > mailbox->map.highest && !mailbox_append(mailbox, uid))
            return false;
    }
    proof_take_flags(sw);
    return mailbox->map.count == seqset_size(&sw->found);
}

bool proof_take(struct selection *selection, enum selection_activity activity)
{
    struct selection_switch *sw = &selection->switching;

    if (activity == ACTIVITY_FETCH_NEW)
        return take_new(sw);
    if (activity == ACTIVITY_FETCH_ALL)
        return find_by_numbers(sw) && take_found(selection);
    return (count_is_right(sw) || keep_those_selected(sw)) && take_found(selection);
}
