/* One run of the simulator: the proxy's machines, the model server and clients around them, and what has gone wrong. */
#ifndef IMAPMUX_TESTS_SIM_SIM_H
#define IMAPMUX_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/runqueue.h"
#include "mux/registry.h"
#include "sim/dice.h"
#include "sim/memory.h"
#include "sim/plan.h"

struct client;
struct fault_task;
struct identity;
struct link;
struct user;
struct writer;

struct sim {
    uint64_t seed;
    struct plan plan;
    const struct cuts *cuts;
    struct memory memory;
    struct runqueue *runqueue;
    struct registry *registry;
    struct upstream_settings upstream;
    struct log log;
    struct user *users;
    struct client *clients;
    struct writer *writers;
    struct fault_task *fault_tasks;
    usec jump; /* time jumps by so much in the next step */
    usec jumped_at;
    struct link *links; /* all that are open */
    unsigned link_number, selections;
    struct identity **identities; /* by number */
    size_t identities_capacity;
    uint32_t next_identity, next_validity;
    unsigned round;
    bool quiet; /* nobody acts by himself; nothing goes wrong */
    FILE *trace;

    bool failed;
    char check[48];
    char text[1200];
    usec failed_at;

    uint64_t commands, faults, upstream_commands, steps;
    uint64_t spool_uses;
    unsigned acts_done; /* for shrinking */
};

/* The first failure stays. */
void sim_fail(struct sim *sim, const char *check, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* One line of the trace: who, a mark, text quoted and cut. */
void sim_trace(struct sim *sim, const char *who, const char *mark, struct slice text);
void sim_note(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
usec sim_now(const struct sim *sim);

#endif
