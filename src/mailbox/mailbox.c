/* The truth of one mailbox and the upstream's numbering of it: map, then tail. The upstream's answers come in here
 * first and are checked against both. Every view learns its news from here. Never logs, never asks, never guesses: an
 * answer that does not fit is MAILBOX_BROKEN and the caller resynchronises. */
#include "mailbox/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "imap/object_id.h"
#include "mailbox/view.h"

struct mailbox *mailbox_new(struct slice name)
{
    struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

    if (!mailbox)
        return NULL;
    mailbox->name = slice_copy(name);
    mailbox->keywords = keywords_new();
    mailbox->looked_at = mailbox->flags_at = MAILBOX_NEVER;
    if (mailbox->name && mailbox->keywords)
        return mailbox;
    mailbox_free(mailbox);
    return NULL;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    uid_map_clear(&mailbox->map);
    uid_set_clear(&mailbox->recent_free);
    uid_set_clear(&mailbox->recent_taken);
    keywords_free(mailbox->keywords);
    free(mailbox->tail);
    free(mailbox->object_id);
    free(mailbox->name);
    free(mailbox);
}

void mailbox_take_object_id(struct mailbox *mailbox, const struct value *list)
{
    char *id = object_id_is_told(list) ? slice_copy(list->first->text) : NULL;

    if (!id)
        return;
    free(mailbox->object_id);
    mailbox->object_id = id;
}

void mailbox_reset(struct mailbox *mailbox)
{
    uid_map_clear(&mailbox->map);
    mailbox->known = mailbox->flags_urgent = false;
    mailbox->flags_due = 0;
    mailbox_out_of_step(mailbox);
    mailbox_recent_forget(mailbox);
    mailbox->uidvalidity = mailbox->uidnext = mailbox->uidnext_left = mailbox->first_unseen = 0;
    mailbox->uidnext_status = 0;
    mailbox->left_with_flags = false;
    mailbox->modseq = mailbox->modseq_pending = mailbox->modseq_said = mailbox->modseq_selected = 0;
}

void mailbox_end_views(struct mailbox *mailbox, const char *reason, const struct view *except)
{
    struct view *view, *next;

    DL_FOREACH_SAFE (mailbox->views, view, next) {
        if (view != except)
            view_end(view, reason);
    }
}

void mailbox_add_view(struct mailbox *mailbox, struct view *view)
{
    DL_APPEND(mailbox->views, view);
}

void mailbox_remove_view(struct mailbox *mailbox, struct view *view)
{
    DL_DELETE(mailbox->views, view);
}

void mailbox_poke(struct mailbox *mailbox, enum view_change change)
{
    struct view *view, *next;

    DL_FOREACH_SAFE (mailbox->views, view, next) {
        view->ops->changed(view->owner, change);
    }
}

uint32_t mailbox_upstream_exists(const struct mailbox *mailbox)
{
    return mailbox->map.count + (uint32_t)mailbox->tail_count;
}

void mailbox_drop_tail(struct mailbox *mailbox)
{
    free(mailbox->tail);
    mailbox->tail = NULL;
    mailbox->tail_first = mailbox->tail_count = mailbox->tail_named = mailbox->tail_capacity = 0;
}

/* --- flags */

/* Forgets the keywords that no message carries; `permanent`: those of PERMANENTFLAGS as well. */
static void sweep_keywords(struct mailbox *mailbox, bool permanent)
{
    for (uint32_t i = 0; i < mailbox->map.count; i++)
        keywords_mark(mailbox->keywords, uid_map_at(&mailbox->map, i)->keywords);
    for (size_t i = 0; i < mailbox->tail_count; i++)
        keywords_mark(mailbox->keywords, mailbox->tail[mailbox->tail_first + i].keywords);
    if (permanent)
        mailbox->permanent_keywords = 0;
    keywords_mark(mailbox->keywords, mailbox->permanent_keywords);
    keywords_sweep(mailbox->keywords);
}

