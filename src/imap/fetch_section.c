/* See fetch_section.h. A client chooses its sections and a server its labels, and each answer is compared with each
 * item: so a section is brought into one spelling once, and compared as text. */
#include "imap/fetch_section.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX                                                                                                     \
    200 /* names of header fields that are put in order; a longer list means what it says, as it stands */

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

bool fetch_section_valid(struct slice text)
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

size_t fetch_section_end(struct slice text)
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

bool fetch_section_alike(struct slice one, struct slice other)
{
    size_t at_one = 0, at_other = 0;

    for (;;) {
        char x, y;
        int c = unquoted(one, &at_one), d = unquoted(other, &at_other);
        if (c < 0 || d < 0)
            return c == d;
        x = (char)c;
        y = (char)d;
        if (!slice_equal_nocase((struct slice){&x, 1}, (struct slice){&y, 1}))
            return false;
    }
}

/* --- what it means */

/* The next name of a list of header fields, with its quotes. False: there is none. */
static bool next_field(struct slice *list, struct slice *name)
{
    size_t length;

    while (list->length > 0 && list->data[0] == ' ')
        *list = behind(*list, 1);
    length = field_length(*list);
    *name = (struct slice){list->data, length};
    *list = behind(*list, length);
    return length > 0;
}

/* Splits "HEADER.FIELDS (From To)" before its list; the list is what stands in the parentheses. False: there is none.
 */
static bool split_list(struct slice *section, struct slice *list)
{
    const char *open = section->length ? memchr(section->data, '(', section->length) : NULL;

    if (!open || section->data[section->length - 1] != ')')
        return false;
    *list = (struct slice){open + 1, (size_t)(section->data + section->length - 1 - (open + 1))};
    section->length = (size_t)(open - section->data);
    while (section->length > 0 && section->data[section->length - 1] == ' ')
        section->length--;
    return true;
}

static size_t put(char *out, struct slice text)
{
    size_t at = 0, length = 0;
    int octet;

    while ((octet = unquoted(text, &at)) >= 0)
        out[length++] = (char)(octet >= 'A' && octet <= 'Z' ? octet - 'A' + 'a' : octet);
    return length;
}

static int in_order(const void *one, const void *other)
{
    const struct slice *a = one, *b = other;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = shorter > 0 ? memcmp(a->data, b->data, shorter) : 0;

    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* Each once. False: too many. */
static bool put_names(struct slice list, char *out, size_t *length, char *room)
{
    struct slice names[FIELDS_MAX], name;
    size_t count = 0;

    while (next_field(&list, &name)) {
        if (count == FIELDS_MAX)
            return false;
        names[count] = (struct slice){room, put(room, name)};
        room += names[count++].length;
    }
    qsort(names, count, sizeof(*names), in_order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && in_order(&names[i], &names[i - 1]) == 0)
            continue;
        out[(*length)++] = i > 0 ? '\0' : '(';
        memcpy(out + *length, names[i].data, names[i].length);
        *length += names[i].length;
    }
    return true;
}

size_t fetch_section_room(struct slice section)
{
    return 2 * section.length + 2; /* the names, and what is made of them */
}

struct slice fetch_section_meaning(struct slice section, char *room)
{
    struct slice before = section, list;
    size_t length = 0;

    if (split_list(&before, &list)) {
        length = put(room, before);
        if (put_names(list, room, &length, room + section.length + 1))
            return (struct slice){room, length};
    }
    return (struct slice){room, put(room, section)};
}
