/* The table of refusals. Words of a limit beat the code AUTHENTICATIONFAILED: a large host says "Authentication failed
 * ... (Too many simultaneous connections.)" to a right password. A refusal that no row explains proves nothing, and
 * neither does one that names several causes: large providers have one text for every refusal. */
#include "mux/refusal.h"

#include <ctype.h>
#include <string.h>

static const char limit_words[] = "[LIMIT]|too many|maximum number|simultaneous|concurrent";
/* No time is named beside them, and they hold for up to a day: Gmail's budget of octets is used up. */
#define DAY_WORDS "command or bandwidth|bandwidth limit"
static const char throttle_words[] =
    "throttl|rate limit|rate-limit|backoff time|frequen|too many failed|too many login|too many attempts|"
    "too many auth|too many invalid|too many wrong|too many incorrect|authentication limit|login limit|"
    "limit for logins|" DAY_WORDS;
static const char temporary_words[] =
    "[UNAVAILABLE]|temporar|unavailable|internal|not connected|try again|[INUSE]|[CONTACTADMIN]|"
    "shutting down|overload|[SERVERBUG]|disconnected for inactivity|timeout|timed out|busy|try later|maintenance";
static const char credential_words[] =
    "[AUTHENTICATIONFAILED]|login failed|authentication fail|authenticate failed|invalid credentials|"
    "password|[EXPIRED]|[AUTHORIZATIONFAILED]|not authenticated|login denied|bad credentials|wrong credentials|"
    "incorrect credentials|login credentials|invalid login|unknown user|no such user";

/* Between the causes of a text that names several. */
static const char choice_words[] = " or | oder | ou |\xe6\x88\x96"; /* the last is Chinese */
/* Beside words of wrong credentials they are another cause, which passes: the password may be right. */
static const char barred_words[] = "locked|blocked|suspend|abnormal";
/* The same, unless a code says that it is the credentials. */
static const char other_words[] = "disabled|not enabled|not open|cannot|could not|unable|database|backend|system error|"
                                  "server error";

/* Is one of the patterns (separated by '|') in the line, without case? */
static bool has_words(struct slice line, const char *patterns)
{
    while (patterns && *patterns) {
        size_t length = strcspn(patterns, "|");
        if (length > 0 && slice_contains_nocase(line, (struct slice){patterns, length}))
            return true;
        patterns += length + (patterns[length] == '|');
    }
    return false;
}

static bool is_about_server(struct slice line, const struct upstream_settings *settings)
{
    return has_words(line, throttle_words) || has_words(line, limit_words) || has_words(line, settings->limit_words) ||
           has_words(line, temporary_words) || has_words(line, settings->temporary_words);
}

/* Words of wrong credentials among those of other causes. */
static bool proves_nothing(struct slice line, const struct upstream_settings *settings)
{
    if (!has_words(line, credential_words) || has_words(line, settings->credential_words))
        return false;
    if (is_about_server(line, settings))
        return has_words(line, choice_words) && !has_words(line, "[LIMIT]|[UNAVAILABLE]|[INUSE]");
    return has_words(line, barred_words) ||
           (has_words(line, other_words) && !has_words(line, "[AUTHENTICATIONFAILED]"));
}

/* Classifies by the words alone; REFUSAL_NONE: nothing known. */
static enum refusal by_words(struct slice line, const struct upstream_settings *settings)
{
    if (proves_nothing(line, settings))
        return REFUSAL_NONE;
    if (has_words(line, throttle_words))
        return REFUSAL_THROTTLED;
    if (has_words(line, limit_words) || has_words(line, settings->limit_words))
        return REFUSAL_LIMIT;
    if (has_words(line, temporary_words) || has_words(line, settings->temporary_words))
        return REFUSAL_TEMPORARY;
    if (has_words(line, credential_words) || has_words(line, settings->credential_words))
        return REFUSAL_CREDENTIALS;
    return REFUSAL_NONE;
}

