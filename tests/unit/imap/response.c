/* The response reader: every kind of answer, odd ones, streamed FETCHes, garbage; and that nothing depends on the
 * chunking. */
#include "imap/response.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "imap/response_line.h"
#include "imap/seqset.h"
#include "unit/imap/feed.h"

/* ---- a feeder that writes down every event ---- */

static const char *const kind_names[] = {
    [RESPONSE_CONTINUE] = "CONTINUE",
    [RESPONSE_STATUS] = "",
    [RESPONSE_EXISTS] = "EXISTS",
    [RESPONSE_RECENT] = "RECENT",
    [RESPONSE_EXPUNGE] = "EXPUNGE",
    [RESPONSE_FETCH] = "FETCH",
    [RESPONSE_CAPABILITY] = "CAPA",
    [RESPONSE_ENABLED] = "ENABLED",
    [RESPONSE_ESEARCH] = "ESEARCH",
    [RESPONSE_FLAGS] = "FLAGS",
    [RESPONSE_ID] = "ID",
    [RESPONSE_LIST] = "LIST",
    [RESPONSE_LSUB] = "LSUB",
    [RESPONSE_NAMESPACE] = "NAMESPACE",
    [RESPONSE_SEARCH] = "SEARCH",
    [RESPONSE_SORT] = "SORT",
    [RESPONSE_THREAD] = "THREAD",
    [RESPONSE_MAILBOX_STATUS] = "STATUS",
    [RESPONSE_VANISHED] = "VANISHED",
    [RESPONSE_ACL] = "ACL",
    [RESPONSE_LISTRIGHTS] = "LISTRIGHTS",
    [RESPONSE_METADATA] = "METADATA",
    [RESPONSE_MYRIGHTS] = "MYRIGHTS",
    [RESPONSE_QUOTA] = "QUOTA",
    [RESPONSE_QUOTAROOT] = "QUOTAROOT",
    [RESPONSE_XLIST] = "XLIST",
    [RESPONSE_OTHER] = "OTHER",
};

static void record_status(const struct response *response, struct evbuffer *record)
{
    if (response->tag.length > 0) {
        record_quoted(record, response->tag);
        evbuffer_add_printf(record, " ");
    }
    evbuffer_add_printf(record, "%s", response_status_name(response->status));
    if (response->code.name != RESPONSE_CODE_NONE) {
        evbuffer_add_printf(record, " [%s/", response_code_title(response->code.name));
        record_quoted(record, response->code.atom);
        if (response->code.arguments) {
            evbuffer_add_printf(record, " ");
            record_values(record, response->code.arguments);
        }
        evbuffer_add_printf(record, "]");
    }
    evbuffer_add_printf(record, " <");
    record_quoted(record, response->text);
    evbuffer_add_printf(record, ">");
}

static void record_fetch(const struct response *response, struct evbuffer *record)
{
    const struct fetch_answer *fetch = &response->fetch;

    evbuffer_add_printf(record, "%s%u", fetch->first ? "" : "...", response->number);
    for (const struct fetch_pair *pair = fetch->pairs; pair; pair = pair->next) {
        evbuffer_add_printf(record, " ");
        record_quoted(record, pair->name);
        evbuffer_add_printf(record, "=");
        cr_assert_null(pair->value->next);
        record_values(record, pair->value);
    }
    if (!fetch->complete) {
        evbuffer_add_printf(record, " ");
        record_quoted(record, fetch->stream_name);
        evbuffer_add_printf(record, "=%s{%llu}...", fetch->stream_literal8 ? "~" : "",
                            (unsigned long long)fetch->stream_size);
    }
}

static void record_response(const struct response *response, struct evbuffer *record)
{
    evbuffer_add_printf(record, "%s", kind_names[response->kind]);
    if (response->kind == RESPONSE_STATUS) {
        record_status(response, record);
        return;
    }
    evbuffer_add_printf(record, " ");
    if (response->kind == RESPONSE_FETCH) {
        record_fetch(response, record);
        return;
    }
    if (response->kind == RESPONSE_CONTINUE)
        record_quoted(record, response->text);
    if (response->kind == RESPONSE_OTHER) {
        record_quoted(record, response->word);
        evbuffer_add_printf(record, " ");
    }
    if (response->number > 0 || response->kind == RESPONSE_EXISTS || response->kind == RESPONSE_RECENT)
        evbuffer_add_printf(record, "%u", response->number);
    record_values(record, response->arguments);
}

