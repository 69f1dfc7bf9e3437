/* SELECT, EXAMINE, CLOSE, UNSELECT: views begin and end here. The answer to SELECT is made from the truth, after a look
 * that was written upstream after the command came. With UIDPLUS, CLOSE removes only messages that the view counts,
 * never others that its client has not been told of; the upstream itself is never sent CLOSE. RFC 3501
 * section 6.3.1, 6.3.2, 6.4.2; RFC 3691. */
#include "imap/mailbox_name.h"
#include "session/changes.h"
#include "session/finding.h"
#include "session/parts.h"
#include "session/run.h"
#include "session/tell.h"

/* --- the answer to SELECT */

static uint32_t first_unseen(const struct session *session, const struct view *view)
{
    const struct mailbox *mailbox = view->mailbox;
    const struct message *message;
    uint32_t uid = 0;

    if (!account_flags_in_step(session_account(session), mailbox))
        return mailbox->first_unseen && view_counts(view, mailbox->first_unseen)
                   ? view_number(view, mailbox->first_unseen)
                   : 0;
    while ((message = uid_map_after(&mailbox->map, uid))) {
        if (!(message->system & FLAG_SEEN))
            return view_number(view, message->uid);
        uid = message->uid;
    }
    return 0;
}

static void write_flags(struct output *output, const struct view *view)
{
    const struct mailbox *mailbox = view->mailbox;

    output_format(output, "* FLAGS ");
    output_check(output, mailbox_print_flags(mailbox, output->bytes));
    output_format(output, "\r\n");
    if (view->read_only) {
        output_format(output, "* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n");
    } else if (mailbox->permanent_known) {
        output_format(output, "* OK [PERMANENTFLAGS ");
        output_check(output, mailbox_print_permanent_flags(mailbox, output->bytes));
        output_format(output, "] Flags permitted\r\n");
    }
}

static void write_modseq(struct output *output, const struct view *view)
{
    if (view->has_modseqs)
        tell_highestmodseq(view, output);
    else
        output_format(output, "* OK [NOMODSEQ] No mod-sequences\r\n");
}

static void write_selected(struct session *session, const struct view *view)
{
    const struct mailbox *mailbox = view->mailbox;
    struct output *output = &session->output;
    uint32_t unseen = first_unseen(session, view);

    write_flags(output, view);
    output_format(output, "* %u EXISTS\r\n* %u RECENT\r\n", view_exists(view), view_recent(view));
    if (unseen)
        output_format(output, "* OK [UNSEEN %u] First unseen\r\n", unseen);
    if (mailbox->uidvalidity) /* some servers have none */
        output_format(output, "* OK [UIDVALIDITY %u] UIDs valid\r\n", mailbox->uidvalidity);
    if (mailbox->uidnext)
        output_format(output, "* OK [UIDNEXT %u] Predicted next UID\r\n", mailbox->uidnext);
    if (session->enabled.condstore)
        write_modseq(output, view);
    if (mailbox->object_id && offer_adds(&session->offer, WORD_CODE, SLICE("MAILBOXID")))
        output_format(output, "* OK [MAILBOXID (%s)] Its id\r\n", mailbox->object_id);
}

/* --- SELECT and EXAMINE */

struct select_run {
    struct run run;
    struct mailbox *mailbox; /* borrowed: its job keeps it */
    bool condstore;          /* the parameter: it is enabled if the mailbox is selected */
    uint32_t uidvalidity;    /* QRESYNC: as the client knows it */
    struct slice known;      /* QRESYNC: the UIDs that it knows; empty: all */
    struct changes changes;  /* QRESYNC: since then */
    bool writing;            /* the changes are being told, a part in each step of the session */
};

static void clear_select(struct run *run)
{
    changes_clear(&((struct select_run *)run)->changes);
}

static void finish_select(struct select_run *select)
{
    struct session *session = select->run.session;
    bool examine = session_command(session)->name == COMMAND_EXAMINE;

    run_finish(session, RESPONSE_OK, session_view(session)->read_only ? "READ-ONLY" : "READ-WRITE",
               examine ? "EXAMINE completed." : "SELECT completed.");
}

