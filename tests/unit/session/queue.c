/* Commands that wait: their order, and whether numbers are among them. */
#include "session/queue.h"

#include <criterion/criterion.h>

static struct queued *command(const char *line)
{
    struct queued *queued = queued_new((struct line){.bytes = slice_of(line)}, 100000);

    cr_assert_not_null(queued);
    return queued;
}

Test(queue, the_oldest_is_taken_first)
{
    struct queue queue = {0};
    struct queued *first = command("a NOOP"), *second = command("b CHECK");

    queue_add(&queue, first);
    queue_add(&queue, second);
    cr_assert_eq(queue.length, 2);
    cr_assert_eq(queue_take(&queue), first);
    cr_assert_eq(queue_take(&queue), second);
    cr_assert_null(queue_take(&queue));
    cr_assert_eq(queue.length, 0);
    queued_free(first);
    queued_free(second);
    queued_free(NULL);
}

Test(queue, the_line_is_copied_and_parsed)
{
    char line[] = "tag UID FETCH 1:3 FLAGS";
    struct queued *queued = command(line);

    line[0] = line[18] = 'x';
    cr_assert(slice_equal(queued->command.tag, SLICE("tag")));
    cr_assert(queued->command.uid && queued->command.name == COMMAND_FETCH);
    cr_assert(value_is_atom(queued->command.arguments->next, "FLAGS"));
    queued_free(queued);
}

Test(queue, a_malformed_command_waits_like_the_others)
{
    struct queued *queued = command("tag NOSUCH");

    cr_assert_not_null(queued->command.fault);
    queued_free(queued);
}

Test(queue, numbers_are_those_of_commands_by_number)
{
    struct queue queue = {0};

    queue_add(&queue, command("a UID STORE 1 FLAGS ()"));
    queue_add(&queue, command("b EXPUNGE"));
    cr_assert_not(queue_uses_numbers(&queue));
    queue_add(&queue, command("c STORE 1 FLAGS ()"));
    cr_assert(queue_uses_numbers(&queue));
    queue_clear(&queue);
    cr_assert_not(queue_uses_numbers(&queue));
    cr_assert_eq(queue.length, 0);
}
