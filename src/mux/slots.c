/* Loops over the slots of an account, so that nothing above says "the" upstream session. */
#include "mux/slots.h"

#include <assert.h>

static bool add(struct slots *slots)
{
    struct slot *slot = slot_new(&slots->options);

    if (slot)
        slots->at[slots->count++] = slot;
    return slot != NULL;
}

bool slots_make(struct slots *slots, const struct slot_options *options)
{
    slots->options = *options;
    slots->options.peers = &slots_peers;
    slots->options.peers_owner = slots;
    return add(slots);
}

struct slot *slots_further(struct slots *slots)
{
    for (size_t i = 1; i < slots->count; i++) {
        if (slot_is_away(slots->at[i]))
            return slots->at[i];
    }
    return slots->count < SLOTS_MAX && add(slots) ? slots->at[slots->count - 1] : NULL;
}

void slots_end_jobs(struct slots *slots, const char *text)
{
    for (size_t i = 0; i < slots->count; i++)
        scheduler_end(slot_scheduler(slots->at[i]), text);
}

void slots_free(struct slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        slot_free(slots->at[i]);
    slots->count = 0;
}

struct slot *slots_first(const struct slots *slots)
{
    assert(slots->count > 0);
    return slots->at[0];
}

void slots_order(struct slots *slots)
{
    struct slot *lost = slots_first(slots);

    if (!slot_is_away(lost) || slot_is_checking(lost))
        return;
    for (size_t i = 1; i < slots->count; i++) {
        if (!slot_is_working(slots->at[i]))
            continue;
        slots->at[0] = slots->at[i];
        slots->at[i] = lost;
        return;
    }
}

struct slot *slots_with(const struct slots *slots, const struct mailbox *mailbox)
{
    for (size_t i = 0; i < slots->count; i++) {
        if (selection_mailbox(slot_selection(slots->at[i])) == mailbox)
            return slots->at[i];
    }
    return NULL;
}

size_t slots_connected(const struct slots *slots)
{
    size_t connected = 0;

    for (size_t i = 0; i < slots->count; i++)
        connected += !slot_is_away(slots->at[i]);
    return connected;
}

size_t slots_logged_in(const struct slots *slots)
{
    size_t logged_in = 0;

    for (size_t i = 0; i < slots->count; i++)
        logged_in += slot_is_logged_in(slots->at[i]);
    return logged_in;
}

unsigned slots_working_beside(const struct slots *slots, const struct slot *slot)
{
    unsigned working = 0;

    for (size_t i = 0; i < slots->count; i++)
        working += slots->at[i] != slot && slot_is_working(slots->at[i]);
    return working;
}

bool slots_work(const struct slots *slots)
{
    bool work = false;

    for (size_t i = 0; i < slots->count; i++)
        work |= scheduler_works(slot_scheduler(slots->at[i]));
    return work;
}

uint64_t slots_turns(const struct slots *slots)
{
    uint64_t turns = 0;

    for (size_t i = 0; i < slots->count; i++)
        turns += scheduler_turns(slot_scheduler(slots->at[i]));
    return turns;
}

usec slots_quiet_since(const struct slots *slots)
{
    usec since = slot_quiet_since(slots_first(slots));

    for (size_t i = 1; i < slots->count; i++)
        since = usec_later(since, slot_quiet_since(slots->at[i]));
    return since;
}

bool slots_need(const struct slots *slots, const struct mailbox *mailbox)
{
    bool need = false;

    for (size_t i = 0; i < slots->count; i++)
        need |= scheduler_needs(slot_scheduler(slots->at[i]), mailbox);
    return need;
}

void slots_mailbox_dropped(struct slots *slots, const struct mailbox *mailbox)
{
    for (size_t i = 0; i < slots->count; i++)
        scheduler_mailbox_dropped(slot_scheduler(slots->at[i]), mailbox);
}

void slots_abandon(struct slots *slots, struct job *job)
{
    struct slot *slot = slots_first(slots);

    for (size_t i = 1; i < slots->count; i++) {
        if (scheduler_current(slot_scheduler(slots->at[i])) == job)
            slot = slots->at[i];
    }
    scheduler_abandon(slot_scheduler(slot), job);
}

bool slots_ask(struct slots *slots, struct mailbox *mailbox, enum job_goal goal)
{
    for (size_t i = 1; i < slots->count; i++) {
        if (scheduler_asks(slot_scheduler(slots->at[i]), mailbox, goal))
            return true;
    }
    return scheduler_ask(slot_scheduler(slots_first(slots)), mailbox, goal, false);
}
