/* The items of a FETCH, and the items of answers that match them. Nothing of the client's spelling
 * goes upstream unchecked: a section always keeps to the grammar of RFC 3501 section 6.4.5. */
#include "imap/fetch_items.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"
#include "imap/outgoing.h"
#include "imap/structure.h"

#define ITEMS_MAX  1000
#define MODSEQ_MAX ((uint64_t)INT64_MAX)

static const char *const kind_names[] = {
#define FETCH_WORD_NAME(id, name) [FETCH_##id] = (name),
    FETCH_WORDS(FETCH_WORD_NAME)
#undef FETCH_WORD_NAME
};
#define NAMED_COUNT (sizeof(kind_names) / sizeof(*kind_names))

static const struct {
    const char *name;
    enum fetch_kind items[5];
    size_t count;
} macros[] = {
    {"ALL", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_RFC822_SIZE, FETCH_ENVELOPE}, 4},
    {"FAST", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_RFC822_SIZE}, 3},
    {"FULL", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_RFC822_SIZE, FETCH_ENVELOPE, FETCH_BODY}, 5},
};

static enum fetch_kind kind_of(struct slice name)
{
    for (size_t i = 0; i < NAMED_COUNT; i++)
        if (slice_equal_nocase(name, slice_of(kind_names[i])))
            return (enum fetch_kind)i;
    return slice_starts_nocase(name, SLICE("BODY[")) ? FETCH_SECTION : FETCH_UNKNOWN;
}

/* ---- sections ---- */

static struct slice behind(struct slice text, size_t octets)
{
    return (struct slice){text.data + octets, text.length - octets};
}

