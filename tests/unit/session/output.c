/* Lines in their order, an open line that others wait for, and a failure that lasts. */
#include "session/output.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>

#include "base/append.h"
#include "unit/session/bench.h"

static struct output output;
static struct task task;

static void open_output(void)
{
    bench_open();
    bench_output(&output, &task);
}

static void close_output(void)
{
    task_clear(&task);
    output_clear(&output);
    bench_close();
}

TestSuite(output, .init = open_output, .fini = close_output);

Test(output, what_is_written_stands_there_in_its_order)
{
    struct evbuffer *from = evbuffer_new();

    evbuffer_add(from, "c", 1);
    output_format(&output, "a%u ", 1);
    output_bytes(&output, SLICE("b "));
    output_move(&output, from);
    cr_assert_eq(output_length(&output), 6);
    cr_assert_str_eq(bench_text(&output), "a1 b c");
    cr_assert_eq(evbuffer_get_length(from), 0);
    evbuffer_free(from);
}

Test(output, a_whole_line_waits_for_the_end_of_an_open_one)
{
    output_whole_line(&output, "* first\r\n");
    output_bytes(&output, SLICE("* 1 FETCH ("));
    output_open_line(&output);
    output_whole_line(&output, "* %s\r\n", "second");
    output_bytes(&output, SLICE(")\r\n"));
    cr_assert_str_eq(bench_text(&output), "* first\r\n* 1 FETCH ()\r\n");
    output_close_line(&output);
    output_whole_line(&output, "* third\r\n");
    cr_assert_str_eq(bench_text(&output), "* second\r\n* third\r\n");
}

Test(output, closing_a_line_wakes_the_task_closing_none_does_not)
{
    output_close_line(&output);
    cr_assert_not(task.woken);
    output_open_line(&output);
    output_close_line(&output);
    cr_assert(task.woken);
}

Test(output, after_a_failure_nothing_more_is_taken_and_what_was_there_can_be_read)
{
    output_bytes(&output, SLICE("kept"));
    output_fail(&output);
    output_bytes(&output, SLICE("lost"));
    output_whole_line(&output, "lost\r\n");
    cr_assert(output_failed(&output) && !output_takes(&output) && task.woken);
    cr_assert_str_eq(bench_text(&output), "kept");
}

Test(output, a_printer_that_failed_is_a_failure)
{
    output_check(&output, true);
    cr_assert(output_takes(&output));
    output_check(&output, false);
    cr_assert(output_failed(&output));
}

Test(output, a_failure_that_nobody_reported_is_found)
{
    append_fail(output.bytes);
    cr_assert(output_failed(&output));
}

Test(output, sealed_it_takes_nothing_and_has_not_failed)
{
    output_bytes(&output, SLICE("* BYE\r\n"));
    output_seal(&output);
    output_bytes(&output, SLICE("lost"));
    output_check(&output, false);
    cr_assert(!output_failed(&output) && !output_takes(&output));
    cr_assert_str_eq(bench_text(&output), "* BYE\r\n");
}

Test(output, what_was_written_before_a_division_is_taken_first_and_alone)
{
    output_format(&output, "a OK\r\n");
    output_divide(&output);
    output_format(&output, "* BYE\r\n");
    cr_assert(output_is_divided(&output));
    cr_assert_eq(output_length(&output), 6);
    evbuffer_drain(output_first(&output), 6);
    cr_assert_eq(output_length(&output), 0);
    output_join(&output);
    cr_assert_not(output_is_divided(&output));
    cr_assert_str_eq(bench_text(&output), "* BYE\r\n");
}