static void take(void *reader, struct evbuffer *in, struct evbuffer *record)
{
    for (;;) {
        struct response_input input = response_reader_next(reader, in);
        if (input.event == RESPONSE_EVENT_MORE)
            return;
        if (input.event == RESPONSE_EVENT_DATA) {
            record_data(record, input.bytes);
            continue;
        }
        if (evbuffer_get_length(record) > 0)
            evbuffer_add_printf(record, "\n");
        if (input.event == RESPONSE_EVENT_READY) {
            record_response(input.response, record);
            if (input.response->kind == RESPONSE_FETCH && !input.response->fetch.complete)
                evbuffer_add_printf(record, "\n");
        } else {
            evbuffer_add_printf(record, "GARBAGE%s ", input.open_fetch ? " in a FETCH" : "");
            cr_assert_leq(input.bytes.length, 200);
            record_quoted(record, (struct slice){input.bytes.data, input.bytes.length < 50 ? input.bytes.length : 50});
        }
    }
}

static void *start(void)
{
    return response_reader_new(1 << 20);
}

static void *start_small(void)
{
    return response_reader_new(40000);
}

static void *start_tiny(void)
{
    return response_reader_new(40);
}

static void end(void *reader)
{
    response_reader_free(reader);
}

static const struct feeder feeder = {start, take, end}, small = {start_small, take, end},
                           tiny = {start_tiny, take, end};

static void expect(struct slice input, const char *expected)
{
    feed_every_way(&feeder, input, expected);
}

/* ---- status lines ---- */

Test(response, status_lines_tagged_and_not)
{
    expect(SLICE("* OK ready\r\na1 no sorry\r\n* BAD x\r\n* BYE\r\n* PREAUTH hello \r\na2 OK\r\n"),
           "OK <ready>\na1 NO <sorry>\nBAD <x>\nBYE <>\nPREAUTH <hello>\na2 OK <>");
}

Test(response, a_code_has_its_name_and_its_arguments)
{
    expect(SLICE("* OK [UIDVALIDITY 17] ok\r\na OK [READ-WRITE] done\r\n* NO [alert] x y\r\n"
                 "* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\na OK [COPYUID 5 1:2,7 8:10] x\r\n"),
           "OK [UIDVALIDITY/UIDVALIDITY 17] <ok>\na OK [READ-WRITE/READ-WRITE] <done>\nNO [ALERT/alert] <x y>\n"
           "OK [PERMANENTFLAGS/PERMANENTFLAGS (\\Seen \\*)] <x>\na OK [COPYUID/COPYUID 5 1:2,7 8:10] <x>");
}

Test(response, a_code_without_text_is_a_code)
{
    expect(SLICE("* OK [HIGHESTMODSEQ 5]\r\na OK [CLOSED]\r\na OK [CLOSED] \r\na OK [CLOSED]x\r\n"),
           "OK [HIGHESTMODSEQ/HIGHESTMODSEQ 5] <>\na OK [CLOSED/CLOSED] <>\na OK [CLOSED/CLOSED] <>\na OK "
           "[CLOSED/CLOSED] <x>");
}

Test(response, a_bracket_in_quotes_or_parentheses_does_not_end_the_code)
{
    expect(SLICE("* NO [BADURL \"a]b\\\"]\"] x] y\r\n* OK [PERMANENTFLAGS (a]b c)] z\r\n"),
           "NO [?/BADURL \"a]b\"]\"] <x] y>\nOK [PERMANENTFLAGS/PERMANENTFLAGS (a]b c)] <z>");
}

Test(response, a_broken_code_is_unknown_and_the_text_stays)
{
    expect(
        SLICE(
            "* OK [FOO \"x] text\r\n* OK [UIDNEXT (] text\r\n* OK [ALERT text\r\n* OK [UIDNEXT )] text\r\n* OK [] x\r\n"
            "* OK [UIDNEXT {3}] x\r\n* OK [ UIDNEXT 5] x\r\n"),
        "OK [?/] <text>\nOK [?/] <text>\nOK [?/] <[ALERT text>\nOK [?/UIDNEXT] <text>\nOK [?/] <x>\n"
        "OK [?/UIDNEXT] <x>\nOK [UIDNEXT/UIDNEXT 5] <x>");
}

Test(response, an_unknown_code_keeps_its_arguments)
{
    expect(SLICE("* OK [X-FOO 1 (a)] x\r\n"), "OK [?/X-FOO 1 (a)] <x>");
}

Test(response, a_status_line_takes_no_literal)
{
    expect(SLICE("* NO no such mailbox: x {99}\r\n* OK x\r\n"), "NO <no such mailbox: x {99}>\nOK <x>");
}

