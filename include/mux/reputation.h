/* Memory of login attempts, over all accounts of one worker: which credentials an upstream has
 * refused (as keyed digests, never the secrets), from which addresses an account has been entered, and how often
 * addresses and accounts have been refused of late. Every table is bounded; the oldest entry makes room. Times are
 * handed in. */
#ifndef IMAPMUX_MUX_REPUTATION_H
#define IMAPMUX_MUX_REPUTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runqueue.h"
#include "base/slice.h"
#include "mux/credential.h"
#include "mux/settings.h"

struct reputation;

/* The login that is judged: `account` is its key in the registry, `address` the key under which a client's address is
 * counted. */
struct applicant {
    struct slice account;
    uint64_t address;
};

/* The settings are borrowed for life. The key is a random one, kept secret. Returns owned; NULL: out of memory. */
struct reputation *reputation_new(const struct settings *settings, const uint8_t key[32]);
/* Wipes its key. NULL: nothing happens. */
void reputation_free(struct reputation *reputation);

/* --- refused credentials, for rejected_ttl */
/* Has the upstream refused this very credential of this account within rejected_ttl? */
bool reputation_is_rejected(struct reputation *reputation, const struct applicant *applicant,
                            const struct credential *credential, usec now);
/* The upstream has just refused it. Nothing is kept when memory is out. */
void reputation_note_rejected(struct reputation *reputation, const struct applicant *applicant,
                              const struct credential *credential, usec now);

/* --- addresses */
/* The account has been entered from there: it is no stranger there for 30 days. */
void reputation_note_entered(struct reputation *reputation, const struct applicant *applicant, usec now);
/* Has the account been entered from this address within 30 days? */
bool reputation_has_entered(struct reputation *reputation, const struct applicant *applicant, usec now);
/* The upstream has refused a credential that was not known as refused. */
void reputation_note_failure(struct reputation *reputation, const struct applicant *applicant, usec now);
/* How many strangers the upstream has refused at this account of late. */
unsigned reputation_strangers_failed(struct reputation *reputation, const struct applicant *applicant, usec now);
/* How long a refusal is held back: failure_delay, twice as long with each failure of the address (or, for strangers, of
 * the account), at most failure_delay_max. An address that has entered the account has ten failures free. */
usec reputation_delay(struct reputation *reputation, const struct applicant *applicant, usec now);
/* Nothing from this address is looked at before: a refusal is on its way to it, held back. Who has entered the account
 * from there is not held up. */
usec reputation_open_at(struct reputation *reputation, const struct applicant *applicant, usec now);
/* A refusal to this address is held back until then. */
void reputation_shut_until(struct reputation *reputation, const struct applicant *applicant, usec until);

#endif