bool mailbox_takes_keywords(struct mailbox *mailbox, const struct flag_list *flags)
{
    if (!keywords_lack_room(mailbox->keywords, flags->keywords, flags->keyword_count))
        return true;
    sweep_keywords(mailbox, false);
    if (keywords_lack_room(mailbox->keywords, flags->keywords, flags->keyword_count))
        sweep_keywords(mailbox, true);
    return !keywords_lack_room(mailbox->keywords, flags->keywords, flags->keyword_count);
}

/* Where room is made in vain it is not tried again for each message. */
static void make_room(struct mailbox *mailbox, const struct flag_list *flags)
{
    if (flags->keyword_count == 0 || !keywords_lack_room(mailbox->keywords, flags->keywords, flags->keyword_count))
        return;
    if (mailbox->keywords_refused++ <= mailbox->map.count && mailbox->keywords_refused > 1)
        return;
    mailbox->keywords_refused = !mailbox_takes_keywords(mailbox, flags);
}

/* Returns the flags in the form stored with a message. *keywords: the message's former set. */
static bool intern_flags(struct mailbox *mailbox, const struct flag_list *flags, uint8_t *system, uint32_t *keywords)
{
    *system = (uint8_t)(flags->system & ~(unsigned)FLAG_RECENT);
    make_room(mailbox, flags);
    return keywords_intern(mailbox->keywords, flags->keywords, flags->keyword_count, keywords);
}

/* No message's mod-sequence ever falls: the server has begun them again (RFC 7162 section 6). */
static void take_modseq(struct mailbox *mailbox, struct message *message, uint64_t modseq)
{
    if (modseq == 0)
        return;
    if (modseq < message->modseq)
        mailbox_forget_modseqs(mailbox);
    message->modseq = modseq;
    if (modseq > mailbox->modseq_pending)
        mailbox->modseq_pending = modseq;
}

static void flags_told(struct mailbox *mailbox, struct message *message)
{
    message->flags_known = true;
    if (!message->flags_due)
        return;
    message->flags_due = false;
    if (--mailbox->flags_due == 0 && mailbox->flags_due_only) {
        mailbox->flags_in_step = true;
        mailbox->flags_due_only = false;
    }
}

/* Has a client brought other flags with it, perhaps? */
static bool may_be_news(const struct mailbox *mailbox, const struct message *message)
{
    const struct view *view;

    DL_FOREACH (mailbox->views, view) {
        if (view_may_know_otherwise(view, message))
            return true;
    }
    return false;
}

/* First knowledge is no change: nobody was told anything else, but for clients that have brought their own. modseq:
 * told with them; 0: none was, and the former one is not that of other flags. */
static void store_flags(struct mailbox *mailbox, struct message *message, uint8_t system, uint32_t keywords,
                        uint64_t modseq)
{
    bool changed = message->flags_known ? message->system != system || message->keywords != keywords
                                        : may_be_news(mailbox, message);

    message->system = system;
    message->keywords = keywords;
    flags_told(mailbox, message);
    if (!changed)
        return;
    if (modseq == 0)
        message->modseq = 0;
    message->changed = ++mailbox->counter;
    mailbox_poke(mailbox, VIEW_CHANGED_FLAGS);
}

void mailbox_flags_untold(struct mailbox *mailbox, struct message *message, bool urgent)
{
    mailbox->flags_due_only = mailbox->flags_in_step || mailbox->flags_due_only;
    mailbox->flags_in_step = false;
    mailbox->flags_urgent |= urgent;
    mailbox->flags_due += !message->flags_due;
    message->flags_due = true;
}

bool mailbox_set_flags(struct mailbox *mailbox, struct message *message, const struct mailbox_flags *flags)
{
    uint8_t system;
    uint32_t keywords = message->keywords;

    take_modseq(mailbox, message, flags->modseq);
    if (!flags->present)
        return true;
    if (!intern_flags(mailbox, &flags->flags, &system, &keywords))
        return false;
    if (flags->flags.system & FLAG_RECENT)
        mailbox_note_recent(mailbox, message->uid);
    store_flags(mailbox, message, system, keywords, flags->modseq);
    return true;
}

