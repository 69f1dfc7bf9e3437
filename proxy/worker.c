/* The loop: one round of events, which only move bytes and wake tasks, then one step of the run queue, which does the
 * work; and what signals ask for. It must never do work inside an event callback, nor free anything the machines still
 * hold: configurations are kept until the end, since accounts borrow their strings. */
#include "proxy/worker.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/runqueue.h"
#include "mux/registry.h"
#include "net/admission.h"
#include "net/client_link.h"
#include "net/dialer.h"
#include "net/ghost_file.h"
#include "net/proxy_link.h"
#include "net/refusal_link.h"
#include "net/spool.h"
#include "net/upstream_link.h"
#include "proxy/command_line.h"
#include "proxy/doors.h"
#include "proxy/process.h"
#include "proxy/systemd.h"

#define SHUTDOWN_TIME (4 * USEC_SECOND + USEC_SECOND / 2)
#define FAREWELL      "the proxy is being shut down"
#define SPOOL_MEMORY  ((size_t)64 * 1024)

struct old_config {
    struct old_config *next;
    struct config *config;
};

struct worker {
    struct worker_options options;
    struct config *config;
    const char *user; /* as the process was started with; borrowed from the first configuration */
    struct old_config *old;
    struct settings settings; /* read by the machines */
    struct event_base *base;
    struct event *terminate, *interrupt, *reload, *timer;
    struct evdns_base *resolver;
    struct runqueue *runqueue;
    struct spool_store *spool_store;
    struct admission *admission;
    struct ghost_file *ghost_file;
    struct registry *registry;
    struct client_links clients;
    struct upstream_links upstreams;
    struct refusal_links refusals;
    struct proxy_links proxies;
    struct doors doors;
    usec timer_at; /* USEC_NEVER: not set */
    bool stopping, hurry;
    usec stop_at;
};

static usec clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (usec)now.tv_sec * USEC_SECOND + now.tv_nsec / 1000;
}

static int64_t calendar_now(void)
{
    return (int64_t)time(NULL);
}

static struct log *log_of(struct worker *worker)
{
    return &worker->options.log_writer->log;
}

/* ---- signals ---- */

static void on_terminate(evutil_socket_t number, short what, void *argument)
{
    struct worker *worker = argument;

    (void)what;
    runqueue_set_now(worker->runqueue, clock_now());
    if (worker->stopping) {
        worker->hurry = true;
        return;
    }
    log_line(log_of(worker), LOG_INFO, "%s: ending %zu clients and %zu accounts", strsignal((int)number),
             worker->clients.count, registry_accounts(worker->registry));
    systemd_stopping();
    worker->stopping = true;
    worker->stop_at = clock_now() + SHUTDOWN_TIME;
    doors_close(&worker->doors);
    proxy_links_clear(&worker->proxies);
    registry_shutdown(worker->registry, FAREWELL);
    client_links_dismiss_strangers(&worker->clients, FAREWELL);
}

static bool keep_old_config(struct worker *worker)
{
    struct old_config *old = malloc(sizeof(*old));

    if (!old)
        return false;
    *old = (struct old_config){.next = worker->old, .config = worker->config};
    worker->old = old;
    return true;
}

static bool apply_logging(struct worker *worker, const struct config *config)
{
    struct log_writer *writer = worker->options.log_writer;

    if (!log_writer_open(writer, config->program.log_file)) {
        log_line(log_of(worker), LOG_ERROR, "log_file = %s: cannot be opened: %s", config->program.log_file,
                 strerror(errno));
        return false;
    }
    writer->log.level = (enum log_level)config->program.log_level;
    return true;
}

static void apply_program(struct worker *worker)
{
    const struct program_settings *program = &worker->config->program;
    const char *user = program->user ? program->user : "", *first = worker->user ? worker->user : "";

    if (strcmp(first, user) != 0)
        log_line(log_of(worker), LOG_WARNING, "settings: the change of user needs a restart");
    if (!spool_store_move(worker->spool_store, program->spool_directory))
        log_line(log_of(worker), LOG_ERROR, "spool_directory: out of memory; the old one stays");
    ghost_file_open(worker->ghost_file, program->state_directory);
    process_apply(program, worker->options.log_writer);
}

static void log_warnings(struct worker *worker, const struct config *config)
{
    const char *path = worker->options.path ? worker->options.path : "command line";
    const struct config_warning *warning;
    char text[600];

    for (warning = config->warnings; warning; warning = warning->next)
        log_line(log_of(worker), LOG_WARNING, "%s", fault_text(&warning->fault, path, text, sizeof(text)));
}

