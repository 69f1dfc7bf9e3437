/* See resume.h. */
#include "sim/resume.h"

#include <stdio.h>
#include <string.h>

const struct kept *resume_keep(const struct replica *replica)
{
    struct kept *kept;
    unsigned count = 0;

    if (!replica->qresync || !replica->selected || !replica->box || replica->modseq == 0)
        return NULL;
    if (replica->box->ailment == NAMELESS)
        return NULL; /* its UIDVALIDITY has not been told */
    while (count < replica->count && replica->entries[count].message)
        count++;
    kept = memory_take(&replica->sim->memory, sizeof(*kept) + count * sizeof(kept->messages[0]));
    *kept = (struct kept){.box = replica->box, .modseq = replica->modseq, .count = count};
    for (unsigned i = 0; i < count; i++) {
        const struct entry *entry = &replica->entries[i];
        kept->messages[i] = (struct kept_message){entry->message, entry->flags_known, entry->flags};
    }
    return kept;
}

const char *resume_uids(struct sim *sim, const struct kept *kept)
{
    size_t size = (size_t)kept->count * 12 + 1, used = 0;
    char *text = memory_take(&sim->memory, size);

    for (unsigned i = 0; i < kept->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%u", i ? "," : "", kept->messages[i].message->uid);
    return text;
}

void resume_begin(struct sim *sim, struct resume *resume, const struct kept *kept)
{
    resume->kept = kept;
    resume->gone = kept ? memory_take(&sim->memory, kept->count + 1) : NULL;
}

void resume_vanished(struct resume *resume, const struct ranges *uids)
{
    for (unsigned i = 0; resume->kept && i < resume->kept->count; i++) {
        if (ranges_contain(uids, resume->kept->messages[i].message->uid))
            resume->gone[i] = true;
    }
}

/* What has not been told of it in this SELECT is as it was. */
static void take_up(struct replica *replica, unsigned number, const struct kept_message *kept)
{
    struct entry *entry;

    replica_learn_uid(replica, number, kept->message->uid);
    if (replica->sim->failed)
        return;
    entry = replica_entry(replica, number);
    if (!entry->flags_known && kept->flags_known) {
        entry->flags_known = true;
        entry->flags = kept->flags;
    }
}

void resume_end(const struct resume *resume, struct replica *replica)
{
    const struct kept *kept = resume->kept;
    unsigned number = 0;

    if (!kept || kept->box != replica->box || replica->nomodseq)
        return; /* without mod-sequences it begins anew */
    for (unsigned i = 0; i < kept->count && !replica->sim->failed; i++) {
        if (resume->gone[i])
            continue;
        if (++number > replica->count)
            sim_fail(replica->sim, "resynchronise",
                     "%s kept UID %u of %s: it is not said to have gone, but only %u are left", replica->who,
                     kept->messages[i].message->uid, kept->box->name, replica->count);
        else
            take_up(replica, number, &kept->messages[i]);
    }
}
