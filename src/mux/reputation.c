/* Bounded memories of digests, each entry with an end, a count and a time. All keys are keyed digests: a peer cannot
 * choose its place in a table, and a dump of the memory shows no password. */
#include "mux/reputation.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define ENTRIES_MAX      10000
#define FAILURE_MEMORY   (15 * USEC_MINUTE)
#define ENTERED_MEMORY   (30 * (24 * USEC_HOUR))
#define FREE_FAILURES    10 /* of an address that has entered the account */
#define ACCOUNT_FAILURES 5  /* by strangers, before every stranger is slowed down there */
#define DOUBLINGS_MAX    20

struct entry {
    uint8_t digest[SECRET_DIGEST_SIZE];
    usec until;
    usec open_at;
    unsigned count;
    UT_hash_handle hh;
};

enum memory {
    MEMORY_REJECTED,         /* account and credential */
    MEMORY_ENTERED,          /* account and address */
    MEMORY_ADDRESS_FAILURES, /* address */
    MEMORY_ACCOUNT_FAILURES, /* account: those by strangers */
    MEMORY_COUNT
};

struct reputation {
    const struct settings *settings;
    uint8_t key[32];
    struct entry *memories[MEMORY_COUNT]; /* in the order in which their entries were touched last */
};

struct reputation *reputation_new(const struct settings *settings, const uint8_t key[32])
{
    struct reputation *reputation = calloc(1, sizeof(*reputation));

    if (!reputation)
        return NULL;
    reputation->settings = settings;
    memcpy(reputation->key, key, sizeof(reputation->key));
    return reputation;
}

static void forget(struct reputation *reputation, enum memory memory, struct entry *entry)
{
    HASH_DEL(reputation->memories[memory], entry);
    free(entry);
}

void reputation_free(struct reputation *reputation)
{
    if (!reputation)
        return;
    for (enum memory memory = 0; memory < MEMORY_COUNT; memory++) {
        while (reputation->memories[memory])
            forget(reputation, memory, reputation->memories[memory]);
    }
    secret_wipe(reputation->key, sizeof(reputation->key));
    free(reputation);
}

/* --- a memory */

/* The digest of a first and a second part under a keyed digest of the first: neither can pass for the other. */
static bool make_digest(const struct reputation *reputation, enum memory memory, struct slice first,
                        struct slice second, uint8_t digest[SECRET_DIGEST_SIZE])
{
    struct slice key = {(const char *)reputation->key, sizeof(reputation->key)};
    uint8_t inner[SECRET_DIGEST_SIZE + 1];

    inner[SECRET_DIGEST_SIZE] = (uint8_t)memory;
    return secret_digest(key, first, inner) &&
           secret_digest((struct slice){(const char *)inner, sizeof(inner)}, second, digest);
}

static struct entry *find(struct reputation *reputation, enum memory memory, const uint8_t *digest, usec now)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, reputation->memories[memory], digest, SECRET_DIGEST_SIZE, entry);
    if (entry && entry->until <= now) {
        forget(reputation, memory, entry);
        return NULL;
    }
    return entry;
}

/* The entry, made if it is not there, now the youngest; NULL: out of memory. */
static struct entry *touch(struct reputation *reputation, enum memory memory, const uint8_t *digest, usec now)
{
    struct entry *entry = find(reputation, memory, digest, now), *added = NULL;

    if (entry)
        HASH_DEL(reputation->memories[memory], entry);
    else
        entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    memcpy(entry->digest, digest, SECRET_DIGEST_SIZE);
    if (HASH_COUNT(reputation->memories[memory]) >= ENTRIES_MAX)
        forget(reputation, memory, reputation->memories[memory]);
    HASH_ADD(hh, reputation->memories[memory], digest, SECRET_DIGEST_SIZE, entry);
    HASH_FIND(hh, reputation->memories[memory], digest, SECRET_DIGEST_SIZE, added);
    if (added != entry) {
        free(entry);
        return NULL;
    }
    return entry;
}

static struct slice address_bytes(const struct applicant *applicant)
{
    return (struct slice){(const char *)&applicant->address, sizeof(applicant->address)};
}

/* --- refused credentials */

static bool credential_digest(const struct reputation *reputation, const struct applicant *applicant,
                              const struct credential *credential, uint8_t digest[SECRET_DIGEST_SIZE])
{
    struct slice key;
    uint8_t account[SECRET_DIGEST_SIZE];

    if (!make_digest(reputation, MEMORY_REJECTED, applicant->account,
                     credential->kind == CREDENTIAL_TOKEN ? SLICE("token") : SLICE("password"), account))
        return false;
    key = (struct slice){(const char *)account, sizeof(account)};
    return secret_digest(key, secret_bytes(credential->secret), digest);
}