Test(response, a_literal_is_no_tag)
{
    expect(SLICE("{4}\r\na\r\n* OK [ALERT] x\r\nb {7}\r\nOK a\r\nb OK\r\n"),
           "GARBAGE {4}\\x0d\\x0aa\\x0d\\x0a* OK [ALERT] x\nGARBAGE b {7}\\x0d\\x0aOK a\\x0d\\x0ab OK");
}

Test(response, control_characters_never_get_into_the_text)
{
    expect(SLICE("* OK a\rb\0c\x7f\r\n+ x\ry\r\n"), "OK <a b c >\nCONTINUE x y");
}

Test(response, continuation_requests)
{
    expect(SLICE("+ idling\r\n+\r\n+ \r\n+go\r\n+ YWJj=\r\n"),
           "CONTINUE idling\nCONTINUE \nCONTINUE \nCONTINUE go\nCONTINUE YWJj=");
}

/* ---- data ---- */

Test(response, numbers_of_the_mailbox)
{
    expect(SLICE("* 5 EXISTS\r\n* 0 exists\r\n* 0 RECENT\r\n* 4294967295 EXPUNGE\r\n"),
           "EXISTS 5\nEXISTS 0\nRECENT 0\nEXPUNGE 4294967295");
}

Test(response, a_number_that_is_none_is_garbage)
{
    expect(SLICE("* 0 EXPUNGE\r\n* 0 FETCH (UID 1)\r\n* 4294967296 EXISTS\r\n* 5x EXISTS\r\n* 99999999999999999999999 "
                 "FOO\r\n"),
           "GARBAGE * 0 EXPUNGE\nGARBAGE * 0 FETCH (UID 1)\nGARBAGE * 4294967296 EXISTS\nGARBAGE * 5x EXISTS\n"
           "GARBAGE * 99999999999999999999999 FOO");
}

Test(response, untagged_words_in_any_case)
{
    expect(SLICE("* capability IMAP4rev1 IDLE\r\n* ENABLED CONDSTORE\r\n* Flags (\\Seen)\r\n* ID NIL\r\n"
                 "* LIST (\\HasNoChildren) \"/\" \"NIL\"\r\n* LSUB () NIL {5}\r\na b\"c\r\n* XLIST () \".\" x\r\n"
                 "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* SEARCH\r\n* SEARCH 1 5 (MODSEQ 7)\r\n"
                 "* STATUS INBOX (MESSAGES 1)\r\n* STATUS INBOX ()\r\n* VANISHED (EARLIER) 1:5\r\n"
                 "* ESEARCH (TAG \"a\") UID ALL 1:5\r\n"),
           "CAPA IMAP4rev1 IDLE\nENABLED CONDSTORE\nFLAGS (\\Seen)\nID NIL\nLIST (\\HasNoChildren) \"/\" \"NIL\"\n"
           "LSUB () NIL {5}a b\"c\nXLIST () \".\" x\nNAMESPACE ((\"\" \"/\")) NIL NIL\nSEARCH \nSEARCH 1 5 (MODSEQ 7)\n"
           "STATUS INBOX (MESSAGES 1)\nSTATUS INBOX ()\nVANISHED (EARLIER) 1:5\nESEARCH (TAG \"a\") UID ALL 1:5");
}

Test(response, a_mailbox_may_be_named_like_a_section)
{
    expect(SLICE("* LIST () \"/\" body[x]\r\n* STATUS rfc822[ (MESSAGES 1)\r\n* 1 FETCH (body[text] x)\r\n"),
           "LIST () \"/\" body[x]\nSTATUS rfc822[ (MESSAGES 1)\nFETCH 1 BODY[text]=x");
}

Test(response, other_words_are_well_formed_and_no_more)
{
    expect(SLICE("* COMPARATOR INBOX \"\"\r\n* 7 FOO bar\r\n* EXISTS\r\n* 5 SEARCH 1\r\n"),
           "OTHER COMPARATOR INBOX \"\"\nOTHER FOO 7bar\nOTHER EXISTS \nOTHER SEARCH 51");
}

Test(response, lines_about_mailboxes_take_any_name)
{
    expect(SLICE("* QUOTAROOT a\\b \"\"\r\n* quota \"\" (STORAGE 1 2)\r\n* ACL {1}\r\nb u1 lr\r\n"),
           "QUOTAROOT a\\b \"\"\nQUOTA \"\" (STORAGE 1 2)\nACL {1}b u1 lr");
}

