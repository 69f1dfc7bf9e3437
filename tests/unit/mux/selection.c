/* Where answers become facts: each arrow of a switch, the guard, looks, learning. The server's words are said by the
 * test; jobs and clients there are none. */
#include "mux/selection.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "mailbox/view.h"

struct desk {
    struct bench bench;
    struct selection *selection;
    struct mailbox *inbox, *work;
    struct wish_progress progress;
    char told[2000]; /* what the owner was told, a word each */
    bool ended;      /* a view on INBOX */
};

static struct desk desk;

static void note(const char *word)
{
    strncat(desk.told, word, sizeof(desk.told) - strlen(desk.told) - 1);
}

static void note_number(const char *word, unsigned number, const char *rest)
{
    char text[60];

    snprintf(text, sizeof(text), "%s%u%s;", word, number, rest);
    note(text);
}

static void on_fetch(void *owner, uint32_t uid, const struct fetch_answer *part)
{
    (void)owner;
    note_number(part->complete ? "fetch " : "part ", uid, "");
}

static void on_fetch_data(void *owner, struct slice bytes)
{
    (void)owner;
    note_number("", (unsigned)bytes.length, " octets");
}

static void on_fetch_broken(void *owner, bool sound)
{
    (void)sound;
    (void)owner;
    note("broken;");
}

static void on_literal_read(void *owner, size_t octets)
{
    (void)owner;
    (void)octets;
}

static void on_untagged(void *owner, const struct response *response)
{
    (void)owner;
    (void)response;
    note("untagged;");
}

static void on_answered(void *owner, const struct response *tagged)
{
    (void)owner;
    note(tagged->status == RESPONSE_OK ? "OK;" : "NO;");
}

static void on_prepared(void *owner, bool part)
{
    (void)owner;
    note(part ? "part of flags;" : "prepared;");
}

static void on_refused(void *owner, const struct response *tagged, const char *text)
{
    (void)owner;
    note(tagged ? "refused;" : text ? "in trouble;" : "?");
}

static void on_denied(void *owner, const struct response *tagged)
{
    (void)owner;
    (void)tagged;
    note("denied;");
}

static void on_gone(void *owner, struct mailbox *mailbox)
{
    (void)owner;
    (void)mailbox;
    note("gone;");
}

static void on_contradicted(void *owner)
{
    (void)owner;
    note("contradicted;");
}

static void on_garbled(void *owner)
{
    (void)owner;
    note("garbled;");
}

static void on_meaning_lost(void *owner, struct mailbox *mailbox)
{
    (void)owner;
    (void)mailbox;
    note("meaning lost;");
}

static const struct selection_ops selection_ops = {.fetch = on_fetch,
                                                   .fetch_data = on_fetch_data,
                                                   .fetch_broken = on_fetch_broken,
                                                   .literal_read = on_literal_read,
                                                   .untagged = on_untagged,
                                                   .answered = on_answered,
                                                   .prepared = on_prepared,
                                                   .refused = on_refused,
                                                   .denied = on_denied,
                                                   .gone = on_gone,
                                                   .contradicted = on_contradicted,
                                                   .garbled = on_garbled,
                                                   .meaning_lost = on_meaning_lost};

/* --- the upstream's owner: hands everything to the selection */

static void ready(void *owner, const struct credential *credential)
{
    (void)owner;
    (void)credential;
}

static void untagged(void *owner, const struct response *response)
{
    (void)owner;
    if (desk.selection)
        selection_untagged(desk.selection, response);
}

static void fetch(void *owner, const struct response *response)
{
    (void)owner;
    selection_fetch(desk.selection, response);
}

static void fetch_data(void *owner, struct slice bytes)
{
    (void)owner;
    selection_fetch_data(desk.selection, bytes);
}

static void garbage(void *owner, struct slice line, bool open_fetch, uint32_t fetch_number)
{
    (void)owner;
    (void)line;
    selection_garbage(desk.selection, open_fetch, fetch_number);
}

static void tagged(void *owner, const struct response *response)
{
    (void)owner;
    selection_tagged(desk.selection, response);
}

static void closed(void *owner, const struct upstream_end *end)
{
    (void)owner;
    (void)end;
    selection_lost(desk.selection);
}

static const struct upstream_owner owner = {.ready = ready,
                                            .untagged = untagged,
                                            .fetch = fetch,
                                            .fetch_data = fetch_data,
                                            .garbage = garbage,
                                            .tagged = tagged,
                                            .closed = closed};

static void log_in(const char *capabilities)
{
    desk = (struct desk){0};
    bench_init(&desk.bench);
    bench_log_in(&desk.bench, &owner, capabilities);
    desk.selection = selection_new(&desk.bench.ground, desk.bench.upstream, "user@server", &selection_ops, NULL);
    desk.inbox = mailbox_new(SLICE("INBOX"));
    desk.work = mailbox_new(SLICE("Work"));
}

static void begin(void)
{
    log_in("ESEARCH UIDPLUS UNSELECT");
}

static void finish(void)
{
    selection_free(desk.selection);
    mailbox_free(desk.inbox);
    mailbox_free(desk.work);
    bench_clear(&desk.bench);
}

TestSuite(selection, .init = begin, .fini = finish);

static enum selection_turn prepare(enum wish_need need, struct mailbox *mailbox, bool read_write)
{
    struct wish wish = {.need = need,
                        .mailbox = mailbox,
                        .read_write = read_write,
                        .submitted = desk.bench.ground.commands,
                        .progress = &desk.progress};

    return selection_prepare(desk.selection, &wish);
}

/* The commands that the wish makes it send. */
static const char *sends(enum wish_need need, struct mailbox *mailbox)
{
    return prepare(need, mailbox, false) == SELECTION_SENT ? bench_written(&desk.bench) : "nothing";
}

static void say(const char *text)
{
    bench_say(&desk.bench, text);
}

/* INBOX is selected with 10, 20 and 30. */
static void select_three(void)
{
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX");
    say("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 31] n\r\n%T OK [READ-ONLY] done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) ALL");
    say("* ESEARCH (TAG \"%T\") UID ALL 10,20,30\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    desk.told[0] = '\0';
}

static void send_own(const char *command)
{
    struct outgoing *out = outgoing_new();

    outgoing_text(out, command);
    selection_send(desk.selection, out, SELECTION_NO_EFFECT, PATIENCE_QUICK, 0);
    (void)bench_written(&desk.bench);
}

/* --- the arrows of a switch */

Test(selection, a_first_switch_searches_all)
{
    select_three();
    cr_assert_eq(desk.inbox->map.count, 3);
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, false), SELECTION_READY);
}

Test(selection, coming_back_with_an_equal_uidnext_and_count_needs_no_search)
{
    select_three();
    desk.inbox->uidnext = 31;
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    cr_assert_not(selection_in_step(desk.selection, desk.inbox), "nothing goes into its truth from here on");
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.work));
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX");
    say("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 31] n\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
}

