/* The table, and how a value of each kind is read into its place. */
#include "proxy/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mux/settings.h"
#include "proxy/config.h"

static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const auto_yes_no[] = {"auto", "yes", "no", NULL};
static const char *const token_rules[] = {"auto", "yes", "no", "checked", NULL};
static const char *const id_times[] = {"auto", "before", "after", "never", NULL};

#define NUMBER_KEY(wanted, member, key_kind, text)                                                                     \
    {.section = (wanted),                                                                                              \
     .name = #member,                                                                                                  \
     .kind = (key_kind),                                                                                               \
     .offset = offsetof(struct settings, member),                                                                      \
     .help = (text)},
/* The table of mux/settings.h is walked twice, so that each section stands in one piece. */
#define IN_TIMEOUTS_DURATION(member, text) NUMBER_KEY(SECTION_TIMEOUTS, member, KEY_DURATION, text)
#define IN_TIMEOUTS_SIZE(member, text)
#define IN_TIMEOUTS_COUNT(member, text)
#define IN_LIMITS_DURATION(member, text)
#define IN_LIMITS_SIZE(member, text)         NUMBER_KEY(SECTION_LIMITS, member, KEY_SIZE, text)
#define IN_LIMITS_COUNT(member, text)        NUMBER_KEY(SECTION_LIMITS, member, KEY_COUNT, text)
#define TIMEOUT_KEY(name, kind, value, help) IN_TIMEOUTS_##kind(name, help)
#define LIMIT_KEY(name, kind, value, help)   IN_LIMITS_##kind(name, help)

#define TEXT_KEY(wanted, type, member, preset, text)                                                                   \
    {                                                                                                                  \
        .section = (wanted), .name = #member, .kind = KEY_TEXT, .offset = offsetof(struct type, member),               \
        .default_text = (preset), .help = (text)                                                                       \
    }
#define SWITCH_KEY(wanted, type, member, preset, text)                                                                 \
    {                                                                                                                  \
        .section = (wanted), .name = #member, .kind = KEY_SWITCH, .offset = offsetof(struct type, member),             \
        .default_text = (preset), .help = (text)                                                                       \
    }
#define SIZE_KEY(wanted, type, member, preset, text)                                                                   \
    {                                                                                                                  \
        .section = (wanted), .name = #member, .kind = KEY_SIZE, .offset = offsetof(struct type, member),               \
        .default_text = (preset), .help = (text)                                                                       \
    }
#define DURATION_KEY(wanted, type, member, preset, text)                                                               \
    {                                                                                                                  \
        .section = (wanted), .name = #member, .kind = KEY_DURATION, .offset = offsetof(struct type, member),           \
        .default_text = (preset), .help = (text)                                                                       \
    }
#define CHOICE_KEY(wanted, type, member, words, preset, text)                                                          \
    {                                                                                                                  \
        .section = (wanted), .name = #member, .kind = KEY_CHOICE, .offset = offsetof(struct type, member),             \
        .default_text = (preset), .choices = (words), .help = (text)                                                   \
    }
#define URL_KEY(wanted, type, text)                                                                                    \
    {                                                                                                                  \
        .section = (wanted), .name = "url", .kind = KEY_TEXT, .offset = offsetof(struct type, url),                    \
        .default_text = "", .help = (text), .required = true                                                           \
    }

#define MANNER_KEY(member, key_kind, preset, text)                                                                     \
    {.section = SECTION_UPSTREAM,                                                                                      \
     .name = #member,                                                                                                  \
     .kind = KEY_##key_kind,                                                                                           \
     .offset = offsetof(struct upstream_values, manners) + offsetof(struct manners, member),                           \
     .default_text = (preset),                                                                                         \
     .help = (text)},

