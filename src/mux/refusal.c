/* The table of refusals. Words of a limit beat the code AUTHENTICATIONFAILED: a large host says "Authentication failed
 * ... (Too many simultaneous connections.)" to a right password. A refusal that no row explains proves nothing, and
 * neither does one that names several causes: large providers have one text for every refusal. */
#include "mux/refusal.h"

#include <ctype.h>
#include <string.h>

static const char limit_words[] = "[LIMIT]|too many|maximum number|simultaneous|concurrent";
static const char throttle_words[] =
    "throttl|rate limit|backoff time|frequen|too many failed|too many login|too many attempts|too many auth|"
    "too many invalid|too many wrong|too many incorrect|authentication limit|login limit";
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
    if (words != REFUSAL_NONE || stage == REFUSAL_AT_FIRST_COMMAND)
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

/* Only said in milliseconds so far ("Suggested Backoff Time: 92415 milliseconds"). */
usec refusal_backoff(struct slice line)
{
    static const struct slice words = {"backoff time: ", 14};
    usec milliseconds = 0;

    for (size_t at = 0; at + words.length < line.length; at++) {
        if (!slice_equal_nocase((struct slice){line.data + at, words.length}, words))
            continue;
        for (at += words.length; at < line.length && isdigit((unsigned char)line.data[at]); at++) {
            milliseconds = milliseconds * 10 + (line.data[at] - '0');
            if (milliseconds > (usec)3600 * 1000)
                return 3600 * USEC_SECOND;
        }
        return milliseconds * 1000;
    }
    return 0;
}
