/* The keeper of ghost sessions (mux/ghost_keeper.h), with a file in the state directory: so the next process knows
 * which sessions the servers may still count when this one was killed. An event is one short write without fsync; a
 * kill at any moment leaves a file that can be read. Trouble with the file is logged; the next process
 * then knows nothing of the sessions, and nothing else changes. */
#ifndef IMAPMUX_NET_GHOST_FILE_H
#define IMAPMUX_NET_GHOST_FILE_H

#include <stdint.h>

#include "base/log.h"
#include "base/runqueue.h"
#include "mux/ghost_keeper.h"
#include "net/ghost_record.h"

struct ghost_file; /* opaque */

#define GHOST_FILE_NAME "ghosts"
#define GHOST_FILE_BAD  "ghosts.bad" /* what was found under that name and is no such file */

struct ghost_file_options {
    struct runqueue *runqueue; /* borrowed, as the log */
    struct log *log;
    int64_t (*clock)(void);        /* seconds since 1970 */
    uint8_t salt[GHOST_SALT_SIZE]; /* of the digests, where the file has none yet: random in the program */
};

/* Keeps in memory until ghost_file_open. Returns owned; NULL: out of memory. */
struct ghost_file *ghost_file_new(const struct ghost_file_options *options);
/* After the registry has gone. NULL: nothing happens. */
void ghost_file_free(struct ghost_file *file);
/* Keeps in this directory from here on; NULL: in memory only. The first call, before any session stands, takes in what
 * the former process has left there. With the same directory again it tries again what did not work. */
void ghost_file_open(struct ghost_file *file, const char *directory);
const struct ghost_keeper *ghost_file_keeper(const struct ghost_file *file); /* borrowed */

#endif
