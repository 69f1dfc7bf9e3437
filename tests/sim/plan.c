/* From a seed to a kind of run. Runs differ in everything at once: mistakes like to hide where two liberties meet. */
#include "sim/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/dice.h"

static void choose_liberties(struct plan *plan, struct dice *dice)
{
    bool strict = dice_percent(dice, 15);
#define LIBERTY_CHOOSE(name)                                                                                           \
    plan->liberties.name = strict || dice_percent(dice, 50) ? 0 : (unsigned)dice_magnitude(dice, 2, 60);
    FIRST_LIBERTIES(LIBERTY_CHOOSE)
#undef LIBERTY_CHOOSE
    if (plan->liberties.refuses > 8)
        plan->liberties.refuses = 8;
    if (plan->liberties.idle_ends > 20)
        plan->liberties.idle_ends = 20;
    if (plan->liberties.arrives_always > 4)
        plan->liberties.arrives_always = 4;
}

static void choose_abilities(struct plan *plan, struct dice *dice)
{
    for (unsigned bit = 1; bit <= CAN_ID; bit <<= 1) {
        if (dice_percent(dice, 65))
            plan->can |= bit;
    }
    if (plan->can & CAN_QRESYNC)
        plan->can |= CAN_CONDSTORE;
    if (plan->can & CAN_CONDSTORE)
        plan->can |= CAN_ENABLE;
}

static void choose_settings(struct settings *settings, struct dice *dice)
{
    settings_defaults(settings);
    settings->freshness = dice_percent(dice, 50) ? 0 : dice_percent(dice, 50) ? USEC_SECOND : USEC_SECOND / 20;
    settings->idle_delay = (usec)dice_magnitude(dice, 1, 200000);
    settings->park_delay = (usec)dice_magnitude(dice, 1000, 10000000);
    settings->idle_gather = (usec)dice_magnitude(dice, 1, 1000000);
    settings->reconnect_first = (usec)dice_magnitude(dice, 1000, 100000);
    settings->reconnect_ceiling = (usec)dice_magnitude(dice, 1000000, 60000000);
    settings->watch_interval = (usec)dice_magnitude(dice, 4000000, 60000000);
    settings->watch_full_interval = (usec)dice_magnitude(dice, 8000000, 240000000);
    settings->flag_interval = (usec)dice_magnitude(dice, 1000, 60000000);
    settings->poll_interval = (usec)dice_magnitude(dice, 2000000, 60000000);
    settings->linger = (usec)dice_magnitude(dice, 1000, 60000000);
    settings->reverify_interval = (usec)dice_magnitude(dice, 1000, 10000000);
    settings->rejected_ttl = (usec)dice_magnitude(dice, 1000, 600000000);
    settings->response_timeout = (usec)dice_magnitude(dice, 1000000, 60000000);
    settings->slow_timeout = 3 * settings->response_timeout;
    settings->quantum = dice_between(dice, 1, 10);
    if (dice_percent(dice, 60)) {
        settings->slice_messages = dice_between(dice, 1, 12);
        settings->slice_size = dice_magnitude(dice, 100, 100000);
    }
    if (dice_percent(dice, 30))
        settings->upstream_command_max = dice_magnitude(dice, 4, 200);
    if (dice_percent(dice, 20))
        settings->queued_commands = dice_between(dice, 8, 20);
    if (dice_percent(dice, 20))
        settings->drain_max = dice_magnitude(dice, 1000, 100000);
    settings->login_timeout = USEC_HOUR * 100;
}

static void choose_faults(struct plan *plan, struct dice *dice)
{
    usec length = (usec)plan->acts * plan->rounds * plan->think;

    if (dice_percent(dice, 30))
        return;
    plan->fault_count = (unsigned)dice_magnitude(dice, 1, FAULTS_MAX);
    for (unsigned i = 0; i < plan->fault_count; i++) {
        struct fault *fault = &plan->faults[i];
        *fault = (struct fault){.kind = (enum fault_kind)dice_below(dice, FIRST_FAULT_KINDS),
                                .at = (usec)random_below(&dice->random, (uint64_t)length + 1),
                                .user = dice_below(dice, plan->users),
                                .amount = (uint32_t)dice_magnitude(dice, 1, 5000)};
    }
}

