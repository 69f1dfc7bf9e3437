/* Moving the upstream to a mailbox and bringing its truth in step: one procedure with QRESYNC or without. Take in what
 * the answer to SELECT told, compare the count; else search what is new; else search all. From the moment SELECT is
 * written nothing goes into the truth of the mailbox that is left. While there is no map, EXISTS, EXPUNGE and VANISHED
 * are counted, and one that comes inside a search spoils it.
 *
 *   SELECT --OK--> count right? --> [SEARCH_RECENT] --> in step
 *                  | no, map known
 *                  v
 *               SEARCH_NEW --> count right? --> ...
 *                  | no
 *                  v
 *               SEARCH_ALL (at most SEARCHES_MAX times, then the line is dropped)
 *
 * RFC 3501 section 6.3.1, RFC 7162 section 3.2.5. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "imap/fetch_items.h"
#include "mux/selection_inside.h"

#define SEARCHES_MAX 6

void switch_clear(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;

    seqset_clear(&sw->vanished);
    seqset_clear(&sw->found);
    free(sw->fetched);
    *sw = (struct selection_switch){0};
}

bool switch_selected_well(const struct selection *selection, const struct mailbox *mailbox, bool read_write)
{
    return selection->selected == mailbox && mailbox->map_in_step &&
           (!read_write || !selection->selected_read_only || mailbox->read_only);
}

/* --- SELECT */

void switch_disturbed(struct selection *selection)
{
    selection->switching.disturbed = selection->switching.flags_missed = true;
}

void switch_leave(struct selection *selection)
{
    struct mailbox *left = selection->selected;

    if (!left)
        return;
    mailbox_left(left);
    selection->selected = NULL;
}

static bool can_ask_qresync(const struct selection *selection, const struct mailbox *mailbox)
{
    return upstream_has_qresync(selection->upstream) && mailbox->known && mailbox->uidvalidity != 0 &&
           mailbox->modseq != 0 && !mailbox->nomodseq;
}

bool switch_begin(struct selection *selection, struct mailbox *mailbox, bool read_write)
{
    struct outgoing *out = selection_command(selection);
    struct selection_switch *sw = &selection->switching;

    if (!out)
        return false;
    switch_leave(selection);
    switch_clear(selection);
    sw->mailbox = mailbox;
    sw->told.read_write = read_write;
    sw->qresync = can_ask_qresync(selection, mailbox);
    outgoing_text(out, read_write ? "SELECT " : "EXAMINE ");
    outgoing_astring(out, slice_of(mailbox->name));
    if (sw->qresync) {
        outgoing_text(out, " (QRESYNC (");
        outgoing_number(out, mailbox->uidvalidity);
        outgoing_text(out, " ");
        outgoing_number(out, mailbox->modseq);
        outgoing_text(out, "))");
    } else if (upstream_has_condstore(selection->upstream)) {
        outgoing_text(out, " (CONDSTORE)");
    }
    selection_send_own(selection, ACTIVITY_SELECT, out);
    sw->told.command = selection->activity_number;
    return true;
}

/* [CLOSED]: what came before was about the mailbox that is left. */
static void closed(struct selection_switch *sw)
{
    seqset_clear(&sw->vanished);
    sw->fetched_count = 0;
    sw->exists = sw->recent = 0;
    sw->exists_told = false;
}

static void take_number(const struct value *value, uint32_t *number)
{
    uint64_t read;

    if (value_number(value, UINT32_MAX, &read))
        *number = (uint32_t)read;
}

static void select_code(struct selection_switch *sw, const struct response *response)
{
    const struct response_code *code = &response->code;
    uint64_t modseq;

    if (code->name == RESPONSE_CODE_UIDVALIDITY)
        take_number(code->arguments, &sw->told.uidvalidity);
    else if (code->name == RESPONSE_CODE_UIDNEXT)
        take_number(code->arguments, &sw->told.uidnext);
    else if (code->name == RESPONSE_CODE_UNSEEN)
        take_number(code->arguments, &sw->unseen);
    else if (code->name == RESPONSE_CODE_HIGHESTMODSEQ && value_number(code->arguments, INT64_MAX, &modseq))
        sw->told.highestmodseq = modseq;
    else if (code->name == RESPONSE_CODE_PERMANENTFLAGS && sw->told.read_write)
        mailbox_take_flag_list(sw->mailbox, code->arguments, true);
    else if (code->name == RESPONSE_CODE_CLOSED)
        closed(sw);
}

