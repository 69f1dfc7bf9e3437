/* One run from its seed to its end, and what came of it. */
#ifndef IMAPMUX_TESTS_SIM_RUN_H
#define IMAPMUX_TESTS_SIM_RUN_H

#include <stdio.h>

#include "sim/plan.h"

struct run_result {
    bool failed;
    char check[48];
    char text[1200];
    uint64_t commands, faults, upstream_commands;
    unsigned clients, writers, fault_count, acts, rounds; /* of the plan, for shrinking */
};

struct sim;

/* Looks into a run from outside. Each may be NULL. */
struct run_observer {
    void *context;
    void (*planned)(void *context, struct plan *plan); /* before it begins; may change the plan */
    void (*begins)(void *context, struct sim *sim);    /* all is made, nothing has happened */
    void (*ends)(void *context, struct sim *sim);      /* before all is taken down */
};

/* For an observer that acts by itself: so much time goes by; until each command is answered, else the run has failed.
 */
void run_pass(struct sim *sim, usec time);
void run_settle(struct sim *sim);

void run_seed_observed(uint64_t seed, const struct run_observer *observer, FILE *trace, struct run_result *result);
void run_seed(uint64_t seed, const struct cuts *cuts, FILE *trace, struct run_result *result);

/* Leaves out what the failure does not need; cuts is filled. At most so many seconds. */
void shrink(uint64_t seed, struct cuts *cuts, const struct run_result *failure, unsigned seconds);

#endif