/* So many at once that nobody else waits for them. */
static void write_changes(struct select_run *select)
{
    struct session *session = select->run.session;
    struct view *view = session_view(session);
    struct tell_form form = {.enabled = &session->enabled};
    struct seqset_walk walk;
    uint32_t uid = 0;

    seqset_walk_start(&walk, &select->changes.changed);
    for (size_t told = 0; told < TELL_SLICE && seqset_walk_next(&walk, &uid); told++) {
        const struct message *message = uid_map_find(&view->mailbox->map, uid);
        if (message && message->flags_known)
            tell_fetch_flags(view, &session->output, message, form);
    }
    seqset_cut_up_to(&select->changes.changed, uid);
    select->writing = select->changes.changed.count > 0;
    run_wake_at(session, select->writing ? session_now(session) + 1 : USEC_NEVER);
    if (!select->writing)
        finish_select(select);
}

static void step_select(struct run *run, usec now)
{
    struct select_run *select = (struct select_run *)run;

    if (select->writing && now >= run->session->current.until && !session_is_over(run->session) &&
        session_view(run->session))
        write_changes(select);
}

static enum job_turn build_changes(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    return changes_build(&((struct select_run *)run)->changes, run->session, mailbox, out);
}

static void note_change(struct run *run, uint32_t uid, const struct fetch_answer *part)
{
    (void)part;
    changes_fetch(&((struct select_run *)run)->changes, uid, &run->session->output);
}

static void note_gone(struct run *run, const struct response *response)
{
    changes_untagged(&((struct select_run *)run)->changes, response, &run->session->output);
}

static void open_mailbox(struct select_run *select);

static void changes_known(struct run *run, const struct job_result *result)
{
    if (result->status == JOB_OK)
        open_mailbox((struct select_run *)run);
    else
        run_result(run->session, result);
}

#define CHANGES_STEP                                                                                                   \
    .goal = JOB_RUN, .policy = POLICY_FETCH, .build = build_changes, .untagged = note_gone, .fetch = note_change,      \
    .done = changes_known

/* As the view is to begin: what an EXAMINE shows as \Recent is given to nobody. */
static const struct run_step select_changes_step = {CHANGES_STEP, .read_write = true};
static const struct run_step examine_changes_step = {CHANGES_STEP};

/* All that the client knows, or every UID that there may have been. False: out of memory. */
static bool note_known(struct select_run *select)
{
    const struct mailbox *mailbox = select->mailbox;
    struct changes *changes = &select->changes;
    struct seqset written = {0};
    uint32_t last = mailbox->uidnext > 1 ? mailbox->uidnext - 1 : mailbox->map.highest;
    bool ok;

    if (select->known.length == 0)
        return last == 0 || seqset_add_range(&changes->asked, 1, last);
    ok = seqset_parse(select->known, &written) == SEQSET_OK && seqset_resolve(&written, 0, &changes->asked);
    seqset_clear(&written);
    return ok;
}

/* Not with another UIDVALIDITY: the client finds out by itself (RFC 7162 section 3.2.5). */
static bool resynchronises(const struct select_run *select)
{
    return select->changes.since != 0 && select->mailbox->uidvalidity == select->uidvalidity &&
           mailbox_highestmodseq(select->mailbox) != 0;
}

/* All that is to be told is there: the view begins now, so that nothing moves between the lines. */
static void open_mailbox(struct select_run *select)
{
    struct session *session = select->run.session;
    bool examine = session_command(session)->name == COMMAND_EXAMINE;
    struct view *view =
        view_new(select->mailbox, examine || select->mailbox->read_only, &membership_view_ops, &session->membership);

    if (!view) {
        run_no_memory(session);
        return;
    }
    if (session->left_until != 0)
        view_decline_recent(view, true);
    membership_select(&session->membership, view);
    session->enabled.condstore |= select->condstore;
    if (session->enabled.condstore)
        view_brings_flags(view);
    write_selected(session, view);
    if (!resynchronises(select)) {
        finish_select(select);
        return;
    }
    output_check(&session->output, changes_settle(&select->changes, view));
    changes_tell_gone(&select->changes, &session->output);
    write_changes(select);
}

static void selected(struct run *run, const struct job_result *result)
{
    struct select_run *select = (struct select_run *)run;
    struct session *session = run->session;
    bool examine = session_command(session)->name == COMMAND_EXAMINE;

    if (result->status != JOB_OK)
        run_result(session, result);
    else if (!resynchronises(select))
        open_mailbox(select);
    else if (note_known(select))
        (void)!run_submit(session, examine ? &examine_changes_step : &select_changes_step, select->mailbox);
    else
        run_no_memory(session);
}

