/* The items of a FETCH, and the items of answers that match them. Nothing of the client's spelling
 * goes upstream unchecked: a section always keeps to the grammar of RFC 3501 section 6.4.5. */
#include "imap/fetch_items.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"
#include "imap/fetch_section.h"
#include "imap/outgoing.h"

#define ITEMS_MAX  100
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

/* The items whose section stands in brackets. Those without PEEK come first of their kind. */
static const struct bracket {
    const char *open;
    enum fetch_kind kind;
    bool peek;
} brackets[] = {
    {"BODY[", FETCH_SECTION, false},      {"BODY.PEEK[", FETCH_SECTION, true},        {"BINARY[", FETCH_BINARY, false},
    {"BINARY.PEEK[", FETCH_BINARY, true}, {"BINARY.SIZE[", FETCH_BINARY_SIZE, false},
};
#define BRACKET_COUNT (sizeof(brackets) / sizeof(*brackets))

static const struct bracket *bracket_of(struct slice name)
{
    for (size_t i = 0; i < BRACKET_COUNT; i++)
        if (slice_starts_nocase(name, slice_of(brackets[i].open)))
            return &brackets[i];
    return NULL;
}

static const char *bracket_open(enum fetch_kind kind, bool peek)
{
    for (size_t i = 0; i < BRACKET_COUNT; i++)
        if (brackets[i].kind == kind && brackets[i].peek == (peek && kind != FETCH_BINARY_SIZE))
            return brackets[i].open;
    return NULL;
}

static enum fetch_kind kind_of(struct slice name)
{
    const struct bracket *bracket = bracket_of(name);

    for (size_t i = 0; i < NAMED_COUNT; i++)
        if (slice_equal_nocase(name, slice_of(kind_names[i])))
            return (enum fetch_kind)i;
    return bracket ? bracket->kind : FETCH_UNKNOWN;
}

/* ---- asking ---- */

static struct slice behind(struct slice text, size_t octets)
{
    return (struct slice){text.data + octets, text.length - octets};
}

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

/* "1.2" or nothing: BINARY has no names (RFC 3516 section 4.1). */
static bool is_part(struct slice section)
{
    for (size_t i = 0; i < section.length; i++)
        if (section.data[i] != '.' && !(section.data[i] >= '0' && section.data[i] <= '9'))
            return false;
    return fetch_section_valid(section);
}

static bool parse_section(struct slice text, const struct bracket *bracket, struct fetch_item *item)
{
    size_t end;

    item->kind = bracket->kind;
    item->peek = bracket->peek;
    text = behind(text, strlen(bracket->open));
    end = fetch_section_end(text);
    item->section = (struct slice){text.data, end};
    if (end == text.length)
        return false;
    text = behind(text, end + 1);
    if (bracket->kind == FETCH_BINARY_SIZE && text.length > 0)
        return false;
    return (bracket->kind == FETCH_SECTION ? fetch_section_valid(item->section) : is_part(item->section)) &&
           parse_partial(text, item);
}

static bool same_item(const struct fetch_item *a, const struct fetch_item *b)
{
    return a->kind == b->kind && a->partial == b->partial && a->partial_start == b->partial_start &&
           a->partial_count == b->partial_count && fetch_section_alike(a->section, b->section);
}

struct item_list {
    struct fetch_item *first;
    struct fetch_item **tail;
    size_t count;
    struct arena *arena;
    const char *error;
};

/* The section that is meant, in whatever words: RFC822 is BODY[] (RFC 3501 section 6.4.5). False: none is. */
static bool meant_section(enum fetch_kind kind, struct slice *section)
{
    if (kind == FETCH_RFC822)
        *section = SLICE("");
    else if (kind == FETCH_RFC822_HEADER)
        *section = SLICE("HEADER");
    else if (kind == FETCH_RFC822_TEXT)
        *section = SLICE("TEXT");
    else
        return false;
    return true;
}

/* False: out of memory. */
static bool note_meaning(struct fetch_item *item, struct arena *arena)
{
    struct slice section = item->section;
    bool whole = meant_section(item->kind, &section);
    char *room;

    item->means_section = whole || item->kind >= FETCH_SECTION;
    if (!item->means_section)
        return true;
    item->form = whole ? FETCH_SECTION : item->kind;
    room = arena_alloc(arena, fetch_section_room(section));
    if (room)
        item->meaning = fetch_section_meaning(section, room);
    return room != NULL;
}