bool reputation_is_rejected(struct reputation *reputation, const struct applicant *applicant,
                            const struct credential *credential, usec now)
{
    uint8_t digest[SECRET_DIGEST_SIZE];

    return credential_digest(reputation, applicant, credential, digest) &&
           find(reputation, MEMORY_REJECTED, digest, now) != NULL;
}

void reputation_note_rejected(struct reputation *reputation, const struct applicant *applicant,
                              const struct credential *credential, usec now)
{
    uint8_t digest[SECRET_DIGEST_SIZE];
    struct entry *entry;

    if (!credential_digest(reputation, applicant, credential, digest))
        return;
    entry = touch(reputation, MEMORY_REJECTED, digest, now);
    if (entry)
        entry->until = now + reputation->settings->rejected_ttl;
}

/* --- addresses */

void reputation_note_entered(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    uint8_t digest[SECRET_DIGEST_SIZE];
    struct entry *entry;

    if (!make_digest(reputation, MEMORY_ENTERED, applicant->account, address_bytes(applicant), digest))
        return;
    entry = touch(reputation, MEMORY_ENTERED, digest, now);
    if (entry)
        entry->until = now + ENTERED_MEMORY;
}

bool reputation_has_entered(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    uint8_t digest[SECRET_DIGEST_SIZE];

    return make_digest(reputation, MEMORY_ENTERED, applicant->account, address_bytes(applicant), digest) &&
           find(reputation, MEMORY_ENTERED, digest, now) != NULL;
}

static struct entry *failures_of(struct reputation *reputation, enum memory memory, const struct applicant *applicant,
                                 usec now, bool make)
{
    struct slice of = memory == MEMORY_ADDRESS_FAILURES ? address_bytes(applicant) : applicant->account;
    uint8_t digest[SECRET_DIGEST_SIZE];

    if (!make_digest(reputation, memory, of, SLICE("failures"), digest))
        return NULL;
    return make ? touch(reputation, memory, digest, now) : find(reputation, memory, digest, now);
}

static void count(struct reputation *reputation, enum memory memory, const struct applicant *applicant, usec now)
{
    struct entry *entry = failures_of(reputation, memory, applicant, now, true);

    if (!entry)
        return;
    entry->count++;
    entry->until = now + FAILURE_MEMORY;
}

void reputation_note_failure(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    count(reputation, MEMORY_ADDRESS_FAILURES, applicant, now);
    if (!reputation_has_entered(reputation, applicant, now))
        count(reputation, MEMORY_ACCOUNT_FAILURES, applicant, now);
}

static unsigned counted(struct reputation *reputation, enum memory memory, const struct applicant *applicant, usec now)
{
    const struct entry *entry = failures_of(reputation, memory, applicant, now, false);

    return entry ? entry->count : 0;
}

unsigned reputation_strangers_failed(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    return counted(reputation, MEMORY_ACCOUNT_FAILURES, applicant, now);
}

static usec doubled(const struct settings *settings, unsigned failures, unsigned free_of_charge)
{
    unsigned times = failures > free_of_charge ? failures - free_of_charge : 0;
    usec delay = settings->failure_delay;

    if (times == 0)
        return 0;
    for (unsigned i = 1; i < times && i < DOUBLINGS_MAX && delay < settings->failure_delay_max; i++)
        delay *= 2;
    return delay < settings->failure_delay_max ? delay : settings->failure_delay_max;
}

usec reputation_delay(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    bool entered = reputation_has_entered(reputation, applicant, now);
    unsigned failures = counted(reputation, MEMORY_ADDRESS_FAILURES, applicant, now);
    usec of_address = doubled(reputation->settings, failures, entered ? FREE_FAILURES : 0);
    usec of_account = entered ? 0
                              : doubled(reputation->settings, reputation_strangers_failed(reputation, applicant, now),
                                        ACCOUNT_FAILURES);

    return of_address > of_account ? of_address : of_account;
}

usec reputation_open_at(struct reputation *reputation, const struct applicant *applicant, usec now)
{
    const struct entry *entry = failures_of(reputation, MEMORY_ADDRESS_FAILURES, applicant, now, false);

    if (!entry || (entry->count <= FREE_FAILURES && reputation_has_entered(reputation, applicant, now)))
        return 0;
    return entry->open_at;
}

void reputation_shut_until(struct reputation *reputation, const struct applicant *applicant, usec until)
{
    struct entry *entry = failures_of(reputation, MEMORY_ADDRESS_FAILURES, applicant, until, true);

    if (!entry)
        return;
    if (entry->open_at < until)
        entry->open_at = until;
    if (entry->until < until + 1)
        entry->until = until + 1;
}
