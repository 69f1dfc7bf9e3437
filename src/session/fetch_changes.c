/* FETCH with CHANGEDSINCE: which messages of the set have changed is found out first, and only they are fetched. RFC
 * 7162 section 3.1.4.1 and 3.2.6. */
#include "session/fetch_inside.h"

const char *fetch_changes_read(struct fetch_run *fetch, const struct value *list)
{
    const struct session *session = fetch->run.session;
    const struct value *value;

    if (!list)
        return NULL;
    if (!value_is_list(list) || list->next)
        return "FETCH takes modifiers in parentheses";
    for (value = list->first; value; value = value->next) {
        if (value->kind == VALUE_ATOM && !offer_adds(&session->offer, WORD_FETCH_MODIFIER, value->text))
            return "FETCH does not know this modifier";
        if (value_is_atom(value, "PARTIAL") && fetch->partial.low == 0) {
            value = value->next;
            if (!search_partial_parse(value, &fetch->partial))
                return "PARTIAL takes a range such as 1:100 or -1:-100";
            continue;
        }
        if (value_is_atom(value, "VANISHED")) {
            fetch->changes.vanished = true;
            continue;
        }
        if (!value_is_atom(value, "CHANGEDSINCE") || fetch->changes.since != 0)
            return "FETCH does not know this modifier";
        value = value->next;
        if (!value || !changes_read_modseq(value, &fetch->changes.since))
            return "CHANGEDSINCE takes a mod-sequence";
        fetch->modseq = true;
        fetch->truth_items |= FETCH_IMPLIED_MODSEQ;
    }
    if (fetch->partial.low != 0 && !session_command(session)->uid)
        return "PARTIAL goes with UID FETCH only";
    if (fetch->changes.vanished && (fetch->changes.since == 0 || !session_command(session)->uid))
        return "VANISHED goes with UID FETCH and CHANGEDSINCE only";
    if (fetch->changes.vanished && !session->enabled.qresync)
        return "VANISHED needs ENABLE QRESYNC before";
    return NULL;
}

static enum job_turn build_changes(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    enum job_turn turn = changes_build(&fetch->changes, run->session, mailbox, out);

    fetch->changes_told = turn == JOB_SEND;
    return turn;
}

static void note_change(struct run *run, uint32_t uid, const struct fetch_answer *part)
{
    (void)part;
    changes_fetch(&((struct fetch_run *)run)->changes, uid, &run->session->output);
}

static void note_gone(struct run *run, const struct response *response)
{
    changes_untagged(&((struct fetch_run *)run)->changes, response, &run->session->output);
}

/* With PARTIAL only of those that it has chosen before. */
static bool keep_changed(struct fetch_run *fetch)
{
    struct seqset kept = {0};
    bool ok = fetch->partial.low != 0 ? seqset_intersect(&fetch->changes.changed, &fetch->uids, &kept)
                                      : seqset_copy(&fetch->changes.changed, &kept);

    seqset_clear(&fetch->uids);
    fetch->uids = kept;
    return ok;
}

/* The others are left out. */
static void changes_known(struct run *run, const struct job_result *result)
{
    struct fetch_run *fetch = (struct fetch_run *)run;
    struct session *session = run->session;

    if (result->status != JOB_OK || !session_view(session)) {
        run_result(session, result);
        return;
    }
    if (!changes_settle(&fetch->changes, session_view(session)) || !keep_changed(fetch)) {
        run_no_memory(session);
        return;
    }
    changes_tell_gone(&fetch->changes, &session->output);
    fetch_begin(fetch);
}

static const struct run_step changes_step = {.goal = JOB_RUN,
                                             .policy = POLICY_FETCH,
                                             .build = build_changes,
                                             .untagged = note_gone,
                                             .fetch = note_change,
                                             .done = changes_known};

enum renumber_result fetch_changes_ask(struct fetch_run *fetch)
{
    struct session *session = fetch->run.session;
    struct view *view = session_view(session);
    enum renumber_result result;

    if (fetch->changes.vanished)
        result = renumber_unclipped(view, session_command(session)->arguments->text, &fetch->changes.asked);
    else
        result = seqset_copy(&fetch->uids, &fetch->changes.asked) ? RENUMBER_OK : RENUMBER_NO_MEMORY;
    if (result == RENUMBER_OK)
        (void)!run_submit(session, &changes_step, view->mailbox);
    return result;
}
