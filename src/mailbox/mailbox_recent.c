/* \Recent: which messages the server shows as such to this session of the upstream, and to no later one. Messages that
 * are announced and have no names yet when the mailbox is left would be so to nobody: how many they were is kept, and
 * the first that came behind those known are taken for them. RFC 3501 section 2.3.2, 7.3.2. */
#include <assert.h>

#include "mailbox/mailbox.h"

static bool is_noted(const struct mailbox *mailbox, uint32_t uid)
{
    return uid_set_contains(&mailbox->recent_free, uid) || uid_set_contains(&mailbox->recent_taken, uid);
}

static void less(uint32_t *number, uint64_t count)
{
    *number -= count < *number ? (uint32_t)count : *number;
}

void mailbox_note_recent(struct mailbox *mailbox, uint32_t uid)
{
    if (!is_noted(mailbox, uid) && uid_set_add(&mailbox->recent_free, uid))
        mailbox->recent_named++;
}

void mailbox_give_recent(struct mailbox *mailbox, uint32_t up_to, struct uid_set *taken)
{
    uint32_t uid = 0;

    while ((uid = uid_set_next(&mailbox->recent_free, uid)) != 0 && uid <= up_to) {
        if (!uid_set_add(&mailbox->recent_taken, uid) || !uid_set_add(taken, uid))
            return;
        uid_set_remove(&mailbox->recent_free, uid);
    }
}

void mailbox_take_back_recent(struct mailbox *mailbox, struct uid_set *taken)
{
    uint32_t uid = 0;

    while ((uid = uid_set_next(taken, uid)) != 0) {
        if (uid_set_remove(&mailbox->recent_taken, uid) && uid_map_find(&mailbox->map, uid))
            (void)!uid_set_add(&mailbox->recent_free, uid);
    }
    uid_set_clear(taken);
}

void mailbox_recent_said(struct mailbox *mailbox, uint32_t count)
{
    mailbox->recent_told = mailbox->recent_said = count;
}

uint32_t mailbox_recent_come(struct mailbox *mailbox, uint32_t count)
{
    uint32_t missing = mailbox->recent_told - mailbox->recent_said;

    assert(mailbox->recent_said <= mailbox->recent_told);
    if (missing > count)
        missing = count;
    mailbox->recent_said += missing;
    return missing;
}

void mailbox_recent_nameless(struct mailbox *mailbox, uint32_t count)
{
    if (!mailbox->known || count == 0)
        return;
    if (mailbox->recent_owed == 0)
        mailbox->recent_above = mailbox->map.highest;
    mailbox->recent_owed += count;
}

void mailbox_recent_gone_late(struct mailbox *mailbox, uint64_t count)
{
    less(&mailbox->recent_exists, count);
    less(&mailbox->recent_said, count);
}

void mailbox_recent_exists_late(struct mailbox *mailbox, uint32_t count)
{
    uint32_t come = count > mailbox->recent_exists ? count - mailbox->recent_exists : 0;

    mailbox->recent_exists = count;
    if (mailbox->recent_held)
        mailbox_recent_nameless(mailbox, mailbox_recent_come(mailbox, come));
}

void mailbox_recent_late(struct mailbox *mailbox, uint32_t count)
{
    if (mailbox->recent_held && count > mailbox->recent_said)
        mailbox_recent_nameless(mailbox, count - mailbox->recent_said);
    mailbox_recent_said(mailbox, count);
}

void mailbox_recent_forget(struct mailbox *mailbox)
{
    uid_set_clear(&mailbox->recent_free);
    uid_set_clear(&mailbox->recent_taken);
    mailbox->recent_ours = mailbox->recent_held = false;
    mailbox->recent_told = mailbox->recent_said = mailbox->recent_exists = 0;
    mailbox->recent_named = mailbox->recent_owed = mailbox->recent_above = 0;
}

void mailbox_recent_selected(struct mailbox *mailbox, bool read_write)
{
    if (!mailbox->recent_ours)
        uid_set_clear(&mailbox->recent_free);
    uid_set_clear(&mailbox->recent_taken);
    mailbox->recent_held = read_write;
    mailbox->recent_ours = read_write || mailbox->recent_free.count > 0;
    mailbox->recent_told = mailbox->recent_said = mailbox->recent_named = 0;
}

void mailbox_recent_gone(struct mailbox *mailbox, uint32_t uid)
{
    if (!is_noted(mailbox, uid))
        return;
    uid_set_remove(&mailbox->recent_free, uid);
    less(&mailbox->recent_named, 1);
    less(&mailbox->recent_said, 1);
}

/* Those that the server has named and that are not in the map: they have gone since, or are still in the tail. */
static void drop_strays(struct mailbox *mailbox)
{
    uint32_t uid = 0;

    while ((uid = uid_set_next(&mailbox->recent_free, uid)) != 0) {
        if (uid_map_find(&mailbox->map, uid))
            continue;
        if (uid <= mailbox->map.highest)
            less(&mailbox->recent_said, 1);
        less(&mailbox->recent_named, 1);
        uid_set_remove(&mailbox->recent_free, uid);
    }
}

/* One that the server shows as \Recent has come later than all that are owed. */
static void settle_owed(struct mailbox *mailbox)
{
    const struct message *message;
    uint32_t uid = mailbox->recent_above;

    while (mailbox->recent_owed > 0 && (message = uid_map_after(&mailbox->map, uid)) &&
           !is_noted(mailbox, message->uid)) {
        uid = message->uid;
        mailbox->recent_ours |= uid_set_add(&mailbox->recent_free, uid);
        mailbox->recent_owed--;
    }
    mailbox->recent_owed = 0;
}

void mailbox_recent_in_step(struct mailbox *mailbox, uint32_t said)
{
    mailbox_recent_said(mailbox, said);
    drop_strays(mailbox);
    settle_owed(mailbox);
}

void mailbox_recent_left(struct mailbox *mailbox)
{
    size_t nameless = mailbox->tail_count - mailbox->tail_named;
    uint32_t unnamed;

    if (!mailbox->map_in_step)
        return;
    mailbox->recent_exists = mailbox_upstream_exists(mailbox);
    for (size_t i = 0; i < mailbox->tail_count; i++) {
        const struct tail_entry *entry = &mailbox->tail[mailbox->tail_first + i];
        if (entry->uid != 0 && entry->recent)
            mailbox_note_recent(mailbox, entry->uid);
    }
    unnamed = mailbox->recent_said > mailbox->recent_named ? mailbox->recent_said - mailbox->recent_named : 0;
    if (mailbox->recent_held)
        mailbox_recent_nameless(mailbox, unnamed < nameless ? unnamed : (uint32_t)nameless);
}
