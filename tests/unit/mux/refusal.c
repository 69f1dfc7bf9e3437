/* How real servers refuse, each line as it was seen, and what follows from it. */
#include <criterion/criterion.h>

#include "mux/refusal.h"

static const struct upstream_settings no_words;

static enum refusal of(enum refusal_stage stage, enum response_status status, const char *line)
{
    return refusal_classify(stage, status, slice_of(line), &no_words);
}

#define REFUSES(name, stage, status, line, expected)                                                                   \
    Test(refusal, name)                                                                                                \
    {                                                                                                                  \
        cr_assert_eq(of(stage, status, line), expected);                                                               \
    }

REFUSES(dovecot_limit, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)", REFUSAL_LIMIT)
REFUSES(dovecot_limit_with_an_older_code, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        REFUSAL_LIMIT)
REFUSES(a_large_host_says_authentication_failed_to_a_right_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] Authentication failed: authentication failure (Too many simultaneous connections.)",
        REFUSAL_LIMIT)
REFUSES(cyrus_limit_without_a_code, REFUSAL_AT_LOGIN, RESPONSE_NO, "Too many open connections (1 of 1 for user1)",
        REFUSAL_LIMIT)
REFUSES(cyrus_wrong_password_without_a_code, REFUSAL_AT_LOGIN, RESPONSE_NO, "Login failed: authentication failure",
        REFUSAL_CREDENTIALS)
REFUSES(gmail_limit, REFUSAL_AT_LOGIN, RESPONSE_NO, "[ALERT] Too many simultaneous connections. (Failure)",
        REFUSAL_LIMIT)
REFUSES(exchange_says_ok_and_then_is_not_connected, REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD,
        "User is authenticated but not connected.", REFUSAL_TEMPORARY)
REFUSES(exchange_closes_with_a_number, REFUSAL_AT_GREETING, RESPONSE_BYE, "Connection is closed. 13", REFUSAL_UNKNOWN)
REFUSES(exchange_server_unavailable, REFUSAL_AT_LOGIN, RESPONSE_BYE, "Server Unavailable. 15", REFUSAL_TEMPORARY)
REFUSES(exchange_throttles, REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD,
        "Request is throttled. Suggested Backoff Time: 92415 milliseconds", REFUSAL_THROTTLED)
REFUSES(yahoo_rate_limit, REFUSAL_AT_LOGIN, RESPONSE_NO, "[LIMIT] AUTHENTICATE Rate limit hit.", REFUSAL_THROTTLED)
REFUSES(icloud_temporary_failure_is_bad, REFUSAL_AT_LOGIN, RESPONSE_BAD,
        "[UNAVAILABLE] Service temporarily unavailable", REFUSAL_TEMPORARY)
REFUSES(stalwart_says_bye_instead_of_an_answer, REFUSAL_AT_LOGIN, RESPONSE_BYE, "Too many concurrent IMAP connections.",
        REFUSAL_LIMIT)
REFUSES(courier_closes_without_a_byte, REFUSAL_AT_CONNECT, RESPONSE_BYE, "", REFUSAL_TEMPORARY)
REFUSES(dovecot_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "[AUTHENTICATIONFAILED] Authentication failed.",
        REFUSAL_CREDENTIALS)
REFUSES(dovecot_internal_failure, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[UNAVAILABLE] Internal error occurred. Refer to server log for more information.", REFUSAL_TEMPORARY)
REFUSES(gmail_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        REFUSAL_CREDENTIALS)
REFUSES(a_refusal_without_words_proves_nothing, REFUSAL_AT_LOGIN, RESPONSE_NO, "", REFUSAL_UNKNOWN)
REFUSES(bad_never_proves_a_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_BAD, "[AUTHENTICATIONFAILED] password",
        REFUSAL_UNKNOWN)
REFUSES(exchange_refuses_a_token, REFUSAL_AT_LOGIN, RESPONSE_NO, "AUTHENTICATE failed.", REFUSAL_CREDENTIALS)
REFUSES(exchange_refuses_a_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN failed.", REFUSAL_CREDENTIALS)
REFUSES(bye_never_proves_a_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_BYE, "Login failed", REFUSAL_UNKNOWN)
REFUSES(words_about_a_mailbox_are_no_refusal, REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD, "Unknown command", REFUSAL_NONE)

Test(refusal, a_time_to_wait_is_read)
{
    cr_assert_eq(refusal_backoff(SLICE("Request is throttled. Suggested Backoff Time: 92415 milliseconds")),
                 92415 * (usec)1000);
    cr_assert_eq(refusal_backoff(SLICE("Too many connections")), 0);
    cr_assert_eq(refusal_backoff(SLICE("Backoff Time: 99999999999999999999")), 3600 * USEC_SECOND);
}

Test(refusal, patterns_of_the_settings_count_too)
{
    struct upstream_settings settings = {.limit_words = "slots are taken|come back", .credential_words = "who are you"};

    cr_assert_eq(refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_NO, SLICE("All SLOTS are taken"), &settings),
                 REFUSAL_LIMIT);
    cr_assert_eq(refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_NO, SLICE("Who are you?"), &settings),
                 REFUSAL_CREDENTIALS);
}
