/* A login: what the client brings and what it is told. */
#ifndef IMAPMUX_MUX_LOGIN_H
#define IMAPMUX_MUX_LOGIN_H

#include "base/slice.h"
#include "mux/credential.h"
#include "mux/settings.h"

struct account;
struct login;

enum login_outcome {
    LOGIN_OK,
    LOGIN_REJECTED,    /* the upstream's own word that the credentials are wrong */
    LOGIN_LIMIT,       /* too many sessions there */
    LOGIN_INUSE,       /* another program uses the only session there */
    LOGIN_UNAVAILABLE, /* anything else; proves nothing */
};

struct login_answer {
    enum login_outcome outcome;
    struct account *account; /* LOGIN_OK: join it at once with account_join */
    struct slice text;       /* the server's words, if it had any; borrowed for the call */
    struct slice challenge;  /* LOGIN_REJECTED of a token: the server's challenge, or a stand-in for it; borrowed */
};

typedef void login_answered(void *owner, const struct login_answer *answer);

struct login_credentials {
    struct slice authorization_id; /* empty: the same as the authentication id */
    struct slice authentication_id;
    enum credential_kind kind;
    struct slice secret;
    struct naming naming; /* how both ids are read */
};

/* It does not want to be let in any more: its answer will not be called. */
void login_cancel(struct login *login);

#endif
