/* STORE and UID STORE of X-GM-LABELS: the labels of a message, which change and of which the truth keeps nothing. They
 * are stored and then asked for, so that each living message is answered with what it has, whatever the server says of
 * a STORE. X-GM-EXT-1. */
#include "base/append.h"
#include "imap/fetch_value.h"
#include "session/renumber.h"
#include "session/run.h"
#include "session/tell.h"

struct labels_run {
    struct run run;
    const char *item; /* "+X-GM-LABELS" */
    bool silent;
    bool replaces;
    const struct value *first; /* of the labels */
    struct seqset left;        /* UIDs not yet in a slice */
    struct seqset slice;
    struct seqset told; /* of the slice */
    bool looked;        /* what was not told of the slice has been asked for twice, with a look between */
};

static void clear(struct run *run)
{
    struct labels_run *labels = (struct labels_run *)run;

    seqset_clear(&labels->left);
    seqset_clear(&labels->slice);
    seqset_clear(&labels->told);
}

/* False: out of memory. */
static bool cut_slice(struct labels_run *labels)
{
    uint64_t limit = session_settings(labels->run.session)->slice_messages;
    struct seqset_walk walk;
    uint32_t uid = 0;

    seqset_clear(&labels->slice);
    seqset_clear(&labels->told);
    labels->looked = false;
    seqset_walk_start(&walk, &labels->left);
    for (uint64_t count = 0; count < limit && seqset_walk_next(&walk, &uid); count++) {
        if (!seqset_add(&labels->slice, uid))
            return false;
    }
    seqset_cut_up_to(&labels->left, uid);
    return true;
}

/* The living of the slice; of those not told, if `untold`. False: out of memory. */
static bool living(const struct labels_run *labels, const struct uid_map *map, bool untold, struct seqset *uids)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &labels->slice);
    while (seqset_walk_next(&walk, &uid)) {
        bool wanted = uid_map_find(map, uid) && !(untold && seqset_contains(&labels->told, uid));
        if (wanted && !seqset_add(uids, uid))
            return false;
    }
    return true;
}

/* --- jobs */

static enum job_turn build(struct labels_run *labels, const struct mailbox *mailbox, bool store, struct outgoing *out)
{
    const char *space = " (";
    struct seqset uids = {0};
    enum job_turn turn = JOB_REFUSE;

    if (living(labels, &mailbox->map, !store, &uids))
        turn = uids.count > 0 ? JOB_SEND : JOB_NOTHING;
    outgoing_text(out, store ? "UID STORE " : "UID FETCH ");
    outgoing_set(out, &uids);
    seqset_clear(&uids);
    if (!store) {
        outgoing_text(out, " (UID X-GM-LABELS)");
        return turn;
    }
    outgoing_text(out, " ");
    outgoing_text(out, labels->item);
    outgoing_text(out, labels->first ? "" : " (");
    for (const struct value *label = labels->first; label; label = label->next) {
        outgoing_text(out, space);
        outgoing_value(out, label);
        space = " ";
    }
    outgoing_text(out, ")");
    return turn;
}

static enum job_turn build_store(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    return build((struct labels_run *)run, mailbox, true, out);
}

static enum job_turn build_fetch(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    return build((struct labels_run *)run, mailbox, false, out);
}

static void write_line(struct session *session, const struct view *view, uint32_t uid, const struct value *value)
{
    static const struct fetch_item item = {.kind = FETCH_X_GM_LABELS};
    struct output *output = &session->output;

    output_format(output, "* %u FETCH (", view_number(view, uid));
    if (session_command(session)->uid)
        output_format(output, "UID %u ", uid);
    output_format(output, "X-GM-LABELS ");
    output_check(output, fetch_value_print(&item, value, output->bytes));
    output_format(output, ")\r\n");
}

static void take_labels(struct run *run, uint32_t uid, const struct fetch_answer *part)
{
    static const struct fetch_item item = {.kind = FETCH_X_GM_LABELS};
    struct labels_run *labels = (struct labels_run *)run;
    const struct view *view = session_view(run->session);

    for (const struct fetch_pair *pair = part->pairs; view && pair; pair = pair->next) {
        if (fetch_pair_kind(pair) != FETCH_X_GM_LABELS || !fetch_value_fits(&item, pair->value) ||
            !seqset_contains(&labels->slice, uid) || seqset_contains(&labels->told, uid) || !view_counts(view, uid))
            continue;
        if (!seqset_add(&labels->told, uid))
            output_fail(&run->session->output);
        write_line(run->session, view, uid, pair->value);
        session_wake_link(run->session);
    }
}

static void stored(struct run *run, const struct job_result *result);
static void fetched(struct run *run, const struct job_result *result);
static void told_news(struct run *run, const struct job_result *result);

static const struct run_step replace_step = {
    .goal = JOB_RUN, .policy = POLICY_STORE_REPLACE, .read_write = true, .build = build_store, .done = stored};
