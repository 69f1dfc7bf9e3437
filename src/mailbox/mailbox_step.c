/* How a mailbox comes in step with the upstream and falls out of step again. The one that has it selected upstream
 * calls these; they keep the fields that belong together moving together. Never asks the upstream, never logs. */
#include <assert.h>

#include "imap/value.h"
#include "mailbox/mailbox.h"
#include "mailbox/view.h"

/* --- out of step */

void mailbox_out_of_step(struct mailbox *mailbox)
{
    mailbox_recent_left(mailbox);
    mailbox->map_in_step = mailbox->flags_in_step = mailbox->flags_due_only = false;
    mailbox_forget_look(mailbox);
    mailbox_drop_tail(mailbox);
}

void mailbox_left(struct mailbox *mailbox)
{
    mailbox->uidnext_left = mailbox->map_in_step && mailbox->tail_count == 0 ? mailbox->uidnext : 0;
    mailbox->left_with_flags = mailbox->map_in_step && mailbox->flags_in_step;
    mailbox_out_of_step(mailbox);
}

void mailbox_line_lost(struct mailbox *mailbox, bool was_selected)
{
    if (was_selected)
        mailbox->left_with_flags = mailbox->map_in_step && mailbox->flags_in_step;
    mailbox_out_of_step(mailbox);
    mailbox->uidnext_left = 0;
    mailbox->flags_at = MAILBOX_NEVER;
}

void mailbox_doubt(struct mailbox *mailbox)
{
    mailbox_out_of_step(mailbox);
    mailbox->doubted = true;
}

void mailbox_unsure(struct mailbox *mailbox)
{
    mailbox_out_of_step(mailbox);
    mailbox->uidnext_left = 0;
    mailbox->left_with_flags = false;
}

void mailbox_differs(struct mailbox *mailbox)
{
    mailbox->uidnext_left = 0;
}

void mailbox_deleted(struct mailbox *mailbox)
{
    mailbox->deleted = true;
}

void mailbox_forget_look(struct mailbox *mailbox)
{
    mailbox->looked_at = MAILBOX_NEVER;
}

void mailbox_touched(struct mailbox *mailbox)
{
    mailbox_forget_look(mailbox);
    mailbox->look_spoilt = true;
}

/* --- whose it is */

void mailbox_claim(struct mailbox *mailbox, const void *holder)
{
    assert(!mailbox->holder || mailbox->holder == holder);
    mailbox->holder = holder;
}

void mailbox_release(struct mailbox *mailbox, const void *holder)
{
    assert(mailbox->holder == holder);
    mailbox->holder = NULL;
}

#define TROUBLE_PAUSE     (2 * USEC_SECOND)
#define TROUBLE_DOUBLINGS 7

void mailbox_trouble(struct mailbox *mailbox, usec now)
{
    unsigned doublings = mailbox->troubles < TROUBLE_DOUBLINGS ? mailbox->troubles : TROUBLE_DOUBLINGS;

    mailbox->troubles++;
    mailbox->shut_until = now + (TROUBLE_PAUSE << doublings);
    mailbox_doubt(mailbox);
}

unsigned mailbox_cost_line(struct mailbox *mailbox, unsigned doing, usec now)
{
    mailbox->losses = doing == mailbox->lost_doing ? mailbox->losses + 1 : 1;
    mailbox->lost_doing = doing;
    mailbox->lost_at = now;
    return mailbox->losses;
}

void mailbox_excused_line(struct mailbox *mailbox, usec since)
{
    if (mailbox->losses == 0 || mailbox->lost_at < since || !mailbox->known || mailbox->troubles > 1)
        return;
    mailbox->losses--;
    if (mailbox->shut_until > mailbox->lost_at)
        mailbox->troubles -= mailbox->troubles > 0;
    mailbox->shut_until = 0;
}

void mailbox_spared_line(struct mailbox *mailbox, unsigned doing)
{
    if (mailbox->losses == 0 || mailbox->lost_doing != doing)
        return;
    mailbox->losses = 0;
    if (mailbox->map_in_step)
        mailbox->troubles = 0;
}

unsigned mailbox_refused(struct mailbox *mailbox)
{
    return ++mailbox->refusals;
}

void mailbox_forget_modseqs(struct mailbox *mailbox)
{
    mailbox->modseq = mailbox->modseq_pending = mailbox->modseq_said = mailbox->modseq_selected = 0;
    mailbox->left_with_flags = false;
    for (uint32_t i = 0; i < mailbox->map.count; i++)
        uid_map_at(&mailbox->map, i)->modseq = 0;
}

void mailbox_modseq_is_void(struct mailbox *mailbox)
{
    mailbox_forget_modseqs(mailbox);
    mailbox_doubt(mailbox);
}

/* --- into step */

