/* Addresses of messages, or parts of them, as CATENATE carries them: read, and written again in one form that does not
 * depend on a selected mailbox. Addresses with an authorization (URLAUTH) are none here. RFC 5092, RFC 4469. */
#ifndef IMAPMUX_IMAP_MESSAGE_URL_H
#define IMAPMUX_IMAP_MESSAGE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define MESSAGE_URL_MAX 4000 /* octets */

struct message_url {
    bool absolute;        /* it names a server: */
    struct slice user;    /* empty: not named */
    struct slice host;    /* without a port */
    struct slice mailbox; /* UTF-8; data NULL: the selected one */
    uint32_t validity;    /* UIDVALIDITY; 0: not named */
    uint32_t uid;
    bool has_section;
    struct slice section; /* valid */
    bool partial;
    uint32_t partial_start;
    uint32_t partial_count; /* 0: up to the end */
};

/* Slices lie in the text or in the arena. False: it is not a plain address of one message, or memory is out. */
bool message_url_parse(struct slice text, struct arena *arena, struct message_url *url)
    __attribute__((warn_unused_result));
/* Writes "/mailbox;UIDVALIDITY=v/;UID=u..." without the server, which is printable ASCII without quotes. The mailbox
 * must be there. Returns the text in the arena; data NULL: out of memory. */
struct slice message_url_print(const struct message_url *url, struct arena *arena);

#endif