static void select_vanished(struct selection_switch *sw, const struct response *response)
{
    const struct value *value = response->arguments;
    struct seqset uids = {0};

    if (value_is_list(value)) /* (EARLIER) */
        value = value->next;
    if (response_uid_set(value, &uids) == SEQSET_OK) { /* one that is missed shows in the count */
        for (size_t i = 0; i < uids.count; i++)
            (void)!seqset_add_range(&sw->vanished, uids.ranges[i].low, uids.ranges[i].high);
    }
    seqset_clear(&uids);
}

static void select_untagged(struct selection_switch *sw, const struct response *response)
{
    if (response->kind == RESPONSE_EXISTS) {
        sw->exists = response->number;
        sw->exists_told = true;
    } else if (response->kind == RESPONSE_RECENT) {
        sw->recent = response->number;
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(sw->mailbox, response->arguments, false);
    } else if (response->kind == RESPONSE_VANISHED) {
        select_vanished(sw, response);
    } else if (response->kind == RESPONSE_STATUS) {
        select_code(sw, response);
    }
}

static bool reserve_fetched(struct selection_switch *sw)
{
    size_t capacity = sw->fetched_capacity ? sw->fetched_capacity * 2 : 64;
    struct switch_fetch *fetched;

    if (sw->fetched_count < sw->fetched_capacity)
        return true;
    fetched = reallocarray(sw->fetched, capacity, sizeof(*fetched));
    if (!fetched)
        return false;
    sw->fetched = fetched;
    sw->fetched_capacity = capacity;
    return true;
}

/* FETCH in the answer to SELECT (QRESYNC ...). Elsewhere in a switch its number means nothing yet. */
void switch_fetch_answer(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    struct switch_fetch fetched = {0};
    struct mailbox_flags flags;
    struct arena arena;
    bool taken = false;

    if (selection->activity != ACTIVITY_SELECT || !response->fetch.first || !response->fetch.complete) {
        sw->flags_missed = true;
        return;
    }
    for (const struct fetch_pair *pair = response->fetch.pairs; pair; pair = pair->next) {
        if (fetch_pair_uid(pair))
            fetched.uid = fetch_pair_uid(pair);
    }
    arena_init(&arena, (size_t)256 * 1024);
    if (fetched.uid != 0 && fetch_intake_flags(response->fetch.pairs, &arena, &flags) && reserve_fetched(sw)) {
        fetched.flags.modseq = flags.modseq;
        fetched.flags.has_flags = flags.present;
        fetched.flags.recent = (flags.flags.system & FLAG_RECENT) != 0;
        fetched.flags.system = (uint8_t)(flags.flags.system & ~(unsigned)FLAG_RECENT);
        if (keywords_intern(sw->mailbox->keywords, flags.flags.keywords, flags.flags.keyword_count,
                            &fetched.flags.keywords)) {
            sw->fetched[sw->fetched_count++] = fetched;
            taken = true;
        }
    }
    sw->flags_missed |= !taken;
    arena_clear(&arena);
}

/* --- searching */

static void count_vanished(struct selection_switch *sw, const struct response *response)
{
    struct seqset uids = {0};

    if (value_is_list(response->arguments)) /* EARLIER changes no numbers */
        return;
    sw->disturbed = sw->shrunk = true;
    if (response_uid_set(response->arguments, &uids) == SEQSET_OK) {
        uint64_t size = seqset_size(&uids);
        sw->exists -= size < sw->exists ? (uint32_t)size : sw->exists;
    }
    seqset_clear(&uids);
}

