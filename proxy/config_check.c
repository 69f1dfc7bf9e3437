/* From sections to upstreams and listeners: finds the parts that belong together. A missing part, or one that cannot
 * work, is a fault with its line. Named files are opened here, so that -t finds later failures; nothing is kept open.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mux/endpoint.h"
#include "net/address.h"
#include "net/sources.h"
#include "net/spool.h"
#include "net/tls.h"
#include "proxy/config.h"

#define MEMORY_LEAST ((uint64_t)32 * 1024 * 1024)

/* ---- upstreams ---- */

static bool parse_url(const struct config_section *section, const char *text, bool listen, struct url *url,
                      struct faults *faults)
{
    const char *fault;

    if (!text) {
        faults_add(faults, section->line, "[%s %s] has no url", section->kind, section->name);
        return false;
    }
    if (url_parse(text, listen, url, &fault))
        return true;
    faults_add(faults, config_key_line(section, "url"), "url = %.80s: %s", text, fault);
    return false;
}

static bool has_tls_setting(const struct config_section *section)
{
    static const char *const names[] = {"tls_verify", "tls_ca", "tls_name"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (section->key_lines[key_find(SECTION_UPSTREAM, names[i]) - keys] > 0)
            return true;
    return false;
}

static enum upstream_tls tls_of(const struct config_section *section, const struct url *url)
{
    const struct upstream_values *values = section->values;

    if (url->implicit_tls)
        return UPSTREAM_IMPLICIT_TLS;
    switch ((enum choice)values->starttls) {
    case CHOICE_AUTO:
        return address_name_is_loopback(url->host) && !has_tls_setting(section) ? UPSTREAM_PLAIN : UPSTREAM_STARTTLS;
    case CHOICE_YES:
        return UPSTREAM_STARTTLS;
    case CHOICE_NO:
        return UPSTREAM_PLAIN;
    }
    abort();
}

static void check_trust(const struct config_section *section, struct faults *faults)
{
    const struct upstream_values *values = section->values;
    const struct tls_client_options options = {.verify = true, .ca = values->tls_ca};
    struct tls_fault fault;

    if (!values->tls_ca)
        return;
    struct tls_context *context = tls_client_new(&options, &fault);
    if (!context)
        faults_add(faults, config_key_line(section, "tls_ca"), "%s", fault.text);
    tls_context_free(context);
}

/* AF_UNSPEC: a name, whose addresses are not known here. */
static int family_of_host(const char *host)
{
    uint8_t address[16];

    return inet_pton(AF_INET6, host, address) == 1  ? AF_INET6
           : inet_pton(AF_INET, host, address) == 1 ? AF_INET
                                                    : AF_UNSPEC;
}

/* True also where that cannot be found out. */
static bool is_ours(const struct address *address)
{
    int descriptor = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ours = true;

    if (descriptor < 0)
        return true;
    if (bind(descriptor, (const struct sockaddr *)&address->storage, address->length) != 0)
        ours = errno != EADDRNOTAVAIL;
    close(descriptor);
    return ours;
}

/* It may get the address later. */
static void warn_of_missing(struct config *config, int line, const struct sources *sources)
{
    char text[ADDRESS_TEXT_SIZE];

    for (size_t i = 0; i < sources->count; i++)
        if (!is_ours(&sources->list[i]))
            config_warn(config, line,
                        "source = %s: this machine does not have that address now; its users cannot log in",
                        address_host(&sources->list[i], text));
}

static void check_source(struct config *config, const struct config_section *section, const struct url *url,
                         struct faults *faults)
{
    const struct upstream_values *values = section->values;
    int family = family_of_host(url->host), line = config_key_line(section, "source");
    struct sources sources;
    char fault[SOURCES_FAULT_SIZE];

    if (!sources_parse(values->source, &sources, fault))
        faults_add(faults, line, "source = %.100s: %s", values->source, fault);
    else if (sources.count > 0 && family != AF_UNSPEC && !sources_choose(&sources, family, SLICE("")))
        faults_add(faults, line, "source = %.100s: the host of url is an %s address, and there is none here",
                   values->source, family == AF_INET6 ? "IPv6" : "IPv4");
    else
        warn_of_missing(config, line, &sources);
}

static void fill_upstream(struct config_upstream *upstream, const struct config_section *section, const struct url *url,
                          const char *host)
{
    const struct upstream_values *values = section->values;

    upstream->section = section;
    upstream->settings = (struct upstream_settings){
        .name = section->name,
        .host = host,
        .port = url->port,
        .tls = tls_of(section, url),
        .tls_verify = values->tls_verify,
        .tls_ca = values->tls_ca,
        .tls_name = values->tls_name,
        .id = (enum upstream_id)values->id,
        .source = values->source,
        .compress = values->compress,
        .hide = values->hide,
        .limit_words = values->limit_words,
        .temporary_words = values->temporary_words,
        .credential_words = values->credential_words,
        .verify_connection = values->verify_connection,
        .manners = values->manners,
        .max_sessions_for = values->max_sessions_for,
        .idle_reissue = values->idle_reissue,
        .tokens = (enum upstream_tokens)values->tokens,
    };
    upstream->naming = (struct naming){
        .lower_case_users = values->lower_case_users,
        .default_domain = values->default_domain,
    };
}

/* Only the first section that names a server says how to speak with it. */
static void warn_of_twins(struct config *config, const struct config_upstream *upstream)
{
    for (const struct config_upstream *other = config->upstreams; other; other = other->next) {
        if (!endpoint_equal(&other->settings, &upstream->settings))
            continue;
        config_warn(
            config, config_key_line(upstream->section, "url"),
            "[upstream %.40s] is the same server as [upstream %.40s]: a user of both is one account with one "
            "session there, and the settings of [upstream %.40s] hold for both, except for lower_case_users and "
            "default_domain",
            upstream->section->name, other->section->name, other->section->name);
        return;
    }
}

/* Writes the values of the section's profile where the section itself sets none. */
static void lay_profile(struct config_section *section, struct faults *faults)
{
    const struct upstream_values *values = section->values;
    char names[200];

    if (!values->profile)
        return;
    section->profile = profile_find(values->profile);
    if (!section->profile) {
        faults_add(faults, config_key_line(section, "profile"),
                   "profile = %.60s: there is no such profile; known are %s", values->profile,
                   profile_names(names, sizeof(names)));
        return;
    }
    for (const struct profile_value *value = section->profile->values; value->name; value++) {
        const struct key *key = key_find(SECTION_UPSTREAM, value->name);
        assert(key);
        if (section->key_lines[key - keys] != 0)
            continue;
        const char *fault = key_set(key, section->values, value->value);
        assert(!fault);
    }
}

/* Numbers beyond the measure, and lists that cannot be read. */
static void check_sessions(const struct config_section *section, struct faults *faults)
{
    const struct upstream_values *values = section->values;
    const char *fault = values->max_sessions_for ? settings_sessions_fault(values->max_sessions_for) : NULL;

    if (values->manners.max_sessions < 1 || values->manners.max_sessions > SESSIONS_MAX)
        faults_add(faults, config_key_line(section, "max_sessions"), "max_sessions must be a number from 1 to %d",
                   SESSIONS_MAX);
    if (fault)
        faults_add(faults, config_key_line(section, "max_sessions_for"), "max_sessions_for = %.100s: %s",
                   values->max_sessions_for, fault);
}

static void resolve_upstream(struct config *config, struct config_section *section, struct faults *faults)
{
    const struct upstream_values *values = section->values;
    struct config_upstream *upstream, **end = &config->upstreams;
    struct url url = {.port = 0};

    lay_profile(section, faults);
    check_trust(section, faults);
    check_sessions(section, faults);
    bool good = parse_url(section, values->url, false, &url, faults);
    check_source(config, section, &url, faults);
    if (good && url.implicit_tls && values->starttls != CHOICE_AUTO)
        faults_add(faults, config_key_line(section, "starttls"), "starttls has no effect with imaps://; remove it");
    upstream = calloc(1, sizeof(*upstream)); /* made even if faulty, so that its listeners find it */
    const char *host = config_keep(config, url.host);
    if (!upstream || !host) {
        free(upstream);
        faults_add(faults, 0, "out of memory");
        return;
    }
    fill_upstream(upstream, section, &url, host);
    if (good)
        warn_of_twins(config, upstream);
    while (*end)
        end = &(*end)->next;
    *end = upstream;
}

/* ---- listeners ---- */

static const struct config_upstream *find_upstream(const struct config *config, const char *name)
{
    const struct config_upstream *upstream = config->upstreams;

    while (upstream && strcmp(upstream->settings.name, name) != 0)
        upstream = upstream->next;
    return upstream;
}

static void find_its_upstream(const struct config *config, struct config_listener *listener, struct faults *faults)
{
    const char *name = listener->values->upstream;
    const struct config_section *section = listener->section;

    if (name) {
        listener->upstream = find_upstream(config, name);
        if (!listener->upstream)
            faults_add(faults, config_key_line(section, "upstream"), "upstream = %.60s: there is no [upstream %.60s]",
                       name, name);
    } else if (config->upstreams && !config->upstreams->next) {
        listener->upstream = config->upstreams;
    } else if (config->upstreams) {
        faults_add(faults, section->line, "[listener %s] needs upstream = NAME, because there are several upstreams",
                   section->name);
    }
}

static void check_certificate(const struct config_listener *listener, struct faults *faults)
{
    const struct listener_values *values = listener->values;
    const struct config_section *section = listener->section;
    struct tls_fault fault;

    if (!values->cert != !values->key) {
        faults_add(faults, config_key_line(section, values->cert ? "cert" : "key"),
                   "set both cert and key, or neither");
        return;
    }
    if (!values->cert) {
        if (listener->url.implicit_tls)
            faults_add(faults, config_key_line(section, "url"), "an imaps:// listener needs cert and key");
        else if (values->plaintext_login == CHOICE_NO)
            faults_add(faults, config_key_line(section, "plaintext_login"),
                       "plaintext_login = no without cert and key: nobody could log in");
        return;
    }
    struct tls_context *context = tls_server_new(values->cert, values->key, &fault);
    if (!context)
        faults_add(faults, config_key_line(section, "cert"), "%s", fault.text);
    tls_context_free(context);
}

static void parse_senders(struct config_listener *listener, struct faults *faults)
{
    const char *fault;

    if (!networks_parse(listener->values->proxy_from, &listener->proxy_from, &fault))
        faults_add(faults, config_key_line(listener->section, "proxy_from"), "proxy_from = %.100s: %s",
                   listener->values->proxy_from, fault);
}

static void check_twice(const struct config *config, const struct config_listener *listener, struct faults *faults)
{
    for (const struct config_listener *other = config->listeners; other; other = other->next)
        if (strcasecmp(other->url.host, listener->url.host) == 0 && other->url.port == listener->url.port &&
            listener->url.port != 0)
            faults_add(faults, config_key_line(listener->section, "url"), "[listener %s] already listens there",
                       other->section->name);
}

static void resolve_listener(struct config *config, const struct config_section *section, struct faults *faults)
{
    struct config_listener *listener = calloc(1, sizeof(*listener)), **end = &config->listeners;

    if (!listener) {
        faults_add(faults, 0, "out of memory");
        return;
    }
    listener->section = section;
    listener->values = section->values;
    if (parse_url(section, listener->values->url, true, &listener->url, faults)) {
        check_certificate(listener, faults);
        check_twice(config, listener, faults);
    }
    parse_senders(listener, faults);
    find_its_upstream(config, listener, faults);
    while (*end)
        end = &(*end)->next;
    *end = listener;
}

/* ---- the rest ---- */

static int general_line(const struct config *config, const char *section, const char *name)
{
    return config_key_line(config_section_find(config, section, ""), name);
}

static void check_directory(const struct config *config, const char *name, const char *directory, struct faults *faults)
{
    const char *reason = "it must be set";

    if (!directory || !spool_directory_usable(directory, &reason))
        faults_add(faults, general_line(config, SECTION_PROGRAM, name), "%s = %.100s: cannot create a file there: %s",
                   name, directory ? directory : "", reason);
}

static void check_program(const struct config *config, struct faults *faults)
{
    const struct program_settings *program = &config->program;
    int file;

    check_directory(config, "spool_directory", program->spool_directory, faults);
    if (program->state_directory)
        check_directory(config, "state_directory", program->state_directory, faults);
    if (program->user && !getpwnam(program->user))
        faults_add(faults, general_line(config, SECTION_PROGRAM, "user"), "user = %.100s: there is no such user",
                   program->user);
    if (program->memory_max > 0 && program->memory_max < MEMORY_LEAST)
        faults_add(faults, general_line(config, SECTION_PROGRAM, "memory_max"),
                   "memory_max must be at least 32M, or 0 for no limit");
    if (!program->log_file)
        return;
    file = open(program->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (file < 0)
        faults_add(faults, general_line(config, SECTION_LOGGING, "log_file"), "log_file = %.100s: cannot be opened: %s",
                   program->log_file, strerror(errno));
    else
        close(file);
}

/* Pairs of which the first must not be more than the second. */
static void check_relations(const struct config *config, struct faults *faults)
{
    const struct settings *settings = &config->settings;
    const struct {
        const char *section, *less, *more;
        uint64_t less_value, more_value;
    } pairs[] = {
        {SECTION_TIMEOUTS, "reconnect_first", "reconnect_ceiling", (uint64_t)settings->reconnect_first,
         (uint64_t)settings->reconnect_ceiling},
        {SECTION_LIMITS, "spool_max", "spool_total", settings->spool_max, settings->spool_total},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        int less = general_line(config, pairs[i].section, pairs[i].less);
        int more = general_line(config, pairs[i].section, pairs[i].more);
        if (pairs[i].less_value > pairs[i].more_value)
            faults_add(faults, less > more ? less : more, "%s must not be more than %s", pairs[i].less, pairs[i].more);
    }
}

void config_resolve(struct config *config, struct faults *faults)
{
    for (struct config_section *section = config->sections; section; section = section->next)
        if (strcmp(section->kind, SECTION_UPSTREAM) == 0)
            resolve_upstream(config, section, faults);
    for (const struct config_section *section = config->sections; section; section = section->next)
        if (strcmp(section->kind, SECTION_LISTENER) == 0)
            resolve_listener(config, section, faults);
    if (!config->upstreams)
        faults_add(faults, 0, "there is no [upstream NAME]: add one for the mail server");
    if (!config->listeners)
        faults_add(faults, 0, "there is no [listener NAME]: add one for clients to connect to");
    check_program(config, faults);
    check_relations(config, faults);
}