/* "\\*" says that keywords may be made; it is none itself. */
static bool take_out_any(struct flag_list *flags)
{
    size_t kept = 0, count = flags->keyword_count;

    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(flags->keywords[i], SLICE("\\*")))
            flags->keywords[kept++] = flags->keywords[i];
    }
    flags->keyword_count = kept;
    return kept != count;
}

void mailbox_take_flag_list(struct mailbox *mailbox, const struct value *list, bool permanent)
{
    struct arena arena;
    struct flag_list flags;
    uint32_t set = mailbox->permanent_keywords;
    bool any;

    arena_init(&arena, (size_t)256 * 1024);
    if (value_is_list(list) && flags_parse(list, &arena, &flags)) {
        any = take_out_any(&flags);
        if (!keywords_intern(mailbox->keywords, flags.keywords, flags.keyword_count, &set)) {
            ; /* out of memory: the former list stays */
        } else if (permanent) {
            mailbox->permanent_system = (uint8_t)(flags.system & ~(unsigned)FLAG_RECENT);
            mailbox->permanent_keywords = set;
            mailbox->permanent_any = any;
            mailbox->permanent_known = true;
        } else {
            mailbox->flags_system = (uint8_t)(flags.system & ~(unsigned)FLAG_RECENT);
        }
    }
    arena_clear(&arena);
}

/* --- the map */

bool mailbox_gone(struct mailbox *mailbox, uint32_t uid)
{
    struct message *message = uid_map_find(&mailbox->map, uid);
    struct view *view, *next;

    if (!message)
        return false;
    flags_told(mailbox, message); /* none are owed any more */
    uid_map_remove(&mailbox->map, uid);
    mailbox->gone_since_select = true;
    mailbox_recent_gone(mailbox, uid);
    DL_FOREACH_SAFE (mailbox->views, view, next) {
        view_message_gone(view, uid);
    }
    return true;
}

static struct message *join(struct mailbox *mailbox, uint32_t uid)
{
    struct message *message = uid_map_append(&mailbox->map, uid);

    if (message && uid >= mailbox->uidnext && mailbox->uidnext != 0)
        mailbox->uidnext = uid == UINT32_MAX ? uid : uid + 1;
    return message;
}

bool mailbox_append(struct mailbox *mailbox, uint32_t uid)
{
    if (!join(mailbox, uid))
        return false;
    mailbox_poke(mailbox, VIEW_CHANGED_NUMBERS);
    return true;
}

/* --- the tail */

static struct tail_entry *tail_at(const struct mailbox *mailbox, size_t at)
{
    return &mailbox->tail[mailbox->tail_first + at];
}

/* The shorter side moves up. */
static void tail_remove(struct mailbox *mailbox, size_t at)
{
    struct tail_entry *first = tail_at(mailbox, 0), *entry = tail_at(mailbox, at);
    size_t behind = --mailbox->tail_count - at;

    mailbox->tail_named -= entry->uid != 0;
    if (at < behind) {
        memmove(first + 1, first, at * sizeof(*first));
        mailbox->tail_first++;
    } else {
        memmove(entry, entry + 1, behind * sizeof(*entry));
    }
    if (mailbox->tail_count == 0)
        mailbox_drop_tail(mailbox);
}

static enum mailbox_result join_first(struct mailbox *mailbox)
{
    struct tail_entry entry = *tail_at(mailbox, 0);
    struct message *message;

    if (entry.uid <= mailbox->map.highest)
        return MAILBOX_BROKEN;
    message = join(mailbox, entry.uid);
    if (!message)
        return MAILBOX_NO_MEMORY;
    tail_remove(mailbox, 0);
    take_modseq(mailbox, message, entry.modseq);
    if (entry.recent)
        mailbox_note_recent(mailbox, entry.uid);
    if (entry.has_flags)
        store_flags(mailbox, message, entry.system, entry.keywords, entry.modseq);
    else
        mailbox_flags_untold(mailbox, message, true);
    return MAILBOX_OK;
}

/* The named entries at the front of the tail join the truth. */
static enum mailbox_result settle(struct mailbox *mailbox)
{
    bool joined = false;

