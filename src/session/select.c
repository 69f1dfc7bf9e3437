/* SELECT, EXAMINE, CLOSE, UNSELECT: views begin and end here. The answer to SELECT is made from the truth, after a look
 * that was written upstream after the command came. With UIDPLUS, CLOSE removes only messages that the view counts,
 * never others that its client has not been told of; the upstream itself is never sent CLOSE. RFC 3501
 * section 6.3.1, 6.3.2, 6.4.2; RFC 3691. */
#include "imap/mailbox_name.h"
#include "session/finding.h"
#include "session/parts.h"
#include "session/run.h"

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
}

/* --- SELECT and EXAMINE */

struct select_run {
    struct run run;
    struct mailbox *mailbox; /* borrowed: its job keeps it */
};

static void selected(struct run *run, const struct job_result *result)
{
    struct mailbox *mailbox = ((struct select_run *)run)->mailbox;
    struct session *session = run->session;
    bool examine = session_command(session)->name == COMMAND_EXAMINE;
    struct view *view;

    if (result->status != JOB_OK) {
        run_result(session, result);
        return;
    }
    view = view_new(mailbox, examine || mailbox->read_only, &membership_view_ops, &session->membership);
    if (!view) {
        run_no_memory(session);
        return;
    }
    if (session->left_until != 0)
        view_decline_recent(view, true);
    membership_select(&session->membership, view);
    write_selected(session, view);
    run_finish(session, RESPONSE_OK, view->read_only ? "READ-ONLY" : "READ-WRITE",
               examine ? "EXAMINE completed." : "SELECT completed.");
}

static const struct run_step select_step = {
    .goal = JOB_SELECTED, .policy = POLICY_LOOK, .read_write = true, .done = selected};
static const struct run_step examine_step = {.goal = JOB_SELECTED, .policy = POLICY_LOOK, .done = selected};

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
    if (command->arguments->next) {
        run_bad(session, "SELECT and EXAMINE take no parameters");
        return;
    }
    membership_unselect(&session->membership);
    own->mailbox = account_mailbox(session_account(session), name);
    if (own->mailbox)
        (void)!run_submit(session, command->name == COMMAND_SELECT ? &select_step : &examine_step, own->mailbox);
    else
        run_no_memory(session);
}

const struct run_ops select_ops = {.size = sizeof(struct select_run), .start = start_select};

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
