/* The lexer of both directions: a whole line, its small literals inside, becomes a tree of values. Liberal about the
 * octets of an atom, since servers are. Strict wherever bytes of one value could be taken for another: quotes,
 * literals, parentheses, control characters. Works with a stack of its own, so that no line can exhaust the machine's.
 */
#include "imap/value.h"

#include <string.h>

struct lexer {
    struct line line;
    struct arena *arena;
    size_t at;
    size_t spooled; /* spooled literals met so far */
    struct value *open[VALUE_DEPTH_MAX];
    size_t depth;
    struct value **tail; /* where the next value is hung in */
    bool apart;          /* a value may begin here */
    const char *error;   /* NULL with VALUE_BAD: never */
};

/* The beginnings of section atoms: spaces, parentheses and quotes belong to them up to the ]. */
static const char *const section_names[] = {
    "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE", "RFC822", "RFC822.HEADER", "RFC822.TEXT",
};

static enum value_result bad(struct lexer *lexer, const char *error)
{
    lexer->error = error;
    return VALUE_BAD;
}

static struct value *hang(struct lexer *lexer, enum value_kind kind, struct slice text)
{
    struct value *value = arena_alloc(lexer->arena, sizeof(*value));

    if (!value)
        return NULL;
    value->kind = kind;
    value->text = text;
    *lexer->tail = value;
    lexer->tail = &value->next;
    return value;
}

static enum value_result add(struct lexer *lexer, enum value_kind kind, struct slice text)
{
    return hang(lexer, kind, text) ? VALUE_OK : VALUE_TOO_BIG;
}

static struct slice rest(const struct lexer *lexer)
{
    return (struct slice){lexer->line.bytes.data + lexer->at, lexer->line.bytes.length - lexer->at};
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_atom_end(char c)
{
    return c == ' ' || c == '(' || c == ')' || c == '"' || c == '{' || is_control(c);
}

static bool is_odd_name(const struct lexer *lexer, char c)
{
    return lexer->line.names && is_control(c) && c != '\0' && c != '\r' && c != '\n';
}

/* ---- strings ---- */

/* Finds the closing quote of the string at the front of text (after its opening one); *escapes tells of backslashes.
 * Returns text.length if there is none, or a control character that cannot stand in a string comes before it. */
static size_t quoted_end(struct slice text, bool *escapes)
{
    *escapes = false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '"')
            return i;
        if (c == '\\') {
            *escapes = true;
            if (++i == text.length)
                break;
            c = text.data[i];
        }
        if (c == '\r' || c == '\n' || c == '\0')
            break;
    }
    return text.length;
}

/* keep: a backslash that escapes nothing stays. */
static size_t unescape(char *to, struct slice from, bool keep)
{
    size_t length = 0;

    for (size_t i = 0; i < from.length; i++) {
        char next = (char)(i + 1 < from.length ? from.data[i + 1] : '\0');
        if (from.data[i] == '\\' && i + 1 < from.length && (!keep || next == '"' || next == '\\'))
            i++;
        to[length++] = from.data[i];
    }
    return length;
}

static bool escapes_are_valid(struct slice inside)
{
    for (size_t i = 0; i < inside.length; i++) {
        if (inside.data[i] == '\\' && inside.data[++i] != '"' && inside.data[i] != '\\')
            return false;
    }
    return true;
}

/* Reads a quoted string at lexer->at and moves past it. */
static enum value_result read_quoted(struct lexer *lexer, struct slice *text)
{
    struct slice inside;
    bool escapes;
    size_t end;

    lexer->at++;
    inside = rest(lexer);
    end = quoted_end(inside, &escapes);
    if (end == inside.length)
        return bad(lexer, "Unterminated quoted string");
    lexer->at += end + 1;
    *text = (struct slice){inside.data, end};
    if (escapes && lexer->line.strict && !escapes_are_valid(*text))
        return bad(lexer, "In a quoted string a backslash may only precede a quote or a backslash");
    if (escapes) {
        char *copy = arena_alloc(lexer->arena, end);
        if (!copy)
            return VALUE_TOO_BIG;
        *text = (struct slice){copy, unescape(copy, *text, lexer->line.names)};
    }
    return VALUE_OK;
}

static enum value_result lex_quoted(struct lexer *lexer)
{
    struct slice text;
    enum value_result result = read_quoted(lexer, &text);

