/* The table of extensions, and that docs/extensions.md says the same. */
#include "session/extensions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_page(void)
{
    FILE *file = fopen(EXTENSIONS_PAGE, "r");
    char *text = calloc(1, 100000);

    cr_assert(file && text);
    cr_assert_gt(fread(text, 1, 99999, file), 0);
    fclose(file);
    return text;
}

static void print_needs(const struct extension *extension, char *line, size_t size)
{
    size_t used = 0;

    snprintf(line, size, " ");
    for (size_t i = 0; i < EXTENSION_NEEDS && extension->needs[i] != CAPABILITY_IMAP4REV1; i++)
        used += (size_t)snprintf(line + used, size - used, "%s`%s`", i ? " or " : " ",
                                 capability_name(extension->needs[i]));
}

/* The row of the page's table that the code asks for. */
static void print_row(const struct extension *extension, char *row, size_t size)
{
    static const char *const treatments[] = {"passed through", "added", "hidden"};
    char needs[200];

    print_needs(extension, needs, sizeof(needs));
    snprintf(row, size, "\n| `%s` | %s |%s | %s |\n", extension->name, treatments[extension->treatment],
             extension->treatment == EXTENSION_HIDDEN ? " " : needs, extension->why ? extension->why : "");
}

Test(extensions, the_page_says_what_the_code_does)
{
    char *page = read_page(), row[500];
    size_t rows = 0;

    for (size_t i = 0; i < extensions_count(); i++) {
        print_row(extensions_at(i), row, sizeof(row));
        cr_expect(strstr(page, row), "docs/extensions.md lacks: %s", row + 1);
    }
    for (const char *at = page; (at = strstr(at, "\n| `")); at++)
        rows++;
    cr_assert_eq(rows, extensions_count());
    free(page);
}

Test(extensions, they_stand_in_order_and_a_hidden_one_says_why)
{
    for (size_t i = 0; i < extensions_count(); i++) {
        const struct extension *extension = extensions_at(i);
        cr_expect(i == 0 || strcasecmp(extensions_at(i - 1)->name, extension->name) < 0, "%s", extension->name);
        cr_expect(extension->treatment != EXTENSION_HIDDEN || extension->why, "%s", extension->name);
        cr_expect(extension->treatment != EXTENSION_PASSED || extension->needs[0], "%s", extension->name);
    }
}

static const struct extension *named(const char *name)
{
    for (size_t i = 0; i < extensions_count(); i++) {
        if (strcmp(extensions_at(i)->name, name) == 0)
            return extensions_at(i);
    }
    abort();
}

Test(extensions, one_is_possible_where_the_server_has_one_of_what_it_needs)
{
    struct capability_set server = {.known = true};

    cr_assert(extension_is_possible(named("IDLE"), &server));
    cr_assert_not(extension_is_possible(named("MOVE"), &server));
    server.has[CAPABILITY_UIDPLUS] = true;
    cr_assert(extension_is_possible(named("MOVE"), &server));
    cr_assert(capability_set_hide(&server, "MOVE idle"));
    cr_assert_not(extension_is_possible(named("MOVE"), &server));
    cr_assert_not(extension_is_possible(named("IDLE"), &server));
    cr_assert_not(extension_is_possible(named("UNAUTHENTICATE"), &server));
    capability_set_clear(&server);
}

Test(extensions, words_compare_without_case_and_as_a_whole)
{
    cr_assert(extension_has_word(named("WITHIN"), WORD_SEARCH, SLICE("older")));
    cr_assert(extension_has_word(named("WITHIN"), WORD_SEARCH, SLICE("YOUNGER")));
    cr_assert_not(extension_has_word(named("WITHIN"), WORD_SEARCH, SLICE("OLD")));
    cr_assert_not(extension_has_word(named("WITHIN"), WORD_FETCH, SLICE("OLDER")));
    cr_assert_not(extension_has_word(named("WITHIN"), WORD_SEARCH, SLICE("")));
}