Test(response, a_search_answer_holds_numbers_only)
{
    expect(SLICE("* SEARCH 1 x\r\n* SEARCH 0\r\n* SEARCH 4294967296\r\n* SEARCH \"1\"\r\n"),
           "GARBAGE * SEARCH 1 x\nGARBAGE * SEARCH 0\nGARBAGE * SEARCH 4294967296\nGARBAGE * SEARCH \"1\"");
}

Test(response, what_the_grammar_refuses_is_garbage_and_reading_goes_on)
{
    expect(SLICE("Server Unavailable. 15\r\n*\r\n* \r\nfoo\r\n* LIST (\r\n* LIST \"x\r\n* X a\tb\r\n* OK x\r\n"),
           "GARBAGE Server Unavailable. 15\nGARBAGE *\nGARBAGE *\nGARBAGE foo\nGARBAGE * LIST (\nGARBAGE * LIST \"x\n"
           "GARBAGE * X a\\x09b\nOK <x>");
}

Test(response, garbage_with_literals_is_skipped_whole)
{
    expect(SLICE("* LIST ) {13}\r\n* 1 EXPUNGE\r\n {2}\r\n\r\n\r\n* OK x\r\n"),
           "GARBAGE * LIST ) {13}\\x0d\\x0a* 1 EXPUNGE\\x0d\\x0a {2}\\x0d\\x0a\\x0d\\x0a\nOK <x>");
}

/* ---- odd servers ---- */

Test(response, names_with_octets_that_no_atom_has_are_names)
{
    expect(SLICE("* LIST () \"/\" a\tb\r\n* LSUB () \"/\" \x01\xe4\x7f\r\n* STATUS a\tb (MESSAGES 1)\r\n"),
           "LIST () \"/\" a\\x09b\nLSUB () \"/\" \\x01\\xe4\\x7f\nSTATUS a\\x09b (MESSAGES 1)");
    expect(SLICE("* LIST () \"\\\\\" \"a\\b\\\\c\\\"\"\r\n"), "LIST () \"\\\" \"a\\b\\c\"\"");
}

Test(response, control_characters_are_of_names_and_not_of_what_a_mailbox_has)
{
    expect(SLICE("* STATUS a (MESSAGES\x10 1)\r\n* STATUS a (MESSAGES 1\x10)\r\n* OK x\r\n"),
           "GARBAGE * STATUS a (MESSAGES\\x10 1)\nGARBAGE * STATUS a (MESSAGES 1\\x10)\nOK <x>");
}

Test(response, a_separator_without_its_escape_is_that_separator)
{
    expect(
        SLICE(
            "* LIST (\\Marked) \"\\\" \"a\\b\"\r\n* LSUB () \"\"\" x\r\n* LIST () \"\" x\r\n* LIST () \"\\\"\" x\r\n"),
        "LIST (\\Marked) \"\\\" \"a\\b\"\nLSUB () \"\"\" x\nLIST () \"\" x\nLIST () \"\"\" x");
    expect(SLICE("* NAMESPACE ((\"\" \"\\\")) ((\"Other\\\\\" \"\\\")(\"#x\" \"/\")) NIL\r\n"),
           "NAMESPACE ((\"\" \"\\\")) ((\"Other\\\" \"\\\") (\"#x\" \"/\")) NIL");
}

Test(response, capabilities_are_read_across_control_characters)
{
    expect(SLICE("* CAPABILITY IMAP4rev1\tIDLE\x01 MOVE\r\n"), "CAPA IMAP4rev1 IDLE MOVE");
}

Test(response, a_line_about_nothing_but_itself_can_be_spared)
{
    static const char *const spare[] = {
        "* LIST () \"/\" \"a\"b\"", "* lsub (", "* STATUS \"x", "* CAPABILITY (", "* X-NEW (",
        "* NAMESPACE ((",           "* LIST("};
    static const char *const needed[] = {"* SEARCH 1 x", "* 5 FETCH (", "* 0 EXPUNGE", "* VANISHED x(", "* FLAGS (",
                                         "LIST () x",    "*",           "* ",          "(UID 5)",       "x1 OK",
                                         "+ x",          "* X\tY",      "* THREAD (("};

    for (size_t i = 0; i < sizeof(spare) / sizeof(*spare); i++)
        cr_assert(response_line_is_spare(slice_of(spare[i])), "%s", spare[i]);
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        cr_assert_not(response_line_is_spare(slice_of(needed[i])), "%s", needed[i]);
}

