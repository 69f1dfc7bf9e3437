/* FETCH answers on their way in. The guard stands here: number and UID are checked against the map before anything of
 * an answer goes to anybody, flags go into the truth first, and only then the owner sees its part. An
 * answer whose UID has not come before its first streamed literal is held (octets in a spool) until it has ended, then
 * handed on in the same pieces. */
#include <stdlib.h>
#include <string.h>

#include "imap/fetch_items.h"
#include "mux/selection_inside.h"

#define HELD_VALUES_MAX ((size_t)16 * 1024 * 1024)

/* One part of a held answer, and where its literal's octets stand in the spool. */
struct held_part {
    struct fetch_answer answer;
    uint64_t offset;
    struct held_part *next;
};

struct held_fetch {
    struct arena arena;
    struct held_part *first;
    struct held_part *last;
    struct spool *spool;
    const struct spool_ops *ops;
};

/* --- flags */

bool fetch_intake_flags(const struct fetch_pair *pairs, struct arena *arena, struct mailbox_flags *flags)
{
    *flags = (struct mailbox_flags){0};
    for (const struct fetch_pair *pair = pairs; pair; pair = pair->next) {
        enum fetch_kind kind = fetch_pair_kind(pair);
        if (kind == FETCH_MODSEQ) {
            flags->modseq = fetch_pair_modseq(pair);
        } else if (kind == FETCH_FLAGS) {
            if (!value_is_list(pair->value) || !flags_parse(pair->value, arena, &flags->flags))
                return false;
            flags->present = true;
        }
    }
    return true;
}

/* What the server says of the message's size. Wrong or not, it only decides how the message is asked for. */
static void note_size(const struct selection *selection, const struct fetch_pair *pairs)
{
    struct message *message = uid_map_find(&selection->selected->map, selection->intake.uid);
    uint32_t size = fetch_pairs_size(pairs);

    if (message && size != 0)
        message->size = size;
}

/* Reads the UID from the pairs; 0: none. False: two different ones. */
static bool find_uid(const struct fetch_pair *pairs, uint32_t *uid)
{
    for (const struct fetch_pair *pair = pairs; pair; pair = pair->next) {
        uint32_t told = fetch_pair_kind(pair) == FETCH_UID ? fetch_pair_uid(pair) : 0;
        if (told != 0 && *uid != 0 && *uid != told)
            return false;
        if (told != 0)
            *uid = told;
    }
    return true;
}

/* --- to the truth and to the owner */

static void hand_on(struct selection *selection, uint32_t uid, const struct fetch_answer *part)
{
    if (selection_owner_listens(selection))
        selection->ops->fetch(selection->owner, uid, part);
}

/* Reports an impossible number, or a UID that is not the one known under it. */
static void mismatch(struct selection *selection, uint32_t uid)
{
    const struct mailbox *mailbox = selection->selected;
    uint32_t number = selection->intake.number;

    if (number >= 1 && number <= mailbox->map.count)
        selection_contradicted(selection, "FETCH %u has UID %u, expected %u", number, uid,
                               uid_map_at(&mailbox->map, number - 1)->uid);
    else
        selection_contradicted(selection, "FETCH %u has UID %u, but %u messages are known, the highest UID %u", number,
                               uid, mailbox_upstream_exists(mailbox), mailbox->map.highest);
}

/* The first part of an answer: checked against the map. True: the message is in the truth. */
static bool check_first(struct selection *selection, const struct mailbox_flags *flags, uint32_t *uid)
{
    struct mailbox *mailbox = selection->selected;
    uint32_t found;

    switch (mailbox_fetch(mailbox, selection->intake.number, *uid, flags, &found)) {
    case MAILBOX_OK:
        *uid = found;
        return true;
    case MAILBOX_IGNORED:
        return false;
    case MAILBOX_BROKEN:
        mismatch(selection, *uid);
        return false;
    case MAILBOX_NO_MEMORY:
        upstream_drop(selection->upstream, "out of memory");
        return false;
    }
    abort();
}

static bool later_flags(struct selection *selection, const struct mailbox_flags *flags)
{
    struct message *message = uid_map_find(&selection->selected->map, selection->intake.uid);

    return !message || mailbox_set_flags(selection->selected, message, flags);
}

