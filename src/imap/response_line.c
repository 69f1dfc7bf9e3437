/* One line of a server, parsed. Servers are odd, so every readable part is taken, and a status always keeps its text;
 * but a number that is none, or half a FETCH, is garbage: nothing is guessed about messages. */
#include "imap/response_line.h"

#include <string.h>

#include "imap/seqset.h"
#include "imap/threads.h"

#define MODSEQ_MAX ((uint64_t)INT64_MAX)

static const char *const status_names[] = {
    [RESPONSE_OK] = "OK",   [RESPONSE_NO] = "NO",           [RESPONSE_BAD] = "BAD",
    [RESPONSE_BYE] = "BYE", [RESPONSE_PREAUTH] = "PREAUTH",
};
#define STATUS_COUNT (sizeof(status_names) / sizeof(*status_names))

static const char *const code_names[] = {
    [RESPONSE_CODE_NONE] = "",
#define CODE_NAME(id, name) [RESPONSE_CODE_##id] = (name),
    RESPONSE_CODES(CODE_NAME)
#undef CODE_NAME
        [RESPONSE_CODE_UNKNOWN] = "?",
};

/* The data behind "* number". */
static const struct {
    const char *word;
    enum response_kind kind;
    bool zero; /* the number may be 0 */
} numbered_words[] = {{"EXISTS", RESPONSE_EXISTS, true},
                      {"RECENT", RESPONSE_RECENT, true},
                      {"EXPUNGE", RESPONSE_EXPUNGE, false},
                      {"FETCH", RESPONSE_FETCH, false}};

/* Those behind "* ", by their kind. */
static const char *const words[] = {[RESPONSE_ACL] = "ACL",
                                    [RESPONSE_CAPABILITY] = "CAPABILITY",
                                    [RESPONSE_ENABLED] = "ENABLED",
                                    [RESPONSE_ESEARCH] = "ESEARCH",
                                    [RESPONSE_FLAGS] = "FLAGS",
                                    [RESPONSE_ID] = "ID",
                                    [RESPONSE_LIST] = "LIST",
                                    [RESPONSE_LISTRIGHTS] = "LISTRIGHTS",
                                    [RESPONSE_LSUB] = "LSUB",
                                    [RESPONSE_METADATA] = "METADATA",
                                    [RESPONSE_MYRIGHTS] = "MYRIGHTS",
                                    [RESPONSE_NAMESPACE] = "NAMESPACE",
                                    [RESPONSE_QUOTA] = "QUOTA",
                                    [RESPONSE_QUOTAROOT] = "QUOTAROOT",
                                    [RESPONSE_SEARCH] = "SEARCH",
                                    [RESPONSE_SORT] = "SORT",
                                    [RESPONSE_MAILBOX_STATUS] = "STATUS",
                                    [RESPONSE_THREAD] = "THREAD",
                                    [RESPONSE_VANISHED] = "VANISHED",
                                    [RESPONSE_XLIST] = "XLIST"};

const char *response_status_name(enum response_status status)
{
    return status_names[status];
}

const char *response_code_title(enum response_code_name name)
{
    return code_names[name];
}

/* ---- words ---- */

static struct slice skip_spaces(struct slice text)
{
    while (text.length > 0 && text.data[0] == ' ')
        text = (struct slice){text.data + 1, text.length - 1};
    return text;
}

/* Takes the word at the front of *text, and the spaces after it. */
static struct slice take_word(struct slice *text)
{
    struct slice word = *text;
    const char *space = text->length ? memchr(text->data, ' ', text->length) : NULL;

    if (space)
        word.length = (size_t)(space - text->data);
    *text = skip_spaces((struct slice){text->data + word.length, text->length - word.length});
    return word;
}

static bool find_status(struct slice word, enum response_status *status)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (slice_equal_nocase(word, slice_of(status_names[i]))) {
            *status = (enum response_status)i;
            return true;
        }
    }
    return false;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_tag(struct slice word)
{
    for (size_t i = 0; i < word.length; i++)
        if (is_control(word.data[i]))
            return false; /* a literal's announcement and octets, for example */
    return word.length > 0;
}

