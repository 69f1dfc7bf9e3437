/* What the upstream says of a mailbox, and what must not be believed. */
#include <criterion/criterion.h>

#include "mailbox/mailbox.h"
#include "mailbox/view.h"

static struct mailbox_flags flags(unsigned system, uint64_t modseq)
{
    return (struct mailbox_flags){.present = true, .flags = {.system = system}, .modseq = modseq};
}

static const struct mailbox_flags nothing = {.present = false};

/* In step, with the messages 10, 20, 30, all flags known. */
static struct mailbox *three(void)
{
    struct mailbox *mailbox = mailbox_new(SLICE("INBOX"));
    struct mailbox_flags none = flags(0, 0);

    mailbox->uidvalidity = 1;
    mailbox->known = mailbox->map_in_step = mailbox->flags_in_step = true;
    for (uint32_t uid = 10; uid <= 30; uid += 10) {
        cr_assert(mailbox_append(mailbox, uid));
        cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, uid), &none));
    }
    return mailbox;
}

static bool lives(const struct mailbox *mailbox, uint32_t uid)
{
    return uid_map_find(&mailbox->map, uid) != NULL;
}

static enum mailbox_result fetch(struct mailbox *mailbox, uint32_t number, uint32_t uid, struct mailbox_flags told)
{
    uint32_t found;
    return mailbox_fetch(mailbox, number, uid, &told, &found);
}

static enum mailbox_result vanished(struct mailbox *mailbox, uint32_t low, uint32_t high)
{
    struct seqset set = {0};
    enum mailbox_result result;

    cr_assert(seqset_add_range(&set, low, high));
    result = mailbox_vanished(mailbox, &set);
    seqset_clear(&set);
    return result;
}

Test(mailbox, a_nameless_message_is_nobodys_until_it_has_its_uid)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    cr_assert_eq(mailbox->map.count, 3);
    cr_assert_eq(fetch(mailbox, 4, 0, flags(FLAG_SEEN, 0)), MAILBOX_IGNORED);
    cr_assert_eq(fetch(mailbox, 4, 31, flags(0, 0)), MAILBOX_OK);
    cr_assert(lives(mailbox, 31));
    cr_assert_eq(mailbox->tail_count, 0);
    mailbox_free(mailbox);
}

Test(mailbox, nameless_behind_named)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 6), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 5, 41, flags(FLAG_SEEN, 0)), MAILBOX_IGNORED);
    cr_assert_not(lives(mailbox, 41)); /* 4 could still be anything from 31 to 40 */
    cr_assert_eq(fetch(mailbox, 4, 35, flags(0, 0)), MAILBOX_OK);
    cr_assert(lives(mailbox, 35) && lives(mailbox, 41));
    cr_assert_eq(uid_map_find(&mailbox->map, 41)->system, FLAG_SEEN);
    cr_assert_eq(mailbox->tail_count, 1);
    mailbox_free(mailbox);
}

Test(mailbox, vanished_takes_the_upper_of_two_nameless)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 5), MAILBOX_OK); /* 11 and 12 of a server, say 31 and 32 */
    cr_assert_eq(vanished(mailbox, 32, 32), MAILBOX_OK);
    cr_assert_eq(mailbox->tail_count, 1);
    cr_assert_eq(fetch(mailbox, 4, 31, flags(0, 0)), MAILBOX_OK); /* it proved nothing about 31 */
    cr_assert(lives(mailbox, 31));
    mailbox_free(mailbox);
}

Test(mailbox, vanished_of_a_uid_that_no_entry_can_carry_is_broken)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(vanished(mailbox, 31, 31), MAILBOX_BROKEN);
    cr_assert_eq(vanished(mailbox, 11, 19), MAILBOX_OK); /* below the floor: gone long ago */
    mailbox_free(mailbox);
}

