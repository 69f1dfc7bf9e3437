/* Commands on their way up: kinds kept, literals only as the server permits, sending in steps. */
#include "imap/outgoing.h"
#include "base/spool.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* Sends everything, writing down the stops: ~ waits, $ spool octets. */
static void expect_sent(struct outgoing *outgoing, const char *expected)
{
    struct evbuffer *out = evbuffer_new();
    enum outgoing_state state;
    uint64_t offset, left;

    cr_assert_not(outgoing_failed(outgoing));
    while ((state = outgoing_send(outgoing, out)) != OUTGOING_DONE) {
        if (state == OUTGOING_WAITS) {
            cr_assert_eq(outgoing_send(outgoing, out), OUTGOING_WAITS, "until the server's + has come");
            evbuffer_add_printf(out, "~");
            outgoing_continue(outgoing);
        } else {
            cr_assert_not_null(outgoing_current_spool(outgoing, &offset, &left));
            evbuffer_add_printf(out, "$%llu", (unsigned long long)offset);
            outgoing_spool_sent(outgoing, left > 60 ? 60 : left);
        }
    }
    cr_assert_eq(outgoing_send(outgoing, out), OUTGOING_DONE);
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1), expected);
    evbuffer_free(out);
    outgoing_free(outgoing);
}

Test(outgoing, text_numbers_and_sets)
{
    struct outgoing *outgoing = outgoing_new();
    struct seqset set = {0};

    cr_assert(seqset_add_range(&set, 1, 3));
    cr_assert(seqset_add(&set, 9));
    outgoing_text(outgoing, "UID FETCH ");
    outgoing_set(outgoing, &set);
    outgoing_text(outgoing, " (CHANGEDSINCE ");
    outgoing_number(outgoing, UINT64_MAX);
    outgoing_text(outgoing, ")");
    cr_assert_eq(outgoing_length(outgoing), strlen("UID FETCH 1:3,9 (CHANGEDSINCE 18446744073709551615)"));
    expect_sent(outgoing, "UID FETCH 1:3,9 (CHANGEDSINCE 18446744073709551615)\r\n");
    seqset_clear(&set);
}

static void expect_astring(struct slice text, const char *expected)
{
    struct outgoing *outgoing = outgoing_new();

    outgoing_astring(outgoing, text);
    expect_sent(outgoing, expected);
}

Test(outgoing, an_astring_becomes_an_atom_only_where_it_may)
{
    expect_astring(SLICE("INBOX"), "INBOX\r\n");
    expect_astring(SLICE("a]b"), "a]b\r\n");
    expect_astring(SLICE("NIL"), "\"NIL\"\r\n");
    expect_astring(SLICE("nil"), "\"nil\"\r\n");
    expect_astring(SLICE(""), "\"\"\r\n");
    expect_astring(SLICE("a b"), "\"a b\"\r\n");
    expect_astring(SLICE("%"), "\"%\"\r\n");
    expect_astring(SLICE("a{3}"), "\"a{3}\"\r\n");
    expect_astring(SLICE("a\"b"), "{3}\r\n~a\"b\r\n");
    expect_astring(SLICE("\xfc"), "{1}\r\n~\xfc\r\n");
    expect_astring(SLICE("a\r\nb NOOP"), "{9}\r\n~a\r\nb NOOP\r\n");
}

/* Whatever the server announces: one that refuses the command early would read a {n+}'s octets as commands. */
Test(outgoing, literals_wait)
{
    struct outgoing *outgoing = outgoing_new();

    outgoing_string(outgoing, SLICE("\""));
    outgoing_text(outgoing, " ");
    outgoing_string(outgoing, SLICE("\"1234"));
    outgoing_text(outgoing, " ");
    outgoing_spool(outgoing, NULL, 0, 0, false);
    expect_sent(outgoing, "{1}\r\n~\" {5}\r\n~\"1234 {0}\r\n~\r\n");
}

Test(outgoing, values_keep_their_kind)
{
    struct outgoing *outgoing = outgoing_new();
    struct arena arena;
    struct value *values;
    const char *error;
    struct line line = {.bytes = SLICE("(NIL \"NIL\" {1}\r\na (\\Seen 5)) gr\xfc\xdf")};

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse(line, 0, &arena, &values, &error), VALUE_OK);
    for (const struct value *value = values; value; value = value->next)
        outgoing_value(outgoing, value);
    expect_sent(outgoing, "(NIL \"NIL\" \"a\" (\\Seen 5)){4}\r\n~gr\xfc\xdf\r\n");
    arena_clear(&arena);
}

static struct spool *open_nothing(void *context)
{
    (void)context;
    return (struct spool *)(uintptr_t)16;
}

static void close_nothing(struct spool *spool)
{
    (void)spool;
}

static const struct spool_ops no_spool_ops = {.open = open_nothing, .close = close_nothing};

Test(outgoing, octets_of_a_spool_are_asked_for_as_they_can_be_sent)
{
    struct spooler spooler = {.ops = &no_spool_ops};
    struct shared_spool *spool = shared_spool_open(&spooler);
    struct outgoing *outgoing = outgoing_new();

    outgoing_text(outgoing, "APPEND x ");
    outgoing_spool(outgoing, spool, 0, 100, false);
    outgoing_text(outgoing, " ");
    outgoing_spool(outgoing, spool, 0, 130, false);
    shared_spool_release(spool); /* the command holds it now */
    expect_sent(outgoing, "APPEND x {100}\r\n~$0$60 {130}\r\n~$0$60$120\r\n");
}

static void expect_failure(void (*verb)(struct outgoing *, struct slice), struct slice text)
{
    struct outgoing *outgoing = outgoing_new();

    verb(outgoing, text);
    cr_assert(outgoing_failed(outgoing));
    outgoing_text(outgoing, "x");
    cr_assert(outgoing_failed(outgoing));
    outgoing_free(outgoing);
}

Test(outgoing, what_no_command_may_hold_makes_it_bad)
{
    struct outgoing *outgoing = outgoing_new();

    expect_failure(outgoing_string, SLICE("a\0b"));
    expect_failure(outgoing_astring, SLICE("\0"));
    expect_failure(outgoing_atom, SLICE("a\r\nb"));
    expect_failure(outgoing_atom, SLICE("\xfc"));
    outgoing_value(outgoing, &(struct value){.kind = VALUE_SPOOLED});
    cr_assert(outgoing_failed(outgoing));
    outgoing_free(outgoing);
    outgoing = outgoing_new();
    outgoing_value(outgoing, &(struct value){.kind = VALUE_LITERAL8, .text = SLICE("a")});
    cr_assert(outgoing_failed(outgoing));
    outgoing_free(outgoing);
    outgoing_free(NULL);
}

Test(outgoing, a_secret_command_is_sent_like_any_other)
{
    struct outgoing *outgoing = outgoing_new();
    char password[300];

    memset(password, 'p', sizeof(password));
    outgoing_set_secret(outgoing);
    for (int i = 0; i < 10; i++)
        outgoing_string(outgoing, (struct slice){password, sizeof(password)});
    cr_assert_eq(outgoing_length(outgoing), 10 * (sizeof(password) + 2));
    outgoing_free(outgoing);
}
