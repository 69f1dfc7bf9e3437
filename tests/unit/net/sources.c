/* From which of its addresses this machine connects for a user. */
#include "net/sources.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sources read_good(const char *text)
{
    struct sources sources;
    char fault[SOURCES_FAULT_SIZE];

    cr_assert(sources_parse(text, &sources, fault), "%s: %s", text, fault);
    return sources;
}

static void expect_fault(const char *text, const char *words)
{
    struct sources sources;
    char fault[SOURCES_FAULT_SIZE];

    cr_assert_not(sources_parse(text, &sources, fault), "%s", text);
    cr_assert(strstr(fault, words), "%s: %s", text, fault);
    cr_assert_eq(sources.count, 0);
}

/* The address of the user, as text; "none". */
static const char *chosen(const struct sources *sources, int family, const char *user)
{
    static char text[ADDRESS_TEXT_SIZE];
    const struct address *address = sources_choose(sources, family, slice_of(user));

    return address ? address_text(address, text) : "none";
}

Test(sources, lists_with_spaces_and_commas)
{
    cr_assert_eq(read_good(NULL).count, 0);
    cr_assert_eq(read_good(" , ").count, 0);
    cr_assert_eq(read_good("192.0.2.1").count, 1);
    cr_assert_eq(read_good(" 192.0.2.1,192.0.2.2 ,\t2001:db8::1, ").count, 3);
}

Test(sources, what_is_no_address_of_a_machine)
{
    char many[40 * 10] = "";

    expect_fault("192.0.2.1 mail.example", "\"mail.example\" is not an IPv4 or IPv6 address");
    expect_fault("192.0.2.256", "is not an IPv4 or IPv6 address");
    expect_fault("[2001:db8::1]", "no names, ports or brackets");
    expect_fault("192.0.2.1:993", "no names, ports or brackets");
    expect_fault("192.0.2.0/24", "is not an IPv4 or IPv6 address");
    expect_fault("eth0-and-a-name-that-is-longer-than-any-address-of-whatever-family",
                 "is not an IPv4 or IPv6 address");
    expect_fault("0.0.0.0", "leave source empty");
    expect_fault("::", "leave source empty");
    expect_fault("224.0.0.1", "cannot be an address of this machine");
    expect_fault("255.255.255.255", "cannot be an address of this machine");
    expect_fault("ff02::1", "cannot be an address of this machine");
    expect_fault("fe80::1", "one link only");
    expect_fault("::ffff:192.0.2.1", "written as an IPv4 address");
    for (int i = 0; i < 33; i++)
        strcat(many, "10.0.0.1 ");
    expect_fault(many, "more than 32");
}

Test(sources, the_family_of_the_server_decides)
{
    struct sources sources = read_good("192.0.2.1 2001:db8::1");

    cr_assert_str_eq(chosen(&sources, AF_INET, "u1"), "192.0.2.1:0");
    cr_assert_str_eq(chosen(&sources, AF_INET6, "u1"), "[2001:db8::1]:0");
    sources = read_good("192.0.2.1 192.0.2.2");
    cr_assert_str_eq(chosen(&sources, AF_INET6, "u1"), "none");
    sources = read_good("");
    cr_assert_str_eq(chosen(&sources, AF_INET, "u1"), "none");
}

/* Known values: they must not change with a new version. */
Test(sources, a_user_has_the_same_address_in_any_order)
{
    struct sources sources = read_good("192.0.2.1 192.0.2.2 192.0.2.3"),
                   other = read_good("192.0.2.3,192.0.2.1,192.0.2.2");
    char user[16];

    for (int i = 0; i < 100; i++) {
        char first[ADDRESS_TEXT_SIZE];
        snprintf(user, sizeof(user), "user%d", i);
        snprintf(first, sizeof(first), "%s", chosen(&sources, AF_INET, user));
        cr_assert_str_eq(chosen(&other, AF_INET, user), first);
    }
    cr_assert_str_eq(chosen(&sources, AF_INET, "alice"), "192.0.2.2:0");
    cr_assert_str_eq(chosen(&sources, AF_INET, "bob"), "192.0.2.2:0");
    cr_assert_str_eq(chosen(&sources, AF_INET, "user1"), "192.0.2.3:0");
    cr_assert_str_eq(chosen(&sources, AF_INET, "user2"), "192.0.2.3:0");
}

Test(sources, users_are_shared_out_evenly_and_a_new_address_moves_its_share_only)
{
    struct sources two = read_good("192.0.2.1 192.0.2.2"), three = read_good("192.0.2.1 192.0.2.2 192.0.2.3");
    unsigned first = 0, moved = 0;
    char user[16];

    for (int i = 0; i < 3000; i++) {
        char before[ADDRESS_TEXT_SIZE];
        snprintf(user, sizeof(user), "user%d", i);
        snprintf(before, sizeof(before), "%s", chosen(&two, AF_INET, user));
        first += strcmp(before, "192.0.2.1:0") == 0;
        if (strcmp(chosen(&three, AF_INET, user), before) == 0)
            continue;
        moved++;
        cr_assert_str_eq(chosen(&three, AF_INET, user), "192.0.2.3:0", "between the former two nobody moves");
    }
    cr_assert(first > 1400 && first < 1600, "%u", first);
    cr_assert(moved > 900 && moved < 1100, "%u", moved);
}