/* Human text: control characters in it (a bare CR is a line end to some clients) become spaces. */
static struct slice clean_text(struct slice text, struct arena *arena)
{
    bool dirty = false;
    char *copy;

    for (size_t i = 0; i < text.length; i++)
        dirty = dirty || is_control(text.data[i]);
    if (!dirty)
        return text;
    copy = arena_alloc(arena, text.length);
    if (!copy)
        return (struct slice){"", 0};
    for (size_t i = 0; i < text.length; i++) {
        copy[i] = text.data[i];
        if (is_control(text.data[i]))
            copy[i] = ' ';
    }
    return (struct slice){copy, text.length};
}

/* ---- response codes ---- */

static enum response_code_name find_code(struct slice name)
{
    for (size_t i = RESPONSE_CODE_NONE + 1; i < RESPONSE_CODE_UNKNOWN; i++)
        if (slice_equal_nocase(name, slice_of(code_names[i])))
            return (enum response_code_name)i;
    return RESPONSE_CODE_UNKNOWN;
}

/* The ] that ends the code which text begins with: one in quotes or parentheses (a keyword) does not. text.length if
 * there is none. */
static size_t code_end(struct slice text)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 1; i < text.length; i++) {
        char c = text.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (c == '(' || c == ')')
            depth += c == '(' ? 1 : -1;
        else if (c == ']' && depth <= 0)
            return i;
    }
    return text.length;
}

static void parse_code(struct slice inside, struct arena *arena, struct response_code *code)
{
    struct line line;
    const char *error;

    inside = skip_spaces(inside);
    code->atom = take_word(&inside);
    code->name = find_code(code->atom);
    line = (struct line){.bytes = inside};
    if (value_parse(line, 0, arena, &code->arguments, &error) == VALUE_OK)
        return;
    code->arguments = NULL;
    if (!arena->out_of_memory) /* else it is that code, without what it says */
        code->name = RESPONSE_CODE_UNKNOWN;
}

/* Takes "[code] " off the front of text. */
static struct slice take_code(struct slice text, struct arena *arena, struct response_code *code)
{
    size_t end;

    if (text.length == 0 || text.data[0] != '[')
        return text;
    end = code_end(text);
    if (end < text.length) {
        parse_code((struct slice){text.data + 1, end - 1}, arena, code);
    } else {
        const char *close = memchr(text.data, ']', text.length);
        code->name = RESPONSE_CODE_UNKNOWN;
        code->atom = (struct slice){"", 0};
        if (!close)
            return text;
        end = (size_t)(close - text.data);
    }
    return skip_spaces((struct slice){text.data + end + 1, text.length - end - 1});
}

static bool parse_status(struct slice text, struct arena *arena, struct response *response)
{
    response->kind = RESPONSE_STATUS;
    text = take_code(text, arena, &response->code);
    response->code.atom = clean_text(response->code.atom, arena);
    response->text = clean_text(text, arena);
    return true;
}

/* ---- FETCH ---- */

bool response_line_streams(struct slice name)
{
    return slice_starts_nocase(name, SLICE("BODY[")) || slice_starts_nocase(name, SLICE("BINARY[")) ||
           slice_starts_nocase(name, SLICE("RFC822"));
}

bool response_line_name(struct slice *name, struct arena *arena)
{
    char *copy;
    size_t i;

    for (i = 0; i < name->length && !(name->data[i] >= 'a' && name->data[i] <= 'z'); i++)
        if (name->data[i] == '[')
            return true;
    if (i == name->length)
        return true;
    copy = arena_alloc(arena, name->length);
    if (!copy)
        return false;
    for (i = 0; i < name->length && name->data[i] != '['; i++)
        copy[i] = slice_upper(name->data[i]);
    memcpy(copy + i, name->data + i, name->length - i);
    name->data = copy;
    return true;
}

/* A number, but beyond 32 bits. */
static bool is_long_number(const struct value *value)
{
    uint64_t number;

    if (value->kind != VALUE_ATOM || value->text.length == 0)
        return false;
    for (size_t i = 0; i < value->text.length; i++)
        if (value->text.data[i] < '0' || value->text.data[i] > '9')
            return false;
    return !slice_number(value->text, UINT32_MAX, &number);
}