static void search_untagged(struct selection_switch *sw, const struct response *response)
{
    if (response->kind == RESPONSE_EXISTS) {
        sw->exists = response->number;
    } else if (response->kind == RESPONSE_RECENT) {
        sw->recent = response->number;
    } else if (response->kind == RESPONSE_EXPUNGE) {
        sw->exists -= sw->exists > 0 ? 1 : 0;
        sw->disturbed = sw->shrunk = true;
    } else if (response->kind == RESPONSE_VANISHED) {
        count_vanished(sw, response);
    } else if (response->kind == RESPONSE_SEARCH || response->kind == RESPONSE_ESEARCH) {
        (void)!response_take_found(response, &sw->found);
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(sw->mailbox, response->arguments, false);
    }
}

void switch_untagged(struct selection *selection, const struct response *response)
{
    if (selection->activity == ACTIVITY_SELECT)
        select_untagged(&selection->switching, response);
    else
        search_untagged(&selection->switching, response);
}

static void send_search(struct selection *selection, enum selection_activity activity)
{
    struct outgoing *out = selection_command(selection);
    struct selection_switch *sw = &selection->switching;

    if (!out)
        return;
    seqset_clear(&sw->found);
    sw->disturbed = false;
    sw->exists_when_sent = sw->exists;
    outgoing_text(out, selection_has(selection, CAPABILITY_ESEARCH) ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
    if (activity == ACTIVITY_SEARCH_RECENT) {
        outgoing_text(out, "RECENT");
    } else if (activity == ACTIVITY_SEARCH_ALL) {
        outgoing_text(out, "ALL");
    } else {
        outgoing_text(out, "UID ");
        outgoing_number(out, (uint64_t)sw->mailbox->map.highest + 1);
        outgoing_text(out, ":*");
    }
    selection_send_own(selection, activity, out);
}

/* --- taking in */

/* The views end: the numbers that they were told mean nothing any more. */
static void start_over(struct selection *selection, const char *reason)
{
    struct mailbox *mailbox = selection->switching.mailbox;

    log_line(selection->ground->log, LOG_WARNING, "%s: %s: %s", selection->name, mailbox->name, reason);
    mailbox_end_views(mailbox, reason, NULL);
    selection->ops->meaning_lost(selection->owner, mailbox);
    mailbox_reset(mailbox);
    mailbox_selected(mailbox, &selection->switching.told);
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = ((const struct switch_fetch *)a)->uid, y = ((const struct switch_fetch *)b)->uid;
    return (x > y) - (x < y);
}

/* A flag change as the answer to SELECT told it; keywords were interned as it was read. */
static void take_fetched(struct mailbox *mailbox, const struct switch_fetch *fetched)
{
    struct message *message = uid_map_find(&mailbox->map, fetched->uid);
    struct slice names[KEYWORDS_MAX];
    struct mailbox_flags flags = {.present = fetched->flags.has_flags, .modseq = fetched->flags.modseq};

    if (!message)
        return;
    flags.flags.system = fetched->flags.system | (fetched->flags.recent ? (unsigned)FLAG_RECENT : 0);
    flags.flags.keywords = names;
    flags.flags.keyword_count = keywords_names(mailbox->keywords, fetched->flags.keywords, names);
    (void)!mailbox_set_flags(mailbox, message, &flags);
}

/* What QRESYNC told. True: the map is complete, by its count. */
static bool take_qresync(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;

    for (size_t i = 0; i < sw->vanished.count; i++) {
        struct message *message;
        uint32_t before = sw->vanished.ranges[i].low - 1;
        while ((message = uid_map_after(&mailbox->map, before)) && message->uid <= sw->vanished.ranges[i].high)
            mailbox_gone(mailbox, before = message->uid);
    }
    if (sw->fetched_count > 0)
        qsort(sw->fetched, sw->fetched_count, sizeof(*sw->fetched), by_uid);
    for (size_t i = 0; i < sw->fetched_count; i++) {
        if (sw->fetched[i].uid > mailbox->map.highest && !mailbox_append(mailbox, sw->fetched[i].uid))
            return false;
        take_fetched(mailbox, &sw->fetched[i]);
    }
    return mailbox->map.count == sw->exists;
}

/* What was found is what the server counts at its tagged answer, no less: a server may leave out of its answer those
 * that are gone but still counted, and an arrival inside the search that was found must not make up for one of them.
 * What is found has been announced by then, so that equal numbers mean equal messages. */
static bool count_is_right(const struct selection_switch *sw, uint64_t count)
{
    return !sw->disturbed && count == sw->exists;
}

/* The UIDs above the floor among those found join the map, if the count is then right. An arrival inside the search
 * that was not found could make up for a known message that is gone: then the count says nothing. */
static bool take_new(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;
    struct seqset_walk walk;
    uint32_t uid, floor = mailbox->map.highest;
    uint64_t new_ones = 0;

    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid))
        new_ones += uid > floor;
    if (sw->exists != sw->exists_when_sent || !count_is_right(sw, mailbox->map.count + new_ones))
        return false;
    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > floor && !mailbox_append(mailbox, uid))
            return false;
    }
    return true;
}

