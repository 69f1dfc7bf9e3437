/* SELECT, EXAMINE, CLOSE, UNSELECT: views begin and end here. The answer to SELECT is made from the truth, after a look
 * that was written upstream after the command came. CLOSE removes what the view counts, never what its client has not
 * been told of where UIDPLUS permits to say so; the upstream itself is never sent CLOSE. RFC 3501
 * section 6.3.1, 6.3.2, 6.4.2; RFC 3691. */
#include <stdlib.h>

#include "imap/mailbox_name.h"
#include "session/state.h"

/* --- the answer to SELECT */

static uint32_t first_unseen(const struct session *session)
{
    const struct view *view = session->view;
    const struct mailbox *mailbox = view->mailbox;
    const struct message *message;
    uint32_t uid = 0;

    if (!account_flags_in_step(session->account, mailbox))
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

static void write_flags(struct session *session)
{
    const struct mailbox *mailbox = session->view->mailbox;
    bool ok;

    session_write(session, "* FLAGS ");
    ok = mailbox_print_flags(mailbox, session->output);
    session_write(session, "\r\n");
    if (session->view->read_only) {
        session_write(session, "* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n");
    } else if (mailbox->permanent_known) {
        session_write(session, "* OK [PERMANENTFLAGS ");
        ok = ok && mailbox_print_permanent_flags(mailbox, session->output);
        session_write(session, "] Flags permitted\r\n");
    }
    if (!ok)
        session_no_memory(session);
}

static void write_selected(struct session *session)
{
    const struct mailbox *mailbox = session->view->mailbox;
    uint32_t unseen = first_unseen(session);

    write_flags(session);
    session_write(session, "* %u EXISTS\r\n* %u RECENT\r\n", view_exists(session->view), view_recent(session->view));
    if (unseen)
        session_write(session, "* OK [UNSEEN %u] First unseen\r\n", unseen);
    session_write(session, "* OK [UIDVALIDITY %u] UIDs valid\r\n", mailbox->uidvalidity);
    if (mailbox->uidnext)
        session_write(session, "* OK [UIDNEXT %u] Predicted next UID\r\n", mailbox->uidnext);
}

static void selected(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct mailbox *mailbox = job->mailbox;
    bool examine = session->current->command.name == COMMAND_EXAMINE;

    session->job = NULL;
    if (result->status != JOB_OK) {
        session_finish_result(session, result);
        return;
    }
    session->view = view_new(mailbox, examine || mailbox->read_only, &session_view_ops, session);
    if (!session->view) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    session->member.view = session->view;
    session->view_ended = NULL;
    account_interest_changed(session->account);
    write_selected(session);
    session_finish(session, RESPONSE_OK, session->view->read_only ? "READ-ONLY" : "READ-WRITE",
                   examine ? "EXAMINE completed." : "SELECT completed.");
}

static const struct job_ops select_ops = {.done = selected};

void session_start_select(struct session *session)
{
    const struct command *command = &session->current->command;
    struct job wanted = {.ops = &select_ops, .goal = JOB_SELECTED, .policy = POLICY_LOOK};
    const char *fault = "SELECT and EXAMINE take a mailbox name";
    struct slice name;

    if (!value_astring(command->arguments, &name) || !mailbox_name_valid(name, &fault)) {
        session_bad(session, fault);
        return;
    }
    if (command->arguments->next) {
        session_bad(session, "SELECT and EXAMINE take no parameters here");
        return;
    }
    session_leave_view(session);
    wanted.read_write = command->name == COMMAND_SELECT;
    wanted.mailbox = account_mailbox(session->account, name);
    if (!wanted.mailbox)
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    else
        (void)!session_submit(session, &wanted);
}

/* --- CLOSE */

struct close_run {
    struct run run;
    struct seqset deleted; /* UIDs that the server says are \Deleted; used if the flags are not in step */
    bool asked;            /* the server has said it */
    struct parts parts;    /* still to be expunged */
    bool divided;          /* parts is what the view counts */
};

static void free_close(struct run *run)
{
    struct close_run *close = (struct close_run *)run;

    seqset_clear(&close->deleted);
    seqset_clear(&close->parts.left);
    free(close);
}

/* The \Deleted messages that this view counts, as far as the truth or the server's word goes. */
static bool find_deleted(const struct session *session, struct close_run *close)
{
    const struct view *view = session->view;
    const struct message *message;
    uint32_t uid = 0;

    while ((message = uid_map_after(&view->mailbox->map, uid)) && message->uid <= view->told) {
        uid = message->uid;
        if (close->asked ? seqset_contains(&close->deleted, uid) : (message->system & FLAG_DELETED) != 0) {
            if (!seqset_add(&close->parts.left, uid))
                return false;
        }
    }
    close->divided = true;
    return true;
}

static enum job_turn build_expunge(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct close_run *close = (struct close_run *)session->run;

    if (!close->divided && !find_deleted(session, close))
        return JOB_REFUSE;
    return target_expunge_part(session, job, &close->parts, true, out);
}

static void closed(struct job *job, const struct job_result *result);
static const struct job_ops expunge_ops = {.build = build_expunge, .done = closed};

/* Whatever becomes of it, a client that has said CLOSE has nothing selected afterwards. */
static void submit_close(struct session *session, const struct job *wanted)
{
    if (!session_submit(session, wanted) && session->phase != SESSION_ENDING)
        session_leave_view(session);
}

static void submit_expunge(struct session *session)
{
    struct job wanted = {.ops = &expunge_ops,
                         .goal = JOB_RUN,
                         .policy = POLICY_EXPUNGE,
                         .mailbox = session->view->mailbox,
                         .read_write = true};

    submit_close(session, &wanted);
}

/* The mailbox is closed, even if the server has refused; what became of the \Deleted messages where it said neither is
 * told. */
static void end_close(struct session *session, const struct job_result *result)
{
    session_leave_view(session);
    if (result->status == JOB_OK || result->status == JOB_NO || result->status == JOB_BAD)
        session_ok(session, NULL);
    else
        session_finish_result(session, result);
}

static void closed(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct close_run *close = (struct close_run *)session->run;

    session->job = NULL;
    target_part_done(&close->parts);
    if (result->status == JOB_OK && close->parts.left.count > 0) {
        submit_expunge(session);
        return;
    }
    end_close(session, result);
}

/* Where the flags are not in step the server is asked which are \Deleted. */
static enum job_turn build_search(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct close_run *close = (struct close_run *)session->run;

    if (account_flags_in_step(session->account, job->mailbox))
        return JOB_NOTHING;
    seqset_clear(&close->deleted);
    close->asked = true;
    outgoing_text(out, "UID SEARCH DELETED");
    return JOB_SEND;
}

static void found(struct job *job, const struct response *response)
{
    struct session *session = job->owner;

    if (!response_take_found(response, &((struct close_run *)session->run)->deleted))
        session_no_memory(session);
}

static void searched(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    session->job = NULL;
    if (result->status == JOB_OK && session->view->mailbox) {
        submit_expunge(session);
        return;
    }
    end_close(session, result);
}

static const struct job_ops search_ops = {.build = build_search, .untagged = found, .done = searched};

void session_start_close(struct session *session)
{
    struct job wanted = {.ops = &search_ops, .goal = JOB_RUN, .policy = POLICY_SEARCH, .read_write = true};
    struct close_run *close;

    if (session->current->command.arguments) {
        session_bad(session, "CLOSE takes no arguments");
        return;
    }
    if (session->view->read_only || !session->view->mailbox) {
        session_leave_view(session);
        session_ok(session, NULL);
        return;
    }
    close = calloc(1, sizeof(*close));
    if (!close) {
        session_no(session, "UNAVAILABLE", "Out of memory; what is marked as deleted is still there");
        session_leave_view(session);
        return;
    }
    close->run.free = free_close;
    session->run = &close->run;
    wanted.mailbox = session->view->mailbox;
    submit_close(session, &wanted);
}

void session_start_unselect(struct session *session)
{
    if (session->current->command.arguments) {
        session_bad(session, "UNSELECT takes no arguments");
        return;
    }
    session_leave_view(session);
    session_ok(session, NULL);
}
