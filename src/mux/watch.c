/* What an account does when nobody asks: IDLE where most clients wait, rounds over the other mailboxes that are looked
 * at, flags that are not in step, NOOPs where there is no IDLE. Always behind the jobs of sessions, and never without
 * somebody to do it for. RFC 2177. */
#include <string.h>

#include <utlist.h>

#include "mux/account_inside.h"

static bool can_idle(const struct account *account)
{
    return account_has(account, CAPABILITY_IDLE) && !account->idle_refused;
}

void watch_connected(struct account *account, usec now)
{
    account->quiet_since = now;
    account->watch_at = now + account_settings(account)->watch_interval;
    account->polled_at = now;
    account->park_wanted_since = USEC_NEVER;
    account->idle_refused = false;
}

/* --- where IDLE serves most */

static unsigned idlers(const struct account *account, const struct mailbox *mailbox)
{
    const struct account_member *member;
    unsigned count = 0;

    DL_FOREACH (account->members, member) {
        count += member->idling && member->view && member->view->mailbox == mailbox;
    }
    return count;
}

/* The mailbox that most idling sessions have selected, INBOX at a tie; NULL: none idles. */
static struct mailbox *park_target(const struct account *account)
{
    const struct account_member *member;
    struct mailbox *best = NULL;
    unsigned most = 0;

    DL_FOREACH (account->members, member) {
        struct mailbox *mailbox = member->idling && member->view ? member->view->mailbox : NULL;
        unsigned count = mailbox ? idlers(account, mailbox) : 0;
        if (count > most || (count == most && count > 0 && strcmp(mailbox->name, "INBOX") == 0)) {
            best = mailbox;
            most = count;
        }
    }
    return best;
}

/* Where there is nothing selected, and somebody has a view. */
static struct mailbox *any_view(const struct account *account)
{
    const struct account_member *member;

    DL_FOREACH (account->members, member) {
        if (member->view && member->view->mailbox)
            return member->view->mailbox;
    }
    return NULL;
}

/* True: a job has been submitted that moves there. */
static bool park(struct account *account, usec now, usec *deadline)
{
    struct mailbox *target = park_target(account);
    usec delay = account_settings(account)->park_delay;
    /* Nothing is left for it, as behind a reconnect, and clients wait there: at once, but only once. */
    bool at_once = target && !account->selected && account->park_wanted_since == USEC_NEVER;

    if (!target && !account->selected)
        target = any_view(account);
    if (!target || target == account->selected ||
        (account->selected && idlers(account, account->selected) >= idlers(account, target) &&
         strcmp(target->name, "INBOX") != 0)) {
        account->park_wanted_since = USEC_NEVER;
        return false;
    }
    if (account->park_wanted_since == USEC_NEVER)
        account->park_wanted_since = now;
    if (!at_once && (now - account->park_wanted_since < delay || now - account->quiet_since < delay)) {
        usec from =
            account->quiet_since > account->park_wanted_since ? account->quiet_since : account->park_wanted_since;
        earlier(deadline, from + delay);
        return false;
    }
    account->park_wanted_since = now; /* again in park_delay if it does not work */
    scheduler_submit_own(account, target, JOB_SELECTED, false);
    return true;
}

/* --- rounds */

static bool flags_show_in_status(const struct account *account, const struct mailbox *mailbox)
{
    return upstream_has_condstore(account->upstream) && !mailbox->nomodseq && mailbox->left_with_flags;
}

static void visit(struct account *account, struct mailbox *mailbox)
{
    usec now = task_now(&account->task);

    if (!mailbox->views || mailbox == account->selected)
        return;
    if (!flags_show_in_status(account, mailbox) &&
        now - mailbox->flags_at >= account_settings(account)->watch_full_interval)
        scheduler_submit_own(account, mailbox, JOB_FLAGS, true);
    else
        scheduler_submit_own(account, mailbox, JOB_LOOK, false);
}

static bool round_over_the_others(struct account *account, usec now, usec *deadline)
{
    if (now < account->watch_at) {
        earlier(deadline, account->watch_at);
        return false;
    }
    account->watch_at = now + account_settings(account)->watch_interval;
    account_each_mailbox(account, visit);
    earlier(deadline, account->watch_at);
    return account->jobs != NULL;
}

/* The selected mailbox: its map at once, its flags as often as the server makes it cheap. */
static bool selected_in_step(struct account *account, usec now, usec *deadline)
{
    struct mailbox *mailbox = account->selected;
    usec due;

    if (!mailbox || !mailbox->views)
        return false;
    if (!account_in_step(account, mailbox)) {
        scheduler_submit_own(account, mailbox, JOB_SELECTED, false);
        return true;
    }
    if (mailbox->flags_in_step)
        return false;
    due = mailbox->flags_at + account_settings(account)->flag_interval;
    if (now < due) {
        earlier(deadline, due);
        return false;
    }
    mailbox_flags_tried(mailbox, now);
    scheduler_submit_own(account, mailbox, JOB_FLAGS, true);
    return true;
}

/* --- IDLE, or NOOP where there is none */

static bool idle(struct account *account, usec now, usec *deadline)
{
    const struct settings *settings = account_settings(account);

    if (upstream_state(account->upstream) == UPSTREAM_IDLING) {
        usec until = account->idle_began + settings->idle_reissue;
        earlier(&until, upstream_heard_at(account->upstream) + settings->idle_probe);
        if (now >= until)
            upstream_end_idle(account->upstream); /* if that is not answered the line is dead */
        else
            earlier(deadline, until);
        return false;
    }
    if (upstream_state(account->upstream) != UPSTREAM_READY || !account->selected)
        return false;
    if (now - account->quiet_since < settings->idle_delay) {
        earlier(deadline, account->quiet_since + settings->idle_delay);
        return false;
    }
    account->idle_began = now;
    upstream_idle(account->upstream);
    return false;
}

/* The selected mailbox has its NOOPs whatever else keeps the line busy: the rounds over the others say nothing of it.
 */
static bool poll(struct account *account, usec now, usec *deadline)
{
    const struct settings *settings = account_settings(account);
    const struct mailbox *mailbox = account->selected;
    usec due = account->quiet_since + settings->idle_reissue;

    if (mailbox && mailbox->views && !can_idle(account)) {
        usec last = mailbox->looked_at > account->polled_at ? mailbox->looked_at : account->polled_at;
        if (last + settings->poll_interval < due)
            due = last + settings->poll_interval;
    }
    if (now < due) {
        earlier(deadline, due);
        return false;
    }
    account->polled_at = now;
    scheduler_submit_own(account, account->selected, JOB_RUN, false);
    return true;
}

bool watch_rest(struct account *account, usec now, usec *deadline)
{
    if (selected_in_step(account, now, deadline) || round_over_the_others(account, now, deadline) ||
        park(account, now, deadline))
        return true;
    if (can_idle(account) && account->selected)
        return idle(account, now, deadline);
    return poll(account, now, deadline);
}