/* INBOX with 10, 20 and 30 is left, and selected again when it has so many. */
static void come_back(const char *exists)
{
    char text[200];

    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.inbox);
    snprintf(text, sizeof(text), "* %s EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 50] n\r\n%%T OK done", exists);
    say(text);
}

Test(selection, coming_back_to_more_asks_numbers_from_the_floor_on)
{
    select_three();
    come_back("5");
    cr_assert_str_eq(bench_written(&desk.bench), "UID FETCH 30:* (UID FLAGS)");
    say("* 3 FETCH (UID 30 FLAGS ())\r\n* 4 FETCH (UID 40 FLAGS (\\Seen))\r\n* 5 FETCH (UID 41 FLAGS ())\r\n%T OK "
        "done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->map.count, 5);
    cr_assert_eq(uid_map_find(&desk.inbox->map, 40)->system, FLAG_SEEN);
}

/* "Known and new are as many as EXISTS" fits here: 20 has gone, and 35 is counted but hidden. */
Test(selection, a_count_that_fits_by_chance_proves_nothing)
{
    select_three();
    come_back("4");
    (void)bench_written(&desk.bench);
    say("* 2 FETCH (UID 30 FLAGS ())\r\n* 4 FETCH (UID 40 FLAGS ())\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) ALL");
    cr_assert_eq(desk.inbox->map.count, 3, "nobody has been told of anything");
    say("* ESEARCH (TAG \"%T\") UID ALL 10,30,35,40\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_null(uid_map_find(&desk.inbox->map, 20));
    cr_assert_not_null(uid_map_find(&desk.inbox->map, 35));
}

Test(selection, a_flag_change_told_during_a_proof_is_not_lost)
{
    select_three();
    for (uint32_t uid = 10; uid <= 30; uid += 10)
        uid_map_find(&desk.inbox->map, uid)->flags_known = true;
    come_back("3");
    (void)bench_written(&desk.bench);
    say("* 1 FETCH (UID 10 FLAGS (\\Flagged))\r\n* 3 FETCH (UID 30 FLAGS ())\r\n%T OK done");
    cr_assert_eq(uid_map_find(&desk.inbox->map, 10)->system, FLAG_FLAGGED);
    cr_assert_gt(uid_map_find(&desk.inbox->map, 10)->changed, 0);
    cr_assert(selection_in_step(desk.selection, desk.inbox));
}

static struct message *inbox_message(uint32_t uid)
{
    return uid_map_find(&desk.inbox->map, uid);
}

static void send_reading(const char *command)
{
    struct outgoing *out = outgoing_new();

    outgoing_text(out, command);
    selection_send(desk.selection, out, SELECTION_SETS_SEEN, PATIENCE_QUICK, 0);
    (void)bench_written(&desk.bench);
}

/* All flags of the three are known. */
static void select_three_with_flags(void)
{
    select_three();
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10:30 (UID FLAGS)");
    say("* 1 FETCH (UID 10 FLAGS ())\r\n* 2 FETCH (UID 20 FLAGS (\\Seen))\r\n* 3 FETCH (UID 30 FLAGS ())\r\n%T OK "
        "done");
    (void)prepare(WISH_FLAGS, desk.inbox, false);
    cr_assert(desk.inbox->flags_in_step);
}

/* RFC 3501 section 6.4.5: the server SHOULD tell the \Seen that it has set. */
Test(selection, flags_of_a_message_that_was_read_and_not_told_are_due)
{
    select_three_with_flags();
    send_reading("UID FETCH 10:30 (UID BODY[])");
    say("* 1 FETCH (UID 10 BODY[] a)\r\n* 2 FETCH (UID 20 BODY[] b)\r\n"
        "* 3 FETCH (UID 30 BODY[] c FLAGS (\\Seen))\r\n%T OK done");
    cr_assert(inbox_message(10)->flags_due && !inbox_message(20)->flags_due && !inbox_message(30)->flags_due);
    cr_assert(!desk.inbox->flags_in_step && desk.inbox->flags_urgent);
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10 (UID FLAGS)");
    say("* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n%T OK done");
    cr_assert_gt(inbox_message(10)->changed, 0);
    cr_assert(desk.inbox->flags_in_step);
}

Test(selection, flags_that_come_in_a_line_of_their_own_are_due_no_more)
{
    select_three_with_flags();
    send_reading("UID FETCH 10 (UID BODY[])");
    say("* 1 FETCH (UID 10 BODY[] a)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n%T OK done");
    cr_assert(desk.inbox->flags_in_step);
}

Test(selection, flags_are_due_no_more_when_the_message_has_gone)
{
    select_three_with_flags();
    send_reading("UID FETCH 10 (UID BODY[])");
    say("* 1 FETCH (UID 10 BODY[] a)\r\n* 1 EXPUNGE\r\n%T OK done");
    cr_assert(desk.inbox->flags_in_step);
}

Test(selection, flags_that_are_due_are_asked_for_in_lines_that_servers_take)
{
    char wanted[40];

    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1500 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 1000001:1001500\r\n%T OK done");
    desk.inbox->flags_in_step = true;
    for (uint32_t uid = 1000001; uid <= 1001500; uid += 2)
        mailbox_flags_untold(desk.inbox, inbox_message(uid), true);
    desk.bench.settings.upstream_command_max = 800; /* a hundred of them, with a comma each */
    cr_assert_str_eq(strrchr(sends(WISH_FLAGS, desk.inbox), ','), ",1000199 (UID FLAGS)");
    say("%T OK done");
    snprintf(wanted, sizeof(wanted), "UID FETCH %u,", 1000201U);
    cr_assert_eq(strncmp(sends(WISH_FLAGS, desk.inbox), wanted, strlen(wanted)), 0, "the next of them");
}

/* Only the message's own are asked for, not those of all. */
Test(selection, flags_that_cannot_be_read_are_asked_for_again)
{
    select_three_with_flags();
    say("* 2 FETCH (FLAGS ((nested)))\r\n");
    cr_assert(!desk.inbox->flags_in_step && desk.inbox->flags_urgent);
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 20 (UID FLAGS)");
    desk.inbox->flags_urgent = false;
    say("* 2 FETCH (UID 20 FLAGS ((nested)))\r\n%T OK done");
    cr_assert_not(desk.inbox->flags_urgent, "once more only after flag_interval");
}

Test(selection, where_the_floor_is_silent_all_are_searched)
{
    select_three();
    come_back("4");
    (void)bench_written(&desk.bench);
    say("* 4 FETCH (UID 41 FLAGS ())\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) ALL");
}

Test(selection, an_arrival_that_is_not_told_yet_is_the_tail)
{
    select_three();
    come_back("3");
    (void)bench_written(&desk.bench);
    say("* 4 EXISTS\r\n* 3 FETCH (UID 30 FLAGS ())\r\n* 5 EXISTS\r\n* 4 FETCH (UID 50 FLAGS ())\r\n%T OK done");
    cr_assert_eq(desk.inbox->map.count, 4);
    cr_assert_eq(desk.inbox->tail_count, 1);
}

static const char *next_proof(void)
{
    const char *sent = bench_written(&desk.bench);

    if (strcmp(sent, "NOOP") != 0)
        return sent;
    say("%T OK done");
    return bench_written(&desk.bench);
}

Test(selection, what_no_search_finds_is_asked_by_number)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    cr_assert_str_eq(next_proof(), "UID SEARCH RETURN (ALL) ALL");
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert_str_eq(next_proof(), "UID FETCH 1:* (UID)");
    say("* 1 FETCH (UID 10)\r\n* 2 FETCH (UID 20)\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->map.count, 2);
}

/* However busy a mailbox is, numbers say which message is which. */
Test(selection, what_goes_during_a_proof_by_numbers_does_not_spoil_it)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 4 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)next_proof();
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    (void)next_proof();
    say("* 1 FETCH (UID 10)\r\n* 2 FETCH (UID 20)\r\n* 1 EXPUNGE\r\n* 2 FETCH (UID 30)\r\n* VANISHED 30\r\n"
        "* 2 FETCH (UID 40)\r\n* 3 EXISTS\r\n%T OK done");
    cr_assert(desk.inbox->map_in_step);
    cr_assert_eq(desk.inbox->map.count, 2);
    cr_assert_not_null(uid_map_find(&desk.inbox->map, 20));
    cr_assert_not_null(uid_map_find(&desk.inbox->map, 40));
    cr_assert_eq(desk.inbox->tail_count, 1);
}

