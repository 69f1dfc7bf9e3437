/* Keys of session tickets: the one that seals and the one before it. A key's owner can read the traffic of
 * TLS 1.2 under its tickets, so it must never outlive twice TICKET_LIFE, never be written anywhere, and is wiped when
 * it goes.
 *
 * Invariant: the former key is older than the present one. OPENSSL_cleanse leaves zeroes: no key exists then. */
#include "net/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

struct aged_key {
    struct ticket_key key;
    bool exists;
    usec made_at;
};

struct ticket_keys {
    struct aged_key present, former;
};

struct ticket_keys *ticket_keys_new(void)
{
    return OPENSSL_secure_zalloc(sizeof(struct ticket_keys));
}

void ticket_keys_free(struct ticket_keys *keys)
{
    OPENSSL_secure_clear_free(keys, sizeof(*keys));
}

void ticket_keys_forget(struct ticket_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof(*keys));
}

/* The former key's place is taken, and with it all that it opened. */
static bool succeed(struct ticket_keys *keys, usec now)
{
    keys->former = keys->present;
    keys->present.exists = RAND_bytes(keys->present.key.name, sizeof(keys->present.key.name)) == 1 &&
                           RAND_priv_bytes(keys->present.key.cipher, sizeof(keys->present.key.cipher)) == 1 &&
                           RAND_priv_bytes(keys->present.key.mac, sizeof(keys->present.key.mac)) == 1;
    keys->present.made_at = now;
    return keys->present.exists;
}

const struct ticket_key *ticket_keys_sealing(struct ticket_keys *keys, usec now)
{
    bool good = keys->present.exists && now < keys->present.made_at + TICKET_LIFE;
    return good || succeed(keys, now) ? &keys->present.key : NULL;
}

static bool opens(const struct aged_key *aged, const uint8_t name[16], usec now)
{
    return aged->exists && now < aged->made_at + 2 * TICKET_LIFE &&
           memcmp(aged->key.name, name, sizeof(aged->key.name)) == 0;
}

const struct ticket_key *ticket_keys_opening(const struct ticket_keys *keys, const uint8_t name[16], usec now,
                                             bool *succeeded)
{
    *succeeded = !opens(&keys->present, name, now) || now >= keys->present.made_at + TICKET_LIFE;
    if (opens(&keys->present, name, now))
        return &keys->present.key;
    return opens(&keys->former, name, now) ? &keys->former.key : NULL;
}
