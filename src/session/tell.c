/* See tell.h. A number is used in the same breath as the line that carries it is written. */
#include "session/tell.h"

#include <inttypes.h>

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

void tell_modseq(struct view *view, struct output *output, const struct message *message)
{
    output_format(output, "MODSEQ (%" PRIu64 ")", message->modseq);
    view_show_modseq(view, message->modseq);
}

void tell_fetch_flags(struct view *view, struct output *output, const struct message *message, struct tell_form form)
{
    tell_flags_line(view, output, message);
    output_format(output, "* %u FETCH (", view_number(view, message->uid));
    if (form.uid || form.enabled->condstore)
        output_format(output, "UID %u ", message->uid);
    output_format(output, "FLAGS ");
    output_check(output, mailbox_print_message_flags(view->mailbox, message, view_shows_recent(view, message->uid),
                                                     output->bytes));
    if (form.enabled->condstore && message->modseq != 0) {
        output_format(output, " ");
        tell_modseq(view, output, message);
    }
    output_format(output, ")\r\n");
    (void)!view_note_told(view, message);
}

/* False: more are left than `room` lines. */
static bool tell_flags(struct view *view, struct output *output, const struct enabled *enabled, size_t room)
{
    const struct message *message;
    uint32_t uid = 0;

    for (size_t told = 0; (message = view_next_untold(view, uid)); told++) {
        if (told == room)
            return false;
        uid = message->uid;
        tell_fetch_flags(view, output, message, (struct tell_form){.enabled = enabled});
    }
    view_all_flags_told(view);
    return true;
}

/* --- expunges */

static bool is_by_uid(const struct view *view, const struct enabled *enabled)
{
    return enabled->qresync && view->has_modseqs;
}

/* Either each at once, or its UID is added to `vanished`, to be told by the end of the step. */
static void tell_expunge(struct view *view, struct output *output, uint32_t uid, struct seqset *vanished)
{
    uint32_t number = view_end_ghost(view, uid);

    if (vanished)
        output_check(output, seqset_add(vanished, uid));
    else
        output_format(output, "* %u EXPUNGE\r\n", number);
}

static void write_vanished(struct output *output, struct seqset *vanished)
{
    if (vanished->count > 0) {
        output_format(output, "* VANISHED ");
        output_check(output, seqset_print(vanished, output->bytes));
        output_format(output, "\r\n");
    }
    seqset_clear(vanished);
}

void tell_own_expunges(struct view *view, struct output *output, const struct enabled *enabled,
                       const struct seqset *own, const struct seqset *others)
{
    struct seqset vanished = {0};
    uint32_t uid = 0;

    if (!may_tell(view, output))
        return;
    while ((uid = view_next_ghost(view, uid)) != 0) {
        if (seqset_contains(own, uid) && !seqset_contains(others, uid))
            tell_expunge(view, output, uid, is_by_uid(view, enabled) ? &vanished : NULL);
    }
    write_vanished(output, &vanished);
}

/* How many it has told, at most TELL_SLICE. */
static size_t tell_expunges(struct view *view, struct output *output, const struct enabled *enabled)
{
    struct seqset vanished = {0};
    size_t told = 0;

    for (; told < TELL_SLICE && view_has_ghosts(view); told++)
        tell_expunge(view, output, view_first_ghost(view), is_by_uid(view, enabled) ? &vanished : NULL);
    write_vanished(output, &vanished);
    return told;
}

bool tell_news(struct view *view, struct output *output, const struct enabled *enabled, struct tell_kinds kinds)
{
    size_t told = 0;

    if (!may_tell(view, output))
        return true;
    if (kinds.expunges)
        told = tell_expunges(view, output, enabled);
    if (kinds.expunges && view_has_ghosts(view))
        return false;
    tell_arrivals(view, output);
    tell_recent(view, output);
    return !kinds.flags || tell_flags(view, output, enabled, TELL_SLICE - told);
}

/* --- mod-sequences */

void tell_highestmodseq(const struct view *view, struct output *output)
{
    if (view->modseq != 0)
        output_format(output, "* OK [HIGHESTMODSEQ %" PRIu64 "] Highest\r\n", view->modseq);
}

void tell_settled_modseq(struct view *view, struct output *output, const struct enabled *enabled)
{
    if (may_tell(view, output) && view_settle_modseq(view) && enabled->condstore && view->has_modseqs)
        tell_highestmodseq(view, output);
}
