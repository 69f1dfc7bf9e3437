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
#include "mux/account_inside.h"

#define SEARCHES_MAX 6

void resync_clear(struct account *account)
{
    struct resync *resync = &account->resync;

    seqset_clear(&resync->vanished);
    seqset_clear(&resync->found);
    free(resync->fetched);
    *resync = (struct resync){0};
}

bool resync_selected_well(const struct account *account, const struct mailbox *mailbox, bool read_write)
{
    return account->selected == mailbox && mailbox->map_in_step &&
           (!read_write || !account->selected_read_only || mailbox->read_only);
}

/* --- SELECT */

void resync_disturbed(struct account *account)
{
    account->resync.disturbed = account->resync.flags_missed = true;
}

void resync_leave(struct account *account)
{
    struct mailbox *left = account->selected;

    if (!left)
        return;
    mailbox_left(left);
    account->selected = NULL;
}

static bool can_ask_qresync(const struct account *account, const struct mailbox *mailbox)
{
    return upstream_has_qresync(account->upstream) && mailbox->known && mailbox->uidvalidity != 0 &&
           mailbox->modseq != 0 && !mailbox->nomodseq;
}

void resync_begin(struct account *account, struct mailbox *mailbox, bool read_write)
{
    struct outgoing *out = upstream_command(account->upstream);
    struct resync *resync = &account->resync;

    if (!out) {
        upstream_drop(account->upstream, "out of memory");
        return;
    }
    resync_leave(account);
    resync_clear(account);
    resync->mailbox = mailbox;
    resync->told.read_write = read_write;
    resync->qresync = can_ask_qresync(account, mailbox);
    outgoing_text(out, read_write ? "SELECT " : "EXAMINE ");
    outgoing_astring(out, slice_of(mailbox->name));
    if (resync->qresync) {
        outgoing_text(out, " (QRESYNC (");
        outgoing_number(out, mailbox->uidvalidity);
        outgoing_text(out, " ");
        outgoing_number(out, mailbox->modseq);
        outgoing_text(out, "))");
    } else if (upstream_has_condstore(account->upstream)) {
        outgoing_text(out, " (CONDSTORE)");
    }
    account_send(account, ACTIVITY_SELECT, out);
    resync->told.command = account->activity_number;
}

/* [CLOSED]: what came before was about the mailbox that is left. */
static void closed(struct resync *resync)
{
    seqset_clear(&resync->vanished);
    resync->fetched_count = 0;
    resync->exists = resync->recent = 0;
    resync->exists_told = false;
}

static void take_number(const struct value *value, uint32_t *number)
{
    uint64_t read;

    if (value_number(value, UINT32_MAX, &read))
        *number = (uint32_t)read;
}

static void select_code(struct resync *resync, const struct response *response)
{
    const struct response_code *code = &response->code;
    uint64_t modseq;

    if (code->name == RESPONSE_CODE_UIDVALIDITY)
        take_number(code->arguments, &resync->told.uidvalidity);
    else if (code->name == RESPONSE_CODE_UIDNEXT)
        take_number(code->arguments, &resync->told.uidnext);
    else if (code->name == RESPONSE_CODE_UNSEEN)
        take_number(code->arguments, &resync->unseen);
    else if (code->name == RESPONSE_CODE_HIGHESTMODSEQ && value_number(code->arguments, INT64_MAX, &modseq))
        resync->told.highestmodseq = modseq;
    else if (code->name == RESPONSE_CODE_PERMANENTFLAGS && resync->told.read_write)
        mailbox_take_flag_list(resync->mailbox, code->arguments, true);
    else if (code->name == RESPONSE_CODE_CLOSED)
        closed(resync);
}

