/* What records add up to. */
#include "net/ghost_table.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ghost_table table;

static void finish(void)
{
    ghost_table_clear(&table);
    cr_assert(table.count == 0 && !table.accounts);
}

TestSuite(ghost_table, .fini = finish);

static void note(enum ghost_event event, uint8_t account, uint8_t port, int64_t at)
{
    struct ghost_record record = {
        .event = event, .at = at, .account = {account}, .ends = {.length = 1, .local = {port}, .remote = {1}}};

    cr_assert(ghost_table_note(&table, &record));
}

/* The ports that are found, one digit each, in their order. */
static const char *found(uint8_t account, int64_t now, size_t most)
{
    static char text[20];
    const uint8_t key[GHOST_ACCOUNT_SIZE] = {account};
    struct link_ends ends[9];
    size_t count = ghost_table_find(&table, key, now, ends, most);

    for (size_t i = 0; i < count; i++)
        text[i] = (char)('0' + ends[i].local[0]);
    text[count] = '\0';
    return text;
}

Test(ghost_table, finds_the_lost_ones_of_an_account_the_latest_first)
{
    note(GHOST_STANDS, 1, 1, 100);
    note(GHOST_LOST, 1, 2, 100);
    note(GHOST_LOST, 2, 3, 100);
    note(GHOST_LOST, 1, 4, 100);
    cr_assert_str_eq(found(1, 100, 9), "42", "one that stands is no ghost");
    cr_assert_str_eq(found(1, 100, 1), "4");
    cr_assert_str_eq(found(2, 100, 9), "3");
    cr_assert_str_eq(found(3, 100, 9), "");
    cr_assert_eq(table.count, 4);
    note(GHOST_LOST, 1, 2, 101);
    cr_assert_str_eq(found(1, 100, 9), "24", "lost again it is the latest");
    cr_assert_eq(table.count, 4);
}

Test(ghost_table, what_is_over_is_forgotten)
{
    note(GHOST_STANDS, 1, 1, 100);
    note(GHOST_LOST, 1, 1, 100);
    cr_assert_str_eq(found(1, 100, 9), "1");
    note(GHOST_OVER, 1, 2, 100);
    note(GHOST_OVER, 7, 1, 100);
    cr_assert_str_eq(found(1, 100, 9), "1");
    note(GHOST_OVER, 1, 1, 100);
    cr_assert_eq(table.count, 0);
    cr_assert_null(table.accounts);
}

Test(ghost_table, lost_ones_are_of_use_for_half_an_hour)
{
    note(GHOST_LOST, 1, 1, 1000);
    note(GHOST_STANDS, 1, 2, 1000);
    cr_assert_str_eq(found(1, 1000 + GHOST_LIFE, 9), "1");
    cr_assert_str_eq(found(1, 1001 + GHOST_LIFE, 9), "");
    cr_assert_str_eq(found(1, 0, 9), "1", "the clock was set back");
    ghost_table_expire(&table, 1001 + GHOST_LIFE);
    cr_assert_eq(table.count, 1, "one that stands stays");
}

/* A session may have stood for days before the process was killed. */
Test(ghost_table, with_the_process_all_are_lost_that_stood)
{
    note(GHOST_LOST, 1, 1, 1000);
    note(GHOST_STANDS, 1, 2, 1000);
    ghost_table_lose_all(&table, 500000);
    cr_assert_str_eq(found(1, 500001, 9), "2");
    cr_assert_str_eq(found(1, 1001, 9), "21");
}

static bool take(void *context, const struct ghost_record *record)
{
    return ghost_table_note(context, record);
}

static bool refuse(void *context, const struct ghost_record *record)
{
    (void)record;
    return ++*(int *)context < 2;
}

Test(ghost_table, told_again_it_is_the_same)
{
    struct ghost_table copy = {0}, all;
    int told = 0;

    for (uint8_t port = 1; port <= 5; port++)
        note(port == 3 ? GHOST_STANDS : GHOST_LOST, 1, port, 100);
    note(GHOST_LOST, 2, 6, 100);
    cr_assert(ghost_table_each(&table, take, &copy));
    all = table;
    table = copy;
    cr_assert_str_eq(found(1, 100, 9), "5421");
    cr_assert_str_eq(found(2, 100, 9), "6");
    cr_assert_eq(table.count, 6);
    ghost_table_clear(&table);
    table = all;
    cr_assert_not(ghost_table_each(&table, refuse, &told));
    cr_assert_eq(told, 2);
}
