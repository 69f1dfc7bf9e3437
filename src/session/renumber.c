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

enum renumber_result renumber_set(const struct view *view, struct slice written, bool uid, struct seqset *uids)
{
    struct seqset set = {0}, resolved = {0};
    enum renumber_result result = RENUMBER_OK;
    enum seqset_result parsed = seqset_parse(written, &set);
    uint32_t star = uid ? view_last_uid(view) : view_exists(view);

    if (parsed != SEQSET_OK)
        result = parsed == SEQSET_BAD ? RENUMBER_BAD_SET : RENUMBER_NO_MEMORY;
    else if (!uid && (star == 0 || seqset_highest(&set) > star))
        result = RENUMBER_NO_MESSAGE;
    else if (!seqset_resolve(&set, star, &resolved))
        result = RENUMBER_NO_MEMORY;
    else
        result = uid ? add_uids(view, &resolved, uids) : add_numbers(view, &resolved, uids);
    seqset_clear(&set);
    seqset_clear(&resolved);
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

static bool search_numbers(void *context, struct slice written, struct seqset *ranges)
{
    const struct view *view = context;
    struct seqset set = {0}, resolved = {0};
    uint32_t exists = view_exists(view);
    bool ok = seqset_parse(written, &set) == SEQSET_OK && seqset_resolve(&set, exists, &resolved);

    for (size_t i = 0; ok && i < resolved.count; i++) {
        struct seqrange range = resolved.ranges[i];
        if (range.low <= exists)
            ok = add_living(view, view_uid(view, range.low), view_uid(view, range.high < exists ? range.high : exists),
                            ranges);
    }
    seqset_clear(&set);
    seqset_clear(&resolved);
    return ok;
}

static bool search_uids(void *context, struct slice written, struct seqset *ranges)
{
    const struct view *view = context;
    struct seqset set = {0}, resolved = {0};
    bool ok = seqset_parse(written, &set) == SEQSET_OK && seqset_resolve(&set, view_last_uid(view), &resolved);

    for (size_t i = 0; ok && i < resolved.count; i++)
        ok = add_living(view, resolved.ranges[i].low, resolved.ranges[i].high, ranges);
    seqset_clear(&set);
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
        if (view_counts(view, at) && !seqset_add(numbers, uid ? at : view_number(view, at)))
            return false;
    }
    return true;
}