void mailbox_selected(struct mailbox *mailbox, const struct mailbox_told *told)
{
    if (told->read_write)
        mailbox->read_only = told->read_only;
    mailbox->uidvalidity = told->uidvalidity;
    mailbox->nomodseq = told->highestmodseq == 0;
    mailbox_recent_selected(mailbox, told->read_write && !told->read_only);
}

/* What was told may be older than a message that has come and gone since. */
static uint32_t uidnext_of(const struct mailbox *mailbox, uint32_t told)
{
    uint32_t above = mailbox->map.highest + (mailbox->map.highest != UINT32_MAX);

    return told > above ? told : told != 0 ? above : 0;
}

enum mailbox_result mailbox_in_step(struct mailbox *mailbox, const struct mailbox_told *told, uint32_t exists,
                                    enum mailbox_flags_state flags, usec now)
{
    mailbox->known = mailbox->map_in_step = true;
    mailbox->doubted = false;
    mailbox_recent_in_step(mailbox, told->recent);
    mailbox->refusals = 0;
    if (mailbox->losses == 0)
        mailbox->troubles = 0;
    mailbox->shut_until = 0;
    mailbox->flags_cursor = 0;
    mailbox->uidnext = uidnext_of(mailbox, told->uidnext ? told->uidnext : mailbox->uidnext_status);
    mailbox->modseq_pending = mailbox->modseq_selected = told->highestmodseq;
    mailbox->modseq_said = 0;
    mailbox->gone_since_select = false;
    mailbox->flags_in_step = flags == MAILBOX_FLAGS_TOLD;
    if (flags == MAILBOX_FLAGS_TOLD)
        mailbox->flags_at = now;
    else if (flags == MAILBOX_FLAGS_CHEAP)
        mailbox->flags_at = MAILBOX_NEVER;
    mailbox_settle_modseq(mailbox);
    mailbox_looked(mailbox, told->command, told->selected_at);
    mailbox_poke(mailbox, VIEW_CHANGED_NUMBERS);
    return mailbox_exists(mailbox, exists);
}

void mailbox_set_first_unseen(struct mailbox *mailbox, uint32_t uid)
{
    mailbox->first_unseen = uid;
}

void mailbox_looks(struct mailbox *mailbox)
{
    mailbox->look_spoilt = false;
}

void mailbox_looked(struct mailbox *mailbox, uint64_t command, usec now)
{
    mailbox->looked_at = mailbox->look_spoilt ? MAILBOX_NEVER : now;
    mailbox_confirmed(mailbox, command);
}

void mailbox_confirmed(struct mailbox *mailbox, uint64_t command)
{
    mailbox->confirmed = command;
    mailbox->refusals = 0;
}

/* --- flags */

bool mailbox_all_flags_known(const struct mailbox *mailbox)
{
    for (uint32_t i = 0; i < mailbox->map.count && mailbox->flags_due == 0; i++) {
        if (!uid_map_at(&mailbox->map, i)->flags_known)
            return false;
    }
    return mailbox->flags_due == 0;
}

bool mailbox_flags_next(const struct mailbox *mailbox, uint32_t most, struct seqset *uids)
{
    const struct uid_map *map = &mailbox->map;
    uint32_t before = 0; /* the UID of the message before, if its flags are among them */
    bool ok = true;

    for (uint32_t i = uid_map_rank(map, mailbox->flags_cursor); ok && most > 0 && i < map->count; i++) {
        const struct message *message = uid_map_at(map, i);
        bool wanted = !mailbox->flags_due_only || message->flags_due;
        if (wanted)
            ok = seqset_add_range(uids, before ? before : message->uid, message->uid);
        before = wanted ? message->uid : 0;
        most -= wanted;
    }
    return ok;
}

void mailbox_flags_tried(struct mailbox *mailbox, usec now)
{
    mailbox->flags_at = now;
    mailbox->flags_urgent = false;
}

void mailbox_flags_expected(struct mailbox *mailbox, struct message *message)
{
    mailbox->flags_due += !message->flags_due;
    message->flags_due = true;
}

void mailbox_flags_expected_of(struct mailbox *mailbox, const struct seqset *uids)
{
    const struct uid_map *map = &mailbox->map;

    for (size_t i = 0; i < uids->count; i++) {
        for (uint32_t at = uid_map_rank(map, uids->ranges[i].low - 1), end = uid_map_rank(map, uids->ranges[i].high);
             at < end; at++)
            mailbox_flags_expected(mailbox, uid_map_at(map, at));
    }
}

void mailbox_flags_asked(struct mailbox *mailbox, uint32_t up_to)
{
    mailbox->flags_cursor = up_to;
}

