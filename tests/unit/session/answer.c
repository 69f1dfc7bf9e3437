/* What a client hears of the end of an upstream command. */
#include "session/answer.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

static char text[500];

/* "NO [CODE] text"; the words of the standard answer are "-". */
static const char *answered(enum job_status status, const char *tagged, bool changes, bool lost)
{
    struct response_reader *reader = response_reader_new(10000);
    struct evbuffer *in = evbuffer_new();
    struct job_result result = {.status = status};
    struct answer answer;

    if (tagged) {
        struct response_input input;
        evbuffer_add_printf(in, "x %s\r\n", tagged);
        input = response_reader_next(reader, in);
        cr_assert_eq(input.event, RESPONSE_EVENT_READY);
        result.response = input.response;
    }
    cr_assert(answer_of_result(&result, changes, lost, &answer));
    snprintf(text, sizeof(text), "%s %s%s%s%s", response_status_name(answer.status), answer.code ? "[" : "",
             answer.code ? answer.code : "", answer.code ? "] " : "", answer.text ? answer.text : "-");
    answer_clear(&answer);
    evbuffer_free(in);
    response_reader_free(reader);
    return text;
}

Test(answer, codes_of_the_list_are_handed_on)
{
    cr_assert_str_eq(answered(JOB_NO, "NO [trycreate] No such mailbox", false, false),
                     "NO [trycreate] No such mailbox");
    cr_assert_str_eq(answered(JOB_OK, "OK [COPYUID 7 1:2 3:4] Copied", false, false), "OK Copied");
}

Test(answer, arguments_are_handed_on_where_the_grammar_has_them)
{
    cr_assert_str_eq(answered(JOB_NO, "NO [BADCHARSET (utf-8 \"us ascii\")] No", false, false),
                     "NO [BADCHARSET (utf-8 \"us ascii\")] No");
    cr_assert_str_eq(answered(JOB_NO, "NO [BADCHARSET (\"a\\\"b\")] No", false, false), "NO [BADCHARSET] No");
    cr_assert_str_eq(answered(JOB_NO, "NO [BADCHARSET () x] No", false, false), "NO [BADCHARSET] No");
    cr_assert_str_eq(answered(JOB_NO, "NO [BADCHARSET ((a))] No", false, false), "NO [BADCHARSET] No");
    cr_assert_str_eq(answered(JOB_NO, "NO [LIMIT 5 (x)] No", false, false), "NO [LIMIT] No");
}

Test(answer, codes_that_hold_numbers_of_messages_are_not)
{
    cr_assert_str_eq(answered(JOB_OK, "OK [MODIFIED 1,2] Done", false, false), "OK Done");
    cr_assert_str_eq(answered(JOB_OK, "OK [UNSEEN 3] Done", false, false), "OK Done");
}

Test(answer, text_is_the_servers_and_never_empty)
{
    cr_assert_str_eq(answered(JOB_NO, "NO a [x]", false, false), "NO a [x]");
    cr_assert_str_eq(answered(JOB_NO, "NO [no end", false, false), "NO [no end");
    cr_assert_str_eq(answered(JOB_OK, "OK", false, false), "OK Done.");
}

Test(answer, without_a_word_of_the_server_there_are_our_own)
{
    cr_assert_str_eq(answered(JOB_OK, NULL, false, false), "OK -");
    cr_assert_str_eq(answered(JOB_REFUSED, NULL, false, false), "NO The command cannot be carried out");
    cr_assert_str_eq(answered(JOB_DEAD, NULL, false, false), "NO [UNAVAILABLE] The mailbox is gone");
    cr_assert_str_eq(answered(JOB_LOST, NULL, true, false), "NO [UNAVAILABLE] The connection to the mail server was "
                                                            "lost; the command may or may not have been carried out");
}

Test(answer, garbage_may_be_tried_again_only_where_nothing_was_changed)
{
    cr_assert(strstr(answered(JOB_GARBAGE, NULL, false, false), "please try again"));
    cr_assert(strstr(answered(JOB_GARBAGE, NULL, true, false), "may or may not have been carried out"));
}

Test(answer, bad_of_a_server_that_can_do_less_than_before_is_no)
{
    cr_assert_str_eq(answered(JOB_BAD, "BAD What?", false, false), "BAD What?");
    cr_assert(strstr(answered(JOB_BAD, "BAD What?", false, true), "NO [CANNOT]"));
}
