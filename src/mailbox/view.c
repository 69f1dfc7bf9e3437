/* One session's knowledge. The rules are in the header; this file holds the arithmetic and nothing else. It
 * moves a number only when its caller writes the line that says so, never logs, and never looks at the tail of the
 * mailbox. */
#include "mailbox/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

/* \Recent belongs to the first read-write session that is told of the message. */
void view_take_recent(struct view *view)
{
    if (!view->read_only && !view->recent_declined)
        mailbox_give_recent(view->mailbox, view->told, &view->recent);
}

void view_decline_recent(struct view *view, bool not_told)
{
    view->recent_declined = true;
    if (not_told && view->mailbox)
        mailbox_take_back_recent(view->mailbox, &view->recent);
}

struct view *view_new(struct mailbox *mailbox, bool read_only, const struct view_ops *ops, void *owner)
{
    struct view *view = calloc(1, sizeof(*view));
    const struct message *last = uid_map_last(&mailbox->map);

    if (!view)
        return NULL;
    view->mailbox = mailbox;
    view->read_only = read_only;
    view->ops = ops;
    view->owner = owner;
    view->told = view->begun_with = last ? last->uid : 0;
    view->flags_told = mailbox->counter;
    view->keywords_told = keywords_count(mailbox->keywords);
    view->keywords_replaced = keywords_replaced(mailbox->keywords);
    view->modseq = mailbox_highestmodseq(mailbox);
    view->has_modseqs = view->modseq != 0;
    view_take_recent(view);
    view->recent_told = view_recent(view);
    mailbox_add_view(mailbox, view);
    return view;
}

static void leave(struct view *view)
{
    if (view->mailbox)
        mailbox_remove_view(view->mailbox, view);
    view->mailbox = NULL;
}

void view_free(struct view *view)
{
    if (!view)
        return;
    leave(view);
    uid_set_clear(&view->ghosts);
    uid_set_clear(&view->recent);
    seqset_clear(&view->saved);
    free(view->exact);
    free(view);
}

void view_end(struct view *view, const char *reason)
{
    leave(view);
    view->ops->ended(view->owner, reason);
}

void view_message_gone(struct view *view, uint32_t uid)
{
    if (uid > view->told)
        return;
    if (uid_set_add(&view->ghosts, uid))
        view->ops->changed(view->owner, VIEW_CHANGED_NUMBERS);
    else
        view_end(view, "Out of memory");
}

/* --- numbers */

uint32_t view_exists(const struct view *view)
{
    return uid_map_rank(&view->mailbox->map, view->told) + (uint32_t)view->ghosts.count;
}

bool view_is_ghost(const struct view *view, uint32_t uid)
{
    return uid_set_contains(&view->ghosts, uid);
}

bool view_counts(const struct view *view, uint32_t uid)
{
    return uid != 0 && uid <= view->told && (view_is_ghost(view, uid) || uid_map_find(&view->mailbox->map, uid));
}

uint32_t view_number(const struct view *view, uint32_t uid)
{
    size_t below = uid_set_below(&view->ghosts, uid);
    bool ghost = uid_set_contains(&view->ghosts, uid);
    uint32_t rank = uid_map_rank(&view->mailbox->map, uid);

    /* A number for a message that the view does not count would be another message's. */
    assert(uid <= view->told && (ghost || (rank > 0 && uid_map_at(&view->mailbox->map, rank - 1)->uid == uid)));
    return rank + (uint32_t)below + (ghost ? 1 : 0);
}

/* The number of the ghost with this index: the living below it, the ghosts below it, and itself. */
static uint32_t ghost_number(const struct view *view, size_t index)
{
    return uid_map_rank(&view->mailbox->map, uid_set_at(&view->ghosts, index)) + (uint32_t)index + 1;
}