Test(response, padding_and_empty_lines_are_nothing)
{
    expect(SLICE("\r\n\n   \r\n\0\0\r\n\0\0* OK x\0\0\r\n* 5 EXISTS \0\r\n * 6 EXISTS\n\0 \0\n"),
           "OK <x>\nEXISTS 5\nEXISTS 6");
}

Test(response, a_fetch_without_a_space)
{
    expect(SLICE("* 5 FETCH(UID 7)\r\n"), "FETCH 5 UID=7");
}

/* ---- FETCH ---- */

Test(response, fetch_pairs)
{
    expect(SLICE("* 5 FETCH (Uid 7 FLAGS (\\Seen) RFC822.Size 12 modseq (9) body[Header] NIL BODY[TEXT]<0> \"x\" "
                 "X-GM-MSGID 1278455344230334865)\r\n* 1 fetch ()\r\n"),
           "FETCH 5 UID=7 FLAGS=(\\Seen) RFC822.SIZE=12 MODSEQ=(9) BODY[Header]=NIL BODY[TEXT]<0>=\"x\" "
           "X-GM-MSGID=1278455344230334865\nFETCH 1");
}

Test(response, uid_may_come_last_and_twice)
{
    expect(SLICE("* 5 FETCH (FLAGS () UID 7 UID 7)\r\n"), "FETCH 5 FLAGS=() UID=7 UID=7");
}

Test(response, half_a_pair_is_garbage)
{
    expect(SLICE("* 5 FETCH (UID)\r\n* 5 FETCH (UID 7 FLAGS)\r\n* 5 FETCH ((UID) 7)\r\n* 5 FETCH (\"UID\" 7)\r\n* 5 "
                 "FETCH UID 7\r\n"
                 "* 5 FETCH (UID 7) x\r\n* 5 FETCH\r\n"),
           "GARBAGE * 5 FETCH (UID)\nGARBAGE * 5 FETCH (UID 7 FLAGS)\nGARBAGE * 5 FETCH ((UID) 7)\n"
           "GARBAGE * 5 FETCH (\"UID\" 7)\nGARBAGE * 5 FETCH UID 7\nGARBAGE * 5 FETCH (UID 7) x\nGARBAGE * 5 FETCH");
}

Test(response, numbers_in_a_fetch_are_checked)
{
    expect(
        SLICE("* 1 FETCH (UID 0)\r\n* 1 FETCH (UID 4294967296)\r\n* 1 FETCH (UID \"7\")\r\n"
              "* 1 FETCH (MODSEQ (9223372036854775808))\r\n* 1 FETCH (MODSEQ (9223372036854775807))\r\n* 1 FETCH "
              "(MODSEQ (0))\r\n"
              "* 1 FETCH (MODSEQ 5)\r\n* 1 FETCH (MODSEQ ())\r\n* 1 FETCH (MODSEQ (1 2))\r\n"
              "* 1 FETCH (RFC822.SIZE 4294967296)\r\n"),
        "GARBAGE * 1 FETCH (UID 0)\nGARBAGE * 1 FETCH (UID 4294967296)\nGARBAGE * 1 FETCH (UID \"7\")\n"
        "GARBAGE * 1 FETCH (MODSEQ (9223372036854775808))\nFETCH 1 MODSEQ=(9223372036854775807)\nFETCH 1 MODSEQ=(0)\n"
        "GARBAGE * 1 FETCH (MODSEQ 5)\nGARBAGE * 1 FETCH (MODSEQ ())\nGARBAGE * 1 FETCH (MODSEQ (1 2))\n"
        "GARBAGE * 1 FETCH (RFC822.SIZE 4294967296)");
}

Test(response, small_message_literals_are_held_as_they_are)
{
    expect(SLICE("* 5 FETCH (UID 7 BODY[] {6}\r\na\0)\r\n* RFC822 ~{2}\r\n\0b FLAGS ())\r\n"),
           "FETCH 5 UID=7 BODY[]={6}a\\x00)\\x0d\\x0a* RFC822=~{2}\\x00b FLAGS=()");
}

/* ---- streaming ---- */

#define BIG 20000

/* Text of printf kind in which %B stands for a big literal with its announcement and %b for its octets in a record. */
static struct slice expand(const char *pattern, char fill)
{
    static char buffer[400000];
    size_t length = 0;

    for (const char *c = pattern; *c; c++) {
        if (*c == '%' && (c[1] == 'B' || c[1] == 'b' || c[1] == 'n')) {
            if (*++c == 'B')
                length += (size_t)sprintf(buffer + length, "{%d}\r\n", BIG);
            memset(buffer + length, fill, BIG);
            length += BIG;
            if (*c == 'n')
                length -= BIG;
        } else {
            buffer[length++] = *c;
        }
    }
    buffer[length] = '\0';
    return (struct slice){buffer, length};
}

