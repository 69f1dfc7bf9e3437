/* The messages of a mailbox in the order of their UIDs. rank(u) = how many UIDs are <= u. Appending and removing, each
 * cheap in large mailboxes too (blocks of up to UID_MAP_BLOCK). */
#ifndef IMAPMUX_MAILBOX_UID_MAP_H
#define IMAPMUX_MAILBOX_UID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imap/seqset.h"
#include "mailbox/block_counts.h"

#define UID_MAP_BLOCK 256

struct message {
    uint32_t uid;
    uint32_t keywords; /* number of an interned set, see keywords.h */
    uint64_t modseq;   /* 0: not known */
    uint64_t changed;  /* value of the mailbox's counter at its last change; 0: none since it is known */
    uint8_t system;    /* FLAG_SEEN and so on, never FLAG_RECENT */
    bool flags_known;  /* its flags have been learned since the map is kept */
    bool flags_due;    /* they may be others now, and the server has not said so: mailbox_flags_untold */
    uint32_t size;     /* RFC822.SIZE as the server told it last; 0: not known. Servers count wrong: only a hint */
};

struct uid_map_block;

struct uid_map {
    struct uid_map_block **blocks;
    size_t block_count;
    size_t block_capacity;
    struct block_counts counts;
    uint32_t count;
    uint32_t highest; /* the highest UID that ever was in it: 0 if none */
};

void uid_map_clear(struct uid_map *map); /* empties it, `highest` included */
/* Adds a UID above `highest`. Returns its message, zeroed but for the uid; NULL: out of memory. */
struct message *uid_map_append(struct uid_map *map, uint32_t uid);
bool uid_map_remove(struct uid_map *map, uint32_t uid); /* was it there? */
/* How many UIDs of the map are <= uid. */
uint32_t uid_map_rank(const struct uid_map *map, uint32_t uid);
struct message *uid_map_find(const struct uid_map *map,
                             uint32_t uid); /* NULL: not there. Valid until the map changes */
struct message *uid_map_at(const struct uid_map *map, uint32_t index);  /* 0 <= index < count */
struct message *uid_map_after(const struct uid_map *map, uint32_t uid); /* first with a higher UID, or NULL */
struct message *uid_map_last(const struct uid_map *map);                /* or NULL */
/* Adds to `living` the UIDs of `set` (resolved) that are in the map. False: out of memory. */
bool uid_map_intersect(const struct uid_map *map, const struct seqset *set, struct seqset *living);
/* The same, but neighbours in the map become one range even where UIDs between them have never been or are gone for
 * ever: a shorter way to name them, for commands that change nothing. */
bool uid_map_intersect_dense(const struct uid_map *map, const struct seqset *set, struct seqset *ranges);

#endif