enum refusal refusal_classify(enum refusal_stage stage, enum response_status status, struct slice line,
                              const struct upstream_settings *settings)
{
    enum refusal words = by_words(line, settings);
    bool proves_credentials = stage == REFUSAL_AT_LOGIN && status == RESPONSE_NO;

    if (words == REFUSAL_CREDENTIALS && !proves_credentials)
        words = REFUSAL_NONE;
    if (stage == REFUSAL_AT_FIRST_COMMAND)
        return words;
    if ((words == REFUSAL_NONE || words == REFUSAL_TEMPORARY) && refusal_backoff(line) > 0)
        return REFUSAL_THROTTLED; /* whatever its cause, the server wants to be left alone for so long */
    if (words != REFUSAL_NONE)
        return words;
    return stage == REFUSAL_AT_CONNECT ? REFUSAL_TEMPORARY : REFUSAL_UNKNOWN;
}

const char *refusal_name(enum refusal refusal)
{
    static const char *const names[] = {
        [REFUSAL_NONE] = "no refusal",
        [REFUSAL_LIMIT] = "too many sessions",
        [REFUSAL_THROTTLED] = "throttled",
        [REFUSAL_TEMPORARY] = "temporary failure",
        [REFUSAL_CREDENTIALS] = "wrong credentials",
        [REFUSAL_UNKNOWN] = "refused for an unknown reason",
    };
    return names[refusal];
}

/* ---- how long ---- */

#define BACKOFF_MAX (3600 * USEC_SECOND)
#define NUMBER_MAX  4000000 /* more than an hour in every unit */

/* The line after the first occurrence of the words, without case; empty: they are not in it. */
static struct slice after_words(struct slice line, const char *words)
{
    struct slice wanted = slice_of(words);

    for (; line.length >= wanted.length; line.data++, line.length--)
        if (slice_starts_nocase(line, wanted))
            return (struct slice){line.data + wanted.length, line.length - wanted.length};
    return (struct slice){line.data, 0};
}

static struct slice skip(struct slice text, size_t count)
{
    return (struct slice){text.data + count, text.length - count};
}

static size_t letters(struct slice text)
{
    size_t count = 0;

    while (count < text.length && isalpha((unsigned char)text.data[count]))
        count++;
    return count;
}

/* Microseconds; 0: the text does not begin with a unit of time. */
static usec unit_of(struct slice text)
{
    static const struct {
        const char *names;
        usec unit;
    } units[] = {
        {"ms|msec|millisecond|milliseconds", 1000},
        {"s|sec|secs|second|seconds", USEC_SECOND},
        {"m|min|mins|minute|minutes", USEC_MINUTE},
        {"h|hr|hrs|hour|hours", USEC_HOUR},
        {"d|day|days", 24 * USEC_HOUR},
    };
    struct slice word = {text.data, letters(text)};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        for (const char *name = units[i].names; *name; name += strspn(name, "|")) {
            size_t length = strcspn(name, "|");
            if (slice_equal_nocase(word, (struct slice){name, length}))
                return units[i].unit;
            name += length;
        }
    }
    return 0;
}

/* The first "number unit" of the text, at most one hour; 0: it has none. unit: of a number without one. */
static usec time_in(struct slice text, usec unit)
{
    usec number = 0, said;

    while (text.length > 0 && !isdigit((unsigned char)text.data[0]))
        text = skip(text, 1);
    for (; text.length > 0 && isdigit((unsigned char)text.data[0]); text = skip(text, 1))
        if (number < NUMBER_MAX)
            number = number * 10 + (text.data[0] - '0');
    if (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '-'))
        text = skip(text, 1);
    said = unit_of(text);
    if (said > 0)
        unit = said;
    if (number > NUMBER_MAX)
        number = NUMBER_MAX;
    return number * unit < BACKOFF_MAX ? number * unit : BACKOFF_MAX;
}

usec refusal_backoff(struct slice line)
{
    static const struct {
        const char *words;
        usec unit; /* of a number without one; 0: then it is no time */
    } markers[] = {{"backoff time", 1000}, {"try again", 0}, {"retry", 0}, {"please wait", 0}};

    for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
        usec time = time_in(after_words(line, markers[i].words), markers[i].unit);
        if (time > 0)
            return time;
    }
    return has_words(line, DAY_WORDS) ? BACKOFF_MAX : 0;
}
