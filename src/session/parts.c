/* See parts.h. */
#include "session/parts.h"

void parts_clear(struct parts *parts)
{
    seqset_clear(&parts->left);
    parts->in_flight = 0;
}

bool parts_take(struct parts *parts, size_t octets, struct seqset *part)
{
    const struct seqset *left = &parts->left;
    size_t fitting = seqset_fitting(left, octets);

    for (size_t i = 0; i < fitting; i++) {
        if (!seqset_add_range(part, left->ranges[i].low, left->ranges[i].high))
            return false;
    }
    parts->in_flight = fitting;
    return true;
}

bool parts_add_deleted(struct parts *parts, const struct view *view)
{
    const struct message *message;
    uint32_t uid = 0;

    while ((message = uid_map_after(&view->mailbox->map, uid)) && message->uid <= view->told) {
        uid = message->uid;
        if ((message->system & FLAG_DELETED) != 0 && !seqset_add(&parts->left, uid))
            return false;
    }
    return true;
}

bool parts_knows_deleted(const struct view *view)
{
    const struct message *message;
    uint32_t uid = 0;

    while ((message = uid_map_after(&view->mailbox->map, uid)) && message->uid <= view->told) {
        uid = message->uid;
        if (!message->flags_known)
            return false;
    }
    return true;
}

void parts_take_all(struct parts *parts)
{
    parts->in_flight = parts->left.count;
}

void parts_done(struct parts *parts)
{
    struct seqset *left = &parts->left;

    for (size_t i = parts->in_flight; i < left->count; i++)
        left->ranges[i - parts->in_flight] = left->ranges[i];
    left->count -= parts->in_flight;
    parts->in_flight = 0;
}

enum job_turn parts_build_expunge(struct parts *parts, const struct uid_map *map, size_t octets, bool uidplus,
                                  struct outgoing *out)
{
    struct seqset part = {0}, living = {0};
    enum job_turn turn = JOB_SEND;

    if (!parts_take(parts, octets, &part) || !uid_map_intersect(map, &part, &living)) {
        turn = JOB_REFUSE;
    } else if (living.count == 0) {
        turn = JOB_NOTHING;
    } else if (uidplus) {
        outgoing_text(out, "UID EXPUNGE ");
        outgoing_set(out, &living);
    } else {
        outgoing_text(out, "EXPUNGE");
        parts_take_all(parts);
    }
    seqset_clear(&part);
    seqset_clear(&living);
    return turn;
}
