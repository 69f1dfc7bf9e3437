/* Users, mailboxes, messages. Every change is noted with its time and told to the user's server session, which decides
 * when its client hears of it. */
#include "sim/store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/server.h"

/* --- identities */

struct identity *identity_new(struct user *user, struct dice *dice)
{
    struct sim *sim = user->sim;
    struct memory *memory = &sim->memory;
    struct identity *identity = memory_take(memory, sizeof(*identity));
    bool large = dice_percent(dice, sim->plan.large);
    size_t filler = large ? dice_between(dice, 17 * 1024, 70 * 1024) : dice_magnitude(dice, 8, 2048);
    char *text, *at;

    identity->user = user;
    identity->number = ++sim->next_identity;
    if (identity->number >= sim->identities_capacity) {
        size_t capacity = sim->identities_capacity ? sim->identities_capacity * 2 : 512;
        sim->identities = memory_grow(memory, sim->identities, sim->identities_capacity * sizeof(*sim->identities),
                                      capacity * sizeof(*sim->identities));
        sim->identities_capacity = capacity;
    }
    sim->identities[identity->number] = identity;
    identity->id_header = memory_format(memory, "X-ID: %s.%u\r\n\r\n", user->name, identity->number);
    text = memory_take(memory, filler + 400);
    at = text + sprintf(text, "X-ID: %s.%u\r\nSubject: mail %u of %s\r\nFrom: <%s@example.org>\r\n\r\n", user->name,
                        identity->number, identity->number, user->name, user->name);
    identity->header = (size_t)(at - text);
    at += sprintf(at, "id %s.%u\r\n", user->name, identity->number);
    for (size_t i = 0; i < filler; i++)
        *at++ = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : (char)('a' + (identity->number + i / 64 + i) % 26);
    at += sprintf(at, "\r\nend %s.%u)\r\n", user->name, identity->number);
    identity->text = text;
    identity->size = (size_t)(at - text);
    identity->counted = identity->size + (sim->plan.counts_wrong ? identity->number % 9 : 0);
    return identity;
}

struct identity *identity_of(struct sim *sim, struct slice message)
{
    char name[64], begin[100];
    unsigned number;

    snprintf(begin, sizeof(begin), "%.*s", (int)(message.length < 90 ? message.length : 90), message.data);
    if (message.length < 10 || sscanf(begin, "X-ID: %63[^.\r\n].%u", name, &number) != 2)
        return NULL;
    return number > 0 && number <= sim->next_identity ? sim->identities[number] : NULL;
}

/* --- boxes */

static struct box *box_of_name(struct user *user, struct slice name)
{
    if (slice_equal_nocase(name, SLICE("INBOX")))
        name = SLICE("INBOX");
    for (struct box *box = user->boxes; box; box = box->next) {
        if (!box->gone && (slice_equal(slice_of(box->name), name) ||
                           (user->sim->plan.spellings && slice_equal_nocase(slice_of(box->name), name))))
            return box;
    }
    return NULL;
}

struct box *box_find(struct user *user, struct slice name)
{
    return box_of_name(user, name);
}

struct box *box_of_validity(struct user *user, struct slice name, uint32_t validity)
{
    (void)name;
    for (struct box *box = user->boxes; box; box = box->next) {
        if (box->validity == validity)
            return box;
    }
    return NULL;
}

/* So high that no run reaches it again from a lower one. */
#define MODSEQS_BEGIN (UINT64_C(1) << 40)

static bool modseqs_will_fall(const struct sim *sim)
{
    bool any = false;

    for (unsigned i = 0; i < sim->plan.fault_count; i++)
        any |= sim->plan.faults[i].kind == FAULT_MODSEQS_FALL;
    return any;
}

struct box *box_new(struct user *user, const char *name)
{
    struct sim *sim = user->sim;
    struct box *box = memory_take(&sim->memory, sizeof(*box));

    box->user = user;
    box->name = memory_text(&sim->memory, slice_of(name));
    box->validity = ++sim->next_validity;
    box->uidnext = 1 + sim->next_validity % 7;
    box->modseq = 1 + sim->next_validity % 11;
    if (modseqs_will_fall(sim))
        box->modseqs_begin = box->modseq = MODSEQS_BEGIN;
    box->looked_at = -USEC_HOUR;
    box->left_at = -USEC_HOUR;
    box->next = user->boxes;
    user->boxes = box;
    return box;
}

