/* The format of the file of ghost sessions: what is written reads back, and nothing damaged does. */
#include "net/ghost_record.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static struct ghost_record ipv4(void)
{
    struct ghost_record record = {.event = GHOST_STANDS, .at = 1795888888, .account = "fifteen letters"};
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(40001)};
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons(993)};

    inet_pton(AF_INET, "192.0.2.7", &local.sin_addr);
    inet_pton(AF_INET, "198.51.100.9", &remote.sin_addr);
    record.ends.length = sizeof(local);
    memcpy(record.ends.local, &local, sizeof(local));
    memcpy(record.ends.remote, &remote, sizeof(remote));
    return record;
}

static struct ghost_record ipv6(const char *address, uint32_t scope)
{
    struct ghost_record record = {.event = GHOST_LOST, .at = -1};
    struct sockaddr_in6 end = {.sin6_family = AF_INET6, .sin6_port = htons(143), .sin6_scope_id = scope};

    inet_pton(AF_INET6, address, &end.sin6_addr);
    record.ends.length = sizeof(end);
    memcpy(record.ends.local, &end, sizeof(end));
    memcpy(record.ends.remote, &end, sizeof(end));
    return record;
}

static void expect_same(const struct ghost_record *record)
{
    uint8_t octets[GHOST_RECORD_SIZE];
    struct ghost_record read;

    cr_assert(ghost_record_write(record, octets));
    cr_assert(ghost_record_read(&read, octets));
    cr_assert(read.event == record->event && read.at == record->at);
    cr_assert_arr_eq(read.account, record->account, GHOST_ACCOUNT_SIZE);
    cr_assert_eq(memcmp(&read.ends, &record->ends, sizeof(read.ends)), 0);
}

Test(ghost_record, reads_back_as_it_was_written)
{
    struct ghost_record record = ipv4();

    expect_same(&record);
    record.event = GHOST_OVER;
    expect_same(&record);
    record = ipv6("2001:db8::7", 0);
    expect_same(&record);
}

Test(ghost_record, no_changed_octet_is_overlooked)
{
    struct ghost_record record = ipv4(), read;
    uint8_t octets[GHOST_RECORD_SIZE];

    cr_assert(ghost_record_write(&record, octets));
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] ^= 0x41;
        cr_assert_not(ghost_record_read(&read, octets), "%zu", i);
        octets[i] ^= 0x41;
    }
    memset(octets, 0, sizeof(octets));
    cr_assert_not(ghost_record_read(&read, octets));
}

Test(ghost_record, ends_that_mean_something_on_one_link_only_are_not_kept)
{
    uint8_t octets[GHOST_RECORD_SIZE];
    struct ghost_record record = ipv6("fe80::7", 2);

    cr_assert_not(ghost_record_write(&record, octets));
    record.ends.length = 0;
    cr_assert_not(ghost_record_write(&record, octets));
    record = ipv4();
    record.ends.local[0]++; /* the family */
    cr_assert_not(ghost_record_write(&record, octets));
}

Test(ghost_record, a_header_is_known_by_its_words_and_its_checksum)
{
    uint8_t octets[GHOST_HEADER_SIZE], salt[GHOST_SALT_SIZE] = "the salt", read[GHOST_SALT_SIZE];

    ghost_header_write(salt, octets);
    cr_assert(ghost_header_read(octets, read));
    cr_assert_arr_eq(read, salt, GHOST_SALT_SIZE);
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] ^= 0x10;
        cr_assert_not(ghost_header_read(octets, read), "%zu", i);
        octets[i] ^= 0x10;
    }
}