static void take_over(struct worker *worker, struct config *config)
{
    if (!keep_old_config(worker)) {
        log_line(log_of(worker), LOG_ERROR, "settings: out of memory; the old ones stay");
        config_free(config);
        return;
    }
    worker->config = config;
    if (!apply_logging(worker, config))
        return;
    worker->settings = config->settings;
    log_warnings(worker, config);
    apply_program(worker);
    upstream_links_forget_tls(&worker->upstreams);
    dialer_resolver_reload(worker->resolver);
    if (doors_apply(&worker->doors, config))
        log_line(log_of(worker), LOG_INFO, "settings and certificates have been read again; %zu clients stay",
                 worker->clients.count);
    else
        log_line(log_of(worker), LOG_ERROR, "settings have been read again, except for the listeners named above");
}

static void log_faults(struct worker *worker, const struct faults *faults)
{
    const char *path = worker->options.path ? worker->options.path : "command line";
    char text[600];

    for (size_t i = 0; i < faults->count && i < FAULTS_MAX; i++)
        log_line(log_of(worker), LOG_ERROR, "%s", fault_text(&faults->list[i], path, text, sizeof(text)));
    log_line(log_of(worker), LOG_ERROR, "settings: %zu faults; the old settings stay", faults->count);
}

static void on_reload(evutil_socket_t number, short what, void *argument)
{
    struct worker *worker = argument;
    struct faults *faults = calloc(1, sizeof(*faults));

    (void)number, (void)what;
    if (worker->stopping || !faults) {
        free(faults);
        return;
    }
    systemd_reloading();
    struct config *config = config_read(worker->options.path, worker->options.command_line, faults);
    if (config)
        take_over(worker, config);
    else
        log_faults(worker, faults);
    free(faults);
    systemd_ready();
}

/* ---- the loop ---- */

static void on_timer(evutil_socket_t descriptor, short what, void *argument)
{
    struct worker *worker = argument;

    (void)descriptor, (void)what;
    worker->timer_at = USEC_NEVER;
}

/* Sees to it that the event base wakes up when the run queue must be stepped. True: at once. */
static bool arm_timer(struct worker *worker)
{
    usec next = runqueue_next(worker->runqueue), now = clock_now();

    if (worker->stopping && worker->stop_at < next)
        next = worker->stop_at;
    if (next <= now)
        return true;
    if (next == worker->timer_at)
        return false;
    worker->timer_at = next;
    if (next == USEC_NEVER) {
        event_del(worker->timer);
        return false;
    }
    const struct timeval delay = {.tv_sec = (next - now) / USEC_SECOND, .tv_usec = (next - now) % USEC_SECOND};
    if (event_add(worker->timer, &delay) == 0)
        return false;
    worker->timer_at = USEC_NEVER; /* out of memory: rather a busy loop than one that never wakes up */
    return true;
}

static bool finished(struct worker *worker)
{
    if (!worker->stopping)
        return false;
    if (worker->hurry || clock_now() >= worker->stop_at)
        return true;
    return registry_idle(worker->registry) && worker->clients.count == 0 && worker->upstreams.count == 0;
}

void worker_run(struct worker *worker)
{
    ghost_file_open(worker->ghost_file, worker->config->program.state_directory);
    systemd_ready();
    for (;;) {
        runqueue_step(worker->runqueue, clock_now());
        if (finished(worker))
            break;
        /* ONCE in any case: alone, NONBLOCK goes on for as long as there are events, and a peer can see to that. */
        event_base_loop(worker->base, EVLOOP_ONCE | (arm_timer(worker) ? EVLOOP_NONBLOCK : 0));
    }
    log_line(log_of(worker), LOG_INFO, "ended%s",
             worker->clients.count + worker->upstreams.count > 0 ? "; connections that had not ended in time were cut"
                                                                 : "");
}

/* ---- life ---- */

static void client_gone(void *owner, const struct address *peer)
{
    struct worker *worker = owner;
    admission_leave(worker->admission, peer);
}

static bool make_ghost_file(struct worker *worker)
{
    struct ghost_file_options options = {.runqueue = worker->runqueue, .log = log_of(worker), .clock = calendar_now};

    if (getrandom(options.salt, sizeof(options.salt), 0) != sizeof(options.salt))
        return false;
    worker->ghost_file = ghost_file_new(&options);
    return worker->ghost_file != NULL;
}

