/* See offer.h. A capability that the server has lost after a reconnect fails with NO [CANNOT]: the client's list does
 * not change. */
#include "session/offer.h"

#include <string.h>

#include "base/append.h"

/* Handed through where the upstream has them. */
static const enum capability carried[] = {
    CAPABILITY_CHILDREN,      CAPABILITY_CREATE_SPECIAL_USE,
    CAPABILITY_LIST_EXTENDED, CAPABILITY_LIST_STATUS,
    CAPABILITY_NAMESPACE,     CAPABILITY_SPECIAL_USE,
    CAPABILITY_STATUS_SIZE,   CAPABILITY_UIDPLUS,
    CAPABILITY_WITHIN,        CAPABILITY_XLIST,
};

void offer_note(struct offer *offer, const struct capability_set *capabilities)
{
    memcpy(offer->has, capabilities->has, sizeof(offer->has));
}

bool offer_has(const struct offer *offer, enum capability capability)
{
    return offer->has[capability];
}

bool offer_has_lost(const struct offer *offer, const struct capability_set *capabilities)
{
    for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
        if (offer->has[i] && !capabilities->has[i])
            return true;
    }
    return false;
}

void offer_print_before_login(const struct offer_before_login *offer, struct evbuffer *out)
{
    append_format(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (offer->starttls)
        append_format(out, " STARTTLS");
    append_format(out, offer->login ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
    if (offer->login && offer->tokens)
        append_format(out, " AUTH=XOAUTH2 AUTH=OAUTHBEARER");
}

void offer_print(const struct offer *offer, struct evbuffer *out)
{
    append_format(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UNSELECT");
    for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        if (offer->has[carried[i]])
            append_format(out, " %s", capability_name(carried[i]));
    }
    if (offer->has[CAPABILITY_MOVE] || offer->has[CAPABILITY_UIDPLUS])
        append_format(out, " MOVE");
}
