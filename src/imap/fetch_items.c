/* The items of a FETCH, and the items of answers that match them. Nothing of the client's spelling
 * goes upstream unchecked: a section always keeps to the grammar of RFC 3501 section 6.4.5. */
#include "imap/fetch_items.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/append.h"
#include "imap/fetch_section.h"
#include "imap/outgoing.h"
#include "imap/structure.h"

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

static enum fetch_kind kind_of(struct slice name)
{
    for (size_t i = 0; i < NAMED_COUNT; i++)
        if (slice_equal_nocase(name, slice_of(kind_names[i])))
            return (enum fetch_kind)i;
    return slice_starts_nocase(name, SLICE("BODY[")) ? FETCH_SECTION : FETCH_UNKNOWN;
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

static bool parse_section(struct slice text, struct fetch_item *item)
{
    static const struct slice open = {"BODY[", 5}, open_peek = {"BODY.PEEK[", 10};
    size_t end;

    item->kind = FETCH_SECTION;
    item->peek = slice_starts_nocase(text, open_peek);
    if (!item->peek && !slice_starts_nocase(text, open))
        return false;
    text = behind(text, item->peek ? open_peek.length : open.length);
    end = fetch_section_end(text);
    item->section = (struct slice){text.data, end};
    return end < text.length && fetch_section_valid(item->section) && parse_partial(behind(text, end + 1), item);
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
    char *room;

    item->means_section = item->kind == FETCH_SECTION || meant_section(item->kind, &section);
    if (!item->means_section)
        return true;
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
static bool split_name(struct slice name, struct slice *section, struct slice *origin)
{
    struct fetch_item named = {.kind = kind_of(name)};
    static const struct slice peek = {"BODY.PEEK[", 10};
    size_t end;

    *origin = (struct slice){"", 0};
    if (meant_section(named.kind, section))
        return true;
    if (named.kind != FETCH_SECTION && !slice_starts_nocase(name, peek))
        return false;
    name = behind(name, named.kind == FETCH_SECTION ? strlen("BODY[") : peek.length);
    end = fetch_section_end(name);
    if (end == name.length)
        return false;
    *section = (struct slice){name.data, end};
    *origin = behind(name, end + 1);
    return true;
}

bool fetch_label_read(struct fetch_label *label, struct slice name)
{
    struct slice section;

    *label = (struct fetch_label){.name = name};
    label->means_section = split_name(name, &section, &label->origin);
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
    return label->means_section && is_asked_start(item, label->origin, loosely) &&
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

    if (!item->means_section || (item->kind != FETCH_SECTION && !meant_section(item->kind, &section)))
        return false;
    if (item->partial && (uint64_t)item->partial_start + item->partial_count < end)
        end = (uint64_t)item->partial_start + item->partial_count;
    *piece = (struct fetch_item){.kind = FETCH_SECTION, .peek = true, .section = section, .partial = true};
    piece->means_section = true;
    piece->meaning = item->meaning;
    piece->partial_start = start < end ? (uint32_t)start : (uint32_t)end;
    piece->partial_count = end - piece->partial_start < most ? (uint32_t)(end - piece->partial_start) : (uint32_t)most;
    return true;
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
