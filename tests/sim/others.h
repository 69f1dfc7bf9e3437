/* What happens behind the proxy's back: other writers, and faults. */
#ifndef IMAPMUX_TESTS_SIM_OTHERS_H
#define IMAPMUX_TESTS_SIM_OTHERS_H

#include "sim/store.h"

struct writer {
    struct task task;
    struct sim *sim;
    unsigned number, act, acts_left;
};

struct fault_task {
    struct task task;
    struct sim *sim;
    unsigned index;
};

void writers_make(struct sim *sim);
void writers_begin_round(struct sim *sim);
void writers_clear(struct sim *sim);
void faults_begin_round(struct sim *sim);
/* Something has happened to all lines that clients may notice. */
void disturb_all(struct sim *sim);
/* The clock jumps: what disturbed a user is as long ago as before in the time that the proxy has been given. */
void disturbances_jump(struct sim *sim, usec jump);
/* Everything works again. */
void faults_end(struct sim *sim);
void faults_clear(struct sim *sim);
/* The proxy is refused memory now: whoever is told so has not been told so without a reason. */
void faults_out_of_memory(struct sim *sim);

#endif
