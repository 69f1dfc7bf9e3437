/* What the upstream must do before the current job's own command: leave a mailbox, switch to another, learn the tail,
 * take a look, learn flags. One command at a time: after each the need is judged anew. Each function returns true if it
 * has sent one (or has dropped the line). */
#include <stdlib.h>
#include <utlist.h>

#include "mux/account_inside.h"
#include "mux/upstream.h"

#define FLAGS_SLICE 1000

struct outgoing *preparation_command(struct account *account)
{
    struct outgoing *out = upstream_command(account->upstream);

    if (!out)
        upstream_drop(account->upstream, "out of memory");
    return out;
}

static bool send_learn(struct account *account)
{
    struct outgoing *out = preparation_command(account);

    if (!out)
        return true;
    account->learned = true;
    outgoing_text(out, "UID FETCH ");
    outgoing_number(out, (uint64_t)account->selected->map.highest + 1);
    outgoing_text(out, account_wants_modseq(account) ? ":* (UID FLAGS MODSEQ)" : ":* (UID FLAGS)");
    account_send(account, ACTIVITY_LEARN, out);
    return true;
}

static bool send_leave(struct account *account)
{
    struct outgoing *out;

    if (account->selected->map_in_step && account->selected->tail_count > 0 && !account->learned)
        return send_learn(account); /* its \Recent dies with the selection */
    out = preparation_command(account);
    if (!out)
        return true;
    if (account_has(account, CAPABILITY_UNSELECT))
        outgoing_text(out, "UNSELECT");
    else /* one that fails leaves nothing selected; another mailbox would be selected without its truth in step */
        outgoing_text(out, "EXAMINE \"imapmux leaves this mailbox\"");
    resync_leave(account);
    account_send(account, ACTIVITY_LEAVE, out);
    return true;
}

/* A switch; the tail of the mailbox that is left is learned before, or its \Recent is lost. */
static bool send_switch(struct account *account, struct mailbox *mailbox, bool read_write)
{
    struct mailbox *left = account->selected;
    const struct view *view;

    if (left && left != mailbox && left->map_in_step && left->tail_count > 0 && !account->learned)
        return send_learn(account);
    DL_FOREACH (mailbox->views, view) {
        read_write |= !view->read_only;
    }
    resync_begin(account, mailbox, read_write);
    return true;
}

static bool send_noop(struct account *account)
{
    struct outgoing *out = preparation_command(account);

    if (!out)
        return true;
    outgoing_text(out, "NOOP");
    account->learned = false; /* what the look finds is to be named, too; one look a job, so this ends */
    account_send(account, ACTIVITY_NOOP, out);
    return true;
}

static bool send_status(struct account *account, const struct mailbox *mailbox)
{
    struct outgoing *out = preparation_command(account);

    if (!out)
        return true;
    outgoing_text(out, "STATUS ");
    outgoing_astring(out, slice_of(mailbox->name));
    outgoing_text(out, account_wants_modseq(account) ? " (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                                                     : " (MESSAGES UIDNEXT UIDVALIDITY)");
    account->status_differs = false;
    account_send(account, ACTIVITY_STATUS, out);
    return true;
}

/* The next part of the flags: what has changed since, where the server can tell, else so many messages. */
static bool send_flags(struct account *account)
{
    struct mailbox *mailbox = account->selected;
    struct outgoing *out = preparation_command(account);
    uint32_t from = uid_map_rank(&mailbox->map, mailbox->flags_cursor);
    bool changed_since = upstream_has_condstore(account->upstream) && mailbox->modseq > 0 && !mailbox->nomodseq &&
                         mailbox_all_flags_known(mailbox);
    uint32_t to = from + FLAGS_SLICE;

    if (!out)
        return true;
    if (to > mailbox->map.count || changed_since)
        to = mailbox->map.count;
    outgoing_text(out, "UID FETCH ");
    outgoing_number(out, uid_map_at(&mailbox->map, from)->uid);
    outgoing_text(out, ":");
    outgoing_number(out, uid_map_at(&mailbox->map, to - 1)->uid);
    mailbox_flags_asked(mailbox, uid_map_at(&mailbox->map, to - 1)->uid);
    outgoing_text(out, account_wants_modseq(account) ? " (UID FLAGS MODSEQ)" : " (UID FLAGS)");
    if (changed_since) {
        outgoing_text(out, " (CHANGEDSINCE ");
        outgoing_number(out, mailbox->modseq);
        outgoing_text(out, ")");
    }
    account_send(account, ACTIVITY_FLAGS, out);
    return true;
}

/* Selected as the job wants it, with map in step and the tail learned. True: a command has been sent for it. */
static bool prepare_selected(struct account *account, const struct job *job)
{
    struct mailbox *mailbox = job->mailbox;

    if (!resync_selected_well(account, mailbox, job->read_write))
        return send_switch(account, mailbox, job->read_write);
    if (mailbox->tail_count > 0 && !account->learned)
        return send_learn(account);
    return false;
}

static bool has_been_looked_at(const struct account *account, const struct job *job)
{
    return account_is_fresh(account, job->mailbox) || job->mailbox->confirmed > job->submitted;
}

static bool prepare_look(struct account *account, struct job *job)
{
    struct mailbox *mailbox = job->mailbox;

    if (mailbox == account->selected && mailbox->map_in_step) {
        if (mailbox->tail_count > 0 && !account->learned)
            return send_learn(account);
        return has_been_looked_at(account, job) ? false : send_noop(account);
    }
    if (mailbox->known && mailbox != account->selected && !job->asked) {
        job->asked = true;
        return has_been_looked_at(account, job) ? false : send_status(account, mailbox);
    }
    if (mailbox->known && mailbox != account->selected && !account->status_differs)
        return false;
    return send_switch(account, mailbox, job->read_write);
}

static bool prepare_fresh(struct account *account, const struct job *job)
{
    if (prepare_selected(account, job))
        return true;
    return has_been_looked_at(account, job) ? false : send_noop(account);
}

bool preparation_flags_are_learned(struct account *account, struct mailbox *mailbox)
{
    return account->selected == mailbox && mailbox_flags_learned(mailbox, task_now(&account->task));
}

static bool prepare_flags(struct account *account, struct job *job)
{
    if (prepare_selected(account, job))
        return true;
    /* A server that does not tell all flags, of the dead for one: what is known must do. The look is owed all the same.
     */
    if (!preparation_flags_are_learned(account, job->mailbox) &&
        job->passes++ <= 3 + job->mailbox->map.count / FLAGS_SLICE * 3)
        return send_flags(account);
    return !job->background && !has_been_looked_at(account, job) && send_noop(account);
}

bool preparation_send(struct account *account, struct job *job)
{
    if (!job->mailbox)
        return job->leaves && account->selected && job->leaves(job, account->selected) && send_leave(account);
    switch (job->goal) {
    case JOB_RUN:
        return prepare_selected(account, job);
    case JOB_LOOK:
        return prepare_look(account, job);
    case JOB_SELECTED:
        return prepare_fresh(account, job);
    case JOB_FLAGS:
        return prepare_flags(account, job);
    }
    abort();
}
