/* Log lines: bounded, filtered by level, and no peer can forge one. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <string.h>

static char written[2000];
static int lines;

static void keep(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    lines++;
    strcpy(written, line);
}

Test(log, lines_above_the_level_are_dropped)
{
    struct log log = {.level = LOG_WARNING, .write = keep};

    log_line(&log, LOG_INFO, "no");
    log_line(&log, LOG_WARNING, "yes %d", 5);
    log_line(&log, LOG_ERROR, "too");
    log_line(NULL, LOG_ERROR, "nowhere");
    cr_assert_eq(lines, 2);
    cr_assert_str_eq(written, "too");
}

Test(log, a_line_is_cut_at_a_thousand_octets)
{
    struct log log = {.level = LOG_DEBUG, .write = keep};

    log_line(&log, LOG_INFO, "%01500d", 1);
    cr_assert_eq(strlen(written), 1000);
}

Test(log, a_peers_text_is_quoted)
{
    char buffer[LOG_QUOTE_SIZE];

    cr_assert_str_eq(log_quote(SLICE("a b\r\n\xff\0"), buffer, sizeof(buffer)), "a b\\x0d\\x0a\\xff\\x00");
    cr_assert_str_eq(log_quote((struct slice){0}, buffer, sizeof(buffer)), "");
}

Test(log, quoted_text_is_cut)
{
    char text[300], buffer[LOG_QUOTE_SIZE], small[16];

    memset(text, '\n', sizeof(text));
    cr_assert_eq(strlen(log_quote((struct slice){text, 200}, buffer, sizeof(buffer))), 800);
    cr_assert_eq(strlen(log_quote((struct slice){text, 201}, buffer, sizeof(buffer))), 803);
    cr_assert_str_eq(buffer + 800, "...");
    cr_assert_str_eq(log_quote((struct slice){text, 201}, small, sizeof(small)), "\\x0a\\x0a\\x0a...");
}

Test(log, levels_have_names)
{
    cr_assert_str_eq(log_level_name(LOG_ERROR), "error");
    cr_assert_str_eq(log_level_name(LOG_DEBUG), "debug");
}
