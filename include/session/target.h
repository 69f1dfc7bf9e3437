/* After APPEND, COPY and MOVE: views on the target mailbox are told soon, and the asker's own OK waits for the
 * new message to be learned, so that its next command finds it. */
#ifndef IMAPMUX_SESSION_TARGET_H
#define IMAPMUX_SESSION_TARGET_H

#include "session/run.h"

/* Messages have been put into `name` (canonical) by the command in progress. If this session has it selected, `then` is
 * called once the new message is known, or after a second; else at once, from within this call. */
void target_changed(struct session *session, struct slice name, void (*then)(struct run *run));

#endif
