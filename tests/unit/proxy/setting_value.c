#include "proxy/setting_value.h"

#include <criterion/criterion.h>

Test(setting_value, durations)
{
    static const struct {
        const char *text;
        usec value;
    } cases[] = {{"500ms", 500000},    {"1s", 1000000}, {"9m", 540000000}, {"4h", INT64_C(14400000000)},
                 {"2d", 172800000000}, {"0", 0},        {"0s", 0}};
    char text[SETTING_VALUE_SIZE];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        usec value = -1;
        cr_assert(setting_read_duration(cases[i].text, &value), "%s", cases[i].text);
        cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
        cr_assert(setting_read_duration(setting_print_duration(value, text), &value));
        cr_assert_eq(value, cases[i].value, "%s", text);
    }
}

Test(setting_value, what_is_no_duration)
{
    static const char *const texts[] = {"",   "s",    "-1s",  "1 s",  "1",   "1.5s",
                                        "1y", "1s1s", "367d", "0x1s", "+1s", "99999999999999999999s"};
    usec value = 7;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert_not(setting_read_duration(texts[i], &value), "%s", texts[i]);
    cr_assert_eq(value, 7);
}

Test(setting_value, sizes)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"8000", 8000}, {"64K", 65536}, {"1M", 1048576}, {"10G", UINT64_C(10737418240)}, {"1t", UINT64_C(1) << 40}};
    char text[SETTING_VALUE_SIZE];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 0;
        cr_assert(setting_read_size(cases[i].text, &value), "%s", cases[i].text);
        cr_assert_eq(value, cases[i].value, "%s", cases[i].text);
        cr_assert(setting_read_size(setting_print_size(value, text), &value));
        cr_assert_eq(value, cases[i].value, "%s", text);
    }
    cr_assert_not(setting_read_size("1KB", &(uint64_t){0}));
    cr_assert_not(setting_read_size("2000T", &(uint64_t){0}));
    cr_assert_not(setting_read_size("18446744073709551616", &(uint64_t){0}));
}

Test(setting_value, switches)
{
    bool value = false;

    cr_assert(setting_read_switch("yes", &value) && value);
    cr_assert(setting_read_switch("No", &value) && !value);
    cr_assert_not(setting_read_switch("maybe", &value));
}