/* Flags that could not be read, or that the server should have told beside the answer: they are asked for. */
static void judge_flags(struct selection *selection, bool readable)
{
    struct fetch_intake *intake = &selection->intake;
    struct message *message = uid_map_find(&selection->selected->map, intake->uid);
    bool sets_seen = selection->activity == ACTIVITY_OWNER && selection->owner_effect == SELECTION_SETS_SEEN;

    if (!message)
        return;
    if (!readable)
        mailbox_flags_untold(selection->selected, message, selection->activity != ACTIVITY_FLAGS);
    else if (sets_seen && !intake->flags_told && !(message->system & FLAG_SEEN))
        mailbox_flags_untold(selection->selected, message, true);
}

/* An answer without a UID belongs to its number. It is handed on if the owner has asked for just this message, so that
 * it can be no other answer to the same command. */
static bool is_sole(const struct selection *selection)
{
    return selection->activity == ACTIVITY_OWNER && selection->intake.uid != 0 &&
           selection->intake.uid == selection->owner_sole;
}

/* A part whose UID is known: `told` says whether the server itself told it. */
static void take_part(struct selection *selection, const struct fetch_answer *part, bool told)
{
    struct fetch_intake *intake = &selection->intake;
    struct mailbox_flags flags;
    struct arena arena;
    bool readable, complete = part->complete; /* a part that was held is freed when it contradicts the map */

    arena_init(&arena, (size_t)256 * 1024);
    readable = fetch_intake_flags(part->pairs, &arena, &flags);
    if (!readable) /* nothing else is wrong with the answer */
        flags = (struct mailbox_flags){0};
    intake->flags_told |= flags.present;
    if (part->first)
        intake->to_owner = check_first(selection, &flags, &intake->uid) && (told || is_sole(selection));
    else if (!later_flags(selection, &flags))
        upstream_drop(selection->upstream, "out of memory");
    if (arena.out_of_memory) /* a change would be lost */
        upstream_drop(selection->upstream, "out of memory");
    arena_clear(&arena);
    if (selection->selected && (complete || !readable))
        judge_flags(selection, readable);
    if (selection->selected && intake->to_owner)
        note_size(selection, part->pairs);
    if (intake->to_owner)
        hand_on(selection, intake->uid, part);
}

/* --- holding */

static void held_free(struct held_fetch *held)
{
    if (!held)
        return;
    arena_clear(&held->arena);
    if (held->spool)
        held->ops->close(held->spool);
    free(held);
}

static struct held_fetch *held_new(struct selection *selection)
{
    struct spooler *spooler = selection->ground->spooler;
    struct held_fetch *held = calloc(1, sizeof(*held));

    if (!held)
        return NULL;
    arena_init(&held->arena, HELD_VALUES_MAX);
    held->ops = spooler->ops;
    held->spool = spooler_open(spooler);
    if (held->spool)
        return held;
    held_free(held);
    return NULL;
}

static bool copy_pairs(struct arena *arena, const struct fetch_pair *pairs, struct fetch_pair **copy)
{
    *copy = NULL;
    for (; pairs; pairs = pairs->next) {
        struct value alone;
        *copy = arena_alloc(arena, sizeof(**copy));
        if (!*copy)
            return false;
        alone = *pairs->value;
        alone.next = NULL;
        (*copy)->name = arena_copy(arena, pairs->name);
        (*copy)->value = value_copy(arena, &alone);
        if (!(*copy)->name.data || !(*copy)->value)
            return false;
        copy = &(*copy)->next;
        *copy = NULL;
    }
    return true;
}

static bool hold_part(struct held_fetch *held, const struct fetch_answer *part)
{
    struct held_part *copy = arena_alloc(&held->arena, sizeof(*copy));

    if (!copy)
        return false;
    copy->answer = *part;
    copy->offset = held->ops->size(held->spool);
    copy->next = NULL;
    copy->answer.stream_name = arena_copy(&held->arena, part->stream_name);
    if (!copy_pairs(&held->arena, part->pairs, &copy->answer.pairs))
        return false;
    if (held->last)
        held->last->next = copy;
    else
        held->first = copy;
    held->last = copy;
    return true;
}

