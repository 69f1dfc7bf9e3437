/* Lists of addresses and networks. */
#include "net/networks.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

static bool holds(const char *list, const char *text)
{
    struct networks networks;
    struct address address;
    const char *fault = NULL;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    cr_assert(networks_parse(list, &networks, &fault), "%s: %s", list, fault);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        address_set(&address, (struct sockaddr *)&in, sizeof(in));
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    else
        address_set(&address, NULL, 0);
    return networks_contain(&networks, &address);
}

Test(networks, an_address_is_held_by_its_network_and_no_other)
{
    cr_assert(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "192.0.2.1"));
    cr_assert(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "10.255.0.1"));
    cr_assert(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "2001:db8:ffff::1"));
    cr_assert_not(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "192.0.2.2"));
    cr_assert_not(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "11.0.0.1"));
    cr_assert_not(holds("192.0.2.1 10.0.0.0/8 2001:db8::/32", "2001:db9::1"));
    cr_assert(holds("10.0.0.0/8", "::ffff:10.1.2.3"), "a mapped address is an IPv4 one");
    cr_assert(holds("0.0.0.0/0", "203.0.113.9"));
}

Test(networks, an_empty_list_holds_nobody_and_a_socket_without_an_address_is_held_by_none)
{
    cr_assert_not(holds("", "192.0.2.1"));
    cr_assert_not(holds("0.0.0.0/0 ::/0", "local"));
}

Test(networks, what_is_no_network_is_refused_with_a_reason)
{
    static const char *const bad[] = {"example.org", "10.0.0.0/33", "10.0.0.1/8",
                                      "::/129",      "10.0.0.0/",   "10.0.0.0/8,::1"};
    struct networks networks;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *fault = NULL;
        cr_assert_not(networks_parse(bad[i], &networks, &fault), "%s", bad[i]);
        cr_assert_not_null(fault);
    }
}
