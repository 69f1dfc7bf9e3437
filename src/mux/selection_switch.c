/* Moving the upstream to a mailbox and bringing its truth in step: one procedure with QRESYNC or without. From the
 * moment SELECT is written nothing goes into the truth of the mailbox that is left. While there is no map, EXISTS,
 * EXPUNGE and VANISHED are counted, and one that comes inside a proof spoils it.
 *
 *   SELECT --OK--> nothing new by UIDNEXT? --> [SEARCH_RECENT] --> in step
 *                  | no, map known
 *                  v
 *               FETCH_NEW --> proved? --> ...
 *                  | no
 *                  v
 *               SEARCH_ALL, FETCH_ALL, SEARCH_ALL... TRIES_MAX times, a NOOP between two; then the mailbox is in
 * trouble
 *
 * RFC 3501 section 6.3.1, RFC 7162 section 3.2.5. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "imap/fetch_items.h"
#include "mux/selection_inside.h"

/* Proofs of the whole map that are tried, each half of them by SEARCH, then by FETCH; then the mailbox is in trouble.
 */
#define TRIES_MAX 30

void switch_fails(struct selection *selection)
{
    const struct selection_switch *sw = &selection->switching;
    /* before the answer to SELECT they are those of the former session */
    uint32_t named = sw->mailbox && selection->activity != ACTIVITY_SELECT ? sw->mailbox->recent_named : 0;

    if (sw->mailbox && sw->told.read_write && sw->recent > named)
        mailbox_recent_nameless(sw->mailbox, sw->recent - named);
    switch_clear(selection);
}

void switch_clear(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;

    seqset_clear(&sw->vanished);
    seqset_clear(&sw->found);
    free(sw->fetched);
    keywords_free(sw->keywords);
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
    selection->left = left;
    selection->selected = NULL;
    selection->leaving = left; /* until the server has answered: then another session may select it */
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
    if (selection->leaving == mailbox)
        selection->leaving = NULL;
    mailbox_claim(mailbox, selection);
    mailbox_looks(mailbox);
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
    return true;
}

static void hear_of_left(struct mailbox *left, const struct selection_switch *sw)
{
    mailbox_recent_gone_late(left, seqset_size(&sw->vanished));
    if (sw->exists_told)
        mailbox_recent_exists_late(left, sw->exists);
    if (sw->recent > 0)
        mailbox_recent_late(left, sw->recent);
}