static bool is_sound(const struct fetch_pair *pair)
{
    uint64_t number = 0;

    if (slice_equal(pair->name, SLICE("UID")))
        return value_number(pair->value, UINT32_MAX, &number) && number > 0;
    if (slice_equal(pair->name, SLICE("MODSEQ")))
        return value_is_list(pair->value) && pair->value->first && !pair->value->first->next &&
               value_number(pair->value->first, MODSEQ_MAX, &number);
    return !slice_equal(pair->name, SLICE("RFC822.SIZE")) || !is_long_number(pair->value);
}

static struct fetch_pair *make_pair(const struct value *name, struct value *value, struct arena *arena)
{
    struct fetch_pair *pair = arena_alloc(arena, sizeof(*pair));

    if (!pair || name->kind != VALUE_ATOM)
        return NULL;
    pair->name = name->text;
    pair->value = value;
    return response_line_name(&pair->name, arena) && is_sound(pair) ? pair : NULL;
}

bool response_line_pairs(struct value *first, const struct value *end, struct arena *arena, struct fetch_pair **pairs)
{
    *pairs = NULL;
    while (first && first != end) {
        struct value *value = first->next;
        struct value *next = value ? value->next : NULL;
        if (!value || value == end)
            return false;
        *pairs = make_pair(first, value, arena);
        if (!*pairs)
            return false;
        value->next = NULL;
        pairs = &(*pairs)->next;
        first = next;
    }
    return true;
}

bool response_line_begins_fetch(struct slice text, uint32_t *number, size_t *offset)
{
    struct slice left = text;
    uint64_t value;

    if (!slice_equal(take_word(&left), SLICE("*")) || !slice_number(take_word(&left), UINT32_MAX, &value) || value == 0)
        return false;
    if (!slice_starts_nocase(left, SLICE("FETCH")))
        return false;
    left = skip_spaces((struct slice){left.data + 5, left.length - 5});
    if (left.length == 0 || left.data[0] != '(')
        return false;
    *number = (uint32_t)value;
    *offset = (size_t)(left.data - text.data);
    return true;
}

static bool parse_fetch(struct response *response, struct arena *arena)
{
    const struct value *list = response->arguments;

    if (!value_is_list(list) || list->next)
        return false;
    response->arguments = NULL;
    response->fetch.first = response->fetch.complete = true;
    return response_line_pairs(list->first, NULL, arena, &response->fetch.pairs);
}

/* ---- untagged data ---- */

/* SEARCH: numbers, and lists such as (MODSEQ 5). */
static bool is_sound_search(const struct value *value)
{
    uint64_t number;

    for (; value; value = value->next)
        if (!value_is_list(value) && (!value_number(value, UINT32_MAX, &number) || number == 0))
            return false;
    return true;
}

/* Of names only, control characters are part: what a mailbox has is labelled and counted in plain atoms. */
static bool is_sound_status(const struct value *name)
{
    const struct value *pairs = name ? name->next : NULL;

    for (const struct value *value = pairs ? pairs->first : NULL; value; value = value->next)
        for (size_t i = 0; value->kind == VALUE_ATOM && i < value->text.length; i++)
            if (is_control(value->text.data[i]))
                return false;
    return true;
}

static bool find_numbered(struct response *response)
{
    for (size_t i = 0; i < sizeof(numbered_words) / sizeof(numbered_words[0]); i++) {
        if (!slice_equal_nocase(response->word, slice_of(numbered_words[i].word)))
            continue;
        response->kind = numbered_words[i].kind;
        return numbered_words[i].zero || response->number > 0;
    }
    return true;
}

static bool find_kind(struct response *response, bool numbered)
{
    response->kind = RESPONSE_OTHER;
    if (numbered)
        return find_numbered(response);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i] && slice_equal_nocase(response->word, slice_of(words[i])))
            response->kind = (enum response_kind)i;
    }
    return true;
}

/* "FETCH(" without a space is seen; the word ends at the parenthesis. */
static struct slice take_data_word(struct slice *text)
{
    struct slice start = *text;
    struct slice word = take_word(text);
    const char *list = word.length ? memchr(word.data, '(', word.length) : NULL;

