/* Capabilities of a server as a set, and the names that imapmux knows. RFC 3501 section 7.2.1. */
#ifndef IMAPMUX_IMAP_CAPABILITY_H
#define IMAPMUX_IMAP_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "imap/value.h"

/* X(enumerator, name on the wire). Those that end in = match any capability that begins so. */
#define CAPABILITIES(X)                                                                                                \
    X(IMAP4REV1, "IMAP4rev1")                                                                                          \
    X(ACL, "ACL")                                                                                                      \
    X(APPENDLIMIT, "APPENDLIMIT")                                                                                      \
    X(AUTH_LOGIN, "AUTH=LOGIN")                                                                                        \
    X(AUTH_OAUTHBEARER, "AUTH=OAUTHBEARER")                                                                            \
    X(AUTH_PLAIN, "AUTH=PLAIN")                                                                                        \
    X(AUTH_XOAUTH2, "AUTH=XOAUTH2")                                                                                    \
    X(BINARY, "BINARY")                                                                                                \
    X(CATENATE, "CATENATE")                                                                                            \
    X(CHILDREN, "CHILDREN")                                                                                            \
    X(COMPRESS, "COMPRESS=DEFLATE")                                                                                    \
    X(CONDSTORE, "CONDSTORE")                                                                                          \
    X(CREATE_SPECIAL_USE, "CREATE-SPECIAL-USE")                                                                        \
    X(ENABLE, "ENABLE")                                                                                                \
    X(ESEARCH, "ESEARCH")                                                                                              \
    X(ESORT, "ESORT")                                                                                                  \
    X(I18NLEVEL_1, "I18NLEVEL=1")                                                                                      \
    X(I18NLEVEL_2, "I18NLEVEL=2")                                                                                      \
    X(ID, "ID")                                                                                                        \
    X(IDLE, "IDLE")                                                                                                    \
    X(LIST_EXTENDED, "LIST-EXTENDED")                                                                                  \
    X(LIST_METADATA, "LIST-METADATA")                                                                                  \
    X(LIST_MYRIGHTS, "LIST-MYRIGHTS")                                                                                  \
    X(LIST_STATUS, "LIST-STATUS")                                                                                      \
    X(LITERAL_MINUS, "LITERAL-")                                                                                       \
    X(LITERAL_PLUS, "LITERAL+")                                                                                        \
    X(LOGINDISABLED, "LOGINDISABLED")                                                                                  \
    X(METADATA, "METADATA")                                                                                            \
    X(METADATA_SERVER, "METADATA-SERVER")                                                                              \
    X(MOVE, "MOVE")                                                                                                    \
    X(MULTIAPPEND, "MULTIAPPEND")                                                                                      \
    X(NAMESPACE, "NAMESPACE")                                                                                          \
    X(NOTIFY, "NOTIFY")                                                                                                \
    X(OBJECTID, "OBJECTID")                                                                                            \
    X(PREVIEW, "PREVIEW")                                                                                              \
    X(QRESYNC, "QRESYNC")                                                                                              \
    X(QUOTA, "QUOTA")                                                                                                  \
    X(QUOTASET, "QUOTASET")                                                                                            \
    X(REPLACE, "REPLACE")                                                                                              \
    X(SASL_IR, "SASL-IR")                                                                                              \
    X(SAVEDATE, "SAVEDATE")                                                                                            \
    X(SEARCHRES, "SEARCHRES")                                                                                          \
    X(SORT, "SORT")                                                                                                    \
    X(SORT_DISPLAY, "SORT=DISPLAY")                                                                                    \
    X(SPECIAL_USE, "SPECIAL-USE")                                                                                      \
    X(STARTTLS, "STARTTLS")                                                                                            \
    X(STATUS_SIZE, "STATUS=SIZE")                                                                                      \
    X(THREAD, "THREAD=")                                                                                               \
    X(UIDPLUS, "UIDPLUS")                                                                                              \
    X(UNSELECT, "UNSELECT")                                                                                            \
    X(WITHIN, "WITHIN")                                                                                                \
    X(X_GM_EXT_1, "X-GM-EXT-1")                                                                                        \
    X(XLIST, "XLIST")

enum capability {
#define CAPABILITY_ENUM(id, name) CAPABILITY_##id,
    CAPABILITIES(CAPABILITY_ENUM)
#undef CAPABILITY_ENUM
        CAPABILITY_COUNT
};

/* The known capabilities of a peer, and the whole list as it was told. Zero-initialised: nothing known. */
struct capability_set {
    bool known; /* a list has been told */
    bool has[CAPABILITY_COUNT];
    char *text;   /* the whole list, names as told, separated by single spaces; owned, NULL if not known */
    char *hidden; /* what capability_set_hide has taken away, separated by spaces; owned, NULL: nothing */
};

/* Frees the text; nothing is known then. */
void capability_set_clear(struct capability_set *set);
/* Replaces the set by the words from `first` on, in quotes or not. False: out of memory, or an element is no word; the
 * set is as it was. */
bool capability_set_read(struct capability_set *set, const struct value *first) __attribute__((warn_unused_result));
/* Makes `to` a copy and frees what it had. False: out of memory, `to` is as before. */
bool capability_set_copy(const struct capability_set *from, struct capability_set *to)
    __attribute__((warn_unused_result));
/* Takes some away, by their names on the wire, separated by spaces (settings can hide what a server announces but does
 * not do). NULL: none. False: out of memory; nothing is known then. */
bool capability_set_hide(struct capability_set *set, const char *hidden) __attribute__((warn_unused_result));
/* Is it among what capability_set_hide took away, told by the server or not? */
bool capability_set_hides(const struct capability_set *set, struct slice name);
/* Is this name, compared without case, in the list? For what the enumeration does not have. */
bool capability_set_names(const struct capability_set *set, struct slice name);
/* The first word of the list at or behind *at (0 to begin with) that `name` means: a name that ends in = means all that
 * begin so. Moves *at past it. False: there is none. The word is borrowed until the set changes. */
bool capability_set_next(const struct capability_set *set, struct slice name, size_t *at, struct slice *word);
/* The name on the wire, a constant. */
const char *capability_name(enum capability capability);

#endif