/* What was added later, with dice of its own. */
static void choose_more(struct plan *plan, struct dice *dice)
{
    plan->slow_close = dice_percent(dice, 50) ? 0 : dice_between(dice, 10, 60);
    plan->abrupt_end = dice_percent(dice, 25);
    if (dice_percent(dice, 15))
        plan->liberties.confused = (unsigned)dice_magnitude(dice, 1, 10);
    if (dice_percent(dice, 25))
        plan->liberties.drops_dead = dice_between(dice, 10, 100);
    if (dice_percent(dice, 15))
        plan->spool_fails = (unsigned)dice_magnitude(dice, 1, 30);
    plan->verify_connection = plan->passwords && dice_percent(dice, 50);
    plan->second_seat = dice_percent(dice, 70);
}

/* Many accounts that arrive in the same moments at a server where nobody is known yet: nobody may be refused, and every
 * account has one session. Without faults, so that a refusal has no other cause. */
static void choose_crowd(struct plan *plan, struct dice *dice)
{
    if (!dice_percent(dice, 3))
        return;
    plan->users = plan->clients = dice_between(dice, 12, USERS_MAX);
    plan->clients += dice_percent(dice, 50) ? 0 : dice_between(dice, 1, 10);
    plan->boxes = dice_between(dice, 1, 2);
    plan->acts = dice_between(dice, 3, 12);
    plan->think = (usec)dice_magnitude(dice, 300, 20000);
    plan->rounds = 1;
    plan->rubbish = 0;
    plan->fault_count = 0;
    plan->passwords = plan->verify_connection = plan->delegated = plan->deletes = false;
}

/* --- kinds of trouble: most runs have none, the others several. Each has dice of its own, so that a new one leaves the
 * others' runs as they are. */

enum kind {
    KIND_ANY,
    KIND_DENIALS,
    KIND_DEPARTURES,
    KIND_AILMENT,
    KIND_MODSEQS,
    KIND_HOLDS_BACK,
    KIND_BARE_SELECT,
    KIND_SEARCHES,
    KIND_PIECES,
    KIND_HURRY,
    KIND_SESSIONS,
    KIND_NAMES,
    KIND_RESUMES,
    KIND_RETURNS,
};

static struct dice kind_dice(uint64_t seed, enum kind kind)
{
    return dice_make(seed, DICE_PLAN, 10 + (uint64_t)kind, 0);
}

/* Answers that contain no fact. */
static void choose_denials(struct plan *plan, struct dice dice)
{
    if (!dice_percent(&dice, 30))
        return;
    plan->liberties.denies = (unsigned)dice_magnitude(&dice, 1, 15);
    if (dice_percent(&dice, 50))
        plan->liberties.says_nothing = (unsigned)dice_magnitude(&dice, 1, 15);
}

static void choose_ailment(struct plan *plan, struct dice dice)
{
    if (!dice_percent(&dice, 25))
        return;
    plan->ailment = (enum ailment)dice_between(&dice, NAMELESS, DEADLY);
    plan->ailing = dice_below(&dice, plan->boxes);
    if (dice_percent(&dice, 50)) {
        plan->fault_count = 0; /* then nothing else may end the connection */
        plan->liberties.confused = 0;
    }
}

static void choose_modseqs_fall(struct plan *plan, struct dice dice)
{
    usec length = (usec)plan->acts * plan->rounds * plan->think;

    if (!dice_percent(&dice, 20))
        return;
    plan->can |= CAN_CONDSTORE | CAN_ENABLE;
    for (unsigned i = dice_between(&dice, 1, 3); i > 0 && plan->fault_count < FAULTS_MAX; i--)
        plan->faults[plan->fault_count++] = (struct fault){.kind = FAULT_MODSEQS_FALL,
                                                           .at = (usec)random_below(&dice.random, (uint64_t)length + 1),
                                                           .user = dice_below(&dice, plan->users)};
}

static bool modseqs_fall(const struct plan *plan)
{
    return plan->fault_count > 0 && plan->faults[plan->fault_count - 1].kind == FAULT_MODSEQS_FALL;
}

