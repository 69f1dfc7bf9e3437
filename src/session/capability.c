/* What a client is offered. Before login what imapmux itself does; after it what the upstream has and imapmux carries
 * through for several clients at once, and what imapmux adds. All else the upstream may have is hidden. A client keeps
 * the list that it was told when it logged in; what the server no longer has after a reconnect fails with NO [CANNOT].
 */
#include <event2/buffer.h>
#include <string.h>

#include "base/append.h"
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

    append_format(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (session->options.starttls && !session->options.secure)
        append_format(out, " STARTTLS");
    append_format(out, may_log_in ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
    if (may_log_in && registry_offers_tokens(session->registry, session->options.upstream))
        append_format(out, " AUTH=XOAUTH2 AUTH=OAUTHBEARER");
}

void session_print_capabilities(struct session *session, struct evbuffer *out)
{
    const bool *has = session->offered;

    if (!session->account) {
        print_before_login(session, out);
        return;
    }
    append_format(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UNSELECT");
    for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        if (has[carried[i]])
            append_format(out, " %s", capability_name(carried[i]));
    }
    if (has[CAPABILITY_MOVE] || has[CAPABILITY_UIDPLUS])
        append_format(out, " MOVE");
}

void session_note_capabilities(struct session *session)
{
    memcpy(session->offered, account_capabilities(session->account)->has, sizeof(session->offered));
}

bool session_can(const struct session *session, enum capability capability)
{
    return account_capabilities(session->account)->has[capability];
}

bool session_has_lost_something(const struct session *session)
{
    for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
        if (session->offered[i] && !session_can(session, (enum capability)i))
            return true;
    }
    return false;
}

void session_cannot(struct session *session, const char *text, enum capability capability)
{
    if (session->offered[capability])
        session_no(session, "CANNOT", text);
    else
        session_bad(session, text);
}