/* How many ghosts have a number < number. */
static size_t ghosts_before(const struct view *view, uint32_t number)
{
    size_t low = 0, high = view->ghosts.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ghost_number(view, middle) < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t view_uid(const struct view *view, uint32_t number)
{
    size_t before = ghosts_before(view, number);

    assert(number >= 1 && number <= view_exists(view));
    if (before < view->ghosts.count && ghost_number(view, before) == number)
        return uid_set_at(&view->ghosts, before);
    return uid_map_at(&view->mailbox->map, number - 1 - (uint32_t)before)->uid;
}

uint32_t view_last_uid(const struct view *view)
{
    uint32_t exists = view_exists(view);
    return exists ? view_uid(view, exists) : 0;
}

/* Walks living messages and ghosts together, in the order of their UIDs. */
bool view_counted_uids(const struct view *view, uint32_t low, uint32_t high, struct seqset *uids)
{
    const struct uid_map *map = &view->mailbox->map;
    uint32_t from, to, ghost;

    if (high > view->told)
        high = view->told;
    if (low == 0)
        low = 1;
    if (low > high)
        return true;
    from = uid_map_rank(map, low - 1);
    to = uid_map_rank(map, high);
    ghost = uid_set_next(&view->ghosts, low - 1);
    while (from < to || (ghost != 0 && ghost <= high)) {
        uint32_t living = from < to ? uid_map_at(map, from)->uid : UINT32_MAX;
        bool take_ghost = ghost != 0 && ghost <= high && (from == to || ghost < living);
        if (!seqset_add(uids, take_ghost ? ghost : living))
            return false;
        if (take_ghost)
            ghost = uid_set_next(&view->ghosts, ghost);
        else
            from++;
    }
    return true;
}

bool view_uids(const struct view *view, uint32_t low, uint32_t high, struct seqset *uids)
{
    return view_counted_uids(view, view_uid(view, low), view_uid(view, high), uids);
}

/* --- what a search has saved */

void view_save(struct view *view, struct seqset *uids)
{
    seqset_clear(&view->saved);
    view->saved = *uids;
    *uids = (struct seqset){0};
}

/* A UID never comes back: what has gone need not be taken out at that time. */
bool view_saved_uids(const struct view *view, struct seqset *uids)
{
    return uid_map_intersect(&view->mailbox->map, &view->saved, uids);
}

/* --- arrivals */

bool view_has_arrivals(const struct view *view)
{
    const struct message *last = uid_map_last(&view->mailbox->map);
    return last && last->uid > view->told;
}

bool view_tell_arrivals(struct view *view)
{
    if (!view_has_arrivals(view))
        return false;
    view->told = uid_map_last(&view->mailbox->map)->uid;
    view_take_recent(view);
    return true;
}

/* --- \Recent */

bool view_shows_recent(const struct view *view, uint32_t uid)
{
    return uid_set_contains(&view->recent, uid) ||
           (view->read_only && uid_set_contains(&view->mailbox->recent_free, uid));
}

uint32_t view_recent(const struct view *view)
{
    size_t count = view->recent.count;

    if (view->read_only)
        count += uid_set_below(&view->mailbox->recent_free, view->told + 1);
    return (uint32_t)count;
}

bool view_recent_differs(const struct view *view)
{
    return view_recent(view) != view->recent_told;
}

uint32_t view_tell_recent(struct view *view)
{
    view->recent_told = view_recent(view);
    return view->recent_told;
}

bool view_recent_uids(const struct view *view, struct seqset *uids)
{
    const struct uid_set *free = &view->mailbox->recent_free;

    for (uint32_t uid = 0; (uid = uid_set_next(&view->recent, uid)) != 0;) {
        if (!seqset_add(uids, uid))
            return false;
    }
    for (uint32_t uid = 0; view->read_only && (uid = uid_set_next(free, uid)) != 0 && uid <= view->told;) {
        if (!seqset_add(uids, uid))
            return false;
    }
    return true;
}

/* --- ghosts */

bool view_has_ghosts(const struct view *view)
{
    return view->ghosts.count > 0;
}

uint32_t view_first_ghost(const struct view *view)
{
    assert(view->ghosts.count > 0);
    return uid_set_at(&view->ghosts, 0);
}

uint32_t view_next_ghost(const struct view *view, uint32_t uid)
{
    return uid_set_next(&view->ghosts, uid);
}

uint32_t view_end_ghost(struct view *view, uint32_t uid)
{
    uint32_t number = view_number(view, uid);
    bool was_there = uid_set_remove(&view->ghosts, uid);

    assert(was_there);
    uid_set_remove(&view->recent, uid);
    return number;
}

/* --- flags */

static size_t exact_below(const struct view *view, uint32_t uid)
{
    size_t low = 0, high = view->exact_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (view->exact[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool view_flags_untold(const struct view *view, const struct message *message)
{
    size_t at;

    if (message->uid > view->told || message->changed <= view->flags_told)
        return false;
    at = exact_below(view, message->uid);
    return at == view->exact_count || view->exact[at].uid != message->uid ||
           view->exact[at].changed != message->changed;
}

struct message *view_next_untold(const struct view *view, uint32_t uid)
{
    const struct uid_map *map = &view->mailbox->map;

    if (view->flags_told == view->mailbox->counter)
        return NULL;
    for (uint32_t i = uid_map_rank(map, uid); i < map->count; i++) {
        struct message *message = uid_map_at(map, i);
        if (message->uid > view->told)
            return NULL;
        if (view_flags_untold(view, message))
            return message;
    }
    return NULL;
}

static bool grow_exact(struct view *view)
{
    size_t capacity = view->exact_capacity ? view->exact_capacity * 2 : 16;
    struct view_exact *exact;

    if (view->exact_count < view->exact_capacity)
        return true;
    exact = reallocarray(view->exact, capacity, sizeof(*exact));
    if (!exact)
        return false;
    view->exact = exact;
    view->exact_capacity = capacity;
    return true;
}

bool view_note_told(struct view *view, const struct message *message)
{
    size_t at = exact_below(view, message->uid);

    if (message->changed <= view->flags_told)
        return true;
    if (at < view->exact_count && view->exact[at].uid == message->uid) {
        view->exact[at].changed = message->changed;
        return true;
    }
    if (!grow_exact(view))
        return false;
    memmove(view->exact + at + 1, view->exact + at, (view->exact_count - at) * sizeof(*view->exact));
    view->exact[at] = (struct view_exact){message->uid, message->changed};
    view->exact_count++;
    return true;
}

void view_all_flags_told(struct view *view)
{
    view->flags_told = view->mailbox->counter;
    free(view->exact);
    view->exact = NULL;
    view->exact_count = view->exact_capacity = 0;
}

bool view_needs_flags_line(const struct view *view, const struct message *message)
{
    const struct keywords *keywords = view->mailbox->keywords;
    size_t told = view->keywords_replaced == keywords_replaced(keywords) ? view->keywords_told : 0;

    return keywords_reach(keywords, message->keywords) > told;
}

void view_flags_line_told(struct view *view)
{
    view->keywords_told = keywords_count(view->mailbox->keywords);
    view->keywords_replaced = keywords_replaced(view->mailbox->keywords);
}

/* --- mod-sequences */

void view_brings_flags(struct view *view)
{
    if (view->brought == 0 && view->has_modseqs)
        view->brought = view->begun_with;
}

bool view_may_know_otherwise(const struct view *view, const struct message *message)
{
    return message->uid <= view->brought && (message->modseq == 0 || message->modseq > view->modseq);
}

void view_show_modseq(struct view *view, uint64_t modseq)
{
    if (modseq > view->modseq_shown)
        view->modseq_shown = modseq;
}

static bool all_is_told(const struct view *view)
{
    return !view_has_ghosts(view) && !view_has_arrivals(view) && view->flags_told == view->mailbox->counter;
}

/* Where the server's mod-sequences have begun again, the former one stays until all has been told: who comes back with
 * one that is too high is told everything. */
bool view_settle_modseq(struct view *view)
{
    uint64_t highest = mailbox_highestmodseq(view->mailbox), before = view->modseq;
    bool told = all_is_told(view), fallen = told && highest != 0 && highest < view->modseq, misled;

    if (fallen)
        view->modseq = highest;
    else if (told && !view->mailbox->nomodseq && view->mailbox->modseq > view->modseq)
        view->modseq = view->mailbox->modseq;
    misled = view->modseq_shown > view->modseq || fallen;
    view->modseq_shown = 0;
    if (!misled && (!view->modseq_lowered || view->modseq == before))
        return false;
    view->modseq_lowered = misled;
    return true;
}
