/* \Recent: each message is shown with it to one session. */
#ifndef IMAPMUX_TESTS_SIM_RECENT_H
#define IMAPMUX_TESTS_SIM_RECENT_H

#include "sim/sim.h"

/* Everybody in a mailbox has asked for all flags. Fails the run if a message was \Recent for the proxy and has been so
 * for nobody, though a session was there to be told. */
void recent_judge(struct sim *sim);

#endif
