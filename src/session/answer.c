/* See answer.h. Nothing is written here. */
#include "session/answer.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/append.h"
#include "imap/object_id.h"
#include "imap/value.h"

#define CHARSET_MAX 100

/* Codes that mean the same to our client as to us. Those with numbers of messages are not among them;
 * APPENDUID and COPYUID are made by the commands themselves. All are words alone, but for BADCHARSET, MAILBOXID and
 * METADATA. */
static const char *const handed_on[] = {
    "ALREADYEXISTS", "AUTHORIZATIONFAILED", "BADCHARSET",  "CANNOT",      "CLIENTBUG", "CONTACTADMIN",
    "CORRUPTION",    "EXPUNGEISSUED",       "HASCHILDREN", "INUSE",       "LIMIT",     "MAILBOXID",
    "METADATA",      "NONEXISTENT",         "NOPERM",      "OVERQUOTA",   "PARSE",     "SERVERBUG",
    "TOOBIG",        "TRYCREATE",           "UNAVAILABLE", "UNKNOWN-CTE",
};

static bool is_handed_on(const struct response_code *code)
{
    if (code->name == RESPONSE_CODE_NONE ||
        (code->name == RESPONSE_CODE_MAILBOXID && !object_id_is_told(code->arguments)))
        return false;
    for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
        if (slice_equal_nocase(code->atom, slice_of(handed_on[i])))
            return true;
    }
    return false;
}

/* Returns the printed text as an owned string; NULL: out of memory. */
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

/* An astring that fits into a status line: nothing that could be printed as a literal only. */
static bool is_short_astring(const struct value *value)
{
    struct slice text;

    if (!value_astring(value, &text) || text.length > CHARSET_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if ((unsigned char)c < ' ' || (unsigned char)c >= 0x7f || c == '"' || c == '\\')
            return false;
    }
    return true;
}

/* "(" astring *(SP astring) ")" */
static bool are_charsets(const struct value *arguments)
{
    if (!value_is_list(arguments) || arguments->next)
        return false;
    for (const struct value *each = arguments->first; each; each = each->next) {
        if (!is_short_astring(each))
            return false;
    }
    return arguments->first != NULL;
}

static void print_charsets(const struct value *list, struct evbuffer *out)
{
    const char *before = " (";

    for (const struct value *each = list->first; each; each = each->next) {
        append_bytes(out, before, strlen(before));
        if (!value_print_astring(each->text, out))
            append_fail(out);
        before = " ";
    }
    append_bytes(out, ")", 1);
}

/* RFC 5464 section 4.2.1 and 4.3: LONGENTRIES 2199, MAXSIZE 1024, TOOMANY, NOPRIVATE. Others are left out. */
static void print_metadata(const struct value *word, struct evbuffer *out)
{
    uint64_t number;

    if (value_is_atom(word, "TOOMANY") || value_is_atom(word, "NOPRIVATE"))
        append_format(out, " %.*s", (int)word->text.length, word->text.data);
    else if ((value_is_atom(word, "LONGENTRIES") || value_is_atom(word, "MAXSIZE")) && word->next &&
             value_number(word->next, INT64_MAX, &number))
        append_format(out, " %.*s %llu", (int)word->text.length, word->text.data, (unsigned long long)number);
}

/* "CODE", "BADCHARSET (a b)", "MAILBOXID (id)" or "METADATA MAXSIZE 3" */
static char *print_code(const struct response_code *code)
{
    struct evbuffer *out = evbuffer_new();
    char *text;

    if (!out)
        return NULL;
    append_bytes(out, code->atom.data, code->atom.length);
    if (code->name == RESPONSE_CODE_BADCHARSET && are_charsets(code->arguments))
        print_charsets(code->arguments, out);
    if (code->name == RESPONSE_CODE_MAILBOXID && (!append_bytes(out, " ", 1) || !value_print(code->arguments, out)))
        append_fail(out);
    if (slice_equal_nocase(code->atom, SLICE("METADATA")))
        print_metadata(code->arguments, out);
    text = take_string(out);
    evbuffer_free(out);
    return text;
}

static bool as_told(enum response_status status, const struct response *response, struct answer *answer)
{
    bool has_code = is_handed_on(&response->code);

    *answer = (struct answer){.status = status};
    answer->text = answer->own_text = slice_copy(response->text.length > 0 ? response->text : SLICE("Done."));
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

static bool lost_in_words(const char *what, bool changes, struct answer *answer)
{
    struct evbuffer *out = evbuffer_new();

    *answer = (struct answer){.status = RESPONSE_NO, .code = "UNAVAILABLE"};
    if (!out)
        return false;
    append_bytes(out, what, strlen(what));
    append_format(out, "; %s", changes ? "the command may or may not have been carried out" : "please try again later");
    answer->text = answer->own_text = take_string(out);
    evbuffer_free(out);
    return answer->text != NULL;
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
                                : in_words(RESPONSE_NO, "UNAVAILABLE", text ? text : "The mail server refused", answer);
    case JOB_BAD:
        return lost ? in_words(RESPONSE_NO, "CANNOT", "The mail server no longer supports this command", answer)
                    : as_told(RESPONSE_BAD, result->response, answer);
    case JOB_REFUSED:
        return in_words(RESPONSE_NO, NULL, text ? text : "The command cannot be carried out", answer);
    case JOB_LOST:
        return lost_in_words(text ? text : "The connection to the mail server was lost", changes, answer);
    case JOB_GARBAGE:
        return in_words(
            RESPONSE_NO, "SERVERBUG",
            changes
                ? "The mail server's answer could not be understood; the command may or may not have been carried out"
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
