/* What becomes of the bytes: lines, literals, uploads, and when reading stops. */
#include "session/intake.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

static struct output output;
static struct task task;
static struct queue queue;
static struct intake intake;
static struct evbuffer *in;
static char lines[200];
static bool line_keeps_command;
static unsigned went_on;
static const char *sent_away;

static bool runs_first(enum command_name name)
{
    return name == COMMAND_IDLE;
}

static bool take_line(void *owner, struct slice line)
{
    (void)owner;
    if (line.data)
        strncat(lines, line.data, line.length);
    strcat(lines, "|");
    return line_keeps_command;
}

static void go_on(void *owner)
{
    (void)owner;
    went_on++;
}

static void too_large(void *owner, const char *reason)
{
    (void)owner;
    sent_away = reason;
}

static const struct intake_ops ops = {
    .runs_first = runs_first, .line = take_line, .go_on = go_on, .too_large = too_large};

static void open_intake(void)
{
    bench_open();
    bench_output(&output, &task);
    in = evbuffer_new();
    cr_assert(intake_init(&intake, &ops, NULL, &bench.ground, &output, &queue));
}

static void close_intake(void)
{
    queue_clear(&queue);
    intake_clear(&intake);
    task_clear(&task);
    output_clear(&output);
    evbuffer_free(in);
    bench_close();
}

TestSuite(intake, .init = open_intake, .fini = close_intake);

static void say(const char *bytes)
{
    evbuffer_add(in, bytes, strlen(bytes));
    intake_take(&intake, in);
}

static struct queued *taken(void)
{
    struct queued *queued = queue_take(&queue);

    cr_assert_not_null(queued);
    return queued;
}

static void expect_refused(const char *text)
{
    struct queued *queued = taken();

    cr_assert_not_null(queued->refused);
    cr_assert_str_eq(queued->refused->text, text);
    queued_free(queued);
}

Test(intake, lines_become_commands_and_empty_lines_nothing)
{
    say("a NOOP\r\n\r\nb NOOP\r\nc NO");
    cr_assert_eq(queue.length, 2);
    say("OP\r\n");
    cr_assert_eq(queue.length, 3);
}

Test(intake, a_line_that_is_not_whole_waits_for_its_rest)
{
    cr_assert_not(intake_awaits_rest(&intake));
    say("a LOGIN {4+}\r\nus");
    cr_assert(intake_awaits_rest(&intake));
    say("er secret\r\n");
    cr_assert_not(intake_awaits_rest(&intake));
}

Test(intake, behind_a_command_that_runs_first_nothing_is_read)
{
    say("a IDLE\r\nDONE\r\n");
    cr_assert(intake.paused && queue.length == 1);
    cr_assert_eq(evbuffer_get_length(in), strlen("DONE\r\n"));
    intake_await_line(&intake);
    intake_resume(&intake, false);
    cr_assert(went_on == 1 && !intake.paused);
    say("");
    cr_assert_str_eq(lines, "DONE|");
    cr_assert_eq(queue.length, 1);
}

Test(intake, after_a_line_reading_goes_on_once_the_command_is_over)
{
    intake_await_line(&intake);
    line_keeps_command = true;
    say("line\r\nb NOOP\r\n");
    cr_assert(intake.paused && queue.length == 0);
    intake_resume(&intake, false);
    cr_assert(intake.paused);
    intake_resume(&intake, true);
    cr_assert_not(intake.paused);
    say("");
    cr_assert_eq(queue.length, 1);
}

Test(intake, what_has_come_and_is_not_read_is_awaited)
{
    say("a NOOP\r\n");
    cr_assert_not(intake_awaits_rest(&intake));
    say("b NO");
    cr_assert(intake_awaits_rest(&intake));
    say("OP\r\nc IDLE\r\nd NOOP\r\n");
    cr_assert(intake_awaits_rest(&intake), "behind IDLE nothing is read");
}

Test(intake, an_awaited_line_that_cannot_be_taken_is_handed_over_all_the_same)
{
    intake_await_line(&intake);
    say("x {5+}\r\n12345\r\nb NOOP\r\n");
    cr_assert_str_eq(lines, "|");
    cr_assert_eq(queue.length, 1);
}

Test(intake, a_full_queue_stops_reading)
{
    bench.settings.queued_commands = 2;
    say("a NOOP\r\nb NOOP\r\nc NOOP\r\n");
    cr_assert(queue.length == 2 && intake.paused);
    queued_free(taken());
    intake_resume(&intake, false);
    say("");
    cr_assert_eq(queue.length, 2);
}

/* Values take many times the octets of their line. */
Test(intake, a_queue_of_very_long_commands_stops_reading)
{
    char line[10000] = "a NOOP ";

    for (size_t i = strlen(line); i < sizeof(line) - 3; i++)
        line[i] = i % 2 ? '1' : ' ';
    strcpy(line + sizeof(line) - 3, "\r\n");
    for (int i = 0; i < 10; i++)
        say(line);
    cr_assert(intake.paused && queue.length < 3);
    queued_free(taken());
    queued_free(queue.first ? taken() : NULL);
    intake_resume(&intake, false);
    cr_assert_eq(went_on, 1);
}