/* [CLOSED]: earlier answers were about the mailbox that is left. */
static void closed(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;

    if (selection->left)
        hear_of_left(selection->left, sw);
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

/* One that cannot be read is another matter than none. */
static void take_uidvalidity(struct selection_switch *sw, const struct value *value)
{
    take_number(value, &sw->told.uidvalidity);
    sw->disturbed |= sw->told.uidvalidity == 0;
}

static void select_code(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    const struct response_code *code = &response->code;
    uint64_t modseq;

    if (code->name == RESPONSE_CODE_UIDVALIDITY)
        take_uidvalidity(sw, code->arguments);
    else if (code->name == RESPONSE_CODE_UIDNEXT)
        take_number(code->arguments, &sw->told.uidnext);
    else if (code->name == RESPONSE_CODE_UNSEEN)
        take_number(code->arguments, &sw->unseen);
    else if (code->name == RESPONSE_CODE_HIGHESTMODSEQ && upstream_has_condstore(selection->upstream) &&
             value_number(code->arguments, INT64_MAX, &modseq))
        sw->told.highestmodseq = modseq;
    else if (code->name == RESPONSE_CODE_PERMANENTFLAGS && sw->told.read_write)
        mailbox_take_flag_list(sw->mailbox, code->arguments, true);
    else if (code->name == RESPONSE_CODE_MAILBOXID)
        mailbox_take_object_id(sw->mailbox, code->arguments);
    else if (code->name == RESPONSE_CODE_CLOSED)
        closed(selection);
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

/* EXISTS once more: what was told before may have been about the mailbox that is left, where so many came as have
 * become \Recent. */
static void told_again(struct selection *selection)
{
    const struct selection_switch *sw = &selection->switching;
    struct mailbox *left = selection->left;

    if (left && sw->exists_told && sw->recent > left->recent_said &&
        sw->exists == left->recent_exists + (sw->recent - left->recent_said))
        mailbox_recent_late(left, sw->recent);
}

static void select_untagged(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;

    if (response->kind == RESPONSE_EXISTS) {
        told_again(selection);
        sw->exists = response->number;
        sw->exists_told = true;
    } else if (response->kind == RESPONSE_RECENT) {
        sw->recent = response->number;
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(sw->mailbox, response->arguments, false);
    } else if (response->kind == RESPONSE_VANISHED) {
        select_vanished(sw, response);
    } else if (response->kind == RESPONSE_STATUS) {
        select_code(selection, response);
    }
}

static bool reserve_fetched(struct selection_switch *sw)
{
    size_t capacity = sw->fetched_capacity ? sw->fetched_capacity * 2 : 64;
    struct switch_fetch *fetched;

    if (!sw->keywords)
        sw->keywords = keywords_new();
    if (!sw->keywords)
        return false;
    if (sw->fetched_count < sw->fetched_capacity)
        return true;
    fetched = reallocarray(sw->fetched, capacity, sizeof(*fetched));
    if (!fetched)
        return false;
    sw->fetched = fetched;
    sw->fetched_capacity = capacity;
    return true;
}

/* Elsewhere in a switch the number of a FETCH means nothing yet. */
static bool tells_messages(enum selection_activity activity)
{
    return activity == ACTIVITY_SELECT || activity == ACTIVITY_FETCH_NEW || activity == ACTIVITY_FETCH_ALL;
}

/* FETCH in the answer to SELECT (QRESYNC ...), or to a proof. */
void switch_fetch_answer(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    struct switch_fetch fetched = {.number = response->number};
    struct mailbox_flags flags;
    struct arena arena;
    bool taken = false;

    if (!tells_messages(selection->activity) || !response->fetch.first || !response->fetch.complete) {
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
        if (keywords_intern(sw->keywords, flags.flags.keywords, flags.flags.keyword_count, &fetched.flags.keywords)) {
            fetched.order = sw->fetched_order++;
            sw->fetched[sw->fetched_count++] = fetched;
            taken = true;
        }
    }
    sw->flags_missed |= !taken;
    arena_clear(&arena);
}

/* --- while there is no map: changes are counted, and the proof under way hears of them */

/* A range may name UIDs that no message has: it does not say how many have gone. */
static bool are_single(const struct value *set)
{
    return !memchr(set->text.data, ':', set->text.length);
}

static void count_vanished(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    struct seqset uids = {0};

    if (value_is_list(response->arguments)) /* EARLIER changes no numbers */
        return;
    sw->shrunk = true;
    if (response_uid_set(response->arguments, &uids) == SEQSET_OK && are_single(response->arguments)) {
        uint64_t size = seqset_size(&uids);
        sw->exists -= size < sw->exists ? (uint32_t)size : sw->exists;
        sw->owed -= size < sw->owed ? (uint32_t)size : sw->owed;
        proof_hear_vanished(sw, selection->activity, &uids);
    } else {
        sw->unsure = sw->disturbed = true;
    }
    seqset_clear(&uids);
}

static void count_expunged(struct selection *selection, uint32_t number)
{
    struct selection_switch *sw = &selection->switching;

    sw->shrunk = true;
    sw->exists -= sw->exists > 0;
    sw->owed -= sw->owed > 0;
    proof_hear_expunged(sw, selection->activity, number);
}

static void proof_untagged(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;

    if (response->kind == RESPONSE_EXISTS) {
        sw->exists = response->number;
    } else if (response->kind == RESPONSE_RECENT) {
        sw->recent = response->number;
    } else if (response->kind == RESPONSE_EXPUNGE) {
        count_expunged(selection, response->number);
    } else if (response->kind == RESPONSE_VANISHED) {
        count_vanished(selection, response);
    } else if (response->kind == RESPONSE_SEARCH || response->kind == RESPONSE_ESEARCH) {
        sw->disturbed |= response_take_found(response, &sw->found) != RESPONSE_FOUND;
    } else if (response->kind == RESPONSE_FLAGS) {
        mailbox_take_flag_list(sw->mailbox, response->arguments, false);
    }
}

void switch_untagged(struct selection *selection, const struct response *response)
{
    if (selection->activity == ACTIVITY_SELECT)
        select_untagged(selection, response);
    else
        proof_untagged(selection, response);
}

/* The views end: the numbers that they were told mean nothing any more. */
void switch_start_over(struct selection *selection, const char *reason)
{
    struct mailbox *mailbox = selection->switching.mailbox;

    log_line(selection->ground->log, LOG_WARNING,
             "%s: %s: ending its views with \"%s\" (UIDVALIDITY was %u, is %u; highest UID %u)", selection->name,
             mailbox->name, reason, mailbox->uidvalidity, selection->switching.told.uidvalidity, mailbox->map.highest);
    mailbox_end_views(mailbox, reason, NULL);
    selection->ops->meaning_lost(selection->owner, mailbox);
    mailbox_reset(mailbox);
    mailbox_selected(mailbox, &selection->switching.told);
}

/* --- steps */

/* Flags are in step at once if the answer to SELECT told all changes, or if nothing has changed. */
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

    told.recent = selection->switching.recent;
    switch_clear(selection);
    selection->activity = ACTIVITY_NONE;
    if (mailbox->lost_doing != ACTIVITY_FLAGS && mailbox->lost_doing != ACTIVITY_STATUS)
        mailbox_spared_line(mailbox, mailbox->lost_doing); /* a part of a switch, and this one has come to its end */
    if (mailbox_in_step(mailbox, &told, exists, flags, selection_now(selection)) != MAILBOX_OK)
        selection_contradicted(selection, "EXISTS %u, but %u messages are known", exists, mailbox->map.count);
}

static void map_is_complete(struct selection *selection)
{
    set_first_unseen(&selection->switching);
    if (selection->switching.recent == 0)
        in_step(selection);
    else
        (void)!proof_send(selection, ACTIVITY_SEARCH_RECENT);
}

/* The mailbox is the asker's trouble, not the connection's: it is left alone for a while. */
static void give_up(struct selection *selection)
{
    struct mailbox *mailbox = selection->switching.mailbox;

    mailbox_trouble(mailbox, selection_now(selection));
    log_line(selection->ground->log, LOG_WARNING,
             "%s: %s: EXISTS %u, but neither SEARCH nor FETCH lists these messages; next try in %lld s",
             selection->name, mailbox->name, selection->switching.exists,
             (long long)((mailbox->shut_until - selection_now(selection)) / USEC_SECOND));
    switch_fails(selection);
    selection->ops->refused(
        selection->owner, NULL,
        "The mail server contradicts itself about the messages of this mailbox; please try again later");
}

/* How many messages there are is not known any more: the answer to SELECT says so. */
static void select_again(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;
    bool read_write = sw->told.read_write;
    unsigned tries = sw->tries + 1;

    mailbox_doubt(mailbox);
    if (switch_begin(selection, mailbox, read_write))
        selection->switching.tries = tries;
}

static void prove_all(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;

    sw->qresync = false;                /* what it told was not the whole truth */
    if (sw->unsure && sw->recent > 0) { /* they are so to no later selection */
        (void)!proof_send(selection, ACTIVITY_SEARCH_RECENT);
    } else if (sw->unsure && sw->tries < TRIES_MAX) {
        select_again(selection);
    } else if (sw->exists == 0 && !sw->unsure) {
        seqset_clear(&sw->found);
        sw->disturbed = false;
        if (proof_take(selection, ACTIVITY_SEARCH_ALL))
            map_is_complete(selection);
        else
            upstream_drop(selection->upstream, "out of memory");
    } else if (sw->tries == TRIES_MAX) {
        give_up(selection);
    } else {
        sw->tries++;
        (void)!proof_send(selection, sw->tries % 2 == 1 ? ACTIVITY_SEARCH_ALL : ACTIVITY_FETCH_ALL);
    }
}

/* A message that has gone is counted until the server has told so, and neither SEARCH nor FETCH may show it. */
static void try_again(struct selection *selection)
{
    const struct selection_switch *sw = &selection->switching;

    if (sw->tries == 0 || sw->tries == TRIES_MAX || sw->disturbed)
        prove_all(selection);
    else
        (void)!proof_send(selection, ACTIVITY_SETTLE);
}

/* Without UIDVALIDITY nothing is kept over a switch: the UIDs may mean anything. */
static bool is_another(const struct mailbox *mailbox, const struct mailbox_told *told)
{
    bool none = mailbox->known && (told->uidvalidity == 0 || mailbox->uidvalidity == 0);

    return none || (mailbox->uidvalidity != 0 && mailbox->uidvalidity != told->uidvalidity);
}

/* A server that begins its mod-sequences again (RFC 7162 section 6; its index files were lost) may have lost messages
 * that it never told of, so everything is read again. */
static bool modseq_has_fallen(const struct mailbox *mailbox, const struct mailbox_told *told)
{
    return mailbox->known && mailbox->modseq > told->highestmodseq;
}

static void judge_select(struct selection *selection)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;

    sw->qresync = sw->qresync && !is_another(mailbox, &sw->told) && !modseq_has_fallen(mailbox, &sw->told);
    if (is_another(mailbox, &sw->told)) {
        switch_start_over(selection, "UIDVALIDITY has changed; please reconnect");
        return;
    }
    if (modseq_has_fallen(mailbox, &sw->told)) {
        log_line(selection->ground->log, LOG_WARNING,
                 "%s: %s: HIGHESTMODSEQ is %llu, but was %llu; reading all flags again", selection->name, mailbox->name,
                 (unsigned long long)sw->told.highestmodseq, (unsigned long long)mailbox->modseq);
        mailbox_modseq_is_void(mailbox);
    }
    mailbox_selected(mailbox, &sw->told);
    if (sw->qresync) {
        proof_take_vanished(sw->mailbox, &sw->vanished);
        proof_take_flags(sw);
    }
}

