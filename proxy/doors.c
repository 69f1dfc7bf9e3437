/* Listeners and upstreams that outlive a configuration. Clients and accounts hold pointers to these objects, so a door
 * that is no longer wanted is closed but kept, and a server's settings are written over in place. A server is its host
 * and port, whatever its section is called: accounts at the old host of a changed url keep the old settings. It must
 * never close a socket that the new configuration still wants. */
#include "proxy/doors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mux/endpoint.h"
#include "net/admission.h"
#include "net/listener.h"
#include "net/tls.h"

/* One server. Host and port are never written over: its accounts may be dialled at any time. */
struct live_upstream {
    struct live_upstream *next;
    struct upstream_settings settings;
    bool applied; /* by the configuration that is being applied */
};

struct door {
    struct door *next;
    struct doors *doors;
    struct url url;
    struct listener *listener; /* NULL: closed */
    struct tls_context *tls;   /* NULL: never had a certificate */
    bool has_certificate;      /* ... now */
    const struct upstream_settings *upstream;
    struct naming naming;
    enum choice plaintext_login;
    bool compress;
    struct networks proxy_from; /* empty: clients connect themselves */
    bool wanted;                /* by the configuration that is being applied */
};

/* ---- clients ---- */

/* Plain text is safe where nobody else can listen: both ends on this machine. */
static bool may_log_in_plainly(const struct door *door, int descriptor, const struct address *peer)
{
    struct address ours;

    switch (door->plaintext_login) {
    case CHOICE_AUTO:
        return address_is_loopback(peer) && address_of_socket(&ours, descriptor) && address_is_loopback(&ours);
    case CHOICE_YES:
        return true;
    case CHOICE_NO:
        return false;
    }
    abort();
}

static void refuse(struct door *door, int descriptor, const struct address *peer, enum admission_answer answer)
{
    char text[ADDRESS_TEXT_SIZE];

    log_line(door->doors->log, LOG_WARNING, "client %s: refused: %s", address_text(peer, text),
             admission_words(answer));
    refusal_link_open(door->doors->refusals, descriptor, door->url.implicit_tls ? door->tls : NULL,
                      admission_words(answer));
}

/* peer: the client's own address, also where another proxy has made the connection. */
static void let_in(void *owner, int descriptor, const struct address *peer)
{
    struct door *door = owner;
    struct doors *doors = door->doors;
    enum admission_answer answer = admission_enter(doors->admission, peer);
    const struct client_link_options options = {
        .upstream = door->upstream,
        .naming = door->naming,
        .tls = door->has_certificate ? door->tls : NULL,
        .implicit_tls = door->url.implicit_tls,
        .plaintext_login = may_log_in_plainly(door, descriptor, peer),
        .compress = door->compress,
        .peer = *peer,
    };

    if (answer != ADMISSION_OK)
        refuse(door, descriptor, peer, answer);
    else if (!client_link_open(doors->clients, descriptor, &options))
        admission_leave(doors->admission, peer);
}

static void on_accepted(void *owner, int descriptor, const struct address *peer)
{
    struct door *door = owner;
    const struct proxy_link_options options = {
        .senders = &door->proxy_from,
        .peer = *peer,
        .done = let_in,
        .owner = door,
    };

    runqueue_set_now(door->doors->clients->runqueue, door->doors->clock()); /* it slept since the last step */
    if (door->proxy_from.count > 0)
        proxy_link_open(door->doors->proxies, descriptor, &options);
    else
        let_in(door, descriptor, peer);
}

/* ---- upstreams ---- */

static struct live_upstream *find_live(const struct doors *doors, const struct upstream_settings *settings)
{
    struct live_upstream *live = doors->upstreams;

    while (live && !endpoint_equal(&live->settings, settings))
        live = live->next;
    return live;
}

/* The first section that names a server decides. False: out of memory. */
static bool apply_upstream(struct doors *doors, const struct upstream_settings *settings)
{
    struct live_upstream *live = find_live(doors, settings);

    if (!live) {
        live = calloc(1, sizeof(*live));
        if (!live)
            return false;
        LL_PREPEND(doors->upstreams, live);
    }
    if (!live->applied)
        live->settings = *settings;
    live->applied = true;
    return true;
}

static bool apply_upstreams(struct doors *doors, const struct config *config)
{
    struct live_upstream *live;

    LL_FOREACH (doors->upstreams, live)
        live->applied = false;
    for (const struct config_upstream *upstream = config->upstreams; upstream; upstream = upstream->next) {
        if (!apply_upstream(doors, &upstream->settings))
            return false;
    }
    LL_FOREACH (doors->upstreams, live)
        live->settings.removed = !live->applied;
    return true;
}

/* ---- doors ---- */

static struct door *find_door(const struct doors *doors, const struct url *url)
{
    struct door *door = doors->first;

    while (door && (!door->listener || door->url.port != url->port || door->url.implicit_tls != url->implicit_tls ||
                    strcmp(door->url.host, url->host) != 0))
        door = door->next;
    return door;
}

