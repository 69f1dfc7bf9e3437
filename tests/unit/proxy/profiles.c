/* The table of profiles: every value is one that the file could hold, and every value has a source. */
#include "proxy/profiles.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"

static void expect_source(const struct profile_value *value)
{
    static const char *const words[] = {"documented", "reported", "measured", "chosen"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(value->source, words[i], strlen(words[i])) == 0)
            return;
    cr_assert_fail("%s = %s: %s", value->name, value->value, value->source);
}

Test(profiles, every_value_is_one_of_a_setting_and_has_a_source)
{
    struct upstream_values values;

    for (size_t i = 0; i < profile_count; i++) {
        cr_assert(profiles[i].values[0].name, "%s sets nothing", profiles[i].name);
        cr_assert_null(profiles[i].values[PROFILE_VALUES_MAX].name, "%s has no end", profiles[i].name);
        for (const struct profile_value *value = profiles[i].values; value->name; value++) {
            const struct key *key = key_find(SECTION_UPSTREAM, value->name);
            cr_assert(key, "%s: %s", profiles[i].name, value->name);
            cr_assert_null(key_set(key, &values, value->value), "%s: %s", profiles[i].name, value->name);
            cr_assert_eq(profile_value(&profiles[i], value->name), value, "%s: %s twice", profiles[i].name,
                         value->name);
            cr_assert_neq(strcmp(value->value, key->default_text), 0, "%s: %s is the default", profiles[i].name,
                          value->name);
            expect_source(value);
        }
    }
}

Test(profiles, are_found_by_name_and_by_host)
{
    char names[200], small[12];

    cr_assert_str_eq(profile_find("Mailbox.ORG")->name, "mailbox.org");
    cr_assert_null(profile_find("mailbox"));
    cr_assert_null(profile_find(""));
    cr_assert_str_eq(profile_of_host("IMAP.gmail.com")->name, "gmail");
    cr_assert_str_eq(profile_of_host("outlook.office.com")->name, "m365");
    cr_assert_null(profile_of_host("gmail.com"));
    cr_assert_null(profile_of_host("imap.gmail.com.example"));
    cr_assert_null(profile_of_host("imap.gmail"));
    cr_assert_null(profile_of_host(""));
    cr_assert_null(profile_value(NULL, "hide"));
    cr_assert_null(profile_value(profile_find("gmail"), "hide"));
    cr_assert(strstr(profile_names(names, sizeof(names)), "gmail, m365, "));
    cr_assert_lt(strlen(names), sizeof(names) - 1, "the fault names them all");
    cr_assert_str_eq(profile_names(small, sizeof(small)), "gmail, m365");
}

Test(profiles, more_sessions_are_permitted_only_where_a_provider_permits_at_least_four)
{
    static const char *const of_providers[] = {"gmail", "m365", "exchange", "yahoo", "icloud", "mailbox.org"};
    size_t found = 0;

    for (size_t i = 0; i < sizeof(of_providers) / sizeof(of_providers[0]); i++)
        found += strcmp(profile_value(profile_find(of_providers[i]), "max_sessions")->value, "2") == 0;
    cr_assert_eq(found, sizeof(of_providers) / sizeof(of_providers[0]));
    for (size_t i = 0; i < profile_count; i++)
        found -= profile_value(&profiles[i], "max_sessions") != NULL;
    cr_assert_eq(found, 0, "and nowhere else");
}
