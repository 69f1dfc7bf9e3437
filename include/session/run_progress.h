/* A client whose command takes long is told that it goes on. For run.c alone. RFC 9585. */
#ifndef IMAPMUX_SESSION_RUN_PROGRESS_H
#define IMAPMUX_SESSION_RUN_PROGRESS_H

#include "session/state.h"

/* A command is in progress from now on. */
void run_progress_begin(struct session *session);
/* The session's step: writes "* OK [INPROGRESS ...]" if it is time. */
void run_progress_tell(struct session *session, usec now);

#endif
