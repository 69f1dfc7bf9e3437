/* What a client is offered, before and after login. */
#include "session/offer.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <string.h>

static char text[1000];

static const char *before(bool starttls, bool login, bool tokens)
{
    struct offer_before_login offer = {.starttls = starttls, .login = login, .tokens = tokens};
    struct evbuffer *out = evbuffer_new();

    offer_print_before_login(&offer, out);
    text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    evbuffer_free(out);
    return text;
}

static const char *after(const struct capability_set *server)
{
    struct offer offer = {0};
    struct evbuffer *out = evbuffer_new();

    offer_note(&offer, server);
    offer_print(&offer, server, 1000, out);
    text[evbuffer_remove(out, text, sizeof(text) - 1)] = '\0';
    evbuffer_free(out);
    return text;
}

Test(offer, before_login_it_depends_on_the_connection)
{
    cr_assert_str_eq(before(true, false, true), "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE STARTTLS LOGINDISABLED");
    cr_assert_str_eq(before(false, true, false), "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN AUTH=LOGIN");
    cr_assert(strstr(before(false, true, true), "AUTH=XOAUTH2 AUTH=OAUTHBEARER"));
}

Test(offer, what_is_not_carried_through_is_hidden)
{
    struct capability_set server = {.known = true};

    server.has[CAPABILITY_LITERAL_MINUS] = server.has[CAPABILITY_LOGINDISABLED] = true;
    server.has[CAPABILITY_NAMESPACE] = true;
    cr_assert_str_eq(after(&server), "IMAP4rev1 COMPRESS=DEFLATE ENABLE ESEARCH ID IDLE INPROGRESS LITERAL+ NAMESPACE "
                                     "PARTIAL SASL-IR SEARCHRES UNSELECT");
}

Test(offer, what_is_withdrawn_is_refused_and_what_is_hushed_is_only_not_shown)
{
    struct capability_set server = {.known = true};
    struct offer offer;
    struct evbuffer *out = evbuffer_new();

    offer_note(&offer, &server);
    offer_hush(&offer, SLICE("COMPRESS=DEFLATE"));
    offer_withdraw(&offer, SLICE("IDLE"));
    offer_print(&offer, &server, 1000, out);
    evbuffer_add(out, "", 1);
    cr_assert_str_eq((char *)evbuffer_pullup(out, -1),
                     "IMAP4rev1 ENABLE ESEARCH ID INPROGRESS LITERAL+ PARTIAL SASL-IR SEARCHRES UNSELECT");
    cr_assert(offer_permits(&offer, WORD_COMMAND, SLICE("COMPRESS")));
    cr_assert_not(offer_permits(&offer, WORD_COMMAND, SLICE("IDLE")));
    evbuffer_free(out);
}

Test(offer, move_is_offered_where_it_can_be_made)
{
    struct capability_set server = {.known = true};

    cr_assert_not(strstr(after(&server), "MOVE"));
    server.has[CAPABILITY_UIDPLUS] = true;
    cr_assert(strstr(after(&server), " MOVE "));
}

Test(offer, a_client_keeps_what_it_was_told_and_what_is_lost_is_known)
{
    struct capability_set server = {.known = true};
    struct offer offer = {0};

    server.has[CAPABILITY_WITHIN] = true;
    offer_note(&offer, &server);
    cr_assert_not(offer_has_lost(&offer, &server));
    server.has[CAPABILITY_WITHIN] = false;
    server.has[CAPABILITY_UIDPLUS] = true;
    cr_assert(offer_has(&offer, CAPABILITY_WITHIN) && !offer_has(&offer, CAPABILITY_UIDPLUS));
    cr_assert(offer_has_lost(&offer, &server));
}

static struct capability_set told(const char *words)
{
    struct capability_set server = {0};
    struct arena arena;
    struct value *values;
    const char *error;

    arena_init(&arena, 10000);
    cr_assert_eq(value_parse((struct line){.bytes = slice_of(words)}, 0, &arena, &values, &error), VALUE_OK);
    cr_assert(capability_set_read(&server, values));
    arena_clear(&arena);
    return server;
}

Test(offer, the_limit_of_a_message_is_the_smaller_one)
{
    static const char *const cases[][2] = {{"APPENDLIMIT=50", " APPENDLIMIT=50 "},
                                           {"APPENDLIMIT=5000", " APPENDLIMIT=1000 "},
                                           {"APPENDLIMIT=x", " APPENDLIMIT=1000 "},
                                           {"APPENDLIMIT", " APPENDLIMIT "}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct capability_set server = told(cases[i][0]);
        cr_expect(strstr(after(&server), cases[i][1]), "%s", after(&server));
        capability_set_clear(&server);
    }
}