static const struct run_step select_step = {
    .goal = JOB_SELECTED, .policy = POLICY_LOOK, .read_write = true, .done = selected};
static const struct run_step examine_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = selected};

/* As a client writes it: no star, and not empty. */
static bool is_known_set(const struct value *value)
{
    struct seqset set = {0};
    bool ok =
        value && value->kind == VALUE_ATOM && seqset_parse(value->text, &set) == SEQSET_OK && !seqset_has_star(&set);

    seqset_clear(&set);
    return ok;
}

/* "(uidvalidity mod-sequence [known-uids] [(numbers uids)])". The numbers that it knows would only shorten the answer.
 */
static const char *read_qresync(struct select_run *select, const struct value *list)
{
    static const char *const fault = "QRESYNC takes UIDVALIDITY, a mod-sequence and the UIDs that are known";
    const struct value *value = value_is_list(list) ? list->first : NULL;
    uint64_t uidvalidity;

    if (!value || !value_number(value, UINT32_MAX, &uidvalidity) || uidvalidity == 0 ||
        !changes_read_modseq(value->next, &select->changes.since))
        return fault;
    select->uidvalidity = (uint32_t)uidvalidity;
    select->changes.vanished = true;
    value = value->next->next;
    if (is_known_set(value)) {
        select->known = value->text;
        value = value->next;
    }
    if (value && value_is_list(value) && value_count(value->first) == 2 && is_known_set(value->first) &&
        is_known_set(value->first->next))
        value = value->next;
    return value ? fault : NULL;
}

static const char *read_parameters(struct select_run *select, const struct value *list)
{
    const struct session *session = select->run.session;
    const char *fault = NULL;

    if (list && (!value_is_list(list) || list->next || !list->first))
        return "SELECT and EXAMINE take a mailbox name and a list of parameters";
    for (const struct value *value = list ? list->first : NULL; value && !fault; value = value->next) {
        if (value->kind != VALUE_ATOM || !offer_adds(&session->offer, WORD_SELECT, value->text))
            return "SELECT and EXAMINE do not know this parameter";
        select->condstore = true;
        if (!value_is_atom(value, "QRESYNC"))
            continue;
        value = value->next;
        if (!session->enabled.qresync)
            return "QRESYNC needs ENABLE QRESYNC before";
        fault = value ? read_qresync(select, value) : "QRESYNC takes a list";
        if (!value)
            break;
    }
    return fault;
}

/* What follows is about another mailbox (RFC 7162 section 3.2.11). */
static void close_former(struct session *session)
{
    if (session_view(session) && offer_adds(&session->offer, WORD_SELECT, SLICE("CONDSTORE")))
        output_format(&session->output, "* OK [CLOSED] The former mailbox is closed\r\n");
    membership_unselect(&session->membership);
}

static void start_select(struct run *run)
{
    struct select_run *own = (struct select_run *)run;
    struct session *session = run->session;
    const struct command *command = session_command(session);
    const char *fault = "SELECT and EXAMINE take a mailbox name";
    struct slice name;

    if (!value_astring(command->arguments, &name) || !mailbox_name_valid(name, &fault)) {
        run_bad(session, fault);
        return;
    }
    fault = read_parameters(own, command->arguments->next);
    if (fault) {
        run_bad(session, fault);
        return;
    }
    close_former(session);
    own->mailbox = account_mailbox(session_account(session), name);
    if (own->mailbox)
        (void)!run_submit(session, command->name == COMMAND_SELECT ? &select_step : &examine_step, own->mailbox);
    else
        run_no_memory(session);
}

const struct run_ops select_ops = {
    .size = sizeof(struct select_run), .start = start_select, .step = step_select, .clear = clear_select};

/* --- CLOSE */

struct close_run {
    struct run run;
    struct finding deleted; /* those that the server says are \Deleted; used if the flags are not in step */
    struct parts parts;     /* still to be expunged */
    bool divided;           /* `parts` has the messages that the view counts */
};

static void clear_close(struct run *run)
{
    struct close_run *close = (struct close_run *)run;

    finding_clear(&close->deleted);
    parts_clear(&close->parts);
}