Test(mailbox, vanished_between_named_neighbours_takes_what_stands_there)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 6), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 5, 50, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert_eq(vanished(mailbox, 60, 60), MAILBOX_OK); /* behind 50: the last */
    cr_assert_eq(mailbox->tail_count, 2);
    cr_assert_eq(vanished(mailbox, 60, 60), MAILBOX_BROKEN);
    cr_assert_eq(vanished(mailbox, 40, 40), MAILBOX_OK); /* before 50: the first; 50 joins the truth */
    cr_assert(lives(mailbox, 50));
    mailbox_free(mailbox);
}

/* It may name UIDs that no message ever had. */
Test(mailbox, a_vanished_range_does_not_say_how_many_nameless_ones_have_gone)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 6), MAILBOX_OK); /* nameless, 50, nameless */
    cr_assert_eq(fetch(mailbox, 5, 50, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert_eq(vanished(mailbox, 40, 41), MAILBOX_BROKEN);
    cr_assert_eq(mailbox->tail_count, 3);
    cr_assert_eq(vanished(mailbox, 30, 30), MAILBOX_OK);
    cr_assert_eq(vanished(mailbox, 10, 29), MAILBOX_OK, "in the map it may");
    cr_assert_eq(mailbox->map.count, 0);
    mailbox_free(mailbox);
}

Test(mailbox, vanished_counts_nobody_twice_whom_its_own_beginning_let_join_the_truth)
{
    struct mailbox *mailbox = three();
    struct seqset set = {0};

    /* 31 is nameless, 32 to 34 are named behind it, another one is nameless at the end. */
    cr_assert_eq(mailbox_exists(mailbox, 8), MAILBOX_OK);
    for (uint32_t uid = 32; uid <= 34; uid++)
        cr_assert_eq(fetch(mailbox, uid - 27, uid, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert(seqset_add(&set, 31) && seqset_add_range(&set, 33, 34));
    cr_assert_eq(mailbox_vanished(mailbox, &set), MAILBOX_OK);
    seqset_clear(&set);
    cr_assert(lives(mailbox, 32) && !lives(mailbox, 33) && !lives(mailbox, 34));
    cr_assert_eq(mailbox->tail_count, 1);
    cr_assert_eq(mailbox_upstream_exists(mailbox), 5);
    mailbox_free(mailbox);
}

Test(mailbox, vanished_of_everything_ends_in_bounded_time)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(vanished(mailbox, 1, UINT32_MAX), MAILBOX_BROKEN);
    cr_assert_eq(mailbox->map.count, 0);
    mailbox_free(mailbox);
}

Test(mailbox, numbers_that_cannot_be_are_broken)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 2), MAILBOX_BROKEN);
    cr_assert_eq(mailbox_expunge(mailbox, 0), MAILBOX_BROKEN);
    cr_assert_eq(mailbox_expunge(mailbox, 4), MAILBOX_BROKEN);
    cr_assert_eq(fetch(mailbox, 0, 10, nothing), MAILBOX_BROKEN);
    cr_assert_eq(fetch(mailbox, 4, 40, nothing), MAILBOX_BROKEN);
    cr_assert_eq(fetch(mailbox, 2, 21, nothing), MAILBOX_BROKEN);
    mailbox_free(mailbox);
}

Test(mailbox, a_new_message_with_an_old_uid_is_broken)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 4, 15, nothing), MAILBOX_BROKEN);
    mailbox_free(mailbox);
}

Test(mailbox, uids_in_the_tail_ascend_or_it_is_broken)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 5), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 5, 40, nothing), MAILBOX_IGNORED);
    cr_assert_eq(fetch(mailbox, 4, 41, nothing), MAILBOX_BROKEN);
    mailbox_free(mailbox);
}

Test(mailbox, expunge_removes_wherever_it_stands)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 5), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 5, 50, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert_eq(mailbox_expunge(mailbox, 2), MAILBOX_OK);
    cr_assert_not(lives(mailbox, 20));
    cr_assert_eq(mailbox_expunge(mailbox, 3), MAILBOX_OK); /* the nameless one */
    cr_assert(lives(mailbox, 50));
    cr_assert_eq(mailbox_upstream_exists(mailbox), 3);
    mailbox_free(mailbox);
}

