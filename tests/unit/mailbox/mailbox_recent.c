/* \Recent that was announced and not named goes to the messages that came next. */
#include <criterion/criterion.h>

#include "mailbox/mailbox.h"

static struct mailbox *mailbox;

/* Selected with 10 and 20 in the map, and RECENT so. */
static void select_again(bool read_write, uint32_t recent)
{
    struct mailbox_told told = {.read_write = read_write, .uidvalidity = 1, .recent = recent};

    mailbox_selected(mailbox, &told);
    cr_assert_eq(mailbox_in_step(mailbox, &told, mailbox->map.count, MAILBOX_FLAGS_TOLD, 0), MAILBOX_OK);
}

static void begin(void)
{
    mailbox = mailbox_new(SLICE("INBOX"));
    cr_assert(mailbox_append(mailbox, 10) && mailbox_append(mailbox, 20));
    select_again(true, 0);
}

static void finish(void)
{
    mailbox_free(mailbox);
}

TestSuite(mailbox_recent, .init = begin, .fini = finish);

static void arrive(uint32_t exists, uint32_t recent)
{
    cr_assert_eq(mailbox_exists(mailbox, exists), MAILBOX_OK);
    mailbox_recent_said(mailbox, recent);
}

static bool is_recent(uint32_t uid)
{
    return uid_set_contains(&mailbox->recent_free, uid);
}

Test(mailbox_recent, what_is_left_without_a_name_is_recent_when_it_is_found)
{
    arrive(4, 2);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31) && mailbox_append(mailbox, 32) && mailbox_append(mailbox, 33));
    select_again(true, 0);
    cr_assert(is_recent(31) && is_recent(32) && !is_recent(33));
    select_again(true, 0);
    cr_assert(is_recent(31), "it waits for a session that looks");
}

Test(mailbox_recent, a_lost_line_is_no_other_matter)
{
    arrive(3, 1);
    mailbox_line_lost(mailbox, true);
    cr_assert(mailbox_append(mailbox, 31));
    select_again(true, 0);
    cr_assert(is_recent(31));
}

/* It came later: those that are owed came before it, and have gone. */
Test(mailbox_recent, nothing_is_owed_behind_one_that_the_server_shows)
{
    arrive(4, 2);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 33) && mailbox_append(mailbox, 34));
    mailbox_selected(mailbox, &(struct mailbox_told){.read_write = true, .uidvalidity = 1});
    mailbox_note_recent(mailbox, 33);
    mailbox_recent_in_step(mailbox, 1);
    cr_assert(is_recent(33) && !is_recent(34));
}

Test(mailbox_recent, what_was_recent_to_another_program_is_not_owed)
{
    arrive(4, 1);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31) && mailbox_append(mailbox, 32));
    select_again(true, 0);
    cr_assert_eq(mailbox->recent_free.count, 1);
}

Test(mailbox_recent, one_that_has_gone_counts_no_more)
{
    struct mailbox_flags flags = {.present = true, .flags.system = FLAG_RECENT};
    uint32_t found;

    arrive(3, 1);
    cr_assert_eq(mailbox_fetch(mailbox, 3, 30, &flags, &found), MAILBOX_OK);
    cr_assert_eq(mailbox_expunge(mailbox, 3), MAILBOX_OK);
    arrive(3, 1);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31));
    select_again(true, 0);
    cr_assert(is_recent(31));
}

/* RECENT is what it was when it was told last, so it is not told again. */
Test(mailbox_recent, one_that_makes_up_for_one_that_has_gone_is_owed)
{
    struct mailbox_flags flags = {.present = true, .flags.system = FLAG_RECENT};
    uint32_t found;

    arrive(3, 1);
    cr_assert_eq(mailbox_fetch(mailbox, 3, 30, &flags, &found), MAILBOX_OK);
    cr_assert_eq(mailbox_expunge(mailbox, 3), MAILBOX_OK);
    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31) && mailbox_append(mailbox, 32));
    select_again(true, 0);
    cr_assert(is_recent(31) && !is_recent(32));
}

Test(mailbox_recent, one_that_has_gone_while_the_map_was_proved_is_made_up_for)
{
    struct mailbox_told told = {.read_write = true, .uidvalidity = 1, .recent = 1};

    mailbox_selected(mailbox, &told);
    mailbox_note_recent(mailbox, 15);
    cr_assert_eq(mailbox_in_step(mailbox, &told, 3, MAILBOX_FLAGS_TOLD, 0), MAILBOX_OK);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31));
    select_again(true, 0);
    cr_assert(is_recent(31));
}

Test(mailbox_recent, a_name_without_a_place_is_kept)
{
    struct mailbox_flags flags = {.present = true, .flags.system = FLAG_RECENT};
    uint32_t found;

    arrive(4, 2);
    cr_assert_eq(mailbox_fetch(mailbox, 4, 40, &flags, &found), MAILBOX_IGNORED);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 35) && mailbox_append(mailbox, 40));
    select_again(true, 0);
    cr_assert(is_recent(35) && is_recent(40));
}

Test(mailbox_recent, examine_leaves_it_to_the_next_select)
{
    select_again(false, 0);
    arrive(3, 1);
    mailbox_left(mailbox);
    cr_assert(mailbox_append(mailbox, 31));
    select_again(true, 0);
    cr_assert_not(is_recent(31), "the server would have shown it");
}

Test(mailbox_recent, numbers_that_come_when_it_is_left_count)
{
    arrive(3, 1);
    mailbox_left(mailbox);
    mailbox_recent_late(mailbox, 2);
    cr_assert(mailbox_append(mailbox, 31) && mailbox_append(mailbox, 32) && mailbox_append(mailbox, 33));
    select_again(true, 0);
    cr_assert(is_recent(31) && is_recent(32) && !is_recent(33));
}

/* RECENT is what it was when it was told last, so it is not told again. */
Test(mailbox_recent, one_that_makes_up_for_one_that_has_gone_when_it_is_left_counts)
{
    struct mailbox_flags flags = {.present = true, .flags.system = FLAG_RECENT};
    uint32_t found;

    arrive(3, 1);
    cr_assert_eq(mailbox_fetch(mailbox, 3, 30, &flags, &found), MAILBOX_OK);
    mailbox_left(mailbox);
    mailbox_recent_gone_late(mailbox, 1);
    mailbox_recent_exists_late(mailbox, 3);
    mailbox_gone(mailbox, 30);
    cr_assert(mailbox_append(mailbox, 31) && mailbox_append(mailbox, 32));
    select_again(true, 0);
    cr_assert(is_recent(31) && !is_recent(32));
}

Test(mailbox_recent, another_uidvalidity_forgets_all)
{
    arrive(3, 1);
    mailbox_left(mailbox);
    mailbox_reset(mailbox);
    cr_assert_eq(mailbox->recent_owed, 0);
}