    return result == VALUE_OK ? add(lexer, VALUE_QUOTED, text) : result;
}

/* Reads "{n}" and its line end. */
static bool read_announcement(struct lexer *lexer, uint64_t *size)
{
    struct slice text = rest(lexer);
    const char *close = memchr(text.data, '}', text.length < 32 ? text.length : 32);
    size_t digits = close ? (size_t)(close - text.data) - 1 : 0;

    if (!close || text.length < digits + 4 || memcmp(close + 1, "\r\n", 2) != 0)
        return false;
    if (!slice_number((struct slice){text.data + 1, digits}, INT64_MAX, size))
        return false;
    lexer->at += digits + 4;
    return true;
}

static bool is_spooled(struct lexer *lexer)
{
    if (lexer->spooled >= lexer->line.spooled_count || lexer->line.spooled[lexer->spooled] != lexer->at)
        return false;
    lexer->spooled++;
    return true;
}

static enum value_result lex_spooled(struct lexer *lexer, uint64_t size, bool literal8)
{
    struct value *value = hang(lexer, VALUE_SPOOLED, (struct slice){"", 0});

    if (!value)
        return VALUE_TOO_BIG;
    value->size = size;
    value->literal8 = literal8;
    value->spool_index = (unsigned)(lexer->spooled - 1) & INT32_MAX;
    return VALUE_OK;
}

/* Reads a literal that is held in the line. */
static enum value_result read_literal(struct lexer *lexer, bool nul_allowed, struct slice *text)
{
    uint64_t size;

    if (!read_announcement(lexer, &size) || size > rest(lexer).length)
        return bad(lexer, "Malformed literal");
    *text = (struct slice){rest(lexer).data, (size_t)size};
    lexer->at += text->length;
    if (!nul_allowed && text->length && memchr(text->data, '\0', text->length))
        return bad(lexer, "NUL octet in a literal");
    return VALUE_OK;
}

static enum value_result lex_literal(struct lexer *lexer)
{
    bool spooled = is_spooled(lexer);
    bool literal8 = rest(lexer).data[0] == '~';
    enum value_result result;
    struct slice text;
    uint64_t size;

    lexer->at += literal8;
    if (spooled)
        return read_announcement(lexer, &size) ? lex_spooled(lexer, size, literal8) : bad(lexer, "Malformed literal");
    result = read_literal(lexer, literal8 || lexer->line.any_octet, &text);
    return result == VALUE_OK ? add(lexer, literal8 ? VALUE_LITERAL8 : VALUE_LITERAL, text) : result;
}

/* ---- atoms ---- */

static bool is_section_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(section_names) / sizeof(*section_names); i++)
        if (slice_equal_nocase(name, slice_of(section_names[i])))
            return true;
    return false;
}

/* Puts a section atom together again. text NULL: only measured. */
struct section {
    char *text;
    size_t length;
};

static void section_add(struct section *section, struct slice text)
{
    if (section->text && text.length)
        memcpy(section->text + section->length, text.data, text.length);
    section->length += text.length;
}

static bool is_plain_word(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (is_atom_end(c) || c == ']' || c == '[' || c == '\\' || c == '%' || c == '*' || (unsigned char)c >= 0x80)
            return false;
    }
    return text.length > 0;
}

/* A string in a section (a header field's name): plain if it may be, else quoted. */
static bool section_add_string(struct section *section, struct slice text)
{
    bool plain = is_plain_word(text);

    for (size_t i = 0; i < text.length; i++)
        if (is_control(text.data[i]) || (unsigned char)text.data[i] >= 0x80)
            return false;
    if (plain) {
        section_add(section, text);
        return true;
    }
    section_add(section, SLICE("\""));
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            section_add(section, SLICE("\\"));
        section_add(section, (struct slice){text.data + i, 1});
    }
    section_add(section, SLICE("\""));
    return true;
}

static enum value_result section_string(struct lexer *lexer, struct section *section)
{
    struct slice text;
    enum value_result result =
        rest(lexer).data[0] == '"' ? read_quoted(lexer, &text) : read_literal(lexer, false, &text);

    if (result != VALUE_OK)
        return result;
    return section_add_string(section, text) ? VALUE_OK : bad(lexer, "Malformed section");
}

