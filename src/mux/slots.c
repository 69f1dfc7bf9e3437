/* Loops over the slots of an account, so that nothing above says "the" upstream session. */
#include "mux/slots.h"

bool slots_make(struct slots *slots, const struct slot_options *options)
{
    for (size_t i = 0; i < SLOTS; i++) {
        slots->at[i] = slot_new(options);
        if (!slots->at[i])
            return false;
    }
    return true;
}

void slots_end_jobs(struct slots *slots, const char *text)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots->at[i])
            scheduler_end(slot_scheduler(slots->at[i]), text);
    }
}

void slots_free(struct slots *slots)
{
    for (size_t i = 0; i < SLOTS; i++)
        slot_free(slots->at[i]);
}

struct slot *slots_first(const struct slots *slots)
{
    return slots->at[0];
}

struct slot *slots_with(const struct slots *slots, const struct mailbox *mailbox)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (selection_mailbox(slot_selection(slots->at[i])) == mailbox)
            return slots->at[i];
    }
    return NULL;
}

size_t slots_connected(const struct slots *slots)
{
    size_t connected = 0;

    for (size_t i = 0; i < SLOTS; i++)
        connected += !slot_is_away(slots->at[i]);
    return connected;
}

bool slots_work(const struct slots *slots)
{
    bool work = false;

    for (size_t i = 0; i < SLOTS; i++)
        work |= scheduler_works(slot_scheduler(slots->at[i]));
    return work;
}

bool slots_need(const struct slots *slots, const struct mailbox *mailbox)
{
    bool need = false;

    for (size_t i = 0; i < SLOTS; i++)
        need |= scheduler_needs(slot_scheduler(slots->at[i]), mailbox);
    return need;
}

void slots_mailbox_dropped(struct slots *slots, const struct mailbox *mailbox)
{
    for (size_t i = 0; i < SLOTS; i++)
        scheduler_mailbox_dropped(slot_scheduler(slots->at[i]), mailbox);
}
