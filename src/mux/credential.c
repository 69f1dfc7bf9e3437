/* Credentials and the short list of accepted ones. Comparisons take the same time whatever they find. Removed
 * credentials are wiped. */
#include "mux/credential.h"

#include <string.h>

bool credential_init(struct credential *credential, enum credential_kind kind, struct slice secret)
{
    *credential = (struct credential){.kind = kind, .secret = secret_new(secret)};
    return credential->secret != NULL;
}

void credential_clear(struct credential *credential)
{
    secret_free(credential->secret);
    credential->secret = NULL;
}

bool credential_equal(const struct credential *one, const struct credential *two)
{
    return one->kind == two->kind && secret_equal(one->secret, secret_bytes(two->secret));
}

struct accepted_credential *credential_list_find(struct credential_list *list, const struct credential *credential)
{
    struct accepted_credential *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (credential_equal(&list->items[i].credential, credential))
            found = &list->items[i];
    }
    return found;
}

static void remove_at(struct credential_list *list, size_t at)
{
    credential_clear(&list->items[at].credential);
    list->count--;
    memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(*list->items));
}

static size_t oldest(const struct credential_list *list)
{
    size_t at = 0;

    for (size_t i = 1; i < list->count; i++) {
        if (list->items[i].accepted_at < list->items[at].accepted_at)
            at = i;
    }
    return at;
}

bool credential_list_accept(struct credential_list *list, const struct credential *credential, usec now)
{
    struct accepted_credential *known = credential_list_find(list, credential), added = {.accepted_at = now};

    if (known) {
        known->accepted_at = now;
        known->refused_once = false;
        return true;
    }
    if (!credential_init(&added.credential, credential->kind, secret_bytes(credential->secret)))
        return false;
    if (list->count == CREDENTIALS_MAX)
        remove_at(list, oldest(list));
    list->items[list->count++] = added;
    return true;
}

bool credential_list_remove(struct credential_list *list, const struct credential *credential)
{
    struct accepted_credential *known = credential_list_find(list, credential);

    if (known)
        remove_at(list, (size_t)(known - list->items));
    return known != NULL;
}

void credential_list_put_last(struct credential_list *list, const struct credential *credential)
{
    struct accepted_credential *known = credential_list_find(list, credential);

    if (known)
        known->accepted_at = list->items[oldest(list)].accepted_at - 1;
}

const struct credential *credential_list_newest(const struct credential_list *list)
{
    const struct accepted_credential *newest = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (!newest || list->items[i].accepted_at >= newest->accepted_at)
            newest = &list->items[i];
    }
    return newest ? &newest->credential : NULL;
}

/* --- room */

#define WAITING_SHARE (SECRET_HEAP_SIZE / 2)
#define LARGEST_PART  16 /* of what is left of that */

static size_t footprint(const struct credential *credential)
{
    return secret_footprint(secret_bytes(credential->secret).length);
}

bool credential_room_fits(const struct credential_room *room, struct slice secret)
{
    return room->taken < WAITING_SHARE &&
           secret_footprint(secret.length) <= (WAITING_SHARE - room->taken) / LARGEST_PART;
}

void credential_room_take(struct credential_room *room, const struct credential *credential)
{
    room->taken += footprint(credential);
}

void credential_room_leave(struct credential_room *room, const struct credential *credential)
{
    room->taken -= footprint(credential);
}

/* --- those that are accepted */

void credential_list_clear(struct credential_list *list)
{
    while (list->count > 0)
        remove_at(list, list->count - 1);
}