/* Counted, but gone: the server says so when it is given a chance. */
Test(selection, one_that_is_gone_but_counted_is_told_by_a_noop)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "NOOP");
    say("* 2 EXPUNGE\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* 1 FETCH (UID 10)\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
}

Test(selection, a_mailbox_that_cannot_be_proved_is_left_alone_and_the_connection_kept)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    for (int i = 0; i < 30; i++) {
        (void)next_proof();
        say("* SEARCH 10\r\n* 1 FETCH (UID 10)\r\n%T OK done");
    }
    cr_assert_str_eq(desk.told, "in trouble;");
    cr_assert_not(desk.bench.closing);
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, false), SELECTION_SHUT);
    cr_assert_eq(prepare(WISH_SELECTED, desk.work, false), SELECTION_SENT, "the others are served");
    (void)bench_written(&desk.bench);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    runqueue_step(desk.bench.ground.runqueue, USEC_HOUR + 3 * USEC_SECOND);
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX", "after a pause it is tried again");
}

Test(selection, without_uidvalidity_a_mailbox_can_be_used_and_nothing_is_kept_over_a_switch)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n%T OK done");
    cr_assert_str_eq(desk.told, "meaning lost;");
    cr_assert_not(desk.bench.closing);
}

Test(selection, a_first_uidvalidity_is_another_mailbox)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    cr_assert_str_eq(desk.told, "meaning lost;", "by what the mailbox was known before nobody knows");
}

Test(selection, a_search_that_was_disturbed_proves_nothing)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10,20\r\n* 1 EXPUNGE\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID FETCH 1:* (UID)");
    say("* 1 FETCH (UID 20)\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->map.count, 1);
}

Test(selection, what_is_recent_is_asked_before_the_map_is_in_step)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) RECENT");
    cr_assert_not(selection_in_step(desk.selection, desk.inbox));
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 10));
}

/* Known and selected by SELECT, empty. */
static void select_empty(struct mailbox *mailbox)
{
    cr_assert_eq(prepare(WISH_SELECTED, mailbox, true), SELECTION_SENT);
    (void)bench_written(&desk.bench);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    cr_assert(selection_in_step(desk.selection, mailbox));
}

/* It announces one more with the first answer: both are asked for before the mailbox is left. */
Test(selection, a_mailbox_is_not_left_while_messages_in_it_have_no_names)
{
    select_empty(desk.inbox);
    say("* 1 EXISTS\r\n");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "UID FETCH 1:* (UID FLAGS)");
    say("* 1 FETCH (UID 10 FLAGS (\\Recent))\r\n* 2 EXISTS\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "UID FETCH 11:* (UID FLAGS)");
    say("* 2 FETCH (UID 11 FLAGS (\\Recent))\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    cr_assert_eq(desk.inbox->recent_free.count, 2);
}

/* EXISTS counts it and FETCH does not name it. */
Test(selection, news_that_the_server_does_not_tell_are_no_lack_of_news)
{
    static const char *const commands[] = {"UID FETCH 1:* (UID FLAGS)", "NOOP", "UID FETCH 1:* (UID FLAGS)"};
    struct wish look = {.need = WISH_LOOK, .progress = &desk.progress};

    select_empty(desk.inbox);
    say("* 1 EXISTS\r\n");
    look.mailbox = desk.inbox;
    look.submitted = desk.bench.ground.commands;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(selection_prepare(desk.selection, &look), SELECTION_SENT);
        cr_assert_str_eq(bench_written(&desk.bench), commands[i]);
        say("%T OK done");
    }
    cr_assert_eq(selection_prepare(desk.selection, &look), SELECTION_UNTOLD);
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, false), SELECTION_READY, "the known messages are the known ones");
    say("* 1 EXPUNGE\r\n");
    cr_assert_eq(selection_prepare(desk.selection, &look), SELECTION_READY);
}

