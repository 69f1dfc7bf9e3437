/* Numbers and UIDs as clients write them, into UIDs of a view, and back. Called at the command's turn. Nothing here
 * tells anything. */
#include "session/renumber.h"

#include <stdlib.h>

#include "mailbox/mailbox.h"

const char *renumber_fault(enum renumber_result result)
{
    switch (result) {
    case RENUMBER_OK:
        return NULL;
    case RENUMBER_BAD_SET:
        return "This is not a set of message numbers";
    case RENUMBER_NO_MESSAGE:
        return "There is no message with this number";
    case RENUMBER_NO_MEMORY:
        return "Out of memory";
    }
    abort();
}

static enum renumber_result add_numbers(const struct view *view, const struct seqset *resolved, struct seqset *uids)
{
    uint32_t exists = view_exists(view);

    for (size_t i = 0; i < resolved->count; i++) {
        if (resolved->ranges[i].low == 0 || resolved->ranges[i].high > exists)
            return RENUMBER_NO_MESSAGE;
        if (!view_uids(view, resolved->ranges[i].low, resolved->ranges[i].high, uids))
            return RENUMBER_NO_MEMORY;
    }
    return resolved->count > 0 ? RENUMBER_OK : RENUMBER_NO_MESSAGE;
}

static enum renumber_result add_uids(const struct view *view, const struct seqset *resolved, struct seqset *uids)
{
    for (size_t i = 0; i < resolved->count; i++) {
        if (!view_counted_uids(view, resolved->ranges[i].low, resolved->ranges[i].high, uids))
            return RENUMBER_NO_MEMORY;
    }
    return RENUMBER_OK;
}

static enum renumber_result add_set(const struct view *view, const struct seqset *set, bool uid, struct seqset *uids)
{
    struct seqset resolved = {0};
    enum renumber_result result;
    uint32_t star = uid ? view_last_uid(view) : view_exists(view);

    if (!uid && (star == 0 || seqset_highest(set) > star))
        return RENUMBER_NO_MESSAGE;
    if (!seqset_resolve(set, star, &resolved))
        return RENUMBER_NO_MEMORY;
    result = uid ? add_uids(view, &resolved, uids) : add_numbers(view, &resolved, uids);
    seqset_clear(&resolved);
    return result;
}

static enum renumber_result parse(struct slice written, struct seqset *set, bool *saved)
{
    switch (seqset_parse_saved(written, set, saved)) {
    case SEQSET_OK:
        return RENUMBER_OK;
    case SEQSET_BAD:
        return RENUMBER_BAD_SET;
    case SEQSET_TOO_BIG:
        break;
    }
    return RENUMBER_NO_MEMORY;
}

enum renumber_result renumber_set(const struct view *view, struct slice written, bool uid, struct seqset *uids)
{
    struct seqset set = {0};
    bool saved;
    enum renumber_result result = parse(written, &set, &saved);

    if (result == RENUMBER_OK && set.count > 0)
        result = add_set(view, &set, uid, uids);
    if (result == RENUMBER_OK && saved && !view_saved_uids(view, uids))
        result = RENUMBER_NO_MEMORY;
    seqset_clear(&set);
    return result;
}

enum renumber_result renumber_unclipped(const struct view *view, struct slice written, struct seqset *uids)
{
    struct seqset set = {0};
    bool saved;
    enum renumber_result result = parse(written, &set, &saved);

    if (result == RENUMBER_OK &&
        (!seqset_resolve(&set, view_last_uid(view), uids) || (saved && !view_saved_uids(view, uids))))
        result = RENUMBER_NO_MEMORY;
    seqset_clear(&set);
    return result;
}

/* --- SEARCH */

/* Adds the living between two UIDs that the view counts, as a range: each key costs the same, however many they are. */
static bool add_living(const struct view *view, uint32_t low, uint32_t high, struct seqset *ranges)
{
    struct seqrange range = {low, high < view->told ? high : view->told};
    struct seqset one = {.ranges = &range, .count = 1, .capacity = 1};

    return range.low > range.high || uid_map_intersect_dense(&view->mailbox->map, &one, ranges);
}

/* What was written, resolved; `$` has been added to `ranges` then. */
static bool resolve(const struct view *view, struct slice written, uint32_t star, struct seqset *resolved,
                    struct seqset *ranges)
{
    struct seqset set = {0};
    bool saved;
    bool ok = parse(written, &set, &saved) == RENUMBER_OK && seqset_resolve(&set, star, resolved) &&
              (!saved || uid_map_intersect_dense(&view->mailbox->map, &view->saved, ranges));

    seqset_clear(&set);
    return ok;
}

static bool search_numbers(void *context, struct slice written, struct seqset *ranges)
{
    const struct view *view = context;
    struct seqset resolved = {0};
    uint32_t exists = view_exists(view);
    bool ok = resolve(view, written, exists, &resolved, ranges);

    for (size_t i = 0; ok && i < resolved.count; i++) {
        struct seqrange range = resolved.ranges[i];
        if (range.low <= exists)
            ok = add_living(view, view_uid(view, range.low), view_uid(view, range.high < exists ? range.high : exists),
                            ranges);
    }
    seqset_clear(&resolved);
    return ok;
}

static bool search_uids(void *context, struct slice written, struct seqset *ranges)
{
    const struct view *view = context;
    struct seqset resolved = {0};
    bool ok = resolve(view, written, view_last_uid(view), &resolved, ranges);

    for (size_t i = 0; ok && i < resolved.count; i++)
        ok = add_living(view, resolved.ranges[i].low, resolved.ranges[i].high, ranges);
    seqset_clear(&resolved);
    return ok;
}

static bool search_recent(void *context, struct seqset *uids)
{
    return view_recent_uids(context, uids);
}

struct search_translation renumber_search(const struct view *view)
{
    return (struct search_translation){
        .numbers = search_numbers, .uids = search_uids, .recent = search_recent, .context = (void *)(uintptr_t)view};
}

bool renumber_back(const struct view *view, const struct seqset *uids, bool uid, struct seqset *numbers)
{
    struct seqset_walk walk;
    uint32_t at;

    seqset_walk_start(&walk, uids);
    while (seqset_walk_next(&walk, &at)) {
        if (view_counts(view, at) && !seqset_write_next(numbers, uid ? at : view_number(view, at)))
            return false;
    }
    return true;
}