    while (mailbox->tail_count > 0 && tail_at(mailbox, 0)->uid != 0) {
        enum mailbox_result result = join_first(mailbox);
        if (result != MAILBOX_OK)
            return result;
        joined = true;
    }
    if (joined)
        mailbox_poke(mailbox, VIEW_CHANGED_NUMBERS);
    return MAILBOX_OK;
}

/* Room for so many entries in all, from the start of the memory on. */
static bool tail_reserve(struct mailbox *mailbox, size_t count)
{
    size_t capacity = mailbox->tail_capacity ? mailbox->tail_capacity : 8;
    struct tail_entry *tail;

    if (mailbox->tail_first + count <= mailbox->tail_capacity)
        return true;
    if (mailbox->tail_first > 0)
        memmove(mailbox->tail, tail_at(mailbox, 0), mailbox->tail_count * sizeof(*tail));
    mailbox->tail_first = 0;
    while (capacity < count)
        capacity *= 2;
    if (capacity == mailbox->tail_capacity)
        return true;
    tail = reallocarray(mailbox->tail, capacity, sizeof(*tail));
    if (!tail)
        return false;
    mailbox->tail = tail;
    mailbox->tail_capacity = capacity;
    return true;
}

/* More nameless entries at once than any server has reason to announce. */
#define TAIL_MAX 4000000u

enum mailbox_result mailbox_exists(struct mailbox *mailbox, uint32_t count)
{
    uint32_t total = mailbox_upstream_exists(mailbox);

    if (count < total || count - total > TAIL_MAX)
        return MAILBOX_BROKEN;
    if (!tail_reserve(mailbox, mailbox->tail_count + (count - total)))
        return MAILBOX_NO_MEMORY;
    for (uint32_t i = total; i < count; i++)
        *tail_at(mailbox, mailbox->tail_count++) = (struct tail_entry){0};
    (void)mailbox_recent_come(mailbox, count - total);
    return MAILBOX_OK;
}

enum mailbox_result mailbox_expunge(struct mailbox *mailbox, uint32_t number)
{
    if (number == 0 || number > mailbox_upstream_exists(mailbox))
        return MAILBOX_BROKEN;
    if (number <= mailbox->map.count) {
        mailbox_gone(mailbox, uid_map_at(&mailbox->map, number - 1)->uid);
        return MAILBOX_OK;
    }
    tail_remove(mailbox, number - 1 - mailbox->map.count);
    return settle(mailbox);
}

/* A UID above the map that is gone: the entry that carries it, or one nameless entry between its named neighbours. */
static enum mailbox_result tail_vanished(struct mailbox *mailbox, uint32_t uid)
{
    size_t nameless = mailbox->tail_named == 0 && mailbox->tail_count > 0 ? 0 : SIZE_MAX;

    for (size_t i = 0; mailbox->tail_named > 0 && i < mailbox->tail_count; i++) {
        uint32_t at = tail_at(mailbox, i)->uid;
        if (at == uid) {
            tail_remove(mailbox, i);
            return settle(mailbox);
        }
        if (at > uid)
            break;
        if (at != 0)
            nameless = SIZE_MAX; /* a lower named one: no entry before it can be uid */
        else if (nameless == SIZE_MAX)
            nameless = i;
    }
    if (nameless == SIZE_MAX || uid < mailbox->map.highest) /* the neighbour above it has joined the truth meanwhile */
        return MAILBOX_BROKEN;
    tail_remove(mailbox, nameless);
    return settle(mailbox);
}

void mailbox_gone_range(struct mailbox *mailbox, struct seqrange range)
{
    struct message *message;
    uint32_t before = range.low - 1;

    while ((message = uid_map_after(&mailbox->map, before)) && message->uid <= range.high)
        mailbox_gone(mailbox, before = message->uid);
}

static bool tail_names(const struct mailbox *mailbox, uint32_t uid)
{
    for (size_t i = 0; mailbox->tail_named > 0 && i < mailbox->tail_count; i++) {
        if (tail_at(mailbox, i)->uid == uid)
            return true;
    }
    return false;
}

/* Above the map as it was before the range. An entry that was named meanwhile and has joined the map is gone from
 * there. A range may name UIDs that no message ever had: it does not say how many nameless ones have gone. */
