/* The truths of an account by name. */
#include "mux/mailboxes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct mailbox *kept; /* needed although no view is on it */
static struct mailbox *last_dropped;
static unsigned drops;
static char last_end[100];

static bool needed(void *owner, const struct mailbox *mailbox)
{
    (void)owner;
    return mailbox == kept;
}

static void dropped(void *owner, struct mailbox *mailbox)
{
    (void)owner;
    last_dropped = mailbox;
    drops++;
}

static const struct mailboxes_ops ops = {.needed = needed, .dropped = dropped};
static struct runqueue *runqueue;
static struct mailboxes *mailboxes;

static void begin(void)
{
    runqueue = runqueue_new();
    mailboxes = mailboxes_new(runqueue, &ops, NULL);
}

static void finish(void)
{
    mailboxes_free(mailboxes);
    runqueue_free(runqueue);
}

TestSuite(mailboxes, .init = begin, .fini = finish);

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    snprintf(last_end, sizeof(last_end), "%s", reason ? reason : "silently");
}

static const struct view_ops view_ops = {.changed = changed, .ended = ended};

Test(mailboxes, inbox_is_one_mailbox_in_any_case_and_others_are_not)
{
    struct mailbox *inbox = mailboxes_get(mailboxes, SLICE("inbox"));

    cr_assert_str_eq(inbox->name, "INBOX");
    cr_assert_eq(mailboxes_get(mailboxes, SLICE("InBox")), inbox);
    cr_assert_neq(mailboxes_get(mailboxes, SLICE("Work")), mailboxes_get(mailboxes, SLICE("work")));
    cr_assert_null(mailboxes_find(mailboxes, SLICE("other")));
}

Test(mailboxes, beyond_the_bound_the_oldest_that_nobody_needs_is_dropped)
{
    struct mailbox *seen = mailboxes_get(mailboxes, SLICE("seen"));
    struct view *view = view_new(seen, false, &view_ops, NULL);
    struct mailbox *unneeded;
    char name[20];

    kept = mailboxes_get(mailboxes, SLICE("kept"));
    unneeded = mailboxes_get(mailboxes, SLICE("unneeded"));
    for (int i = 0; i < MAILBOXES_KEPT - 3; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        mailboxes_get(mailboxes, slice_of(name));
    }
    cr_assert_eq(drops, 0);
    mailboxes_get(mailboxes, SLICE("one more"));
    cr_assert_eq(drops, 1);
    cr_assert_eq(last_dropped, unneeded);
    cr_assert(unneeded->deleted, "it lives until the end of the event round");
    cr_assert_eq(mailboxes_find(mailboxes, SLICE("seen")), seen);
    cr_assert_eq(mailboxes_find(mailboxes, SLICE("kept")), kept);
    view_free(view);
}

Test(mailboxes, a_mailbox_that_is_gone_ends_its_views_and_those_of_its_inferiors)
{
    struct view *view, *own;

    mailboxes_note_separator(mailboxes, '/');
    view = view_new(mailboxes_get(mailboxes, SLICE("a/b")), false, &view_ops, NULL);
    mailboxes_get(mailboxes, SLICE("ab"));
    mailboxes_gone(mailboxes, SLICE("a"), false, "gone", NULL);
    cr_assert_eq(drops, 0);
    mailboxes_gone(mailboxes, SLICE("a"), true, "gone", NULL);
    cr_assert_eq(drops, 1);
    cr_assert_str_eq(last_end, "gone");
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("ab")));
    own = view_new(mailboxes_get(mailboxes, SLICE("c")), false, &view_ops, NULL);
    mailboxes_gone(mailboxes, SLICE("c"), false, "gone", own);
    cr_assert_str_eq(last_end, "silently", "the one whose command it was");
    view_free(view);
    view_free(own);
}

Test(mailboxes, the_first_separator_that_is_told_stays)
{
    cr_assert_eq(mailboxes_separator(mailboxes), '\0');
    mailboxes_note_separator(mailboxes, '.');
    mailboxes_note_separator(mailboxes, '/');
    cr_assert_eq(mailboxes_separator(mailboxes), '.');
}