    if (list && list > word.data) {
        word.length = (size_t)(list - word.data);
        *text = (struct slice){list, start.length - word.length};
    }
    return word;
}

/* ---- repairs ---- */

static bool is_list(enum response_kind kind)
{
    return kind == RESPONSE_LIST || kind == RESPONSE_LSUB || kind == RESPONSE_XLIST;
}

static bool is_about_names(enum response_kind kind)
{
    return is_list(kind) || kind == RESPONSE_NAMESPACE || kind == RESPONSE_MAILBOX_STATUS || kind == RESPONSE_ACL ||
           kind == RESPONSE_LISTRIGHTS || kind == RESPONSE_METADATA || kind == RESPONSE_MYRIGHTS ||
           kind == RESPONSE_QUOTA || kind == RESPONSE_QUOTAROOT;
}

/* Where a separator begins that is a backslash or a quote without its escape: "\" or """, and then `after`, between
 * `from` and `to`. text.length: nowhere. */
static size_t bare_separator(struct slice text, size_t from, size_t to, char after)
{
    for (size_t i = from; i < to && i + 3 < text.length; i++) {
        char c = text.data[i + 1];
        if (text.data[i] == '"' && (c == '\\' || c == '"') && text.data[i + 2] == '"' && text.data[i + 3] == after)
            return i;
    }
    return text.length;
}

static struct slice escape_separator(struct slice text, size_t at, struct arena *arena)
{
    char *copy = arena_alloc(arena, text.length + 1);

    if (!copy)
        return text;
    memcpy(copy, text.data, at + 1);
    copy[at + 1] = '\\';
    memcpy(copy + at + 2, text.data + at + 1, text.length - at - 1);
    return (struct slice){copy, text.length + 1};
}

/* (prefix separator) of each namespace. */
static struct slice repair_namespaces(struct slice text, struct arena *arena)
{
    size_t at = 0;

    while ((at = bare_separator(text, at, text.length, ')')) < text.length) {
        if (at > 0 && text.data[at - 1] == ' ' && text.data[at + 1] == '\\')
            text = escape_separator(text, at, arena);
        at += 2;
    }
    return text;
}

/* (attributes) separator name: an attribute has no parenthesis. */
static struct slice repair_list(struct slice text, struct arena *arena)
{
    const char *close = text.length ? memchr(text.data, ')', text.length) : NULL;
    size_t from = close ? (size_t)(close - text.data) + 1 : text.length, at;

    while (from < text.length && text.data[from] == ' ')
        from++;
    at = bare_separator(text, from, from + 1, ' ');
    return at < text.length ? escape_separator(text, at, arena) : text;
}

/* Understands what is written wrong but can mean one thing only. */
static struct slice repaired(struct slice text, enum response_kind kind, struct arena *arena)
{
    if (kind == RESPONSE_CAPABILITY)
        return clean_text(text, arena);
    if (kind == RESPONSE_NAMESPACE)
        return repair_namespaces(text, arena);
    return is_list(kind) ? repair_list(text, arena) : text;
}

static bool parse_data(struct line line, struct slice text, struct arena *arena, struct response *response)
{
    bool numbered = text.length > 0 && text.data[0] >= '0' && text.data[0] <= '9';
    const char *error;
    uint64_t number = 0;

    if (numbered && !slice_number(take_word(&text), UINT32_MAX, &number))
        return false;
    response->number = (uint32_t)number;
    response->word = take_data_word(&text);
    if (response->word.length == 0 || !find_kind(response, numbered))
        return false;
    if (response->kind == RESPONSE_THREAD) {
        response->text = text;
        return threads_sound(text);
    }
    line.any_octet = line.deep = line.sections = response->kind == RESPONSE_FETCH;
    line.names = is_about_names(response->kind);
    if (line.names || response->kind == RESPONSE_CAPABILITY)
        line.bytes = text = repaired(text, response->kind, arena);
    if (value_parse(line, (size_t)(text.data - line.bytes.data), arena, &response->arguments, &error) != VALUE_OK)
        return false;
    if (response->kind == RESPONSE_FETCH)
        return parse_fetch(response, arena);
    if (response->kind == RESPONSE_MAILBOX_STATUS)
        return is_sound_status(response->arguments);
    return (response->kind != RESPONSE_SEARCH && response->kind != RESPONSE_SORT) ||
           is_sound_search(response->arguments);
}