static enum mailbox_result vanished_above(struct mailbox *mailbox, struct seqrange range, uint32_t uid)
{
    if (mailbox_gone(mailbox, uid))
        return MAILBOX_OK;
    if (range.low < range.high && !tail_names(mailbox, uid))
        return MAILBOX_BROKEN;
    return tail_vanished(mailbox, uid);
}

enum mailbox_result mailbox_vanished(struct mailbox *mailbox, const struct seqset *uids)
{
    for (size_t i = 0; i < uids->count; i++) {
        struct seqrange range = uids->ranges[i];
        uint32_t floor = mailbox->map.highest; /* a range before this one may have raised it */
        mailbox_gone_range(mailbox, range);
        for (uint64_t uid = range.low > floor ? range.low : (uint64_t)floor + 1; uid <= range.high; uid++) {
            enum mailbox_result result = vanished_above(mailbox, range, (uint32_t)uid);
            if (result != MAILBOX_OK)
                return result;
        }
    }
    return MAILBOX_OK;
}

/* So far to either side a named neighbour is looked for. */
#define NEIGHBOURHOOD 64

/* May the entry at `at` carry this UID, as its nearest named neighbours stand? One that is farther away is compared
 * when both join the truth, where UIDs must ascend. */
static bool tail_may_be(const struct mailbox *mailbox, size_t at, uint32_t uid)
{
    uint32_t before = mailbox->map.highest, behind = 0;

    if (tail_at(mailbox, at)->uid != 0)
        return tail_at(mailbox, at)->uid == uid;
    for (size_t i = 1; i <= NEIGHBOURHOOD && i <= at; i++) {
        if (tail_at(mailbox, at - i)->uid != 0) {
            before = tail_at(mailbox, at - i)->uid;
            break;
        }
    }
    for (size_t i = 1; i <= NEIGHBOURHOOD && at + i < mailbox->tail_count && behind == 0; i++)
        behind = tail_at(mailbox, at + i)->uid;
    return before < uid && (behind == 0 || uid < behind);
}

static enum mailbox_result name_entry(struct mailbox *mailbox, size_t at, uint32_t uid,
                                      const struct mailbox_flags *flags)
{
    struct tail_entry *entry = tail_at(mailbox, at);

    if (!tail_may_be(mailbox, at, uid))
        return MAILBOX_BROKEN;
    mailbox->tail_named += entry->uid == 0;
    entry->uid = uid;
    if (flags->modseq)
        entry->modseq = flags->modseq;
    if (flags->present) {
        if (!intern_flags(mailbox, &flags->flags, &entry->system, &entry->keywords))
            return MAILBOX_NO_MEMORY;
        entry->recent = (flags->flags.system & FLAG_RECENT) != 0;
        entry->has_flags = true;
    }
    return settle(mailbox);
}

static enum mailbox_result tail_fetch(struct mailbox *mailbox, size_t at, uint32_t uid,
                                      const struct mailbox_flags *flags, uint32_t *found)
{
    enum mailbox_result result;

    if (uid == 0)
        uid = tail_at(mailbox, at)->uid;
    if (uid == 0)
        return MAILBOX_IGNORED;
    *found = uid;
    result = name_entry(mailbox, at, uid, flags);
    if (result == MAILBOX_OK && !uid_map_find(&mailbox->map, uid))
        return MAILBOX_IGNORED;
    return result;
}

enum mailbox_result mailbox_fetch(struct mailbox *mailbox, uint32_t number, uint32_t uid,
                                  const struct mailbox_flags *flags, uint32_t *found)
{
    struct message *message;

    *found = 0;
    if (number == 0 || number > mailbox_upstream_exists(mailbox))
        return MAILBOX_BROKEN;
    if (number > mailbox->map.count)
        return tail_fetch(mailbox, number - 1 - mailbox->map.count, uid, flags, found);
    message = uid_map_at(&mailbox->map, number - 1);
    if (uid != 0 && uid != message->uid)
        return MAILBOX_BROKEN;
    *found = message->uid;
    return mailbox_set_flags(mailbox, message, flags) ? MAILBOX_OK : MAILBOX_NO_MEMORY;
}
