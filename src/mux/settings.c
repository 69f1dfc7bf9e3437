/* The defaults of the settings, from the one table that names them, and what they permit a user. */
#include "mux/settings.h"

#include <string.h>

void settings_defaults(struct settings *settings)
{
    *settings = (struct settings){
#define SETTING_DEFAULT(name, kind, value, help) .name = (value),
        SETTINGS(SETTING_DEFAULT)
#undef SETTING_DEFAULT
    };
}

/* --- sessions of a user */

/* "PATTERN=NUMBER" */
struct grant {
    struct slice pattern;
    uint64_t sessions;
};

/* Takes the next word off the list. False: there is none. */
static bool next_word(const char **list, struct slice *word)
{
    *list += strspn(*list, " \t");
    *word = (struct slice){*list, strcspn(*list, " \t")};
    *list += word->length;
    return word->length > 0;
}

/* The last = divides it: there may be others in a name. */
static bool read_grant(struct slice word, struct grant *grant)
{
    const char *sign = memrchr(word.data, '=', word.length);
    struct slice number;

    if (!sign || sign == word.data)
        return false;
    grant->pattern = (struct slice){word.data, (size_t)(sign - word.data)};
    number = (struct slice){sign + 1, word.length - grant->pattern.length - 1};
    return slice_number(number, SESSIONS_MAX, &grant->sessions) && grant->sessions > 0;
}

static bool matches(struct slice pattern, struct slice text)
{
    struct slice star = {0}, from = {0}; /* the last * and what follows the text that it has taken */

    while (text.length > 0) {
        if (pattern.length > 0 && *pattern.data == '*') {
            star = pattern = (struct slice){pattern.data + 1, pattern.length - 1};
            from = text;
            continue;
        }
        if (pattern.length > 0 && (*pattern.data == '?' || slice_lower(*pattern.data) == slice_lower(*text.data))) {
            pattern = (struct slice){pattern.data + 1, pattern.length - 1};
            text = (struct slice){text.data + 1, text.length - 1};
            continue;
        }
        if (!star.data)
            return false;
        from = text = (struct slice){from.data + 1, from.length - 1};
        pattern = star;
    }
    while (pattern.length > 0 && *pattern.data == '*')
        pattern = (struct slice){pattern.data + 1, pattern.length - 1};
    return pattern.length == 0;
}

unsigned settings_sessions(const struct upstream_settings *settings, struct slice user)
{
    const char *list = settings->max_sessions_for ? settings->max_sessions_for : "";
    uint64_t sessions = settings->manners.max_sessions;
    struct slice word;
    struct grant grant;

    while (next_word(&list, &word)) {
        if (!read_grant(word, &grant) || !matches(grant.pattern, user))
            continue;
        sessions = grant.sessions;
        break;
    }
    return sessions < 1 ? 1 : sessions > SESSIONS_MAX ? SESSIONS_MAX : (unsigned)sessions;
}

const char *settings_sessions_fault(const char *list)
{
    struct slice word;
    struct grant grant;

    while (next_word(&list, &word)) {
        if (!read_grant(word, &grant))
            return "must be users and numbers from 1 to 16, such as boss@example.org=3 *@example.net=2";
    }
    return NULL;
}
