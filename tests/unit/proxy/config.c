#include "proxy/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/command_line.h"

static const char servers[] = "[upstream a]\nurl = imap://127.0.0.1:1\n[listener b]\nurl = imap://127.0.0.1:20143\n";

static struct config *read_text(const char *text, const struct command_line *line, struct faults *faults)
{
    char path[] = "/tmp/imapmux-unit.XXXXXX";
    int descriptor = mkstemp(path);

    memset(faults, 0, sizeof(*faults));
    cr_assert_eq(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    struct config *config = config_read(path, line, faults);
    unlink(path);
    return config;
}

static struct config *read_good(const char *text)
{
    static struct faults faults;
    static const struct command_line nothing;
    struct config *config = read_text(text, &nothing, &faults);

    cr_assert(config, "line %d: %s", faults.list[0].line, faults.list[0].text);
    return config;
}

/* The first fault of `before`, followed by sections that are good. */
static void expect_fault(const char *before, int line, const char *words)
{
    static struct faults faults;
    static const struct command_line nothing;
    char text[8192];

    snprintf(text, sizeof(text), "%s%s", before, servers);
    cr_assert_null(read_text(text, &nothing, &faults), "%s", before);
    cr_assert_eq(faults.list[0].line, line, "%s: line %d: %s", before, faults.list[0].line, faults.list[0].text);
    cr_assert(strstr(faults.list[0].text, words), "%s: %s", before, faults.list[0].text);
}

Test(config, values_reach_their_places)
{
    char text[1024];

    snprintf(text, sizeof(text), "%s%s", servers,
             "id = never\n[timeouts]\n\tfreshness = 0 ; honest\nlinger=5m\n[limits]\nspool_max = 2G\nquantum: 3\n"
             "[logging]\nlog_level = debug\n");
    struct faults *faults = calloc(1, sizeof(*faults));
    struct command_line nothing = {0};
    cr_assert_null(read_text(text, &nothing, faults), "id stands in the listener");
    free(faults);
    char *stray = strstr(text, "id = never\n");
    memmove(stray, stray + 11, strlen(stray + 11) + 1);
    struct config *config = read_good(text);
    cr_assert_eq(config->settings.freshness, 0);
    cr_assert_eq(config->settings.linger, 5 * USEC_MINUTE);
    cr_assert_eq(config->settings.spool_max, 2 * GIBI);
    cr_assert_eq(config->settings.quantum, 3);
    cr_assert_eq(config->settings.slice_messages, 200);
    cr_assert_eq(config->program.log_level, LOG_DEBUG);
    cr_assert_str_eq(config->listeners->upstream->settings.name, "a");
    config_free(config);
}

Test(config, faults_of_lines)
{
    expect_fault("[timeouts]\nfreshness = soon\n", 2, "must be a time");
    expect_fault("[timeouts]\nidle_reissue = 0\n", 2, "more than 0");
    expect_fault("[timeouts]\nappend_max = 1M\n", 2, "belongs to [limits]");
    expect_fault("[limits]\nspool_total =\n", 2, "missing");
    expect_fault("[limits]\nspool_total = 3\n", 2, "at least 1K");
    expect_fault("[limits]\nquantum = 8\n\n\tquantum = 9\n", 4, "already set in line 2");
    expect_fault("# comment\nfreshness = 1s\n", 2, "before any [section]");
    expect_fault("[timeouts\nfreshness = soon\n", 1, "not closed");
    expect_fault("[timeouts] x\n", 1, "only a comment");
    expect_fault("[timeouts]\nfreshness\n", 2, "this is not a");
    expect_fault("[times]\n", 1, "no such section");
    expect_fault("[timeouts x]\n", 1, "no name");
    expect_fault("[upstream]\n", 1, "a name is missing");
    expect_fault("[upstream a:b]\n", 1, "letters, digits");
    expect_fault("[limits]\n[limits]\n", 2, "already begins in line 1");
    expect_fault("[upstream c]\n[listener d]\nupstream = c\nurl = imap://127.0.0.1:2\n", 1, "has no url");
    expect_fault("[timeouts]\nreconnect_first = 10m\n", 2, "must not be more than reconnect_ceiling");
    expect_fault("[program]\nspool_directory = /nonexistent\n", 2, "cannot create a file there");
    expect_fault("[program]\nuser = no-such-user\n", 2, "no such user");
    expect_fault("[program]\nmemory_max = 1M\n", 2, "at least 32M");
    expect_fault("[limits]\nappend_max = 0\n", 2, "at least 1K");
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nmax_sessions = 0\n", 3, "a number from 1 to 16");
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nmax_sessions = 17\n", 3, "a number from 1 to 16");
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nmax_sessions = two\n", 3, "must be a number");
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nmax_sessions_for = boss 2\n", 3, "users and numbers from 1");
}

static struct config *read_profile(const char *lines)
{
    char text[1024];

