/* SEARCH keys: the whole grammar, and how it is written upstream. */
#include "imap/search.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

/* Number n of this session is UID 10n; UIDs are known up to 100; 50 is saved; the recent ones are in context. */
static bool numbers(void *context, struct slice written, struct seqset *uids)
{
    struct seqset set = {0}, resolved = {0};
    struct seqset_walk walk;
    uint32_t number;
    bool saved;

    (void)context;
    cr_assert_eq(seqset_parse_saved(written, &set, &saved), SEQSET_OK);
    cr_assert(!saved || seqset_add(uids, 50));
    cr_assert(seqset_resolve(&set, 9, &resolved));
    seqset_walk_start(&walk, &resolved);
    while (seqset_walk_next(&walk, &number))
        if (number <= 9)
            cr_assert(seqset_add(uids, number * 10));
    seqset_clear(&set);
    seqset_clear(&resolved);
    return true;
}

static bool uids(void *context, struct slice written, struct seqset *result)
{
    struct seqset set = {0};
    bool done, saved;

    (void)context;
    cr_assert_eq(seqset_parse_saved(written, &set, &saved), SEQSET_OK);
    done = seqset_resolve(&set, 100, result) && (!saved || seqset_add(result, 50));
    seqset_clear(&set);
    return done;
}

static bool recent(void *context, struct seqset *result)
{
    return seqset_copy(context, result);
}

static bool no_memory(void *context, struct seqset *result)
{
    (void)context;
    (void)result;
    return false;
}

static struct seqset recent_uids;

/* All but one. */
static bool permits(const void *context, struct slice name)
{
    return !context || !slice_equal_nocase(name, slice_of(context));
}

static const char *written_upstream(struct slice text, const char *forbidden, bool can_recent)
{
    struct search_permit permit = {permits, permits, forbidden};
    static char printed[2000];
    struct search_translation translation = {numbers, uids, can_recent ? recent : no_memory, &recent_uids};
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();
    struct arena arena;
    struct value *values;
    struct search search;
    const char *error = NULL;

    arena_init(&arena, 100000);
    cr_assert_eq(value_parse((struct line){.bytes = text}, 0, &arena, &values, &error), VALUE_OK);
    if (!search_parse(values, &permit, &arena, &search, &error)) {
        cr_assert_not_null(error);
        strcpy(printed, error);
    } else if (!search_print_upstream(&search, &translation, outgoing)) {
        strcpy(printed, "failed");
    } else {
        while (outgoing_send(outgoing, out) == OUTGOING_WAITS)
            outgoing_continue(outgoing);
        printed[evbuffer_remove(out, printed, sizeof(printed) - 1) - 2] = '\0';
    }
    outgoing_free(outgoing);
    evbuffer_free(out);
    arena_clear(&arena);
    return printed;
}

static void expect(const char *text, const char *expected)
{
    cr_assert_str_eq(written_upstream(slice_of(text), NULL, true), expected, "%s", text);
}

Test(search, keys_are_written_as_they_are_meant)
{
    expect("ALL", "ALL");
    expect("unseen Answered DELETED draft FLAGGED seen", "UNSEEN ANSWERED DELETED DRAFT FLAGGED SEEN");
    expect("UNANSWERED UNDELETED UNDRAFT UNFLAGGED", "UNANSWERED UNDELETED UNDRAFT UNFLAGGED");
    expect("FROM x TO \"y z\" CC {1}\r\nq BCC NIL SUBJECT \"NIL\" BODY \"\" TEXT a",
           "FROM x TO \"y z\" CC \"q\" BCC NIL SUBJECT \"NIL\" BODY \"\" TEXT a");
    expect("SUBJECT {4}\r\na\"\r\n", "SUBJECT {4}\r\na\"\r\n");
    expect("HEADER X-Foo \"\" HEADER \"Subject\" x", "HEADER X-Foo \"\" HEADER \"Subject\" x");
    expect("KEYWORD $Junk UNKEYWORD a.b", "KEYWORD $Junk UNKEYWORD a.b");
    expect("LARGER 0 SMALLER 4294967295", "LARGER 0 SMALLER 4294967295");
}