/* A certificate that cannot be read leaves the door with the one it had. */
static bool load_certificate(struct door *door, const struct listener_values *values, char *fault, size_t size)
{
    struct tls_fault tls_fault;
    bool loaded = true;

    if (values->cert && door->tls) {
        loaded = tls_server_reload(door->tls, values->cert, values->key, &tls_fault);
    } else if (values->cert) {
        door->tls = tls_server_new(values->cert, values->key, &tls_fault);
        loaded = door->tls != NULL;
    }
    if (loaded)
        door->has_certificate = values->cert != NULL;
    else
        snprintf(fault, size, "%s", tls_fault.text);
    return loaded;
}

static bool open_door(struct door *door, const struct config_listener *wanted, char *fault, size_t size)
{
    struct listener_fault listener_fault;
    const struct listener_options options = {
        .base = door->doors->base,
        .runqueue = door->doors->clients->runqueue,
        .log = door->doors->log,
        .name = wanted->section->name,
        .host = door->url.host,
        .port = door->url.port,
        .speaks_tls = door->url.implicit_tls,
        .accepted = on_accepted,
        .owner = door,
    };

    door->listener = listener_new(&options, &listener_fault);
    if (door->listener)
        return true;
    snprintf(fault, size, "%s", listener_fault.text);
    return false;
}

static void warn_if_useless(const struct door *door, const struct config_listener *wanted)
{
    if (!door->has_certificate && door->plaintext_login != CHOICE_YES && !address_name_is_loopback(door->url.host))
        log_line(
            door->doors->log, LOG_WARNING,
            "[listener %s] has no certificate, so clients on other machines cannot log in there (set cert and key)",
            wanted->section->name);
}

static void set_rules(struct door *door, const struct config_listener *wanted)
{
    const struct live_upstream *live = find_live(door->doors, &wanted->upstream->settings);

    door->upstream = &live->settings;
    door->naming = wanted->upstream->naming;
    door->plaintext_login = (enum choice)wanted->values->plaintext_login;
    door->compress = wanted->values->compress;
    door->proxy_from = wanted->proxy_from;
    door->wanted = true;
}

static struct door *door_new(struct doors *doors, const struct url *url)
{
    struct door *door = calloc(1, sizeof(*door));

    if (!door)
        return NULL;
    door->doors = doors;
    door->url = *url;
    LL_PREPEND(doors->first, door);
    return door;
}

static bool refresh_door(struct door *door, const struct config_listener *wanted, char *fault, size_t size)
{
    door->wanted = true;
    if (!load_certificate(door, wanted->values, fault, size))
        return false;
    set_rules(door, wanted);
    return true;
}

static bool add_door(struct doors *doors, const struct config_listener *wanted, char *fault, size_t size)
{
    struct door *door = door_new(doors, &wanted->url);

    if (!door || !refresh_door(door, wanted, fault, size) || !open_door(door, wanted, fault, size))
        return false;
    log_line(doors->log, LOG_INFO, "listening on %s://%s port %u for [upstream %s]",
             door->url.implicit_tls ? "imaps" : "imap", door->url.host, (unsigned)listener_port(door->listener),
             wanted->upstream->settings.name);
    warn_if_useless(door, wanted);
    return true;
}

static bool apply_listener(struct doors *doors, const struct config_listener *wanted)
{
    struct door *door = find_door(doors, &wanted->url);
    char fault[sizeof(struct tls_fault)] = "out of memory";

    if (door ? refresh_door(door, wanted, fault, sizeof(fault)) : add_door(doors, wanted, fault, sizeof(fault)))
        return true;
    log_line(doors->log, LOG_ERROR, "[listener %s]: %s", wanted->section->name, fault);
    return false;
}

static void close_door(struct door *door)
{
    listener_free(door->listener);
    door->listener = NULL;
}

static void close_unwanted(struct doors *doors)
{
    struct door *door;

    LL_FOREACH (doors->first, door) {
        if (door->wanted || !door->listener)
            continue;
        log_line(doors->log, LOG_INFO, "no longer listening on %s port %u", door->url.host,
                 (unsigned)listener_port(door->listener));
        close_door(door);
    }
}

bool doors_apply(struct doors *doors, const struct config *config)
{
    struct door *door;
    bool complete = true;

    if (!apply_upstreams(doors, config)) {
        log_line(doors->log, LOG_ERROR, "settings: out of memory; the listeners stay as they were");
        return false;
    }
    LL_FOREACH (doors->first, door)
        door->wanted = false;
    for (const struct config_listener *wanted = config->listeners; wanted; wanted = wanted->next)
        if (!apply_listener(doors, wanted))
            complete = false;
    close_unwanted(doors);
    return complete;
}

void doors_close(struct doors *doors)
{
    struct door *door;

    LL_FOREACH (doors->first, door)
        close_door(door);
}

void doors_clear(struct doors *doors)
{
    struct door *door, *next;
    struct live_upstream *live, *next_live;

    doors_close(doors);
    LL_FOREACH_SAFE(doors->first, door, next)
    {
        tls_context_free(door->tls);
        free(door);
    }
    LL_FOREACH_SAFE(doors->upstreams, live, next_live)
    free(live);
    doors->first = NULL;
    doors->upstreams = NULL;
}
