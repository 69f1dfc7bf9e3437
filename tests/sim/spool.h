/* Spools in memory. The spooler's context is the struct sim. */
#ifndef IMAPMUX_TESTS_SIM_SPOOL_H
#define IMAPMUX_TESTS_SIM_SPOOL_H

#include "base/spool.h"

extern const struct spool_ops sim_spool_ops;

#endif
