/* What a server offers from login to login. */
#include "mux/offered.h"

#include <criterion/criterion.h>
#include <string.h>

static char logged[500];

static void write_log(void *context, enum log_level level, const char *line)
{
    (void)context, (void)level;
    strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

Test(offered, what_has_come_or_gone_since_the_last_login_is_logged)
{
    struct log log = {.level = LOG_DEBUG, .write = write_log};
    struct capability_set kept = {0}, now = {.known = true};

    now.has[CAPABILITY_MOVE] = true;
    cr_assert(offered_take(&kept, &now, &log, "u@s"));
    cr_assert_str_eq(logged, "", "nothing was known before");
    now.has[CAPABILITY_MOVE] = false;
    now.has[CAPABILITY_IDLE] = true;
    cr_assert(offered_take(&kept, &now, &log, "u@s"));
    cr_assert_not_null(strstr(logged, "u@s: the server no longer has MOVE"));
    cr_assert_not_null(strstr(logged, "u@s: the server now has IDLE"));
    cr_assert(kept.has[CAPABILITY_IDLE] && !kept.has[CAPABILITY_MOVE]);
    capability_set_clear(&kept);
}