static void expect_expanded(const struct feeder *with, const char *input, const char *expected)
{
    struct slice text = expand(input, 'x');
    char *copy = slice_copy(text);
    size_t length = text.length;

    feed_every_way(with, (struct slice){copy, length}, expand(expected, 'x').data);
    free(copy);
}

Test(response, a_big_message_streams)
{
    expect_expanded(&feeder, "* 5 FETCH (UID 7 BODY[] %B FLAGS (\\Seen))\r\n* OK x\r\n",
                    "FETCH 5 UID=7 BODY[]={20000}...\nDATA %b\nFETCH ...5 FLAGS=(\\Seen)\nOK <x>");
}

Test(response, a_fetch_streams_more_than_once)
{
    expect_expanded(
        &feeder, "* 5 FETCH (rfc822.header %B BODY[1] \"y\" RFC822.TEXT %B BINARY[2] ~%B)\r\n* OK x\r\n",
        "FETCH 5 RFC822.HEADER={20000}...\nDATA %b\nFETCH ...5 BODY[1]=\"y\" RFC822.TEXT={20000}...\nDATA %b\n"
        "FETCH ...5 BINARY[2]=~{20000}...\nDATA %b\nFETCH ...5\nOK <x>");
}

Test(response, sixteen_kilobytes_are_held_one_octet_more_is_not)
{
    static char input[40000], expected[40000];
    int head = sprintf(input, "* 1 FETCH (BODY[] {%d}\r\n", RESPONSE_INLINE_MAX);

    memset(input + head, 'y', RESPONSE_INLINE_MAX);
    strcpy(input + head + RESPONSE_INLINE_MAX, ")\r\n");
    sprintf(expected, "FETCH 1 BODY[]={%d}%.*s", RESPONSE_INLINE_MAX, RESPONSE_INLINE_MAX, input + head);
    feed_every_way(&feeder, slice_of(input), expected);
    sprintf(input, "* 1 FETCH (BODY[] {%d}\r\n", RESPONSE_INLINE_MAX + 1);
    memset(input + head, 'y', RESPONSE_INLINE_MAX + 1);
    strcpy(input + head + RESPONSE_INLINE_MAX + 1, ")\r\n");
    sprintf(expected, "FETCH 1 BODY[]={%d}...\nDATA %.*s\nFETCH ...1", RESPONSE_INLINE_MAX + 1, RESPONSE_INLINE_MAX + 1,
            input + head);
    feed_every_way(&feeder, slice_of(input), expected);
}

Test(response, only_message_items_at_the_top_stream)
{
    expect_expanded(&feeder, "* 5 FETCH (ENVELOPE (%B) X %B BODY[1] \"a\")\r\n* LIST () \"/\" %B\r\n",
                    "FETCH 5 ENVELOPE=({20000}%b) X={20000}%b BODY[1]=\"a\"\nLIST () \"/\" {20000}%b");
    expect_expanded(&feeder, "* 5 FETCH (X (BODY[] %B) BODY[] BODY[] BODY[1] %B)\r\n",
                    "FETCH 5 X=(BODY[] {20000}%b) BODY[]=BODY[] BODY[1]={20000}...\nDATA %b\nFETCH ...5");
}

Test(response, what_is_not_streamed_is_bounded)
{
    expect_expanded(&small, "* 5 FETCH (ENVELOPE (%B %B))\r\n* OK x\r\n",
                    "GARBAGE * 5 FETCH (ENVELOPE ({20000}\\x0d\\x0axxxxxxxxxxxxxxxxxxxx\nOK <x>");
    expect_expanded(&small, "* 5 FETCH (BODY[] %B BODY[1] %B BODY[2] %B)\r\n* OK x\r\n",
                    "FETCH 5 BODY[]={20000}...\nDATA %b\nFETCH ...5 BODY[1]={20000}...\nDATA %b\nFETCH ...5 "
                    "BODY[2]={20000}...\nDATA %b\nFETCH ...5\nOK <x>");
}

