/* FETCH answers on their way in. The guard stands here: number and UID are checked against the map before anything of
 * an answer goes to anybody, flags go into the truth first, and only then the current job sees what may be its own. An
 * answer whose UID has not come before its first streamed literal is held (octets in a spool) until it has ended, then
 * handed on in the same pieces. */
#include <stdlib.h>
#include <string.h>

#include "imap/fetch_items.h"
#include "mux/account_inside.h"

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

/* The UID that the pairs tell; 0: none. False: two different ones. */
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

/* --- to the truth and to the job */

/* Is there a job that may be asking about this mailbox's messages now? */
static bool job_listens(const struct account *account)
{
    const struct job *job = account->current;

    return account->activity == ACTIVITY_JOB && job && job->ops && job->ops->fetch &&
           job->mailbox == account->selected && !job->spoilt;
}

static void hand_on(struct account *account, uint32_t uid, const struct fetch_answer *part)
{
    struct job_fetch fetch = {.uid = uid, .part = part};

    if (job_listens(account))
        account->current->ops->fetch(account->current, &fetch);
}

/* The first part of an answer: checked against the map. True: the message is in the truth. */
static bool check_first(struct account *account, const struct mailbox_flags *flags, uint32_t *uid)
{
    struct mailbox *mailbox = account->selected;
    uint32_t found;

    switch (mailbox_fetch(mailbox, account->intake.number, *uid, flags, &found)) {
    case MAILBOX_OK:
        *uid = found;
        return true;
    case MAILBOX_IGNORED:
        return false;
    case MAILBOX_BROKEN:
        account_broken(account, "FETCH about a message that is another");
        return false;
    case MAILBOX_NO_MEMORY:
        upstream_drop(account->upstream, "out of memory");
        return false;
    }
    abort();
}

static bool later_flags(struct account *account, const struct mailbox_flags *flags)
{
    struct message *message = uid_map_find(&account->selected->map, account->intake.uid);

    return !message || mailbox_set_flags(account->selected, message, flags);
}

