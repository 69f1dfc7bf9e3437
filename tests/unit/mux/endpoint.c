/* Which sections of the settings name one server. */
#include "mux/endpoint.h"

#include <criterion/criterion.h>
#include <string.h>

static bool same(const char *host, uint16_t port, const char *other, uint16_t other_port)
{
    const struct upstream_settings one = {.name = "one", .host = host, .port = port};
    const struct upstream_settings two = {.name = "two", .host = other, .port = other_port};

    return endpoint_equal(&one, &two);
}

Test(endpoint, a_server_is_its_host_and_its_port_whatever_the_section_is_called)
{
    cr_assert(same("mail.example.com", 993, "Mail.EXAMPLE.com", 993));
    cr_assert(same("mail.example.com", 993, "mail.example.com.", 993));
    cr_assert_not(same("mail.example.com", 993, "mail.example.com", 143));
    cr_assert_not(same("mail.example.com", 993, "mail.example.co", 993));
    cr_assert_not(same("mail", 99, "mail9", 9), "host and port are kept apart");
}

Test(endpoint, addresses_are_equal_in_any_spelling)
{
    cr_assert(same("::1", 143, "0:0:0:0:0:0:0:1", 143));
    cr_assert(same("2001:DB8::A", 143, "2001:db8::a", 143));
    cr_assert(same("::ffff:192.0.2.1", 143, "::FFFF:c000:201", 143));
    cr_assert_not(same("192.0.2.1", 143, "192.0.2.10", 143));
    cr_assert_not(same("", 143, ".", 143));
}

Test(endpoint, the_longest_host_has_room)
{
    char host[UPSTREAM_HOST_MAX + 1] = {0};
    struct upstream_settings upstream = {.host = host, .port = 65535};
    struct endpoint endpoint;

    memset(host, 'x', UPSTREAM_HOST_MAX);
    cr_assert_eq(endpoint_make(&endpoint, &upstream).length, UPSTREAM_HOST_MAX + 6);
}
