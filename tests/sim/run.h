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

void run_seed(uint64_t seed, const struct cuts *cuts, FILE *trace, struct run_result *result);

/* Leaves out what the failure does not need; cuts is filled. At most so many seconds. */
void shrink(uint64_t seed, struct cuts *cuts, const struct run_result *failure, unsigned seconds);

#endif