Test(mailbox, first_flags_are_no_change)
{
    struct mailbox *mailbox = three();
    uint64_t before = mailbox->counter;

    cr_assert(mailbox_append(mailbox, 40));
    struct mailbox_flags seen = flags(FLAG_SEEN, 0), flagged = flags(FLAG_FLAGGED, 0);
    cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, 40), &seen));
    cr_assert_eq(mailbox->counter, before);
    cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, 40), &flagged));
    cr_assert_eq(mailbox->counter, before + 1);
    mailbox_out_of_step(mailbox); /* learned again, they are compared with the former ones */
    cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, 40), &seen));
    cr_assert_eq(mailbox->counter, before + 2);
    mailbox_free(mailbox);
}

Test(mailbox, modseq_waits_for_nameless)
{
    struct mailbox *mailbox = three();

    mailbox->modseq = 5;
    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    mailbox->modseq_pending = 9; /* a tagged HIGHESTMODSEQ */
    mailbox_settle_modseq(mailbox);
    cr_assert_eq(mailbox->modseq, 5);
    cr_assert_eq(fetch(mailbox, 4, 40, flags(0, 8)), MAILBOX_OK);
    cr_assert_eq(mailbox->modseq, 5); /* never inside a command */
    mailbox_settle_modseq(mailbox);
    cr_assert_eq(mailbox->modseq, 9);
    mailbox_free(mailbox);
}

Test(mailbox, modseq_waits_for_unknown_flags)
{
    struct mailbox *mailbox = three();

    mailbox->modseq = 5;
    mailbox->flags_in_step = false;
    mailbox->modseq_pending = 9;
    mailbox_settle_modseq(mailbox);
    cr_assert_eq(mailbox->modseq, 5);
    mailbox_free(mailbox);
}

/* --- many arrivals at once: the work grows with their number, not with its square */

#define MANY 400000u

Test(mailbox, due_flags_that_were_not_told_are_asked_for_from_the_start)
{
    struct mailbox *mailbox = three();
    struct seqset uids = {0};

    mailbox->flags_in_step = true;
    mailbox_flags_untold(mailbox, uid_map_find(&mailbox->map, 10), false);
    mailbox_flags_asked(mailbox, 10); /* and not answered */
    cr_assert_not(mailbox_flags_learned(mailbox, 0, false));
    cr_assert(mailbox_flags_next(mailbox, 200, &uids));
    cr_assert_eq(seqset_highest(&uids), 10);
    seqset_clear(&uids);
    mailbox_free(mailbox);
}

static struct mailbox *with_arrivals(uint32_t count)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(mailbox_exists(mailbox, 3 + count), MAILBOX_OK);
    return mailbox;
}

Test(mailbox, many_arrivals_are_named_in_order)
{
    struct mailbox *mailbox = with_arrivals(MANY);

    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(fetch(mailbox, 4 + i, 31 + i, flags(0, 0)), MAILBOX_OK);
    cr_assert_eq(mailbox->map.count, 3 + MANY);
    cr_assert_eq(mailbox->tail_count, 0);
    mailbox_free(mailbox);
}

