/* See queue.h. Nothing is judged here: a command is judged at its turn. */
#include "session/queue.h"

#include <stdlib.h>

#include "base/secret.h"
#include "base/spool.h"

struct queued *queued_new(struct line line, size_t values_max)
{
    struct queued *queued = calloc(1, sizeof(*queued));

    if (!queued)
        return NULL;
    arena_init(&queued->arena, values_max);
    queued->length = line.bytes.length;
    queued->bytes = slice_copy(line.bytes);
    if (queued->bytes) {
        line.bytes.data = queued->bytes;
        command_parse(line, &queued->arena, &queued->command);
    }
    if (!queued->bytes || queued->arena.out_of_memory) {
        queued_free(queued);
        return NULL;
    }
    return queued;
}

void queued_free(struct queued *queued)
{
    if (!queued)
        return;
    if (queued->bytes)
        secret_wipe(queued->bytes, queued->length);
    free(queued->bytes);
    arena_wipe(&queued->arena);
    shared_spool_release(queued->upload.spool);
    free(queued);
}

static size_t octets_of(const struct queued *queued)
{
    return queued->length + queued->arena.used;
}

void queue_add(struct queue *queue, struct queued *queued)
{
    struct queued **end = &queue->first;

    while (*end)
        end = &(*end)->next;
    queued->next = NULL;
    *end = queued;
    queue->length++;
    queue->octets += octets_of(queued);
}

struct queued *queue_take(struct queue *queue)
{
    struct queued *oldest = queue->first;

    if (!oldest)
        return NULL;
    queue->first = oldest->next;
    queue->length--;
    queue->octets -= octets_of(oldest);
    oldest->next = NULL;
    return oldest;
}

void queue_clear(struct queue *queue)
{
    while (queue->first)
        queued_free(queue_take(queue));
}

bool queue_uses_numbers(const struct queue *queue)
{
    for (const struct queued *queued = queue->first; queued; queued = queued->next) {
        if (command_may_use_numbers(&queued->command))
            return true;
    }
    return false;
}

bool queue_has(const struct queue *queue, enum command_name name)
{
    for (const struct queued *queued = queue->first; queued; queued = queued->next) {
        if (queued->command.name == name)
            return true;
    }
    return false;
}
