/* EXPUNGE and UID EXPUNGE: the upstream's own, heard of through the views like any other. Messages that this command
 * removed are told before its OK in any case; those that were gone before, by the rule for others'. RFC 3501
 * section 6.4.3, RFC 4315 section 2.1. */
#include "session/parts.h"
#include "session/renumber.h"
#include "session/run.h"

struct expunge_run {
    struct run run;
    struct seqset uids; /* UID EXPUNGE: asked for */
    struct parts parts;
    bool named; /* `parts` says which: always for UID EXPUNGE, else once the client has gone */
};

static void clear(struct run *run)
{
    struct expunge_run *expunge = (struct expunge_run *)run;

    seqset_clear(&expunge->uids);
    parts_clear(&expunge->parts);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct expunge_run *expunge = (struct expunge_run *)run;

    if (!run_note_ghosts(run->session))
        return JOB_REFUSE;
    if (expunge->named)
        return parts_build_expunge(&expunge->parts, &mailbox->map, session_settings(run->session)->upstream_command_max,
                                   true, out);
    outgoing_text(out, "EXPUNGE");
    return JOB_SEND;
}

static void done(struct run *run, const struct job_result *result);
static const struct run_step remove_step = {
    .goal = JOB_RUN, .policy = POLICY_EXPUNGE, .read_write = true, .build = build, .done = done};

/* Everything that has gone since: a client that sends EXPUNGE expects its numbers to move. */
static const struct seqset everything = {.ranges = (struct seqrange[]){{1, UINT32_MAX}}, .count = 1, .capacity = 1};

static void done(struct run *run, const struct job_result *result)
{
    struct expunge_run *expunge = (struct expunge_run *)run;
    struct session *session = run->session;
    struct view *view = session_view(session);

    parts_done(&expunge->parts);
    if (result->status == JOB_OK && expunge->parts.left.count > 0 && view) {
        (void)!run_submit(session, &remove_step, view->mailbox);
        return;
    }
    if (result->status != JOB_OK) {
        run_result(session, result);
        return;
    }
    run_tell_own(session, session_command(session)->uid ? &expunge->uids : &everything);
    if (session->enabled.qresync)
        run_ok_removed(session);
    else
        run_result(session, result);
}

/* The server has no UIDPLUS, perhaps not any more. */
static void refuse(struct session *session)
{
    static const char text[] = "UID EXPUNGE is not possible: the mail server does not support it";

    if (offer_has(&session->offer, CAPABILITY_UIDPLUS))
        run_no(session, "CANNOT", text);
    else
        run_bad(session, text);
}

/* The set has been read. */
static void begin(struct expunge_run *expunge)
{
    struct session *session = expunge->run.session;
    struct view *view = session_view(session);
    bool uid = session_command(session)->uid;

    expunge->named = uid;
    if (view->read_only)
        run_no(session, "READ-ONLY", "The mailbox is open read-only");
    else if (uid && !session_can(session, CAPABILITY_UIDPLUS))
        refuse(session);
    else if (!seqset_copy(&expunge->uids, &expunge->parts.left))
        run_no_memory(session);
    else if (uid && expunge->uids.count == 0)
        run_ok(session, NULL);
    else
        (void)!run_submit(session, &remove_step, view->mailbox);
}

static void start(struct run *run)
{
    struct expunge_run *expunge = (struct expunge_run *)run;
    struct session *session = run->session;
    const struct command *command = session_command(session);
    enum renumber_result result = RENUMBER_OK;

    if (command->uid && (value_count(command->arguments) != 1 || command->arguments->kind != VALUE_ATOM)) {
        run_bad(session, "UID EXPUNGE takes a set of UIDs");
        return;
    }
    if (command->uid)
        result = renumber_set(session_view(session), command->arguments->text, true, &expunge->uids);
    if (result == RENUMBER_NO_MEMORY)
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
    else
        begin(expunge);
}

/* Carried out late, or again after a lost connection, it is about the messages that are \Deleted by now. */
static bool left(struct run *run)
{
    struct expunge_run *expunge = (struct expunge_run *)run;
    struct session *session = run->session;
    const struct view *view = session_view(session);

    if (expunge->named || !view || !session_can(session, CAPABILITY_UIDPLUS) || !parts_knows_deleted(view))
        return expunge->named;
    output_check(&session->output, parts_add_deleted(&expunge->parts, view));
    expunge->named = true;
    return true;
}

const struct run_ops expunge_ops = {.size = sizeof(struct expunge_run), .start = start, .left = left, .clear = clear};
