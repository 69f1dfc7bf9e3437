/* Reaching a host: lookup, then one address after another. Runs on the runqueue; libevent's callbacks only note events
 * and wake it. It must never have two sockets at once: some servers count connections, and one is the rule.
 *
 * A lookup that is cancelled calls back later all the same, so it is an object of its own which may outlive the dialer.
 */
#include "net/dialer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/address.h"
#include "net/sources.h"

/* On a line that is down the kernel asks again after 1, 3, 7, 15 s: the longer the line was down, the later it would
 * notice its return. A new socket asks at once. Its last try has up to twice as long, for lines that are so slow. */
#define TRY (2 * USEC_SECOND)

struct lookup {
    struct dialer *dialer; /* NULL: it has gone */
};

struct dialer {
    struct task task;
    struct dialer_options options;
    char *host;
    usec deadline, patience; /* of all of it; of the present address */
    usec try_until;          /* of the present socket */
    struct lookup *lookup;
    struct evdns_getaddrinfo_request *request;
    struct evutil_addrinfo *addresses, *next; /* next: the one to try after the present one */
    const struct evutil_addrinfo *current;    /* the one that is tried */
    const struct evutil_addrinfo *former;     /* the address of options.between; NULL: the host has it not */
    bool former_is_next;                      /* it is tried before the others */
    bool has_source;
    struct address source4, source6; /* of options.source; length 0: none of that family */
    unsigned tried, left_out;        /* addresses of the host: all that had their turn; those without a source */
    int lookup_error;
    bool looked_up;
    int descriptor; /* -1: none */
    struct event connected;
    bool event_added;
    struct address trying;
    char reason[400];
};

static struct dialer *of_task(struct task *task)
{
    return (struct dialer *)((char *)task - offsetof(struct dialer, task));
}

/* ---- lookup ---- */

static void find_former(struct dialer *dialer)
{
    const struct link_ends *between = &dialer->options.between;
    const struct evutil_addrinfo *address = dialer->addresses;

    while (address && (between->length == 0 || address->ai_addrlen != between->length ||
                       memcmp(address->ai_addr, between->remote, between->length) != 0))
        address = address->ai_next;
    dialer->former = address;
    dialer->former_is_next = address;
}

static void on_looked_up(int error, struct evutil_addrinfo *addresses, void *argument)
{
    struct lookup *lookup = argument;
    struct dialer *dialer = lookup->dialer;

    free(lookup);
    if (!dialer) {
        if (addresses)
            evutil_freeaddrinfo(addresses);
        return;
    }
    dialer->lookup = NULL;
    dialer->addresses = dialer->next = addresses;
    find_former(dialer);
    dialer->lookup_error = error;
    dialer->looked_up = true;
    task_wake(&dialer->task);
}

static bool look_up(struct dialer *dialer)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_NUMERICHOST};
    struct evutil_addrinfo *literal = NULL;
    char port[8];

    snprintf(port, sizeof(port), "%u", (unsigned)dialer->options.port);
    dialer->lookup = calloc(1, sizeof(*dialer->lookup));
    if (!dialer->lookup)
        return false;
    dialer->lookup->dialer = dialer;
    int error = evutil_getaddrinfo(dialer->host, port, &hints, &literal);
    if (error == 0 || !dialer->options.resolver) {
        on_looked_up(error, literal, dialer->lookup);
        return true;
    }
    hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dialer->options.resolver, dialer->host, port, &hints, on_looked_up, dialer->lookup);
    dialer->request = dialer->lookup ? request : NULL; /* it may have called back already */
    return true;
}

static void cancel_lookup(struct dialer *dialer)
{
    if (!dialer->lookup)
        return;
    dialer->lookup->dialer = NULL;
    dialer->lookup = NULL;
    if (dialer->request)
        evdns_getaddrinfo_cancel(dialer->request);
}

/* ---- connecting ---- */

static void on_connected(evutil_socket_t descriptor, short what, void *argument)
{
    struct dialer *dialer = argument;

    (void)descriptor, (void)what;
    dialer->event_added = false;
    task_wake(&dialer->task);
}

static void drop_socket(struct dialer *dialer)
{
    if (dialer->event_added)
        event_del(&dialer->connected);
    dialer->event_added = false;
    if (dialer->descriptor >= 0)
        close(dialer->descriptor);
    dialer->descriptor = -1;
}

static void note_failure(struct dialer *dialer, const char *why)
{
    char text[ADDRESS_TEXT_SIZE];
    size_t used = strlen(dialer->reason);

    snprintf(dialer->reason + used, sizeof(dialer->reason) - used, "%s%s: %s", used > 0 ? "; " : "",
             address_text(&dialer->trying, text), why);
    drop_socket(dialer);
}

static usec share_of_time(const struct dialer *dialer, usec now)
{
    usec left = dialer->deadline - now;
    int addresses = 1;

    for (const struct evutil_addrinfo *later = dialer->next; later; later = later->ai_next)
        addresses++;
    return now + left / addresses;
}

