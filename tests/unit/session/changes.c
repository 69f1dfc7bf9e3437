/* What has changed, and what has gone, since a mod-sequence: from the truth where it is certain, else by the server. */
#include "session/changes.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

static struct changes changes;

static void begin(void)
{
    bench_open_selected();
    bench.inbox->modseq = bench.inbox->modseq_selected = 50;
    bench.tells_vanished = bench.wants_modseq = true;
    changes = (struct changes){.since = 40, .vanished = true};
    cr_assert(seqset_add_range(&changes.asked, 5, 35));
}

static void finish(void)
{
    changes_clear(&changes);
    bench_close();
}

TestSuite(changes, .init = begin, .fini = finish);

static enum job_turn built(char *sent, size_t size)
{
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();
    enum job_turn turn = changes_build(&changes, bench.session, bench.inbox, outgoing);

    sent[0] = '\0';
    if (turn == JOB_SEND) {
        cr_assert_eq(outgoing_send(outgoing, out), OUTGOING_DONE);
        sent[evbuffer_remove(out, sent, size - 1)] = '\0';
    }
    evbuffer_free(out);
    outgoing_free(outgoing);
    return turn;
}

static void expect_sent(const char *command)
{
    char sent[500];

    cr_assert_eq(built(sent, sizeof(sent)), JOB_SEND);
    sent[strcspn(sent, "\r\n")] = '\0';
    cr_assert_str_eq(sent, command);
}

static void expect(const struct seqset *set, const char *text)
{
    struct evbuffer *out = evbuffer_new();

    cr_assert(seqset_print(set, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1), text);
    evbuffer_free(out);
}

Test(changes, what_is_certain_is_not_asked)
{
    char sent[500];

    uid_map_find(&bench.inbox->map, 10)->modseq = 50;
    uid_map_find(&bench.inbox->map, 20)->modseq = 60; /* told already, not vouched for yet */
    changes.since = 50;
    cr_assert_eq(built(sent, sizeof(sent)), JOB_NOTHING);
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.changed, "20,30"); /* that of 30 is not known */
    expect(&changes.gone, "");
}

Test(changes, what_has_gone_since_select_is_asked)
{
    changes.since = 50;
    bench.inbox->gone_since_select = true;
    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ) (CHANGEDSINCE 50 VANISHED)");
}

Test(changes, the_server_says_what_has_changed_and_gone)
{
    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    changes_fetch(&changes, 20, &bench.session->output);
    changes_fetch(&changes, 40, &bench.session->output); /* nobody asked */
    cr_assert(seqset_add_range(&changes.gone, 8, 40));   /* living ones among them are told when they have gone */
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.changed, "20");
    expect(&changes.gone, "8:9,11:19,21:29");
}

Test(changes, a_ghost_of_the_view_is_not_among_the_gone)
{
    bench_expunge(20);
    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    cr_assert(seqset_add_range(&changes.gone, 19, 21));
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.gone, "19,21");
}

Test(changes, a_mod_sequence_above_the_highest_says_nothing)
{
    char sent[500];

    changes.since = 51;
    cr_assert_eq(built(sent, sizeof(sent)), JOB_NOTHING);
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.changed, "10,20,30");
    expect(&changes.gone, "5:9,11:19,21:29");
    bench.flags_in_step = false;
    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ)");
}

Test(changes, without_qresync_all_that_is_not_there_has_gone)
{
    bench.tells_vanished = false;
    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ) (CHANGEDSINCE 40)");
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.gone, "5:9,11:19,21:29");
}

Test(changes, a_set_that_is_too_long_is_asked_from_end_to_end)
{
    bench.settings.upstream_command_max = 4;
    cr_assert(seqset_add_range(&changes.asked, 50, 60));
    expect_sent("UID FETCH 5:60 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    changes.vanished = false;
    expect_sent("UID FETCH 10:30 (UID FLAGS MODSEQ) (CHANGEDSINCE 40)");
}

Test(changes, what_the_server_has_not_enabled_is_not_asked)
{
    bench.flags_in_step = false;
    bench.tells_vanished = bench.wants_modseq = false;
    expect_sent("UID FETCH 5:35 (UID FLAGS)");
    cr_assert(changes.gone_untold);
}

Test(changes, where_it_cannot_be_read_what_has_gone_it_is_all_that_is_not_there)
{
    struct value earlier = {.kind = VALUE_LIST}, wrong = {.kind = VALUE_ATOM, .text = {"8:*", 3}};
    struct response response = {.kind = RESPONSE_VANISHED, .arguments = &earlier};

    expect_sent("UID FETCH 5:35 (UID FLAGS MODSEQ) (CHANGEDSINCE 40 VANISHED)");
    changes_untagged(&changes, &response, &bench.session->output);
    cr_assert(changes.gone_untold, "no set");
    changes.gone_untold = false;
    earlier.next = &wrong;
    changes_untagged(&changes, &response, &bench.session->output);
    cr_assert(changes_settle(&changes, session_view(bench.session)));
    expect(&changes.gone, "5:9,11:19,21:29");
}
