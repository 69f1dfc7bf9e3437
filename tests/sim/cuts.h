/* The line to the server, cut behind every octet of every command that changes something. */
#ifndef IMAPMUX_TESTS_SIM_CUTS_H
#define IMAPMUX_TESTS_SIM_CUTS_H

/* Plays all of it and prints the totals. Exit status: 1 if an answer was wrong; each has been printed, with a trace. */
int cuts_play_all(void);

#endif