static void choose_holding_back(struct plan *plan, struct dice dice)
{
    if (!dice_percent(&dice, 20))
        return;
    plan->holds_back = true;
    plan->can = (plan->can | CAN_CONDSTORE | CAN_ENABLE) & ~(unsigned)CAN_QRESYNC;
    plan->liberties.early_news = plan->liberties.news_between = plan->liberties.unasked_flags = 0;
    plan->liberties.more_items = 0;
    if (dice_percent(&dice, 70))
        plan->can &= ~(unsigned)CAN_IDLE; /* which tells them, too */
    if (plan->writers == 0)
        plan->writers = 1;
    if (plan->boxes == 1)
        plan->boxes = 2;
}

/* What little some servers tell: RFC 3501 does not ask for UIDNEXT in the answer to SELECT, and a server may have no
 * UIDVALIDITY at all. */
static void choose_bare_select(struct plan *plan, struct dice dice)
{
    if (!dice_percent(&dice, 20))
        return;
    plan->status_uidnext = dice_percent(&dice, 70);
    if (plan->status_uidnext && !plan->holds_back && !modseqs_fall(plan) && dice_percent(&dice, 60)) {
        plan->can &= ~(unsigned)(CAN_CONDSTORE | CAN_QRESYNC); /* which show changes all the same */
        plan->boxes = plan->boxes < 2 ? 2 : plan->boxes;
        plan->writers = plan->writers < 1 ? 1 : plan->writers;
    }
    if (plan->ailment == SOUND && dice_percent(&dice, 50)) {
        plan->ailment = NAMELESS;
        plan->ailing = plan->boxes;
        plan->can &= ~(unsigned)CAN_UIDPLUS; /* whose codes tell it */
    }
}

/* Messages that are fetched in pieces; of a large one not thousands, which would be a run without an end. */
static void choose_pieces(struct plan *plan, struct dice dice)
{
    if (!dice_percent(&dice, 35))
        return;
    plan->piece_size = dice_magnitude(&dice, plan->large ? 700 : 20, 30000);
    plan->counts_wrong = dice_percent(&dice, 30);
}

/* More than one session of an account, and perhaps fewer at the server than the settings say. */
static void choose_sessions(struct plan *plan, struct dice dice)
{
    plan->max_sessions = 1;
    plan->seats = plan->second_seat ? 2 : 1;
    if (!dice_percent(&dice, 30))
        return;
    plan->max_sessions = dice_between(&dice, 2, 3);
    plan->seats = dice_percent(&dice, 75) ? plan->max_sessions : dice_between(&dice, 1, plan->max_sessions);
    if (plan->boxes < 2 && dice_percent(&dice, 80))
        plan->boxes = dice_between(&dice, 2, BOXES_MAX);
}

static void choose_resumes(struct plan *plan, struct dice dice)
{
    plan->resumes = (plan->can & CAN_QRESYNC) && dice_percent(&dice, 35);
}

static void choose_returns(struct plan *plan, struct dice dice)
{
    plan->returns = dice_percent(&dice, 35);
}

static void choose_kinds(struct plan *plan, uint64_t seed)
{
    struct dice dice = kind_dice(seed, KIND_ANY);

    if (plan->users > USERS_FEW || !dice_percent(&dice, 35))
        return;
    choose_denials(plan, kind_dice(seed, KIND_DENIALS));
    dice = kind_dice(seed, KIND_DEPARTURES);
    plan->departs = dice_percent(&dice, 25);
    choose_ailment(plan, kind_dice(seed, KIND_AILMENT));
    choose_modseqs_fall(plan, kind_dice(seed, KIND_MODSEQS));
    choose_holding_back(plan, kind_dice(seed, KIND_HOLDS_BACK));
    choose_bare_select(plan, kind_dice(seed, KIND_BARE_SELECT));
    dice = kind_dice(seed, KIND_SEARCHES);
    plan->searches_numbers = dice_percent(&dice, 25);
    choose_pieces(plan, kind_dice(seed, KIND_PIECES));
    dice = kind_dice(seed, KIND_HURRY);
    plan->hurries = dice_percent(&dice, 30);
    dice = kind_dice(seed, KIND_NAMES);
    plan->spellings = dice_percent(&dice, 20);
    plan->deletes |= plan->spellings;
}

