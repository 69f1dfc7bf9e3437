/* The settings that the machines obey, as numbers. Filled by the program from its file and command line; the defaults
 * stand in settings_defaults. Durations are microseconds, sizes octets. A change (SIGHUP) writes into the same struct:
 * the machines read it when they need it and keep no copy. */
#ifndef IMAPMUX_MUX_SETTINGS_H
#define IMAPMUX_MUX_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"

#define USEC_MINUTE (60 * USEC_SECOND)
#define USEC_HOUR   (60 * USEC_MINUTE)
#define KIBI        ((uint64_t)1024)
#define MEBI        (1024 * KIBI)
#define GIBI        (1024 * MEBI)

/* X(name in the file, kind, default, what it does). Kinds: DURATION, SIZE, COUNT. The program, --help's text,
 * conf/imapmux.conf and docs/settings.md are compared with this list by a test. */
#define SETTINGS(X)                                                                                                    \
    X(freshness, DURATION, 1 * USEC_SECOND, "maximum age of the last look at a mailbox that may answer a poll")        \
    X(idle_delay, DURATION, USEC_SECOND / 20, "quiet time before the upstream is put into IDLE")                       \
    X(park_delay, DURATION, 10 * USEC_SECOND, "quiet time before IDLE moves to the mailbox that most clients watch")   \
    X(idle_gather, DURATION, USEC_SECOND / 2, "how long flag changes are gathered for clients in IDLE")                \
    X(idle_reissue, DURATION, 9 * USEC_MINUTE, "age at which an upstream IDLE is ended and begun again")               \
    X(idle_probe, DURATION, 4 * USEC_MINUTE, "silence in the upstream's IDLE after which the connection is tested")    \
    X(poll_interval, DURATION, 30 * USEC_SECOND, "NOOP interval at an upstream without IDLE")                          \
    X(watch_interval, DURATION, 30 * USEC_SECOND, "interval of STATUS for the other mailboxes that clients have open") \
    X(watch_full_interval, DURATION, 5 * USEC_MINUTE,                                                                  \
      "interval of selecting each of them for flag changes, without CONDSTORE")                                        \
    X(flag_interval, DURATION, 60 * USEC_SECOND, "minimum interval between readings of all flags, without CONDSTORE")  \
    X(response_timeout, DURATION, 60 * USEC_SECOND,                                                                    \
      "silence of the upstream during a command after which to reconnect")                                             \
    X(slow_timeout, DURATION, 10 * USEC_MINUTE,                                                                        \
      "the same for SEARCH, COPY, MOVE, APPEND, EXPUNGE, SELECT and other slow commands")                              \
    X(reconnect_first, DURATION, USEC_SECOND / 20, "first pause before a reconnect")                                   \
    X(reconnect_ceiling, DURATION, 5 * USEC_MINUTE, "longest pause before a reconnect")                                \
    X(connect_timeout, DURATION, 15 * USEC_SECOND, "time for connection, TLS and greeting of the upstream")            \
    X(login_wait, DURATION, 30 * USEC_SECOND, "how long a client's login waits for a busy or absent upstream")         \
    X(linger, DURATION, 60 * USEC_SECOND, "how long the upstream session is kept after the last client")               \
    X(quantum, COUNT, 8, "jobs in the selected mailbox before another mailbox has its turn")                           \
    X(slice_messages, COUNT, 200, "messages of a FETCH or STORE sent upstream at once")                                \
    X(slice_size, SIZE, MEBI, "octets of messages of a FETCH sent upstream at once")                                   \
    X(verify_ttl, DURATION, 4 * USEC_HOUR, "how long an accepted password is accepted without asking the upstream")    \
    X(reverify_interval, DURATION, 60 * USEC_SECOND,                                                                   \
      "minimum interval between in-place password checks on one account")                                              \
    X(rejected_ttl, DURATION, 600 * USEC_SECOND, "how long a refused password is refused without asking the upstream") \
    X(failure_delay, DURATION, USEC_SECOND, "delay before a refused login is answered; doubled by each further one")   \
    X(failure_delay_max, DURATION, 16 * USEC_SECOND, "the longest such delay")                                         \
    X(login_failures_per_minute, COUNT, 20, "maximum of refused passwords a minute at one upstream")                   \
    X(client_line_max, SIZE, 64 * KIBI, "longest command line of a client, without uploaded messages")                 \
    X(client_line_max_before_login, SIZE, 36 * KIBI, "longest command line before login (ID may have 32 KB)")          \
    X(literal_max_before_login, SIZE, 4 * KIBI, "largest literal before login")                                        \
    X(upstream_command_max, SIZE, 8000, "longest command line sent upstream")                                          \
    X(upstream_answer_max, SIZE, 16 * MEBI, "longest line taken from the upstream")                                    \
    X(append_max, SIZE, 100 * MEBI, "largest message taken by APPEND")                                                 \
    X(output_memory, SIZE, 256 * KIBI, "output of a slow client held in memory before it goes to a file")              \
    X(spool_max, SIZE, GIBI, "output of a slow client held in all before the client is cut")                           \
    X(spool_total, SIZE, 10 * GIBI, "all spool files together")                                                        \
    X(write_timeout, DURATION, 5 * USEC_MINUTE, "time after which a client that takes no octet is cut")                \
    X(login_timeout, DURATION, 60 * USEC_SECOND, "time a client has to log in")                                        \
    X(keepalive, DURATION, 2 * USEC_MINUTE, "interval of * OK Still here for clients in IDLE, and of TCP keep-alive")  \
    X(sessions_per_account, COUNT, 100, "clients at once on one account")                                              \
    X(sessions_per_address, COUNT, 200, "clients at once from one address")                                            \
    X(sessions_total, COUNT, 10000, "clients at once in all")                                                          \
    X(queued_commands, COUNT, 100, "commands of a session waiting before reading pauses")                              \
    X(drain_max, SIZE, 8 * MEBI, "octets read for a client that has gone; with more left, reconnect")                  \
    X(max_garbage, COUNT, 20, "unintelligible upstream lines in a row before a reconnect")                             \
    X(max_bad_before_login, COUNT, 3, "invalid commands in a row before a client is cut, before login")                \
    X(max_bad, COUNT, 20, "invalid commands in a row before a client is cut, after login")

