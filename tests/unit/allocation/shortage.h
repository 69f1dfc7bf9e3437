/* A shortage of memory: what the code under test asks for is counted, and one request is refused. Linked in with
 * --wrap (see CMakeLists.txt), so that malloc and the like of the layers come here, those of libevent through its own
 * hook; what the tests and the model around the layers ask for is neither counted nor refused. */
#ifndef IMAPMUX_TESTS_UNIT_ALLOCATION_SHORTAGE_H
#define IMAPMUX_TESTS_UNIT_ALLOCATION_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, before anything else. */
void shortage_init(void);

/* From here on requests are numbered from 1; number `refused` is refused (0: none), and `more` behind it as well.
 * refusal, unless NULL, is called each time. */
void shortage_begin(unsigned long refused, unsigned long more, void (*refusal)(void *context), void *context);
void shortage_end(void);
unsigned long shortage_requests(void); /* since the last begin */
bool shortage_struck(void);            /* one has been refused since the last begin */
long shortage_held(void);              /* pieces of memory that the code under test holds now */

/* From whose hands each request of a run comes: runs are thinned out by refusing each once. */
struct shortage_paths {
    uint64_t *path; /* of request number index + 1 */
    size_t count, capacity;
};
/* Until shortage_end, paths (zeroed before) are written down. */
void shortage_record(struct shortage_paths *paths);
void shortage_paths_clear(struct shortage_paths *paths);
/* Is `number` the first request from its hands, or the first after `number` others from the same? */
bool shortage_path_is_new(const struct shortage_paths *paths, unsigned long number);

/* Where the request that was refused last came from, on standard error. */
void shortage_show(void);

#endif
