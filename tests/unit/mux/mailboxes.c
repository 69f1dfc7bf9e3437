/* The truths of an account by name. */
#include "mux/mailboxes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
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

static void note_separator(const char *text)
{
    struct value separator = {.kind = VALUE_QUOTED, .text = slice_of(text)};

    mailboxes_note_separator(mailboxes, &separator);
}

Test(mailboxes, a_mailbox_that_is_gone_ends_its_views)
{
    struct view *view = view_new(mailboxes_get(mailboxes, SLICE("a/b")), false, &view_ops, NULL), *own;

    note_separator("/");
    mailboxes_gone(mailboxes, SLICE("a"), "gone", NULL);
    cr_assert_eq(drops, 0);
    mailboxes_gone(mailboxes, SLICE("a/b"), "gone", NULL);
    cr_assert_eq(drops, 1);
    cr_assert_str_eq(last_end, "gone");
    own = view_new(mailboxes_get(mailboxes, SLICE("c")), false, &view_ops, NULL);
    mailboxes_gone(mailboxes, SLICE("c"), "gone", own);
    cr_assert_str_eq(last_end, "silently", "the one whose command it was");
    view_free(view);
    view_free(own);
}

Test(mailboxes, a_name_is_below_another_by_any_separator_that_was_told)
{
    cr_assert_not(mailboxes_knows_separators(mailboxes));
    note_separator("");
    note_separator("::");
    cr_assert_not(mailboxes_knows_separators(mailboxes));
    note_separator(".");
    note_separator("/");
    note_separator(".");
    cr_assert(mailboxes_knows_separators(mailboxes));
    cr_assert(mailboxes_is_inferior(mailboxes, SLICE("a.b"), SLICE("a")));
    cr_assert(mailboxes_is_inferior(mailboxes, SLICE("a/b"), SLICE("a")));
    cr_assert_not(mailboxes_is_inferior(mailboxes, SLICE("a:b"), SLICE("a")));
    for (char told[2] = "0"; told[0] <= '9'; told[0]++)
        note_separator(told); /* no more than there is room for */
}

/* --- changes of names */

static void change(enum name_change_kind kind, const char *name, const char *to, bool sure)
{
    struct name_change *change = name_change_new(kind, slice_of(name), slice_of(to));

    mailboxes_changed(mailboxes, change, sure);
    free(change);
}

/* The names that are in doubt; each is settled. */
static const char *doubted(bool there)
{
    static char names[500];
    struct slice name;

    names[0] = '\0';
    while ((name = mailboxes_doubted(mailboxes)).length > 0) {
        char copy[100];
        snprintf(copy, sizeof(copy), "%.*s", (int)name.length, name.data);
        strcat(strcat(names, copy), ";");
        mailboxes_settle(mailboxes, slice_of(copy), there);
    }
    return names;
}

static struct view *watch(const char *name)
{
    return view_new(mailboxes_get(mailboxes, slice_of(name)), false, &view_ops, NULL);
}

Test(mailboxes, what_may_be_below_a_renamed_mailbox_or_another_spelling_of_it_is_asked_for)
{
    struct view *views[] = {watch("Work:Sub"), watch("work"), watch("Other"), watch("INBOX")};

    mailboxes_get(mailboxes, SLICE("WORK:unseen"));
    mailboxes_get(mailboxes, SLICE("Work"));
    change(NAME_RENAMED, "Work", "New", true);
    cr_assert_null(mailboxes_find(mailboxes, SLICE("Work")));
    cr_assert_null(mailboxes_find(mailboxes, SLICE("WORK:unseen")), "forgotten: no view is on it");
    cr_assert_str_eq(doubted(true), "Work:Sub;work;");
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("work")), "it is there: another mailbox");
    change(NAME_DELETED, "Work", "", true);
    cr_assert_str_eq(doubted(false), "Work:Sub;work;");
    cr_assert_null(mailboxes_find(mailboxes, SLICE("Work:Sub")));
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("Other")));
    for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
        view_free(views[i]);
}

Test(mailboxes, a_prefix_of_the_namespace_may_be_missing)
{
    struct view *view = watch("Work");

    change(NAME_DELETED, "INBOX.Work", "", true);
    cr_assert_str_eq(doubted(false), "Work;");
    cr_assert_str_eq(last_end, "The mailbox that you had selected has been deleted or renamed");
    view_free(view);
}

Test(mailboxes, what_comes_into_being_was_another_mailbox_before)
{
    struct view *created = watch("a"), *target = watch("b"), *below = watch("b|c"), *beside = watch("bc");

    note_separator("/");
    change(NAME_CREATED, "a/", "", true);
    cr_assert_null(mailboxes_find(mailboxes, SLICE("a")));
    change(NAME_RENAMED, "x", "b", true);
    cr_assert_null(mailboxes_find(mailboxes, SLICE("b")));
    cr_assert_null(mailboxes_find(mailboxes, SLICE("b|c")));
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("bc")));
    view_free(created);
    view_free(target);
    view_free(below);
    view_free(beside);
}

Test(mailboxes, a_separator_may_stand_behind_a_name)
{
    struct view *deleted = watch("a"), *renamed = watch("b"), *target = watch("c");

    note_separator("/");
    change(NAME_DELETED, "a/", "", true);
    cr_assert_null(mailboxes_find(mailboxes, SLICE("a")));
    change(NAME_RENAMED, "b/", "c/", true);
    cr_assert_null(mailboxes_find(mailboxes, SLICE("b")));
    cr_assert_null(mailboxes_find(mailboxes, SLICE("c")));
    view_free(deleted);
    view_free(renamed);
    view_free(target);
}

Test(mailboxes, another_spelling_of_what_comes_into_being_is_asked_for)
{
    struct view *view = watch("New");

    change(NAME_RENAMED, "x", "NEW", true);
    cr_assert_str_eq(doubted(false), "New;");
    view_free(view);
}

Test(mailboxes, a_change_that_may_have_been_made_is_asked_for)
{
    struct view *view = watch("a");

    change(NAME_DELETED, "a", "", false);
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("a")));
    cr_assert_str_eq(doubted(false), "a;");
    cr_assert_null(mailboxes_find(mailboxes, SLICE("a")));
    view_free(view);
}

Test(mailboxes, inbox_stays_and_so_does_what_is_below_it)
{
    struct view *inbox = watch("INBOX"), *below = watch("INBOX/a");

    change(NAME_RENAMED, "INBOX", "old", true);
    cr_assert_str_eq(doubted(false), "");
    cr_assert_not_null(mailboxes_find(mailboxes, SLICE("INBOX/a")));
    view_free(inbox);
    view_free(below);
}