/* clang-format off */
const struct key keys[] = {
    URL_KEY(SECTION_UPSTREAM, upstream_values, "the IMAP server: imaps://HOST[:993] or imap://HOST[:143]; must be set"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, profile, "",
             "the kind of server, such as gmail or dovecot: sets what is known of it (docs/profiles.md)"),
    CHOICE_KEY(SECTION_UPSTREAM, upstream_values, starttls, auto_yes_no, "auto",
               "for imap://: auto requires STARTTLS except to a loopback address without a tls_ setting; yes requires "
               "it everywhere; no sends passwords in plain text"),
    SWITCH_KEY(SECTION_UPSTREAM, upstream_values, tls_verify, "yes",
               "verify the server's certificate; with no, attackers on the way can read and change everything"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, tls_ca, "",
             "PEM file of the certificates to trust instead of the system's"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, tls_name, "",
             "name that the certificate must carry, if it is not the url's host"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, source, "",
             "addresses of this machine to connect from, separated by spaces or commas; each user has one of them"),
    CHOICE_KEY(SECTION_UPSTREAM, upstream_values, id, id_times, "auto",
               "when ID is sent: auto after login if it is announced, before login, after login, or never"),
    SWITCH_KEY(SECTION_UPSTREAM, upstream_values, compress, "no",
               "compress the connection to the server where it offers COMPRESS=DEFLATE: worth it on slow lines"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, hide, "",
             "capabilities of the server that are neither used nor shown, separated by spaces"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, limit_words, "",
             "more words with which the server refuses too many sessions, separated by |"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, temporary_words, "",
             "more words with which the server refuses temporarily, separated by |"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, credential_words, "",
             "more words with which the server refuses a wrong password, separated by |"),
    SWITCH_KEY(SECTION_UPSTREAM, upstream_values, verify_connection, "no",
               "check new passwords on a short second connection: only where the server permits one"),
    CHOICE_KEY(SECTION_UPSTREAM, upstream_values, tokens, token_rules, "auto",
               "offer XOAUTH2 and OAUTHBEARER to clients: auto once the server has offered one of them, yes or no; "
               "checked is yes, where the server compares the user name with the token (else one token at a time)"),
    SWITCH_KEY(SECTION_UPSTREAM, upstream_values, lower_case_users, "no",
               "treat user names as the same in any case: they are sent in lower case"),
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, default_domain, "",
             "domain that is added to user names without an @"),
    MANNERS(MANNER_KEY)
    TEXT_KEY(SECTION_UPSTREAM, upstream_values, max_sessions_for, "",
             "another max_sessions for some users: PATTERN=NUMBER, separated by spaces; the first that matches counts"),
    DURATION_KEY(SECTION_UPSTREAM, upstream_values, idle_reissue, "0",
                 "age at which an IDLE at this server is ended and begun again; 0: as in [timeouts]"),
    URL_KEY(SECTION_LISTENER, listener_values,
            "where clients connect: imap://ADDRESS[:143] or imaps://ADDRESS[:993], * for all addresses; must be set"),
    TEXT_KEY(SECTION_LISTENER, listener_values, upstream, "",
             "name of the upstream that the clients log in to; not needed if there is only one"),
    TEXT_KEY(SECTION_LISTENER, listener_values, cert, "",
             "PEM file of the certificate, followed by its intermediates; without it, no STARTTLS and no imaps"),
    TEXT_KEY(SECTION_LISTENER, listener_values, key, "", "PEM file of the certificate's key, without a pass phrase"),
    CHOICE_KEY(SECTION_LISTENER, listener_values, plaintext_login, auto_yes_no, "auto",
               "logins without TLS: auto from this machine only, yes from everywhere, no never"),
    SWITCH_KEY(SECTION_LISTENER, listener_values, compress, "yes", "offer COMPRESS=DEFLATE to clients"),
    TEXT_KEY(SECTION_LISTENER, listener_values, proxy_from, "",
             "addresses and networks of proxies that must begin each connection with a PROXY header; empty: none"),
    SETTINGS(TIMEOUT_KEY)
    SETTINGS(LIMIT_KEY)
    CHOICE_KEY(SECTION_LOGGING, program_settings, log_level, log_levels, "info",
               "least important level that is logged: error, warning, info or debug"),
    TEXT_KEY(SECTION_LOGGING, program_settings, log_file, "",
             "log file to append to, opened again at SIGHUP; empty: standard error"),
    TEXT_KEY(SECTION_PROGRAM, program_settings, spool_directory, "/var/tmp",
             "directory for unnamed temporary files: uploads and output of slow clients"),
    TEXT_KEY(SECTION_PROGRAM, program_settings, state_directory, "",
             "directory in which lost sessions are remembered over a restart; not set: systemd's, if the unit has one"),
    SWITCH_KEY(SECTION_PROGRAM, program_settings, core_dumps, "no",
               "permit core dumps and debuggers, which can see passwords and mail"),
    TEXT_KEY(SECTION_PROGRAM, program_settings, user, "",
             "user to become after opening the ports, if started as root; empty: no change"),
    SIZE_KEY(SECTION_PROGRAM, program_settings, memory_max, "0",
             "memory limit of the process: work that does not fit is refused; 0: no limit"),
};
/* clang-format on */
const size_t key_count = sizeof(keys) / sizeof(keys[0]);
_Static_assert(sizeof(keys) / sizeof(keys[0]) <= KEYS_MAX, "KEYS_MAX is too small");

/* Durations of which 0 would be a loop or a line that is dead at once, unless 0 is the default and means something
 * else. */
static const char *const never_zero[] = {
    "idle_reissue",     "poll_interval", "watch_interval",  "watch_full_interval",
    "response_timeout", "slow_timeout",  "reconnect_first", "reconnect_ceiling",
    "connect_timeout",  "login_timeout", "keepalive",       "login_interval",
};
#define SIZE_LEAST 1024