/* The \Deleted messages that this view counts, as far as the truth or the server's word goes. */
static bool find_deleted(const struct view *view, struct close_run *close)
{
    const struct message *message;
    uint32_t uid = 0;

    close->divided = true;
    if (!close->deleted.asked)
        return parts_add_deleted(&close->parts, view);
    while ((message = uid_map_after(&view->mailbox->map, uid)) && message->uid <= view->told) {
        uid = message->uid;
        if (seqset_contains(&close->deleted.uids, uid) && !seqset_add(&close->parts.left, uid))
            return false;
    }
    return true;
}

static enum job_turn build_expunge(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct close_run *close = (struct close_run *)run;
    struct session *session = run->session;

    if (!close->divided && !find_deleted(session->membership.view, close))
        return JOB_REFUSE;
    return parts_build_expunge(&close->parts, &mailbox->map, session_settings(session)->upstream_command_max,
                               session_can(session, CAPABILITY_UIDPLUS), out);
}

/* A client that has sent CLOSE has nothing selected afterwards, whatever the outcome. */
static void submit_close(struct session *session, const struct run_step *step)
{
    if (!run_submit(session, step, session_view(session)->mailbox) && !session_is_over(session))
        membership_unselect(&session->membership);
}

/* The mailbox is closed even if the server has refused. If the fate of the \Deleted messages is unknown, the client is
 * told. */
static void end_close(struct session *session, const struct job_result *result)
{
    membership_unselect(&session->membership);
    if (result->status == JOB_OK || result->status == JOB_NO || result->status == JOB_BAD)
        run_ok(session, NULL);
    else
        run_result(session, result);
}

static void closed(struct run *run, const struct job_result *result);
static const struct run_step expunge_step = {
    .goal = JOB_RUN, .policy = POLICY_EXPUNGE, .read_write = true, .build = build_expunge, .done = closed};

static void closed(struct run *run, const struct job_result *result)
{
    struct close_run *close = (struct close_run *)run;
    struct session *session = run->session;

    parts_done(&close->parts);
    if (result->status == JOB_OK && close->parts.left.count > 0 && session_view(session))
        submit_close(session, &expunge_step);
    else
        end_close(session, result);
}

/* Where the flags are not in step the server is asked which are \Deleted. */
static enum job_turn build_search(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct close_run *close = (struct close_run *)run;

    finding_clear(&close->deleted); /* the answer may have been lost */
    if (close->divided || account_flags_in_step(session_account(run->session), mailbox))
        return JOB_NOTHING;
    finding_ask(&close->deleted, run->session, out);
    outgoing_text(out, "DELETED");
    return JOB_SEND;
}

static void found(struct run *run, const struct response *response)
{
    finding_take(&((struct close_run *)run)->deleted, response, &run->session->output);
}

static void searched(struct run *run, const struct job_result *result)
{
    const struct close_run *close = (const struct close_run *)run;
    struct session *session = run->session;

    if (result->status == JOB_OK && !finding_is_told(&close->deleted)) {
        membership_unselect(&session->membership);
        finding_refuse(session);
    } else if (result->status == JOB_OK && session_view(session)) {
        submit_close(session, &expunge_step);
    } else {
        end_close(session, result);
    }
}

static const struct run_step search_step = {.goal = JOB_RUN,
                                            .policy = POLICY_SEARCH,
                                            .read_write = true,
                                            .build = build_search,
                                            .untagged = found,
                                            .done = searched};

static void start_close(struct run *run)
{
    struct session *session = run->session;
    struct view *view = session_view(session);

    if (!view || view->read_only) {
        membership_unselect(&session->membership);
        run_ok(session, NULL);
        return;
    }
    submit_close(session, &search_step);
}

/* Carried out late, it is about the messages that are \Deleted by now. Where the server can only remove all that it has
 * marked, others may be among them later. */
static bool close_left(struct run *run)
{
    struct close_run *close = (struct close_run *)run;
    struct session *session = run->session;
    const struct view *view = session_view(session);

    if (!view || !session_can(session, CAPABILITY_UIDPLUS))
        return false;
    if (!close->divided && !close->deleted.asked && parts_knows_deleted(view))
        output_check(&session->output, find_deleted(view, close));
    return true;
}

const struct run_ops close_ops = {
    .size = sizeof(struct close_run), .start = start_close, .left = close_left, .clear = clear_close};

/* --- UNSELECT (RFC 3691) */

static void start_unselect(struct run *run)
{
    membership_unselect(&run->session->membership);
    run_ok(run->session, NULL);
}

const struct run_ops unselect_ops = {.size = sizeof(struct run), .start = start_unselect};
