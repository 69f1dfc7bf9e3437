/* See answer.h. Nothing is written here. */
#include "session/answer.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/value.h"

/* Codes that mean to a client of ours what they mean to us. Those with numbers of messages are not among them. */
static const char *const handed_on[] = {
    "ALREADYEXISTS", "APPENDUID",    "AUTHORIZATIONFAILED",
    "BADCHARSET",    "CANNOT",       "CLIENTBUG",
    "COPYUID",       "CONTACTADMIN", "CORRUPTION",
    "EXPUNGEISSUED", "HASCHILDREN",  "INUSE",
    "LIMIT",         "NONEXISTENT",  "NOPERM",
    "OVERQUOTA",     "PARSE",        "SERVERBUG",
    "TOOBIG",        "TRYCREATE",    "UNAVAILABLE",
    "UNKNOWN-CTE",
};

static bool is_handed_on(const struct response_code *code)
{
    if (code->name == RESPONSE_CODE_NONE)
        return false;
    for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
        if (slice_equal_nocase(code->atom, slice_of(handed_on[i])))
            return true;
    }
    return false;
}

/* What has been printed, as a string of its own; NULL: out of memory. */
static char *take_string(struct evbuffer *printed)
{
    size_t length = evbuffer_get_length(printed);
    char *text = append_failed(printed) ? NULL : malloc(length + 1);

    if (!text)
        return NULL;
    evbuffer_remove(printed, text, length);
    text[length] = '\0';
    return text;
}

/* "CODE arguments" */
static char *print_code(const struct response_code *code)
{
    struct evbuffer *out = evbuffer_new();
    char *text;

    if (!out)
        return NULL;
    append_bytes(out, code->atom.data, code->atom.length);
    if (code->arguments) {
        append_bytes(out, " ", 1);
        if (!value_print_all(code->arguments, out))
            append_fail(out);
    }
    text = take_string(out);
    evbuffer_free(out);
    return text;
}

/* Text for a human: printable, not to be taken for a code, not empty. */
static char *print_text(struct slice told)
{
    char *text = slice_copy(told.length > 0 ? told : SLICE("Done."));

    for (size_t i = 0; text && i < told.length; i++) {
        if (i == 0 && text[i] == '[')
            text[i] = '(';
        else if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
    }
    return text;
}

static bool as_told(enum response_status status, const struct response *response, struct answer *answer)
{
    bool has_code = is_handed_on(&response->code);

    *answer = (struct answer){.status = status};
    answer->text = answer->own_text = print_text(response->text);
    if (has_code)
        answer->code = answer->own_code = print_code(&response->code);
    if (answer->text && (answer->code || !has_code))
        return true;
    answer_clear(answer);
    return false;
}

static bool in_words(enum response_status status, const char *code, const char *text, struct answer *answer)
{
    *answer = (struct answer){.status = status, .code = code, .text = text};
    return true;
}

bool answer_of_result(const struct job_result *result, bool changes, bool lost, struct answer *answer)
{
    const char *text = result->text;

    switch (result->status) {
    case JOB_OK:
        return result->response ? as_told(RESPONSE_OK, result->response, answer)
                                : in_words(RESPONSE_OK, NULL, NULL, answer);
    case JOB_NO:
    case JOB_NOT_SELECTED:
        return result->response ? as_told(RESPONSE_NO, result->response, answer)
                                : in_words(RESPONSE_NO, NULL, text ? text : "The mail server refused", answer);
    case JOB_BAD:
        return lost ? in_words(RESPONSE_NO, "CANNOT",
                               "The mail server can do less than before, and does not understand this", answer)
                    : as_told(RESPONSE_BAD, result->response, answer);
    case JOB_REFUSED:
        return in_words(RESPONSE_NO, NULL, text ? text : "The command cannot be carried out", answer);
    case JOB_LOST:
        return in_words(RESPONSE_NO, "UNAVAILABLE",
                        "The connection to the mail server was lost; whether this was done is not known", answer);
    case JOB_GARBAGE:
        return in_words(RESPONSE_NO, "SERVERBUG",
                        changes ? "The mail server's answer could not be understood; whether this was done is not known"
                                : "The mail server's answer could not be understood; please try again",
                        answer);
    case JOB_DEAD:
        return in_words(RESPONSE_NO, "UNAVAILABLE", text ? text : "The mailbox is gone", answer);
    }
    abort();
}

void answer_clear(struct answer *answer)
{
    free(answer->own_code);
    free(answer->own_text);
    *answer = (struct answer){0};
}
