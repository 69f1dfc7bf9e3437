/* See removal.h. A removal belongs to its job: it is freed when a job of it has ended without the next one. It never
 * removes a message that COPYUID does not name, where the server tells COPYUID. */
#include "session/removal.h"

#include <stdlib.h>

#include "mux/account.h"
#include "mux/jobs.h"

struct removal {
    enum removal_step step;
    struct seqset uids;
    bool told;           /* COPYUID has come */
    struct seqset named; /* by it: sources */
    usec until;
};

static void removal_free(struct removal *removal)
{
    seqset_clear(&removal->uids);
    seqset_clear(&removal->named);
    free(removal);
}

enum job_turn removal_build(enum removal_step step, const struct seqset *uids, const struct mailbox *mailbox,
                            struct outgoing *out)
{
    struct seqset living = {0};
    bool ok = uid_map_intersect(&mailbox->map, uids, &living);
    bool any = living.count > 0;

    if (ok && any) {
        outgoing_text(out, step == REMOVAL_MARK ? "UID STORE " : "UID EXPUNGE ");
        outgoing_set(out, &living);
        if (step == REMOVAL_MARK) /* not .SILENT: the truth is to learn it */
            outgoing_text(out, " +FLAGS (\\Deleted)");
    }
    seqset_clear(&living);
    return !ok ? JOB_REFUSE : any ? JOB_SEND : JOB_NOTHING;
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    const struct removal *removal = job->owner;

    if (removal->step == REMOVAL_COPY)
        return JOB_REFUSE; /* it was not carried out, and nobody wants it any more */
    return removal_build(removal->step, &removal->uids, job->mailbox, out);
}

static void note_copyuid(struct removal *removal, const struct response *response)
{
    const struct value *validity = response->code.arguments;

    if (response->code.name != RESPONSE_CODE_COPYUID || removal->step != REMOVAL_COPY)
        return;
    removal->told = true;
    if (value_count(validity) == 3 && response_uid_set(validity->next, &removal->named) != SEQSET_OK)
        seqset_clear(&removal->named);
}

static void untagged(struct job *job, const struct response *response)
{
    if (response->kind == RESPONSE_STATUS)
        note_copyuid(job->owner, response);
}

static bool keep_named(struct removal *removal)
{
    struct seqset both = {0};
    struct seqset_walk walk;
    bool ok = true;
    uint32_t uid;

    seqset_walk_start(&walk, &removal->uids);
    while (removal->told && ok && seqset_walk_next(&walk, &uid)) {
        if (seqset_contains(&removal->named, uid))
            ok = seqset_add(&both, uid);
    }
    if (removal->told && ok)
        ok = seqset_copy(&both, &removal->uids);
    seqset_clear(&both);
    return ok;
}

static void done(struct job *job, const struct job_result *result);
static const struct job_ops ops = {.build = build, .untagged = untagged, .done = done};

static bool submit(struct account *account, struct mailbox *mailbox, struct removal *removal)
{
    bool marks = removal->step == REMOVAL_MARK;
    struct job wanted = {.ops = &ops,
                         .owner = removal,
                         .title = "MOVE",
                         .goal = JOB_RUN,
                         .policy = marks ? POLICY_STORE_CHANGE : POLICY_REMOVE,
                         .mailbox = mailbox,
                         .read_write = true,
                         .owed_until = removal->until};

    return job_submit(account, &wanted) != NULL;
}

static void done(struct job *job, const struct job_result *result)
{
    struct removal *removal = job->owner;
    bool goes_on = result->status == JOB_OK && removal->step != REMOVAL_EXPUNGE && job->mailbox;

    if (goes_on && removal->step == REMOVAL_COPY) {
        if (result->response)
            note_copyuid(removal, result->response);
        goes_on = keep_named(removal);
    }
    if (goes_on) {
        removal->step = removal->step == REMOVAL_COPY ? REMOVAL_MARK : REMOVAL_EXPUNGE;
        goes_on = removal->uids.count > 0 && submit(job->account, job->mailbox, removal);
    }
    if (!goes_on)
        removal_free(removal);
}

bool removal_inherit(struct job *job, enum removal_step step, const struct seqset *uids, usec until)
{
    struct removal *removal;

    if (step == REMOVAL_COPY && !job_was_sent(job))
        return false;
    removal = calloc(1, sizeof(*removal));
    if (!removal)
        return false;
    removal->step = step;
    removal->until = until;
    if (!seqset_copy(uids, &removal->uids)) {
        removal_free(removal);
        return false;
    }
    job_inherit(job, &ops, removal, until);
    return true;
}
