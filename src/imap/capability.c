/* A server's capabilities: known names as bits, and the whole list as told, for the other names. Both always agree: a
 * hidden name is gone from both. */
#include "imap/capability.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define CAPABILITY_NAME(id, name) [CAPABILITY_##id] = (name),
    CAPABILITIES(CAPABILITY_NAME)
#undef CAPABILITY_NAME
};

const char *capability_name(enum capability capability)
{
    return names[capability];
}

void capability_set_clear(struct capability_set *set)
{
    free(set->text);
    free(set->hidden);
    *set = (struct capability_set){0};
}

/* Does `pattern` name `told`? A pattern that ends in = names all that begin so. */
static bool matches(struct slice told, struct slice pattern)
{
    if (pattern.length > 0 && pattern.data[pattern.length - 1] == '=')
        return slice_starts_nocase(told, pattern);
    /* APPENDLIMIT stands with a number or without (RFC 7889). */
    if (slice_equal_nocase(pattern, SLICE("APPENDLIMIT")) && slice_starts_nocase(told, SLICE("APPENDLIMIT=")))
        return true;
    return slice_equal_nocase(told, pattern);
}

/* Takes the word at *at of words separated by spaces (NULL: none) and moves *at past it. False at the end. */
static bool next_word(const char *words, size_t *at, struct slice *word)
{
    const char *start = words ? words + *at : "";
    size_t before = strspn(start, " ");

    *word = (struct slice){start + before, strcspn(start + before, " ")};
    *at += before + word->length;
    return word->length > 0;
}

static void note(struct capability_set *set)
{
    struct slice word;

    memset(set->has, 0, sizeof(set->has));
    for (size_t at = 0; next_word(set->text, &at, &word);)
        for (size_t i = 0; i < CAPABILITY_COUNT; i++)
            if (matches(word, slice_of(names[i])))
                set->has[i] = true;
}

/* A word in quotes is a word. */
static bool text_length(const struct value *first, size_t *length)
{
    struct slice text;

    *length = 0;
    for (const struct value *value = first; value; value = value->next) {
        if (!value_astring(value, &text) || text.length == 0 || memchr(text.data, ' ', text.length))
            return false;
        *length += value->text.length + 1;
    }
    return true;
}

bool capability_set_read(struct capability_set *set, const struct value *first)
{
    size_t length, used = 0;
    char *text;

    if (!text_length(first, &length))
        return false;
    text = malloc(length + 1);
    if (!text)
        return false;
    capability_set_clear(set);
    set->text = text;
    for (const struct value *value = first; value; value = value->next) {
        memcpy(set->text + used, value->text.data, value->text.length);
        used += value->text.length;
        set->text[used++] = ' ';
    }
    set->text[used ? used - 1 : 0] = '\0';
    set->known = true;
    note(set);
    return true;
}

bool capability_set_copy(const struct capability_set *from, struct capability_set *to)
{
    char *text = from->text ? strdup(from->text) : NULL, *hidden = from->hidden ? strdup(from->hidden) : NULL;

    if ((from->text && !text) || (from->hidden && !hidden)) {
        free(text);
        free(hidden);
        return false;
    }
    capability_set_clear(to);
    *to = *from;
    to->text = text;
    to->hidden = hidden;
    return true;
}

bool capability_set_hides(const struct capability_set *set, struct slice name)
{
    struct slice hidden;

    for (size_t at = 0; next_word(set->hidden, &at, &hidden);) {
        if (matches(name, hidden))
            return true;
    }
    return false;
}

/* Leaves the words that are not hidden. */
static void drop_hidden(struct capability_set *set)
{
    size_t kept = 0;
    struct slice word;

    for (size_t at = 0; next_word(set->text, &at, &word);) {
        if (capability_set_hides(set, word))
            continue;
        if (kept > 0)
            set->text[kept++] = ' ';
        memmove(set->text + kept, word.data, word.length); /* kept never passes the word */
        kept += word.length;
    }
    if (set->text)
        set->text[kept] = '\0';
    note(set);
}

bool capability_set_hide(struct capability_set *set, const char *hidden)
{
    if (!hidden)
        return true;
    free(set->hidden);
    set->hidden = strdup(hidden);
    if (!set->hidden) {
        capability_set_clear(set);
        return false;
    }
    drop_hidden(set);
    return true;
}

bool capability_set_names(const struct capability_set *set, struct slice name)
{
    struct slice word;

    for (size_t at = 0; next_word(set->text, &at, &word);)
        if (slice_equal_nocase(word, name))
            return true;
    return false;
}

bool capability_set_next(const struct capability_set *set, struct slice name, size_t *at, struct slice *word)
{
    while (next_word(set->text, at, word)) {
        if (matches(*word, name))
            return true;
    }
    return false;
}
