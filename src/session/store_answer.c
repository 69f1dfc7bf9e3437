/* The lines of a STORE: what it has made of the flags, from the truth. A client that asked for silence reads nothing,
 * unless something else is hiding in it. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/append.h"
#include "session/renumber.h"
#include "session/store_inside.h"
#include "session/tell.h"

/* Has a message with these flags those of `message` when it is changed as asked? */
static bool becomes(struct mailbox *mailbox, const struct store_run *store, unsigned system, uint32_t keywords,
                    const struct message *message)
{
    const struct flag_list *flags = &store->flags;
    uint32_t changed = 0;
    bool ok;

    if (store->sign == STORE_ADD) {
        system |= flags->system;
        ok = keywords_add(mailbox->keywords, keywords, flags->keywords, flags->keyword_count, &changed);
    } else if (store->sign == STORE_REMOVE) {
        system &= ~flags->system;
        ok = keywords_remove(mailbox->keywords, keywords, flags->keywords, flags->keyword_count, &changed);
    } else {
        system = flags->system;
        ok = keywords_intern(mailbox->keywords, flags->keywords, flags->keyword_count, &changed);
    }
    return ok && message->flags_known && message->system == system && message->keywords == changed;
}

bool store_is_as_asked(struct mailbox *mailbox, const struct store_run *store, const struct store_message *former,
                       const struct message *message)
{
    return becomes(mailbox, store, former->system, former->keywords, message);
}

bool store_is_shown(struct mailbox *mailbox, const struct store_run *store, const struct message *message)
{
    return becomes(mailbox, store, message->system, message->keywords, message);
}

static struct tell_form form_of(const struct session *session)
{
    return (struct tell_form){.enabled = &session->enabled, .uid = session_command(session)->uid};
}

/* The flags that were asked for, and nothing else: the client is told the new mod-sequence alone (RFC 7162
 * section 3.1.3). */
static void answer_silently(struct view *view, const struct store_run *store, const struct message *message)
{
    struct session *session = store->run.session;
    struct output *output = &session->output;

    (void)view_note_told(view, message);
    if (!session->enabled.condstore || message->modseq == 0 || !view->has_modseqs)
        return;
    output_format(output, "* %u FETCH (UID %u ", view_number(view, message->uid), message->uid);
    tell_modseq(view, output, message);
    output_format(output, ")\r\n");
}

static void answer_message(struct view *view, struct store_run *store, const struct store_message *former,
                           const struct message *message)
{
    struct session *session = store->run.session;
    bool hidden =
        store->silent && !former->untold && former->known && store_is_as_asked(view->mailbox, store, former, message);

    if (hidden && seqset_add(&store->hidden, message->uid))
        answer_silently(view, store, message);
    else if (message->flags_known)
        tell_fetch_flags(view, &session->output, message, form_of(session));
}

void store_answer_slice(struct store_run *store)
{
    struct view *view = session_view(store->run.session);

    for (size_t i = 0; i < store->slice_count; i++) {
        const struct message *message = uid_map_find(&view->mailbox->map, store->slice[i].uid);
        if (message && view_counts(view, message->uid))
            answer_message(view, store, &store->slice[i], message);
    }
}

void store_tell_hidden(struct store_run *store)
{
    struct session *session = store->run.session;
    struct view *view = session_view(session);
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &store->hidden);
    while (view && seqset_walk_next(&walk, &uid)) {
        const struct message *message = uid_map_find(&view->mailbox->map, uid);
        if (message && message->flags_known && view_counts(view, uid))
            tell_fetch_flags(view, &session->output, message, form_of(session));
    }
}

char *store_modified_code(const struct store_run *store)
{
    struct session *session = store->run.session;
    struct seqset numbers = {0};
    struct evbuffer *out = store->modified.count > 0 ? evbuffer_new() : NULL;
    char *code = NULL;
    bool ok = renumber_back(session_view(session), &store->modified, session_command(session)->uid, &numbers);

    if (out && ok && numbers.count > 0 && append_format(out, "MODIFIED ") && seqset_print(&numbers, out) &&
        append_bytes(out, "", 1))
        code = strdup((const char *)evbuffer_pullup(out, -1));
    if (store->modified.count > 0 && (!ok || (numbers.count > 0 && !code)))
        output_fail(&session->output);
    seqset_clear(&numbers);
    if (out)
        evbuffer_free(out);
    return code;
}
