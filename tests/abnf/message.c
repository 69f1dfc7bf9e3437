/* msg-att, and with it envelopes and bodies. */
#include <string.h>
#include <strings.h>

#include "abnf/inside.h"

bool flag_fetch(struct reader *reader);

bool flag_fetch(struct reader *reader)
{
    (void)maybe(reader, "\\");
    return atom(reader);
}

/* --- sections */

static bool section_part(struct reader *reader, bool *dot)
{
    *dot = false;
    do {
        if (!nz_number(reader))
            return false;
        *dot = maybe(reader, ".");
    } while (*dot && digit_comes(reader));
    return true;
}

static bool section(struct reader *reader)
{
    bool part = digit_comes(reader), dot;

    if (part && (!section_part(reader, &dot) || !dot))
        return reader->wanted == NULL;
    if (!part && comes(reader, "]"))
        return true;
    if (maybe(reader, "HEADER.FIELDS.NOT ") || maybe(reader, "HEADER.FIELDS "))
        return several(reader, astring, 1);
    return maybe(reader, "HEADER") || maybe(reader, "TEXT") || (part && maybe(reader, "MIME")) ||
           fault(reader, "a section");
}

static bool body_section(struct reader *reader)
{
    if (!section(reader) || !take(reader, "]"))
        return false;
    if (maybe(reader, "<") && (!plain_number(reader) || !take(reader, ">")))
        return false;
    return space(reader) && (reader->any_values ? any_value : nstring)(reader);
}

/* --- ENVELOPE */

static bool address(struct reader *reader)
{
    return take(reader, "(") && nstring(reader) && space(reader) && nstring(reader) && space(reader) &&
           nstring(reader) && space(reader) && nstring(reader) && take(reader, ")");
}

static bool envelope(struct reader *reader)
{
    if (!take(reader, "(") || !nstring(reader) || !space(reader) || !nstring(reader))
        return false;
    for (unsigned i = 0; i < 6; i++)
        if (!space(reader) || !adjacent_or_nil(reader, address))
            return false;
    return space(reader) && nstring(reader) && space(reader) && nstring(reader) && take(reader, ")");
}

/* --- BODY and BODYSTRUCTURE */

static bool parameters_list(struct reader *reader)
{
    if (!take(reader, "("))
        return false;
    do {
        if (!string(reader) || !space(reader) || !string(reader))
            return false;
    } while (maybe(reader, " "));
    return take(reader, ")");
}

static bool parameters(struct reader *reader)
{
    return nil_or(reader, parameters_list);
}

static bool disposition(struct reader *reader)
{
    return take(reader, "(") && string(reader) && space(reader) && parameters(reader) && take(reader, ")");
}

static bool language(struct reader *reader)
{
    return comes(reader, "(") ? several(reader, string, 1) : nstring(reader);
}

static bool extension(struct reader *reader)
{
    if (comes(reader, "("))
        return several(reader, extension, 1);
    return digit_comes(reader) ? plain_number(reader) : nstring(reader);
}

static bool disposition_or_nil(struct reader *reader)
{
    return nil_or(reader, disposition);
}

/* Behind the fields that must be there: `first` (MD5 or parameters), disposition, language, location, and what is to
 * come. */
static bool extensions(struct reader *reader, rule *first)
{
    rule *const rules[] = {first, disposition_or_nil, language, nstring};

    for (size_t i = 0; maybe(reader, " "); i++)
        if (!(i < sizeof(rules) / sizeof(rules[0]) ? rules[i] : extension)(reader))
            return false;
    return true;
}

static bool is_quoted_word(const char *begin, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - begin) == length + 2 && strncasecmp(begin + 1, word, length) == 0;
}

static bool body(struct reader *reader);
static bool structure(struct reader *reader);

static bool body_fields(struct reader *reader)
{
    return space(reader) && parameters(reader) && space(reader) && nstring(reader) && space(reader) &&
           nstring(reader) && space(reader) && string(reader) && space(reader) && plain_number(reader);
}

static bool one_part(struct reader *reader, rule *inner)
{
    const char *type = reader->at, *type_end, *subtype;
    bool text, message;

    if (!string(reader))
        return false;
    type_end = reader->at;
    if (!space(reader))
        return false;
    subtype = reader->at;
    if (!string(reader))
        return false;
    text = is_quoted_word(type, type_end, "TEXT");
    message = is_quoted_word(type, type_end, "MESSAGE") &&
              (is_quoted_word(subtype, reader->at, "RFC822") || is_quoted_word(subtype, reader->at, "GLOBAL"));
    if (!body_fields(reader))
        return false;
    if (message && (!space(reader) || !envelope(reader) || !space(reader) || !inner(reader)))
        return false;
    return !(text || message) || (space(reader) && plain_number(reader));
}

