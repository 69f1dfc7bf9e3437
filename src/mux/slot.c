/* A slot's connection: events of the upstream go to the selection, the watch or the account; each
 * change of state is asserted. It dials only when it is told to, and never while it has a connection. */
#include "mux/slot.h"

#include <assert.h>
#include <stdlib.h>

#include "mux/watch.h"

#define LEFT_OUT_SHOWN 20

struct slot {
    struct slot_options options;
    enum slot_state state;
    struct upstream *upstream;
    struct scheduler *scheduler;
    struct watch watch;
    bool further;
    usec ready_at;
    uint64_t left_out; /* lines, over all connections */
};

static const char *const state_names[] = {
#define STATE_NAME(name) [SLOT_##name] = #name,
    SLOT_STATES(STATE_NAME)
#undef STATE_NAME
};

/* From each state, those that may follow. */
static const unsigned edges[] = {
    [SLOT_AWAY] = 1U << SLOT_CONNECTING,
    [SLOT_CONNECTING] = 1U << SLOT_WORKING | 1U << SLOT_AWAY | 1U << SLOT_LEAVING,
    [SLOT_WORKING] = 1U << SLOT_AWAY | 1U << SLOT_CHECKING | 1U << SLOT_LEAVING,
    [SLOT_CHECKING] = 1U << SLOT_WORKING | 1U << SLOT_AWAY | 1U << SLOT_LEAVING,
    [SLOT_LEAVING] = 1U << SLOT_AWAY,
};

static void set_state(struct slot *slot, enum slot_state state)
{
    if (slot->state == state)
        return;
    log_line(slot->options.ground->log, LOG_DEBUG, "%s: slot %s -> %s", slot->options.name, state_names[slot->state],
             state_names[state]);
    assert(edges[slot->state] & 1U << state);
    slot->state = state;
}

struct scheduler *slot_scheduler(const struct slot *slot)
{
    return slot->scheduler;
}

struct selection *slot_selection(const struct slot *slot)
{
    return scheduler_selection(slot->scheduler);
}

struct upstream *slot_upstream(const struct slot *slot)
{
    return slot->upstream;
}

bool slot_is_away(const struct slot *slot)
{
    return upstream_state(slot->upstream) == UPSTREAM_DISCONNECTED;
}

bool slot_is_checking(const struct slot *slot)
{
    return slot->state == SLOT_CHECKING;
}

bool slot_is_working(const struct slot *slot)
{
    return slot->state == SLOT_WORKING;
}

bool slot_is_further(const struct slot *slot)
{
    return slot->further;
}

bool slot_is_logged_in(const struct slot *slot)
{
    return upstream_logged_in(slot->upstream);
}

bool slot_can_work(const struct slot *slot)
{
    return upstream_logged_in(slot->upstream) && !upstream_busy(slot->upstream);
}

usec slot_quiet_since(const struct slot *slot)
{
    return slot->watch.quiet_since;
}

usec slot_served_at(const struct slot *slot)
{
    return usec_later(scheduler_served_at(slot->scheduler), slot->ready_at);
}

static usec now_of(const struct slot *slot)
{
    return runqueue_now(slot->options.ground->runqueue);
}

/* --- events of the upstream */

static void on_before_login(void *owner)
{
    struct slot *slot = owner;

    slot->options.ops->before_login(slot->options.owner, slot, upstream_capabilities(slot->upstream));
}

static void take_capabilities(struct slot *slot)
{
    if (!slot->options.ops->capabilities(slot->options.owner, slot, upstream_capabilities(slot->upstream)))
        upstream_drop(slot->upstream, "out of memory");
}

static void on_ready(void *owner, const struct credential *credential)
{
    struct slot *slot = owner;

    set_state(slot, SLOT_WORKING);
    slot->ready_at = now_of(slot);
    selection_connected(slot_selection(slot));
    take_capabilities(slot);
    log_line(slot->options.ground->log, LOG_INFO, "%s: logged in upstream", slot->options.name);
    slot->options.ops->ready(slot->options.owner, slot, credential);
    watch_connected(&slot->watch, slot->options.ground->settings, now_of(slot));
    if (!mailboxes_knows_separators(slot->options.mailboxes))
        scheduler_learn_separator(slot->scheduler);
    task_wake(slot->options.task);
}

static void on_untagged(void *owner, const struct response *response)
{
    struct slot *slot = owner;

    if (response->kind == RESPONSE_CAPABILITY ||
        (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_CAPABILITY)) {
        if (upstream_logged_in(slot->upstream))
            take_capabilities(slot);
    } else if (response->kind == RESPONSE_STATUS && response->code.name == RESPONSE_CODE_ALERT) {
        if (upstream_logged_in(slot->upstream)) /* before that, it is not known yet whose the session will be */
            slot->options.ops->alert(slot->options.owner, response->text);
    } else {
        selection_untagged(slot_selection(slot), response);
    }
    task_wake(slot->options.task);
}

