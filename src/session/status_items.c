/* See status_items.h. */
#include "session/status_items.h"

#include <inttypes.h>

#include "base/append.h"
#include "imap/object_id.h"

static uint64_t count_found_unseen(const struct mailbox *mailbox, const struct seqset *unseen)
{
    struct seqset_walk walk;
    uint64_t count = 0;
    uint32_t uid;

    seqset_walk_start(&walk, unseen);
    while (seqset_walk_next(&walk, &uid))
        count += uid_map_find(&mailbox->map, uid) != NULL;
    return count;
}

static uint64_t count_unseen(const struct mailbox *mailbox)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < mailbox->map.count; i++)
        count += (uid_map_at(&mailbox->map, i)->system & FLAG_SEEN) == 0;
    return count;
}

/* Answers from the STATUS command alone. */
static bool from_found(const struct status_found *found, const struct mailbox *mailbox, const struct value *item,
                       uint64_t *number)
{
    if (!found)
        return false;
    if (value_is_atom(item, "UIDNEXT"))
        *number = mailbox->map.highest == UINT32_MAX ? UINT32_MAX : mailbox->map.highest + 1;
    else if (value_is_atom(item, "UNSEEN") && found->unseen)
        *number = count_found_unseen(mailbox, found->unseen);
    else if (value_is_atom(item, "HIGHESTMODSEQ"))
        *number = 0; /* RFC 7162 section 3.1.7 */
    else if (value_is_atom(item, "SIZE") && found->size_known)
        *number = found->size;
    else
        return false;
    return true;
}

/* False: neither the truth nor the command says. */
static bool find_number(const struct account *account, const struct mailbox *mailbox, const struct value *item,
                        const struct status_found *found, uint64_t *number)
{
    if (value_is_atom(item, "MESSAGES"))
        *number = mailbox->map.count;
    else if (value_is_atom(item, "UIDNEXT") && mailbox->uidnext)
        *number = mailbox->uidnext;
    else if (value_is_atom(item, "UIDVALIDITY") && mailbox->uidvalidity)
        *number = mailbox->uidvalidity;
    else if (value_is_atom(item, "HIGHESTMODSEQ") && mailbox_highestmodseq(mailbox))
        *number = mailbox_highestmodseq(mailbox);
    else if (value_is_atom(item, "RECENT"))
        *number = mailbox->recent_free.count;
    else if (value_is_atom(item, "UNSEEN") && account_flags_in_step(account, mailbox))
        *number = count_unseen(mailbox);
    else
        return from_found(found, mailbox, item, number);
    return true;
}

bool status_items_known(const struct offer *offer, const struct value *items)
{
    static const char *const names[] = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"};

    for (; items; items = items->next) {
        bool known = items->kind == VALUE_ATOM && offer_adds(offer, WORD_STATUS, items->text);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            known |= value_is_atom(items, names[i]);
        if (!known)
            return false;
    }
    return true;
}

bool status_item_is_lasting(const struct value *item)
{
    return value_is_atom(item, "MAILBOXID") || value_is_atom(item, "APPENDLIMIT");
}

bool status_item_fits(const struct value *item, const struct value *value)
{
    uint64_t number;

    if (!value)
        return false;
    if (value_is_atom(item, "MAILBOXID"))
        return object_id_is_told(value);
    return value_number(value, INT64_MAX, &number) || (value_is_atom(item, "APPENDLIMIT") && value_is_nil(value));
}

void status_item_print(const struct value *item, const struct value *value, uint64_t append_max, struct evbuffer *out)
{
    uint64_t number = UINT64_MAX;

    if (value_is_atom(item, "APPENDLIMIT")) {
        if (!value_number(value, UINT64_MAX, &number) || number > append_max)
            number = append_max;
        append_format(out, " %" PRIu64, number);
    } else {
        append_bytes(out, " ", 1);
        if (!value_print(value, out))
            append_fail(out);
    }
}

const struct value *status_items_told(const struct value *told, const struct value *item)
{
    for (; told && told->next; told = told->next->next) {
        if (told->kind == VALUE_ATOM && slice_equal_nocase(told->text, item->text))
            return told->next;
    }
    return NULL;
}

static bool print_id(const struct mailbox *mailbox, const struct value *item, const char *space, struct evbuffer *out)
{
    return value_is_atom(item, "MAILBOXID") && mailbox->object_id &&
           append_format(out, "%sMAILBOXID (%s)", space, mailbox->object_id);
}

void status_items_print(const struct account *account, uint64_t append_max, const struct mailbox *mailbox,
                        const struct value *items, const struct value *told, const struct status_found *found,
                        struct evbuffer *out)
{
    const char *space = "";

    append_bytes(out, "(", 1);
    for (const struct value *item = items; item; item = told == items && item->next ? item->next->next : item->next) {
        const struct value *value = status_items_told(found && found->told ? found->told : told, item);
        uint64_t number;
        if (item->kind != VALUE_ATOM)
            continue;
        if (find_number(account, mailbox, item, found, &number))
            append_format(out, "%s%.*s %" PRIu64, space, (int)item->text.length, item->text.data, number);
        else if (print_id(mailbox, item, space, out))
            ;
        else if (status_item_fits(item, value) &&
                 append_format(out, "%s%.*s", space, (int)item->text.length, item->text.data))
            status_item_print(item, value, append_max, out);
        else
            continue;
        space = " ";
    }
    append_bytes(out, ")", 1);
}