    snprintf(text, sizeof(text), "[upstream a]\nurl = imap://127.0.0.1:1\n%s\n[listener b]\nurl = imap://127.0.0.1:2\n",
             lines);
    return read_good(text);
}

Test(config, a_profile_sets_what_the_section_does_not)
{
    struct config *config = read_profile("profile = Courier");
    struct manners manners = config->upstreams->settings.manners;

    cr_assert_eq(manners.server_login_budget, 0);
    cr_assert_eq(manners.login_pace, 100);
    cr_assert_eq(manners.login_budget, 3, "the default stays");
    cr_assert_eq(config->upstreams->settings.idle_reissue, 15 * USEC_SECOND);
    config_free(config);
    config = read_profile("login_pace = 7\nprofile = courier\nserver_login_budget = 60");
    manners = config->upstreams->settings.manners;
    cr_assert_eq(manners.server_login_budget, 60, "the section wins, also with a default and below the profile");
    cr_assert_eq(manners.login_pace, 7);
    config_free(config);
    config = read_profile("profile = icloud");
    cr_assert_str_eq(config->upstreams->settings.hide, "ESEARCH BINARY");
    cr_assert(config->upstreams->naming.lower_case_users);
    config_free(config);
    config = read_profile("profile = icloud\nhide =");
    cr_assert_null(config->upstreams->settings.hide, "nothing may be set, too");
    config_free(config);
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nprofile = gmial\n", 3, "known are gmail, m365, ");
    expect_fault("[limits]\nprofile = gmail\n", 2, "belongs to [upstream NAME]");
}

Test(config, a_profile_on_the_command_line_is_that_of_its_upstream)
{
    static struct faults faults;
    struct command_line line = {.upstream = "imap://127.0.0.1:7", .profile = "cyrus"};
    struct config *config = read_text(servers, &line, &faults);

    cr_assert(config, "%s", faults.list[0].text);
    cr_assert_eq(config->upstreams->settings.manners.login_pace, 100);
    config_free(config);
    line.profile = "cyrrus";
    cr_assert_null(read_text(servers, &line, &faults));
    cr_assert(strstr(faults.list[0].text, "no such profile"), "%s", faults.list[0].text);
    line = (struct command_line){.profile = "cyrus"};
    cr_assert_null(read_text(servers, &line, &faults));
    cr_assert(strstr(faults.list[0].text, "needs --upstream"), "%s", faults.list[0].text);
}

Test(config, the_source_of_an_upstream)
{
    static struct faults faults;
    struct command_line line = {.upstream = "imap://127.0.0.1:7", .source = "127.0.0.2"};
    struct config *config = read_text(servers, &line, &faults);

    cr_assert(config, "%s", faults.list[0].text);
    cr_assert_str_eq(config->upstreams->settings.source, "127.0.0.2");
    cr_assert_null(config->warnings);
    config_free(config);
    config = read_good("[upstream a]\nurl = imap://127.0.0.1:1\nsource = 127.0.0.2 192.0.2.77\n"
                       "[listener b]\nurl = imap://127.0.0.1:20143\n");
    cr_assert(config->warnings && config->warnings->fault.line == 3 && !config->warnings->next);
    cr_assert(strstr(config->warnings->fault.text, "source = 192.0.2.77: this machine does not have that address now"));
    config_free(config);
    config = read_good(servers);
    cr_assert_null(config->upstreams->settings.source);
    config_free(config);
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nsource = 192.0.2.1, mail.example\n", 3,
                 "source = 192.0.2.1, mail.example: \"mail.example\" is not an IPv4 or IPv6 address");
    expect_fault("[upstream c]\nurl = imap://127.0.0.1:3\nsource = ::1\n", 3, "the host of url is an IPv4 address");
    expect_fault("[upstream c]\nurl = imap://[::1]:3\nsource = 127.0.0.1\n", 3, "the host of url is an IPv6 address");
    line = (struct command_line){.source = "127.0.0.2"};
    cr_assert_null(read_text(servers, &line, &faults));
    cr_assert(strstr(faults.list[0].text, "needs --upstream"), "%s", faults.list[0].text);
}