#define SETTING_TYPE_DURATION usec
#define SETTING_TYPE_SIZE     uint64_t
#define SETTING_TYPE_COUNT    uint64_t

struct settings {
#define SETTING_MEMBER(name, kind, value, help) SETTING_TYPE_##kind name;
    SETTINGS(SETTING_MEMBER)
#undef SETTING_MEMBER
};

/* Writes the default of every setting. */
void settings_defaults(struct settings *settings);

enum upstream_tls { UPSTREAM_PLAIN, UPSTREAM_STARTTLS, UPSTREAM_IMPLICIT_TLS };
enum upstream_id {
    UPSTREAM_ID_AUTO /* after login, if announced */,
    UPSTREAM_ID_BEFORE,
    UPSTREAM_ID_AFTER,
    UPSTREAM_ID_NEVER
};

enum upstream_tokens {
    UPSTREAM_TOKENS_AUTO, /* once the server has been seen to offer them */
    UPSTREAM_TOKENS_YES,
    UPSTREAM_TOKENS_NO,
    UPSTREAM_TOKENS_CHECKED, /* as YES; and the server compares the user name beside a token with the token's user */
};

/* How the names of users are read. Each [upstream NAME] has its own way, also where two of them name one server. */
struct naming {
    bool lower_case_users;      /* user names are the same in any case; they are sent in lower case */
    const char *default_domain; /* added to user names without an @; NULL: none */
};

/* How a server is treated: X(name, kind, default text, what it is), settings of an [upstream NAME]. 0: no measure, no
 * pause, no pieces. */
#define MANNERS(X)                                                                                                     \
    X(login_budget, COUNT, "3", "logins of one account at once; then one each login_interval; 0: no limit")            \
    X(login_interval, DURATION, "30s", "time after which an account may log in once more")                             \
    X(server_login_budget, COUNT, "60", "logins a minute at this server, of all accounts; 0: no limit")                \
    X(login_pace, COUNT, "10", "connections begun a second at this server, of all accounts; 0: no limit")              \
    X(kick_pause, DURATION, "5m", "how long a server that cuts the oldest session is left alone; 0: it is not")        \
    X(piece_size, SIZE, "1M", "messages larger than this are fetched in pieces of this size; 0: whole")                \
    X(max_sessions, COUNT, "1", "sessions of one account at once, where the server permits more than one; at most 16")

struct manners {
#define MANNER_MEMBER(name, kind, preset, help) SETTING_TYPE_##kind name;
    MANNERS(MANNER_MEMBER)
#undef MANNER_MEMBER
};

#define UPSTREAM_HOST_MAX 255

/* No account has more sessions. */
#define SESSIONS_MAX 16

/* One server: the first [upstream NAME] that names it. Strings owned by the program, as long-lived as the registry.
 * Host and port never change while an account borrows the struct; the rest may (SIGHUP). */
struct upstream_settings {
    const char *name;
    const char *host; /* name or address literal, at most UPSTREAM_HOST_MAX octets */
    uint16_t port;
    enum upstream_tls tls;
    bool tls_verify;      /* off only if the admin says so by name */
    const char *tls_ca;   /* file of trusted certificates, NULL: the system's */
    const char *tls_name; /* name expected in the certificate, NULL: host */
    enum upstream_id id;
    const char *source;      /* addresses of this machine to connect from: see net/sources.h; NULL: any */
    bool compress;           /* COMPRESS=DEFLATE is used where the server offers it */
    const char *hide;        /* capabilities neither used nor shown, separated by spaces; NULL: none */
    const char *limit_words; /* more patterns of refusals, separated by '|': see refusal.h; NULL: none */
    const char *temporary_words;
    const char *credential_words;
    bool verify_connection;      /* an unknown credential may be tried on a short second connection */
    enum upstream_tokens tokens; /* are XOAUTH2 and OAUTHBEARER offered to clients? */
    struct manners manners;
    const char *max_sessions_for; /* for some users another max_sessions; NULL: none. See settings_sessions */
    usec idle_reissue;            /* in place of that of struct settings; 0: that one holds */
    bool removed;                 /* no section names the server any more: no session of it is begun again */
};

/* How many sessions the settings permit this user, as the server knows it: from 1 to SESSIONS_MAX. In max_sessions_for,
 * "PATTERN=NUMBER" separated by spaces, the first pattern that matches counts; in it * stands for any octets, ? for
 * one, and letters match in any case. */
unsigned settings_sessions(const struct upstream_settings *settings, struct slice user);
/* NULL: such a list; else what is wrong with it, a constant. */
const char *settings_sessions_fault(const char *list);

#endif