static bool add_item(struct item_list *list, const struct fetch_item *item)
{
    struct fetch_item *kept;

    for (struct fetch_item *other = list->first; other; other = other->next) {
        if (same_item(other, item)) {
            other->peek = other->peek && item->peek;
            other->lazy = other->lazy && item->lazy;
            return true;
        }
    }
    kept = ++list->count <= ITEMS_MAX ? arena_alloc(list->arena, sizeof(*kept)) : NULL;
    if (!kept) {
        list->error = "Too many FETCH items";
        return false;
    }
    *kept = *item;
    if (!note_meaning(kept, list->arena)) {
        list->error = "Too many FETCH items";
        return false;
    }
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

/* The list behind PREVIEW, if it is one of PREVIEW's own words; NULL: it is not. */
static const struct value *preview_words(const struct value *preview)
{
    const struct value *list = preview->next;

    return value_is_atom(preview, "PREVIEW") && list && value_is_list(list) && value_is_atom(list->first, "LAZY")
               ? list
               : NULL;
}

static const struct value *after_item(const struct value *value)
{
    const struct value *words = preview_words(value);

    return words ? words->next : value->next;
}

static bool add_value(struct item_list *list, const struct value *value)
{
    const struct bracket *bracket = value->kind == VALUE_ATOM ? bracket_of(value->text) : NULL;
    struct fetch_item item = {0};

    if (value->kind != VALUE_ATOM) {
        list->error = "FETCH items must be atoms";
        return false;
    }
    item.kind = kind_of(value->text);
    item.lazy = preview_words(value) != NULL;
    if (bracket && !parse_section(value->text, bracket, &item)) {
        list->error = bracket->kind == FETCH_SECTION ? "Malformed BODY section" : "Malformed BINARY section";
        return false;
    }
    if (item.kind == FETCH_UNKNOWN) {
        list->error = "Unknown FETCH item";
        return false;
    }
    return add_item(list, &item);
}

static bool add_values(struct item_list *list, const struct value *first)
{
    for (const struct value *value = first; value; value = after_item(value))
        if (!add_value(list, value))
            return false;
    return first != NULL;
}

const struct value *fetch_items_end(const struct value *argument)
{
    return argument->kind == VALUE_ATOM ? after_item(argument) : argument->next;
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

const char *fetch_item_word(const struct fetch_item *item)
{
    switch (item->kind) {
    case FETCH_SECTION:
        return "BODY";
    case FETCH_BINARY:
        return "BINARY";
    case FETCH_BINARY_SIZE:
        return "BINARY.SIZE";
#define FETCH_WORD_CASE(id, name)                                                                                      \
    case FETCH_##id:                                                                                                   \
        return name;
        FETCH_WORDS(FETCH_WORD_CASE)
#undef FETCH_WORD_CASE
    case FETCH_UNKNOWN:
        break;
    }
    abort();
}

bool fetch_item_sets_seen(const struct fetch_item *item)
{
    return item->kind == FETCH_RFC822 || item->kind == FETCH_RFC822_TEXT ||
           ((item->kind == FETCH_SECTION || item->kind == FETCH_BINARY) && !item->peek);
}

/* ---- printing, upstream and for clients ---- */

/* The section that an item asks for upstream, and in which brackets. False: it is a word. */
static bool upstream_section(const struct fetch_item *item, bool peek, struct slice *section)
{
    *section = item->section;
    if (item->kind == FETCH_RFC822 && peek)
        *section = SLICE("");
    else if (item->kind == FETCH_RFC822_TEXT && peek)
        *section = SLICE("TEXT");
    else
        return item->kind >= FETCH_SECTION;
    return true;
}

void fetch_item_print_upstream(const struct fetch_item *item, bool peek, struct outgoing *out)
{
    struct slice section;

    if (!upstream_section(item, peek, &section)) {
        outgoing_text(out, kind_names[item->kind]);
        outgoing_text(out, item->lazy ? " (LAZY)" : "");
        return;
    }
    outgoing_text(out, bracket_open(item->form, peek || item->peek));
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

/* "<5>" or "<5.10>" */
static bool read_origin(struct slice text, uint64_t *start)
{
    const char *end;

    if (text.length < 3 || text.data[0] != '<' || text.data[text.length - 1] != '>')
        return false;
    text = (struct slice){text.data + 1, text.length - 2};
    end = memchr(text.data, '.', text.length);
    if (end)
        text.length = (size_t)(end - text.data);
    return slice_number(text, UINT32_MAX, start);
}

static bool is_asked_start(const struct fetch_item *item, struct slice text, bool loosely)
{
    uint64_t start = 0;

    if (text.length == 0)
        return !item->partial || (loosely && item->partial_start == 0);
    if (!read_origin(text, &start))
        return false;
    return item->partial ? start == item->partial_start : loosely && start == 0;
}

/* Splits an answer's name into the section that it means and the <start> behind it. False: it names no section. */
static bool split_name(struct slice name, struct fetch_label *label, struct slice *section)
{
    const struct bracket *bracket = bracket_of(name);
    size_t end;

    label->origin = (struct slice){"", 0};
    label->form = bracket ? bracket->kind : FETCH_SECTION;
    if (!bracket)
        return meant_section(kind_of(name), section);
    name = behind(name, strlen(bracket->open));
    end = fetch_section_end(name);
    if (end == name.length)
        return false;
    *section = (struct slice){name.data, end};
    label->origin = behind(name, end + 1);
    return true;
}

bool fetch_label_read(struct fetch_label *label, struct slice name)
{
    struct slice section;

    *label = (struct fetch_label){.name = name};
    label->means_section = split_name(name, label, &section);
    if (!label->means_section)
        return true;
    label->room = malloc(fetch_section_room(section));
    if (label->room)
        label->meaning = fetch_section_meaning(section, label->room);
    return label->room != NULL;
}

void fetch_label_clear(struct fetch_label *label)
{
    free(label->room);
    *label = (struct fetch_label){0};
}

static bool answered_by(const struct fetch_item *item, const struct fetch_label *label, bool loosely)
{
    if (!item->means_section)
        return slice_equal_nocase(label->name, slice_of(kind_names[item->kind]));
    return label->means_section && label->form == item->form && is_asked_start(item, label->origin, loosely) &&
           slice_equal(item->meaning, label->meaning);
}

bool fetch_item_answered_by(const struct fetch_item *item, const struct fetch_label *label)
{
    return answered_by(item, label, false);
}

bool fetch_item_loosely_answered_by(const struct fetch_item *item, const struct fetch_label *label)
{
    return answered_by(item, label, true);
}

bool fetch_item_permits_size(const struct fetch_item *item, uint64_t octets)
{
    return !item->partial || octets <= item->partial_count;
}

bool fetch_item_piece(const struct fetch_item *item, uint64_t offset, uint64_t most, struct fetch_item *piece)
{
    uint64_t start = item->partial_start + offset, end = UINT32_MAX;
    struct slice section = item->section;

    if (!item->means_section || item->form == FETCH_BINARY_SIZE)
        return false;
    (void)meant_section(item->kind, &section);
    if (item->partial && (uint64_t)item->partial_start + item->partial_count < end)
        end = (uint64_t)item->partial_start + item->partial_count;
    *piece = (struct fetch_item){.kind = item->form, .peek = true, .section = section, .partial = true};
    piece->means_section = true;
    piece->form = item->form;
    piece->meaning = item->meaning;
    piece->partial_start = start < end ? (uint32_t)start : (uint32_t)end;
    piece->partial_count = end - piece->partial_start < most ? (uint32_t)(end - piece->partial_start) : (uint32_t)most;
    return true;
}

bool fetch_item_print_label(const struct fetch_item *item, struct evbuffer *out)
{
    if (item->kind < FETCH_SECTION)
        return append_bytes(out, kind_names[item->kind], strlen(kind_names[item->kind]));
    if (!append_format(out, "%s", bracket_open(item->kind, false)) ||
        !append_bytes(out, item->section.data, item->section.length) || !append_bytes(out, "]", 1))
        return false;
    return !item->partial || append_format(out, "<%lu>", (unsigned long)item->partial_start);
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

uint32_t fetch_pairs_size(const struct fetch_pair *pairs)
{
    uint64_t size = 0;

    for (; pairs; pairs = pairs->next) {
        if (kind_of(pairs->name) == FETCH_RFC822_SIZE && value_number(pairs->value, UINT32_MAX, &size))
            return (uint32_t)size;
    }
    return 0;
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

static bool is_content(enum fetch_kind kind)
{
    return kind == FETCH_RFC822 || kind == FETCH_RFC822_HEADER || kind == FETCH_RFC822_TEXT || kind == FETCH_SECTION;
}

bool fetch_pair_looks_invented(const struct fetch_pair *pair)
{
    enum fetch_kind kind = kind_of(pair->name);
    uint64_t size;

    if (kind == FETCH_ENVELOPE)
        return is_all_nil(pair->value);
    if (kind == FETCH_RFC822_SIZE || kind == FETCH_BINARY_SIZE)
        return value_number(pair->value, UINT32_MAX, &size) && size == 0;
    return (is_content(kind) || kind > FETCH_RFC822_SIZE) && kind != FETCH_UNKNOWN && value_is_nil(pair->value);
}
