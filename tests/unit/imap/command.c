/* Commands: the table, and faults that keep the tag and help who wrote the client. */
#include "imap/command.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

#include "unit/imap/feed.h"

static struct arena arena;

static struct command parse(const char *text)
{
    struct command command;

    arena_init(&arena, 100000);
    command_parse((struct line){.bytes = slice_of(text)}, &arena, &command);
    return command;
}

static void expect(const char *text, const char *tag, enum command_name name, bool uid, const char *arguments)
{
    struct command command = parse(text);
    struct evbuffer *record = evbuffer_new();

    cr_assert_null(command.fault, "%s: %s", text, command.fault);
    cr_assert(slice_equal(command.tag, slice_of(tag)));
    cr_assert_eq(command.name, name);
    cr_assert_eq(command.uid, uid);
    record_values(record, command.arguments);
    evbuffer_add(record, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(record, -1), arguments);
    evbuffer_free(record);
    arena_clear(&arena);
}

static void expect_fault(const char *text, const char *tag, const char *fault)
{
    struct command command = parse(text);

    cr_assert_not_null(command.fault, "%s", text);
    cr_assert_str_eq(command.fault, fault);
    cr_assert(slice_equal(command.tag, slice_of(tag)), "%s", text);
    arena_clear(&arena);
}

Test(command, tag_name_and_arguments)
{
    expect("a1 NOOP", "a1", COMMAND_NOOP, false, "");
    expect("A.1] login me \"pass word\"", "A.1]", COMMAND_LOGIN, false, "me \"pass word\"");
    expect("7 Uid  Fetch 1:* (FLAGS BODY.PEEK[HEADER])", "7", COMMAND_FETCH, true, "1:* (FLAGS BODY.PEEK[HEADER])");
    expect("a uid expunge 5", "a", COMMAND_EXPUNGE, true, "5");
    expect("a AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=", "a", COMMAND_AUTHENTICATE, false, "PLAIN dGVzdAB0ZXN0AHRlc3Q=");
    expect("a LIST \"\" %", "a", COMMAND_LIST, false, "\"\" %");
    expect("a LOGOUT ", "a", COMMAND_LOGOUT, false, "");
}

Test(command, a_mailbox_may_be_named_like_a_section)
{
    expect("a SELECT body[x]", "a", COMMAND_SELECT, false, "body[x]");
    expect("a CREATE BODY[", "a", COMMAND_CREATE, false, "BODY[");
    expect("a FETCH 1 body[text]", "a", COMMAND_FETCH, false, "1 BODY[text]");
}

Test(command, faults_keep_the_tag_and_say_why)
{
    expect_fault("", "", "Missing tag");
    expect_fault(" a NOOP", "", "Missing tag");
    expect_fault("+ NOOP", "", "Invalid tag");
    expect_fault("a* NOOP", "", "Invalid tag");
    expect_fault("\xfc NOOP", "", "Invalid tag");
    expect_fault("a", "a", "Missing command");
    expect_fault("a ", "a", "Missing command");
    expect_fault("a FOO bar", "a", "Unknown command");
    expect_fault("a UID", "a",
                 "UID must be followed by FETCH, STORE, COPY, MOVE, REPLACE, SEARCH, SORT, THREAD or EXPUNGE");
    expect_fault("a UID NOOP", "a",
                 "UID must be followed by FETCH, STORE, COPY, MOVE, REPLACE, SEARCH, SORT, THREAD or EXPUNGE");
    expect_fault("a UID FOO", "a",
                 "UID must be followed by FETCH, STORE, COPY, MOVE, REPLACE, SEARCH, SORT, THREAD or EXPUNGE");
    expect_fault("a LOGIN (x", "a", "Unbalanced parentheses");
    expect_fault("a LOGIN \"x", "a", "Unterminated quoted string");
    expect_fault("a LOGIN {x}", "a", "Malformed literal");
}

Test(command, too_much_nesting_is_a_fault)
{
    char text[300] = "a SEARCH ";

    memset(text + strlen(text), '(', 101);
    expect_fault(text, "a", "Too many arguments, or nested too deeply");
}

Test(command, the_name_is_known_before_a_literal_has_come)
{
    struct command command;

    command_parse_name(SLICE("a UID foo "), &command);
    cr_assert_null(command.fault);
    command_parse_name(SLICE("tag append \"x"), &command);
    cr_assert_eq(command.name, COMMAND_APPEND);
    cr_assert(slice_equal(command.tag, SLICE("tag")));
    command_parse_name(SLICE("* x"), &command);
    cr_assert_eq(command.tag.length, 0);
}

Test(command, what_the_table_says)
{
    struct command command = {.name = COMMAND_FETCH};

    cr_assert(command_uses_numbers(&command));
    command.uid = true;
    cr_assert_not(command_uses_numbers(&command));
    cr_assert_not(command_uses_numbers(&(struct command){.name = COMMAND_EXPUNGE}));
    cr_assert_not(command_uses_numbers(&(struct command){.name = COMMAND_UNKNOWN}));
    cr_assert_str_eq(command_title(COMMAND_STORE), "STORE");
    cr_assert_str_eq(command_title(COMMAND_UNKNOWN), "?");
    cr_assert_eq(command_states(COMMAND_LOGIN), COMMAND_BEFORE_LOGIN);
    cr_assert_eq(command_states(COMMAND_UNKNOWN), 0);
}
