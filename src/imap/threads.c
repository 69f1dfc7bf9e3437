/* See threads.h. Servers nest as deeply as a conversation is long: nothing here calls itself. */
#include "imap/threads.h"

#include <stdlib.h>

#include "base/append.h"

void threads_clear(struct threads *threads)
{
    free(threads->lists);
    free(threads->messages);
    *threads = (struct threads){0};
}

/* --- reading */

/* Takes a number off the front of text. */
static bool read_number(struct slice *text, uint32_t *message)
{
    size_t length = 0;
    uint64_t number;

    while (length < text->length && text->data[length] >= '0' && text->data[length] <= '9')
        length++;
    if (!slice_number((struct slice){text->data, length}, UINT32_MAX, &number) || number == 0)
        return false;
    *message = (uint32_t)number;
    *text = (struct slice){text->data + length, text->length - length};
    return true;
}

bool threads_sound(struct slice text)
{
    size_t depth = 0;
    bool branched = false; /* no message may follow in this list */
    uint32_t message;

    while (text.length > 0) {
        char c = text.data[0];
        if (c != ' ' && c != '(' && c != ')') {
            if (depth == 0 || branched || !read_number(&text, &message))
                return false;
            continue;
        }
        if (c == ')' && depth-- == 0)
            return false;
        depth += c == '(';
        branched = c == ' ' ? branched : c == ')';
        text = (struct slice){text.data + 1, text.length - 1};
    }
    return depth == 0;
}

static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown;

    if (count < *capacity)
        return array;
    grown = reallocarray(array, wanted, size);
    if (grown)
        *capacity = wanted;
    return grown;
}

static bool open_list(struct threads *threads, uint32_t parent, uint32_t *opened)
{
    struct thread_list *lists =
        grow(threads->lists, threads->list_count, &threads->list_capacity, sizeof(*threads->lists));

    if (!lists || threads->list_count >= UINT32_MAX - 1)
        return false;
    threads->lists = lists;
    *opened = (uint32_t)threads->list_count + 1;
    lists[threads->list_count++] = (struct thread_list){.parent = parent, .first = (uint32_t)threads->message_count};
    if (parent == 0)
        return true;
    if (lists[parent - 1].last_branch == 0)
        lists[parent - 1].first_branch = *opened;
    else
        lists[lists[parent - 1].last_branch - 1].next = *opened;
    lists[parent - 1].last_branch = *opened;
    return true;
}

static bool add_message(struct threads *threads, uint32_t list, uint32_t message)
{
    uint32_t *messages =
        grow(threads->messages, threads->message_count, &threads->message_capacity, sizeof(*threads->messages));

    if (!messages || threads->message_count >= UINT32_MAX)
        return false;
    threads->messages = messages;
    messages[threads->message_count++] = message;
    threads->lists[list - 1].count++;
    return true;
}

bool threads_add(struct threads *threads, struct slice text)
{
    uint32_t list = 0, message;

    while (text.length > 0) {
        char c = text.data[0];
        if (c >= '0' && c <= '9') {
            if (!read_number(&text, &message) || !add_message(threads, list, message))
                return false;
            continue;
        }
        if (c == '(' && !open_list(threads, list, &list))
            return false;
        if (c == ')')
            list = threads->lists[list - 1].parent;
        text = (struct slice){text.data + 1, text.length - 1};
    }
    return true;
}

/* --- translating */

static bool is_empty(const struct thread_list *list)
{
    return list->count == 0 && list->first_branch == 0;
}

/* Takes out the branches that have become empty. */
static void cut_branches(struct threads *threads, struct thread_list *list)
{
    uint32_t *at = &list->first_branch;

    list->last_branch = 0;
    while (*at != 0) {
        struct thread_list *branch = &threads->lists[*at - 1];
        if (is_empty(branch)) {
            *at = branch->next;
        } else {
            list->last_branch = *at;
            at = &branch->next;
        }
    }
}

void threads_translate(struct threads *threads, uint32_t (*number)(const void *context, uint32_t message),
                       const void *context)
{
    for (size_t i = threads->list_count; i-- > 0;) {
        struct thread_list *list = &threads->lists[i];
        uint32_t kept = 0;
        for (uint32_t at = 0; at < list->count; at++) {
            uint32_t translated = number(context, threads->messages[list->first + at]);
            if (translated != 0)
                threads->messages[list->first + kept++] = translated;
        }
        list->count = kept;
        cut_branches(threads, list);
    }
}

/* --- printing */

static void print_chain(const struct threads *threads, const struct thread_list *list, struct evbuffer *out)
{
    for (uint32_t i = 0; i < list->count; i++)
        append_format(out, i ? " %u" : "%u", threads->messages[list->first + i]);
}

/* The only branch goes on with the chain. */
static bool is_alone(const struct threads *threads, const struct thread_list *list)
{
    const struct thread_list *parent = list->parent ? &threads->lists[list->parent - 1] : NULL;

    return parent && parent->first_branch == parent->last_branch;
}

/* Closes what ends with this list, and returns the next branch to be printed, 0 if `top` has ended. */
static uint32_t close_lists(const struct threads *threads, uint32_t at, uint32_t top, struct evbuffer *out)
{
    for (; at != top; at = threads->lists[at - 1].parent) {
        const struct thread_list *list = &threads->lists[at - 1];
        if (!is_alone(threads, list))
            append_bytes(out, ")", 1);
        if (list->next != 0)
            return list->next;
    }
    append_bytes(out, ")", 1);
    return 0;
}

static void print_thread(const struct threads *threads, uint32_t top, struct evbuffer *out)
{
    uint32_t at = top;

    while (at != 0) {
        const struct thread_list *list = &threads->lists[at - 1];
        if (at == top || !is_alone(threads, list))
            append_bytes(out, "(", 1);
        print_chain(threads, list, out);
        if (list->count > 0 && list->first_branch != 0)
            append_bytes(out, " ", 1);
        at = list->first_branch != 0 ? list->first_branch : close_lists(threads, at, top, out);
    }
}

bool threads_any(const struct threads *threads)
{
    for (size_t i = 0; i < threads->list_count; i++) {
        if (threads->lists[i].parent == 0 && !is_empty(&threads->lists[i]))
            return true;
    }
    return false;
}

bool threads_print(const struct threads *threads, struct evbuffer *out)
{
    for (size_t i = 0; i < threads->list_count; i++) {
        if (threads->lists[i].parent == 0 && !is_empty(&threads->lists[i]))
            print_thread(threads, (uint32_t)i + 1, out);
    }
    return !append_failed(out);
}