/* From the [ to the matching ]. */
static enum value_result section_brackets(struct lexer *lexer, struct section *section)
{
    while (lexer->at < lexer->line.bytes.length) {
        const char *c = rest(lexer).data;
        if (*c == '"' || *c == '{') {
            enum value_result result = section_string(lexer, section);
            if (result != VALUE_OK)
                return result;
            continue;
        }
        if (is_control(*c))
            return bad(lexer, "Control character in a section");
        section_add(section, (struct slice){c, 1});
        lexer->at++;
        if (*c == ']')
            return VALUE_OK;
    }
    return bad(lexer, "Unterminated section: ] is missing");
}

static size_t atom_length(const struct lexer *lexer, struct slice text, bool stop_at_bracket)
{
    size_t length = 0;

    while (length < text.length && (!is_atom_end(text.data[length]) || is_odd_name(lexer, text.data[length])) &&
           !(stop_at_bracket && text.data[length] == '['))
        length++;
    return length;
}

/* From the name to the end of the atom. */
static enum value_result read_section(struct lexer *lexer, struct slice name, struct section *section)
{
    enum value_result result;
    struct slice behind;

    for (size_t i = 0; i < name.length; i++) {
        char c = slice_upper(name.data[i]);
        section_add(section, (struct slice){&c, 1});
    }
    lexer->at += name.length;
    result = section_brackets(lexer, section);
    if (result != VALUE_OK)
        return result;
    behind = (struct slice){rest(lexer).data, atom_length(lexer, rest(lexer), false)};
    section_add(section, behind);
    lexer->at += behind.length;
    return VALUE_OK;
}

static enum value_result lex_section(struct lexer *lexer, struct slice name)
{
    struct section section = {0};
    size_t start = lexer->at;
    enum value_result result = read_section(lexer, name, &section);

    if (result != VALUE_OK)
        return result;
    section.text = arena_alloc(lexer->arena, section.length);
    if (!section.text)
        return VALUE_TOO_BIG;
    section.length = 0;
    lexer->at = start;
    result = read_section(lexer, name, &section);
    return result == VALUE_OK ? add(lexer, VALUE_ATOM, (struct slice){section.text, section.length}) : result;
}

static enum value_result lex_atom(struct lexer *lexer)
{
    struct slice text = rest(lexer);
    struct slice name = {text.data, atom_length(lexer, text, true)};

    if (lexer->line.sections && name.length < text.length && text.data[name.length] == '[' && is_section_name(name))
        return lex_section(lexer, name);
    text.length = atom_length(lexer, text, false);
    lexer->at += text.length;
    return add(lexer, VALUE_ATOM, text);
}

/* ---- lists ---- */

/* Moves past an atom or a string. */
static enum value_result skip_value(struct lexer *lexer)
{
    struct slice text = rest(lexer);

    if (is_control(text.data[0]))
        return bad(lexer, "Control character");
    if (!lexer->apart)
        return bad(lexer, "Missing space between arguments");
    lexer->apart = false;
    if (text.data[0] == '"')
        return read_quoted(lexer, &text);
    if (text.data[0] == '{')
        return read_literal(lexer, lexer->line.any_octet, &text);
    lexer->at += atom_length(lexer, text, false);
    return VALUE_OK;
}

/* A list as one value, from its opening parenthesis to the one that closes it. */
static enum value_result lex_deep(struct lexer *lexer)
{
    const char *start = rest(lexer).data;
    enum value_result result = VALUE_OK;
    size_t depth = 0;

    do {
        if (lexer->at == lexer->line.bytes.length)
            return bad(lexer, "Unbalanced parentheses");
        switch (rest(lexer).data[0]) {
        case '(':
            depth++;
            lexer->apart = true;
            lexer->at++;
            break;
        case ')':
            depth--;
            lexer->apart = false;
            lexer->at++;
            break;
        case ' ':
            lexer->apart = true;
            lexer->at++;
            break;
        default:
            result = skip_value(lexer);
        }
    } while (depth > 0 && result == VALUE_OK);
    return result == VALUE_OK ? add(lexer, VALUE_DEEP, (struct slice){start, (size_t)(rest(lexer).data - start)})
                              : result;
}

static enum value_result open_list(struct lexer *lexer)
{
    struct value *list;

    if (lexer->depth == VALUE_DEPTH_MAX)
        return lexer->line.deep ? lex_deep(lexer) : VALUE_TOO_BIG;
    list = hang(lexer, VALUE_LIST, (struct slice){"", 0});
    if (!list)
        return VALUE_TOO_BIG;
    lexer->open[lexer->depth++] = list;
    lexer->tail = &list->first;
    lexer->at++;
    lexer->apart = true;
    return VALUE_OK;
}

