/* Flags and flag lists of a mailbox, printed for clients. RFC 3501 section 7.2.6 and 7.1 (PERMANENTFLAGS). */
#include <event2/buffer.h>

#include "base/append.h"
#include "mailbox/mailbox.h"

static bool print_list(struct evbuffer *out, unsigned system, const struct mailbox *mailbox, uint32_t keywords)
{
    struct evbuffer *list = evbuffer_new();
    bool ok = list && flags_print_system(system, list) && keywords_print(mailbox->keywords, keywords, list);

    if (ok && system == 0)
        evbuffer_drain(list, 1); /* the space before the first keyword */
    ok = ok && append_bytes(out, "(", 1) && append_buffer(out, list) && append_bytes(out, ")", 1);
    if (list)
        evbuffer_free(list);
    return ok;
}

bool mailbox_print_message_flags(const struct mailbox *mailbox, const struct message *message, bool recent,
                                 struct evbuffer *out)
{
    return print_list(out, message->system | (recent ? (unsigned)FLAG_RECENT : 0), mailbox, message->keywords);
}

bool mailbox_print_flags(const struct mailbox *mailbox, struct evbuffer *out)
{
    bool ok = append_bytes(out, "(", 1) && flags_print_system(mailbox->flags_system, out);
    const char *space = mailbox->flags_system ? " " : "";

    for (size_t i = 0; ok && i < keywords_count(mailbox->keywords); i++) {
        struct slice name = keywords_name(mailbox->keywords, i);
        if (!keywords_is_shown(mailbox->keywords, i))
            continue;
        ok = append_format(out, "%s%.*s", space, (int)name.length, name.data);
        space = " ";
    }
    return ok && append_bytes(out, ")", 1);
}

bool mailbox_print_permanent_flags(const struct mailbox *mailbox, struct evbuffer *out)
{
    struct evbuffer *list = evbuffer_new();
    bool ok = list && flags_print_system(mailbox->permanent_system, list) &&
              keywords_print(mailbox->keywords, mailbox->permanent_keywords, list) &&
              (!mailbox->permanent_any || append_bytes(list, " \\*", 3));

    if (ok && mailbox->permanent_system == 0)
        evbuffer_drain(list, 1);
    ok = ok && append_bytes(out, "(", 1) && append_buffer(out, list) && append_bytes(out, ")", 1);
    if (list)
        evbuffer_free(list);
    return ok;
}