void user_forgotten(struct user *user)
{
    for (struct box *box = user->boxes; box; box = box->next) {
        box->deaths = 0;
        box->died_first = 0;
    }
}

void box_end(struct box *box)
{
    box->gone = true;
    box->user->ends++;
    user_disturbed(box->user, sim_now(box->user->sim));
}

void box_rename(struct box *box, const char *name)
{
    box->name = memory_text(&box->user->sim->memory, slice_of(name));
    box->deaths = 0; /* whoever knows it by its name does not know this one */
    box->user->ends++;
    user_disturbed(box->user, sim_now(box->user->sim));
}

void box_begin_modseqs(struct box *box)
{
    box->modseqs_begin /= 2;
    box->modseq = box->modseqs_begin;
    for (size_t i = 0; i < box->all_count; i++)
        box->all[i]->modseq = box->all[i]->dead ? 0 : ++box->modseq;
}

static size_t index_of(const struct box *box, uint32_t uid)
{
    size_t low = 0, high = box->all_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (box->all[middle]->uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct message *box_message(const struct box *box, uint32_t uid)
{
    size_t at = index_of(box, uid);
    return at < box->all_count && box->all[at]->uid == uid ? box->all[at] : NULL;
}

struct message *box_living(const struct box *box, unsigned index)
{
    for (size_t i = 0; i < box->all_count; i++) {
        if (!box->all[i]->dead && index-- == 0)
            return box->all[i];
    }
    return NULL;
}

struct message *box_deliver(struct box *box, struct identity *identity, uint32_t flags)
{
    struct sim *sim = box->user->sim;
    struct message *message = memory_take(&sim->memory, sizeof(*message));

    if (box->all_count == box->all_capacity) {
        size_t capacity = box->all_capacity ? box->all_capacity * 2 : 64;
        box->all =
            memory_grow(&sim->memory, box->all, box->all_count * sizeof(*box->all), capacity * sizeof(*box->all));
        box->all_capacity = capacity;
    }
    message->uid = box->uidnext;
    box->uidnext += 1 + (identity->number % 5 == 0 ? identity->number % 3 : 0);
    message->box = box;
    message->identity = identity;
    message->flags = flags;
    message->past[message->past_count++] = flags;
    message->modseq = ++box->modseq;
    message->recent = true;
    message->hidden = (box->ailment == UNSEARCHABLE || box->ailment == UNFINDABLE) && identity->number % 4 == 0;
    message->born_at = sim_now(sim);
    box->all[box->all_count++] = message;
    box->living++;
    server_news(box);
    return message;
}

void message_expunge(struct message *message)
{
    struct box *box = message->box;

    if (message->dead)
        return;
    message->dead = true;
    message->died_at = sim_now(box->user->sim);
    message->modseq = ++box->modseq;
    box->living--;
    server_news(box);
}

void message_set_flags(struct message *message, uint32_t flags, bool bump)
{
    struct box *box = message->box;

    if (message->dead || (message->flags == flags && !bump))
        return;
    message->modseq = ++box->modseq;
    message->changes++;
    message->changed_at = sim_now(box->user->sim);
    if (message->flags != flags) {
        if ((message->flags & DELETED) && !(flags & DELETED))
            message->move_begun = 0; /* another takes it back */
        message->flags = flags;
        message->past[message->past_count++ % PAST_MAX] = flags;
    }
    server_news(box);
}

void message_named(struct message *message)
{
    if (message->named_at == 0)
        message->named_at = sim_now(message->box->user->sim);
}

bool message_had_flags(const struct message *message, uint32_t flags)
{
    for (unsigned i = 0; i < message->past_count && i < PAST_MAX; i++) {
        if (message->past[i] == flags)
            return true;
    }
    return message->past_count > PAST_MAX;
}

unsigned box_unseen(const struct box *box)
{
    unsigned count = 0;

    for (size_t i = 0; i < box->all_count; i++)
        count += !box->all[i]->dead && !(box->all[i]->flags & SEEN);
    return count;
}

uint32_t box_highest(const struct box *box)
{
    for (size_t i = box->all_count; i-- > 0;) {
        if (!box->all[i]->dead)
            return box->all[i]->uid;
    }
    return 0;
}

/* --- flags */

static const char *const system_flags[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

const char *flag_name(const struct user *user, unsigned index)
{
    static char names[USERS_MAX][KEYWORDS][16];

    if (index < SYSTEM_FLAGS)
        return system_flags[index];
    if (names[0][0][0] == '\0') {
        for (unsigned u = 0; u < USERS_MAX; u++) {
            for (unsigned k = 0; k < KEYWORDS; k++)
                snprintf(names[u][k], sizeof(names[u][k]), k % 2 ? "$u%uk%u" : "u%uk%u", u, k);
        }
    }
    return names[user->number][index - SYSTEM_FLAGS];
}

bool flags_read(const struct user *user, struct slice list, uint32_t *flags, bool *recent)
{
    const char *at = list.data, *end = list.data + list.length;

    *flags = 0;
    *recent = false;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        struct slice word = {at, (size_t)((space ? space : end) - at)};
        unsigned i = 0;
        while (i < FLAGS && !slice_equal_nocase(word, slice_of(flag_name(user, i))))
            i++;
        if (i < FLAGS)
            *flags |= 1u << i;
        else if (slice_equal_nocase(word, SLICE("\\Recent")))
            *recent = true;
        else if (word.length > 0)
            return false;
        at += word.length + 1;
    }
    return true;
}

const char *flags_print(struct user *user, uint32_t flags, bool recent)
{
    char *text = user->flags_text[++user->flags_texts % 2];
    size_t used = (size_t)sprintf(text, "(");

    for (unsigned i = 0; i < FLAGS; i++) {
        if (flags & (1u << i))
            used += (size_t)sprintf(text + used, "%s%s", used > 1 ? " " : "", flag_name(user, i));
    }
    if (recent)
        used += (size_t)sprintf(text + used, "%s\\Recent", used > 1 ? " " : "");
    sprintf(text + used, ")");
    return text;
}

/* --- making */

void user_refused(struct user *user)
{
    user->refusals++;
    user->refused_at = sim_now(user->sim);
}

void user_disturbed(struct user *user, usec at)
{
    if (at > user->disturbed_at) /* what is still to strike is not forgotten */
        user->disturbed_at = at;
}

struct user *store_user(struct sim *sim, struct slice name)
{
    for (unsigned i = 0; i < sim->plan.users; i++) {
        if (slice_equal(slice_of(sim->users[i].name), name))
            return &sim->users[i];
    }
    return NULL;
}

static const char *const box_names[BOXES_MAX] = {"INBOX", "Sent", "Archive/2026", "with space", "NIL"};

void store_make(struct sim *sim)
{
    struct dice dice = dice_make(sim->seed, DICE_PLAN, 1, 0);

    sim->users = memory_take(&sim->memory, sizeof(*sim->users) * sim->plan.users);
    for (unsigned i = 0; i < sim->plan.users; i++) {
        struct user *user = &sim->users[i];
        user->sim = sim;
        user->number = i;
        user->name = memory_format(&sim->memory, "user%u", i);
        user->password[0] = memory_format(&sim->memory, "pass %u", i);
        user->password[1] = memory_format(&sim->memory, "other\"%u", i);
        user->ghost_until = -1;
        user->disturbed_at = -USEC_HOUR;
        for (unsigned b = 0; b < sim->plan.boxes; b++) {
            struct box *box = box_new(user, box_names[b]);
            box->ailment = sim->plan.ailing == b || sim->plan.ailing >= sim->plan.boxes ? sim->plan.ailment : SOUND;
            unsigned count = dice_percent(&dice, 20) ? 0 : (unsigned)dice_magnitude(&dice, 1, 40);
            while (count-- > 0) {
                struct message *message = box_deliver(box, identity_new(user, &dice), dice_below(&dice, ALL_FLAGS + 1));
                if (dice_percent(&dice, 20))
                    message_expunge(message);
                message->recent = dice_percent(&dice, 10);
            }
        }
    }
    if (sim->plan.delegated && sim->plan.users > 1)
        sim->users[sim->plan.users - 1].through = sim->users[0].name;
}