/* The answer is complete but its octets cannot be read back; the truth still takes in the rest of it. */
static void literal_is_lost(struct selection *selection)
{
    selection->intake.to_owner = false;
    if (selection_owner_listens(selection))
        selection->ops->fetch_broken(selection->owner, false);
}

static void replay_literal(struct selection *selection, const struct held_part *part)
{
    const struct held_fetch *held = selection->intake.held;
    char bytes[16 * 1024];
    uint64_t offset = part->offset, left = part->answer.stream_size;

    while (left > 0 && selection->intake.to_owner && selection_owner_listens(selection)) {
        size_t want = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
        size_t got = held->ops->read(held->spool, offset, bytes, want);
        if (got == 0) {
            literal_is_lost(selection);
            return;
        }
        selection->ops->fetch_data(selection->owner, (struct slice){bytes, got});
        offset += got;
        left -= got;
    }
}

/* The held answer is complete: its UID must stand in one of its parts. */
static void replay(struct selection *selection)
{
    struct fetch_intake *intake = &selection->intake;
    const struct held_part *part;
    bool agrees = true;

    for (part = intake->held->first; part; part = part->next)
        agrees = agrees && find_uid(part->answer.pairs, &intake->uid);
    if (!agrees)
        selection_contradicted(selection, "FETCH %u has two UIDs", intake->number);
    for (part = intake->held ? intake->held->first : NULL; part && agrees; part = intake->held ? part->next : NULL) {
        intake->open = !part->answer.complete;
        take_part(selection, &part->answer, intake->uid != 0);
        if (intake->held && !part->answer.complete)
            replay_literal(selection, part);
    }
    held_free(intake->held);
    intake->held = NULL;
}

/* --- in */

static void next_part(struct selection *selection, const struct fetch_answer *part)
{
    struct fetch_intake *intake = &selection->intake;

    intake->open = !part->complete;
    intake->left = part->complete ? 0 : part->stream_size;
    if (intake->held) {
        if (!hold_part(intake->held, part))
            upstream_drop(selection->upstream, "out of memory for a held FETCH answer");
        else if (part->complete)
            replay(selection);
        return;
    }
    if (!find_uid(part->pairs, &intake->uid)) {
        selection_contradicted(selection, "FETCH %u has two UIDs", intake->number);
        return;
    }
    take_part(selection, part, intake->uid != 0);
}

void fetch_intake_response(struct selection *selection, const struct response *response)
{
    const struct fetch_answer *part = &response->fetch;
    struct fetch_intake *intake = &selection->intake;
    uint32_t uid = 0;

    if (selection->switching.mailbox) {
        switch_fetch_answer(selection, response);
        return;
    }
    if (!selection->selected || !selection->selected->map_in_step)
        return;
    if (part->first) {
        fetch_intake_broken(selection, false);
        intake->number = response->number;
        if (!part->complete && find_uid(part->pairs, &uid) && uid == 0)
            intake->held = held_new(selection);
        if (!part->complete && uid == 0 && !intake->held) {
            upstream_drop(selection->upstream, "no room to hold an answer whose UID comes late");
            return;
        }
    } else if (!intake->open) {
        return; /* the rest of an answer that was given up */
    }
    next_part(selection, part);
}

void fetch_intake_data(struct selection *selection, struct slice bytes)
{
    struct fetch_intake *intake = &selection->intake;

    if (!intake->open)
        return;
    intake->left -= bytes.length < intake->left ? bytes.length : intake->left;
    selection->ops->literal_read(selection->owner, bytes.length);
    if (intake->held) {
        if (!intake->held->ops->append(intake->held->spool, bytes.data, bytes.length))
            upstream_drop(selection->upstream, "no room to hold an answer whose UID comes late");
    } else if (intake->to_owner && selection_owner_listens(selection)) {
        selection->ops->fetch_data(selection->owner, bytes);
    }
}

void fetch_intake_broken(struct selection *selection, bool sound)
{
    struct fetch_intake *intake = &selection->intake;
    bool tell = intake->open && intake->to_owner;
    struct held_fetch *held = intake->held;

    *intake = (struct fetch_intake){0};
    held_free(held);
    if (tell)
        selection->ops->fetch_broken(selection->owner, sound);
}
