/* See extensions.h. */
#include "session/extensions.h"

#include <string.h>

#define NEEDS(...) .needs = {__VA_ARGS__}
#define NOT_YET    "not carried through yet"

static const struct extension extensions[] = {
    {.name = "ACL",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_ACL),
     .words = {[WORD_COMMAND] = "SETACL DELETEACL GETACL LISTRIGHTS MYRIGHTS"}},
    {.name = "APPENDLIMIT",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_APPENDLIMIT),
     .words = {[WORD_STATUS] = "APPENDLIMIT"},
     .why = "not above append_max"},
    {.name = "BINARY",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_BINARY),
     .words = {[WORD_FETCH] = "BINARY BINARY.SIZE", [WORD_CODE] = "UNKNOWN-CTE"}},
    {.name = "CATENATE", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_CATENATE), .words = {[WORD_CODE] = "BADURL"}},
    {.name = "CHILDREN", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_CHILDREN)},
    {.name = "COMPRESS=DEFLATE",
     .treatment = EXTENSION_ADDED,
     .words = {[WORD_COMMAND] = "COMPRESS"},
     .why = "not where a listener has compress = no"},
    {.name = "CONDSTORE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_CONDSTORE, CAPABILITY_QRESYNC),
     .words = {[WORD_ENABLE] = "CONDSTORE",
               [WORD_SELECT] = "CONDSTORE",
               [WORD_FETCH] = "MODSEQ",
               [WORD_FETCH_MODIFIER] = "CHANGEDSINCE",
               [WORD_STORE_MODIFIER] = "UNCHANGEDSINCE",
               [WORD_STATUS] = "HIGHESTMODSEQ",
               [WORD_CODE] = "HIGHESTMODSEQ NOMODSEQ MODIFIED CLOSED"},
     .why = "the MODSEQ key of SEARCH is not there yet"},
    {.name = "CONTEXT=",
     .treatment = EXTENSION_HIDDEN,
     .why = "whether a message still matches, only the server can say, and it would be asked at every change"},
    {.name = "CREATE-SPECIAL-USE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_CREATE_SPECIAL_USE),
     .words = {[WORD_CREATE] = "USE"}},
    {.name = "ENABLE", .treatment = EXTENSION_ADDED, .words = {[WORD_COMMAND] = "ENABLE"}},
    {.name = "ESEARCH", .treatment = EXTENSION_ADDED, .words = {[WORD_SEARCH_RETURN] = "MIN MAX ALL COUNT"}},
    {.name = "ESORT",
     .treatment = EXTENSION_ADDED,
     NEEDS(CAPABILITY_SORT),
     .words = {[WORD_SORT_RETURN] = "MIN MAX ALL COUNT"}},
    {.name = "FILTERS", .treatment = EXTENSION_HIDDEN, .why = "a filter's keys may name messages by number"},
    {.name = "I18NLEVEL=1",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_I18NLEVEL_1, CAPABILITY_I18NLEVEL_2),
     .why = "level 2 is shown as level 1"},
    {.name = "I18NLEVEL=2",
     .treatment = EXTENSION_HIDDEN,
     .why = "a comparator chosen by one client would be that of all"},
    {.name = "ID", .treatment = EXTENSION_ADDED, .words = {[WORD_COMMAND] = "ID"}},
    {.name = "IDLE", .treatment = EXTENSION_ADDED, .words = {[WORD_COMMAND] = "IDLE"}},
    {.name = "IMAP4rev2", .treatment = EXTENSION_HIDDEN, .why = NOT_YET},
    {.name = "INPROGRESS", .treatment = EXTENSION_ADDED, .words = {[WORD_CODE] = "INPROGRESS"}},
    {.name = "JMAPACCESS", .treatment = EXTENSION_HIDDEN, .why = "its address leads past imapmux"},
    {.name = "LANGUAGE", .treatment = EXTENSION_HIDDEN, .why = "a language chosen by one client would be that of all"},
    {.name = "LIST-EXTENDED",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_LIST_EXTENDED),
     .words = {[WORD_LIST_SELECTION] = "SUBSCRIBED REMOTE RECURSIVEMATCH", [WORD_LIST_RETURN] = "SUBSCRIBED CHILDREN"}},
    {.name = "LIST-METADATA",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_LIST_METADATA),
     .words = {[WORD_LIST_RETURN] = "METADATA"}},
    {.name = "LIST-MYRIGHTS",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_LIST_MYRIGHTS),
     .words = {[WORD_LIST_RETURN] = "MYRIGHTS"}},
    {.name = "LIST-STATUS",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_LIST_STATUS),
     .words = {[WORD_LIST_RETURN] = "STATUS"}},
    {.name = "LITERAL+", .treatment = EXTENSION_ADDED},
    {.name = "LITERAL-", .treatment = EXTENSION_HIDDEN, .why = "LITERAL+ permits the same and more"},
    {.name = "METADATA",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_METADATA),
     .words = {[WORD_COMMAND] = "GETMETADATA SETMETADATA", [WORD_CODE] = "METADATA"},
     .why = "changes by others are not told unasked"},
    {.name = "METADATA-SERVER",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_METADATA_SERVER),
     .words = {[WORD_COMMAND] = "GETMETADATA SETMETADATA", [WORD_CODE] = "METADATA"},
     .why = "changes by others are not told unasked"},
    {.name = "MOVE",
     .treatment = EXTENSION_ADDED,
     NEEDS(CAPABILITY_MOVE, CAPABILITY_UIDPLUS),
     .words = {[WORD_COMMAND] = "MOVE"}},
    {.name = "MULTIAPPEND", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_MULTIAPPEND)},
    {.name = "NAMESPACE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_NAMESPACE),
     .words = {[WORD_COMMAND] = "NAMESPACE"}},
    {.name = "NOTIFY", .treatment = EXTENSION_HIDDEN, .why = NOT_YET},
    {.name = "OBJECTID",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_OBJECTID),
     .words = {[WORD_FETCH] = "EMAILID THREADID",
               [WORD_STATUS] = "MAILBOXID",
               [WORD_SEARCH] = "EMAILID THREADID",
               [WORD_CODE] = "MAILBOXID"}},
    {.name = "PARTIAL",
     .treatment = EXTENSION_ADDED,
     .words = {[WORD_FETCH_MODIFIER] = "PARTIAL", [WORD_SEARCH_RETURN] = "PARTIAL", [WORD_SORT_RETURN] = "PARTIAL"}},
    {.name = "PREVIEW", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_PREVIEW), .words = {[WORD_FETCH] = "PREVIEW"}},
    {.name = "PREVIEW=", .treatment = EXTENSION_HIDDEN, .why = "a draft of PREVIEW"},
    {.name = "QRESYNC",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_QRESYNC),
     .words = {[WORD_ENABLE] = "QRESYNC", [WORD_SELECT] = "QRESYNC", [WORD_FETCH_MODIFIER] = "VANISHED"}},
    {.name = "QUOTA",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_QUOTA),
     .words = {[WORD_COMMAND] = "GETQUOTA GETQUOTAROOT SETQUOTA", [WORD_CODE] = "OVERQUOTA"}},
    {.name = "QUOTA=",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_QUOTA),
     .why = "without the items DELETED and DELETED-STORAGE of STATUS"},
    {.name = "QUOTASET", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_QUOTASET)},
    {.name = "REPLACE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_REPLACE),
     .words = {[WORD_COMMAND] = "REPLACE"}},
    {.name = "RIGHTS=", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_ACL)},
    {.name = "SASL-IR", .treatment = EXTENSION_ADDED},
    {.name = "SAVEDATE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_SAVEDATE),
     .words = {[WORD_FETCH] = "SAVEDATE", [WORD_SEARCH] = "SAVEDBEFORE SAVEDON SAVEDSINCE SAVEDATESUPPORTED"}},
    {.name = "SEARCHRES",
     .treatment = EXTENSION_ADDED,
     .words = {[WORD_SEARCH_RETURN] = "SAVE", [WORD_SORT_RETURN] = "SAVE", [WORD_CODE] = "NOTSAVED"}},
    {.name = "SNIPPET=", .treatment = EXTENSION_HIDDEN, .why = "a draft of PREVIEW"},
    {.name = "SORT", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_SORT), .words = {[WORD_COMMAND] = "SORT"}},
    {.name = "SORT=DISPLAY",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_SORT_DISPLAY),
     .words = {[WORD_SORT] = "DISPLAYFROM DISPLAYTO"}},
    {.name = "SPECIAL-USE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_SPECIAL_USE),
     .words = {[WORD_LIST_SELECTION] = "SPECIAL-USE", [WORD_LIST_RETURN] = "SPECIAL-USE"}},
    {.name = "STATUS=SIZE",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_STATUS_SIZE),
     .words = {[WORD_STATUS] = "SIZE"}},
    {.name = "THREAD=", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_THREAD), .words = {[WORD_COMMAND] = "THREAD"}},
    {.name = "UIDONLY", .treatment = EXTENSION_HIDDEN, .why = NOT_YET},
    {.name = "UIDPLUS", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_UIDPLUS)},
    {.name = "UNAUTHENTICATE",
     .treatment = EXTENSION_HIDDEN,
     .why = "the session at the server belongs to all clients of the account"},
    {.name = "UNSELECT", .treatment = EXTENSION_ADDED, .words = {[WORD_COMMAND] = "UNSELECT"}},
    {.name = "URL-PARTIAL", .treatment = EXTENSION_HIDDEN, .why = "without URLAUTH and CATENATE it says nothing"},
    {.name = "URLAUTH", .treatment = EXTENSION_HIDDEN, .why = "its addresses name the server and not imapmux"},
    {.name = "UTF8=",
     .treatment = EXTENSION_HIDDEN,
     .why = "switched on at the server it would change mailbox names and headers for all clients"},
    {.name = "WITHIN",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_WITHIN),
     .words = {[WORD_SEARCH] = "OLDER YOUNGER"}},
    {.name = "X-GM-EXT-1",
     .treatment = EXTENSION_PASSED,
     NEEDS(CAPABILITY_X_GM_EXT_1),
     .words = {[WORD_FETCH] = "X-GM-MSGID X-GM-THRID X-GM-LABELS",
               [WORD_STORE] = "X-GM-LABELS",
               [WORD_SEARCH] = "X-GM-RAW X-GM-LABELS X-GM-MSGID X-GM-THRID"}},
    {.name = "XLIST", .treatment = EXTENSION_PASSED, NEEDS(CAPABILITY_XLIST), .words = {[WORD_COMMAND] = "XLIST"}},
};

_Static_assert(CAPABILITY_IMAP4REV1 == 0, "a row without NEEDS needs nothing");

size_t extensions_count(void)
{
    return sizeof(extensions) / sizeof(extensions[0]);
}

const struct extension *extensions_at(size_t index)
{
    return &extensions[index];
}

bool extension_is_possible(const struct extension *extension, const struct capability_set *server)
{
    if (extension->treatment == EXTENSION_HIDDEN || capability_set_hides(server, slice_of(extension->name)))
        return false;
    if (extension->needs[0] == CAPABILITY_IMAP4REV1)
        return true;
    for (size_t i = 0; i < EXTENSION_NEEDS && extension->needs[i] != CAPABILITY_IMAP4REV1; i++) {
        if (server->has[extension->needs[i]])
            return true;
    }
    return false;
}

bool extension_has_word(const struct extension *extension, enum extension_word kind, struct slice word)
{
    const char *at = extension->words[kind];

    while (at && *at) {
        size_t length = strcspn(at, " ");
        if (slice_equal_nocase((struct slice){at, length}, word))
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}