Test(mailbox, many_arrivals_are_named_from_the_last_to_the_first)
{
    struct mailbox *mailbox = with_arrivals(MANY);

    cr_assert_eq(fetch(mailbox, 5, 32, flags(0, 0)), MAILBOX_IGNORED);
    for (uint32_t i = MANY - 1; i > 1; i--)
        cr_assert_eq(fetch(mailbox, 4 + i, 31 + i, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert_eq(fetch(mailbox, 4, 31, flags(0, 0)), MAILBOX_OK);
    cr_assert_eq(mailbox->map.count, 3 + MANY);
    mailbox_free(mailbox);
}

Test(mailbox, many_arrivals_vanish_before_they_have_names)
{
    struct mailbox *mailbox = with_arrivals(MANY);

    for (uint32_t i = 0; i < MANY - 1; i++)
        cr_assert_eq(vanished(mailbox, 31 + i, 31 + i), MAILBOX_OK);
    cr_assert_eq(mailbox->tail_count, 1);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(mailbox_expunge(mailbox, 1), MAILBOX_OK);
    cr_assert_eq(mailbox_exists(mailbox, MANY), MAILBOX_OK);
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(mailbox_expunge(mailbox, 1), MAILBOX_OK);
    cr_assert_eq(mailbox->tail_count, 0);
    mailbox_free(mailbox);
}

Test(mailbox, names_far_apart_that_do_not_ascend_are_broken_when_they_join)
{
    struct mailbox *mailbox = with_arrivals(1000);

    cr_assert_eq(fetch(mailbox, 1003, 100, flags(0, 0)), MAILBOX_IGNORED);
    for (uint32_t i = 0; i < 69; i++)
        cr_assert_eq(fetch(mailbox, 4 + i, 31 + i, flags(0, 0)), MAILBOX_OK);
    for (uint32_t i = 69; i < 998; i++)
        cr_assert_eq(mailbox_expunge(mailbox, 4 + 69), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 4 + 69, 101, flags(0, 0)), MAILBOX_BROKEN); /* close to each other by now */
    mailbox_free(mailbox);
    mailbox = with_arrivals(1000);
    cr_assert_eq(fetch(mailbox, 1003, 35, flags(0, 0)), MAILBOX_IGNORED);
    cr_assert_eq(fetch(mailbox, 4, 36, flags(0, 0)), MAILBOX_OK);
    for (uint32_t i = 1; i < 998; i++)
        cr_assert_eq(mailbox_expunge(mailbox, 5), MAILBOX_OK);
    cr_assert_eq(mailbox_expunge(mailbox, 5), MAILBOX_BROKEN);
    mailbox_free(mailbox);
}

Test(mailbox, a_tail_that_shrinks_at_its_front_grows_at_its_end)
{
    struct mailbox *mailbox = with_arrivals(10);

    for (uint32_t i = 0; i < 200; i++) {
        cr_assert_eq(fetch(mailbox, 4 + i, 31 + i, flags(0, 0)), MAILBOX_OK);
        cr_assert_eq(mailbox_exists(mailbox, 3 + 10 + i + 1), MAILBOX_OK);
        cr_assert_eq(mailbox->tail_count, 10);
    }
    cr_assert_leq(mailbox->tail_capacity, 32);
    cr_assert_eq(mailbox->map.count, 203);
    mailbox_free(mailbox);
}

/* Some servers tell it in STATUS only. */
Test(mailbox, uidnext_is_above_what_has_come_and_gone_since_it_was_told)
{
    struct mailbox *mailbox = three();
    struct mailbox_told told = {.uidvalidity = 1};

    mailbox->uidnext_status = 31;
    cr_assert_eq(mailbox_in_step(mailbox, &told, 3, MAILBOX_FLAGS_TOLD, 0), MAILBOX_OK);
    cr_assert_eq(mailbox->uidnext, 31);
    cr_assert(mailbox_append(mailbox, 40));
    cr_assert_eq(mailbox->uidnext, 41);
    mailbox_left(mailbox);
    mailbox_gone(mailbox, 40);
    cr_assert_eq(mailbox_in_step(mailbox, &told, 3, MAILBOX_FLAGS_TOLD, 0), MAILBOX_OK);
    cr_assert_eq(mailbox->uidnext, 41);
    mailbox_free(mailbox);
}

/* RFC 7162 section 6: while the mailbox is selected, no HIGHESTMODSEQ says so. */
Test(mailbox, a_mod_sequence_that_falls_makes_the_mailboxs_void)
{
    struct mailbox *mailbox = three();

    cr_assert_eq(fetch(mailbox, 1, 10, flags(0, 90)), MAILBOX_OK);
    mailbox_settle_modseq(mailbox);
    cr_assert_eq(mailbox->modseq, 90);
    cr_assert_eq(fetch(mailbox, 1, 10, flags(FLAG_SEEN, 5)), MAILBOX_OK);
    cr_assert_eq(mailbox_highestmodseq(mailbox), 0);
    mailbox_settle_modseq(mailbox);
    cr_assert_eq(mailbox->modseq, 5);
    mailbox_free(mailbox);
}

/* --- \Recent */

static void ignore_change(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void ignore_end(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static const struct view_ops quiet = {.changed = ignore_change, .ended = ignore_end};

Test(mailbox, recent_goes_to_one_session_and_recent_taken_survives_its_view)
{
    struct mailbox *mailbox = three();
    struct mailbox_flags recent = flags(FLAG_RECENT, 0);
    struct view *examiner = view_new(mailbox, true, &quiet, NULL), *first, *second;

    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 4, 40, recent), MAILBOX_OK);
    cr_assert(view_tell_arrivals(examiner));
    cr_assert(view_shows_recent(examiner, 40)); /* while nobody has taken it */
    cr_assert_eq(view_tell_recent(examiner), 1);
    first = view_new(mailbox, false, &quiet, NULL);
    second = view_new(mailbox, false, &quiet, NULL);
    cr_assert_eq(view_recent(first), 1);
    cr_assert_eq(view_recent(second), 0);
    cr_assert_eq(view_recent(examiner), 0);
    cr_assert(view_recent_differs(examiner));
    view_free(first);
    cr_assert_eq(fetch(mailbox, 4, 40, recent), MAILBOX_OK); /* the server goes on showing it */
    first = view_new(mailbox, false, &quiet, NULL);
    cr_assert_eq(view_recent(first), 0);
    view_free(first);
    view_free(second);
    view_free(examiner);
    mailbox_free(mailbox);
}

Test(mailbox, recent_retold_after_expunge)
{
    struct mailbox *mailbox = three();
    struct view *view;

    cr_assert_eq(mailbox_exists(mailbox, 4), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 4, 40, flags(FLAG_RECENT, 0)), MAILBOX_OK);
    view = view_new(mailbox, false, &quiet, NULL);
    cr_assert_eq(view_recent(view), 1);
    cr_assert_eq(mailbox_expunge(mailbox, 4), MAILBOX_OK);
    cr_assert_eq(view_end_ghost(view, 40), 4);
    cr_assert(view_recent_differs(view));
    cr_assert_eq(view_tell_recent(view), 0);
    view_free(view);
    mailbox_free(mailbox);
}

