/* Here answers become facts. An answer about the selected mailbox is checked against its truth and goes into it first.
 * Only then it is handed on to the owner that asked. A command is sent only when the upstream can take one, and no fact
 * is taken from an answer that does not contain it. */
#include "mux/selection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "imap/mailbox_name.h"
#include "mux/selection_inside.h"

#define LEARNED_IN_VAIN     3
#define REFUSALS_MEAN_GONE  2
#define LOSSES_MEAN_TROUBLE 2

struct selection *selection_new(struct ground *ground, struct upstream *upstream, const char *name,
                                const struct selection_ops *ops, void *owner)
{
    struct selection *selection = calloc(1, sizeof(*selection));

    if (!selection)
        return NULL;
    selection->ground = ground;
    selection->upstream = upstream;
    selection->name = name;
    selection->ops = ops;
    selection->owner = owner;
    return selection;
}

void selection_free(struct selection *selection)
{
    if (!selection)
        return;
    fetch_intake_broken(selection, false);
    switch_clear(selection);
    free(selection->orphan);
    free(selection);
}

usec selection_now(const struct selection *selection)
{
    return runqueue_now(selection->ground->runqueue);
}

/* --- getters */

struct mailbox *selection_mailbox(const struct selection *selection)
{
    return selection->selected;
}

bool selection_is_switching(const struct selection *selection)
{
    return selection->switching.mailbox != NULL;
}

bool selection_in_step(const struct selection *selection, const struct mailbox *mailbox)
{
    return selection->selected == mailbox && mailbox->map_in_step && mailbox->tail_count == 0;
}

bool selection_flags_in_step(const struct selection *selection, const struct mailbox *mailbox)
{
    return selection_in_step(selection, mailbox) && mailbox->flags_in_step;
}

bool selection_is_fresh(const struct selection *selection, const struct mailbox *mailbox)
{
    usec freshness = selection->ground->settings->freshness;

    return freshness > 0 && selection_in_step(selection, mailbox) &&
           selection_now(selection) - mailbox->looked_at <= freshness;
}

uint64_t selection_literal_left(const struct selection *selection)
{
    return selection->intake.open ? selection->intake.left : 0;
}

bool selection_has(const struct selection *selection, enum capability capability)
{
    return upstream_capabilities(selection->upstream)->has[capability];
}

bool selection_asks_modseq(const struct selection *selection)
{
    return upstream_has_condstore(selection->upstream);
}

bool selection_owner_listens(const struct selection *selection)
{
    return selection->activity == ACTIVITY_OWNER && !selection->owner_void;
}

/* --- sending */

static bool looks(const struct selection *selection, enum selection_activity activity)
{
    return activity == ACTIVITY_NOOP || (activity == ACTIVITY_OWNER && selection->owner_effect == SELECTION_LOOKS);
}

struct outgoing *selection_command(struct selection *selection)
{
    struct outgoing *out = outgoing_new();

    if (!out)
        upstream_drop(selection->upstream, "out of memory");
    return out;
}

static enum policy_patience patience_of(enum selection_activity activity)
{
    static const enum policy_patience patience[] = {
        [ACTIVITY_SELECT] = PATIENCE_SLOW,        [ACTIVITY_FETCH_NEW] = PATIENCE_SLOW,
        [ACTIVITY_SEARCH_ALL] = PATIENCE_SLOW,    [ACTIVITY_FETCH_ALL] = PATIENCE_SLOW,
        [ACTIVITY_SEARCH_RECENT] = PATIENCE_SLOW, [ACTIVITY_FLAGS] = PATIENCE_QUICK,
    };

    return patience[activity];
}

static void send(struct selection *selection, enum selection_activity activity, struct outgoing *command,
                 enum policy_patience patience)
{
    assert(selection->activity == ACTIVITY_NONE);
    selection->activity = activity;
    if (looks(selection, activity) && selection->selected)
        mailbox_looks(selection->selected);
    upstream_send(selection->upstream, command, patience);
}