static bool open_socket(struct dialer *dialer, int family)
{
    dialer->descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dialer->descriptor < 0)
        return false;
    /* Or a later connection from the same port would not be possible beside this one, to whatever server. */
    return setsockopt(dialer->descriptor, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0;
}

static bool bind_to(const struct dialer *dialer, const struct address *from)
{
    return bind(dialer->descriptor, (const struct sockaddr *)&from->storage, from->length) == 0;
}

/* False: errno says why. */
static bool connect_to(const struct dialer *dialer, const struct evutil_addrinfo *address)
{
    return connect(dialer->descriptor, address->ai_addr, (socklen_t)address->ai_addrlen) == 0 || errno == EINPROGRESS;
}

static const struct address *source_of(const struct dialer *dialer, int family)
{
    return family == AF_INET6 ? &dialer->source6 : &dialer->source4;
}

/* The settings may have another source now. */
static bool may_leave_from(const struct dialer *dialer, const struct address *former)
{
    struct address source = *source_of(dialer, former->storage.ss_family);

    address_take_port(&source, former);
    return !dialer->has_source ||
           (source.length == former->length && memcmp(&source.storage, &former->storage, source.length) == 0);
}

/* The port may be in use still. */
static bool begin_from_former(struct dialer *dialer, const struct evutil_addrinfo *address)
{
    struct address from;
    bool begun;

    address_set(&from, (const struct sockaddr *)(const void *)dialer->options.between.local,
                dialer->options.between.length);
    begun = may_leave_from(dialer, &from) && open_socket(dialer, address->ai_family) && bind_to(dialer, &from) &&
            connect_to(dialer, address);
    if (!begun)
        drop_socket(dialer);
    return begun;
}

/* There is no source for this address of the host. */
static void leave_out(struct dialer *dialer, const char *why)
{
    dialer->left_out++;
    note_failure(dialer, why);
}

/* The kernel finds the port when it connects, so that one address is good for more connections than it has ports. */
static bool bind_to_source(struct dialer *dialer, const struct address *source)
{
    char text[ADDRESS_TEXT_SIZE], why[256];

    (void)!setsockopt(dialer->descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    if (bind_to(dialer, source))
        return true;
    snprintf(why, sizeof(why), "source = %s: %s", address_host(source, text),
             errno == EADDRNOTAVAIL
                 ? "this machine does not have that address; add it to an interface, or correct source"
                 : strerror(errno));
    leave_out(dialer, why);
    return false;
}

/* From the former port first, if the former connection was to this address. False: it failed, which is noted. */
static bool begin(struct dialer *dialer, const struct evutil_addrinfo *address)
{
    const struct address *source = source_of(dialer, address->ai_family);

    if (address == dialer->former && begin_from_former(dialer, address))
        return true;
    if (dialer->has_source && source->length == 0) {
        leave_out(dialer, address->ai_family == AF_INET6 ? "source has no IPv6 address" : "source has no IPv4 address");
        return false;
    }
    if (open_socket(dialer, address->ai_family)) {
        if (dialer->has_source && !bind_to_source(dialer, source))
            return false;
        if (connect_to(dialer, address))
            return true;
    }
    note_failure(dialer, strerror(errno));
    return false;
}

/* NULL: all have been tried. */
static const struct evutil_addrinfo *take_next(struct dialer *dialer)
{
    const struct evutil_addrinfo *taken = dialer->next;

    if (dialer->former_is_next) {
        dialer->former_is_next = false;
        return dialer->former;
    }
    if (taken && taken == dialer->former)
        taken = taken->ai_next;
    dialer->next = taken ? taken->ai_next : NULL;
    return taken;
}

/* Begins to connect to the current address. False: it failed at once. */
static bool try_once(struct dialer *dialer, usec now)
{
    if (!begin(dialer, dialer->current))
        return false;
    event_assign(&dialer->connected, dialer->options.base, dialer->descriptor, EV_WRITE, on_connected, dialer);
    if (event_add(&dialer->connected, NULL) != 0) {
        note_failure(dialer, "out of memory");
        return false;
    }
    dialer->event_added = true;
    dialer->try_until = dialer->patience - now > 2 * TRY ? now + TRY : dialer->patience;
    task_set_deadline(&dialer->task, dialer->try_until);
    return true;
}

static bool try_address(struct dialer *dialer, const struct evutil_addrinfo *address, usec now)
{
    dialer->current = address;
    dialer->patience = share_of_time(dialer, now);
    dialer->tried++;
    address_set(&dialer->trying, address->ai_addr, (socklen_t)address->ai_addrlen);
    return try_once(dialer, now);
}

static void finish(struct dialer *dialer, int descriptor)
{
    task_clear(&dialer->task);
    dialer->descriptor = -1;
    dialer->options.done(dialer->options.owner, descriptor, descriptor < 0 ? dialer->reason : NULL);
}

/* The connection may stand at this very moment, before its event has come. The server would count it. */
static void note_connected(struct dialer *dialer)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);

    if (!dialer->event_added || getpeername(dialer->descriptor, (struct sockaddr *)&peer, &length) != 0)
        return;
    event_del(&dialer->connected);
    dialer->event_added = false;
}

