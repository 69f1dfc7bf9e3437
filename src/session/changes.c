/* See changes.h. */
#include "session/changes.h"

#include "mailbox/mailbox.h"

void changes_clear(struct changes *changes)
{
    seqset_clear(&changes->asked);
    seqset_clear(&changes->changed);
    seqset_clear(&changes->gone);
    *changes = (struct changes){0};
}

bool changes_read_modseq(const struct value *value, uint64_t *modseq)
{
    return value_number(value, INT64_MAX, modseq) && *modseq > 0;
}

/* Those that live and have a higher mod-sequence than `above`, or an unknown one. */
static bool add_from_truth(struct changes *changes, const struct mailbox *mailbox, uint64_t above)
{
    struct seqset living = {0};
    struct seqset_walk walk;
    uint32_t uid;
    bool ok = uid_map_intersect(&mailbox->map, &changes->asked, &living);

    seqset_walk_start(&walk, &living);
    while (ok && seqset_walk_next(&walk, &uid)) {
        uint64_t modseq = uid_map_find(&mailbox->map, uid)->modseq;
        if (modseq == 0 || modseq > above)
            ok = seqset_add(&changes->changed, uid);
    }
    seqset_clear(&living);
    return ok;
}

/* The set that the server is asked about. Where it is too long to be written, all between its ends. */
static bool write_set(const struct changes *changes, const struct session *session, const struct mailbox *mailbox,
                      struct outgoing *out)
{
    struct seqset living = {0}, all = {0};
    const struct seqset *set = &changes->asked;
    bool ok = true;

    if (!changes->vanished) {
        ok = uid_map_intersect_dense(&mailbox->map, &changes->asked, &living);
        set = &living;
    }
    if (ok && set->count > 0 && seqset_fitting(set, session_settings(session)->upstream_command_max) < set->count) {
        ok = seqset_add_range(&all, set->ranges[0].low, set->ranges[set->count - 1].high);
        set = &all;
    }
    if (ok && set->count > 0)
        outgoing_set(out, set);
    ok = ok && set->count > 0;
    seqset_clear(&living);
    seqset_clear(&all);
    return ok;
}

/* The server has none where it has refused to enable them. One above its highest says nothing: they have begun again
 * there (RFC 7162 section 6). */
static bool is_void(const struct changes *changes, const struct session *session, const struct mailbox *mailbox)
{
    return changes->since > mailbox_highestmodseq(mailbox) || !account_wants_modseq(session_account(session), mailbox);
}

static enum job_turn write_question(const struct changes *changes, const struct session *session,
                                    const struct mailbox *mailbox, struct outgoing *out)
{
    outgoing_text(out, "UID FETCH ");
    if (!write_set(changes, session, mailbox, out))
        return JOB_REFUSE;
    outgoing_text(out,
                  account_wants_modseq(session_account(session), mailbox) ? " (UID FLAGS MODSEQ)" : " (UID FLAGS)");
    if (is_void(changes, session, mailbox))
        return JOB_SEND;
    outgoing_text(out, " (CHANGEDSINCE ");
    outgoing_number(out, changes->since);
    outgoing_text(out, changes->vanished && !changes->gone_untold ? " VANISHED)" : ")");
    return JOB_SEND;
}

enum job_turn changes_build(struct changes *changes, const struct session *session, const struct mailbox *mailbox,
                            struct outgoing *out)
{
    bool void_since = is_void(changes, session, mailbox);

    seqset_clear(&changes->changed);
    seqset_clear(&changes->gone);
    changes->gone_untold =
        changes->vanished && (void_since || !account_tells_vanished(session_account(session), mailbox));
    if (changes->asked.count == 0 || (mailbox->map.count == 0 && (!changes->vanished || changes->gone_untold)))
        return JOB_NOTHING;
    if (mailbox_is_known_since(mailbox, changes->since) ||
        (void_since && account_flags_in_step(session_account(session), mailbox)))
        return add_from_truth(changes, mailbox, void_since ? 0 : changes->since) ? JOB_NOTHING : JOB_REFUSE;
    return write_question(changes, session, mailbox, out);
}

void changes_fetch(struct changes *changes, uint32_t uid, struct output *output)
{
    if (seqset_contains(&changes->asked, uid))
        output_check(output, seqset_add(&changes->changed, uid));
}

void changes_untagged(struct changes *changes, const struct response *response, struct output *output)
{
    const struct value *earlier = response->arguments;
    struct seqset told = {0};

    if (response->kind != RESPONSE_VANISHED || !changes->vanished || !value_is_list(earlier))
        return;
    switch (response_uid_set(earlier->next, &told)) {
    case SEQSET_OK:
        for (size_t i = 0; i < told.count; i++)
            output_check(output, seqset_add_range(&changes->gone, told.ranges[i].low, told.ranges[i].high));
        break;
    case SEQSET_BAD: /* which have gone is not known */
        changes->gone_untold = true;
        break;
    case SEQSET_TOO_BIG:
        output_fail(output);
        break;
    }
    seqset_clear(&told);
}

/* Adds the numbers of low..high that the view does not count and that do not live: ranges between those that do. */
static bool add_absent(const struct view *view, uint32_t low, uint32_t high, struct seqset *absent)
{
    while (low <= high) {
        const struct message *message = uid_map_after(&view->mailbox->map, low - 1);
        uint32_t ghost = view_next_ghost(view, low - 1), stop = message ? message->uid : UINT32_MAX;

        if (ghost != 0 && ghost < stop)
            stop = ghost;
        if (!message && ghost == 0)
            return seqset_add_range(absent, low, high);
        if (stop > low && !seqset_add_range(absent, low, stop - 1 < high ? stop - 1 : high))
            return false;
        if (stop >= high)
            return true;
        low = stop + 1;
    }
    return true;
}

/* Of the ranges of `of`, as far as UIDs have been given at all. */
static bool keep_absent(const struct view *view, const struct seqset *of, struct seqset *absent)
{
    uint32_t next = view->mailbox->uidnext, last = view->mailbox->map.highest;
    bool ok = true;

    if (next > last)
        last = next - 1;
    for (size_t i = 0; ok && i < of->count && of->ranges[i].low <= last; i++)
        ok = add_absent(view, of->ranges[i].low, of->ranges[i].high < last ? of->ranges[i].high : last, absent);
    return ok;
}

static bool settle_gone(struct changes *changes, const struct view *view)
{
    struct seqset named = {0}, absent = {0};
    bool ok;

    if (!changes->vanished)
        return true;
    ok = changes->gone_untold || seqset_intersect(&changes->asked, &changes->gone, &named);
    ok = ok && keep_absent(view, changes->gone_untold ? &changes->asked : &named, &absent);
    seqset_clear(&named);
    seqset_clear(&changes->gone);
    changes->gone = absent;
    return ok;
}

bool changes_settle(struct changes *changes, const struct view *view)
{
    struct seqrange range = {1, view->told}; /* what is above is told as an arrival */
    struct seqset counted = {.ranges = &range, .count = view->told > 0, .capacity = 1}, told = {0}, living = {0};
    bool ok = seqset_intersect(&changes->changed, &counted, &told) &&
              uid_map_intersect(&view->mailbox->map, &told, &living) && settle_gone(changes, view);

    seqset_clear(&told);
    seqset_clear(&changes->changed);
    changes->changed = living;
    return ok;
}

void changes_tell_gone(const struct changes *changes, struct output *output)
{
    if (changes->gone.count == 0)
        return;
    output_format(output, "* VANISHED (EARLIER) ");
    output_check(output, seqset_print(&changes->gone, output->bytes));
    output_format(output, "\r\n");
}