/* The answer to SELECT is complete. */
static void selected(struct selection *selection, const struct response *response)
{
    struct selection_switch *sw = &selection->switching;
    struct mailbox *mailbox = sw->mailbox;

    sw->told.selected_at = selection_now(selection);
    sw->told.command = upstream_written(selection->upstream);
    sw->exists_selected = sw->exists;
    sw->shrunk = false;
    sw->told.read_only = response->code.name == RESPONSE_CODE_READ_ONLY;
    selection->selected = mailbox;
    selection->left = NULL;
    selection->selected_read_only = !sw->told.read_write;
    judge_select(selection);
    sw->fetched_count = 0;
    if (mailbox->doubted || !mailbox->known || mailbox->map.count == 0 || mailbox->map.count > sw->exists)
        prove_all(selection);
    else if (proof_by_uidnext(sw))
        map_is_complete(selection);
    else
        (void)!proof_send(selection, ACTIVITY_FETCH_NEW);
}

static void recent_told(struct selection *selection, bool complete)
{
    struct selection_switch *sw = &selection->switching;

    if (complete)
        proof_take_recent(sw);
    if (sw->unsure)
        sw->recent = 0;
    if (sw->disturbed || sw->unsure || sw->exists < sw->mailbox->map.count)
        prove_all(selection);
    else
        in_step(selection);
}