static void on_fetch(void *owner, const struct response *response)
{
    const struct slot *slot = owner;

    selection_fetch(slot_selection(slot), response);
    task_wake(slot->options.task);
}

static void on_fetch_data(void *owner, struct slice bytes)
{
    const struct slot *slot = owner;

    selection_fetch_data(slot_selection(slot), bytes);
}

static void on_garbage(void *owner, struct slice line, bool open_fetch, uint32_t fetch_number)
{
    const struct slot *slot = owner;
    char quoted[LOG_QUOTE_SIZE];

    log_line(slot->options.ground->log, LOG_WARNING, "%s: the server sent a line that cannot be understood: %s",
             slot->options.name, log_quote(line, quoted, sizeof(quoted)));
    selection_garbage(slot_selection(slot), open_fetch, fetch_number);
    task_wake(slot->options.task);
}

/* A server may have a thousand of them in each answer to LIST. */
static void on_left_out(void *owner, struct slice line)
{
    struct slot *slot = owner;
    char quoted[LOG_QUOTE_SIZE];
    bool many = ++slot->left_out > LEFT_OUT_SHOWN;

    log_line(slot->options.ground->log, many ? LOG_DEBUG : LOG_WARNING,
             "%s: the server sent a line that cannot be understood; it is left out: %s", slot->options.name,
             log_quote(line, quoted, sizeof(quoted)));
}

static void on_tagged(void *owner, const struct response *response)
{
    struct slot *slot = owner;

    watch_finished(&slot->watch, now_of(slot));
    if (response->code.name == RESPONSE_CODE_ALERT)
        slot->options.ops->alert(slot->options.owner, response->text);
    scheduler_tagged(slot->scheduler, response);
    task_wake(slot->options.task);
}

static void on_idle_over(void *owner, bool refused)
{
    struct slot *slot = owner;

    watch_idle_over(&slot->watch, refused, now_of(slot));
    task_wake(slot->options.task);
}

/* What another session has selected has lost nothing. */
static void line_lost(void *context, struct mailbox *mailbox)
{
    const struct selection *selection = slot_selection(context);

    if (!mailbox->holder || mailbox->holder == selection)
        mailbox_line_lost(mailbox, selection_mailbox(selection) == mailbox);
}

static void log_end(const struct slot *slot, const struct upstream_end *end)
{
    bool plain = end->refusal == REFUSAL_NONE;

    log_line(slot->options.ground->log, end->was_ready && plain ? LOG_INFO : LOG_WARNING,
             "%s: upstream connection ended: %s%s%s", slot->options.name, end->reason, plain ? "" : ": ",
             plain ? "" : refusal_name(end->refusal));
}

static void on_closed(void *owner, const struct upstream_end *end)
{
    struct slot *slot = owner;
    bool goes_on, by_mailbox;

    log_end(slot, end);
    mailboxes_each(slot->options.mailboxes, line_lost, slot);
    by_mailbox = scheduler_lost(slot->scheduler);
    jobs_drop_pinned(slot->options.jobs, slot->scheduler);
    if (slot->options.peers && slot->state == SLOT_WORKING)
        slot->options.peers->lost(slot->options.peers_owner, slot, by_mailbox);
    goes_on = slot->options.ops->closed(slot->options.owner, slot, end) && slot->state == SLOT_CHECKING;
    if (!goes_on)
        set_state(slot, SLOT_AWAY);
    task_wake(slot->options.task);
}

static const struct upstream_owner upstream_ops = {
    .before_login = on_before_login,
    .ready = on_ready,
    .untagged = on_untagged,
    .fetch = on_fetch,
    .fetch_data = on_fetch_data,
    .garbage = on_garbage,
    .left_out = on_left_out,
    .tagged = on_tagged,
    .idle_over = on_idle_over,
    .closed = on_closed,
};

/* --- connecting and leaving */

void slot_dial(struct slot *slot, const struct upstream_login *with, bool further)
{
    slot->further = further;
    if (slot->state != SLOT_CHECKING)
        set_state(slot, SLOT_CONNECTING);
    log_line(slot->options.ground->log, LOG_DEBUG, "%s: connecting to %s:%u", slot->options.name,
             slot->options.settings->host, slot->options.settings->port);
    upstream_dial(slot->upstream, with);
}

void slot_check(struct slot *slot)
{
    set_state(slot, SLOT_CHECKING);
    upstream_logout(slot->upstream);
}

