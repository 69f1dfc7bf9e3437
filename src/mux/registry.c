/* One worker's accounts by their key, and what they share: log, settings, link ops, what is known of their servers and
 * of those who try to log in. Two accounts meet nowhere else. */
#include "mux/registry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account_inside.h"
#include "mux/registry_inside.h"
#include "mux/reputation.h"
#include "mux/server.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define DRAIN_INTERVAL (USEC_SECOND / 20)
#define DRAIN_GROUP    ((size_t)50)
#define DRAIN_GROUPS   ((size_t)40) /* at most, for they grow with the number of sessions */
#define DRAIN_PATIENCE (3 * USEC_SECOND)

struct registered {
    char *key;
    size_t key_length;
    struct account *account;
    UT_hash_handle hh;
};

struct served {
    char *name;
    struct server server;
    UT_hash_handle hh;
};

struct registry {
    struct ground ground;
    struct registered *accounts;
    struct served *servers; /* by the names of the upstreams in the settings */
    struct reputation *reputation;
    size_t sessions;
    size_t waiting_secrets;
    struct task drain;
    const char *farewell; /* NULL: not shutting down */
    usec drain_until;     /* who has not left by then is ended */
};

/* --- shutting down */

static void retire_group(struct registry *registry)
{
    size_t share = registry->sessions / DRAIN_GROUPS + 1;
    size_t left = share > DRAIN_GROUP ? share : DRAIN_GROUP;
    struct registered *entry, *next;

    HASH_ITER (hh, registry->accounts, entry, next) {
        left -= account_retire_members(entry->account, left);
        if (left == 0)
            return;
    }
}

static void drain(struct task *task, usec now)
{
    struct registry *registry = (struct registry *)((char *)task - offsetof(struct registry, drain));
    struct registered *entry, *next;

    if (!registry->farewell)
        return;
    if (now < registry->drain_until) {
        retire_group(registry);
        task_set_deadline(task, now + DRAIN_INTERVAL);
        return;
    }
    HASH_ITER (hh, registry->accounts, entry, next) {
        account_end_members(entry->account, registry->farewell);
    }
}

void registry_shutdown(struct registry *registry, const char *reason)
{
    struct registered *entry, *next;

    registry->farewell = reason;
    registry->drain_until = task_now(&registry->drain) + DRAIN_PATIENCE;
    HASH_ITER (hh, registry->accounts, entry, next) {
        account_shutdown(entry->account, reason);
    }
    task_wake(&registry->drain);
}

bool registry_idle(const struct registry *registry)
{
    return !registry->accounts && registry->sessions == 0;
}

/* --- making and ending */

struct registry *registry_new(const struct registry_options *options)
{
    struct registry *registry = calloc(1, sizeof(*registry));

    if (!registry)
        return NULL;
    registry->ground = (struct ground){.runqueue = options->runqueue,
                                       .log = options->log,
                                       .settings = options->settings,
                                       .spooler = options->spooler,
                                       .link_ops = options->link_ops,
                                       .link_context = options->link_context,
                                       .version = options->version};
    random_init(&registry->ground.random, options->seed);
    task_init(&registry->drain, options->runqueue, drain);
    registry->reputation = reputation_new(options->settings, options->digest_key);
    if (registry->reputation)
        return registry;
    task_clear(&registry->drain);
    free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    struct registered *entry, *next;
    struct served *served, *next_served;

    if (!registry)
        return;
    task_clear(&registry->drain);
    HASH_ITER (hh, registry->accounts, entry, next) {
        struct account *account = entry->account;
        registry_remove(registry, account);
        account_free(account);
    }
    HASH_ITER (hh, registry->servers, served, next_served) {
        HASH_DEL(registry->servers, served);
        free(served->name);
        free(served);
    }
    reputation_free(registry->reputation);
    free(registry);
}

/* --- what is counted */

size_t registry_accounts(const struct registry *registry)
{
    return HASH_COUNT(registry->accounts);
}

size_t registry_sessions(const struct registry *registry)
{
    return registry->sessions;
}

void registry_count_sessions(struct registry *registry, int change)
{
    registry->sessions += (size_t)change;
}

size_t *registry_waiting_secrets(struct registry *registry)
{
    return &registry->waiting_secrets;
}

/* --- what they share */

struct ground *registry_ground(struct registry *registry)
{
    return &registry->ground;
}

const char *registry_farewell(const struct registry *registry)
{
    return registry->farewell;
}

/* --- accounts */

struct account *registry_find(const struct registry *registry, struct slice key)
{
    struct registered *entry = NULL;

    HASH_FIND(hh, registry->accounts, key.data, key.length, entry);
    return entry ? entry->account : NULL;
}

bool registry_add(struct registry *registry, struct account *account, struct slice key)
{
    struct registered *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return false;
    entry->account = account;
    entry->key_length = key.length;
    entry->key = slice_copy(key);
    if (entry->key)
        HASH_ADD_KEYPTR(hh, registry->accounts, entry->key, entry->key_length, entry);
    if (entry->key && registry_find(registry, key) == account)
        return true;
    free(entry->key);
    free(entry);
    return false;
}

void registry_remove(struct registry *registry, struct account *account)
{
    struct registered *entry, *next;

    HASH_ITER (hh, registry->accounts, entry, next) {
        if (entry->account != account)
            continue;
        HASH_DEL(registry->accounts, entry);
        free(entry->key);
        free(entry);
        return;
    }
}

/* --- servers */

struct server *registry_server(struct registry *registry, const struct upstream_settings *upstream)
{
    size_t length = strlen(upstream->name);
    struct served *entry = NULL, *added = NULL;

    HASH_FIND(hh, registry->servers, upstream->name, length, entry);
    if (entry)
        return &entry->server;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->name = slice_copy((struct slice){upstream->name, length});
    if (entry->name)
        HASH_ADD_KEYPTR(hh, registry->servers, entry->name, length, entry);
    HASH_FIND(hh, registry->servers, upstream->name, length, added);
    if (added == entry)
        return &entry->server;
    free(entry->name);
    free(entry);
    return NULL;
}

struct reputation *registry_reputation(const struct registry *registry)
{
    return registry->reputation;
}

bool registry_offers_tokens(struct registry *registry, const struct upstream_settings *upstream)
{
    const struct server *server;

    switch (upstream->tokens) {
    case UPSTREAM_TOKENS_YES:
        return true;
    case UPSTREAM_TOKENS_NO:
        return false;
    case UPSTREAM_TOKENS_AUTO:
        server = registry_server(registry, upstream);
        return server && (server->takes_xoauth2 || server->takes_oauthbearer);
    }
    abort();
}