static void select_vanished(struct resync *resync, const struct response *response)
{
    const struct value *value = response->arguments;
    struct seqset uids = {0};

    if (value_is_list(value)) /* (EARLIER) */
        value = value->next;
    if (response_uid_set(value, &uids) == SEQSET_OK) { /* one that is missed shows in the count */
        for (size_t i = 0; i < uids.count; i++)
            (void)!seqset_add_range(&resync->vanished, uids.ranges[i].low, uids.ranges[i].high);
    }
    seqset_clear(&uids);
}

static void select_untagged(struct resync *resync, const struct response *response)
{
    if (response->kind == RESPONSE_EXISTS) {
        resync->exists = response->number;
        resync->exists_told = true;
    } else if (response->kind == RESPONSE_RECENT) {
        resync->recent = response->number;
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(resync->mailbox, response->arguments, false);
    } else if (response->kind == RESPONSE_VANISHED) {
        select_vanished(resync, response);
    } else if (response->kind == RESPONSE_STATUS) {
        select_code(resync, response);
    }
}

static bool reserve_fetched(struct resync *resync)
{
    size_t capacity = resync->fetched_capacity ? resync->fetched_capacity * 2 : 64;
    struct resync_fetch *fetched;

    if (resync->fetched_count < resync->fetched_capacity)
        return true;
    fetched = reallocarray(resync->fetched, capacity, sizeof(*fetched));
    if (!fetched)
        return false;
    resync->fetched = fetched;
    resync->fetched_capacity = capacity;
    return true;
}

/* FETCH in the answer to SELECT (QRESYNC ...). Elsewhere in a switch its number means nothing yet. */
void resync_fetch(struct account *account, const struct response *response)
{
    struct resync *resync = &account->resync;
    struct resync_fetch fetched = {0};
    struct mailbox_flags flags;
    struct arena arena;
    bool taken = false;

    if (account->activity != ACTIVITY_SELECT || !response->fetch.first || !response->fetch.complete) {
        resync->flags_missed = true;
        return;
    }
    for (const struct fetch_pair *pair = response->fetch.pairs; pair; pair = pair->next) {
        if (fetch_pair_uid(pair))
            fetched.uid = fetch_pair_uid(pair);
    }
    arena_init(&arena, (size_t)256 * 1024);
    if (fetched.uid != 0 && fetch_intake_flags(response->fetch.pairs, &arena, &flags) && reserve_fetched(resync)) {
        fetched.flags.modseq = flags.modseq;
        fetched.flags.has_flags = flags.present;
        fetched.flags.recent = (flags.flags.system & FLAG_RECENT) != 0;
        fetched.flags.system = (uint8_t)(flags.flags.system & ~(unsigned)FLAG_RECENT);
        if (keywords_intern(resync->mailbox->keywords, flags.flags.keywords, flags.flags.keyword_count,
                            &fetched.flags.keywords)) {
            resync->fetched[resync->fetched_count++] = fetched;
            taken = true;
        }
    }
    resync->flags_missed |= !taken;
    arena_clear(&arena);
}

/* --- searching */

static void count_vanished(struct resync *resync, const struct response *response)
{
    struct seqset uids = {0};

    if (value_is_list(response->arguments)) /* EARLIER changes no numbers */
        return;
    resync->disturbed = resync->shrunk = true;
    if (response_uid_set(response->arguments, &uids) == SEQSET_OK) {
        uint64_t size = seqset_size(&uids);
        resync->exists -= size < resync->exists ? (uint32_t)size : resync->exists;
    }
    seqset_clear(&uids);
}

static void search_untagged(struct resync *resync, const struct response *response)
{
    if (response->kind == RESPONSE_EXISTS) {
        resync->exists = response->number;
    } else if (response->kind == RESPONSE_RECENT) {
        resync->recent = response->number;
    } else if (response->kind == RESPONSE_EXPUNGE) {
        resync->exists -= resync->exists > 0 ? 1 : 0;
        resync->disturbed = resync->shrunk = true;
    } else if (response->kind == RESPONSE_VANISHED) {
        count_vanished(resync, response);
    } else if (response->kind == RESPONSE_SEARCH || response->kind == RESPONSE_ESEARCH) {
        (void)!response_take_found(response, &resync->found);
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(resync->mailbox, response->arguments, false);
    }
}

