/* SEARCH keys: one table has each key's arguments. Sets, and keys that only one session can judge (\Recent), are kept
 * apart from the rest, since they mean nothing upstream until their owner has translated them. */
#include "imap/search.h"

#include <string.h>

#include "imap/date.h"
#include "imap/flags.h"
#include "imap/object_id.h"

#define DEPTH_MAX 100

enum argument {
    ARGUMENT_NONE,
    ARGUMENT_ASTRING,
    ARGUMENT_DATE,
    ARGUMENT_NUMBER,
    ARGUMENT_INTERVAL, /* a number above 0; WITHIN */
    ARGUMENT_LONG,     /* a number of 64 bits */
    ARGUMENT_OBJECT,   /* an object's id */
    ARGUMENT_LABEL,    /* a string, or a system label such as \Inbox; X-GM-EXT-1 */
    ARGUMENT_KEYWORD,
    ARGUMENT_HEADER, /* a field name and an astring */
    ARGUMENT_SET,
    ARGUMENT_KEY,
    ARGUMENT_TWO_KEYS,
};

static const struct key_row {
    const char *name;
    enum search_kind kind;
    enum argument argument;
} keys[] = {
    {"ALL", SEARCH_PLAIN, ARGUMENT_NONE},
    {"ANSWERED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"BCC", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"BEFORE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"BODY", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"CC", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"DELETED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"DRAFT", SEARCH_PLAIN, ARGUMENT_NONE},
    {"EMAILID", SEARCH_PLAIN, ARGUMENT_OBJECT},
    {"FLAGGED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"FROM", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"HEADER", SEARCH_PLAIN, ARGUMENT_HEADER},
    {"KEYWORD", SEARCH_PLAIN, ARGUMENT_KEYWORD},
    {"LARGER", SEARCH_PLAIN, ARGUMENT_NUMBER},
    {"NEW", SEARCH_NEW, ARGUMENT_NONE},
    {"NOT", SEARCH_NOT, ARGUMENT_KEY},
    {"OLD", SEARCH_OLD, ARGUMENT_NONE},
    {"OLDER", SEARCH_PLAIN, ARGUMENT_INTERVAL},
    {"ON", SEARCH_PLAIN, ARGUMENT_DATE},
    {"OR", SEARCH_OR, ARGUMENT_TWO_KEYS},
    {"RECENT", SEARCH_RECENT, ARGUMENT_NONE},
    {"SAVEDATESUPPORTED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"SAVEDBEFORE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SAVEDON", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SAVEDSINCE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SEEN", SEARCH_PLAIN, ARGUMENT_NONE},
    {"SENTBEFORE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SENTON", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SENTSINCE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SINCE", SEARCH_PLAIN, ARGUMENT_DATE},
    {"SMALLER", SEARCH_PLAIN, ARGUMENT_NUMBER},
    {"SUBJECT", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"TEXT", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"THREADID", SEARCH_PLAIN, ARGUMENT_OBJECT},
    {"TO", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"UID", SEARCH_UIDS, ARGUMENT_SET},
    {"UNANSWERED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"UNDELETED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"UNDRAFT", SEARCH_PLAIN, ARGUMENT_NONE},
    {"UNFLAGGED", SEARCH_PLAIN, ARGUMENT_NONE},
    {"UNKEYWORD", SEARCH_PLAIN, ARGUMENT_KEYWORD},
    {"UNSEEN", SEARCH_PLAIN, ARGUMENT_NONE},
    {"X-GM-LABELS", SEARCH_PLAIN, ARGUMENT_LABEL},
    {"X-GM-MSGID", SEARCH_PLAIN, ARGUMENT_LONG},
    {"X-GM-RAW", SEARCH_PLAIN, ARGUMENT_ASTRING},
    {"X-GM-THRID", SEARCH_PLAIN, ARGUMENT_LONG},
    {"YOUNGER", SEARCH_PLAIN, ARGUMENT_INTERVAL},
};

struct parser {
    struct arena *arena;
    const struct search_permit *permit;
    const struct value *next; /* of the present list */
    unsigned depth;
    const char *error;
};

/* ---- arguments ---- */

static bool fail(struct parser *parser, const char *error)
{
    if (!parser->error)
        parser->error = error;
    return false;
}

static const struct value *take(struct parser *parser)
{
    const struct value *value = parser->next;

    if (value)
        parser->next = value->next;
    return value;
}

/* Line ends are allowed: they go up in a literal. */
static bool is_search_string(const struct value *value)
{
    return value && (value->kind == VALUE_ATOM || value->kind == VALUE_QUOTED || value->kind == VALUE_LITERAL);
}

static bool is_field_name(const struct value *value)
{
    if (!is_search_string(value) || value->text.length == 0)
        return false;
    for (size_t i = 0; i < value->text.length; i++)
        if ((unsigned char)value->text.data[i] <= 0x20 || (unsigned char)value->text.data[i] >= 0x7f)
            return false;
    return true;
}

/* "1-Feb-1994", quoted or not */
static bool is_date(const struct value *value)
{
    return value && (value->kind == VALUE_ATOM || value->kind == VALUE_QUOTED) && date_valid(value->text);
}

static bool is_keyword(const struct value *value)
{
    return value && value->kind == VALUE_ATOM && value->text.data[0] != '\\' && flags_valid_name(value->text);
}

static bool is_argument(const struct value *value, enum argument argument)
{
    uint64_t number;

    switch (argument) {
    case ARGUMENT_ASTRING:
        return is_search_string(value);
    case ARGUMENT_DATE:
        return is_date(value);
    case ARGUMENT_NUMBER:
        return value_number(value, UINT32_MAX, &number);
    case ARGUMENT_INTERVAL:
        return value_number(value, UINT32_MAX, &number) && number > 0;
    case ARGUMENT_LONG:
        return value_number(value, UINT64_MAX, &number);
    case ARGUMENT_OBJECT:
        return value && value->kind == VALUE_ATOM && object_id_valid(value->text);
    case ARGUMENT_LABEL:
        return is_search_string(value);
    case ARGUMENT_KEYWORD:
        return is_keyword(value);
    case ARGUMENT_HEADER:
        return is_field_name(value) && is_search_string(value->next);
    case ARGUMENT_NONE:
    case ARGUMENT_SET:
    case ARGUMENT_KEY:
    case ARGUMENT_TWO_KEYS:
        break;
    }
    return false;
}

static const char *const argument_errors[] = {
    [ARGUMENT_NONE] = "",
    [ARGUMENT_ASTRING] = "Search key without its string",
    [ARGUMENT_DATE] = "Search key without a date such as 1-Feb-1994",
    [ARGUMENT_NUMBER] = "Search key without its number",
    [ARGUMENT_INTERVAL] = "Search key without its number of seconds",
    [ARGUMENT_LONG] = "Search key without its number",
    [ARGUMENT_OBJECT] = "Search key without an object's id",
    [ARGUMENT_LABEL] = "Search key without a label",
    [ARGUMENT_KEYWORD] = "Search key without a keyword",
    [ARGUMENT_HEADER] = "HEADER without a field name and a string",
    [ARGUMENT_SET] = "Malformed sequence set",
    [ARGUMENT_KEY] = "Missing search key",
    [ARGUMENT_TWO_KEYS] = "Missing search key",
};

static bool read_argument(struct parser *parser, enum argument argument, struct search_key *key)
{
    if (argument == ARGUMENT_NONE)
        return true;
    if (!is_argument(parser->next, argument))
        return fail(parser, argument_errors[argument]);
    key->argument = take(parser);
    key->argument_count = 1;
    if (argument == ARGUMENT_HEADER) {
        take(parser);
        key->argument_count = 2;
    }
    return true;
}

static bool read_set(struct parser *parser, const struct value *value, struct search_key *key)
{
    struct seqset set = {0};
    enum seqset_result result = SEQSET_BAD;
    bool saved = false;

    if (value && value->kind == VALUE_ATOM)
        result = seqset_parse_saved(value->text, &set, &saved);
    seqset_clear(&set);
    if (saved && !parser->permit->option(parser->permit->context, SLICE("SAVE")))
        result = SEQSET_BAD;
    if (result == SEQSET_TOO_BIG)
        parser->arena->out_of_memory = true;
    if (result != SEQSET_OK)
        return fail(parser, argument_errors[ARGUMENT_SET]);
    key->written = value->text;
    return true;
}

/* ---- keys ---- */

static bool read_key(struct parser *parser, struct search_key **key);

static bool read_keys(struct parser *parser, struct search_key **first)
{
    while (parser->next) {
        if (!read_key(parser, first))
            return false;
        first = &(*first)->next;
    }
    return true;
}

/* A parenthesised list: its keys, then back to where we were. */
static bool read_list(struct parser *parser, const struct value *list, struct search_key *key)
{
    const struct value *after = parser->next;
    bool done;

    key->kind = SEARCH_AND;
    if (!list->first)
        return fail(parser, "Empty list of search keys");
    parser->next = list->first;
    done = read_keys(parser, &key->first);
    parser->next = after;
    return done;
}

static const struct key_row *find_row(const struct parser *parser, struct slice name)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (slice_equal_nocase(name, slice_of(keys[i].name)))
            return parser->permit->key(parser->permit->context, name) ? &keys[i] : NULL;
    return NULL;
}

static bool read_named(struct parser *parser, struct slice name, struct search_key *key)
{
    const struct key_row *row = find_row(parser, name);

    if (!row)
        return fail(parser, "Unknown search key");
    key->kind = row->kind;
    key->name = row->kind == SEARCH_PLAIN ? row->name : NULL;
    if (row->argument == ARGUMENT_SET)
        return read_set(parser, take(parser), key);
    if (row->argument == ARGUMENT_KEY)
        return read_key(parser, &key->first);
    if (row->argument == ARGUMENT_TWO_KEYS)
        return read_key(parser, &key->first) && read_key(parser, &key->first->next);
    return read_argument(parser, row->argument, key);
}

static bool read_value(struct parser *parser, struct search_key *key)
{
    const struct value *value = take(parser);

    if (!value)
        return fail(parser, argument_errors[ARGUMENT_KEY]);
    if (value->kind == VALUE_LIST)
        return read_list(parser, value, key);
    if (value->kind != VALUE_ATOM)
        return fail(parser, "A search key must be an atom");
    if (strchr("*$0123456789", value->text.data[0])) {
        key->kind = SEARCH_NUMBERS;
        return read_set(parser, value, key);
    }
    return read_named(parser, value->text, key);
}

static bool read_key(struct parser *parser, struct search_key **key)
{
    bool done;

    *key = arena_alloc(parser->arena, sizeof(**key));
    if (!*key)
        return fail(parser, "Search too big");
    if (parser->depth == DEPTH_MAX)
        return fail(parser, "Search nested too deeply");
    parser->depth++;
    done = read_value(parser, *key);
    parser->depth--;
    return done;
}

/* The words before the keys. */
static bool read_head(struct parser *parser, struct search *search)
{
    if (value_is_atom(parser->next, "RETURN") && parser->permit->option(parser->permit->context, SLICE("ALL"))) {
        take(parser);
        if (!search_return_parse(take(parser), parser->permit, &search->options, &parser->error))
            return false;
    }
    if (!value_is_atom(parser->next, "CHARSET"))
        return true;
    take(parser);
    if (!is_field_name(parser->next))
        return fail(parser, "CHARSET without its name");
    search->charset = take(parser)->text;
    return true;
}

static bool read_charset(struct parser *parser, struct search *search)
{
    if (!is_field_name(parser->next))
        return fail(parser, "A charset must stand before the search keys");
    search->charset = take(parser)->text;
    return true;
}

static bool read_search(struct parser *parser, struct search *search)
{
    if (!(search->charset_first ? read_charset : read_head)(parser, search))
        return false;
    if (!parser->next)
        return fail(parser, argument_errors[ARGUMENT_KEY]);
    search->key = arena_alloc(parser->arena, sizeof(*search->key));
    return search->key ? read_keys(parser, &search->key->first) : fail(parser, "Search too big");
}

bool search_parse(const struct value *arguments, const struct search_permit *permit, struct arena *arena,
                  struct search *search, const char **error)
{
    struct parser parser = {.arena = arena, .permit = permit, .next = arguments};

    *search = (struct search){0};
    if (read_search(&parser, search))
        return true;
    *error = parser.error;
    return false;
}

bool search_parse_charset_first(const struct value *arguments, const struct search_permit *permit, struct arena *arena,
                                struct search *search, const char **error)
{
    struct parser parser = {.arena = arena, .permit = permit, .next = arguments};

    *search = (struct search){.charset_first = true};
    if (read_search(&parser, search))
        return true;
    *error = parser.error;
    return false;
}

/* ---- printing ---- */

struct printer {
    const struct search_translation *translation;
    struct outgoing *out;
};

static bool print_key(const struct printer *printer, const struct search_key *key, bool alone);

static bool print_keys(const struct printer *printer, const struct search_key *first)
{
    for (const struct search_key *key = first; key; key = key->next) {
        if (key != first)
            outgoing_text(printer->out, " ");
        if (!print_key(printer, key, false))
            return false;
    }
    return true;
}

static bool translate(const struct printer *printer, const struct search_key *key, struct seqset *uids)
{
    const struct search_translation *translation = printer->translation;

    if (key->kind == SEARCH_NUMBERS)
        return translation->numbers(translation->context, key->written, uids);
    if (key->kind == SEARCH_UIDS)
        return translation->uids(translation->context, key->written, uids);
    return translation->recent(translation->context, uids);
}

static void print_uids(const struct printer *printer, const struct search_key *key, const struct seqset *uids,
                       bool alone)
{
    struct outgoing *out = printer->out;
    bool old = key->kind == SEARCH_OLD, new = key->kind == SEARCH_NEW;

    if (uids->count == 0) {
        outgoing_text(out, old ? "ALL" : "NOT ALL");
        return;
    }
    if (new)
        outgoing_text(out, alone ? "(UNSEEN " : "UNSEEN ");
    outgoing_text(out, old ? "NOT UID " : "UID ");
    outgoing_set(out, uids);
    if (new &&alone)
        outgoing_text(out, ")");
}

static bool print_set(const struct printer *printer, const struct search_key *key, bool alone)
{
    struct seqset uids = {0};
    bool done = translate(printer, key, &uids);

    if (done)
        print_uids(printer, key, &uids, alone);
    seqset_clear(&uids);
    return done;
}

static bool print_plain(const struct printer *printer, const struct search_key *key)
{
    const struct value *argument = key->argument;

    outgoing_text(printer->out, key->name);
    for (unsigned i = 0; i < key->argument_count; i++, argument = argument->next) {
        outgoing_text(printer->out, " ");
        outgoing_value(printer->out, argument);
    }
    return true;
}

static bool print_or(const struct printer *printer, const struct search_key *key)
{
    outgoing_text(printer->out, "OR ");
    if (!print_key(printer, key->first, true))
        return false;
    outgoing_text(printer->out, " ");
    return print_key(printer, key->first->next, true);
}

/* alone: it stands where only one key may (after NOT and OR). */
static bool print_key(const struct printer *printer, const struct search_key *key, bool alone)
{
    bool done = false;

    switch (key->kind) {
    case SEARCH_AND:
        outgoing_text(printer->out, "(");
        done = print_keys(printer, key->first);
        outgoing_text(printer->out, ")");
        break;
    case SEARCH_OR:
        done = print_or(printer, key);
        break;
    case SEARCH_NOT:
        outgoing_text(printer->out, "NOT ");
        done = print_key(printer, key->first, true);
        break;
    case SEARCH_NUMBERS:
    case SEARCH_UIDS:
    case SEARCH_RECENT:
    case SEARCH_NEW:
    case SEARCH_OLD:
        done = print_set(printer, key, alone);
        break;
    case SEARCH_PLAIN:
        done = print_plain(printer, key);
        break;
    }
    return done;
}

bool search_print_upstream(const struct search *search, const struct search_translation *translation,
                           struct outgoing *out)
{
    struct printer printer = {translation, out};

    if (search->charset.length > 0) {
        outgoing_text(out, search->charset_first ? "" : "CHARSET ");
        outgoing_astring(out, search->charset);
        outgoing_text(out, " ");
    }
    return print_keys(&printer, search->key->first) && !outgoing_failed(out);
}
