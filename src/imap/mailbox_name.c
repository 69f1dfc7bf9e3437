/* Mailbox names as bytes. Nothing is decoded: a mailbox has the server's name, modified UTF-7 or not. Only
 * INBOX is one name in any case. */
#include "imap/mailbox_name.h"

#include <string.h>

struct slice mailbox_name_canonical(struct slice name)
{
    return slice_equal_nocase(name, SLICE("INBOX")) ? SLICE("INBOX") : name;
}

bool mailbox_name_valid(struct slice name, const char **error)
{
    const char *fault = NULL;

    if (name.length == 0)
        fault = "An empty mailbox name";
    else if (name.length > MAILBOX_NAME_MAX)
        fault = "The mailbox name is too long";
    else if (memchr(name.data, '\r', name.length) || memchr(name.data, '\n', name.length) ||
             memchr(name.data, '\0', name.length))
        fault = "CR, LF or NUL in a mailbox name";
    if (fault)
        *error = fault;
    return fault == NULL;
}

bool mailbox_name_is_inferior(struct slice name, struct slice parent, char separator)
{
    struct slice above = {name.data, parent.length};

    if (separator == '\0' || parent.length == 0 || name.length < parent.length + 2)
        return false;
    return name.data[parent.length] == separator &&
           slice_equal(mailbox_name_canonical(above), mailbox_name_canonical(parent));
}