void resync_untagged(struct account *account, const struct response *response)
{
    if (account->activity == ACTIVITY_SELECT)
        select_untagged(&account->resync, response);
    else
        search_untagged(&account->resync, response);
}

static void send_search(struct account *account, enum account_activity activity)
{
    struct outgoing *out = upstream_command(account->upstream);
    struct resync *resync = &account->resync;

    if (!out) {
        upstream_drop(account->upstream, "out of memory");
        return;
    }
    seqset_clear(&resync->found);
    resync->disturbed = false;
    resync->exists_when_sent = resync->exists;
    outgoing_text(out, account_has(account, CAPABILITY_ESEARCH) ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
    if (activity == ACTIVITY_SEARCH_RECENT) {
        outgoing_text(out, "RECENT");
    } else if (activity == ACTIVITY_SEARCH_ALL) {
        outgoing_text(out, "ALL");
    } else {
        outgoing_text(out, "UID ");
        outgoing_number(out, (uint64_t)resync->mailbox->map.highest + 1);
        outgoing_text(out, ":*");
    }
    account_send(account, activity, out);
}

/* --- taking in */

/* The views end: the numbers that they were told mean nothing any more. */
static void start_over(struct account *account, const char *reason)
{
    struct mailbox *mailbox = account->resync.mailbox;

    log_line(account_log(account), LOG_WARNING, "%s: %s: %s", account->name, mailbox->name, reason);
    mailbox_end_views(mailbox, reason, NULL);
    scheduler_mailbox_reset(account, mailbox);
    mailbox_reset(mailbox);
    mailbox_selected(mailbox, &account->resync.told);
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = ((const struct resync_fetch *)a)->uid, y = ((const struct resync_fetch *)b)->uid;
    return (x > y) - (x < y);
}

/* A flag change as the answer to SELECT told it; keywords were interned as it was read. */
static void take_fetched(struct mailbox *mailbox, const struct resync_fetch *fetched)
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
static bool take_qresync(struct account *account)
{
    struct resync *resync = &account->resync;
    struct mailbox *mailbox = resync->mailbox;

    for (size_t i = 0; i < resync->vanished.count; i++) {
        struct message *message;
        uint32_t before = resync->vanished.ranges[i].low - 1;
        while ((message = uid_map_after(&mailbox->map, before)) && message->uid <= resync->vanished.ranges[i].high)
            mailbox_gone(mailbox, before = message->uid);
    }
    if (resync->fetched_count > 0)
        qsort(resync->fetched, resync->fetched_count, sizeof(*resync->fetched), by_uid);
    for (size_t i = 0; i < resync->fetched_count; i++) {
        if (resync->fetched[i].uid > mailbox->map.highest && !mailbox_append(mailbox, resync->fetched[i].uid))
            return false;
        take_fetched(mailbox, &resync->fetched[i]);
    }
    return mailbox->map.count == resync->exists;
}

/* What was found is what the server counts at its tagged answer, no less: a server may leave out of its answer those
 * that are gone but still counted, and an arrival inside the search that was found must not make up for one of them.
 * What is found has been announced by then, so that equal numbers mean equal messages. */
static bool count_is_right(const struct resync *resync, uint64_t count)
{
    return !resync->disturbed && count == resync->exists;
}

/* The UIDs above the floor among those found join the map, if the count is then right. An arrival inside the search
 * that was not found could make up for a known message that is gone: then the count says nothing. */
static bool take_new(struct account *account)
{
    struct resync *resync = &account->resync;
    struct mailbox *mailbox = resync->mailbox;
    struct seqset_walk walk;
    uint32_t uid, floor = mailbox->map.highest;
    uint64_t new_ones = 0;

    seqset_walk_start(&walk, &resync->found);
    while (seqset_walk_next(&walk, &uid))
        new_ones += uid > floor;
    if (resync->exists != resync->exists_when_sent || !count_is_right(resync, mailbox->map.count + new_ones))
        return false;
    seqset_walk_start(&walk, &resync->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > floor && !mailbox_append(mailbox, uid))
            return false;
    }
    return true;
}

