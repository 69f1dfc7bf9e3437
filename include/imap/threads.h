/* Threads as THREAD tells them: messages in chains that branch, "(3 6 (4 23)(44 7 96))". Read from a server, and
 * printed for a client without the messages that are not for it. RFC 5256 section 4. */
#ifndef IMAPMUX_IMAP_THREADS_H
#define IMAPMUX_IMAP_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct evbuffer;

/* What stands in one pair of parentheses: a chain of messages, then the branches that follow its last one. Branches are
 * named by their index + 1; 0: none. */
struct thread_list {
    uint32_t parent, first_branch, last_branch, next;
    uint32_t first; /* of `messages` */
    uint32_t count;
};

/* Zero-initialised: none. */
struct threads {
    struct thread_list *lists; /* a list stands before its branches */
    size_t list_count, list_capacity;
    uint32_t *messages;
    size_t message_count, message_capacity;
};

void threads_clear(struct threads *threads);
/* Is it what may stand behind "THREAD"? */
bool threads_sound(struct slice text);
/* Adds those of a text that is sound. False: out of memory. */
bool threads_add(struct threads *threads, struct slice text) __attribute__((warn_unused_result));
/* Puts what `number` says in the place of each message; 0: it is left out, and what follows it stands in its place.
 * Lists that are empty then are left out, and what branches no more is a chain. Only once. */
void threads_translate(struct threads *threads, uint32_t (*number)(const void *context, uint32_t message),
                       const void *context);
/* Is there a message in them? After threads_translate. */
bool threads_any(const struct threads *threads);
/* "(2)(3 6)", nothing if there are none; after threads_translate. False: out of memory. */
bool threads_print(const struct threads *threads, struct evbuffer *out) __attribute__((warn_unused_result));

#endif
