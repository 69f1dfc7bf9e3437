#include "unit/net/door.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "net/address.h"

static void on_accepted(void *owner, int descriptor, const struct address *peer)
{
    struct door *door = owner;

    cr_assert(address_is_loopback(peer));
    door->accepted[door->count++] = descriptor;
}

void door_open(struct door *door)
{
    struct listener_fault fault;

    memset(door, 0, sizeof(*door));
    bench_open(&door->bench);
    const struct listener_options options = {.base = door->bench.base,
                                             .runqueue = door->bench.runqueue,
                                             .log = &door->bench.log,
                                             .name = "test",
                                             .host = "127.0.0.1",
                                             .accepted = on_accepted,
                                             .owner = door};
    door->listener = listener_new(&options, &fault);
    cr_assert(door->listener, "%s", fault.text);
}

int door_knock(const struct door *door)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(listener_port(door->listener))};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
}
