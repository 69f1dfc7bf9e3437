/* Whether the server has said what it has found. */
#include "session/finding.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/session/bench.h"

static struct finding finding;

static void begin(void)
{
    bench_open_selected();
    finding = (struct finding){0};
}

static void finish(void)
{
    finding_clear(&finding);
    bench_close();
}

TestSuite(finding, .init = begin, .fini = finish);

static void expect_asked(bool esearch, const char *command)
{
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();

    bench.capabilities.has[CAPABILITY_ESEARCH] = esearch;
    finding_ask(&finding, bench.session, outgoing);
    outgoing_text(outgoing, "ALL");
    cr_assert_eq(outgoing_send(outgoing, out), OUTGOING_DONE);
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1), command);
    evbuffer_free(out);
    outgoing_free(outgoing);
}

static void take(const char *line)
{
    struct response_reader *reader = response_reader_new(10000);
    struct evbuffer *in = evbuffer_new();
    struct response_input input;

    evbuffer_add(in, line, strlen(line));
    input = response_reader_next(reader, in);
    cr_assert_eq(input.event, RESPONSE_EVENT_READY);
    finding_take(&finding, input.response, &bench.session->output);
    evbuffer_free(in);
    response_reader_free(reader);
}

Test(finding, with_return_silence_is_no_answer)
{
    expect_asked(true, "UID SEARCH RETURN (ALL) ALL\r\n");
    cr_assert_not(finding_is_told(&finding));
    take("* 3 EXISTS\r\n");
    cr_assert_not(finding_is_told(&finding), "that is none either");
    take("* ESEARCH UID\r\n");
    cr_assert(finding_is_told(&finding));
    cr_assert_eq(seqset_size(&finding.uids), 0);
}

Test(finding, without_return_silence_is_nothing_found)
{
    expect_asked(false, "UID SEARCH ALL\r\n");
    cr_assert(finding_is_told(&finding));
}

Test(finding, several_lines_are_one_answer)
{
    expect_asked(false, "UID SEARCH ALL\r\n");
    take("* SEARCH 10 20\r\n");
    take("* SEARCH 30\r\n");
    cr_assert(finding_is_told(&finding) && seqset_size(&finding.uids) == 3);
}

Test(finding, what_cannot_be_read_tells_nothing)
{
    expect_asked(true, "UID SEARCH RETURN (ALL) ALL\r\n");
    take("* ESEARCH UID ALL 4:x\r\n");
    take("* ESEARCH UID ALL 10\r\n");
    cr_assert_not(finding_is_told(&finding));
}

Test(finding, asked_again_it_begins_anew)
{
    expect_asked(true, "UID SEARCH RETURN (ALL) ALL\r\n");
    take("* ESEARCH UID ALL 10\r\n");
    expect_asked(true, "UID SEARCH RETURN (ALL) ALL\r\n");
    cr_assert(finding.asked && seqset_size(&finding.uids) == 0);
    cr_assert_not(finding_is_told(&finding));
}