/* A server with an arrival at every answer counts more at the tagged one than any search has found. But what it counted
 * in its answer to SELECT stands below the UIDNEXT of that answer, and nothing that came since does: if so many are
 * found there, and none is known to have gone, they are the map, and the rest is the tail. */
static bool keep_those_selected(struct resync *resync)
{
    struct seqset below = {0};
    struct seqset_walk walk;
    uint32_t uid;
    bool right = resync->told.uidnext > 0 && !resync->disturbed && !resync->shrunk;

    seqset_walk_start(&walk, &resync->found);
    while (right && seqset_walk_next(&walk, &uid) && uid < resync->told.uidnext)
        right = seqset_add(&below, uid);
    right = right && seqset_size(&below) == resync->exists_selected;
    seqset_clear(right ? &resync->found : &below);
    if (right)
        resync->found = below;
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
static bool take_all(struct account *account)
{
    struct resync *resync = &account->resync;
    struct mailbox *mailbox = resync->mailbox;
    struct seqset_walk walk;
    uint32_t uid, floor = mailbox->map.highest;

    if (!count_is_right(resync, seqset_size(&resync->found)) && !keep_those_selected(resync))
        return false;
    remove_missing(mailbox, &resync->found);
    seqset_walk_start(&walk, &resync->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > floor || uid_map_find(&mailbox->map, uid))
            continue;
        start_over(account, "The server has given an old UID again; please reconnect");
        break;
    }
    seqset_walk_start(&walk, &resync->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid > mailbox->map.highest && !mailbox_append(mailbox, uid))
            return false;
    }
    return mailbox->map.count == seqset_size(&resync->found);
}

static void take_recent(struct resync *resync)
{
    struct mailbox *mailbox = resync->mailbox;
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &resync->found);
    while (seqset_walk_next(&walk, &uid)) {
        if (uid_map_find(&mailbox->map, uid))
            mailbox_note_recent(mailbox, uid);
    }
}

/* --- steps */

/* Flags are in step at once where the answer to SELECT told all that changed, or where nothing has changed. */
static bool flags_told(const struct account *account, bool by_qresync)
{
    const struct resync *resync = &account->resync;
    const struct mailbox *mailbox = resync->mailbox;
    bool unchanged = upstream_has_condstore(account->upstream) && resync->told.highestmodseq != 0 &&
                     resync->told.highestmodseq == mailbox->modseq;

    if (mailbox->map.count == 0)
        return true;
    return (by_qresync || unchanged) && mailbox_all_flags_known(mailbox);
}

static void set_first_unseen(const struct resync *resync)
{
    struct mailbox *mailbox = resync->mailbox;
    bool told = resync->unseen > 0 && resync->unseen <= mailbox->map.count && mailbox->map.count == resync->exists;

    mailbox_set_first_unseen(mailbox, told ? uid_map_at(&mailbox->map, resync->unseen - 1)->uid : 0);
}

static enum mailbox_flags_state flags_state(const struct account *account)
{
    const struct resync *resync = &account->resync;

    if (!resync->flags_missed && flags_told(account, resync->qresync))
        return MAILBOX_FLAGS_TOLD;
    return upstream_has_condstore(account->upstream) ? MAILBOX_FLAGS_CHEAP : MAILBOX_FLAGS_UNKNOWN;
}

static void in_step(struct account *account)
{
    struct mailbox *mailbox = account->resync.mailbox;
    struct mailbox_told told = account->resync.told;
    enum mailbox_flags_state flags = flags_state(account);
    uint32_t exists = account->resync.exists;

    resync_clear(account);
    account->activity = ACTIVITY_NONE;
    if (mailbox_in_step(mailbox, &told, exists, flags, task_now(&account->task)) != MAILBOX_OK)
        account_broken(account, "fewer messages than are known");
}