static enum value_result close_list(struct lexer *lexer)
{
    if (lexer->depth == 0)
        return bad(lexer, "Unbalanced parentheses");
    lexer->tail = &lexer->open[--lexer->depth]->next;
    lexer->at++;
    lexer->apart = false;
    return VALUE_OK;
}

static enum value_result lex_value(struct lexer *lexer)
{
    struct slice text = rest(lexer);

    if (is_control(text.data[0]) && !is_odd_name(lexer, text.data[0]))
        return bad(lexer, "Control character");
    if (!lexer->apart)
        return bad(lexer, "Missing space between arguments");
    lexer->apart = false;
    if (text.data[0] == '"')
        return lex_quoted(lexer);
    if (text.data[0] == '{' || (text.length > 1 && text.data[0] == '~' && text.data[1] == '{'))
        return lex_literal(lexer);
    return lex_atom(lexer);
}

static enum value_result lex_next(struct lexer *lexer)
{
    switch (lexer->line.bytes.data[lexer->at]) {
    case ' ':
        lexer->at++;
        lexer->apart = true;
        return VALUE_OK;
    case '(':
        return open_list(lexer);
    case ')':
        return close_list(lexer);
    default:
        return lex_value(lexer);
    }
}

enum value_result value_parse(struct line line, size_t offset, struct arena *arena, struct value **values,
                              const char **error)
{
    struct lexer lexer = {.line = line, .arena = arena, .at = offset, .tail = values, .apart = true};
    enum value_result result = VALUE_OK;

    *values = NULL;
    while (lexer.spooled < line.spooled_count && line.spooled[lexer.spooled] < offset)
        lexer.spooled++;
    while (result == VALUE_OK && lexer.at < line.bytes.length)
        result = lex_next(&lexer);
    if (result == VALUE_OK && lexer.depth > 0 && !line.unfinished)
        result = bad(&lexer, "Unbalanced parentheses");
    if (result != VALUE_OK)
        *values = NULL;
    if (result == VALUE_BAD)
        *error = lexer.error;
    return result;
}

/* ---- kinds of values ---- */

bool value_is_nil(const struct value *value)
{
    return value_is_atom(value, "NIL");
}

bool value_is_string(const struct value *value)
{
    return value && (value->kind == VALUE_QUOTED || value->kind == VALUE_LITERAL || value->kind == VALUE_LITERAL8);
}

bool value_is_atom(const struct value *value, const char *name)
{
    return value && value->kind == VALUE_ATOM && slice_equal_nocase(value->text, slice_of(name));
}

bool value_is_list(const struct value *value)
{
    return value && value->kind == VALUE_LIST;
}

size_t value_count(const struct value *first)
{
    size_t count = 0;

    for (; first; first = first->next)
        count++;
    return count;
}

bool value_number(const struct value *value, uint64_t maximum, uint64_t *number)
{
    return value && value->kind == VALUE_ATOM && slice_number(value->text, maximum, number);
}

bool value_astring(const struct value *value, struct slice *text)
{
    if (!value || (value->kind != VALUE_ATOM && !value_is_string(value)))
        return false;
    for (size_t i = 0; i < value->text.length; i++) {
        char c = value->text.data[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
    }
    *text = value->text;
    return true;
}

bool value_nstring(const struct value *value, struct slice *text, bool *nil)
{
    *nil = value_is_nil(value);
    if (!*nil && !value_is_string(value))
        return false;
    *text = *nil ? (struct slice){"", 0} : value->text;
    return true;
}

/* Depth is bounded by the parser. */
struct value *value_copy(struct arena *arena, const struct value *value)
{
    struct value *copy = NULL, **end = &copy;

    for (; value; value = value->next) {
        *end = arena_alloc(arena, sizeof(**end));
        if (!*end)
            return NULL;
        **end = *value;
        (*end)->next = NULL;
        (*end)->text = arena_copy(arena, value->text);
        (*end)->first = value->first ? value_copy(arena, value->first) : NULL;
        if ((value->first && !(*end)->first) || (value->text.length > 0 && !(*end)->text.data))
            return NULL;
        end = &(*end)->next;
    }
    return copy;
}