bool response_line_parse(struct line line, struct arena *arena, struct response *response)
{
    struct slice text = line.bytes, first, behind;

    *response = (struct response){0};
    if (text.length > 0 && text.data[0] == '+') {
        response->kind = RESPONSE_CONTINUE;
        response->text = clean_text(skip_spaces((struct slice){text.data + 1, text.length - 1}), arena);
        return true;
    }
    first = take_word(&text);
    behind = text;
    if (find_status(take_word(&behind), &response->status)) {
        if (!slice_equal(first, SLICE("*")))
            response->tag = first;
        return is_tag(first) && parse_status(behind, arena, response);
    }
    return slice_equal(first, SLICE("*")) && parse_data(line, text, arena, response);
}

enum seqset_result response_uid_set(const struct value *value, struct seqset *set)
{
    struct seqset written = {0};
    enum seqset_result result = SEQSET_BAD;

    if (value && value->kind == VALUE_ATOM)
        result = seqset_parse(value->text, &written);
    if (result == SEQSET_OK && seqset_has_star(&written))
        result = SEQSET_BAD;
    if (result == SEQSET_OK && !seqset_resolve(&written, 0, set))
        result = SEQSET_TOO_BIG;
    seqset_clear(&written);
    return result;
}

/* The numbers of SEARCH, in the order of the server. */
static enum response_found write_numbers(const struct value *value, struct seqset *written)
{
    uint64_t number;

    for (; value; value = value->next) {
        if (value_is_list(value))
            continue;
        if (!value_number(value, UINT32_MAX, &number) || number == 0)
            return RESPONSE_FOUND_UNREADABLE;
        if (!seqset_write(written, (uint32_t)number))
            return RESPONSE_FOUND_NO_MEMORY;
    }
    return RESPONSE_FOUND;
}

/* NULL: nothing was found. */
static const struct value *all_of_esearch(const struct value *value)
{
    for (; value && value->next; value = value->next) {
        if (value_is_atom(value, "ALL"))
            return value->next;
    }
    return NULL;
}

static enum response_found read_set(const struct value *value, struct seqset *set)
{
    switch (value ? response_uid_set(value, set) : SEQSET_OK) {
    case SEQSET_OK:
        return RESPONSE_FOUND;
    case SEQSET_BAD:
        return RESPONSE_FOUND_UNREADABLE;
    case SEQSET_TOO_BIG:
        break;
    }
    return RESPONSE_FOUND_NO_MEMORY;
}

enum response_found response_take_found(const struct response *response, struct seqset *found)
{
    struct seqset numbers = {0};
    enum response_found result = RESPONSE_FOUND;

    if (response->kind == RESPONSE_SEARCH)
        result = write_numbers(response->arguments, &numbers);
    else if (response->kind == RESPONSE_ESEARCH)
        result = read_set(all_of_esearch(response->arguments), &numbers);
    if (result == RESPONSE_FOUND && !seqset_add_written(found, &numbers))
        result = RESPONSE_FOUND_NO_MEMORY;
    seqset_clear(&numbers);
    return result;
}

enum response_found response_take_sorted(const struct response *response, struct seqset *found)
{
    const struct value *all = response->kind == RESPONSE_ESEARCH ? all_of_esearch(response->arguments) : NULL;
    struct seqset ranges = {0};
    enum response_found result = RESPONSE_FOUND;

    if (response->kind == RESPONSE_SORT)
        result = write_numbers(response->arguments, found);
    else if (all &&
             (all->kind != VALUE_ATOM || seqset_parse(all->text, &ranges) != SEQSET_OK || seqset_has_star(&ranges)))
        result = RESPONSE_FOUND_UNREADABLE;
    for (size_t i = 0; result == RESPONSE_FOUND && i < ranges.count; i++) {
        if (!seqset_write_range(found, ranges.ranges[i]))
            result = RESPONSE_FOUND_NO_MEMORY;
    }
    seqset_clear(&ranges);
    return result;
}