static void map_is_complete(struct account *account)
{
    if (account->resync.recent > 0)
        send_search(account, ACTIVITY_SEARCH_RECENT);
    else
        in_step(account);
}

static void search_all(struct account *account)
{
    struct resync *resync = &account->resync;

    resync->qresync = false; /* what it told was not the whole truth */
    if (resync->exists == 0) {
        seqset_clear(&resync->found);
        resync->disturbed = false;
        resync->exists_when_sent = 0;
        if (take_all(account))
            map_is_complete(account);
        else
            upstream_drop(account->upstream, "out of memory");
    } else if (resync->searches++ < SEARCHES_MAX) {
        send_search(account, ACTIVITY_SEARCH_ALL);
    } else {
        upstream_drop(account->upstream, "the server contradicts itself about a mailbox's messages");
    }
}

/* The answer to SELECT is complete. */
static void selected(struct account *account, const struct response *response)
{
    struct resync *resync = &account->resync;
    struct mailbox *mailbox = resync->mailbox;
    bool was_known;

    resync->told.selected_at = task_now(&account->task);
    resync->exists_when_sent = resync->exists; /* no search was needed for what is counted now */
    resync->exists_selected = resync->exists;
    resync->shrunk = false;
    resync->told.read_only = response->code.name == RESPONSE_CODE_READ_ONLY;
    account->selected = mailbox;
    account->selected_read_only = !resync->told.read_write;
    if (mailbox->uidvalidity != 0 && mailbox->uidvalidity != resync->told.uidvalidity) {
        start_over(account, "UIDVALIDITY has changed; please reconnect");
        resync->qresync = false;
    }
    mailbox_selected(mailbox, &resync->told);
    resync->exists_when_sent = resync->exists;
    was_known = mailbox->known;
    if (resync->qresync && take_qresync(account) && !mailbox->doubted) {
        set_first_unseen(resync);
        map_is_complete(account);
        return;
    }
    resync->qresync = false;
    if (mailbox->doubted) {
        search_all(account);
    } else if (was_known && resync->told.uidnext != 0 && resync->told.uidnext == mailbox->uidnext_left &&
               take_new(account)) {
        set_first_unseen(resync);
        map_is_complete(account);
    } else if (was_known && mailbox->map.count <= resync->exists && resync->exists > 0) {
        send_search(account, ACTIVITY_SEARCH_NEW);
    } else {
        search_all(account);
    }
}

static void searched(struct account *account, enum account_activity activity, const struct response *response)
{
    bool complete = response->status == RESPONSE_OK;

    if (activity == ACTIVITY_SEARCH_RECENT) {
        if (complete && !account->resync.disturbed) /* a disturbed map is built anew below */
            take_recent(&account->resync);
        if (account->resync.disturbed || account->resync.exists < account->resync.mailbox->map.count)
            search_all(account);
        else
            in_step(account);
        return;
    }
    complete = complete && (activity == ACTIVITY_SEARCH_NEW ? take_new(account) : take_all(account));
    if (!complete) {
        search_all(account);
        return;
    }
    set_first_unseen(&account->resync);
    map_is_complete(account);
}

void resync_tagged(struct account *account, enum account_activity activity, const struct response *response,
                   bool *refused)
{
    *refused = false;
    if (activity == ACTIVITY_SELECT && response->status != RESPONSE_OK) {
        resync_clear(account);
        *refused = true;
    } else if (activity == ACTIVITY_SELECT && (!account->resync.exists_told || account->resync.told.uidvalidity == 0)) {
        upstream_drop(account->upstream, "the answer to SELECT lacks EXISTS or UIDVALIDITY");
    } else if (activity == ACTIVITY_SELECT) {
        selected(account, response);
    } else {
        searched(account, activity, response);
    }
}