Test(mailbox, a_loss_that_others_share_is_taken_back)
{
    struct mailbox *mailbox = mailbox_new(SLICE("Work"));

    cr_assert_eq(mailbox_cost_line(mailbox, 3, 10 * USEC_SECOND), 1);
    mailbox_excused_line(mailbox, 9 * USEC_SECOND);
    cr_assert_eq(mailbox->losses, 1, "it may be one that nobody can open");
    mailbox->known = true;
    mailbox_excused_line(mailbox, 9 * USEC_SECOND);
    cr_assert_eq(mailbox_cost_line(mailbox, 3, 20 * USEC_SECOND), 1);
    mailbox_excused_line(mailbox, 21 * USEC_SECOND);
    cr_assert_eq(mailbox_cost_line(mailbox, 3, 30 * USEC_SECOND), 2, "the others were lost at another time");
    mailbox_trouble(mailbox, 30 * USEC_SECOND);
    mailbox_excused_line(mailbox, 30 * USEC_SECOND);
    cr_assert_eq(mailbox->shut_until, 0);
    cr_assert_eq(mailbox->troubles, 0);
    mailbox_free(mailbox);
}

Test(mailbox, highestmodseq_is_what_select_said_or_what_is_vouched_for)
{
    struct mailbox *mailbox = three();

    mailbox->modseq = 5;
    cr_assert_eq(mailbox_highestmodseq(mailbox), 5);
    mailbox->modseq_selected = 7;
    cr_assert_eq(mailbox_highestmodseq(mailbox), 7);
    mailbox->nomodseq = true;
    cr_assert_eq(mailbox_highestmodseq(mailbox), 0);
    mailbox_free(mailbox);
}