static void refused(struct selection *selection, const struct response *response)
{
    struct mailbox *mailbox = selection->switching.mailbox;

    switch_clear(selection);
    mailbox_release(mailbox, selection);
    selection->ops->refused(selection->owner, response, NULL);
    selection_mailbox_refused(selection, mailbox, response);
}

/* A UIDVALIDITY that could not be read is another matter than none. */
static bool is_readable(const struct selection_switch *sw)
{
    return sw->exists_told && (sw->told.uidvalidity != 0 || !sw->disturbed);
}

void switch_tagged(struct selection *selection, enum selection_activity activity, const struct response *response)
{
    bool complete = response->status == RESPONSE_OK;

    if (activity == ACTIVITY_SELECT && !complete)
        refused(selection, response);
    else if (activity == ACTIVITY_SELECT && !is_readable(&selection->switching))
        upstream_drop(selection->upstream, "the answer to SELECT lacks EXISTS, or could not be read");
    else if (activity == ACTIVITY_SELECT)
        selected(selection, response);
    else if (activity == ACTIVITY_SEARCH_RECENT)
        recent_told(selection, complete);
    else if (activity == ACTIVITY_SETTLE)
        prove_all(selection);
    else if (complete && proof_take(selection, activity))
        map_is_complete(selection);
    else
        try_again(selection);
}
