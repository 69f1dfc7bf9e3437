/* One worker's accounts by their key, what they share (log, settings, link ops), and the memory of refused credentials:
 * keyed digests, never the passwords themselves. Two accounts meet nowhere else. */
#include "mux/registry.h"

#include <stdlib.h>
#include <string.h>

#include "mux/account_inside.h"
#include "mux/registry_inside.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define REJECTED_MAX 10000

struct registered {
    char *key;
    size_t key_length;
    struct account *account;
    UT_hash_handle hh;
};

struct rejected {
    uint8_t digest[SECRET_DIGEST_SIZE];
    usec until;
    UT_hash_handle hh;
};

struct registry {
    struct registry_options options;
    struct random random;
    struct registered *accounts;
    struct rejected *rejected; /* in the order in which they were refused */
    size_t sessions;
    bool shutting_down;
};

struct registry *registry_new(const struct registry_options *options)
{
    struct registry *registry = calloc(1, sizeof(*registry));

    if (!registry)
        return NULL;
    registry->options = *options;
    random_init(&registry->random, options->seed);
    return registry;
}

void registry_free(struct registry *registry)
{
    struct registered *entry, *next;
    struct rejected *rejected, *next_rejected;

    if (!registry)
        return;
    HASH_ITER (hh, registry->accounts, entry, next) {
        struct account *account = entry->account;
        registry_remove(registry, account);
        account_free(account);
    }
    HASH_ITER (hh, registry->rejected, rejected, next_rejected) {
        HASH_DEL(registry->rejected, rejected);
        free(rejected);
    }
    free(registry);
}

void registry_shutdown(struct registry *registry, const char *reason)
{
    struct registered *entry, *next;

    registry->shutting_down = true;
    HASH_ITER (hh, registry->accounts, entry, next) {
        account_shutdown(entry->account, reason);
    }
}

bool registry_idle(const struct registry *registry)
{
    return !registry->accounts && registry->sessions == 0;
}

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

/* --- what they share */

struct log *registry_log(const struct registry *registry)
{
    return registry->options.log;
}

struct runqueue *registry_runqueue(const struct registry *registry)
{
    return registry->options.runqueue;
}

const struct settings *registry_settings(const struct registry *registry)
{
    return registry->options.settings;
}

struct spooler *registry_spooler(const struct registry *registry)
{
    return registry->options.spooler;
}

struct random *registry_random(struct registry *registry)
{
    return &registry->random;
}

const struct upstream_link_ops *registry_link_ops(const struct registry *registry)
{
    return registry->options.link_ops;
}

void *registry_dial(struct registry *registry, struct upstream *upstream, const struct upstream_settings *settings)
{
    return registry->options.link_ops->dial(registry->options.link_context, upstream, settings);
}

const char *registry_version(const struct registry *registry)
{
    return registry->options.version;
}

bool registry_shutting_down(const struct registry *registry)
{
    return registry->shutting_down;
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

/* --- refused credentials */

static bool digest(const struct registry *registry, struct slice key, struct slice password,
                   uint8_t out[SECRET_DIGEST_SIZE])
{
    struct slice secret_key = {(const char *)registry->options.digest_key, sizeof(registry->options.digest_key)};
    uint8_t inner[SECRET_DIGEST_SIZE];

    /* Keyed with the digest of the account: neither may pass for the other. */
    return secret_digest(secret_key, key, inner) &&
           secret_digest((struct slice){(const char *)inner, sizeof(inner)}, password, out);
}

static void forget(struct registry *registry, struct rejected *rejected)
{
    HASH_DEL(registry->rejected, rejected);
    free(rejected);
}

bool registry_is_rejected(struct registry *registry, struct slice key, struct slice password)
{
    uint8_t wanted[SECRET_DIGEST_SIZE];
    struct rejected *found = NULL;

    while (registry->rejected && registry->rejected->until <= runqueue_now(registry->options.runqueue))
        forget(registry, registry->rejected);
    if (!digest(registry, key, password, wanted))
        return false;
    HASH_FIND(hh, registry->rejected, wanted, sizeof(wanted), found);
    return found != NULL;
}

void registry_note_rejected(struct registry *registry, struct slice key, struct slice password)
{
    struct rejected *rejected = calloc(1, sizeof(*rejected)), *found = NULL;

    if (!rejected || !digest(registry, key, password, rejected->digest)) {
        free(rejected);
        return;
    }
    HASH_FIND(hh, registry->rejected, rejected->digest, sizeof(rejected->digest), found);
    if (found)
        forget(registry, found);
    if (HASH_COUNT(registry->rejected) >= REJECTED_MAX)
        forget(registry, registry->rejected);
    rejected->until = runqueue_now(registry->options.runqueue) + registry->options.settings->rejected_ttl;
    HASH_ADD(hh, registry->rejected, digest, sizeof(rejected->digest), rejected);
    found = NULL;
    HASH_FIND(hh, registry->rejected, rejected->digest, sizeof(rejected->digest), found);
    if (found != rejected)
        free(rejected);
}
