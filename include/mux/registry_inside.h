/* What the modules of mux ask of their registry. */
#ifndef IMAPMUX_MUX_REGISTRY_INSIDE_H
#define IMAPMUX_MUX_REGISTRY_INSIDE_H

#include "mux/registry.h"

struct reputation;
struct server;

/* Why nobody is let in any more; NULL: it is not being shut down. */
const char *registry_farewell(const struct registry *registry);

/* --- accounts by key: upstream's name, NUL, authorization id, NUL, authentication id */
struct account *registry_find(const struct registry *registry, struct slice key);
bool registry_add(struct registry *registry, struct account *account,
                  struct slice key); /* key copied; false: no memory */
void registry_remove(struct registry *registry, struct account *account);
void registry_count_sessions(struct registry *registry, int change);
/* What the passwords of those who wait to be let in take of the memory for passwords, in octets: see login.c. */
size_t *registry_waiting_secrets(struct registry *registry);

struct reputation *registry_reputation(const struct registry *registry);
/* What its accounts have in common; made if not there. NULL: out of memory. */
struct server *registry_server(struct registry *registry, const struct upstream_settings *upstream);

#endif
