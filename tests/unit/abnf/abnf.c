/* The strict reader itself: what it takes, what it refuses, and that it never takes the beginning of an answer for a
 * whole one or for a fault. */
#include "abnf/abnf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "~" is CRLF, "$" a bare LF, "\xNN" an octet. Ends with a CRLF if it ends with no line end. */
static size_t read_line(const char *from, char *to)
{
    size_t length = 0;

    for (; *from && *from != '\n'; from++) {
        if (*from == '~' && from[1] != '{') {
            memcpy(to + length, "\r\n", 2);
            length += 2;
        } else if (*from == '$' && (from[1] == '\n' || from[1] == 'b')) {
            to[length++] = '\n';
        } else if (strncmp(from, "\\x", 2) == 0) {
            char digits[3] = {from[2], from[3], 0};
            to[length++] = (char)strtol(digits, NULL, 16);
            from += 3;
        } else {
            to[length++] = *from;
        }
    }
    if (length == 0 || to[length - 1] != '\n') {
        memcpy(to + length, "\r\n", 2);
        length += 2;
    }
    return length;
}

static void expect_good(struct slice octets, const char *line)
{
    struct abnf_answer answer = abnf_response(octets, false);

    cr_assert(answer.result == ABNF_GOOD && answer.at == octets.length, "refused (%s at %zu): %s",
              answer.wanted ? answer.wanted : "-", answer.at, line);
    for (size_t length = 0; length < octets.length; length++) {
        answer = abnf_response((struct slice){octets.data, length}, false);
        cr_assert(answer.result == ABNF_MORE, "%zu octets of it are %s: %s", length,
                  answer.result == ABNF_GOOD ? "taken for all" : answer.wanted, line);
    }
    cr_assert(abnf_response(octets, true).result == ABNF_GOOD, "refused where any values may stand: %s", line);
}

static void expect_bad(struct slice octets, const char *line)
{
    struct abnf_answer answer = abnf_response(octets, false);

    cr_assert(answer.result == ABNF_BAD && answer.wanted, "not refused: %s", line);
}

Test(abnf, good_lines_are_taken_and_bad_ones_refused)
{
    FILE *lines = fopen(ABNF_LINES, "r");
    char line[1000], octets[1000];
    unsigned count = 0;

    cr_assert(lines);
    while (fgets(line, sizeof(line), lines)) {
        size_t length = read_line(line + 2, octets);
        char *exact;
        if (line[0] == '#')
            continue;
        exact = malloc(length); /* so that what reads beyond is seen */
        memcpy(exact, octets, length);
        (line[0] == '+' ? expect_good : expect_bad)((struct slice){exact, length}, line);
        free(exact);
        count++;
    }
    fclose(lines);
    cr_assert_gt(count, 100);
}

Test(abnf, one_answer_is_read_of_several)
{
    struct slice two = SLICE("* 1 EXISTS\r\n* 1 FETCH (BODY[] {3}\r\na\r\n)\r\n");
    struct abnf_answer answer = abnf_response(two, false);

    cr_assert(answer.result == ABNF_GOOD && answer.at == 12);
    answer = abnf_response((struct slice){two.data + 12, two.length - 12}, false);
    cr_assert(answer.result == ABNF_GOOD && answer.at == two.length - 12);
}

Test(abnf, any_values_are_well_formed_tokens)
{
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY (x(1) (2)() \"a\" {1}\r\nb NIL))\r\n"), true).result == ABNF_GOOD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (RFC822.SIZE NIL)\r\n"), true).result == ABNF_GOOD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY (x  y))\r\n"), true).result == ABNF_BAD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY ( x))\r\n"), true).result == ABNF_BAD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY (x ))\r\n"), true).result == ABNF_BAD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY \"\xe4\")\r\n"), true).result == ABNF_BAD);
    cr_assert(abnf_response(SLICE("* 1 FETCH (BODY (x)))\r\n"), true).result == ABNF_BAD);
}
