/* Keyword names of one mailbox and the sets of them, each set kept once under a number. Sets are sorted lists of name
 * indices. A mailbox has few names and few combinations, so nothing is forgotten until there is no room. */
#include "mailbox/keywords.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "imap/flags.h"

struct keyword_set {
    uint32_t number;
    unsigned pins;
    bool marked;
    uint16_t *names; /* indices, ascending */
    size_t count;
    UT_hash_handle hh;
};

struct keyword_name {
    struct slice text; /* owned; data is NULL: none has this index now */
    bool shown;        /* a client's grammar has it */
};

struct keywords {
    struct keyword_name *names;
    size_t name_count;
    size_t names_free; /* how many indices below name_count have no name */
    uint64_t replaced;
    struct keyword_set **sets; /* by number - 1; NULL: none has this number now */
    size_t set_count;
    size_t set_capacity;
    uint32_t *numbers_free; /* of sets */
    size_t numbers_free_count;
    struct keyword_set *by_names;
};

struct keywords *keywords_new(void)
{
    return calloc(1, sizeof(struct keywords));
}

static void free_set(struct keyword_set *set)
{
    if (set)
        free(set->names);
    free(set);
}

void keywords_free(struct keywords *keywords)
{
    if (!keywords)
        return;
    HASH_CLEAR(hh, keywords->by_names);
    for (size_t i = 0; i < keywords->set_count; i++)
        free_set(keywords->sets[i]);
    for (size_t i = 0; i < keywords->name_count; i++)
        free((char *)(uintptr_t)keywords->names[i].text.data);
    free(keywords->sets);
    free(keywords->numbers_free);
    free(keywords->names);
    free(keywords);
}

size_t keywords_count(const struct keywords *keywords)
{
    return keywords->name_count;
}

uint64_t keywords_replaced(const struct keywords *keywords)
{
    return keywords->replaced;
}

struct slice keywords_name(const struct keywords *keywords, size_t index)
{
    return keywords->names[index].text;
}

bool keywords_is_shown(const struct keywords *keywords, size_t index)
{
    return keywords->names[index].shown;
}

/* Index of the name, or -1: not known. */
static int find_name(const struct keywords *keywords, struct slice name)
{
    for (size_t i = 0; i < keywords->name_count; i++) {
        if (keywords->names[i].text.data && slice_equal_nocase(keywords->names[i].text, name))
            return (int)i;
    }
    return -1;
}

/* Returns an index without a name: one that has lost it, or a new one. -1: no room; -2: out of memory. */
static int free_index(struct keywords *keywords)
{
    struct keyword_name *names;

    for (size_t i = 0; keywords->names_free > 0 && i < keywords->name_count; i++) {
        if (!keywords->names[i].text.data)
            return (int)i;
    }
    if (keywords->name_count == KEYWORDS_MAX)
        return -1;
    names = reallocarray(keywords->names, keywords->name_count + 1, sizeof(*names));
    if (!names)
        return -2;
    keywords->names = names;
    names[keywords->name_count] = (struct keyword_name){0};
    keywords->names_free++;
    return (int)keywords->name_count++;
}

/* As find_name; a new one is added while there is room. -1: no room; -2: out of memory. */
static int add_name(struct keywords *keywords, struct slice name)
{
    size_t known = keywords->name_count;
    int index = find_name(keywords, name);
    char *copy;

    if (index >= 0)
        return index;
    index = free_index(keywords);
    if (index < 0)
        return index;
    copy = slice_copy(name);
    if (!copy)
        return -2;
    keywords->names[index] = (struct keyword_name){.text = {copy, name.length}, .shown = flags_valid_name(name)};
    keywords->names_free--;
    keywords->replaced += (size_t)index < known;
    return index;
}

