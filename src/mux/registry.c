/* One worker's accounts by their key, and their shared parts: log, settings, link ops, the state of servers, and the
 * memory of login attempts. Two accounts meet nowhere else. */
#include "mux/registry.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mux/account.h"
#include "mux/endpoint.h"
#include "mux/identity.h"
#include "mux/reputation.h"
#include "mux/server.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define DRAIN_INTERVAL (USEC_SECOND / 20)
#define DRAIN_GROUP    ((size_t)50)
#define DRAIN_GROUPS   ((size_t)40) /* at most; groups grow with the number of sessions */
#define DRAIN_PATIENCE (3 * USEC_SECOND)

struct registered {
    struct account *account; /* its own key is the entry's */
    UT_hash_handle hh;
};

struct served {
    struct endpoint endpoint;
    struct server server;
    UT_hash_handle hh;
};

struct registry {
    struct ground ground;
    struct registered *accounts;
    struct served *servers; /* by their endpoints */
    struct reputation *reputation;
    size_t sessions;
    struct credential_room room;
    struct task drain;
    const char *farewell; /* NULL: not shutting down */
    usec drain_until;     /* clients that have not left by then are ended */
};

/* --- accounts */

static struct account *find_account(const struct registry *registry, struct slice key)
{
    struct registered *entry = NULL;

    HASH_FIND(hh, registry->accounts, key.data, key.length, entry);
    return entry ? entry->account : NULL;
}

/* False: out of memory. */
static bool add_account(struct registry *registry, struct account *account)
{
    struct registered *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return false;
    entry->account = account;
    HASH_ADD_KEYPTR(hh, registry->accounts, account_key(account).data, account_key(account).length, entry);
    if (find_account(registry, account_key(account)) == account)
        return true;
    free(entry);
    return false;
}

static void remove_account(struct registry *registry, struct registered *entry)
{
    HASH_DEL(registry->accounts, entry);
    free(entry);
}

static void on_gone(void *owner, struct account *account)
{
    struct registry *registry = owner;
    struct registered *entry = NULL;
    struct slice key = account_key(account);

    HASH_FIND(hh, registry->accounts, key.data, key.length, entry);
    assert(entry && entry->account == account);
    remove_account(registry, entry);
}

static void on_counted(void *owner, int change)
{
    struct registry *registry = owner;

    registry->sessions += (size_t)change;
}

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
                                       .ghost_keeper = options->ghost_keeper,
                                       .version = options->version};
    random_init(&registry->ground.random, options->seed);
    random_init(&registry->ground.tags, ~options->seed);
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
        remove_account(registry, entry);
        account_free(account);
    }
    HASH_ITER (hh, registry->servers, served, next_served) {
        HASH_DEL(registry->servers, served);
        free(served);
    }
    reputation_free(registry->reputation);
    free(registry);
}

/* --- counts */

size_t registry_accounts(const struct registry *registry)
{
    return HASH_COUNT(registry->accounts);
}

size_t registry_sessions(const struct registry *registry)
{
    return registry->sessions;
}

/* --- shared parts */

struct ground *registry_ground(struct registry *registry)
{
    return &registry->ground;
}

/* --- servers */

static struct server *server_of(struct registry *registry, const struct upstream_settings *upstream)
{
    struct endpoint endpoint;
    struct slice key = endpoint_make(&endpoint, upstream);
    struct served *entry = NULL, *added = NULL;

    HASH_FIND(hh, registry->servers, key.data, key.length, entry);
    if (entry)
        return &entry->server;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->endpoint = endpoint;
    HASH_ADD_KEYPTR(hh, registry->servers, entry->endpoint.text, key.length, entry);
    HASH_FIND(hh, registry->servers, key.data, key.length, added);
    if (added == entry)
        return &entry->server;
    free(entry);
    return NULL;
}

bool registry_offers_tokens(struct registry *registry, const struct upstream_settings *upstream)
{
    const struct server *server;

    switch (upstream->tokens) {
    case UPSTREAM_TOKENS_YES:
    case UPSTREAM_TOKENS_CHECKED:
        return true;
    case UPSTREAM_TOKENS_NO:
        return false;
    case UPSTREAM_TOKENS_AUTO:
        server = server_of(registry, upstream);
        return server && (server->takes_xoauth2 || server->takes_oauthbearer);
    }
    abort();
}

/* --- logging in */

static struct account *open_account(struct registry *registry, const struct upstream_settings *upstream,
                                    const struct identity *identity)
{
    struct account_options options = {.ground = &registry->ground,
                                      .settings = upstream,
                                      .server = server_of(registry, upstream),
                                      .reputation = registry->reputation,
                                      .room = &registry->room,
                                      .ending = registry->farewell,
                                      .gone = on_gone,
                                      .counted = on_counted,
                                      .owner = registry};
    struct account *account = options.server ? account_new(&options, identity) : NULL;

    if (account && add_account(registry, account))
        return account;
    account_free(account);
    return NULL;
}

struct login *login_begin(struct registry *registry, const struct upstream_settings *upstream,
                          const struct login_credentials *credentials, uint64_t address, login_answered *done,
                          void *owner)
{
    struct identity identity;
    struct account *account;

    if (!identity_make(&identity, upstream, &credentials->naming, credentials->authorization_id,
                       credentials->authentication_id) ||
        !credential_room_fits(&registry->room, credentials->secret))
        return NULL;
    account = find_account(registry, identity.key);
    if (!account)
        account = open_account(registry, upstream, &identity);
    if (!account)
        return NULL;
    return logins_add(account_logins(account), credentials->kind, credentials->secret, address, done, owner);
}
