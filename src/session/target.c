/* What several commands do to messages and mailboxes. After APPEND, COPY and MOVE whoever looks at the target is told
 * soon, and the asker's own OK waits for the new message to be learned, a second at most, so that its next command
 * finds it. Sets of UIDs that do not fit one command go upstream in parts. */
#include "session/state.h"

static void learned(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    (void)result;
    session->job = NULL;
    session->run_until = USEC_NEVER;
    session->after_target(session);
}

static const struct job_ops look_ops = {.done = learned};

static void too_late(struct session *session)
{
    if (session->job)
        job_abandon(session->job);
    session->job = NULL;
    session->after_target(session);
}

void target_changed(struct session *session, struct slice name, void (*then)(struct session *session))
{
    struct mailbox *mailbox = account_find_mailbox(session->account, name);
    struct job look = {.ops = &look_ops, .owner = session, .title = "look", .goal = JOB_LOOK, .policy = POLICY_LOOK};

    if (!mailbox || !session->view || session->view->mailbox != mailbox) {
        account_mailbox_touched(session->account, name);
        then(session);
        return;
    }
    look.mailbox = mailbox;
    mailbox_forget_look(mailbox);
    session->after_target = then;
    session->job = job_submit(session->account, &look);
    if (!session->job) {
        then(session);
        return;
    }
    session->run_late = too_late;
    session->run_until = session_now(session) + USEC_SECOND;
    task_wake(&session->task); /* for the deadline */
}

bool target_take_part(struct parts *parts, size_t octets, struct seqset *part)
{
    const struct seqset *left = &parts->left;
    size_t taken = 0, used = 0;

    while (taken < left->count) {
        struct seqset one = {.ranges = &left->ranges[taken], .count = 1, .capacity = 1};
        used += seqset_printed_length(&one) + 1;
        if (taken > 0 && used > octets)
            break;
        if (!seqset_add_range(part, left->ranges[taken].low, left->ranges[taken].high))
            return false;
        taken++;
    }
    parts->in_flight = taken;
    return true;
}

void target_part_done(struct parts *parts)
{
    struct seqset *left = &parts->left;

    for (size_t i = parts->in_flight; i < left->count; i++)
        left->ranges[i - parts->in_flight] = left->ranges[i];
    left->count -= parts->in_flight;
    parts->in_flight = 0;
}

enum job_turn target_expunge_part(struct session *session, const struct job *job, struct parts *parts,
                                  bool or_all_deleted, struct outgoing *out)
{
    struct seqset part = {0}, living = {0};
    enum job_turn turn = JOB_SEND;

    if (!target_take_part(parts, session_settings(session)->upstream_command_max, &part) ||
        !uid_map_intersect(&job->mailbox->map, &part, &living)) {
        turn = JOB_REFUSE;
    } else if (living.count == 0) {
        turn = JOB_NOTHING;
    } else if (session_can(session, CAPABILITY_UIDPLUS) || !or_all_deleted) {
        outgoing_text(out, "UID EXPUNGE ");
        outgoing_set(out, &living);
    } else {
        outgoing_text(out, "EXPUNGE");
        parts->in_flight = parts->left.count;
    }
    seqset_clear(&part);
    seqset_clear(&living);
    return turn;
}