/* A server with an arrival at every answer counts more at the tagged one than any search has found. But what it counted
 * in its answer to SELECT stands below the UIDNEXT of that answer, and nothing that came since does: if so many are
 * found there, and none is known to have gone, they are the map, and the rest is the tail. */
static bool keep_those_selected(struct selection_switch *sw)
{
    struct seqset below = {0};
    struct seqset_walk walk;
    uint32_t uid;
    bool right = sw->told.uidnext > 0 && !sw->disturbed && !sw->shrunk;

    seqset_walk_start(&walk, &sw->found);
    while (right && seqset_walk_next(&walk, &uid) && uid < sw->told.uidnext)
        right = seqset_add(&below, uid);
    right = right && seqset_size(&below) == sw->exists_selected;
    seqset_clear(right ? &sw->found : &below);
    if (right)
        sw->found = below;
    return right;
}

static void remove_missing(struct mailbox *mailbox, const struct seqset *found)
{
    struct message *message;
    uint32_t uid = 0;

    while ((message = uid_map_after(&mailbox->map, uid))) {
        uid = message->uid;
        if (!seqset_contains(found, uid))
            mailbox_gone(mailbox, uid);
    }
}

/* All UIDs are known. One that is not above every UID that ever was has come back: the server breaks its word. */
static bool take_all(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;
    struct seqset_walk walk;
    uint32_t uid, floor = mailbox->map.highest;

    if (!count_is_right(sw, seqset_size(&sw->found)) && !keep_those_selected(sw))
        return false;
    remove_missing(mailbox, &sw->found);
    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > floor || uid_map_find(&mailbox->map, uid))
            continue;
        start_over(selection, "The server has given an old UID again; please reconnect");
        break;
    }
    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > mailbox->map.highest && !mailbox_append(mailbox, uid))
            return false;
    }
    return mailbox->map.count == seqset_size(&sw->found);
}

static void take_recent(struct selection_switch *sw)
{
    struct mailbox *mailbox = sw->mailbox;
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &sw->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid_map_find(&mailbox->map, uid))
            mailbox_note_recent(mailbox, uid);
    }
}

/* --- steps */

/* Flags are in step at once where the answer to SELECT told all that changed, or where nothing has changed. */
static bool flags_told(const struct selection *selection, bool by_qresync)
{
    const struct selection_switch *sw = &selection->switching;
    const struct mailbox *mailbox = sw->mailbox;
    bool unchanged = upstream_has_condstore(selection->upstream) && sw->told.highestmodseq != 0 &&
                     sw->told.highestmodseq == mailbox->modseq;

    if (mailbox->map.count == 0)
        return true;
    return (by_qresync || unchanged) && mailbox_all_flags_known(mailbox);
}

static void set_first_unseen(const struct selection_switch *sw)
{
    struct mailbox *mailbox = sw->mailbox;
    bool told = sw->unseen > 0 && sw->unseen <= mailbox->map.count && mailbox->map.count == sw->exists;

    mailbox_set_first_unseen(mailbox, told ? uid_map_at(&mailbox->map, sw->unseen - 1)->uid : 0);
}

static enum mailbox_flags_state flags_state(const struct selection *selection)
{
    const struct selection_switch *sw = &selection->switching;

    if (!sw->flags_missed && flags_told(selection, sw->qresync))
        return MAILBOX_FLAGS_TOLD;
    return upstream_has_condstore(selection->upstream) ? MAILBOX_FLAGS_CHEAP : MAILBOX_FLAGS_UNKNOWN;
}