/* ---- finding ---- */

bool key_section_known(const char *section)
{
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i].section, section) == 0)
            return true;
    return false;
}

bool key_section_named(const char *section)
{
    return strcmp(section, SECTION_UPSTREAM) == 0 || strcmp(section, SECTION_LISTENER) == 0;
}

const struct key *key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

const char *key_section_of(const char *name)
{
    for (size_t i = 0; i < key_count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return keys[i].section;
    return NULL;
}

/* ---- values ---- */

static bool may_be_zero(const struct key *key)
{
    if (key->default_text && strcmp(key->default_text, "0") == 0)
        return true;
    for (size_t i = 0; i < sizeof(never_zero) / sizeof(never_zero[0]); i++)
        if (strcmp(never_zero[i], key->name) == 0)
            return false;
    return true;
}

static const char *set_duration(const struct key *key, void *place, const char *text)
{
    usec value;

    if (!setting_read_duration(text, &value))
        return "must be a time such as 500ms, 1s, 9m, 4h or 0, at most a year";
    if (value == 0 && !may_be_zero(key))
        return "must be more than 0";
    *(usec *)place = value;
    return NULL;
}

static const char *set_size(const struct key *key, void *place, const char *text)
{
    uint64_t value;

    if (!setting_read_size(text, &value))
        return "must be a number of octets such as 8000, 64K, 1M or 10G";
    if (value < SIZE_LEAST && !(value == 0 && key->default_text)) /* such sizes have 0 for "no limit" */
        return "must be at least 1K";
    *(uint64_t *)place = value;
    return NULL;
}

static const char *set_count(const struct key *key, void *place, const char *text)
{
    uint64_t value;

    if (!setting_read_count(text, &value))
        return "must be a number up to 1000000000";
    if (value == 0 && !key->default_text) /* such counts have 0 for "no limit" */
        return "must be a number from 1 to 1000000000";
    *(uint64_t *)place = value;
    return NULL;
}

static const char *set_switch(const struct key *key, void *place, const char *text)
{
    (void)key;
    return setting_read_switch(text, place) ? NULL : "must be yes or no";
}

static const char *set_choice(const struct key *key, void *place, const char *text)
{
    for (unsigned i = 0; key->choices[i]; i++) {
        if (strcasecmp(key->choices[i], text) == 0) {
            *(unsigned *)place = i;
            return NULL;
        }
    }
    return key->choices == auto_yes_no   ? "must be auto, yes or no"
           : key->choices == id_times    ? "must be auto, before, after or never"
           : key->choices == token_rules ? "must be auto, yes, no or checked"
                                         : "must be error, warning, info or debug";
}

static const char *set_text(const struct key *key, void *place, const char *text)
{
    (void)key;
    *(const char **)place = text[0] ? text : NULL;
    return NULL;
}

static const char *(*const setters[])(const struct key *key, void *place, const char *text) = {
    [KEY_DURATION] = set_duration, [KEY_SIZE] = set_size,     [KEY_COUNT] = set_count,
    [KEY_SWITCH] = set_switch,     [KEY_CHOICE] = set_choice, [KEY_TEXT] = set_text,
};

const char *key_set(const struct key *key, void *values, const char *text)
{
    if (text[0] == '\0' && key->kind != KEY_TEXT)
        return "the value is missing";
    return setters[key->kind](key, (char *)values + key->offset, text);
}

void key_set_default(const struct key *key, void *values)
{
    if (key->default_text)
        (void)key_set(key, values, key->default_text);
}

const char *key_print(const struct key *key, const void *values, char buffer[SETTING_VALUE_SIZE])
{
    const void *place = (const char *)values + key->offset;

    switch (key->kind) {
    case KEY_DURATION:
        return setting_print_duration(*(const usec *)place, buffer);
    case KEY_SIZE:
        return setting_print_size(*(const uint64_t *)place, buffer);
    case KEY_COUNT:
        snprintf(buffer, SETTING_VALUE_SIZE, "%" PRIu64, *(const uint64_t *)place);
        return buffer;
    case KEY_SWITCH:
        return *(const bool *)place ? "yes" : "no";
    case KEY_CHOICE:
        return key->choices[*(const unsigned *)place];
    case KEY_TEXT:
        return *(const char *const *)place ? *(const char *const *)place : "";
    }
    abort();
}

const char *key_default_text(const struct key *key, char buffer[SETTING_VALUE_SIZE])
{
    struct settings defaults;

    if (key->default_text)
        return key->default_text;
    settings_defaults(&defaults);
    return key_print(key, &defaults, buffer);
}