/* The socket has become writable, or its time is over. False: the next address may be tried. */
static bool judge_socket(struct dialer *dialer, usec now)
{
    int error = 0;
    socklen_t length = sizeof(error);

    note_connected(dialer);
    if (dialer->event_added && now < dialer->try_until)
        return true; /* woken for nothing: goes on */
    if (dialer->event_added && now < dialer->patience) {
        drop_socket(dialer);
        return try_once(dialer, now);
    }
    if (dialer->event_added) {
        note_failure(dialer, "no answer in time");
        return false;
    }
    if (getsockopt(dialer->descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    if (error != 0) {
        note_failure(dialer, strerror(error));
        return false;
    }
    finish(dialer, dialer->descriptor);
    return true;
}

static void give_up_lookup(struct dialer *dialer, const char *why)
{
    cancel_lookup(dialer);
    snprintf(dialer->reason, sizeof(dialer->reason), "looking up %.100s: %s", dialer->host, why);
    finish(dialer, -1);
}

static void run(struct task *task, usec now)
{
    struct dialer *dialer = of_task(task);
    const struct evutil_addrinfo *address;

    if (!dialer->looked_up) {
        if (now >= dialer->deadline)
            give_up_lookup(dialer, "no answer in time");
        return;
    }
    if (dialer->lookup_error != 0) {
        give_up_lookup(dialer, evutil_gai_strerror(dialer->lookup_error));
        return;
    }
    if (dialer->descriptor >= 0 && judge_socket(dialer, now))
        return;
    while ((address = take_next(dialer)))
        if (try_address(dialer, address, now))
            return;
    if (dialer->reason[0] == '\0')
        snprintf(dialer->reason, sizeof(dialer->reason), "%.100s has no address", dialer->host);
    finish(dialer, -1);
}

/* ---- life ---- */

/* The program has checked the setting. */
static void choose_sources(struct dialer *dialer, const struct dialer_options *options)
{
    struct sources sources;
    char fault[SOURCES_FAULT_SIZE];
    const struct address *source4, *source6;

    if (!options->source)
        return;
    dialer->has_source = !sources_parse(options->source, &sources, fault) || sources.count > 0;
    source4 = sources_choose(&sources, AF_INET, options->user);
    source6 = sources_choose(&sources, AF_INET6, options->user);
    if (source4)
        dialer->source4 = *source4;
    if (source6)
        dialer->source6 = *source6;
}

bool dialer_lacks_source(const struct dialer *dialer)
{
    return dialer->left_out > 0 && dialer->left_out == dialer->tried;
}

struct dialer *dialer_new(const struct dialer_options *options)
{
    struct dialer *dialer = calloc(1, sizeof(*dialer));

    if (!dialer)
        return NULL;
    dialer->options = *options;
    dialer->descriptor = -1;
    choose_sources(dialer, options);
    dialer->host = strdup(options->host);
    dialer->deadline = runqueue_now(options->runqueue) + options->timeout;
    task_init(&dialer->task, options->runqueue, run);
    task_set_deadline(&dialer->task, dialer->deadline);
    if (!dialer->host || !look_up(dialer)) {
        dialer_free(dialer);
        return NULL;
    }
    return dialer;
}

static void free_dialer(void *object)
{
    struct dialer *dialer = object;

    if (dialer->addresses)
        evutil_freeaddrinfo(dialer->addresses);
    free(dialer->host);
    free(dialer);
}

void dialer_free(struct dialer *dialer)
{
    if (!dialer)
        return;
    cancel_lookup(dialer);
    drop_socket(dialer);
    task_clear(&dialer->task);
    runqueue_dispose(dialer->options.runqueue, free_dialer, dialer);
}

/* ---- resolver ---- */

static void configure_resolver(struct evdns_base *resolver)
{
    evdns_base_resolv_conf_parse(resolver, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    if (evdns_base_count_nameservers(resolver) == 0)
        evdns_base_nameserver_ip_add(resolver, "127.0.0.1");
}

struct evdns_base *dialer_resolver_new(struct event_base *base)
{
    struct evdns_base *resolver = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

    if (resolver)
        configure_resolver(resolver);
    return resolver;
}

void dialer_resolver_reload(struct evdns_base *resolver)
{
    evdns_base_clear_nameservers_and_suspend(resolver);
    evdns_base_clear_host_addresses(resolver);
    configure_resolver(resolver);
    evdns_base_resume(resolver);
}