static void in_step(struct selection *selection)
{
    struct mailbox *mailbox = selection->switching.mailbox;
    struct mailbox_told told = selection->switching.told;
    enum mailbox_flags_state flags = flags_state(selection);
    uint32_t exists = selection->switching.exists;

    switch_clear(selection);
    selection->activity = ACTIVITY_NONE;
    if (mailbox_in_step(mailbox, &told, exists, flags, selection_now(selection)) != MAILBOX_OK)
        selection_contradicted(selection, "EXISTS %u, but %u messages are known", exists, mailbox->map.count);
}

static void map_is_complete(struct selection *selection)
{
    if (selection->switching.recent > 0)
        send_search(selection, ACTIVITY_SEARCH_RECENT);
    else
        in_step(selection);
}

static void search_all(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;

    sw->qresync = false; /* what it told was not the whole truth */
    if (sw->exists == 0) {
        seqset_clear(&sw->found);
        sw->disturbed = false;
        sw->exists_when_sent = 0;
        if (take_all(selection))
            map_is_complete(selection);
        else
            upstream_drop(selection->upstream, "out of memory");
    } else if (sw->searches++ < SEARCHES_MAX) {
        send_search(selection, ACTIVITY_SEARCH_ALL);
    } else {
        upstream_drop(selection->upstream, "the server contradicts itself about a mailbox's messages");
    }
}

/* The answer to SELECT is complete. */
static void selected(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;
    bool was_known;

    sw->told.selected_at = selection_now(selection);
    sw->exists_when_sent = sw->exists; /* no search was needed for what is counted now */
    sw->exists_selected = sw->exists;
    sw->shrunk = false;
    sw->told.read_only = response->code.name == RESPONSE_CODE_READ_ONLY;
    selection->selected = mailbox;
    selection->selected_read_only = !sw->told.read_write;
    if (mailbox->uidvalidity != 0 && mailbox->uidvalidity != sw->told.uidvalidity) {
        start_over(selection, "UIDVALIDITY has changed; please reconnect");
        sw->qresync = false;
    }
    mailbox_selected(mailbox, &sw->told);
    sw->exists_when_sent = sw->exists;
    was_known = mailbox->known;
    if (sw->qresync && take_qresync(selection) && !mailbox->doubted) {
        set_first_unseen(sw);
        map_is_complete(selection);
        return;
    }
    sw->qresync = false;
    if (mailbox->doubted) {
        search_all(selection);
    } else if (was_known && sw->told.uidnext != 0 && sw->told.uidnext == mailbox->uidnext_left && take_new(selection)) {
        set_first_unseen(sw);
        map_is_complete(selection);
    } else if (was_known && mailbox->map.count <= sw->exists && sw->exists > 0) {
        send_search(selection, ACTIVITY_SEARCH_NEW);
    } else {
        search_all(selection);
    }
}

static void searched(struct selection *selection, enum selection_activity activity, const struct response *response)
{
    bool complete = response->status == RESPONSE_OK;

    if (activity == ACTIVITY_SEARCH_RECENT) {
        if (complete && !selection->switching.disturbed) /* a disturbed map is built anew below */
            take_recent(&selection->switching);
        if (selection->switching.disturbed || selection->switching.exists < selection->switching.mailbox->map.count)
            search_all(selection);
        else
            in_step(selection);
        return;
    }
    complete = complete && (activity == ACTIVITY_SEARCH_NEW ? take_new(selection) : take_all(selection));
    if (!complete) {
        search_all(selection);
        return;
    }
    set_first_unseen(&selection->switching);
    map_is_complete(selection);
}

bool switch_tagged(struct selection *selection, enum selection_activity activity, const struct response *response)
{
    if (activity == ACTIVITY_SELECT && response->status != RESPONSE_OK) {
        switch_clear(selection);
        return true;
    }
    if (activity == ACTIVITY_SELECT &&
        (!selection->switching.exists_told || selection->switching.told.uidvalidity == 0))
        upstream_drop(selection->upstream, "the answer to SELECT lacks EXISTS or UIDVALIDITY");
    else if (activity == ACTIVITY_SELECT)
        selected(selection, response);
    else
        searched(selection, activity, response);
    return false;
}