/* It had gone, and the server says so at NOOP only. */
Test(selection, before_a_mailbox_is_left_the_server_looks_once_for_what_it_does_not_name)
{
    select_empty(desk.inbox);
    say("* 2 EXISTS\r\n");
    (void)sends(WISH_SELECTED, desk.work);
    say("%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "NOOP");
    say("* 1 EXPUNGE\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "UID FETCH 1:* (UID FLAGS)");
    say("* 1 FETCH (UID 12 FLAGS (\\Recent))\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 12));
}

Test(selection, a_mailbox_that_announces_one_more_with_each_answer_is_left_in_the_end)
{
    select_empty(desk.inbox);
    say("* 1 EXISTS\r\n");
    for (unsigned n = 1; n <= 10; n++) {
        char text[100];
        snprintf(text, sizeof(text), "* %u FETCH (UID %u FLAGS ())\r\n* %u EXISTS\r\n%%T OK done", n, n, n + 1);
        const char *sent = sends(WISH_SELECTED, desk.work);
        cr_assert_eq(strncmp(sent, "UID FETCH", 9), 0, "%u: %s", n, sent);
        say(text);
    }
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
}

/* The server has shown it to this session, and shows it to nobody again. */
Test(selection, what_a_select_showed_as_recent_stays_until_somebody_is_given_it)
{
    select_empty(desk.inbox);
    say("* 1 EXISTS\r\n");
    (void)sends(WISH_SELECTED, desk.work);
    say("* 1 FETCH (UID 10 FLAGS (\\Recent))\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, true), SELECTION_SENT);
    (void)bench_written(&desk.bench);
    say("* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    (void)bench_written(&desk.bench);
    say("* 1 FETCH (UID 10 FLAGS ())\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 10));
}

Test(selection, what_an_examine_showed_as_recent_is_shown_again_and_forgotten)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-ONLY] done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10\r\n%T OK done");
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 10));
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, true), SELECTION_SENT);
    (void)bench_written(&desk.bench);
    say("* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    cr_assert_eq(desk.inbox->recent_free.count, 0);
}

Test(selection, an_expunge_while_recent_is_asked_is_taken_by_the_map)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* 2 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10,20\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* 1 EXPUNGE\r\n* 2 EXISTS\r\n* ESEARCH (TAG \"%T\") UID ALL 10,20\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "");
    cr_assert_eq(desk.inbox->map.count, 1);
    cr_assert_eq(desk.inbox->tail_count, 1);
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 20));
    cr_assert_not(uid_set_contains(&desk.inbox->recent_free, 10));
}

/* It may name UIDs that no message ever had: counted, they would leave an empty mailbox. */
Test(selection, a_vanished_range_does_not_say_how_many_have_gone)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* VANISHED 1:19\r\n* ESEARCH (TAG \"%T\") UID ALL 20,30\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "EXAMINE INBOX", "which says how many there are");
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) ALL");
    say("* ESEARCH (TAG \"%T\") UID ALL 20,30\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->map.count, 2);
}

/* The line that could not be read may have been an EXPUNGE, too: numbers no longer say which message is meant. */
Test(selection, after_garbage_while_recent_is_asked_an_expunge_takes_no_message_away)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 3 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10,20,30\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) RECENT");
    selection_garbage(desk.selection, false, 0);
    say("* 2 EXPUNGE\r\n* ESEARCH (TAG \"%T\") UID ALL 30\r\n%T OK done");
    cr_assert_eq(desk.inbox->map.count, 3, "which ones have gone is not known");
    cr_assert_str_eq(bench_written(&desk.bench), "UID FETCH 1:* (UID)", "everything is proved again");
    say("* 1 FETCH (UID 10)\r\n* 2 FETCH (UID 30)\r\n%T OK done");
    cr_assert_eq(desk.inbox->map.count, 2);
    cr_assert_not(uid_map_find(&desk.inbox->map, 20));
}

