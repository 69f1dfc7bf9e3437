/* A run: rounds of acting, each with a quiet point behind it at which everything is compared; then the end. */
#include "sim/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/session.h"
#include "sim/client.h"
#include "sim/link.h"
#include "sim/others.h"
#include "sim/recent.h"
#include "sim/server.h"
#include "sim/spool.h"

#define STEPS_MAX    3000000
#define LONGEST_WAIT (30 * USEC_MINUTE)
#define QUIET_LOOKS  USEC_SECOND

static void write_log(void *context, enum log_level level, const char *line)
{
    sim_note(context, "  log %s: %s", log_level_name(level), line);
}

/* --- steps */

static void check_all(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++)
        client_check_waiting(&sim->clients[i], LONGEST_WAIT);
}

/* The next thing that happens, if it happens before `until`. */
static bool step(struct sim *sim, usec until)
{
    usec next = runqueue_next(sim->runqueue);

    if (sim->failed)
        return false;
    if (sim->jump > 0) {
        next = sim_now(sim) + sim->jump;
        disturbances_jump(sim, sim->jump);
        sim->jump = 0;
        sim->jumped_at = next;
    } else if (next > until) {
        runqueue_set_now(sim->runqueue, until);
        return false;
    }
    runqueue_step(sim->runqueue, next);
    if (++sim->steps % 64 == 0)
        check_all(sim);
    if (sim->steps > STEPS_MAX)
        sim_fail(sim, "spins", "%u steps and no end", STEPS_MAX);
    return true;
}

void run_pass(struct sim *sim, usec time)
{
    usec until = sim_now(sim) + time;

    while (step(sim, until))
        ;
}

static bool all_quiet(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        if (!sim->clients[i].rubbish && !client_is_quiet(&sim->clients[i]))
            return false;
    }
    return true;
}

static void fail_waiting(struct sim *sim, const struct client *client)
{
    sim_fail(sim, "waits for ever",
             "%s: %s is not answered at a quiet point (%llu of %llu octets delivered, wants %u, %s)", client->name,
             client->first ? client->first->tag : "nothing", (unsigned long long)client->delivered,
             (unsigned long long)client->queued, session_wants(client->session),
             client->held_for ? "a + is awaited" : "no + is awaited");
}

void run_settle(struct sim *sim)
{
    usec until = sim_now(sim) + LONGEST_WAIT;

    for (unsigned i = 0; i < sim->plan.clients; i++)
        client_hurry(&sim->clients[i]);
    while (!all_quiet(sim) && step(sim, until))
        ;
    for (unsigned i = 0; i < sim->plan.clients && !sim->failed; i++) {
        if (!sim->clients[i].rubbish && !client_is_quiet(&sim->clients[i]))
            fail_waiting(sim, &sim->clients[i]);
    }
}

/* --- the quiet point */

static bool is_in_mailbox(const struct client *client)
{
    return client->session && client->logged_in && client->replica.selected && client->replica.box && !client->ends &&
           !client->rubbish && !client->replica.box->gone;
}

/* What a client that has gone half left behind is no longer there. */
static void check_half_closed(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        const struct client *client = &sim->clients[i];
        if (client->session && client->half_closed && !client->rubbish)
            sim_fail(sim, "does not leave", "%s has said that it leaves, and its session stays", client->name);
    }
}

static void compare_all(struct sim *sim, bool idling)
{
    for (unsigned i = 0; i < sim->plan.clients && !sim->failed; i++) {
        struct client *client = &sim->clients[i];
        if (is_in_mailbox(client) && client->idling == idling)
            replica_compare(&client->replica, true);
    }
}

static void for_all_in_mailbox(struct sim *sim, void (*ask)(struct client *client))
{
    for (unsigned i = 0; i < sim->plan.clients && !sim->failed; i++) {
        struct client *client = &sim->clients[i];
        if (is_in_mailbox(client) && !client->idling && !client->first) {
            client->dice = dice_make(sim->seed, DICE_ACT, i, 2000000 + sim->round * 10u);
            ask(client);
            client_end_packet(client);
        }
    }
    run_settle(sim);
    compare_all(sim, false);
}

static void ask_noop(struct client *client)
{
    client_noop(client);
}

static void ask_all(struct client *client)
{
    client_fetch_all(client, dice_percent(&client->dice, 50));
}

static void ask_more(struct client *client)
{
    client_search(client, dice_percent(&client->dice, 50));
    client_status(client, client->replica.box->name);
    client_list(client);
}