Test(response, a_line_that_is_too_long_is_skipped_with_its_literals)
{
    feed_every_way(&tiny, SLICE("* 5 FETCH (UID 7 FLAGS (\\Seen \\Deleted) X {13}\r\n* 1 EXPUNGE\r\n)\r\n* OK x\r\n"),
                   "GARBAGE * 5 FETCH (UID 7 FLAGS (\\Seen \\Deleted) \nOK <x>");
    feed_every_way(&tiny, SLICE("* LIST () NIL {99}\r\n* OK x\r\n"), "");
    feed_every_way(&tiny, SLICE("* X {20}\r\n12345678901234567890 {20}\r\n* OK 7890\r\n1234567890\r\n* OK x\r\n"),
                   "GARBAGE * X {20}\\x0d\\x0a12345678901234567890 {20}\\x0d\\x0a\nOK <x>");
}

Test(response, garbage_behind_a_streamed_literal_ends_the_fetch)
{
    expect_expanded(&feeder, "* 5 FETCH (BODY[] %B FLAGS)\r\n* OK x\r\n",
                    "FETCH 5 BODY[]={20000}...\nDATA %b\nGARBAGE in a FETCH ( FLAGS)\nOK <x>");
    expect_expanded(&feeder, "* 5 FETCH (BODY[] %B\r\n* OK x\r\n",
                    "FETCH 5 BODY[]={20000}...\nDATA %b\nGARBAGE in a FETCH (\nOK <x>");
    expect_expanded(&feeder, "* 5 FETCH (BODY[] %B)) x {1}\r\n)\r\n* OK x\r\n",
                    "FETCH 5 BODY[]={20000}...\nDATA %b\nGARBAGE in a FETCH ()) x {1}\\x0d\\x0a)\nOK <x>");
    expect_expanded(&feeder, "* 5 FETCH (BODY[] %B UID 0 BODY[1] %B)\r\n* OK x\r\n",
                    "FETCH 5 BODY[]={20000}...\nDATA %b\nGARBAGE in a FETCH ( UID 0 BODY[1] \nOK <x>");
}

Test(response, garbage_before_a_streamed_literal_is_skipped_with_it)
{
    expect_expanded(&feeder, "* 5 FETCH (UID 0 BODY[] %B)\r\n* OK x\r\n", "GARBAGE * 5 FETCH (UID 0 BODY[] \nOK <x>");
}

/* ---- sizes ---- */

static char *many_numbers(const char *head, unsigned count, const char *separator, const char *tail)
{
    char *text = malloc(count * 12 + 100);
    size_t length = (size_t)sprintf(text, "%s", head);

    for (unsigned i = 0; i < count; i++)
        length += (size_t)sprintf(text + length, "%s%u", i ? separator : "", 1000000 + 2 * i);
    sprintf(text + length, "%s", tail);
    return text;
}

static void feed_in_pieces(struct response_reader *reader, const char *text, size_t expected_values)
{
    struct evbuffer *in = evbuffer_new();
    struct response_input input = {.event = RESPONSE_EVENT_MORE};
    size_t left = strlen(text);

    while (input.event == RESPONSE_EVENT_MORE && left > 0) {
        size_t piece = left < 16384 ? left : 16384;
        evbuffer_add(in, text, piece);
        text += piece;
        left -= piece;
        input = response_reader_next(reader, in);
    }
    cr_assert_eq(input.event, RESPONSE_EVENT_READY);
    cr_assert_eq(value_count(input.response->arguments), expected_values);
    if (input.response->kind == RESPONSE_ESEARCH) {
        struct seqset set = {0};
        cr_assert_eq(response_uid_set(input.response->arguments->next->next, &set), SEQSET_OK);
        cr_assert_eq(set.count, 1000000);
        seqset_clear(&set);
    }
    evbuffer_free(in);
}

Test(response, a_million_uids_are_normal)
{
    struct response_reader *reader = response_reader_new((size_t)16 << 20);
    char *search = many_numbers("* SEARCH ", 1000000, " ", "\r\n");
    char *esearch = many_numbers("* ESEARCH UID ALL ", 1000000, ",", "\r\n");

    feed_in_pieces(reader, search, 1000000);
    feed_in_pieces(reader, esearch, 3);
    free(search);
    free(esearch);
    response_reader_free(reader);
}

static void expect_search(const char *line, const char *numbers, enum response_found result)
{
    struct response_reader *reader = response_reader_new(4096);
    struct evbuffer *in = evbuffer_new(), *out = evbuffer_new();
    struct response_input input;
    struct seqset found = {0};

    evbuffer_add(in, line, strlen(line));
    input = response_reader_next(reader, in);
    cr_assert_eq(input.event, RESPONSE_EVENT_READY);
    cr_assert(seqset_add(&found, 2));
    cr_assert_eq(response_take_found(input.response, &found), result);
    cr_assert(seqset_print(&found, out));
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((const char *)evbuffer_pullup(out, -1), numbers);
    seqset_clear(&found);
    evbuffer_free(in);
    evbuffer_free(out);
    response_reader_free(reader);
}