static bool grow_sets(struct keywords *keywords)
{
    size_t capacity = keywords->set_capacity ? keywords->set_capacity * 2 : 8;
    struct keyword_set **sets;

    if (keywords->set_count < keywords->set_capacity || keywords->numbers_free_count > 0)
        return true;
    sets = reallocarray(keywords->sets, capacity, sizeof(struct keyword_set *));
    if (!sets)
        return false;
    keywords->sets = sets;
    keywords->set_capacity = capacity;
    return true;
}

static struct keyword_set *new_set(struct keywords *keywords, const uint16_t *names, size_t count)
{
    struct keyword_set *set, *added = NULL;

    if (!grow_sets(keywords))
        return NULL;
    set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    set->names = malloc(count * sizeof(*names));
    if (!set->names) {
        free(set);
        return NULL;
    }
    memcpy(set->names, names, count * sizeof(*names));
    set->count = count;
    set->number = keywords->numbers_free_count > 0 ? keywords->numbers_free[keywords->numbers_free_count - 1]
                                                   : (uint32_t)keywords->set_count + 1;
    HASH_ADD_KEYPTR(hh, keywords->by_names, set->names, count * sizeof(*names), set);
    HASH_FIND(hh, keywords->by_names, names, count * sizeof(*names), added);
    if (added != set) {
        free_set(set);
        return NULL;
    }
    keywords->sets[set->number - 1] = set;
    if (keywords->numbers_free_count > 0)
        keywords->numbers_free_count--;
    else
        keywords->set_count++;
    return set;
}

/* The number of the set with exactly these indices (ascending). Past the limit a new one has none: *number stays. */
static bool intern(struct keywords *keywords, const uint16_t *names, size_t count, uint32_t *number)
{
    struct keyword_set *set = NULL;

    if (count == 0) {
        *number = 0;
        return true;
    }
    HASH_FIND(hh, keywords->by_names, names, count * sizeof(*names), set);
    if (!set && keywords->set_count - keywords->numbers_free_count >= KEYWORDS_SETS_MAX)
        return true;
    if (!set)
        set = new_set(keywords, names, count);
    if (!set)
        return false;
    *number = set->number;
    return true;
}

/* Puts an index into the ascending list. There is room for KEYWORDS_MAX. */
static void insert(uint16_t *names, size_t *count, uint16_t index)
{
    size_t at = *count;

    while (at > 0 && names[at - 1] > index)
        at--;
    if (at > 0 && names[at - 1] == index)
        return;
    memmove(names + at + 1, names + at, (*count - at) * sizeof(*names));
    names[at] = index;
    (*count)++;
}

static size_t open_set(const struct keywords *keywords, uint32_t set, uint16_t *names)
{
    if (set == 0)
        return 0;
    memcpy(names, keywords->sets[set - 1]->names, keywords->sets[set - 1]->count * sizeof(*names));
    return keywords->sets[set - 1]->count;
}

static bool add(struct keywords *keywords, uint32_t set, const struct slice *names, size_t count, uint32_t *result)
{
    uint16_t indices[KEYWORDS_MAX + 1];
    size_t used = open_set(keywords, set, indices);

    for (size_t i = 0; i < count; i++) {
        int index = add_name(keywords, names[i]);
        if (index == -2)
            return false;
        if (index >= 0)
            insert(indices, &used, (uint16_t)index);
    }
    return intern(keywords, indices, used, result);
}

bool keywords_add(struct keywords *keywords, uint32_t set, const struct slice *names, size_t count, uint32_t *result)
{
    *result = set;
    return add(keywords, set, names, count, result);
}

bool keywords_remove(struct keywords *keywords, uint32_t set, const struct slice *names, size_t count, uint32_t *result)
{
    uint16_t indices[KEYWORDS_MAX + 1];
    size_t used = open_set(keywords, set, indices);

    for (size_t i = 0; i < count; i++) {
        int index = find_name(keywords, names[i]);
        for (size_t j = 0; index >= 0 && j < used; j++) {
            if (indices[j] == index) {
                memmove(indices + j, indices + j + 1, (used - j - 1) * sizeof(*indices));
                used--;
                break;
            }
        }
    }
    *result = set;
    return intern(keywords, indices, used, result);
}