static bool make_ground(struct worker *worker)
{
    const struct spool_store_options spool = {
        .directory = worker->config->program.spool_directory,
        .memory = SPOOL_MEMORY,
        .total = &worker->settings.spool_total,
        .log = log_of(worker),
    };
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        return false;
    worker->base = event_base_new();
    worker->runqueue = runqueue_new();
    worker->spool_store = spool_store_new(&spool);
    worker->admission = admission_new(seed, &worker->settings.sessions_total, &worker->settings.sessions_per_address);
    if (!worker->base || !worker->runqueue || !worker->spool_store || !worker->admission)
        return false;
    runqueue_set_now(worker->runqueue, clock_now());
    worker->resolver = dialer_resolver_new(worker->base);
    return worker->resolver && make_ghost_file(worker);
}

static bool make_registry(struct worker *worker)
{
    struct registry_options options = {
        .runqueue = worker->runqueue,
        .log = log_of(worker),
        .settings = &worker->settings,
        .spooler = spool_store_spooler(worker->spool_store),
        .link_ops = &upstream_link_ops,
        .link_context = &worker->upstreams,
        .ghost_keeper = ghost_file_keeper(worker->ghost_file),
        .version = IMAPMUX_VERSION,
    };

    if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed) ||
        getrandom(options.digest_key, sizeof(options.digest_key), 0) != sizeof(options.digest_key))
        return false;
    worker->registry = registry_new(&options);
    return worker->registry != NULL;
}

static void make_links(struct worker *worker)
{
    worker->upstreams = (struct upstream_links){
        .base = worker->base,
        .resolver = worker->resolver,
        .runqueue = worker->runqueue,
        .settings = &worker->settings,
        .log = log_of(worker),
    };
    worker->clients = (struct client_links){
        .base = worker->base,
        .runqueue = worker->runqueue,
        .registry = worker->registry,
        .settings = &worker->settings,
        .spooler = spool_store_spooler(worker->spool_store),
        .log = log_of(worker),
        .gone = client_gone,
        .owner = worker,
    };
    worker->refusals = (struct refusal_links){.base = worker->base, .runqueue = worker->runqueue};
    worker->proxies = (struct proxy_links){
        .base = worker->base,
        .runqueue = worker->runqueue,
        .settings = &worker->settings,
        .log = log_of(worker),
    };
    worker->doors = (struct doors){
        .base = worker->base,
        .log = log_of(worker),
        .clients = &worker->clients,
        .refusals = &worker->refusals,
        .proxies = &worker->proxies,
        .admission = worker->admission,
        .clock = clock_now,
    };
}

static bool watch_signals(struct worker *worker)
{
    worker->terminate = evsignal_new(worker->base, SIGTERM, on_terminate, worker);
    worker->interrupt = evsignal_new(worker->base, SIGINT, on_terminate, worker);
    worker->reload = evsignal_new(worker->base, SIGHUP, on_reload, worker);
    worker->timer = evtimer_new(worker->base, on_timer, worker);
    worker->timer_at = USEC_NEVER;
    return worker->terminate && worker->interrupt && worker->reload && worker->timer &&
           evsignal_add(worker->terminate, NULL) == 0 && evsignal_add(worker->interrupt, NULL) == 0 &&
           evsignal_add(worker->reload, NULL) == 0;
}

struct worker *worker_new(const struct worker_options *options, struct config *config)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker) {
        config_free(config);
        return NULL;
    }
    worker->options = *options;
    worker->config = config;
    worker->user = config->program.user;
    worker->settings = config->settings;
    if (apply_logging(worker, config) && make_ground(worker) && make_registry(worker)) {
        make_links(worker);
        log_warnings(worker, config);
        if (watch_signals(worker) && doors_apply(&worker->doors, config))
            return worker;
    }
    log_line(log_of(worker), LOG_ERROR, "cannot start (see the error above)");
    worker_free(worker);
    return NULL;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

static void free_machines(struct worker *worker)
{
    doors_close(&worker->doors);
    proxy_links_clear(&worker->proxies);
    refusal_links_clear(&worker->refusals);
    client_links_clear(&worker->clients);
    if (worker->runqueue)
        runqueue_step(worker->runqueue, clock_now());
    registry_free(worker->registry);
    upstream_links_clear(&worker->upstreams);
    ghost_file_free(worker->ghost_file);
    runqueue_free(worker->runqueue);
    doors_clear(&worker->doors);
    spool_store_free(worker->spool_store);
    admission_free(worker->admission);
}

static void free_configs(struct worker *worker)
{
    while (worker->old) {
        struct old_config *old = worker->old;
        worker->old = old->next;
        config_free(old->config);
        free(old);
    }
    config_free(worker->config);
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    free_machines(worker);
    free_event(worker->terminate);
    free_event(worker->interrupt);
    free_event(worker->reload);
    free_event(worker->timer);
    if (worker->resolver)
        evdns_base_free(worker->resolver, 1);
    if (worker->base)
        event_base_free(worker->base);
    free_configs(worker);
    free(worker);
}