static bool any_body(struct reader *reader, bool extensible)
{
    rule *inner = extensible ? structure : body, *first = nstring;

    if (!take(reader, "("))
        return false;
    if (comes(reader, "(")) {
        first = parameters;
        while (comes(reader, "("))
            if (!inner(reader))
                return false;
        if (!space(reader) || !string(reader))
            return false;
    } else if (!one_part(reader, inner)) {
        return false;
    }
    return (!extensible || extensions(reader, first)) && take(reader, ")");
}

static bool body(struct reader *reader)
{
    return any_body(reader, false);
}

static bool structure(struct reader *reader)
{
    return any_body(reader, true);
}

/* --- items */

/* DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE */
static bool date_time(struct reader *reader)
{
    static const char shape[] = "\"dd-aaa-dddd dd:dd:dd sdddd\"";
    static const char months[] = "jan feb mar apr may jun jul aug sep oct nov dec";
    const char *at = reader->at;
    char month[4] = "";

    if ((size_t)(reader->end - at) < sizeof(shape) - 1) {
        reader->more = !memchr(at, '\n', (size_t)(reader->end - at));
        return fault(reader, "a date and time");
    }
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool digit = at[i] >= '0' && at[i] <= '9';
        if (shape[i] == 'd'   ? !digit && !(i == 1 && at[i] == ' ')
            : shape[i] == 's' ? at[i] != '+' && at[i] != '-'
                              : shape[i] != 'a' && at[i] != shape[i])
            return fault(reader, "a date and time");
    }
    memcpy(month, at + 4, 3);
    if (!strcasestr(months, month))
        return fault(reader, "a month");
    reader->at += sizeof(shape) - 1;
    return true;
}

bool object_id(struct reader *reader)
{
    return take(reader, "(") && object(reader) && take(reader, ")");
}

static bool thread_id(struct reader *reader)
{
    return nil_or(reader, object_id);
}

static bool save_date(struct reader *reader)
{
    return maybe(reader, "NIL") || date_time(reader);
}

static bool long_number(struct reader *reader)
{
    uint64_t value;

    return number(reader, 0, UINT64_MAX, &value);
}

static bool label(struct reader *reader)
{
    return maybe(reader, "\\") ? atom(reader) : astring(reader);
}

static bool labels(struct reader *reader)
{
    return several(reader, label, 0);
}

static bool part_in_brackets(struct reader *reader)
{
    bool dot = false;

    return (comes(reader, "]") || (section_part(reader, &dot) && (!dot || fault(reader, "a part's number")))) &&
           take(reader, "]");
}

static bool binary(struct reader *reader)
{
    if (!part_in_brackets(reader) || (maybe(reader, "<") && (!plain_number(reader) || !take(reader, ">"))) ||
        !space(reader))
        return false;
    return comes(reader, "~") ? literal8(reader) : nstring(reader);
}

static bool binary_size(struct reader *reader)
{
    return part_in_brackets(reader) && space(reader) && plain_number(reader);
}

static bool flags(struct reader *reader)
{
    return several(reader, flag_fetch, 0);
}

/* RFC 7162 "fetch-mod-resp" */
static bool modseq(struct reader *reader)
{
    uint64_t value;

    return take(reader, "(") && number(reader, 1, NUMBER64_MAX, &value) && take(reader, ")");
}

/* An item's name, and its value: what the proxy makes itself, or what it hands on from the server. */
static const struct {
    const char *name;
    rule *value;
    bool handed_on;
} items[] = {
    {"UID ", nz_number, false},           {"FLAGS ", flags, false},
    {"INTERNALDATE ", date_time, true},   {"RFC822.SIZE ", plain_number, true},
    {"ENVELOPE ", envelope, true},        {"BODY ", body, true},
    {"BODYSTRUCTURE ", structure, true},  {"BODY[", body_section, false},
    {"RFC822 ", nstring, true},           {"RFC822.HEADER ", nstring, true},
    {"RFC822.TEXT ", nstring, true},      {"EMAILID ", object_id, false},
    {"THREADID ", thread_id, false},      {"SAVEDATE ", save_date, false},
    {"PREVIEW ", nstring, false},         {"X-GM-MSGID ", long_number, false},
    {"X-GM-THRID ", long_number, false},  {"X-GM-LABELS ", labels, false},
    {"MODSEQ ", modseq, false},           {"BINARY[", binary, false},
    {"BINARY.SIZE[", binary_size, false},
};

bool msg_att(struct reader *reader)
{
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (maybe(reader, items[i].name))
            return (items[i].handed_on && reader->any_values ? any_value : items[i].value)(reader);
    return fault(reader, "an item that can be asked for");
}