static void expect_found(const char *line, const char *numbers)
{
    expect_search(line, numbers, RESPONSE_FOUND);
}

static void expect_unreadable(const char *line)
{
    expect_search(line, "2", RESPONSE_FOUND_UNREADABLE);
}

Test(response, what_a_search_has_found)
{
    expect_found("* SEARCH 7 4 5\r\n", "2,4:5,7");
    expect_found("* SEARCH\r\n", "2");
    expect_found("* ESEARCH (TAG \"a\") UID COUNT 3 ALL 3:4,9\r\n", "2:4,9");
    expect_found("* ESEARCH (TAG \"a\") UID\r\n", "2");
    expect_found("* SEARCH 5 (MODSEQ 9)\r\n", "2,5");
    expect_unreadable("* ESEARCH (TAG \"a\") UID ALL 1:*\r\n");
    expect_unreadable("* ESEARCH (TAG \"a\") UID ALL \"1:3\"\r\n");
    expect_found("* FLAGS (\\Seen)\r\n", "2");
}

Test(response, uid_sets_are_resolved_and_have_no_star)
{
    struct value value = {.kind = VALUE_ATOM, .text = SLICE("5,1:3,4")};
    struct seqset set = {0};

    cr_assert_eq(response_uid_set(&value, &set), SEQSET_OK);
    cr_assert_eq(set.count, 1);
    seqset_clear(&set);
    value.text = SLICE("1:*");
    cr_assert_eq(response_uid_set(&value, &set), SEQSET_BAD);
    value.text = SLICE("0");
    cr_assert_eq(response_uid_set(&value, &set), SEQSET_BAD);
    value.kind = VALUE_QUOTED;
    value.text = SLICE("1");
    cr_assert_eq(response_uid_set(&value, &set), SEQSET_BAD);
    cr_assert_eq(response_uid_set(NULL, &set), SEQSET_BAD);
}

Test(response, a_reset_reader_knows_nothing_of_the_former_connection)
{
    struct response_reader *reader = response_reader_new(1 << 16);
    struct evbuffer *in = evbuffer_new();
    struct response_input input;

    evbuffer_add_printf(in, "* 5 FETCH (BODY[] {50000}\r\nabc");
    cr_assert_eq(response_reader_next(reader, in).event, RESPONSE_EVENT_READY);
    cr_assert_eq(response_reader_next(reader, in).event, RESPONSE_EVENT_DATA);
    evbuffer_drain(in, evbuffer_get_length(in));
    response_reader_reset(reader);
    evbuffer_add_printf(in, "foo\r\n* OK hello\r\n");
    input = response_reader_next(reader, in);
    cr_assert_eq(input.event, RESPONSE_EVENT_GARBAGE);
    cr_assert_not(input.open_fetch);
    cr_assert_eq(response_reader_next(reader, in).event, RESPONSE_EVENT_READY);
    response_reader_free(reader);
    evbuffer_free(in);
}

/* ---- anything ---- */

Test(response, no_input_makes_events_depend_on_the_chunking)
{
    static const char *const pieces[] = {"\r\n",
                                         "\n",
                                         "{3}\r\n",
                                         "\"",
                                         "* OK ",
                                         "* 1 FETCH (",
                                         "+ ",
                                         "UID 7 ",
                                         "BODY[] ",
                                         "BODY[1]<0> ",
                                         "FLAGS (\\Seen) ",
                                         ")",
                                         "(",
                                         "{20}\r\n",
                                         "xyz",
                                         "[ALERT] ",
                                         "[",
                                         "]",
                                         "* LIST ",
                                         "* 5 EXISTS\r\n",
                                         "a1 NO ",
                                         "* ",
                                         "\0",
                                         "MODSEQ (5) ",
                                         " "};
    const struct feeder *const feeders[] = {&feeder, &small, &tiny};
    struct random random;

    random_init(&random, 2);
    for (int round = 0; round < 300; round++) {
        char input[800];
        size_t length = 0;
        for (size_t i = random_below(&random, 40); i > 0; i--) {
            const char *piece = pieces[random_below(&random, sizeof(pieces) / sizeof(*pieces))];
            size_t size = *piece ? strlen(piece) : 1;
            memcpy(input + length, piece, size);
            length += size;
        }
        feed_consistently(feeders[random_below(&random, 3)], (struct slice){input, length});
    }
}