void plan_make(struct plan *plan, uint64_t seed)
{
    struct dice dice = dice_make(seed, DICE_PLAN, 0, 0), more = dice_make(seed, DICE_PLAN, 3, 0);
    struct dice crowd = dice_make(seed, DICE_PLAN, 4, 0);

    *plan = (struct plan){0};
    plan->users = dice_percent(&dice, 60) ? 1 : dice_between(&dice, 2, USERS_FEW);
    plan->clients = plan->users + (unsigned)dice_magnitude(&dice, 1, 20);
    plan->boxes = dice_percent(&dice, 40) ? 1 : dice_between(&dice, 2, BOXES_MAX);
    plan->writers = dice_percent(&dice, 25) ? 0 : dice_between(&dice, 1, 3);
    plan->rounds = dice_between(&dice, 1, 3);
    plan->acts = (unsigned)dice_magnitude(&dice, 20, 120);
    plan->think = (usec)dice_magnitude(&dice, 300, 3000000);
    plan->writer_pause = (usec)dice_magnitude(&dice, 300, 3000000);
    plan->latency = (usec)dice_magnitude(&dice, 1, 5000);
    plan->split = dice_percent(&dice, 50) ? 0 : (unsigned)dice_magnitude(&dice, 1, 100);
    plan->large = dice_percent(&dice, 60) ? 0 : (unsigned)dice_magnitude(&dice, 1, 30);
    plan->rubbish = dice_percent(&dice, 75) ? 0 : 1;
    plan->deletes = dice_percent(&dice, 30);
    plan->passwords = dice_percent(&dice, 30);
    plan->delegated = dice_percent(&dice, 40);
    plan->read_only_only = dice_percent(&dice, 5);
    choose_abilities(plan, &dice);
    choose_liberties(plan, &dice);
    choose_settings(&plan->settings, &dice);
    choose_faults(plan, &dice);
    choose_more(plan, &more);
    choose_crowd(plan, &crowd);
    choose_kinds(plan, seed);
    choose_sessions(plan, kind_dice(seed, KIND_SESSIONS));
    choose_resumes(plan, kind_dice(seed, KIND_RESUMES));
    choose_returns(plan, kind_dice(seed, KIND_RETURNS));
}

/* --- cuts */

static const char letters[] = {[CUT_CLIENT] = 'c', [CUT_ACT] = 'a',     [CUT_WRITER] = 'w', [CUT_WRITER_ACT] = 'v',
                               [CUT_FAULT] = 'f',  [CUT_LIBERTY] = 'l', [CUT_ROUND] = 'r'};

bool cuts_hold(const struct cuts *cuts, enum cut_kind kind, unsigned actor, unsigned step)
{
    for (size_t i = 0; cuts && i < cuts->count; i++) {
        const struct cut *cut = &cuts->cut[i];
        if (cut->kind == kind && cut->actor == actor && step >= cut->from && step <= cut->to)
            return true;
    }
    return false;
}

void cuts_add(struct cuts *cuts, struct cut cut)
{
    if (cuts->count == cuts->capacity) {
        cuts->capacity = cuts->capacity ? cuts->capacity * 2 : 16;
        cuts->cut = reallocarray(cuts->cut, cuts->capacity, sizeof(*cuts->cut));
        if (!cuts->cut)
            abort();
    }
    cuts->cut[cuts->count++] = cut;
}

void cuts_clear(struct cuts *cuts)
{
    free(cuts->cut);
    *cuts = (struct cuts){0};
}

char *cuts_print(const struct cuts *cuts)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    for (size_t i = 0; i < cuts->count; i++)
        fprintf(out, "%s%c%u:%u-%u", i ? "," : "", letters[cuts->cut[i].kind], cuts->cut[i].actor, cuts->cut[i].from,
                cuts->cut[i].to);
    fclose(out);
    return text;
}

bool cuts_read(struct cuts *cuts, const char *text)
{
    while (*text) {
        struct cut cut = {0};
        const char *letter = memchr(letters, *text, sizeof(letters));
        int used = 0;
        if (!letter || sscanf(text + 1, "%u:%u-%u%n", &cut.actor, &cut.from, &cut.to, &used) != 3)
            return false;
        cut.kind = (enum cut_kind)(letter - letters);
        cuts_add(cuts, cut);
        text += 1 + used;
        if (*text == ',')
            text++;
    }
    return true;
}