void selection_send_own(struct selection *selection, enum selection_activity activity, struct outgoing *command)
{
    send(selection, activity, command, patience_of(activity));
}

void selection_send(struct selection *selection, struct outgoing *command, enum selection_effect effect,
                    enum policy_patience patience, uint32_t sole)
{
    selection->owner_effect = effect;
    selection->owner_sole = sole;
    selection->owner_void = false;
    send(selection, ACTIVITY_OWNER, command, patience);
}

void selection_turn_over(struct selection *selection)
{
    selection->learned = false;
    selection->learns = 0;
    selection->settled = selection->untold = false;
}

/* --- contradictions and garbage */

/* Reconnects, after a pause, if a server contradicts itself without end. */
static void count_garbage(struct selection *selection)
{
    selection->garbage_since_tag = true;
    if (++selection->garbage > selection->ground->settings->max_garbage)
        upstream_drop(selection->upstream, "too many lines that cannot be understood (max_garbage)");
}

void selection_contradicted(struct selection *selection, const char *format, ...)
{
    struct mailbox *mailbox = selection->selected;
    char why[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_line(selection->ground->log, LOG_WARNING, "%s: %s: %s; resynchronising", selection->name,
             mailbox ? mailbox->name : "no mailbox", why);
    if (mailbox)
        mailbox_doubt(mailbox);
    selection->owner_void = true;
    selection->ops->contradicted(selection->owner);
    fetch_intake_broken(selection, false);
    count_garbage(selection);
}

/* True: it was about one message that is counted, and costs that message's flags at most. */
static bool lose_one_answer(struct selection *selection, uint32_t number)
{
    struct mailbox *mailbox = selection->selected;

    if (!mailbox || !mailbox->map_in_step || selection_is_switching(selection) || number == 0 ||
        number > mailbox_upstream_exists(mailbox))
        return false;
    if (number <= mailbox->map.count)
        mailbox_flags_untold(mailbox, uid_map_at(&mailbox->map, number - 1), false);
    return true;
}

void selection_garbage(struct selection *selection, bool open_fetch, uint32_t fetch_number)
{
    selection->ops->garbled(selection->owner);
    if (open_fetch)
        fetch_intake_broken(selection, true);
    if (lose_one_answer(selection, fetch_number))
        return;
    if (selection->selected)
        mailbox_doubt(selection->selected);
    if (selection_is_switching(selection))
        switch_disturbed(selection);
    count_garbage(selection);
}

/* --- untagged answers */

static enum mailbox_result vanished(struct mailbox *mailbox, const struct value *set)
{
    enum mailbox_result result = MAILBOX_OK;
    struct seqset uids = {0};

    switch (response_uid_set(set, &uids)) {
    case SEQSET_OK:
        result = mailbox_vanished(mailbox, &uids);
        break;
    case SEQSET_TOO_BIG:
        result = MAILBOX_NO_MEMORY;
        break;
    case SEQSET_BAD:
        result = MAILBOX_BROKEN;
        break;
    }
    seqset_clear(&uids);
    return result;
}

/* The mailbox is left already, or in doubt, and what has come in it is \Recent to no later session. */
static void late(struct mailbox *mailbox, const struct response *response)
{
    struct seqset uids = {0};

    if (response->kind == RESPONSE_RECENT)
        mailbox_recent_late(mailbox, response->number);
    else if (response->kind == RESPONSE_EXISTS)
        mailbox_recent_exists_late(mailbox, response->number);
    else if (response->kind == RESPONSE_EXPUNGE)
        mailbox_recent_gone_late(mailbox, 1);
    else if (response->kind == RESPONSE_VANISHED && response_uid_set(response->arguments, &uids) == SEQSET_OK)
        mailbox_recent_gone_late(mailbox, seqset_size(&uids));
    seqset_clear(&uids);
}

/* The map of the selected mailbox hears of it. */
static void numbers(struct selection *selection, const struct response *response)
{
    struct mailbox *mailbox = selection->selected;
    enum mailbox_result result = MAILBOX_OK;
    uint32_t known;
    size_t tail;

    if (mailbox && !mailbox->map_in_step)
        late(mailbox, response); /* in doubt: it is selected again, and they are \Recent no more */
    if (!mailbox || !mailbox->map_in_step)
        return;
    known = mailbox_upstream_exists(mailbox);
    tail = mailbox->tail_count;
    if (response->kind == RESPONSE_EXISTS)
        result = mailbox_exists(mailbox, response->number);
    else if (response->kind == RESPONSE_RECENT)
        mailbox_recent_said(mailbox, response->number);
    else if (response->kind == RESPONSE_EXPUNGE)
        result = mailbox_expunge(mailbox, response->number);
    else if (response->kind == RESPONSE_VANISHED)
        result = vanished(mailbox, response->arguments);
    if (mailbox->tail_count < tail) /* one that was asked for in vain had gone */
        selection->learned_in_vain = 0;
    if (result == MAILBOX_BROKEN && response->kind == RESPONSE_VANISHED)
        selection_contradicted(selection, "VANISHED names no UIDs, or one that none of the %u known messages can have",
                               known);
    else if (result == MAILBOX_BROKEN)
        selection_contradicted(selection, "%s %u, but %u messages are known",
                               response->kind == RESPONSE_EXISTS ? "EXISTS" : "EXPUNGE", response->number, known);
    else if (result == MAILBOX_NO_MEMORY)
        upstream_drop(selection->upstream, "out of memory");
}

/* VANISHED (EARLIER) moves no numbers: it answers a FETCH of the owner. */
static bool is_numbers(const struct response *response)
{
    return response->kind == RESPONSE_EXISTS || response->kind == RESPONSE_EXPUNGE ||
           response->kind == RESPONSE_RECENT ||
           (response->kind == RESPONSE_VANISHED && !value_is_list(response->arguments));
}

/* Untagged FLAGS and PERMANENTFLAGS outside of a switch. */
static bool take_flags(struct selection *selection, const struct response *response)
{
    if (response->kind == RESPONSE_FLAGS) {
        if (selection->selected)
            mailbox_take_flag_list(selection->selected, response->arguments, false);
        return true;
    }
    if (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_PERMANENTFLAGS) {
        if (selection->selected && !selection->selected_read_only)
            mailbox_take_flag_list(selection->selected, response->code.arguments, true);
        return true;
    }
    return false;
}

static void note_modseq(struct selection *selection, const struct response *response)
{
    uint64_t modseq;

    if (selection->selected && response->kind == RESPONSE_STATUS &&
        response->code.name == RESPONSE_CODE_HIGHESTMODSEQ &&
        value_number(response->code.arguments, INT64_MAX, &modseq))
        mailbox_note_highestmodseq(selection->selected, modseq);
}

static void status_answer(struct selection *selection, const struct response *response)
{
    struct slice name;

    if (response->kind != RESPONSE_MAILBOX_STATUS || !value_astring(response->arguments, &name) ||
        !value_is_list(response->arguments->next) || !selection->asked)
        return;
    /* The only STATUS in flight: a line under another spelling is about the same mailbox. */
    if (selection->status_told && !slice_equal(mailbox_name_canonical(name), slice_of(selection->asked->name)))
        return;
    selection->status_told = true;
    selection->status_differs = mailbox_status_differs(selection->asked, response->arguments->next->first);
}

/* A command that leaves the mailbox went up behind DONE, and IDLE has not been answered yet. */
static bool is_about_left(const struct selection *selection, const struct response *response)
{
    return is_numbers(response) && selection->left && upstream_is_in_idle(selection->upstream);
}

void selection_untagged(struct selection *selection, const struct response *response)
{
    if (is_about_left(selection, response)) {
        late(selection->left, response);
        return;
    }
    if (selection_is_switching(selection)) {
        switch_untagged(selection, response);
        return;
    }
    if (is_numbers(response)) {
        numbers(selection, response);
        return;
    }
    if (take_flags(selection, response))
        return;
    note_modseq(selection, response);
    if (selection->activity == ACTIVITY_STATUS)
        status_answer(selection, response);
    else if (selection->activity == ACTIVITY_OWNER)
        selection->ops->untagged(selection->owner, response);
}

void selection_fetch(struct selection *selection, const struct response *response)
{
    fetch_intake_response(selection, response);
}

void selection_fetch_data(struct selection *selection, struct slice bytes)
{
    fetch_intake_data(selection, bytes);
}

/* --- tagged answers */

bool selection_vouches(const struct selection *selection, enum selection_activity activity)
{
    return upstream_has_qresync(selection->upstream) || looks(selection, activity) ||
           (activity == ACTIVITY_FLAGS && selection->flags_by_changes);
}

/* A command has been answered with this mailbox selected: its news is complete up to here. Only NOOP makes every
 * server look for news, so only NOOP counts as a look. */
static void command_finished(struct selection *selection, enum selection_activity activity)
{
    struct mailbox *mailbox = selection->selected;

    if (!mailbox || !mailbox->map_in_step)
        return;
    if (selection_vouches(selection, activity))
        mailbox_settle_modseq(mailbox);
    if (looks(selection, activity))
        mailbox_looked(mailbox, upstream_written(selection->upstream), selection_now(selection));
}

static void learned(struct selection *selection)
{
    struct mailbox *mailbox = selection->selected;

    selection->untold = mailbox && mailbox->tail_count > 0 && mailbox->map.highest == selection->learns_above &&
                        mailbox->tail_named == selection->learns_named;
    if (!selection->untold) {
        selection->learned_in_vain = 0;
        return;
    }
    if (++selection->learned_in_vain < LEARNED_IN_VAIN)
        return;
    selection->learned_in_vain = 0;
    selection_contradicted(selection, "the server did not send the UIDs of %zu new messages", mailbox->tail_count);
}

/* Is it a refusal that says nothing of the mailbox? */
static bool is_temporary(const struct response *tagged)
{
    enum response_code_name code = tagged->code.name;

    return code == RESPONSE_CODE_UNAVAILABLE || code == RESPONSE_CODE_INUSE || code == RESPONSE_CODE_LIMIT ||
           code == RESPONSE_CODE_SERVERBUG;
}

void selection_mailbox_refused(struct selection *selection, struct mailbox *mailbox, const struct response *tagged)
{
    if (is_temporary(tagged))
        return;
    if (mailbox_refused(mailbox) >= REFUSALS_MEAN_GONE || tagged->code.name == RESPONSE_CODE_NONEXISTENT)
        selection->ops->gone(selection->owner, mailbox);
}

static void asked(struct selection *selection, const struct response *tagged)
{
    struct mailbox *mailbox = selection->asked;

    selection->asked = NULL;
    if (!mailbox || (tagged->status == RESPONSE_OK && selection->status_told)) {
        if (mailbox && !selection->status_differs)
            mailbox_confirmed(mailbox, upstream_written(selection->upstream));
        selection->ops->prepared(selection->owner, false);
        return;
    }
    selection->ops->denied(selection->owner, tagged);
    if (tagged->status != RESPONSE_OK)
        selection_mailbox_refused(selection, mailbox, tagged);
}

/* The mailbox that the selection's own command in flight is about, if a lost connection may be its fault; NULL: none.
 */
static struct mailbox *in_hand(const struct selection *selection)
{
    switch (selection->activity) {
    case ACTIVITY_NONE:
    case ACTIVITY_OWNER:
    case ACTIVITY_LEAVE:
    case ACTIVITY_NOOP:
    case ACTIVITY_LEARN: /* the switch that comes next stands for both: it tells the news and the names of the tail */
        return NULL;
    case ACTIVITY_STATUS:
        return selection->asked;
    case ACTIVITY_FLAGS:
        return selection->selected;
    case ACTIVITY_SELECT:
    case ACTIVITY_FETCH_NEW:
    case ACTIVITY_SEARCH_ALL:
    case ACTIVITY_FETCH_ALL:
    case ACTIVITY_SETTLE:
    case ACTIVITY_SEARCH_RECENT:
        return selection->switching.mailbox;
    }
    abort();
}

static void forget_garbage(struct selection *selection)
{
    if (!selection->garbage_since_tag)
        selection->garbage = 0;
    selection->garbage_since_tag = false;
}

static void own_command_done(struct selection *selection, enum selection_activity activity)
{
    if (activity == ACTIVITY_LEARN)
        learned(selection);
    if (activity == ACTIVITY_FLAGS && selection->selected)
        mailbox_flags_asked(selection->selected, selection->flags_up_to);
    selection->ops->prepared(selection->owner, activity == ACTIVITY_FLAGS);
}

/* To leave by opening a mailbox that does not exist succeeds by NO. */
static bool is_refused(const struct selection *selection, enum selection_activity activity,
                       const struct response *response)
{
    bool as_meant = activity == ACTIVITY_LEAVE && selection->leaves_by_name && response->status == RESPONSE_NO;

    return response->status != RESPONSE_OK && !as_meant;
}

void selection_tagged(struct selection *selection, const struct response *response)
{
    enum selection_activity activity = selection->activity;
    struct mailbox *mailbox = in_hand(selection);

    forget_garbage(selection);
    if (mailbox)
        mailbox_spared_line(mailbox, activity);
    selection->activity = ACTIVITY_NONE;
    if (activity == ACTIVITY_SELECT || activity == ACTIVITY_LEAVE)
        hold_forget_orphan(selection);
    hold_given_back(selection);
    note_modseq(selection, response);
    if (selection_is_switching(selection)) {
        switch_tagged(selection, activity, response);
        return;
    }
    if (response->status == RESPONSE_OK)
        command_finished(selection, activity);
    if (activity == ACTIVITY_LEAVE && response->status == RESPONSE_OK) {
        switch_leave(selection);
        hold_given_back(selection);
    }
    if (activity == ACTIVITY_OWNER)
        selection->ops->answered(selection->owner, response);
    else if (activity == ACTIVITY_STATUS)
        asked(selection, response);
    else if (is_refused(selection, activity, response))
        selection->ops->denied(selection->owner, response);
    else
        own_command_done(selection, activity);
}

/* --- the line */

void selection_connected(struct selection *selection)
{
    selection->garbage = 0;
}

/* A mailbox that costs one connection after the other, whether by BYE, silence or nonsense, is left alone for a while:
 * the others are served over the next one. */
/* True: it is that mailbox's loss. */
static bool count_loss(struct selection *selection)
{
    struct mailbox *mailbox = in_hand(selection);
    /* The commands of a switch are one matter, and it has not come to its end. */
    enum selection_activity doing = selection_is_switching(selection) ? ACTIVITY_SELECT : selection->activity;
    usec now = selection_now(selection);

    if (!mailbox || upstream_was_unsent(selection->upstream))
        return false;
    if (mailbox_cost_line(mailbox, doing, now) < LOSSES_MEAN_TROUBLE)
        return true;
    if (selection->activity == ACTIVITY_FLAGS) { /* the mailbox can be used without them */
        mailbox_flags_tried(mailbox, now);
        return true;
    }
    mailbox_trouble(mailbox, now);
    log_line(selection->ground->log, LOG_WARNING,
             "%s: %s: %u connections in a row were lost by this mailbox; next try in %lld s", selection->name,
             mailbox->name, mailbox->losses, (long long)((mailbox->shut_until - now) / USEC_SECOND));
    return true;
}

bool selection_lost(struct selection *selection)
{
    bool by_mailbox = count_loss(selection);

    hold_all_given_back(selection);
    selection->selected = selection->left = selection->asked = NULL;
    fetch_intake_broken(selection, false);
    switch_fails(selection);
    selection->activity = ACTIVITY_NONE;
    selection->learned = false;
    selection->learns = 0;
    selection->settled = selection->untold = false;
    selection->learned_in_vain = 0;
    return by_mailbox;
}