static const struct run_step change_step = {
    .goal = JOB_RUN, .policy = POLICY_STORE_CHANGE, .read_write = true, .build = build_store, .done = stored};
static const struct run_step fetch_step = {.goal = JOB_RUN,
                                           .policy = POLICY_FETCH,
                                           .build = build_fetch,
                                           .fetch = take_labels,
                                           .done = fetched,
                                           .judges_answers = true};
static const struct run_step news_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = told_news};

static void submit(struct labels_run *labels, const struct run_step *step)
{
    (void)!run_submit(labels->run.session, step, session_view(labels->run.session)->mailbox);
}

static void next_slice(struct labels_run *labels)
{
    if (labels->left.count == 0)
        run_ok(labels->run.session, NULL);
    else if (!cut_slice(labels))
        run_no_memory(labels->run.session);
    else
        submit(labels, labels->replaces ? &replace_step : &change_step);
}

static void stored(struct run *run, const struct job_result *result)
{
    struct labels_run *labels = (struct labels_run *)run;

    if (result->status != JOB_OK || !session_view(run->session))
        run_result(run->session, result);
    else if (labels->silent)
        next_slice(labels);
    else
        submit(labels, &fetch_step);
}

/* One may have gone without a word so far (RFC 2180 section 4.2): the server is asked for its news. */
static void fetched(struct run *run, const struct job_result *result)
{
    struct labels_run *labels = (struct labels_run *)run;
    struct view *view = session_view(run->session);
    struct seqset untold = {0};
    bool known;

    if (result->status != JOB_OK || !view) {
        run_result(run->session, result);
        return;
    }
    known = living(labels, &view->mailbox->map, true, &untold);
    if (!known) {
        run_no_memory(run->session);
    } else if (untold.count == 0) {
        next_slice(labels);
    } else if (!labels->looked) {
        labels->looked = true;
        mailbox_forget_look(view->mailbox);
        submit(labels, &news_step);
    } else {
        run_no(run->session, "SERVERBUG", "The mail server did not tell the labels of each message; please try again");
    }
    seqset_clear(&untold);
}

static void told_news(struct run *run, const struct job_result *result)
{
    if (result->status == JOB_OK && session_view(run->session))
        submit((struct labels_run *)run, &fetch_step);
    else
        run_result(run->session, result);
}

/* --- the beginning */

static const struct {
    const char *name, *silent;
    bool replaces;
} items[] = {
    {"X-GM-LABELS", "X-GM-LABELS.SILENT", true},
    {"+X-GM-LABELS", "+X-GM-LABELS.SILENT", false},
    {"-X-GM-LABELS", "-X-GM-LABELS.SILENT", false},
};

/* Takes the item. False: it is none of these. */
static bool read_item(const struct value *item, struct labels_run *labels)
{
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        labels->silent = value_is_atom(item, items[i].silent);
        labels->item = items[i].name;
        labels->replaces = items[i].replaces;
        if (labels->silent || value_is_atom(item, items[i].name))
            return true;
    }
    return false;
}

const struct run_ops *labels_instead(const struct session *session)
{
    const struct value *arguments = session_command(session)->arguments;
    struct labels_run labels;

    return arguments && read_item(arguments->next, &labels) &&
                   offer_adds(&session->offer, WORD_STORE, SLICE("X-GM-LABELS"))
               ? &labels_ops
               : NULL;
}

static const char *parse(struct labels_run *labels)
{
    const struct value *arguments = session_command(labels->run.session)->arguments, *list;
    struct slice text;

    (void)read_item(arguments->next, labels);
    list = arguments->next->next;
    if (arguments->kind != VALUE_ATOM || !list || (value_is_list(list) && list->next))
        return "STORE takes a set of messages, X-GM-LABELS and a list of labels";
    labels->first = value_is_list(list) ? list->first : list;
    for (const struct value *label = labels->first; label; label = label->next) {
        if (label->kind == VALUE_LITERAL8 || !value_astring(label, &text) || text.length == 0)
            return "This is not a list of labels";
    }
    return NULL;
}

static void start(struct run *run)
{
    struct labels_run *labels = (struct labels_run *)run;
    struct session *session = run->session;
    const struct command *command = session_command(session);
    struct view *view = session_view(session);
    const char *fault = parse(labels);
    enum renumber_result result;

    if (fault) {
        run_bad(session, fault);
        return;
    }
    if (view->read_only) {
        run_no(session, "READ-ONLY", "The mailbox is open read-only");
        return;
    }
    if (command->uid)
        tell_arrivals(view, &session->output);
    result = renumber_set(view, command->arguments->text, command->uid, &labels->left);
    if (result == RENUMBER_NO_MEMORY)
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
    else
        next_slice(labels);
}

const struct run_ops labels_ops = {.size = sizeof(struct labels_run), .start = start, .clear = clear};
