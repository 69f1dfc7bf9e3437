/* Equal commands that wait together go up once. As the current job's command is sent, those that wait with the very
 * same one (LIST, STATUS: no mailbox selected, nothing changed) become its riders: they hear the same answers and end
 * with the same result. All of them had come before the command was written, so nobody is told what is older than his
 * question. A rider whose command is not answered after all goes back to wait, before the others. */
#include <assert.h>

#include <utlist.h>

#include "mux/account_inside.h"

static bool is_equal(struct account *account, struct job *job, const struct outgoing *command)
{
    struct outgoing *own = upstream_command(account->upstream);
    bool equal = own && job->ops->build(job, own) == JOB_SEND && job->ops && outgoing_equal(own, command);

    outgoing_free(own);
    return equal;
}

void sharing_gather(struct account *account, const struct outgoing *command)
{
    const struct job *current = account->current;
    struct job *job, *next;

    if (!policy_is_shared(current->policy))
        return;
    assert(!current->mailbox && policy_loss(current->policy) == POLICY_REPEAT);
    DL_FOREACH_SAFE (account->jobs, job, next) {
        if (job->policy != current->policy || job->ops != current->ops || !is_equal(account, job, command))
            continue;
        DL_DELETE(account->jobs, job);
        DL_APPEND(account->riders, job);
        job->riding = true;
    }
}

void sharing_untagged(struct account *account, const struct response *response)
{
    struct job *job, *next;

    DL_FOREACH_SAFE (account->riders, job, next) {
        job->ops->untagged(job, response);
    }
}

struct job *sharing_next(struct account *account)
{
    struct job *job = account->riders;

    if (!job)
        return NULL;
    DL_DELETE(account->riders, job);
    job->riding = false;
    return job;
}

void sharing_give_back(struct account *account)
{
    struct job *job;

    DL_FOREACH (account->riders, job)
        job->riding = false;
    DL_CONCAT(account->riders, account->jobs);
    account->jobs = account->riders;
    account->riders = NULL;
}

void sharing_leave(struct job *job)
{
    DL_DELETE(job->account->riders, job);
    job->riding = false;
}
