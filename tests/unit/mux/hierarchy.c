/* What is asked about names, and what the answers prove: jobs and a table of mailboxes, without an upstream. */
#include "mux/hierarchy.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "imap/outgoing.h"

static struct runqueue *runqueue;
static struct hierarchy hierarchy;
static struct job *taken;
static struct jobs_turns turns;
static struct view *view;

static bool needed(void *owner, const struct mailbox *mailbox)
{
    (void)owner;
    (void)mailbox;
    return false;
}

static void dropped(void *owner, struct mailbox *mailbox)
{
    (void)owner;
    jobs_end_mailbox(hierarchy.jobs, taken, mailbox, "gone");
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static void begin(void)
{
    static const struct mailboxes_ops ops = {.needed = needed, .dropped = dropped};

    runqueue = runqueue_new();
    hierarchy = (struct hierarchy){.jobs = jobs_new(runqueue), .mailboxes = mailboxes_new(runqueue, &ops, NULL)};
}

static void finish(void)
{
    if (view)
        view_free(view);
    jobs_end_all(hierarchy.jobs, "over");
    jobs_free(hierarchy.jobs);
    mailboxes_free(hierarchy.mailboxes);
    runqueue_free(runqueue);
}

TestSuite(hierarchy, .init = begin, .fini = finish);

/* A view is on the mailbox, and another spelling of its name has been deleted. */
static void doubt(const char *name, const char *deleted)
{
    static const struct view_ops ops = {.ended = ended};
    struct name_change *change = name_change_new(NAME_DELETED, slice_of(deleted), SLICE(""));

    view = view_new(mailboxes_get(hierarchy.mailboxes, slice_of(name)), false, &ops, NULL);
    mailboxes_changed(hierarchy.mailboxes, change, true);
    free(change);
}

/* What the next job sends; it is taken. */
static const char *take(void)
{
    static char text[200];
    struct outgoing *out = outgoing_new();
    struct evbuffer *bytes = evbuffer_new();
    int length = 0;

    taken = jobs_pick(hierarchy.jobs, &(struct jobs_picker){.turns = &turns, .quantum = 1});
    cr_assert_not_null(taken);
    if (taken->ops->build(taken, out) == JOB_SEND) {
        (void)!outgoing_send(out, bytes);
        length = evbuffer_remove(bytes, text, sizeof(text) - 1);
    }
    text[length] = '\0';
    outgoing_free(out);
    evbuffer_free(bytes);
    return text;
}

/* An answer to LIST: (attributes) separator name. */
static void tell(const char *text)
{
    struct arena arena;
    struct response response = {.kind = RESPONSE_LIST};
    const char *error;

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(text)}, 0, &arena, &response.arguments, &error), VALUE_OK);
    taken->ops->untagged(taken, &response);
    arena_clear(&arena);
}

static void end(enum job_status status)
{
    struct job *job = taken;

    jobs_end(hierarchy.jobs, job, &(struct job_result){.status = status});
    taken = NULL;
}

static bool is_there(const char *name)
{
    return mailboxes_find(hierarchy.mailboxes, slice_of(name)) != NULL;
}

Test(hierarchy, the_separator_is_learned)
{
    hierarchy_learn(&hierarchy, 0);
    cr_assert_not_null(strstr(take(), "LIST \"\" \"\""));
    tell("(\\Noselect) \".\" \"\"");
    end(JOB_OK);
    cr_assert(mailboxes_is_inferior(hierarchy.mailboxes, SLICE("a.b"), SLICE("a")));
}

Test(hierarchy, nothing_is_asked_where_nothing_is_in_doubt)
{
    hierarchy_ask(&hierarchy, 0);
    cr_assert_not(jobs_wait(hierarchy.jobs));
}

Test(hierarchy, a_mailbox_in_doubt_is_asked_for_once)
{
    doubt("work", "Work");
    hierarchy_ask(&hierarchy, 0);
    hierarchy_ask(&hierarchy, 0);
    cr_assert_not_null(strstr(take(), "LIST \"\" work"));
    cr_assert_not(jobs_wait(hierarchy.jobs));
    tell("() \"/\" WORK");
    end(JOB_OK);
    cr_assert(is_there("work"));
    cr_assert_eq(mailboxes_doubted(hierarchy.mailboxes).length, 0);
}

Test(hierarchy, one_that_is_not_listed_is_gone)
{
    doubt("work", "Work");
    hierarchy_ask(&hierarchy, 0);
    (void)take();
    end(JOB_OK);
    cr_assert_not(is_there("work"));
}

Test(hierarchy, one_that_cannot_be_selected_is_gone)
{
    doubt("work", "Work");
    hierarchy_ask(&hierarchy, 0);
    (void)take();
    tell("(\\HasChildren \\NOSELECT) \"/\" work");
    end(JOB_OK);
    cr_assert_not(is_there("work"));
}

Test(hierarchy, a_refusal_counts_as_gone_whatever_was_told_before)
{
    doubt("work", "Work");
    hierarchy_ask(&hierarchy, 0);
    (void)take();
    tell("() \"/\" work");
    end(JOB_NO);
    cr_assert_not(is_there("work"));
}

Test(hierarchy, of_a_name_that_is_a_pattern_only_itself_is_an_answer)
{
    doubt("work%a", "work");
    hierarchy_ask(&hierarchy, 0);
    (void)take();
    tell("() \"/\" \"workxa\"");
    end(JOB_OK);
    cr_assert_not(is_there("work%a"));
}

Test(hierarchy, a_question_that_was_never_put_leaves_the_doubt)
{
    doubt("work", "Work");
    hierarchy_ask(&hierarchy, 0);
    (void)take();
    end(JOB_DEAD);
    cr_assert(is_there("work"));
    cr_assert_gt(mailboxes_doubted(hierarchy.mailboxes).length, 0);
}