static void stop_idling(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        struct client *client = &sim->clients[i];
        if (client->session && client->idling && !client->done_sent) {
            client->dice = dice_make(sim->seed, DICE_ACT, i, 3000000 + sim->round);
            client_done(client);
        }
    }
    run_settle(sim);
}

static void news_everywhere(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.users; i++) {
        for (struct box *box = sim->users[i].boxes; box; box = box->next)
            server_news(box);
    }
}

/* Where the settings have the proxy learn flags every millisecond, and the server keeps some to itself, minutes of
 * quiet would be hundreds of thousands of commands. */
static void quiet_point(struct sim *sim)
{
    usec *interval = &sim->plan.settings.flag_interval, before = *interval;

    sim->quiet = true;
    if (before < QUIET_LOOKS)
        *interval = QUIET_LOOKS;
    sim_note(sim, "--- quiet point");
    faults_end(sim);
    run_settle(sim);
    news_everywhere(sim);
    run_pass(sim, 12 * USEC_MINUTE);
    faults_end(sim);
    run_settle(sim);
    check_half_closed(sim);
    compare_all(sim, true);
    stop_idling(sim);
    for_all_in_mailbox(sim, ask_noop);
    for_all_in_mailbox(sim, ask_all);
    recent_judge(sim);
    orders_judge_moves(sim);
    for_all_in_mailbox(sim, ask_more);
    *interval = before;
    sim->quiet = false;
}

/* --- rounds */

static bool is_active(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        if (sim->clients[i].acts_left > 0)
            return true;
    }
    return false;
}

static bool comes_in_two(struct user *user)
{
    struct link *link;

    for (unsigned n = 0; (link = link_of(user, n)); n++) {
        if (link_is_cut_in_two(link))
            return true;
    }
    return false;
}

static bool somebody_reads_a_literal(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        const struct client *client = &sim->clients[i];
        if (client->session && !wire_between_lines(&client->in) && comes_in_two(client->user))
            return true;
    }
    return false;
}

/* The end comes somewhere in the last round, with everything in progress, and best in the middle of a message. */
static bool is_cut_short(const struct sim *sim)
{
    struct dice dice = dice_make(sim->seed, DICE_PLAN, 4, 0);
    uint64_t acts = (uint64_t)sim->plan.acts * sim->plan.clients * sim->plan.rounds;

    if (!sim->plan.abrupt_end || sim->round + 1 < sim->plan.rounds)
        return false;
    return sim->acts_done >= acts - random_below(&dice.random, acts / sim->plan.rounds) &&
           (dice_percent(&dice, 30) || somebody_reads_a_literal(sim));
}

static void play_round(struct sim *sim)
{
    sim_note(sim, "--- round %u", sim->round);
    for (unsigned i = 0; i < sim->plan.clients; i++)
        client_begin_round(&sim->clients[i]);
    writers_begin_round(sim);
    faults_begin_round(sim);
    while (is_active(sim) && !is_cut_short(sim) && step(sim, USEC_NEVER - 1))
        ;
    if (!sim->failed && !is_cut_short(sim))
        quiet_point(sim);
}

/* --- beginning and end */

static void make(struct sim *sim, struct spooler *spooler)
{
    struct registry_options options = {.settings = &sim->plan.settings,
                                       .spooler = spooler,
                                       .link_ops = &sim_link_ops,
                                       .link_context = sim,
                                       .version = "0"};

    sim->log = (struct log){.level = LOG_DEBUG, .write = write_log, .context = sim};
    sim->upstream = (struct upstream_settings){
        .name = "model",
        .host = "model",
        .port = 143,
        .verify_connection = sim->plan.verify_connection,
        .manners = {.piece_size = sim->plan.piece_size, .max_sessions = sim->plan.max_sessions},
    };
    sim->runqueue = options.runqueue = runqueue_new();
    runqueue_set_now(sim->runqueue, 1000 * USEC_SECOND);
    options.log = sim->trace ? &sim->log : NULL;
    options.seed = sim->seed;
    sim->registry = registry_new(&options);
    if (!sim->runqueue || !sim->registry)
        abort();
    store_make(sim);
    client_make(sim);
    writers_make(sim);
}

