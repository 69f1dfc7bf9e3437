/* The lines that move a view's numbers, and their order. */
#include "session/tell.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "unit/session/bench.h"

static struct output output;
static struct task task;
static struct view *view;
static const struct enabled none;

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static const struct view_ops ops = {.changed = changed, .ended = ended};

static void open_view(void)
{
    bench_open();
    bench_output(&output, &task);
    view = view_new(bench.inbox, false, &ops, NULL);
}

static void close_view(void)
{
    view_free(view);
    task_clear(&task);
    output_clear(&output);
    bench_close();
}

TestSuite(tell, .init = open_view, .fini = close_view);

Test(tell, an_arrival_is_told_once)
{
    bench_deliver(40);
    tell_arrivals(view, &output);
    tell_arrivals(view, &output);
    cr_assert_str_eq(bench_text(&output), "* 4 EXISTS\r\n* 0 RECENT\r\n");
}

static const struct tell_kinds arrivals = {0}, all = {.expunges = true, .flags = true}, expunges = {.expunges = true},
                               flags_alone = {.flags = true};

Test(tell, each_expunge_is_told_by_the_number_that_it_has_then)
{
    bench_expunge(10);
    bench_expunge(20);
    cr_assert(tell_news(view, &output, &none, expunges));
    cr_assert_str_eq(bench_text(&output), "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n");
}

Test(tell, of_expunges_only_the_own_ones)
{
    struct seqset own = {0}, others = {0};

    cr_assert(seqset_add(&own, 20) && seqset_add(&own, 30) && seqset_add(&others, 30));
    bench_expunge(10);
    bench_expunge(20);
    bench_expunge(30);
    tell_own_expunges(view, &output, &none, &own, &others);
    cr_assert_str_eq(bench_text(&output), "* 2 EXPUNGE\r\n");
    seqset_clear(&own);
    seqset_clear(&others);
}

Test(tell, news_are_arrivals_then_flags_and_no_expunge_unless_it_may_be_told)
{
    bench_deliver(40);
    bench_flag(20, FLAG_SEEN);
    bench_expunge(10);
    cr_assert(tell_news(view, &output, &none, arrivals));
    cr_assert_str_eq(bench_text(&output), "* 4 EXISTS\r\n* 0 RECENT\r\n");
    cr_assert(tell_news(view, &output, &none, flags_alone));
    cr_assert_str_eq(bench_text(&output), "* 2 FETCH (FLAGS (\\Seen))\r\n");
    cr_assert(tell_news(view, &output, &none, flags_alone));
    cr_assert_str_eq(bench_text(&output), "");
}

static size_t lines_of_output(void)
{
    size_t lines = 0;
    char *line;

    while ((line = evbuffer_readln(output.bytes, NULL, EVBUFFER_EOL_CRLF_STRICT))) {
        lines++;
        free(line);
    }
    return lines;
}

Test(tell, very_much_of_it_comes_in_slices)
{
    for (uint32_t uid = 40; uid < 40 + 2 * TELL_SLICE; uid++)
        bench_deliver(uid);
    cr_assert(tell_news(view, &output, &none, arrivals));
    cr_assert_eq(lines_of_output(), 2);
    for (uint32_t uid = 40; uid < 40 + TELL_SLICE + 5; uid++)
        bench_expunge(uid);
    for (uint32_t uid = 40 + TELL_SLICE + 5; uid < 40 + 2 * TELL_SLICE; uid++)
        bench_flag(uid, FLAG_SEEN);
    cr_assert_not(tell_news(view, &output, &none, all));
    cr_assert_eq(lines_of_output(), TELL_SLICE);
    bench_flag(10, FLAG_SEEN);
    cr_assert_not(tell_news(view, &output, &none, all));
    cr_assert_eq(lines_of_output(), TELL_SLICE);
    cr_assert(tell_news(view, &output, &none, all));
    cr_assert_eq(lines_of_output(), 1);
}

Test(tell, a_new_keyword_is_announced_before_it_is_shown)
{
    struct slice word = SLICE("Work");
    struct mailbox_flags flags = {.present = true, .flags = {.keywords = &word, .keyword_count = 1}};
    struct message *message = uid_map_find(&bench.inbox->map, 10);

    cr_assert(mailbox_set_flags(bench.inbox, message, &flags));
    tell_fetch_flags(view, &output, message, (struct tell_form){.enabled = &none, .uid = true});
    cr_assert_str_eq(bench_text(&output), "* FLAGS (Work)\r\n"
                                          "* 1 FETCH (UID 10 FLAGS (Work))\r\n");
}

Test(tell, without_a_view_or_an_output_that_takes_nothing_happens)
{
    struct seqset own = {0}, others = {0};

    cr_assert(seqset_add(&own, 10));
    bench_deliver(40);
    bench_expunge(10);
    cr_assert(tell_news(NULL, &output, &none, all));
    tell_own_expunges(NULL, &output, &none, &own, &others);
    output_seal(&output);
    cr_assert(tell_news(view, &output, &none, all));
    tell_own_expunges(view, &output, &none, &own, &others);
    cr_assert_str_eq(bench_text(&output), "");
    cr_assert(view_has_arrivals(view) && view_has_ghosts(view)); /* no number has moved */
    seqset_clear(&own);
}

static const struct enabled qresync = {.condstore = true, .qresync = true};

Test(tell, who_has_switched_qresync_on_is_told_of_uids_and_mod_sequences)
{
    view->has_modseqs = true;
    bench_expunge(10);
    bench_expunge(20);
    bench_flag(30, FLAG_SEEN);
    uid_map_find(&bench.inbox->map, 30)->modseq = 9;
    cr_assert(tell_news(view, &output, &qresync, all));
    cr_assert_str_eq(bench_text(&output), "* VANISHED 10,20\r\n* 1 FETCH (UID 30 FLAGS (\\Seen) MODSEQ (9))\r\n");
}

Test(tell, without_mod_sequences_expunges_are_told_by_number)
{
    bench_expunge(10);
    cr_assert(tell_news(view, &output, &qresync, all));
    cr_assert_str_eq(bench_text(&output), "* 1 EXPUNGE\r\n");
}

Test(tell, a_client_that_would_be_misled_is_told_up_to_where_it_knows_everything)
{
    view->has_modseqs = true;
    view->modseq = bench.inbox->modseq = 5;
    bench_flag(30, FLAG_SEEN);
    uid_map_find(&bench.inbox->map, 30)->modseq = 9;
    cr_assert(tell_news(view, &output, &qresync, arrivals));
    tell_settled_modseq(view, &output, &qresync);
    cr_assert_str_eq(bench_text(&output), "", "it has read of nothing");
    cr_assert(tell_news(view, &output, &qresync, all));
    tell_settled_modseq(view, &output, &none);
    cr_assert(strstr(bench_text(&output), "HIGHESTMODSEQ") == NULL, "who has not switched it on is told nothing");
    view_show_modseq(view, 9);
    tell_settled_modseq(view, &output, &qresync);
    cr_assert_str_eq(bench_text(&output), "* OK [HIGHESTMODSEQ 5] Highest\r\n");
    bench.inbox->modseq = 12;
    tell_settled_modseq(view, &output, &qresync);
    cr_assert_str_eq(bench_text(&output), "* OK [HIGHESTMODSEQ 12] Highest\r\n", "it was told a lower one before");
    bench.inbox->modseq = 13;
    tell_settled_modseq(view, &output, &qresync);
    cr_assert_str_eq(bench_text(&output), "");
}
