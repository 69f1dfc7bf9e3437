/* A client's password or token, and the list of those that an account's upstream has accepted. A secret
 * never leaves locked memory but for the wire. The ids are the account's: they are not part of it. */
#ifndef IMAPMUX_MUX_CREDENTIAL_H
#define IMAPMUX_MUX_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/runqueue.h"
#include "base/secret.h"

enum credential_kind {
    CREDENTIAL_PASSWORD, /* LOGIN, AUTHENTICATE PLAIN, AUTHENTICATE LOGIN */
    CREDENTIAL_TOKEN,    /* AUTHENTICATE XOAUTH2, AUTHENTICATE OAUTHBEARER (RFC 7628) */
};

struct credential {
    enum credential_kind kind;
    struct secret *secret; /* owned; NULL: none */
};

/* False: out of (locked) memory; the credential is empty then. */
bool credential_init(struct credential *credential, enum credential_kind kind, struct slice secret)
    __attribute__((warn_unused_result));
void credential_clear(struct credential *credential);                              /* wipes */
bool credential_equal(const struct credential *one, const struct credential *two); /* in constant time */

/* The locked memory that the credentials of waiting logins take, over all accounts of one worker. They leave half of it
 * to those that are accepted or in use; and the less is left, the smaller must be the next one, so that passwords of
 * many kilobytes cannot keep out ordinary ones. Zero-initialised: none waits. */
struct credential_room {
    size_t taken; /* octets */
};

/* May a login with this secret wait? Looks at the octets that are left. */
bool credential_room_fits(const struct credential_room *room, struct slice secret);
/* Counts the credential. credential_room_leave must follow when the login no longer waits. */
void credential_room_take(struct credential_room *room, const struct credential *credential);
/* Counts it no longer. */
void credential_room_leave(struct credential_room *room, const struct credential *credential);

#define CREDENTIALS_MAX 8

struct accepted_credential {
    struct credential credential;
    usec accepted_at;
    bool refused_once; /* set when a refusal was not believed, cleared when it is accepted again */
};

struct credential_list {
    struct accepted_credential items[CREDENTIALS_MAX];
    size_t count;
};

/* Wipes and frees all of them; the list is empty then. */
void credential_list_clear(struct credential_list *list);
/* NULL: the upstream has not accepted it. Looks at all of them, so that the time it takes tells nothing. */
struct accepted_credential *credential_list_find(struct credential_list *list, const struct credential *credential);
/* Adds a copy, or notes the time of the one that is there; the one accepted longest ago makes room. False: out of
 * memory, nothing has changed. */
bool credential_list_accept(struct credential_list *list, const struct credential *credential, usec now)
    __attribute__((warn_unused_result));
bool credential_list_remove(struct credential_list *list, const struct credential *credential); /* false: not there */
/* It becomes the one accepted longest ago, if it is there. */
void credential_list_put_last(struct credential_list *list, const struct credential *credential);
/* The one accepted last; NULL: none. Borrowed until the list changes. */
const struct credential *credential_list_newest(const struct credential_list *list);

#endif