Test(mailbox, nothing_is_known_since_a_mod_sequence_once_a_message_has_gone)
{
    struct mailbox *mailbox = three();

    mailbox->map_in_step = mailbox->flags_in_step = true;
    mailbox->gone_since_select = false;
    mailbox->modseq = 9;
    mailbox->modseq_selected = 7;
    cr_assert(mailbox_is_known_since(mailbox, 9));
    cr_assert_not(mailbox_is_known_since(mailbox, 8));
    mailbox->modseq_selected = 10;
    cr_assert_not(mailbox_is_known_since(mailbox, 9), "some that have gone may be newer");
    mailbox->modseq_selected = 7;
    mailbox->gone_since_select = true;
    cr_assert_not(mailbox_is_known_since(mailbox, 9));
    mailbox_free(mailbox);
}

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

Test(mailbox, first_flags_are_news_to_a_client_that_may_have_brought_others)
{
    static const struct view_ops ops = {.changed = changed};
    struct mailbox *mailbox = three();
    struct view *view;
    uint64_t before = mailbox->counter;

    cr_assert(mailbox_append(mailbox, 40));
    cr_assert(mailbox_append(mailbox, 50));
    mailbox->modseq = 5;
    view = view_new(mailbox, false, &ops, NULL);
    view_brings_flags(view);
    cr_assert(mailbox_append(mailbox, 60));
    cr_assert_eq(fetch(mailbox, 4, 40, flags(0, 5)), MAILBOX_OK);
    cr_assert_eq(mailbox->counter, before, "it was told of all up to there");
    cr_assert_eq(fetch(mailbox, 5, 50, flags(0, 6)), MAILBOX_OK);
    cr_assert_eq(mailbox->counter, before + 1);
    cr_assert_eq(fetch(mailbox, 6, 60, flags(0, 7)), MAILBOX_OK);
    cr_assert_eq(mailbox->counter, before + 1, "an arrival");
    view_free(view);
    mailbox_free(mailbox);
}

Test(mailbox, flags_that_were_known_before_are_no_answer_to_the_question)
{
    struct mailbox *mailbox = three();
    struct seqset uids = {0};

    mailbox->map_in_step = true;
    mailbox->flags_in_step = false;
    cr_assert(mailbox_flags_next(mailbox, 10, &uids));
    mailbox_flags_expected_of(mailbox, &uids);
    cr_assert_eq(fetch(mailbox, 1, 10, flags(0, 0)), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 3, 30, flags(0, 0)), MAILBOX_OK);
    mailbox_flags_asked(mailbox, 30);
    cr_assert_not(mailbox_flags_learned(mailbox, 5, false));
    seqset_clear(&uids);
    cr_assert(mailbox_flags_next(mailbox, 10, &uids));
    cr_assert(seqset_size(&uids) == 1 && seqset_contains(&uids, 20));
    cr_assert_eq(fetch(mailbox, 2, 20, flags(0, 0)), MAILBOX_OK);
    cr_assert(mailbox->flags_in_step);
    seqset_clear(&uids);
    mailbox_free(mailbox);
}

Test(mailbox, messages_in_new_mod_sequences_do_not_make_them_begin_once_more)
{
    struct mailbox *mailbox = three();

    mailbox->map_in_step = true;
    uid_map_find(&mailbox->map, 10)->modseq = 90;
    uid_map_find(&mailbox->map, 20)->modseq = 91;
    mailbox_modseq_is_void(mailbox);
    mailbox->map_in_step = true;
    mailbox->modseq_selected = 9; /* by the SELECT that follows */
    cr_assert_eq(fetch(mailbox, 1, 10, flags(0, 7)), MAILBOX_OK);
    cr_assert_eq(fetch(mailbox, 2, 20, flags(0, 8)), MAILBOX_OK);
    cr_assert_eq(mailbox_highestmodseq(mailbox), 9);
    mailbox_free(mailbox);
}