void slot_checked(struct slot *slot)
{
    assert(slot_is_away(slot));
    set_state(slot, SLOT_AWAY);
}

void slot_log_out(struct slot *slot)
{
    if (slot_is_away(slot))
        return;
    set_state(slot, SLOT_LEAVING);
    upstream_logout(slot->upstream);
}

void slot_drop(struct slot *slot, const char *reason)
{
    upstream_drop(slot->upstream, reason);
}

/* --- working and resting */

static bool on_ask(void *owner, struct mailbox *mailbox, enum job_goal goal, bool background)
{
    const struct slot *slot = owner;

    return scheduler_ask(slot->scheduler, mailbox, goal, background);
}

static void on_idle(void *owner)
{
    const struct slot *slot = owner;

    upstream_idle(slot->upstream);
}

static void on_end_idle(void *owner)
{
    const struct slot *slot = owner;

    upstream_end_idle(slot->upstream);
}

static const struct watch_ops watch_ops = {.ask = on_ask, .idle = on_idle, .end_idle = on_end_idle};

static usec idle_reissue(const struct slot *slot)
{
    usec own = slot->options.settings->idle_reissue;

    return own > 0 ? own : slot->options.ground->settings->idle_reissue;
}

static bool makes_rounds(const struct slot *slot)
{
    const struct slot_options *options = &slot->options;

    return !options->peers || options->peers->makes_rounds(options->peers_owner, slot);
}

static struct watch_facts facts_of(const struct slot *slot, usec now)
{
    const struct selection *selection = slot_selection(slot);
    struct mailbox *selected = selection_mailbox(selection);
    enum upstream_state state = upstream_state(slot->upstream);

    return (struct watch_facts){.now = now,
                                .settings = slot->options.ground->settings,
                                .idle_reissue = idle_reissue(slot),
                                .members = slot->options.members->first,
                                .mailboxes = slot->options.mailboxes,
                                .selected = selected,
                                .makes_rounds = makes_rounds(slot),
                                .in_step = selected && selection_in_step(selection, selected),
                                .announces_idle = upstream_capabilities(slot->upstream)->has[CAPABILITY_IDLE],
                                .condstore = upstream_has_condstore(slot->upstream),
                                .ready = state == UPSTREAM_READY,
                                .idling = state == UPSTREAM_IDLING,
                                .heard_at = upstream_heard_at(slot->upstream)};
}

/* Called when no session has a job. True: a job of the account's own was submitted. */
static bool rest(struct slot *slot, usec now, usec *deadline)
{
    struct watch_facts facts = facts_of(slot, now);

    return watch_rest(&slot->watch, &facts, &watch_ops, slot, deadline);
}

static bool is_at_rest(const struct slot *slot)
{
    return slot_can_work(slot) && !scheduler_works(slot->scheduler);
}

void slot_work(struct slot *slot, usec now, usec *deadline)
{
    struct watch_facts facts = facts_of(slot, now);

    watch_clock(&slot->watch, &facts, &watch_ops, slot, deadline);
    scheduler_step(slot->scheduler);
    while (is_at_rest(slot) && rest(slot, now, deadline)) {
        uint64_t turns = scheduler_turns(slot->scheduler);
        scheduler_step(slot->scheduler);
        if (scheduler_turns(slot->scheduler) == turns)
            return; /* it is on its way, or another session's */
    }
}

/* --- making and ending */

static bool make_parts(struct slot *slot)
{
    const struct slot_options *options = &slot->options;
    struct upstream_owner owner = upstream_ops;
    struct scheduler_options scheduler = {.ground = options->ground,
                                          .task = options->task,
                                          .settings = options->settings,
                                          .jobs = options->jobs,
                                          .mailboxes = options->mailboxes,
                                          .hierarchy = options->hierarchy,
                                          .pick = options->peers ? options->peers->pick : NULL,
                                          .picker = options->peers_owner,
                                          .name = options->name};

    owner.owner = slot;
    scheduler.upstream = slot->upstream = upstream_new(options->ground, options->settings, options->name, &owner);
    if (slot->upstream)
        slot->scheduler = scheduler_new(&scheduler);
    return slot->scheduler != NULL;
}

struct slot *slot_new(const struct slot_options *options)
{
    struct slot *slot = calloc(1, sizeof(*slot));

    if (!slot)
        return NULL;
    slot->options = *options;
    watch_init(&slot->watch);
    if (make_parts(slot))
        return slot;
    slot_free(slot);
    return NULL;
}

void slot_free(struct slot *slot)
{
    if (!slot)
        return;
    scheduler_free(slot->scheduler);
    upstream_free(slot->upstream);
    free(slot);
}