/* What is \Recent is told to one selection only, and another one is to come. */
Test(selection, what_is_recent_is_asked_before_a_mailbox_is_selected_again)
{
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, true), SELECTION_SENT);
    (void)bench_written(&desk.bench);
    say("* 3 EXISTS\r\n* 2 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    (void)bench_written(&desk.bench);
    say("* VANISHED 1:19\r\n* ESEARCH (TAG \"%T\") UID ALL 20,30\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH RETURN (ALL) RECENT");
    say("* VANISHED 20:21\r\n* ESEARCH (TAG \"%T\") UID ALL 20,30\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "SELECT INBOX");
    say("* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 30\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->recent_free.count, 1, "and not one that has gone");
    cr_assert(uid_set_contains(&desk.inbox->recent_free, 30));
}

/* They are about the mailbox that is left, although SELECT went up behind DONE. */
Test(selection, numbers_told_before_idle_is_answered_count_for_the_mailbox_that_was_left)
{
    (void)prepare(WISH_SELECTED, desk.inbox, true);
    (void)bench_written(&desk.bench);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    upstream_idle(desk.bench.upstream);
    cr_assert_str_eq(bench_written(&desk.bench), "IDLE");
    say("+ idling");
    (void)prepare(WISH_SELECTED, desk.work, true);
    say("* 1 EXISTS\r\n* 1 RECENT\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 1);
}

/* A server without [CLOSED] may tell them first, inside the answer to SELECT. */
Test(selection, old_numbers_in_the_answer_to_select_count_for_the_mailbox_that_was_left)
{
    (void)prepare(WISH_SELECTED, desk.inbox, true);
    (void)bench_written(&desk.bench);
    say("* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    (void)prepare(WISH_SELECTED, desk.work, true);
    (void)bench_written(&desk.bench);
    say("* 2 EXISTS\r\n* 2 RECENT\r\n* 5 EXISTS\r\n* 0 RECENT\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 2);
    (void)bench_written(&desk.bench);
}

/* One that has gone was \Recent, perhaps, and another has come: RECENT is what it was, and is not told again. */
static void have_one_recent(void)
{
    select_three();
    mailbox_recent_selected(desk.inbox, true);
    mailbox_recent_said(desk.inbox, 1);
}

Test(selection, what_has_made_up_for_a_recent_one_before_idle_is_answered_counts_for_the_mailbox_that_was_left)
{
    have_one_recent();
    upstream_idle(desk.bench.upstream);
    (void)bench_written(&desk.bench);
    say("+ idling");
    (void)prepare(WISH_SELECTED, desk.work, true);
    say("* 3 EXPUNGE\r\n* 3 EXISTS\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 1);
}

Test(selection, what_has_made_up_for_a_recent_one_before_closed_counts_for_the_mailbox_that_was_left)
{
    have_one_recent();
    (void)prepare(WISH_SELECTED, desk.work, true);
    (void)bench_written(&desk.bench);
    say("* VANISHED 30\r\n* 3 EXISTS\r\n* OK [CLOSED] x\r\n* 5 EXISTS\r\n* 0 RECENT\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 1);
}

Test(selection, what_has_made_up_for_a_recent_one_while_the_map_is_in_doubt_counts)
{
    have_one_recent();
    selection_garbage(desk.selection, false, 0);
    say("* VANISHED 30\r\n* 3 EXISTS\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 1);
}

Test(selection, what_was_recent_when_the_line_is_lost_in_a_switch_is_kept_in_mind)
{
    select_three();
    desk.inbox->known = true;
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)prepare(WISH_SELECTED, desk.inbox, true);
    (void)bench_written(&desk.bench);
    say("* 5 EXISTS\r\n* 2 RECENT\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-WRITE] done");
    bench_closed(&desk.bench);
    cr_assert_eq(desk.inbox->recent_owed, 2);
}

Test(selection, what_is_recent_while_the_map_is_in_doubt_is_kept_in_mind)
{
    select_three();
    desk.inbox->recent_held = true;
    selection_garbage(desk.selection, false, 0);
    say("* 4 EXISTS\r\n* 1 RECENT\r\n");
    cr_assert_eq(desk.inbox->recent_owed, 1);
}

Test(selection, neighbours_that_are_named_one_by_one_are_counted)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 4 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* VANISHED 10,11\r\n* ESEARCH (TAG \"%T\") UID ALL 20,30\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID FETCH 1:* (UID)");
    say("* 1 FETCH (UID 20)\r\n* 2 FETCH (UID 30)\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->map.count, 2);
}

Test(selection, a_vanished_that_cannot_be_read_is_a_contradiction)
{
    select_three();
    say("* VANISHED 5:*\r\n");
    cr_assert_not(desk.inbox->map_in_step);
    cr_assert(desk.inbox->doubted);
}

Test(selection, a_refused_select_leaves_nothing_selected)
{
    select_three();
    (void)sends(WISH_SELECTED, desk.work);
    say("%T NO no such mailbox");
    cr_assert_str_eq(desk.told, "refused;");
    cr_assert_null(selection_mailbox(desk.selection));
    cr_assert_not(desk.inbox->map_in_step);
}

static void view_changed(void *view_owner, enum view_change change)
{
    (void)view_owner;
    (void)change;
}

static void view_ended(void *view_owner, const char *reason)
{
    (void)view_owner;
    (void)reason;
    desk.ended = true;
}

static const struct view_ops view_ops = {.changed = view_changed, .ended = view_ended};

Test(selection, another_uidvalidity_ends_the_views_and_the_meaning_of_jobs)
{
    struct view *view;

    select_three();
    view = view_new(desk.inbox, true, &view_ops, NULL);
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n* OK [UIDVALIDITY 2] v\r\n%T OK done");
    cr_assert(desk.ended);
    cr_assert_not_null(strstr(desk.told, "meaning lost;"));
    cr_assert_eq(desk.inbox->uidvalidity, 2);
    view_free(view);
}

Test(selection, a_uid_that_comes_back_ends_the_views)
{
    struct view *view;

    select_three();
    view = view_new(desk.inbox, true, &view_ops, NULL);
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10,15\r\n%T OK done");
    cr_assert(desk.ended);
    view_free(view);
}

Test(selection, with_qresync_the_answer_to_select_tells_the_rest)
{
    finish();
    log_in("ENABLE CONDSTORE QRESYNC UIDPLUS");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX (CONDSTORE)");
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [HIGHESTMODSEQ 5] m\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* SEARCH 10 20\r\n%T OK done");
    cr_assert(selection_in_step(desk.selection, desk.inbox));
    cr_assert_not_null(strstr(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10:20 (UID FLAGS MODSEQ)"));
    say("* 1 FETCH (UID 10 FLAGS () MODSEQ (4))\r\n* 2 FETCH (UID 20 FLAGS () MODSEQ (5))\r\n%T OK done");
    cr_assert(selection_flags_learned(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->modseq, 5);
    (void)sends(WISH_SELECTED, desk.work);
    say("* OK [CLOSED] c\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX (QRESYNC (1 5))");
    say("* OK [CLOSED] c\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [HIGHESTMODSEQ 8] m\r\n* VANISHED (EARLIER) "
        "10\r\n"
        "* 2 FETCH (UID 21 FLAGS (\\Seen) MODSEQ (8))\r\n%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID FETCH 20:* (UID FLAGS MODSEQ)", "it is proved like any other");
    say("* 1 FETCH (UID 20 FLAGS () MODSEQ (5))\r\n* 2 FETCH (UID 21 FLAGS (\\Seen) MODSEQ (8))\r\n%T OK done");
    cr_assert(selection_flags_in_step(desk.selection, desk.inbox));
    cr_assert_null(uid_map_find(&desk.inbox->map, 10));
    cr_assert_not_null(uid_map_find(&desk.inbox->map, 21));
}

/* Courier's SELECT tells no UIDNEXT. */
Test(selection, one_gone_and_one_come_is_seen_by_the_uidnext_of_status)
{
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* ESEARCH (TAG \"%T\") UID ALL 10,20\r\n%T OK done");
    (void)sends(WISH_SELECTED, desk.work);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    for (int round = 0; round < 2; round++) { /* 25 came before and is gone: one visit, then it is known */
        desk.progress.asked = false;
        cr_assert_eq(strncmp(sends(WISH_LOOK, desk.inbox), "STATUS ", 7), 0);
        say("* STATUS INBOX (MESSAGES 2 UIDNEXT 26 UIDVALIDITY 1)\r\n%T OK done");
        if (round == 1)
            break;
        cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "EXAMINE INBOX");
        say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK done");
        (void)bench_written(&desk.bench);
        say("* 2 FETCH (UID 20 FLAGS ())\r\n%T OK done");
        cr_assert(selection_in_step(desk.selection, desk.inbox));
        (void)sends(WISH_SELECTED, desk.work);
        say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    }
    cr_assert_eq(prepare(WISH_LOOK, desk.inbox, false), SELECTION_READY);
    desk.progress.asked = false;
    (void)sends(WISH_LOOK, desk.inbox);
    say("* STATUS INBOX (MESSAGES 2 UIDNEXT 27 UIDVALIDITY 1)\r\n%T OK done"); /* 10 has gone, 26 has come */
    cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "EXAMINE INBOX");
}

/* Without QRESYNC a server may hold others' changes back until NOOP: the mod-sequence of one's own STORE says nothing
 * of them. */
Test(selection, without_qresync_an_own_change_does_not_vouch_for_those_before)
{
    finish();
    log_in("CONDSTORE UIDPLUS");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [HIGHESTMODSEQ 5] m\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* SEARCH 10 20\r\n%T OK done");
    (void)sends(WISH_FLAGS, desk.inbox);
    say("* 1 FETCH (UID 10 FLAGS () MODSEQ (4))\r\n* 2 FETCH (UID 20 FLAGS () MODSEQ (5))\r\n%T OK done");
    cr_assert(selection_flags_learned(desk.selection, desk.inbox));
    cr_assert_eq(desk.inbox->modseq, 5, "all flags were read after the SELECT that told it");
    send_own("UID STORE 20 +FLAGS (\\Flagged)");
    say("* 2 FETCH (UID 20 FLAGS (\\Flagged) MODSEQ (9))\r\n%T OK done"); /* another changed 10, by 8 */
    cr_assert_eq(desk.inbox->modseq, 5);
    runqueue_step(desk.bench.ground.runqueue, USEC_HOUR + 2 * desk.bench.settings.freshness);
    cr_assert_str_eq(sends(WISH_FRESH, desk.inbox), "NOOP");
    say("* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (8))\r\n%T OK done");
    cr_assert_eq(desk.inbox->modseq, 9);
}

/* The changes of a part would not vouch for those of the messages before it. */
Test(selection, changes_are_asked_for_from_the_first_message_on)
{
    finish();
    log_in("ENABLE CONDSTORE UIDPLUS");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 2 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [HIGHESTMODSEQ 5] m\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* SEARCH 10 20\r\n* 1 FETCH (UID 10 FLAGS ())\r\n* 2 FETCH (UID 20 FLAGS ())\r\n%T OK done");
    inbox_message(10)->flags_known = inbox_message(20)->flags_known = true;
    desk.inbox->modseq = 3;
    mailbox_flags_asked(desk.inbox, 10);
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10:20 (UID FLAGS MODSEQ) (CHANGEDSINCE 3)");
}

/* A server that has lost its index files: UIDVALIDITY stays, mod-sequences begin again, QRESYNC is answered with
 * nothing.
 */
Test(selection, a_modseq_that_falls_makes_ours_worthless)
{
    finish();
    log_in("ENABLE CONDSTORE QRESYNC UIDPLUS");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [HIGHESTMODSEQ 34] m\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* SEARCH 1 2 3\r\n%T OK done");
    (void)sends(WISH_FLAGS, desk.inbox);
    say("* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n* 3 FETCH (UID 3 FLAGS ())\r\n%T OK done");
    cr_assert(selection_flags_learned(desk.selection, desk.inbox));
    (void)sends(WISH_SELECTED, desk.work);
    say("* OK [CLOSED] c\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX (QRESYNC (1 34))");
    say("* OK [CLOSED] c\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 5] n\r\n* OK [HIGHESTMODSEQ 4] m\r\n"
        "%T OK done");
    cr_assert_str_eq(bench_written(&desk.bench), "UID SEARCH ALL");
    say("* SEARCH 2 3 4\r\n%T OK done");
    cr_assert_null(uid_map_find(&desk.inbox->map, 1));
    cr_assert_not_null(uid_map_find(&desk.inbox->map, 4));
    cr_assert_not(selection_flags_in_step(desk.selection, desk.inbox), "flags are learned again");
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 2:4 (UID FLAGS MODSEQ)", "all of them");
}

/* No look: the mailbox is selected. */
Test(selection, a_status_that_lacks_what_the_server_tells_otherwise_is_a_difference)
{
    static const char *const lists[] = {"()", "(MESSAGES NIL UIDNEXT 31 UIDVALIDITY 1)", "(MESSAGES 3 UIDVALIDITY 1)",
                                        "(MESSAGES 3 UIDNEXT 31)"};
    char line[120];

    select_three();
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        (void)sends(WISH_SELECTED, desk.work);
        say("* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
        desk.progress.asked = false;
        cr_assert_eq(strncmp(sends(WISH_LOOK, desk.inbox), "STATUS ", 7), 0);
        snprintf(line, sizeof(line), "* STATUS INBOX %s\r\n%%T OK done", lists[i]);
        say(line);
        cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "EXAMINE INBOX");
        say("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 31] n\r\n%T OK [READ-ONLY] done");
        cr_assert(selection_in_step(desk.selection, desk.inbox));
    }
}

/* The same, seen from another mailbox. */
Test(selection, a_modseq_that_falls_is_seen_in_status)
{
    finish();
    log_in("ENABLE CONDSTORE QRESYNC UIDPLUS");
    (void)sends(WISH_SELECTED, desk.inbox);
    say("* 1 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n* OK [UIDNEXT 2] n\r\n* OK [HIGHESTMODSEQ 34] m\r\n%T OK done");
    (void)bench_written(&desk.bench);
    say("* SEARCH 1\r\n%T OK done");
    (void)sends(WISH_FLAGS, desk.inbox);
    say("* 1 FETCH (UID 1 FLAGS ())\r\n%T OK done");
    cr_assert(selection_flags_learned(desk.selection, desk.inbox));
    (void)sends(WISH_SELECTED, desk.work);
    say("* OK [CLOSED] c\r\n* 0 EXISTS\r\n* OK [UIDVALIDITY 9] v\r\n%T OK done");
    (void)sends(WISH_LOOK, desk.inbox);
    say("* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1 HIGHESTMODSEQ 4)\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "EXAMINE INBOX (QRESYNC (1 34))");
}

/* --- the guard */

Test(selection, an_answer_is_handed_on_when_number_and_uid_agree)
{
    select_three();
    send_own("UID FETCH 20 (UID BODY[])");
    say("* 2 FETCH (UID 20 RFC822.SIZE 5)\r\n%T OK done");
    cr_assert_str_eq(desk.told, "fetch 20;OK;");
}

Test(selection, a_size_that_is_told_stays_with_its_message)
{
    select_three();
    send_own("UID FETCH 10:30 (UID RFC822.SIZE)");
    say("* 2 FETCH (UID 20 RFC822.SIZE 5)\r\n* 3 FETCH (RFC822.SIZE 7 UID 30)\r\n* 1 FETCH (UID 10 RFC822.SIZE "
        "0)\r\n%T OK done");
    cr_assert_eq(uid_map_find(&desk.inbox->map, 10)->size, 0);
    cr_assert_eq(uid_map_find(&desk.inbox->map, 20)->size, 5);
    cr_assert_eq(uid_map_find(&desk.inbox->map, 30)->size, 7);
}

Test(selection, a_wrong_uid_reaches_nobody_and_is_logged_with_the_numbers)
{
    select_three();
    send_own("UID FETCH 20 (UID RFC822.SIZE)");
    say("* 2 FETCH (UID 30 RFC822.SIZE 5)\r\n* 2 FETCH (UID 20 RFC822.SIZE 5)\r\n%T OK done");
    cr_assert_str_eq(desk.told, "contradicted;OK;");
    cr_assert_not_null(strstr(desk.bench.last_log, "INBOX: FETCH 2 has UID 30, expected 20; resynchronising"), "%s",
                       desk.bench.last_log);
    cr_assert(desk.inbox->doubted);
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX", "it is searched as a whole");
}

Test(selection, a_number_that_cannot_be_is_logged_with_what_is_known)
{
    select_three();
    say("* 12 EXPUNGE");
    cr_assert_not_null(strstr(desk.bench.last_log, "INBOX: EXPUNGE 12, but 3 messages are known; resynchronising"),
                       "%s", desk.bench.last_log);
}

Test(selection, two_uids_in_one_answer_reach_nobody)
{
    select_three();
    send_own("UID FETCH 20 (UID RFC822.SIZE)");
    say("* 2 FETCH (UID 20 RFC822.SIZE 5 UID 30)\r\n%T OK done");
    cr_assert_str_eq(desk.told, "contradicted;OK;");
}

Test(selection, an_answer_without_a_uid_is_taken_by_the_truth_alone)
{
    select_three();
    send_own("UID FETCH 20 (UID FLAGS)");
    say("* 2 FETCH (FLAGS (\\Seen))\r\n%T OK done");
    cr_assert_str_eq(desk.told, "OK;");
    cr_assert_eq(uid_map_find(&desk.inbox->map, 20)->system, FLAG_SEEN);
}

Test(selection, what_nobody_asked_for_is_handed_to_nobody)
{
    select_three();
    say("* 2 FETCH (UID 20 FLAGS (\\Seen))");
    cr_assert_str_eq(desk.told, "");
    cr_assert_eq(uid_map_find(&desk.inbox->map, 20)->system, FLAG_SEEN);
}

Test(selection, garbage_is_told_and_the_mailbox_doubted)
{
    select_three();
    send_own("UID FETCH 20 (UID RFC822.SIZE)");
    say("* SEARCH (");
    say("%T OK done");
    cr_assert_str_eq(desk.told, "garbled;OK;");
    cr_assert(desk.inbox->doubted);
}

Test(selection, an_answer_without_uid_is_handed_on_if_only_its_message_was_asked_for)
{
    struct outgoing *out = outgoing_new();

    select_three();
    outgoing_text(out, "UID FETCH 20 (UID ENVELOPE)");
    selection_send(desk.selection, out, SELECTION_NO_EFFECT, PATIENCE_QUICK, 20);
    (void)bench_written(&desk.bench);
    desk.told[0] = '\0';
    say("* 1 FETCH (ENVELOPE NIL)\r\n* 2 FETCH (ENVELOPE NIL)\r\n* 3 FETCH (ENVELOPE NIL)");
    cr_assert_str_eq(desk.told, "fetch 20;");
    say("%T OK done");
}

Test(selection, an_answer_about_one_message_that_cannot_be_read_costs_its_flags_only)
{
    desk.bench.settings.max_garbage = 3;
    select_three_with_flags();
    send_own("UID FETCH 10:30 (UID ENVELOPE)");
    for (int i = 0; i < 10; i++)
        say("* 2 FETCH (UID 20 ENVELOPE (NIL \"a\"b\" NIL))");
    say("%T OK done");
    cr_assert(strstr(desk.told, "garbled;OK;"));
    cr_assert_not(desk.bench.closing);
    cr_assert_not(desk.inbox->doubted);
    cr_assert(inbox_message(20)->flags_due && !inbox_message(10)->flags_due);
}

Test(selection, too_much_garbage_in_a_row_ends_the_connection)
{
    desk.bench.settings.max_garbage = 3;
    select_three();
    for (int i = 0; i < 3; i++)
        say("* 4 FETCH (UID");
    cr_assert_not(desk.bench.closing);
    say("* 4 FETCH (UID");
    cr_assert(desk.bench.closing);
}

/* --- tail and looks */

Test(selection, the_tail_is_learned_before_the_next_turn_and_only_once_in_it)
{
    select_three();
    say("* 4 EXISTS");
    cr_assert_not(selection_in_step(desk.selection, desk.inbox));
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "UID FETCH 31:* (UID FLAGS)");
    say("* 5 EXISTS\r\n* 4 FETCH (UID 40 FLAGS ())\r\n%T OK done");
    cr_assert_str_eq(desk.told, "prepared;");
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, false), SELECTION_READY, "a server that chatters starves nobody");
    cr_assert_eq(desk.inbox->map.count, 4);
    selection_turn_over(desk.selection);
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "UID FETCH 41:* (UID FLAGS)");
}

Test(selection, the_tail_is_learned_before_the_mailbox_is_left)
{
    select_three();
    say("* 4 EXISTS");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "UID FETCH 31:* (UID FLAGS)",
                     "its \\Recent dies with the selection");
}

Test(selection, uids_that_are_never_told_are_a_contradiction)
{
    select_three();
    say("* 4 EXISTS");
    for (int i = 0; i < 3; i++) {
        (void)sends(WISH_SELECTED, desk.inbox);
        say("%T OK done");
        selection_turn_over(desk.selection);
    }
    cr_assert_not_null(strstr(desk.told, "contradicted;"));
}

Test(selection, a_look_at_the_selected_mailbox_is_a_noop_unless_it_is_fresh)
{
    select_three();
    cr_assert_eq(prepare(WISH_FRESH, desk.inbox, false), SELECTION_READY, "it was looked at a moment ago");
    runqueue_step(desk.bench.ground.runqueue, USEC_HOUR + 2 * desk.bench.settings.freshness);
    cr_assert_str_eq(sends(WISH_FRESH, desk.inbox), "NOOP");
    say("%T OK done");
    cr_assert(selection_is_fresh(desk.selection, desk.inbox));
}

Test(selection, a_look_elsewhere_is_a_status_and_a_switch_only_where_it_differs)
{
    select_three();
    desk.work->known = true;
    cr_assert_str_eq(sends(WISH_LOOK, desk.work), "STATUS Work (MESSAGES UIDNEXT UIDVALIDITY)");
    say("* STATUS Work (MESSAGES 0 UIDVALIDITY 0)\r\n%T OK done");
    cr_assert_eq(prepare(WISH_LOOK, desk.work, false), SELECTION_READY);
    desk.progress = (struct wish_progress){0};
    (void)sends(WISH_LOOK, desk.work);
    say("* STATUS Work (MESSAGES 1)\r\n%T OK done");
    cr_assert_str_eq(sends(WISH_LOOK, desk.work), "EXAMINE Work");
}

Test(selection, a_mailbox_dropped_while_its_status_is_asked_is_forgotten)
{
    select_three();
    desk.work->known = true;
    (void)sends(WISH_LOOK, desk.work);
    selection_forget(desk.selection, desk.work);
    mailbox_free(desk.work);
    desk.work = NULL;
    say("* STATUS Work (MESSAGES 1)\r\n%T OK done");
    cr_assert_str_eq(desk.told, "prepared;");
}

/* --- NO is no answer */

Test(selection, a_noop_that_is_refused_is_no_look)
{
    select_three();
    runqueue_step(desk.bench.ground.runqueue, USEC_HOUR + 2 * desk.bench.settings.freshness);
    cr_assert_str_eq(sends(WISH_FRESH, desk.inbox), "NOOP");
    say("%T NO busy");
    cr_assert_str_eq(desk.told, "denied;");
    cr_assert_not(selection_is_fresh(desk.selection, desk.inbox));
}

Test(selection, flags_that_were_refused_are_asked_for_again)
{
    select_three();
    (void)sends(WISH_FLAGS, desk.inbox);
    say("%T NO busy");
    cr_assert_str_eq(desk.told, "denied;");
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10:30 (UID FLAGS)");
}

Test(selection, a_status_without_its_line_has_told_nothing)
{
    select_three();
    desk.work->known = true;
    (void)sends(WISH_LOOK, desk.work);
    say("%T OK done");
    cr_assert_str_eq(desk.told, "denied;");
    cr_assert_eq(desk.work->confirmed, 0);
}

Test(selection, a_status_under_another_spelling_is_about_the_mailbox)
{
    select_three();
    desk.work->known = true;
    (void)sends(WISH_LOOK, desk.work);
    say("* STATUS \"WORK\" (MESSAGES 4)\r\n%T OK done");
    cr_assert_str_eq(desk.told, "prepared;");
    cr_assert_str_eq(sends(WISH_LOOK, desk.work), "EXAMINE Work", "it differs");
}

Test(selection, a_mailbox_that_does_not_exist_is_gone_at_once_and_one_refused_twice_too)
{
    select_three();
    (void)sends(WISH_SELECTED, desk.work);
    say("%T NO [NONEXISTENT] no");
    cr_assert_str_eq(desk.told, "refused;gone;");
    desk.told[0] = '\0';
    for (int i = 0; i < 2; i++) {
        (void)sends(WISH_SELECTED, desk.inbox);
        say("%T NO no");
    }
    cr_assert_str_eq(desk.told, "refused;refused;gone;");
    desk.told[0] = '\0';
    for (int i = 0; i < 3; i++) {
        (void)sends(WISH_SELECTED, desk.work);
        say("%T NO [UNAVAILABLE] later");
    }
    cr_assert_str_eq(desk.told, "refused;refused;refused;", "that says nothing of the mailbox");
}

Test(selection, leaving_is_unselect_where_the_server_has_it)
{
    select_three();
    cr_assert_str_eq(sends(WISH_LEFT, NULL), "UNSELECT");
    say("%T OK done");
    cr_assert_null(selection_mailbox(desk.selection));
    cr_assert_eq(prepare(WISH_LEFT, NULL, false), SELECTION_READY);
    finish();
    log_in("ESEARCH");
    select_three();
    cr_assert_str_eq(sends(WISH_LEFT, NULL), "EXAMINE \"imapmux leaves this mailbox\"");
    say("%T NO no such mailbox");
    cr_assert_str_eq(desk.told, "prepared;", "as it was meant");
    cr_assert_eq(prepare(WISH_LEFT, NULL, false), SELECTION_READY);
}

Test(selection, a_refused_unselect_has_left_nothing)
{
    select_three();
    (void)sends(WISH_LEFT, NULL);
    say("%T NO [INUSE] not now");
    cr_assert_str_eq(desk.told, "denied;");
    cr_assert_eq(selection_mailbox(desk.selection), desk.inbox);
    cr_assert(selection_in_step(desk.selection, desk.inbox));
}

Test(selection, select_instead_of_examine_as_soon_as_one_wants_to_write)
{
    select_three();
    cr_assert_eq(prepare(WISH_SELECTED, desk.inbox, true), SELECTION_SENT);
    cr_assert_str_eq(bench_written(&desk.bench), "SELECT INBOX");
}

Test(selection, flags_are_learned_in_parts)
{
    select_three();
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 10:30 (UID FLAGS)");
    say("* 1 FETCH (UID 10 FLAGS ())\r\n* 2 FETCH (UID 20 FLAGS ())\r\n%T OK done");
    cr_assert_str_eq(desk.told, "part of flags;");
    cr_assert_not(selection_flags_learned(desk.selection, desk.inbox), "one was not told");
    cr_assert_str_eq(sends(WISH_FLAGS, desk.inbox), "UID FETCH 30 (UID FLAGS)", "once more");
    say("* 3 FETCH (UID 30 FLAGS ())\r\n%T OK done");
    cr_assert(selection_flags_learned(desk.selection, desk.inbox));
    cr_assert(selection_flags_in_step(desk.selection, desk.inbox));
}

Test(selection, a_lost_line_leaves_nothing_selected_and_breaks_the_open_answer)
{
    select_three();
    send_own("UID FETCH 20 (UID BODY[])");
    say("* 2 FETCH (UID 20 BODY[] {100000}\r\nabc");
    bench_closed(&desk.bench);
    cr_assert_not_null(strstr(desk.told, "part 20;"));
    cr_assert_not_null(strstr(desk.told, "broken;"));
    cr_assert_null(selection_mailbox(desk.selection));
}

/* --- whose a mailbox is */

Test(selection, a_mailbox_is_held_from_select_until_the_server_has_left_it)
{
    cr_assert_null(desk.inbox->holder);
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX");
    cr_assert_eq(desk.inbox->holder, desk.selection);
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-ONLY] done");
    cr_assert_eq(desk.inbox->holder, desk.selection);
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    cr_assert_eq(desk.inbox->holder, desk.selection, "the server has not left it yet");
    cr_assert(selection_needs(desk.selection, desk.inbox));
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-ONLY] done");
    cr_assert_null(desk.inbox->holder);
    cr_assert_not(selection_needs(desk.selection, desk.inbox));
    cr_assert_eq(desk.work->holder, desk.selection);
}

Test(selection, a_mailbox_that_cannot_be_selected_is_held_no_more)
{
    cr_assert_str_eq(sends(WISH_SELECTED, desk.inbox), "EXAMINE INBOX");
    say("%T NO not now");
    cr_assert_null(desk.inbox->holder);
}

Test(selection, a_lost_connection_holds_nothing)
{
    select_three();
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    selection_lost(desk.selection);
    cr_assert_null(desk.inbox->holder);
    cr_assert_null(desk.work->holder);
}

Test(selection, unselect_gives_the_mailbox_back)
{
    select_three();
    cr_assert_str_eq(sends(WISH_LEFT, NULL), "UNSELECT");
    cr_assert_eq(desk.inbox->holder, desk.selection);
    say("%T OK done");
    cr_assert_null(desk.inbox->holder);
}

Test(selection, the_name_of_a_dropped_mailbox_is_needed_until_the_next_select)
{
    struct mailbox *again = mailbox_new(SLICE("INBOX"));

    select_three();
    selection_forget(desk.selection, desk.inbox);
    cr_assert(selection_needs(desk.selection, again), "the server has that one selected still");
    cr_assert_str_eq(sends(WISH_SELECTED, desk.work), "EXAMINE Work");
    say("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n%T OK [READ-ONLY] done");
    cr_assert_not(selection_needs(desk.selection, again));
    mailbox_free(again);
}

Test(selection, a_look_under_way_finds_out_nothing_about_what_is_put_in_meanwhile)
{
    select_three();
    desk.bench.settings.freshness = USEC_SECOND;
    mailbox_forget_look(desk.inbox);
    cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "NOOP");
    mailbox_touched(desk.inbox); /* another session has put something into it */
    say("%T OK done");
    cr_assert_not(selection_is_fresh(desk.selection, desk.inbox));
    cr_assert_str_eq(sends(WISH_LOOK, desk.inbox), "NOOP");
    say("%T OK done");
    cr_assert(selection_is_fresh(desk.selection, desk.inbox));
}