static size_t digits_of(struct slice text)
{
    size_t count = 0;

    while (count < text.length && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

/* "1.2." or "1.2" off the front; false: a number that is none. */
static bool take_part(struct slice *text, bool *any, bool *dot)
{
    size_t count;

    *any = *dot = false;
    while ((count = digits_of(*text)) > 0) {
        uint64_t number;
        if (!slice_number((struct slice){text->data, count}, UINT32_MAX, &number) || number == 0)
            return false;
        *text = behind(*text, count);
        *any = true;
        *dot = text->length > 0 && text->data[0] == '.';
        if (!*dot)
            return true;
        *text = behind(*text, 1);
    }
    return true;
}

static size_t quoted_length(struct slice text)
{
    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Octets of the header field's name at the front; 0: there is none. */
static size_t field_length(struct slice text)
{
    size_t length = 0;

    if (text.length > 0 && text.data[0] == '"')
        return quoted_length(text);
    while (length < text.length) {
        unsigned char c = (unsigned char)text.data[length];
        if (c <= 0x20 || c >= 0x7f || strchr("(){%*\"\\]", c))
            break;
        length++;
    }
    return length;
}

/* "(From To)" */
static bool is_field_list(struct slice text)
{
    if (text.length < 3 || text.data[0] != '(' || text.data[text.length - 1] != ')')
        return false;
    text = (struct slice){text.data + 1, text.length - 2};
    for (;;) {
        size_t length = field_length(text);
        if (length == 0)
            return false;
        text = behind(text, length);
        if (text.length == 0)
            return true;
        if (text.data[0] != ' ')
            return false;
        text = behind(text, 1);
    }
}

static bool is_section(struct slice text)
{
    static const char *const lists[] = {"HEADER.FIELDS ", "HEADER.FIELDS.NOT "};
    bool part, dot;

    if (text.length == 0)
        return true;
    if (!take_part(&text, &part, &dot))
        return false;
    if (part && !dot)
        return text.length == 0;
    if (slice_equal_nocase(text, SLICE("HEADER")) || slice_equal_nocase(text, SLICE("TEXT")))
        return true;
    if (part && slice_equal_nocase(text, SLICE("MIME")))
        return true;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        if (slice_starts_nocase(text, slice_of(lists[i])))
            return is_field_list(behind(text, strlen(lists[i])));
    return false;
}

/* One octet of a section with the quotes around names and the backslashes in them taken away; -1: the end. */
static int unquoted(struct slice text, size_t *at)
{
    while (*at < text.length && text.data[*at] == '"')
        ++*at;
    if (*at < text.length && text.data[*at] == '\\')
        ++*at;
    if (*at >= text.length)
        return -1;
    return (unsigned char)text.data[(*at)++];
}

static bool same_section(struct slice a, struct slice b)
{
    size_t at_a = 0, at_b = 0;

    for (;;) {
        char x, y;
        int c = unquoted(a, &at_a), d = unquoted(b, &at_b);
        if (c < 0 || d < 0)
            return c == d;
        x = (char)c;
        y = (char)d;
        if (!slice_equal_nocase((struct slice){&x, 1}, (struct slice){&y, 1}))
            return false;
    }
}

/* ---- asking ---- */

/* "<start.count>" or nothing */
static bool parse_partial(struct slice text, struct fetch_item *item)
{
    const char *dot;
    uint64_t start, count;
    size_t before;

    if (text.length == 0)
        return true;
    if (text.length < 5 || text.data[0] != '<' || text.data[text.length - 1] != '>')
        return false;
    text = (struct slice){text.data + 1, text.length - 2};
    dot = memchr(text.data, '.', text.length);
    if (!dot)
        return false;
    before = (size_t)(dot - text.data);
    if (!slice_number((struct slice){text.data, before}, UINT32_MAX, &start) ||
        !slice_number(behind(text, before + 1), UINT32_MAX, &count) || count == 0)
        return false;
    item->partial = true;
    item->partial_start = (uint32_t)start;
    item->partial_count = (uint32_t)count;
    return true;
}

/* The ] that closes the section; a quoted name may hold others. */
static size_t section_end(struct slice text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.length; i++) {
        if (quoted && text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            quoted = !quoted;
        else if (text.data[i] == ']' && !quoted)
            return i;
    }
    return text.length;
}

static bool parse_section(struct slice text, struct fetch_item *item)
{
    static const struct slice open = {"BODY[", 5}, open_peek = {"BODY.PEEK[", 10};
    size_t end;

    item->kind = FETCH_SECTION;
    item->peek = slice_starts_nocase(text, open_peek);
    if (!item->peek && !slice_starts_nocase(text, open))
        return false;
    text = behind(text, item->peek ? open_peek.length : open.length);
    end = section_end(text);
    item->section = (struct slice){text.data, end};
    return end < text.length && is_section(item->section) && parse_partial(behind(text, end + 1), item);
}

static bool same_item(const struct fetch_item *a, const struct fetch_item *b)
{
    return a->kind == b->kind && a->partial == b->partial && a->partial_start == b->partial_start &&
           a->partial_count == b->partial_count && same_section(a->section, b->section);
}

struct item_list {
    struct fetch_item *first;
    struct fetch_item **tail;
    size_t count;
    struct arena *arena;
    const char *error;
};

static bool add_item(struct item_list *list, const struct fetch_item *item)
{
    struct fetch_item *kept;

    for (struct fetch_item *other = list->first; other; other = other->next) {
        if (same_item(other, item)) {
            other->peek = other->peek && item->peek;
            return true;
        }
    }
    kept = ++list->count <= ITEMS_MAX ? arena_alloc(list->arena, sizeof(*kept)) : NULL;
    if (!kept) {
        list->error = "Too many FETCH items";
        return false;
    }
    *kept = *item;
    *list->tail = kept;
    list->tail = &kept->next;
    return true;
}

static bool add_macro(struct item_list *list, struct slice name)
{
    for (size_t i = 0; i < sizeof(macros) / sizeof(*macros); i++) {
        if (!slice_equal_nocase(name, slice_of(macros[i].name)))
            continue;
        for (size_t k = 0; k < macros[i].count; k++)
            if (!add_item(list, &(struct fetch_item){.kind = macros[i].items[k]}))
                return false;
        return true;
    }
    return false;
}

static bool add_value(struct item_list *list, const struct value *value)
{
    struct fetch_item item = {0};

    if (value->kind != VALUE_ATOM) {
        list->error = "FETCH items must be atoms";
        return false;
    }
    item.kind = kind_of(value->text);
    if (item.kind == FETCH_SECTION || slice_starts_nocase(value->text, SLICE("BODY.PEEK["))) {
        if (!parse_section(value->text, &item)) {
            list->error = "Malformed BODY section";
            return false;
        }
    } else if (item.kind == FETCH_UNKNOWN) {
        list->error = "Unknown FETCH item";
        return false;
    }
    return add_item(list, &item);
}

static bool add_values(struct item_list *list, const struct value *first)
{
    for (const struct value *value = first; value; value = value->next)
        if (!add_value(list, value))
            return false;
    return first != NULL;
}

struct fetch_item *fetch_items_parse(const struct value *argument, struct arena *arena, const char **error)
{
    struct item_list list = {.arena = arena};
    bool done = false;

    list.tail = &list.first;
    list.error = "Missing FETCH items";
    if (argument && argument->kind == VALUE_LIST)
        done = add_values(&list, argument->first);
    else if (argument)
        done = (argument->kind == VALUE_ATOM && add_macro(&list, argument->text)) || add_value(&list, argument);
    if (!done)
        *error = list.error;
    return done ? list.first : NULL;
}

bool fetch_item_sets_seen(const struct fetch_item *item)
{
    return item->kind == FETCH_RFC822 || item->kind == FETCH_RFC822_TEXT ||
           (item->kind == FETCH_SECTION && !item->peek);
}

/* ---- printing, upstream and for clients ---- */

/* The section that an item asks for upstream, if it is written as one. */
static bool upstream_section(const struct fetch_item *item, bool peek, struct slice *section)
{
    *section = item->section;
    if (item->kind == FETCH_RFC822 && peek)
        *section = SLICE("");
    else if (item->kind == FETCH_RFC822_TEXT && peek)
        *section = SLICE("TEXT");
    else
        return item->kind == FETCH_SECTION;
    return true;
}

void fetch_item_print_upstream(const struct fetch_item *item, bool peek, struct outgoing *out)
{
    struct slice section;

    if (!upstream_section(item, peek, &section)) {
        outgoing_text(out, kind_names[item->kind]);
        return;
    }
    outgoing_text(out, peek || item->peek ? "BODY.PEEK[" : "BODY[");
    outgoing_atom(out, section);
    outgoing_text(out, "]");
    if (item->partial) {
        outgoing_text(out, "<");
        outgoing_number(out, item->partial_start);
        outgoing_text(out, ".");
        outgoing_number(out, item->partial_count);
        outgoing_text(out, ">");
    }
}

/* "<start>" if the item is partial, else nothing. */
static bool is_asked_start(const struct fetch_item *item, struct slice text)
{
    uint64_t start;

    if (!item->partial)
        return text.length == 0;
    return text.length > 2 && text.data[0] == '<' && text.data[text.length - 1] == '>' &&
           slice_number((struct slice){text.data + 1, text.length - 2}, UINT32_MAX, &start) &&
           start == item->partial_start;
}

bool fetch_item_answered_by(const struct fetch_item *item, bool peek, struct slice answer_name)
{
    struct slice section;
    size_t end;

    if (!upstream_section(item, peek, &section))
        return slice_equal_nocase(answer_name, slice_of(kind_names[item->kind]));
    if (kind_of(answer_name) != FETCH_SECTION)
        return false;
    answer_name = behind(answer_name, strlen("BODY["));
    end = section_end(answer_name);
    return end < answer_name.length && same_section(section, (struct slice){answer_name.data, end}) &&
           is_asked_start(item, behind(answer_name, end + 1));
}

bool fetch_item_print_label(const struct fetch_item *item, struct evbuffer *out)
{
    if (item->kind != FETCH_SECTION)
        return append_bytes(out, kind_names[item->kind], strlen(kind_names[item->kind]));
    if (!append_bytes(out, "BODY[", 5) || !append_bytes(out, item->section.data, item->section.length) ||
        !append_bytes(out, "]", 1))
        return false;
    return !item->partial || append_format(out, "<%lu>", (unsigned long)item->partial_start);
}

bool fetch_item_print_value(const struct fetch_item *item, const struct value *value, struct evbuffer *out)
{
    if (item->kind == FETCH_ENVELOPE)
        return structure_print_envelope(value, out);
    if (item->kind == FETCH_BODY || item->kind == FETCH_BODYSTRUCTURE)
        return structure_print_body(value, out);
    return value->kind == VALUE_LITERAL8 ? value_print_string(value->text, out) : value_print(value, out);
}

/* ---- answers ---- */

enum fetch_kind fetch_pair_kind(const struct fetch_pair *pair)
{
    return kind_of(pair->name);
}

uint32_t fetch_pair_uid(const struct fetch_pair *pair)
{
    uint64_t uid = 0;

    if (kind_of(pair->name) != FETCH_UID || !value_number(pair->value, UINT32_MAX, &uid))
        return 0;
    return (uint32_t)uid;
}

uint64_t fetch_pair_modseq(const struct fetch_pair *pair)
{
    uint64_t modseq = 0;

    if (kind_of(pair->name) != FETCH_MODSEQ || !value_is_list(pair->value) || value_count(pair->value->first) != 1 ||
        !value_number(pair->value->first, MODSEQ_MAX, &modseq))
        return 0;
    return modseq;
}

static bool is_all_nil(const struct value *list)
{
    if (!value_is_list(list))
        return value_is_nil(list);
    for (const struct value *value = list->first; value; value = value->next)
        if (!value_is_nil(value))
            return false;
    return true;
}

bool fetch_pair_looks_invented(const struct fetch_pair *pair)
{
    enum fetch_kind kind = kind_of(pair->name);
    uint64_t size;

    if (kind == FETCH_ENVELOPE)
        return is_all_nil(pair->value);
    if (kind == FETCH_RFC822_SIZE)
        return value_number(pair->value, UINT32_MAX, &size) && size == 0;
    return (kind == FETCH_SECTION || kind == FETCH_RFC822 || kind == FETCH_RFC822_HEADER ||
            kind == FETCH_RFC822_TEXT) &&
           value_is_nil(pair->value);
}