/* A part whose UID is known: `told` says whether the server itself told it. */
static void take_part(struct account *account, const struct fetch_answer *part, bool told)
{
    struct fetch_intake *intake = &account->intake;
    struct mailbox_flags flags;
    struct arena arena;
    bool readable;

    arena_init(&arena, (size_t)256 * 1024);
    readable = fetch_intake_flags(part->pairs, &arena, &flags);
    if (!readable) { /* then the message's flags are not known: nothing else is wrong with the answer */
        flags = (struct mailbox_flags){0};
        mailbox_flags_unreadable(account->selected);
    }
    if (part->first)
        intake->to_job = check_first(account, &flags, &intake->uid) && told;
    else if (!later_flags(account, &flags))
        upstream_drop(account->upstream, "out of memory");
    if (arena.out_of_memory) /* a change would be lost */
        upstream_drop(account->upstream, "out of memory");
    arena_clear(&arena);
    if (intake->to_job)
        hand_on(account, intake->uid, part);
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

static struct held_fetch *held_new(struct account *account)
{
    struct spooler *spooler = account->ground->spooler;
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

/* Depth is bounded by the parser. */
static struct value *copy_value(struct arena *arena, const struct value *value)
{
    struct value *copy = NULL, **end = &copy;

    for (; value; value = value->next) {
        *end = arena_alloc(arena, sizeof(**end));
        if (!*end)
            return NULL;
        **end = *value;
        (*end)->next = NULL;
        (*end)->text = arena_copy(arena, value->text);
        (*end)->first = value->first ? copy_value(arena, value->first) : NULL;
        if ((value->first && !(*end)->first) || (value->text.length > 0 && !(*end)->text.data))
            return NULL;
        end = &(*end)->next;
    }
    return copy;
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
        (*copy)->value = copy_value(arena, &alone);
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

/* The answer is whole, only its octets cannot be had again: the truth still hears of the rest of it. */
static void literal_is_lost(struct account *account)
{
    struct job *job = account->current;

    account->intake.to_job = false;
    if (job_listens(account) && job->ops->fetch_broken)
        job->ops->fetch_broken(job);
}

static void replay_literal(struct account *account, const struct held_part *part)
{
    const struct held_fetch *held = account->intake.held;
    char bytes[16 * 1024];
    uint64_t offset = part->offset, left = part->answer.stream_size;

    while (left > 0 && account->intake.to_job && job_listens(account)) {
        size_t want = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
        size_t got = held->ops->read(held->spool, offset, bytes, want);
        if (got == 0) {
            literal_is_lost(account);
            return;
        }
        account->current->ops->fetch_data(account->current, (struct slice){bytes, got});
        offset += got;
        left -= got;
    }
}

/* The held answer is complete: its UID must stand in one of its parts. */
static void replay(struct account *account)
{
    struct fetch_intake *intake = &account->intake;
    const struct held_part *part;
    bool agrees = true;

    for (part = intake->held->first; part; part = part->next)
        agrees = agrees && find_uid(part->answer.pairs, &intake->uid);
    if (!agrees)
        account_broken(account, "FETCH with two UIDs");
    for (part = intake->held ? intake->held->first : NULL; part && agrees; part = intake->held ? part->next : NULL) {
        intake->open = !part->answer.complete;
        take_part(account, &part->answer, intake->uid != 0);
        if (intake->held && !part->answer.complete)
            replay_literal(account, part);
    }
    held_free(intake->held);
    intake->held = NULL;
}

/* --- in */

static void next_part(struct account *account, const struct fetch_answer *part)
{
    struct fetch_intake *intake = &account->intake;

    intake->open = !part->complete;
    intake->left = part->complete ? 0 : part->stream_size;
    if (intake->held) {
        if (!hold_part(intake->held, part))
            upstream_drop(account->upstream, "out of memory for an answer that has to be held");
        else if (part->complete)
            replay(account);
        return;
    }
    if (!find_uid(part->pairs, &intake->uid)) {
        account_broken(account, "FETCH with two UIDs");
        return;
    }
    take_part(account, part, intake->uid != 0);
}

void fetch_intake_response(struct account *account, const struct response *response)
{
    const struct fetch_answer *part = &response->fetch;
    struct fetch_intake *intake = &account->intake;
    uint32_t uid = 0;

    if (account->resync.mailbox) {
        resync_fetch(account, response);
        return;
    }
    if (!account->selected || !account->selected->map_in_step)
        return;
    if (part->first) {
        fetch_intake_broken(account);
        intake->number = response->number;
        if (!part->complete && find_uid(part->pairs, &uid) && uid == 0)
            intake->held = held_new(account);
        if (!part->complete && uid == 0 && !intake->held) {
            upstream_drop(account->upstream, "no room to hold an answer whose UID comes late");
            return;
        }
    } else if (!intake->open) {
        return; /* the rest of an answer that was given up */
    }
    next_part(account, part);
}

void fetch_intake_data(struct account *account, struct slice bytes)
{
    struct fetch_intake *intake = &account->intake;

    if (!intake->open)
        return;
    intake->left -= bytes.length < intake->left ? bytes.length : intake->left;
    if (!account->current || !account->current->ops)
        account->drained += bytes.length;
    if (account->drained > account_settings(account)->drain_max) {
        upstream_drop(account->upstream, "reconnecting rather than reading what its client no longer wants");
        return;
    }
    if (intake->held) {
        if (!intake->held->ops->append(intake->held->spool, bytes.data, bytes.length))
            upstream_drop(account->upstream, "no room to hold an answer whose UID comes late");
    } else if (intake->to_job && job_listens(account)) {
        account->current->ops->fetch_data(account->current, bytes);
    }
}

void fetch_intake_broken(struct account *account)
{
    struct fetch_intake *intake = &account->intake;
    struct job *job = account->current;
    bool tell = intake->open && intake->to_job && job && job->ops && job->ops->fetch_broken;
    struct held_fetch *held = intake->held;

    *intake = (struct fetch_intake){0};
    held_free(held);
    if (tell)
        job->ops->fetch_broken(job);
}
