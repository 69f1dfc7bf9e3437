/* --explain: each value with the place that it comes from, as a file that means the same. */
#include "proxy/explain.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/command_line.h"

static char path[] = "/tmp/imapmux-unit.XXXXXX";

/* The explanation of a settings file with this text, owned. */
static char *explain(const char *text, const struct command_line *line)
{
    struct faults *faults = calloc(1, sizeof(*faults));
    size_t size;
    char *output;

    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    struct config *config = config_read(path, line, faults);
    cr_assert(config, "line %d: %s", faults->list[0].line, faults->list[0].text);
    FILE *out = open_memstream(&output, &size);
    explain_print(config, "FILE", out);
    fclose(out);
    config_free(config);
    free(faults);
    return output;
}

static void begin(void)
{
    close(mkstemp(path));
}

static void finish(void)
{
    unlink(path);
}

TestSuite(explain, .init = begin, .fini = finish);

static void expect(const char *output, const char *words)
{
    cr_assert(strstr(output, words), "%s is not in: %s", words, output);
}

static const char sections[] = "[limits]\nquantum = 9\n[upstream a]\nprofile = courier\nurl = imaps://imap.gmail.com\n"
                               "login_pace = 7\n[listener b]\nurl = imap://127.0.0.1:20143\n";

Test(explain, says_where_each_value_comes_from)
{
    static const struct command_line line = {.log_level = "debug"};
    char *output = explain(sections, &line);

    cr_assert_eq(strncmp(output, "[upstream a]\n", 13), 0, "%s", output);
    expect(output, "\nurl = imaps://imap.gmail.com ; line 5 of FILE\n");
    expect(output, "\nidle_reissue = 15s ; profile courier\n");
    expect(output, "# measured: ");
    expect(output, "would set 100; chosen: ");
    expect(output, "\nlogin_pace = 7 ; line 6 of FILE\n");
    expect(
        output,
        "\n# logins of one account at once; then one each login_interval; 0: no limit\n#login_budget = 3 ; default\n");
    expect(output, "\nquantum = 9 ; line 2 of FILE\n");
    expect(output, "\nlog_level = debug ; command line\n");
    cr_assert_null(strstr(output, "There is a profile"), "it has one already");
    free(output);
}

Test(explain, says_what_systemd_has_set)
{
    static const struct command_line line = {.upstream = "imaps://imap.example"};
    char *output;

    setenv("STATE_DIRECTORY", "/tmp", 1);
    output = explain(sections, &line);
    unsetenv("STATE_DIRECTORY");
    expect(output, "\nstate_directory = /tmp ; STATE_DIRECTORY of the environment\n");
    free(output);
}

Test(explain, names_the_profile_of_a_host)
{
    static const struct command_line line = {
        .upstream = "imaps://imap.gmail.com", .listen = {"imap://127.0.0.1:1"}, .listen_count = 1};
    char *output = explain("", &line);

    expect(output, "# There is a profile for imap.gmail.com: profile = gmail\n[upstream default]\n");
    expect(output, "\nurl = imaps://imap.gmail.com ; command line\n");
    free(output);
}

/* The lines that set something, without their origin. */
static char *values_of(const char *output)
{
    char *values = calloc(1, strlen(output) + 1), *copy = strdup(output), *rest = copy;

    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
        if (line[0] == '#' && line[1] == ' ')
            continue;
        char *origin = strstr(line, " ; ");
        if (origin)
            *origin = '\0';
        strcat(strcat(values, line[0] == '#' ? line + 1 : line), "\n");
    }
    free(copy);
    return values;
}

Test(explain, is_a_settings_file_that_means_the_same)
{
    static const struct command_line nothing;
    char *first = explain(sections, &nothing), *second = explain(first, &nothing);
    char *before = values_of(first), *after = values_of(second);

    cr_assert_str_eq(before, after);
    free(first);
    free(second);
    free(before);
    free(after);
}
