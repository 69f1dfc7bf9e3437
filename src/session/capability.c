/* What a client is offered. Before login what imapmux itself does; after it what the upstream has and imapmux carries
 * through for several clients at once, and what imapmux adds. All else the upstream may have is hidden. */
#include <event2/buffer.h>

#include "session/state.h"

/* Handed through where the upstream has them. */
static const enum capability carried[] = {
    CAPABILITY_CHILDREN,      CAPABILITY_CREATE_SPECIAL_USE,
    CAPABILITY_LIST_EXTENDED, CAPABILITY_LIST_STATUS,
    CAPABILITY_NAMESPACE,     CAPABILITY_SPECIAL_USE,
    CAPABILITY_STATUS_SIZE,   CAPABILITY_UIDPLUS,
    CAPABILITY_WITHIN,        CAPABILITY_XLIST,
};

static void print_before_login(struct session *session, struct evbuffer *out)
{
    bool may_log_in = session->options.secure || session->options.plaintext_login;

    evbuffer_add_printf(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (session->options.starttls && !session->options.secure)
        evbuffer_add_printf(out, " STARTTLS");
    evbuffer_add_printf(out, may_log_in ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
    if (may_log_in && registry_offers_tokens(session->registry, session->options.upstream))
        evbuffer_add_printf(out, " AUTH=XOAUTH2 AUTH=OAUTHBEARER");
}

void session_print_capabilities(struct session *session, struct evbuffer *out)
{
    const struct capability_set *upstream;

    if (!session->account) {
        print_before_login(session, out);
        return;
    }
    upstream = account_capabilities(session->account);
    evbuffer_add_printf(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UNSELECT");
    for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        if (upstream->has[carried[i]])
            evbuffer_add_printf(out, " %s", capability_name(carried[i]));
    }
    if (upstream->has[CAPABILITY_MOVE] || upstream->has[CAPABILITY_UIDPLUS])
        evbuffer_add_printf(out, " MOVE");
}