bool keywords_intern(struct keywords *keywords, const struct slice *names, size_t count, uint32_t *set)
{
    return add(keywords, 0, names, count, set);
}

size_t keywords_names(const struct keywords *keywords, uint32_t set, struct slice *names)
{
    const struct keyword_set *found = set ? keywords->sets[set - 1] : NULL;

    for (size_t i = 0; found && i < found->count; i++)
        names[i] = keywords->names[found->names[i]].text;
    return found ? found->count : 0;
}

bool keywords_print(const struct keywords *keywords, uint32_t set, struct evbuffer *out)
{
    const struct keyword_set *found = set ? keywords->sets[set - 1] : NULL;

    for (size_t i = 0; found && i < found->count; i++) {
        const struct keyword_name *name = &keywords->names[found->names[i]];
        if (name->shown && (evbuffer_add(out, " ", 1) < 0 || evbuffer_add(out, name->text.data, name->text.length) < 0))
            return false;
    }
    return true;
}

size_t keywords_reach(const struct keywords *keywords, uint32_t set)
{
    const struct keyword_set *found = set ? keywords->sets[set - 1] : NULL;
    return found ? (size_t)found->names[found->count - 1] + 1 : 0;
}

/* --- room */

bool keywords_lack_room(const struct keywords *keywords, const struct slice *names, size_t count)
{
    size_t fresh = 0;

    for (size_t i = 0; i < count; i++)
        fresh += find_name(keywords, names[i]) < 0;
    return fresh > KEYWORDS_MAX - keywords->name_count + keywords->names_free ||
           keywords->set_count - keywords->numbers_free_count >= KEYWORDS_SETS_MAX;
}

void keywords_pin(struct keywords *keywords, uint32_t set)
{
    if (set != 0)
        keywords->sets[set - 1]->pins++;
}

void keywords_unpin(struct keywords *keywords, uint32_t set)
{
    if (set == 0)
        return;
    assert(keywords->sets[set - 1]->pins > 0);
    keywords->sets[set - 1]->pins--;
}

void keywords_mark(struct keywords *keywords, uint32_t set)
{
    if (set != 0)
        keywords->sets[set - 1]->marked = true;
}

static void forget_set(struct keywords *keywords, size_t at)
{
    struct keyword_set *set = keywords->sets[at];

    assert(set && keywords->by_names);
    HASH_DEL(keywords->by_names, set);
    keywords->numbers_free[keywords->numbers_free_count++] = set->number;
    keywords->sets[at] = NULL;
    free_set(set);
}

static void sweep_names(struct keywords *keywords)
{
    bool used[KEYWORDS_MAX] = {false};

    for (size_t i = 0; i < keywords->set_count; i++) {
        const struct keyword_set *set = keywords->sets[i];
        for (size_t k = 0; set && k < set->count; k++)
            used[set->names[k]] = true;
    }
    for (size_t i = 0; i < keywords->name_count; i++) {
        if (used[i] || !keywords->names[i].text.data)
            continue;
        free((char *)(uintptr_t)keywords->names[i].text.data);
        keywords->names[i] = (struct keyword_name){0};
        keywords->names_free++;
    }
}

void keywords_sweep(struct keywords *keywords)
{
    uint32_t *numbers = reallocarray(keywords->numbers_free, keywords->set_count + 1, sizeof(*numbers));

    if (!numbers)
        return;
    keywords->numbers_free = numbers;
    for (size_t i = 0; i < keywords->set_count; i++) {
        struct keyword_set *set = keywords->sets[i];
        if (set && !set->marked && set->pins == 0)
            forget_set(keywords, i);
        else if (set)
            set->marked = false;
    }
    sweep_names(keywords);
}
