/* Addresses: their text, their key, and which are this machine's. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/address.h"
#include "unit/net/bench.h"

static struct address parse(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(143)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(143)};
    struct address address;

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        address_set(&address, (struct sockaddr *)&in, sizeof(in));
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        address_set(&address, (struct sockaddr *)&in6, sizeof(in6));
    else
        cr_assert_fail("%s", text);
    return address;
}

Test(address, loopback_is_this_machine_only)
{
    static const char *const yes[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const no[] = {"128.0.0.1", "::2", "::", "::ffff:192.0.2.1", "fe80::1"};

    for (size_t i = 0; i < 4; i++)
        cr_assert(address_name_is_loopback(yes[i]), "%s", yes[i]);
    cr_assert_not(address_is_loopback(&(struct address){0}));
    for (size_t i = 0; i < 5; i++)
        cr_assert_not(address_name_is_loopback(no[i]), "%s", no[i]);
    cr_assert(address_name_is_loopback("LocalHost"));
    cr_assert_not(address_name_is_loopback("localhost.example"));
}

Test(address, text_and_key)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address one = parse("192.0.2.1"), mapped = parse("::ffff:192.0.2.1");
    struct address six = parse("2001:db8:0:1::1"), neighbour = parse("2001:db8:0:1:ffff::2"),
                   other = parse("2001:db8:0:2::1");

    cr_assert_str_eq(address_text(&one, text), "192.0.2.1:143");
    cr_assert_str_eq(address_text(&six, text), "[2001:db8:0:1::1]:143");
    cr_assert_str_eq(address_host(&one, text), "192.0.2.1");
    cr_assert_str_eq(address_host(&six, text), "2001:db8:0:1::1");
    cr_assert_str_eq(address_host(&(struct address){.length = 0}, text), "local");
    struct address_key a = address_key(&one), b = address_key(&mapped);
    cr_assert_arr_eq(a.bytes, b.bytes, 8);
    a = address_key(&six), b = address_key(&neighbour);
    cr_assert_arr_eq(a.bytes, b.bytes, 8);
    b = address_key(&other);
    cr_assert_neq(memcmp(a.bytes, b.bytes, 8), 0);
}

Test(address, takes_the_port_of_another_one_of_its_family)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address one = parse("192.0.2.1"), six = parse("2001:db8::1"), from = {.length = sizeof(struct sockaddr_in)};

    from.storage.ss_family = AF_INET;
    address_take_port(&one, &from);
    cr_assert_str_eq(address_text(&one, text), "192.0.2.1:0");
    address_take_port(&six, &from);
    cr_assert_str_eq(address_text(&six, text), "[2001:db8::1]:143");
}