/* The servers of some fall silent for longer than the proxy waits for what is in progress. */
static void stall_some(struct sim *sim)
{
    struct dice dice = dice_make(sim->seed, DICE_PLAN, 5, 0);

    for (unsigned i = 0; i < sim->plan.users; i++) {
        struct link *link;
        for (unsigned n = 0; (link = link_of(&sim->users[i], n)); n++) {
            if (dice_percent(&dice, link_is_cut_in_two(link) ? 90 : 40))
                link_stall(link, sim_now(sim) + 5 * USEC_SECOND);
        }
    }
}

static void shut_down(struct sim *sim)
{
    usec until = sim_now(sim) + 3 * USEC_MINUTE;

    sim->quiet = true;
    sim->jump = 0;
    disturb_all(sim); /* now clients are cut off, too */
    stall_some(sim);
    registry_shutdown(sim->registry, "The simulation is over");
    run_pass(sim, USEC_MINUTE);
    for (unsigned i = 0; i < sim->plan.clients; i++) { /* these the registry does not know: the program closes them */
        if (!sim->clients[i].logged_in)
            client_gone(&sim->clients[i]);
    }
    runqueue_step(sim->runqueue, sim_now(sim));
    while (!registry_idle(sim->registry) && step(sim, until))
        ;
    if (!sim->failed && !registry_idle(sim->registry))
        sim_fail(sim, "does not end", "accounts or sessions are left after the shutdown");
    if (!sim->failed && sim->links)
        sim_fail(sim, "does not end", "a connection is left after the shutdown");
}

static void clear(struct sim *sim)
{
    sim->quiet = true;
    faults_clear(sim);
    writers_clear(sim);
    for (unsigned i = 0; i < sim->plan.clients; i++)
        client_free(&sim->clients[i]);
    if (!sim->failed)
        runqueue_step(sim->runqueue, sim_now(sim));
    registry_free(sim->registry);
    link_clear_all(sim);
    runqueue_free(sim->runqueue);
    memory_clear(&sim->memory);
}

static void apply_cuts(struct sim *sim)
{
    unsigned index = 0;

    if (!sim->cuts)
        return;
#define LIBERTY_CUT(name)                                                                                              \
    if (cuts_hold(sim->cuts, CUT_LIBERTY, 0, index++))                                                                 \
        sim->plan.liberties.name = 0;
    LIBERTIES(LIBERTY_CUT)
#undef LIBERTY_CUT
    while (sim->plan.rounds > 1 && cuts_hold(sim->cuts, CUT_ROUND, 0, sim->plan.rounds - 1))
        sim->plan.rounds--;
}

static void play(struct sim *sim)
{
    for (sim->round = 0; sim->round < sim->plan.rounds && !sim->failed; sim->round++)
        play_round(sim);
    if (!sim->failed)
        shut_down(sim);
}

static void begin_result(const struct plan *plan, struct run_result *result)
{
    *result = (struct run_result){.clients = plan->clients,
                                  .writers = plan->writers,
                                  .fault_count = plan->fault_count,
                                  .acts = plan->acts * plan->rounds,
                                  .rounds = plan->rounds};
}

static void end_result(const struct sim *sim, struct run_result *result)
{
    result->failed = sim->failed;
    memcpy(result->check, sim->check, sizeof(result->check));
    memcpy(result->text, sim->text, sizeof(result->text));
    result->commands = sim->commands;
    result->faults = sim->faults;
    result->upstream_commands = sim->upstream_commands;
}

static void run(struct sim *sim, const struct run_observer *observer, struct run_result *result)
{
    struct spooler spooler = {.ops = &sim_spool_ops, .context = sim};

    alarm(120); /* a run that never comes back is a failure too */
    plan_make(&sim->plan, sim->seed);
    if (observer->planned)
        observer->planned(observer->context, &sim->plan);
    begin_result(&sim->plan, result);
    apply_cuts(sim);
    make(sim, &spooler);
    if (observer->begins)
        observer->begins(observer->context, sim);
    play(sim);
    if (observer->ends)
        observer->ends(observer->context, sim);
    end_result(sim, result);
    clear(sim);
    alarm(0);
}

void run_seed(uint64_t seed, const struct cuts *cuts, FILE *trace, struct run_result *result)
{
    const struct run_observer nobody = {0};
    struct sim sim = {.seed = seed, .cuts = cuts, .trace = trace};

    run(&sim, &nobody, result);
}

void run_seed_observed(uint64_t seed, const struct run_observer *observer, FILE *trace, struct run_result *result)
{
    struct sim sim = {.seed = seed, .trace = trace};

    run(&sim, observer, result);
}
