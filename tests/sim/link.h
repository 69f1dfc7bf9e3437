/* The line between the proxy's upstream and a model server: octets take their time, come in any pieces, and may stop
 * coming. Implements the proxy's upstream_link_ops. */
#ifndef IMAPMUX_TESTS_SIM_LINK_H
#define IMAPMUX_TESTS_SIM_LINK_H

#include "mux/link.h"
#include "sim/sim.h"

struct server;
struct user;

extern const struct upstream_link_ops sim_link_ops; /* context: the struct sim */

uint64_t link_delivered(const struct link *link); /* octets of the server that the proxy has been given */
uint64_t link_taken(const struct link *link);     /* octets of the proxy that the server has been given */
void link_wake(struct link *link);
void link_close_after_output(struct link *link); /* the server closes */
void link_clear_all(struct sim *sim);

/* --- faults, at the line of a user */
struct link *link_of(struct user *user, unsigned n); /* of its session, counted from 0; NULL: there is none */
void link_drop(struct link *link);
void link_cut_answer_after(struct link *link, uint64_t octets);
void link_cut_command_after(struct link *link, uint64_t octets);
/* A part of an answer has been delivered, and the rest has not. */
bool link_is_cut_in_two(const struct link *link);
void link_bye(const struct link *link, const char *text); /* the server ends the session */
void link_stall(struct link *link, usec until);
void link_inject(struct link *link, const char *line); /* as if the server had said it */

#endif