Test(config, the_state_directory_is_that_of_the_setting_else_of_systemd)
{
    char text[300];
    struct config *config = read_good(servers);

    cr_assert_null(config->program.state_directory);
    config_free(config);
    setenv("STATE_DIRECTORY", "/tmp:/var/tmp", 1);
    config = read_good(servers);
    cr_assert_str_eq(config->program.state_directory, "/tmp");
    config_free(config);
    snprintf(text, sizeof(text), "%s[program]\nstate_directory = /var/tmp\n", servers);
    config = read_good(text);
    cr_assert_str_eq(config->program.state_directory, "/var/tmp");
    config_free(config);
    snprintf(text, sizeof(text), "%s[program]\nstate_directory =\n", servers);
    config = read_good(text);
    cr_assert_null(config->program.state_directory, "none is wanted");
    config_free(config);
    unsetenv("STATE_DIRECTORY");
    expect_fault("[program]\nstate_directory = /no/such/place\n", 2,
                 "state_directory = /no/such/place: cannot create a file there: No such file");
}

Test(config, a_long_line_is_a_fault_and_the_next_is_not)
{
    char text[8192] = "[upstream c]\nurl = imap://127.0.0.1:3\nhide = ";
    size_t used = strlen(text);

    memset(text + used, 'x', 5000);
    snprintf(text + used + 5000, 200, "\nid = never\n[listener d]\nupstream = c\nurl = imap://127.0.0.1:2\n");
    expect_fault(text, 3, "longer than");
    text[used + 4000] = '\n';
    snprintf(text + used + 4001, 200, "id = never\n[listener d]\nupstream = c\nurl = imap://127.0.0.1:2\n");
    struct config *config = read_good(text);
    cr_assert_eq(strlen(config->upstreams->settings.hide), 4000);
    cr_assert_eq(config->upstreams->settings.id, UPSTREAM_ID_NEVER);
    config_free(config);
}

static enum upstream_tls tls_of(const char *lines)
{
    char text[1024];

    snprintf(text, sizeof(text), "[upstream a]\n%s\n[listener b]\nurl = imap://127.0.0.1:1\n", lines);
    struct config *config = read_good(text);
    enum upstream_tls tls = config->upstreams->settings.tls;
    config_free(config);
    return tls;
}

Test(config, plain_text_only_on_this_machine_or_by_name)
{
    cr_assert_eq(tls_of("url = imaps://mail.example"), UPSTREAM_IMPLICIT_TLS);
    cr_assert_eq(tls_of("url = imap://mail.example"), UPSTREAM_STARTTLS);
    cr_assert_eq(tls_of("url = imap://127.0.0.1"), UPSTREAM_PLAIN);
    cr_assert_eq(tls_of("url = imap://[::1]"), UPSTREAM_PLAIN);
    cr_assert_eq(tls_of("url = imap://localhost"), UPSTREAM_PLAIN);
    cr_assert_eq(tls_of("url = imap://localhost\ntls_verify = yes"), UPSTREAM_STARTTLS);
    cr_assert_eq(tls_of("url = imap://localhost\nstarttls = yes"), UPSTREAM_STARTTLS);
    cr_assert_eq(tls_of("url = imap://mail.example\nstarttls = no"), UPSTREAM_PLAIN);
    cr_assert_eq(tls_of("url = imap://127.0.0.1.example"), UPSTREAM_STARTTLS);
}

Test(config, the_command_line_is_laid_over_the_file)
{
    static struct faults faults;
    struct command_line line = {.upstream = "imap://127.0.0.1:7", .listen = {"imap://127.0.0.1:8"}, .listen_count = 1};
    char text[512];

    snprintf(text, sizeof(text), "%s[timeouts]\nlinger = 7s\n", servers);
    struct config *config = read_text(text, &line, &faults);
    cr_assert(config, "%s", faults.list[0].text);
    cr_assert_eq(config->upstreams->settings.port, 7);
    cr_assert_null(config->upstreams->next);
    cr_assert_eq(config->listeners->url.port, 8);
    cr_assert_null(config->listeners->next);
    cr_assert_eq(config->settings.linger, 7 * USEC_SECOND);
    config_free(config);
    line.log_level = "loud";
    cr_assert_null(read_text(text, &line, &faults));
    cr_assert(strstr(faults.list[0].text, "--log-level loud: must be"), "%s", faults.list[0].text);
}

Test(config, the_upstream_must_be_named_if_there_are_several)
{
    char text[512];
    static struct faults faults;
    static const struct command_line nothing;

    snprintf(text, sizeof(text), "%s[upstream c]\nurl = imap://127.0.0.1:2\n", servers);
    cr_assert_null(read_text(text, &nothing, &faults));
    cr_assert_eq(faults.list[0].line, 3);
    cr_assert(strstr(faults.list[0].text, "needs upstream = NAME"), "%s", faults.list[0].text);
}
