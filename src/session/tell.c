/* See tell.h. A number is used in the same breath as the line that carries it is written. */
#include "session/tell.h"

#include "mailbox/mailbox.h"

static bool may_tell(const struct view *view, const struct output *output)
{
    return view && view->mailbox && output_takes(output);
}

/* The server may show a message as \Recent only after it has been told. */
static void tell_recent(struct view *view, struct output *output)
{
    view_take_recent(view);
    if (view_recent_differs(view))
        output_format(output, "* %u RECENT\r\n", view_tell_recent(view));
}

void tell_arrivals(struct view *view, struct output *output)
{
    if (!may_tell(view, output) || !view_tell_arrivals(view))
        return;
    output_format(output, "* %u EXISTS\r\n", view_exists(view));
    output_format(output, "* %u RECENT\r\n", view_tell_recent(view));
}

/* --- flags */

void tell_flags_line(struct view *view, struct output *output, const struct message *message)
{
    if (!view_needs_flags_line(view, message))
        return;
    output_format(output, "* FLAGS ");
    output_check(output, mailbox_print_flags(view->mailbox, output->bytes));
    output_format(output, "\r\n");
    view_flags_line_told(view);
}

void tell_fetch_flags(struct view *view, struct output *output, const struct message *message, bool with_uid)
{
    tell_flags_line(view, output, message);
    output_format(output, "* %u FETCH (", view_number(view, message->uid));
    if (with_uid)
        output_format(output, "UID %u ", message->uid);
    output_format(output, "FLAGS ");
    output_check(output, mailbox_print_message_flags(view->mailbox, message, view_shows_recent(view, message->uid),
                                                     output->bytes));
    output_format(output, ")\r\n");
    (void)!view_note_told(view, message);
}

/* False: more are left than `room` lines. */
static bool tell_flags(struct view *view, struct output *output, size_t room)
{
    const struct message *message;
    uint32_t uid = 0;

    for (size_t told = 0; (message = view_next_untold(view, uid)); told++) {
        if (told == room)
            return false;
        uid = message->uid;
        tell_fetch_flags(view, output, message, false);
    }
    view_all_flags_told(view);
    return true;
}

/* --- expunges */

static void tell_expunge(struct view *view, struct output *output, uint32_t uid)
{
    output_format(output, "* %u EXPUNGE\r\n", view_end_ghost(view, uid));
}

void tell_own_expunges(struct view *view, struct output *output, const struct seqset *own, const struct seqset *others)
{
    uint32_t uid = 0;

    if (!may_tell(view, output))
        return;
    while ((uid = view_next_ghost(view, uid)) != 0) {
        if (seqset_contains(own, uid) && !seqset_contains(others, uid))
            tell_expunge(view, output, uid);
    }
}

/* How many it has told, at most TELL_SLICE. */
static size_t tell_expunges(struct view *view, struct output *output)
{
    size_t told = 0;

    for (; told < TELL_SLICE && view_has_ghosts(view); told++)
        tell_expunge(view, output, view_first_ghost(view));
    return told;
}

bool tell_news(struct view *view, struct output *output, struct tell_kinds kinds)
{
    size_t told = 0;

    if (!may_tell(view, output))
        return true;
    if (kinds.expunges)
        told = tell_expunges(view, output);
    if (kinds.expunges && view_has_ghosts(view))
        return false;
    tell_arrivals(view, output);
    tell_recent(view, output);
    return !kinds.flags || tell_flags(view, output, TELL_SLICE - told);
}
