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

/* What providers and programs say to a right or a wrong password; all of it tagged NO. */
REFUSES(qq_has_one_text_for_every_refusal, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or "
        "system is busy. More information at https://help.mail.qq.com/detail/0/1010",
        REFUSAL_UNKNOWN)
REFUSES(tencent_enterprise_names_two_causes, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Login fail. Password is incorrect or service is not open.", REFUSAL_UNKNOWN)
REFUSES(qq_wants_a_code_instead_of_the_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Login fail. Please using authorized code to login.", REFUSAL_UNKNOWN)
REFUSES(netease_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN Login error or password error",
        REFUSAL_CREDENTIALS)
REFUSES(netease_unsafe_login, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN Unsafe Login. Please contact kefu@188.com for help",
        REFUSAL_UNKNOWN)
REFUSES(netease_suspended, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN Login error user suspended", REFUSAL_UNKNOWN)
REFUSES(netease_logs_in_too_often, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN Login frequently, please try later",
        REFUSAL_THROTTLED)
REFUSES(a_busy_system_proves_nothing, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN failed, system busy", REFUSAL_TEMPORARY)
REFUSES(a_choice_of_causes_in_chinese_proves_nothing, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "LOGIN failed \xe6\x88\x96 system busy", REFUSAL_UNKNOWN)
REFUSES(a_code_of_the_server_is_one_cause, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[UNAVAILABLE] Temporary authentication failure or password server down", REFUSAL_TEMPORARY)
REFUSES(a_code_of_credentials_with_a_choice_proves_nothing, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] Wrong password or too many connections", REFUSAL_UNKNOWN)
REFUSES(yandex_says_by_its_code_that_it_is_the_credentials, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=x", REFUSAL_CREDENTIALS)
REFUSES(outlook_blocks_an_account, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[ALERT] Account is blocked. Login to your account via a web browser to verify your identity.", REFUSAL_UNKNOWN)
REFUSES(a_locked_account_proves_nothing_of_its_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] Account locked, reset your password", REFUSAL_UNKNOWN)
REFUSES(gmail_wants_an_application_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
        REFUSAL_CREDENTIALS)
REFUSES(gmail_wants_a_browser, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
        REFUSAL_UNKNOWN)
REFUSES(mail_ru_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] Authentication failed. Please use application password", REFUSAL_CREDENTIALS)
REFUSES(zoho_has_imap_switched_off, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[ALERT] You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
        REFUSAL_UNKNOWN)
REFUSES(hmailserver_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "Invalid user name or password.",
        REFUSAL_CREDENTIALS)
REFUSES(smartermail_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "Authentication failed", REFUSAL_CREDENTIALS)
REFUSES(zimbra_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "[AUTHENTICATIONFAILED] LOGIN failed",
        REFUSAL_CREDENTIALS)
REFUSES(domino_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN invalid login", REFUSAL_CREDENTIALS)
REFUSES(proton_bridge_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO, "incorrect login credentials", REFUSAL_CREDENTIALS)
REFUSES(greenmail_unknown_user, REFUSAL_AT_LOGIN, RESPONSE_NO, "LOGIN failed. Unknown user", REFUSAL_CREDENTIALS)
REFUSES(blueweb_counts_logins, REFUSAL_AT_LOGIN, RESPONSE_NO, "Authentication limit exceeded", REFUSAL_THROTTLED)
REFUSES(gmail_has_sent_its_octets_for_a_day, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", REFUSAL_THROTTLED)
REFUSES(gmail_says_so_to_a_session_that_has_just_begun, REFUSAL_AT_FIRST_COMMAND, RESPONSE_NO,
        "[OVERQUOTA] Account exceeded command or bandwidth limits.", REFUSAL_THROTTLED)
REFUSES(gmail_says_so_and_ends_the_session, REFUSAL_AT_LOGIN, RESPONSE_BYE,
        "[OVERQUOTA] Account exceeded command or bandwidth limits.", REFUSAL_THROTTLED)
REFUSES(a_full_mailbox_is_no_refusal_of_a_session, REFUSAL_AT_FIRST_COMMAND, RESPONSE_NO,
        "[OVERQUOTA] Quota exceeded (mailbox for user is full)", REFUSAL_NONE)
REFUSES(mailu_counts_logins, REFUSAL_AT_LOGIN, RESPONSE_NO, "Temporary authentication failure (rate-limit)",
        REFUSAL_THROTTLED)
REFUSES(mailu_counts_logins_of_an_address, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Authentication rate limit from one source exceeded", REFUSAL_THROTTLED)
REFUSES(fastmail_counts_logins, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Already reached per-10 minute limit for logins by \"user@example.com\" of 500", REFUSAL_THROTTLED)
REFUSES(too_many_wrong_ones_are_no_word_about_this_one, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[AUTHENTICATIONFAILED] Too many failed login attempts", REFUSAL_THROTTLED)
REFUSES(a_backend_that_fails_is_no_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Login failed: cannot connect to password database", REFUSAL_UNKNOWN)
REFUSES(a_code_to_ask_the_admin_is_no_wrong_password, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[CONTACTADMIN] password could not be checked", REFUSAL_TEMPORARY)
REFUSES(a_session_that_is_in_use, REFUSAL_AT_LOGIN, RESPONSE_NO, "[INUSE] Mailbox is locked by another session",
        REFUSAL_TEMPORARY)
REFUSES(a_limit_in_the_middle_of_other_words, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "Login denied: too many simultaneous sessions", REFUSAL_LIMIT)
REFUSES(one_text_for_all_is_no_refusal_of_a_command, REFUSAL_AT_FIRST_COMMAND, RESPONSE_BAD,
        "Login fail. Password is incorrect, or system is busy", REFUSAL_NONE)

REFUSES(a_time_to_wait_is_kept_whatever_the_cause, REFUSAL_AT_LOGIN, RESPONSE_NO,
        "[UNAVAILABLE] Too busy, try again in 5 minutes", REFUSAL_THROTTLED)
REFUSES(a_time_to_wait_is_kept_without_a_cause, REFUSAL_AT_LOGIN, RESPONSE_NO, "Not now, please wait 5 minutes",
        REFUSAL_THROTTLED)
REFUSES(a_time_to_wait_for_one_mailbox_is_no_refusal, REFUSAL_AT_FIRST_COMMAND, RESPONSE_NO,
        "Mailbox is being rebuilt, please wait 5 minutes", REFUSAL_NONE)
REFUSES(a_time_to_wait_for_a_mailbox_in_use_is_no_throttling, REFUSAL_AT_FIRST_COMMAND, RESPONSE_NO,
        "[INUSE] Mailbox is locked, try again in 5 seconds", REFUSAL_TEMPORARY)
REFUSES(a_limit_stays_one_with_a_time, REFUSAL_AT_LOGIN, RESPONSE_NO, "Too many connections, try again in 5 minutes",
        REFUSAL_LIMIT)

Test(refusal, a_time_to_wait_is_read)
{
    cr_assert_eq(refusal_backoff(SLICE("Request is throttled. Suggested Backoff Time: 92415 milliseconds")),
                 92415 * (usec)1000);
    cr_assert_eq(refusal_backoff(SLICE("Too many connections")), 0);
    cr_assert_eq(refusal_backoff(SLICE("Backoff Time: 99999999999999999999")), 3600 * USEC_SECOND);
    cr_assert_eq(refusal_backoff(SLICE("Request is throttled. Suggested Backoff Time: 299910")), 299910 * (usec)1000);
}

Test(refusal, a_time_to_wait_may_have_any_unit)
{
    cr_assert_eq(refusal_backoff(SLICE("Too many failed logins, try again in 5 minutes")), 5 * USEC_MINUTE);
    cr_assert_eq(refusal_backoff(SLICE("Please TRY AGAIN after 90 seconds.")), 90 * USEC_SECOND);
    cr_assert_eq(refusal_backoff(SLICE("Login rate exceeded; retry in 30s")), 30 * USEC_SECOND);
    cr_assert_eq(refusal_backoff(SLICE("Please wait at least 10-min")), 10 * USEC_MINUTE);
    cr_assert_eq(refusal_backoff(SLICE("Account locked, try again in 24 hours")), USEC_HOUR);
    cr_assert_eq(refusal_backoff(SLICE("try again in 9223372036854775807 days")), USEC_HOUR);
}

Test(refusal, not_every_number_is_a_time)
{
    cr_assert_eq(refusal_backoff(SLICE("Please try again later. 14")), 0);
    cr_assert_eq(refusal_backoff(SLICE("Try again, see RFC 3501 section 5")), 0);
    cr_assert_eq(refusal_backoff(SLICE("Try again")), 0);
    cr_assert_eq(refusal_backoff(SLICE("10 minutes")), 0);
    cr_assert_eq(refusal_backoff(SLICE("Already reached per-10 minute limit for logins")), 0,
                 "of a window, not a pause");
    cr_assert_eq(refusal_backoff(SLICE("")), 0);
}

Test(refusal, an_account_that_is_closed_for_a_day_is_tried_once_an_hour)
{
    cr_assert_eq(refusal_backoff(SLICE("[OVERQUOTA] Account exceeded command or bandwidth limits.")), USEC_HOUR);
    cr_assert_eq(refusal_backoff(SLICE("[OVERQUOTA] Quota exceeded (mailbox for user is full)")), 0);
}

Test(refusal, patterns_of_the_settings_count_too)
{
    struct upstream_settings settings = {.limit_words = "slots are taken|come back", .credential_words = "who are you"};

    cr_assert_eq(refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_NO, SLICE("All SLOTS are taken"), &settings),
                 REFUSAL_LIMIT);
    cr_assert_eq(refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_NO, SLICE("Who are you?"), &settings),
                 REFUSAL_CREDENTIALS);
    settings.credential_words = "login fail";
    cr_assert_eq(refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_NO, SLICE("Login fail. Service is not open or password"),
                                  &settings),
                 REFUSAL_CREDENTIALS, "who knows the server knows what it means");
}
