/* Listening sockets. Accepts connections and hands them on, nothing else. It must never spin when accept
 * cannot succeed: it pauses, and with a descriptor held in reserve it can tell the waiting client, or at least not keep
 * it hanging.
 *
 * The kernel gives the lowest free number, so a client whose descriptor is among the last that the process may have
 * would leave too few for upstreams and spools: it is refused. No client can ever take those last ones. */
#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX    16
#define ACCEPT_ROUND   64
#define BACKLOG        1024
#define PAUSE_TIME     (USEC_SECOND / 5)
#define COMPLAINT_TIME (60 * USEC_SECOND) /* between two lines about the same trouble */
#define KEPT_SHARE     8                  /* one of so many descriptors is kept from clients ... */
#define KEPT_LEAST     16                 /* ... and at least so many */

struct listening_socket {
    struct listener *listener;
    int descriptor;
    struct event readable;
};

struct listener {
    struct task task; /* its deadline ends a pause: it cannot fail, as a timer of libevent can */
    struct listener_options options;
    char *name;
    struct listening_socket sockets[SOCKETS_MAX];
    size_t count;
    int reserve; /* given up for a moment when descriptors run out; -1: could not be had */
    bool complained;
    usec complained_at;
};

static struct listener *of_task(struct task *task)
{
    return (struct listener *)((char *)task - offsetof(struct listener, task));
}

/* ---- out of descriptors or memory ---- */

static void complain(struct listener *listener, int error)
{
    usec now = task_now(&listener->task);

    if (listener->complained && now - listener->complained_at < COMPLAINT_TIME)
        return;
    listener->complained = true;
    listener->complained_at = now;
    log_line(
        listener->options.log, LOG_ERROR,
        "listener %s: cannot accept: %s; clients are turned away until some leave (see LimitNOFILE, sessions_total)",
        listener->name, strerror(error));
}

static void turn_away(const struct listener *listener, int descriptor)
{
    static const char words[] = "* BYE [UNAVAILABLE] this proxy is out of resources; try again later\r\n";

    if (!listener->options.speaks_tls)
        (void)!send(descriptor, words, sizeof(words) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(descriptor);
}

static void turn_away_one(struct listener *listener, int listening)
{
    int descriptor;

    if (listener->reserve < 0)
        return;
    close(listener->reserve);
    descriptor = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0)
        turn_away(listener, descriptor);
    listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void pause_accepting(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        event_del(&listener->sockets[i].readable);
    task_set_deadline(&listener->task, task_now(&listener->task) + PAUSE_TIME);
}

/* The pause is over. A socket that cannot be watched for want of memory is tried again after another pause. */
static void run(struct task *task, usec now)
{
    struct listener *listener = of_task(task);

    if (listener->reserve < 0)
        listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < listener->count; i++)
        if (event_add(&listener->sockets[i].readable, NULL) != 0)
            task_set_deadline(&listener->task, now + PAUSE_TIME);
}

/* The first descriptor that clients are not to have. */
static int first_kept(void)
{
    struct rlimit limit;
    rlim_t kept;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    kept = limit.rlim_cur / KEPT_SHARE;
    if (kept < KEPT_LEAST)
        kept = KEPT_LEAST;
    return limit.rlim_cur > kept ? (int)(limit.rlim_cur - kept) : 0;
}

/* ---- accepting ---- */

/* True: more may be accepted. */
static bool judge_error(struct listener *listener, int listening, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        complain(listener, error);
        turn_away_one(listener, listening);
        pause_accepting(listener);
        return false;
    default: /* that client has gone already, or its network has */
        return true;
    }
}

static void on_acceptable(evutil_socket_t listening, short what, void *argument)
{
    struct listener *listener = ((struct listening_socket *)argument)->listener;
    int kept = first_kept();

    (void)what;
    for (int i = 0; i < ACCEPT_ROUND; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof(from);
        struct address peer;
        int descriptor = accept4(listening, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= kept) {
            complain(listener, EMFILE);
            turn_away(listener, descriptor);
        } else if (descriptor >= 0) {
            address_set(&peer, (struct sockaddr *)&from, length);
            listener->options.accepted(listener->options.owner, descriptor, &peer);
        } else if (!judge_error(listener, listening, errno)) {
            return;
        }
    }
}

/* ---- opening ---- */

static int bind_socket(const struct addrinfo *address)
{
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (descriptor < 0)
        return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (address->ai_family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 && listen(descriptor, BACKLOG) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

static bool add_socket(struct listener *listener, const struct addrinfo *address)
{
    struct listening_socket *socket = &listener->sockets[listener->count];

    socket->listener = listener;
    socket->descriptor = bind_socket(address);
    if (socket->descriptor < 0)
        return false;
    if (event_assign(&socket->readable, listener->options.base, socket->descriptor, EV_READ | EV_PERSIST, on_acceptable,
                     socket) != 0 ||
        event_add(&socket->readable, NULL) != 0) {
        close(socket->descriptor);
        errno = ENOMEM;
        return false;
    }
    listener->count++;
    return true;
}

static const char *bind_advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "another program listens there: stop it, or choose another port";
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
        return "this machine does not have that address";
    default:
        return "check the url";
    }
}

/* All addresses of the host must be had, except that a machine without IPv6 may go without it for "*". */
static bool add_all(struct listener *listener, const struct addrinfo *addresses, bool every,
                    struct listener_fault *fault)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address failed;

    for (const struct addrinfo *address = addresses; address && listener->count < SOCKETS_MAX;
         address = address->ai_next) {
        if (add_socket(listener, address) || (every && errno == EAFNOSUPPORT))
            continue;
        int error = errno;
        address_set(&failed, address->ai_addr, address->ai_addrlen);
        snprintf(fault->text, sizeof(fault->text), "cannot listen on %s: %s; %s", address_text(&failed, text),
                 strerror(error), bind_advice(error));
        return false;
    }
    if (listener->count > 0)
        return true;
    snprintf(fault->text, sizeof(fault->text), "this machine has no address to listen on");
    return false;
}

static bool open_sockets(struct listener *listener, struct listener_fault *fault)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    const char *host = listener->options.host;
    bool every = host[0] == '\0' || strcmp(host, "*") == 0;
    char port[8];

    snprintf(port, sizeof(port), "%u", (unsigned)listener->options.port);
    int error = getaddrinfo(every ? NULL : host, port, &hints, &addresses);
    if (error != 0) {
        snprintf(fault->text, sizeof(fault->text), "cannot listen on %.100s: %s; use an address of this machine", host,
                 gai_strerror(error));
        return false;
    }
    bool opened = add_all(listener, addresses, every, fault);
    freeaddrinfo(addresses);
    return opened;
}

struct listener *listener_new(const struct listener_options *options, struct listener_fault *fault)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    snprintf(fault->text, sizeof(fault->text), "out of memory");
    if (!listener)
        return NULL;
    listener->options = *options;
    listener->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    task_init(&listener->task, options->runqueue, run);
    listener->name = strdup(options->name);
    if (listener->name && open_sockets(listener, fault))
        return listener;
    listener_free(listener);
    return NULL;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    task_clear(&listener->task);
    for (size_t i = 0; i < listener->count; i++) {
        event_del(&listener->sockets[i].readable);
        close(listener->sockets[i].descriptor);
    }
    if (listener->reserve >= 0)
        close(listener->reserve);
    free(listener->name);
    free(listener);
}

uint16_t listener_port(const struct listener *listener)
{
    struct address address;

    if (!address_of_socket(&address, listener->sockets[0].descriptor))
        return 0;
    if (address.storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address.storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address.storage)->sin_port);
}