Test(search, dates_are_checked)
{
    expect("SINCE 1-Feb-1994 BEFORE \"01-feb-1994\" ON 31-DEC-2026",
           "SINCE 1-Feb-1994 BEFORE \"01-feb-1994\" ON 31-DEC-2026");
    expect("SENTSINCE 1-Jan-2000 SENTBEFORE 2-Jan-2000 SENTON 3-Jan-2000",
           "SENTSINCE 1-Jan-2000 SENTBEFORE 2-Jan-2000 SENTON 3-Jan-2000");
    static const char *const bad[] = {
        "SINCE",          "SINCE x",           "SINCE 0-Feb-1994",   "SINCE 32-Feb-1994",    "SINCE 1-Foo-1994",
        "SINCE 1-Feb-94", "SINCE 1-Feb-19945", "SINCE (1-Feb-1994)", "SINCE 1Feb-1994",      "SINCE 1-Feb1994x",
        "SINCE 1",        "SINCE \"\"",        "SINCE 001-Feb-1994", "SINCE 1-February-1994"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        expect(bad[i], "Search key without a date such as 1-Feb-1994");
}

Test(search, arguments_are_checked)
{
    expect("FROM", "Search key without its string");
    expect("FROM (x)", "Search key without its string");
    expect("FROM ~{1}\r\nx", "Search key without its string");
    expect("LARGER x", "Search key without its number");
    expect("LARGER 4294967296", "Search key without its number");
    expect("LARGER \"5\"", "Search key without its number");
    expect("KEYWORD \\Seen", "Search key without a keyword");
    expect("KEYWORD \"x\"", "Search key without a keyword");
    expect("KEYWORD", "Search key without a keyword");
    expect("HEADER x", "HEADER without a field name and a string");
    expect("HEADER \"a b\" x", "HEADER without a field name and a string");
    expect("HEADER \"\" x", "HEADER without a field name and a string");
    expect("HEADER", "HEADER without a field name and a string");
    expect("FOO", "Unknown search key");
    expect("\"ALL\"", "A search key must be an atom");
    expect("", "Missing search key");
    expect("NOT", "Missing search key");
    expect("OR ALL", "Missing search key");
    expect("()", "Empty list of search keys");
    expect("(NOT) ALL", "Missing search key");
    expect("1:x", "Malformed sequence set");
    expect("UID", "Malformed sequence set");
    expect("UID (1)", "Malformed sequence set");
}

Test(search, a_key_only_where_it_is_permitted)
{
    expect("OLDER 60 YOUNGER 3600", "OLDER 60 YOUNGER 3600");
    expect("OLDER 0", "Search key without its number of seconds");
    cr_assert_str_eq(written_upstream(SLICE("YOUNGER 60"), "YOUNGER", true), "Unknown search key");
    cr_assert_str_eq(written_upstream(SLICE("NOT (EMAILID x)"), "EMAILID", true), "Unknown search key");
}

Test(search, ids_of_objects_and_the_date_of_saving)
{
    expect("emailid M1_a-b OR threadid 5 NOT EMAILID x", "EMAILID M1_a-b OR THREADID 5 NOT EMAILID x");
    expect("EMAILID \"x\"", "Search key without an object's id");
    expect("EMAILID a.b", "Search key without an object's id");
    expect("THREADID", "Search key without an object's id");
    expect("SAVEDBEFORE 1-Feb-1994 savedon \"2-Feb-1994\" SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED",
           "SAVEDBEFORE 1-Feb-1994 SAVEDON \"2-Feb-1994\" SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED");
    expect("SAVEDON x", "Search key without a date such as 1-Feb-1994");
}

Test(search, keys_of_x_gm_ext_1)
{
    expect("X-GM-MSGID 18446744073709551615 X-GM-THRID 1278455344230334865",
           "X-GM-MSGID 18446744073709551615 X-GM-THRID 1278455344230334865");
    expect("X-GM-MSGID x", "Search key without its number");
    expect("X-GM-RAW \"has:attachment in:unread\"", "X-GM-RAW \"has:attachment in:unread\"");
    expect("X-GM-LABELS \\Inbox X-GM-LABELS \"two words\"", "X-GM-LABELS \\Inbox X-GM-LABELS \"two words\"");
    expect("X-GM-LABELS (x)", "Search key without a label");
}

Test(search, keys_are_nested)
{
    expect("NOT SEEN OR (FROM x TO y) NOT (ALL) (SEEN (DRAFT))", "NOT SEEN OR (FROM x TO y) NOT (ALL) (SEEN (DRAFT))");
    expect("OR OR 1 2 3", "OR OR UID 10 UID 20 UID 30");
}

Test(search, sets_become_uids)
{
    expect("1:3,5", "UID 10,20,30,50");
    expect("UID 1:3,7", "UID 1:3,7");
    expect("*", "UID 90");
    expect("20:30", "NOT ALL");
    expect("NOT 20:30", "NOT NOT ALL");
    expect("UID *", "UID 100");
}

Test(search, a_dollar_is_what_was_saved)
{
    expect("$", "UID 50");
    expect("NOT $ OR 1 $,2", "NOT UID 50 OR UID 10 UID 20,50");
    expect("UID $", "UID 50");
    expect("UID 3,$", "UID 3,50");
    expect("$Junk", "Malformed sequence set");
    expect("KEYWORD $Junk", "KEYWORD $Junk");
    cr_assert_str_eq(written_upstream(SLICE("NOT $"), "SAVE", true), "Malformed sequence set");
}

Test(search, recent_is_known_here_only)
{
    seqset_clear(&recent_uids);
    expect("RECENT", "NOT ALL");
    expect("NEW", "NOT ALL");
    expect("OLD", "ALL");
    expect("NOT OLD", "NOT ALL");
    cr_assert(seqset_add_range(&recent_uids, 4, 5));
    expect("RECENT", "UID 4:5");
    expect("NEW", "UNSEEN UID 4:5");
    expect("OLD", "NOT UID 4:5");
    expect("NOT NEW OR OLD NEW", "NOT (UNSEEN UID 4:5) OR NOT UID 4:5 (UNSEEN UID 4:5)");
    seqset_clear(&recent_uids);
}

Test(search, a_charset_stands_at_the_front_only)
{
    expect("CHARSET utf-8 SUBJECT {2}\r\n\xc3\xbc", "CHARSET utf-8 SUBJECT {2}\r\n\xc3\xbc");
    expect("CHARSET \"US-ASCII\" ALL", "CHARSET US-ASCII ALL");
    expect("CHARSET", "CHARSET without its name");
    expect("CHARSET (x) ALL", "CHARSET without its name");
    expect("CHARSET utf-8", "Missing search key");
    expect("ALL CHARSET utf-8", "Unknown search key");
}

Test(search, return_stands_before_the_charset_and_is_not_written)
{
    expect("RETURN () ALL", "ALL");
    expect("return (min Max ALL count SAVE MIN) charset utf-8 1", "CHARSET utf-8 UID 10");
    expect("RETURN (MIN)", "Missing search key");
    expect("RETURN", "RETURN without its list of options");
    expect("RETURN MIN ALL", "RETURN without its list of options");
    expect("RETURN (FOO) ALL", "Unknown option of RETURN");
    expect("RETURN (\"MIN\") ALL", "Unknown option of RETURN");
    expect("RETURN ((MIN)) ALL", "Unknown option of RETURN");
    expect("CHARSET utf-8 RETURN () ALL", "Unknown search key");
    expect("RETURN () RETURN () ALL", "Unknown search key");
    cr_assert_str_eq(written_upstream(SLICE("RETURN (MIN SAVE) ALL"), "SAVE", true), "Unknown option of RETURN");
    cr_assert_str_eq(written_upstream(SLICE("RETURN (MIN) ALL"), "ALL", true), "Unknown search key");
}

Test(search, depth_is_bounded)
{
    char text[600] = "";

    for (int i = 0; i < 99; i++)
        strcat(text, "NOT ");
    strcat(text, "ALL");
    expect(text, text);
    memmove(text + 4, text, strlen(text) + 1);
    expect(text, "Search nested too deeply");
}

Test(search, a_translation_that_fails_fails_the_whole)
{
    cr_assert_str_eq(written_upstream(SLICE("ALL NOT RECENT"), NULL, false), "failed");
}
