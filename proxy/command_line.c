/* getopt_long, and the text of --help, whose list of settings is printed from the table itself. */
#include "proxy/command_line.h"

#include <getopt.h>
#include <string.h>

#include "proxy/config.h"
#include "proxy/keys.h"
#include "proxy/profiles.h"

enum {
    OPTION_EXPLAIN = 256,
    OPTION_UPSTREAM,
    OPTION_PROFILE,
    OPTION_SOURCE,
    OPTION_LISTEN,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_LOG_LEVEL,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"test", no_argument, NULL, 't'},
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"upstream", required_argument, NULL, OPTION_UPSTREAM},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"source", required_argument, NULL, OPTION_SOURCE},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: imapmux [-c FILE] [-t | --explain] [--upstream URL [--profile NAME] [--source LIST]]\n"
    "               [--listen URL]... [--cert FILE --key FILE] [--log-level LEVEL] [--version] [--help]\n"
    "\n"
    "An IMAP proxy that holds one session per account and gives every client a full session of its own.\n"
    "\n"
    "  -c, --config FILE    settings file; without -c and --upstream: " CONFIG_FILE_DEFAULT "\n"
    "  -t, --test           check the settings, print each fault with file and line, and exit\n"
    "      --explain        check the settings, print each value with the place that it comes from, and exit\n"
    "      --upstream URL   the IMAP server (instead of those in the file)\n"
    "      --profile NAME   the kind of server that --upstream is (see the end of this text)\n"
    "      --source LIST    addresses of this machine to connect to --upstream from\n"
    "      --listen URL     where clients connect; may be repeated (instead of those in the file)\n"
    "      --cert FILE      certificate of --listen (PEM, followed by its intermediates)\n"
    "      --key FILE       the certificate's key (PEM, without a pass phrase)\n"
    "      --log-level L    error, warning, info or debug\n"
    "      --version        print the version and exit\n"
    "      --help           print this text and exit\n"
    "\n"
    "A URL is imaps://HOST[:993] for TLS from the first octet, or imap://HOST[:143] for STARTTLS, which is required\n"
    "and verified upstream. Connections within this machine may be plain text. Put IPv6 addresses in brackets.\n"
    "\n"
    "  imapmux --upstream imaps://mail.example.com --listen imap://127.0.0.1:20143\n"
    "\n"
    "SIGTERM ends imapmux in order. SIGHUP makes it read settings and certificates again. Settings, with their "
    "defaults:\n";

static bool take_listener(struct command_line *command_line, const char *url)
{
    if (command_line->listen_count == COMMAND_LINE_LISTENERS) {
        fprintf(stderr, "imapmux: more than %d --listen; use a settings file\n", COMMAND_LINE_LISTENERS);
        return false;
    }
    command_line->listen[command_line->listen_count++] = url;
    return true;
}

static bool take_option(struct command_line *command_line, int option, const char *argument)
{
    switch (option) {
    case 'c':
        command_line->file = argument;
        return true;
    case 't':
        command_line->test = true;
        return true;
    case OPTION_EXPLAIN:
        command_line->explain = true;
        return true;
    case OPTION_PROFILE:
        command_line->profile = argument;
        return true;
    case OPTION_SOURCE:
        command_line->source = argument;
        return true;
    case OPTION_UPSTREAM:
        command_line->upstream = argument;
        return true;
    case OPTION_LISTEN:
        return take_listener(command_line, argument);
    case OPTION_CERT:
        command_line->cert = argument;
        return true;
    case OPTION_KEY:
        command_line->key = argument;
        return true;
    case OPTION_LOG_LEVEL:
        command_line->log_level = argument;
        return true;
    case OPTION_VERSION:
        command_line->version = true;
        return true;
    case OPTION_HELP:
        command_line->help = true;
        return true;
    default: /* getopt has said it */
        fputs("imapmux: see imapmux --help\n", stderr);
        return false;
    }
}

bool command_line_parse(struct command_line *command_line, int argc, char **argv)
{
    int option;

    memset(command_line, 0, sizeof(*command_line));
    while ((option = getopt_long(argc, argv, "c:t", options, NULL)) != -1)
        if (!take_option(command_line, option, optarg))
            return false;
    if (optind < argc) {
        fprintf(stderr, "imapmux: unexpected argument \"%s\"; see imapmux --help\n", argv[optind]);
        return false;
    }
    return true;
}

static void list_profiles(FILE *out)
{
    fputs("\nProfiles: profile = NAME in an [upstream NAME] sets these values; a setting in the section itself wins.\n",
          out);
    for (size_t i = 0; i < profile_count; i++) {
        const struct profile *profile = &profiles[i];
        fprintf(out, "\n%s: %s%s%s%s\n", profile->name, profile->server, profile->hosts[0] ? " (" : "", profile->hosts,
                profile->hosts[0] ? ")" : "");
        for (const struct profile_value *value = profile->values; value->name; value++)
            fprintf(out, "        %s = %s\n                %s\n", value->name, value->value, value->source);
    }
}

void command_line_help(FILE *out)
{
    const char *section = "";
    char value[SETTING_VALUE_SIZE];

    fputs(usage, out);
    for (size_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i].section, section) != 0)
            fprintf(out, "\n[%s%s]\n", keys[i].section, key_section_named(keys[i].section) ? " NAME" : "");
        section = keys[i].section;
        fprintf(out, "%s = %s\n        %s\n", keys[i].name, key_default_text(&keys[i], value), keys[i].help);
    }
    list_profiles(out);
}
