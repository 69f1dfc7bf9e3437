/* EXPUNGE and UID EXPUNGE: the upstream's own, heard of through the views like everybody's. What this command removed
 * is told before its OK in any case. RFC 3501 section 6.4.3, RFC 4315 section 2.1. */
#include <stdlib.h>

#include "session/renumber.h"
#include "session/state.h"
#include "session/tell.h"

struct expunge_run {
    struct run run;
    struct seqset uids; /* UID EXPUNGE: asked for */
    struct parts parts;
};

static void free_expunge(struct run *run)
{
    struct expunge_run *expunge = (struct expunge_run *)run;

    seqset_clear(&expunge->uids);
    seqset_clear(&expunge->parts.left);
    free(expunge);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct expunge_run *expunge = (struct expunge_run *)session->run;

    if (session->current->command.uid)
        return target_expunge_part(session, job, &expunge->parts, false, out);
    outgoing_text(out, "EXPUNGE");
    return JOB_SEND;
}

static void done(struct job *job, const struct job_result *result);
static const struct job_ops expunge_ops = {.build = build, .done = done};

static void submit(struct session *session)
{
    struct job wanted = {.ops = &expunge_ops,
                         .goal = JOB_RUN,
                         .policy = POLICY_EXPUNGE,
                         .mailbox = session->view->mailbox,
                         .read_write = true};

    (void)!session_submit(session, &wanted);
}

/* Everything that is gone: a client that sends EXPUNGE expects its numbers to move. */
static const struct seqset everything = {.ranges = (struct seqrange[]){{1, UINT32_MAX}}, .count = 1, .capacity = 1};

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct expunge_run *expunge = (struct expunge_run *)session->run;

    session->job = NULL;
    target_part_done(&expunge->parts);
    if (result->status == JOB_OK && expunge->parts.left.count > 0 && session->view->mailbox) {
        submit(session);
        return;
    }
    tell_before_tag(session, session->current->command.uid ? &expunge->uids : &everything);
    session_finish_result(session, result);
}

void session_start_expunge(struct session *session)
{
    const struct command *command = &session->current->command;
    struct expunge_run *expunge = calloc(1, sizeof(*expunge));
    enum renumber_result result = RENUMBER_OK;

    if (!expunge) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    expunge->run.free = free_expunge;
    session->run = &expunge->run;
    if (value_count(command->arguments) != (command->uid ? 1 : 0) ||
        (command->uid && command->arguments->kind != VALUE_ATOM)) {
        session_bad(session, command->uid ? "UID EXPUNGE takes a set of UIDs" : "EXPUNGE takes no arguments");
        return;
    }
    if (command->uid)
        result = renumber_set(session->view, command->arguments->text, true, &expunge->uids);
    if (result == RENUMBER_NO_MEMORY)
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    else if (result != RENUMBER_OK)
        session_bad(session, renumber_fault(result));
    else if (session->view->read_only)
        session_no(session, "READ-ONLY", "The mailbox is open read-only");
    else if (command->uid && !session_can(session, CAPABILITY_UIDPLUS))
        session_cannot(session, "UID EXPUNGE is not possible: the mail server does not have it", CAPABILITY_UIDPLUS);
    else if (!seqset_copy(&expunge->uids, &expunge->parts.left))
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    else if (command->uid && expunge->uids.count == 0)
        session_ok(session, NULL);
    else
        submit(session);
}