/* All flags have been read since SELECT, so every change that its HIGHESTMODSEQ counts is in the truth. */
static void settle_as_selected(struct mailbox *mailbox)
{
    if (mailbox->tail_count == 0 && !mailbox->nomodseq && mailbox->modseq_selected > mailbox->modseq)
        mailbox->modseq = mailbox->modseq_selected;
}

/* Are there flags to be asked for above the cursor? */
static bool flags_are_left(const struct mailbox *mailbox)
{
    const struct uid_map *map = &mailbox->map;
    bool any = false;

    for (uint32_t i = uid_map_rank(map, mailbox->flags_cursor); !any && i < map->count; i++)
        any = !mailbox->flags_due_only || uid_map_at(map, i)->flags_due;
    return any;
}

bool mailbox_flags_learned(struct mailbox *mailbox, usec now, bool vouched)
{
    if (!mailbox->map_in_step)
        return false; /* the news since then is not all in the truth */
    if (mailbox->flags_in_step)
        return true;
    if (flags_are_left(mailbox))
        return false;
    mailbox->flags_cursor = 0;
    mailbox->flags_in_step = !mailbox->flags_due_only && mailbox_all_flags_known(mailbox);
    if (!mailbox->flags_in_step) {
        mailbox->flags_due_only = mailbox->flags_due > 0; /* those that were not told are asked for once more */
        return false;
    }
    mailbox->flags_at = now;
    if (vouched)
        mailbox_settle_modseq(mailbox);
    else
        settle_as_selected(mailbox);
    return true;
}

/* --- mod-sequences */

void mailbox_note_highestmodseq(struct mailbox *mailbox, uint64_t modseq)
{
    mailbox->modseq_said = modseq;
}

void mailbox_settle_modseq(struct mailbox *mailbox)
{
    if (mailbox->modseq_said != 0)
        mailbox->modseq_pending = mailbox->modseq_said;
    mailbox->modseq_said = 0;
    if (mailbox->tail_count > 0 || !mailbox->flags_in_step || mailbox->nomodseq)
        return;
    if (mailbox->modseq_pending > mailbox->modseq)
        mailbox->modseq = mailbox->modseq_pending;
}

uint64_t mailbox_highestmodseq(const struct mailbox *mailbox)
{
    if (mailbox->nomodseq)
        return 0;
    return mailbox->modseq > mailbox->modseq_selected ? mailbox->modseq : mailbox->modseq_selected;
}

bool mailbox_is_known_since(const struct mailbox *mailbox, uint64_t modseq)
{
    return mailbox->map_in_step && mailbox->flags_in_step && !mailbox->nomodseq && !mailbox->gone_since_select &&
           modseq == mailbox->modseq && modseq >= mailbox->modseq_selected;
}

/* --- STATUS */

static bool status_number(const struct value *items, const char *name, uint64_t *number)
{
    for (const struct value *item = items; item && item->next; item = item->next->next) {
        if (value_is_atom(item, name))
            return value_number(item->next, INT64_MAX, number);
    }
    return false;
}

/* Below it nothing has come if it stands just above the highest UID that ever was in the truth. */
static bool uidnext_differs(struct mailbox *mailbox, uint64_t number)
{
    uint64_t known = mailbox->uidnext ? mailbox->uidnext : (uint64_t)mailbox->map.highest + 1;

    if (mailbox->uidnext == 0 || mailbox->uidnext_status != 0)
        mailbox->uidnext_status = (uint32_t)number;
    return number != known;
}

/* A lower one than ours: the server has begun them again. */
static bool modseq_differs(const struct mailbox *mailbox, uint64_t number)
{
    if (mailbox->nomodseq || mailbox->modseq == 0 || number == 0)
        return false;
    return number < mailbox->modseq || (number > mailbox->modseq && mailbox->left_with_flags);
}

/* One that the server tells otherwise, and not now, may be anything. */
static bool is_lacking(const struct mailbox *mailbox, const struct value *items)
{
    uint64_t number;
    bool tells_uidnext = mailbox->uidnext != 0 || mailbox->uidnext_status != 0;

    return !status_number(items, "MESSAGES", &number) || (tells_uidnext && !status_number(items, "UIDNEXT", &number)) ||
           (mailbox->uidvalidity != 0 && !status_number(items, "UIDVALIDITY", &number));
}

bool mailbox_status_differs(struct mailbox *mailbox, const struct value *items)
{
    uint64_t number;

    if (is_lacking(mailbox, items))
        return true;
    if (status_number(items, "UIDNEXT", &number) && number <= UINT32_MAX && uidnext_differs(mailbox, number))
        return true;
    if (status_number(items, "MESSAGES", &number) && number != mailbox->map.count)
        return true;
    if (status_number(items, "UIDVALIDITY", &number) && number != mailbox->uidvalidity)
        return true;
    return status_number(items, "HIGHESTMODSEQ", &number) && modseq_differs(mailbox, number);
}