Test(intake, a_small_literal_is_accepted_into_the_line)
{
    say("a LOGIN {4}\r\n");
    cr_assert_str_eq(bench_text(&output), "+ OK\r\n");
    say("user secret\r\n");
    cr_assert(slice_equal(queue.first->command.arguments->text, SLICE("user")));
}

Test(intake, the_plus_waits_for_the_end_of_an_open_line)
{
    output_open_line(&output);
    say("a LOGIN {4}\r\nuser");
    cr_assert_eq(output_length(&output), 0);
    cr_assert(intake.paused);
    output_close_line(&output);
    intake_resume(&intake, false);
    cr_assert_str_eq(bench_text(&output), "+ OK\r\n");
    say(" secret\r\n");
    cr_assert_eq(queue.length, 1);
}

Test(intake, before_login_a_literal_has_a_small_limit)
{
    say("a LOGIN {5000}\r\n");
    cr_assert_eq(output_length(&output), 0);
    expect_refused("The literal is larger than a command may be");
    say("b NOOP\r\n");
    cr_assert_eq(queue.length, 1);
}

Test(intake, an_upload_is_spooled_whole)
{
    char bytes[5] = "";

    intake_logged_in(&intake);
    say("a APPEND other (\\Seen) {4}\r\n");
    cr_assert_str_eq(bench_text(&output), "+ OK\r\n");
    say("mail\r\n");
    cr_assert_eq(queue.first->upload.size, 4);
    cr_assert_eq(shared_spool_read(queue.first->upload.spool, 0, bytes, 4), 4);
    cr_assert_str_eq(bytes, "mail");
    cr_assert_null(intake.upload.spool);
}

Test(intake, the_mailbox_name_of_an_append_is_no_upload)
{
    intake_logged_in(&intake);
    say("a APPEND {5+}\r\nother {2+}\r\nhi\r\n");
    cr_assert_eq(queue.first->upload.size, 2);
}

Test(intake, a_message_above_append_max_is_refused_before_it_comes)
{
    bench.settings.append_max = 100;
    intake_logged_in(&intake);
    say("a APPEND other {101}\r\n");
    expect_refused("The message is larger than this server accepts");
}

Test(intake, several_messages_of_one_append_stand_in_one_spool)
{
    char bytes[7] = "";

    intake_logged_in(&intake);
    say("a APPEND other {2+}\r\nhi (\\Seen) ~{4+}\r\nmail\r\n");
    cr_assert_eq(queue.first->upload.size, 6);
    cr_assert_eq(shared_spool_read(queue.first->upload.spool, 0, bytes, 6), 6);
    cr_assert_str_eq(bytes, "himail");
    cr_assert(queue.first->command.arguments->next->next->next->literal8);
}

Test(intake, the_parts_of_a_message_are_uploads_and_addresses_are_not)
{
    intake_logged_in(&intake);
    say("a APPEND other CATENATE (TEXT {2+}\r\nhi URL {3+}\r\n/;a TEXT {1+}\r\n!)\r\n");
    cr_assert_eq(queue.first->upload.size, 3);
    cr_assert_null(queue.first->command.fault);
}

Test(intake, several_messages_above_spool_max_are_refused_before_they_come)
{
    bench.settings.spool_max = 100;
    intake_logged_in(&intake);
    say("a APPEND other {90+}\r\n");
    for (unsigned i = 0; i < 9; i++)
        say("0123456789");
    say(" {11}\r\n");
    expect_refused("The message is larger than this server accepts");
}

Test(intake, without_room_for_an_upload_the_command_is_refused_at_its_turn)
{
    bench.spool_full = true;
    intake_logged_in(&intake);
    say("a APPEND other {2+}\r\nhi\r\n");
    expect_refused("There is no space to store the message; please try again later");
}

Test(intake, a_literal_without_end_sends_the_client_away)
{
    bench.settings.append_max = 100;
    intake_logged_in(&intake);
    say("a SEARCH TEXT {1000000+}\r\n");
    cr_assert_not_null(sent_away);
}

Test(intake, a_line_without_end_is_refused_once)
{
    char text[50000];

    memset(text, 'x', sizeof(text));
    memcpy(text, "a NOOP ", 7);
    text[sizeof(text) - 1] = '\0';
    say(text);
    expect_refused("The command line is too long");
    say("\r\nb NOOP\r\n");
    cr_assert_eq(queue.length, 1);
}

Test(intake, between_starttls_and_tls_nothing_is_read)
{
    say("a IDLE\r\nb NOOP\r\n");
    intake_await(&intake, INTAKE_TLS);
    queued_free(taken());
    intake_resume(&intake, true);
    cr_assert(intake.paused);
    intake_changed(&intake);
    intake_resume(&intake, true);
    say("");
    cr_assert_eq(queue.length, 1);
}

Test(intake, stopped_it_reads_nothing_more)
{
    intake_stop(&intake);
    say("a NOOP\r\n");
    intake_resume(&intake, true);
    cr_assert(queue.length == 0 && went_on == 0);
}
