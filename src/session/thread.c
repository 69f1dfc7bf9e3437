/* THREAD and UID THREAD: the server makes the threads, the UIDs in its lists become the client's numbers. What has
 * gone, and what the view does not count, is left out; what follows it stands in its place. RFC 5256. */
#include <stdio.h>

#include "imap/search.h"
#include "imap/threads.h"
#include "session/renumber.h"
#include "session/run.h"
#include "session/tell.h"

#define ALGORITHM_MAX 64

struct thread_run {
    struct run run;
    struct slice algorithm; /* as the client wrote it: one of the server's */
    struct search search;
    struct threads threads;
};

static void clear(struct run *run)
{
    threads_clear(&((struct thread_run *)run)->threads);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct thread_run *thread = (struct thread_run *)run;
    struct search_translation translation = renumber_search(run->session->membership.view);

    (void)mailbox;
    threads_clear(&thread->threads);
    outgoing_text(out, "UID THREAD ");
    outgoing_atom(out, thread->algorithm);
    outgoing_text(out, " ");
    return search_print_upstream(&thread->search, &translation, out) ? JOB_SEND : JOB_REFUSE;
}

static void answered(struct run *run, const struct response *response)
{
    if (response->kind == RESPONSE_THREAD)
        output_check(&run->session->output, threads_add(&((struct thread_run *)run)->threads, response->text));
}

static uint32_t number_of(const void *context, uint32_t uid)
{
    const struct session *session = context;
    const struct view *view = session_view(session);

    if (!view_counts(view, uid) || view_is_ghost(view, uid))
        return 0;
    return session_command(session)->uid ? uid : view_number(view, uid);
}

/* A server that has found nothing may say nothing. */
static void done(struct run *run, const struct job_result *result)
{
    struct thread_run *thread = (struct thread_run *)run;
    struct session *session = run->session;

    if (result->status != JOB_OK || !session_view(session)) {
        run_result(session, result);
        return;
    }
    tell_arrivals(session_view(session), &session->output);
    threads_translate(&thread->threads, number_of, session);
    output_format(&session->output, threads_any(&thread->threads) ? "* THREAD " : "* THREAD");
    output_check(&session->output, threads_print(&thread->threads, session->output.bytes));
    output_format(&session->output, "\r\n");
    run_ok(session, NULL);
}

static const struct run_step thread_step = {
    .goal = JOB_RUN, .policy = POLICY_SEARCH, .build = build, .untagged = answered, .done = done};

/* Does the server announce THREAD= with this name? */
static bool is_algorithm(const struct session *session, const struct value *value)
{
    char name[ALGORITHM_MAX];

    if (!value || value->kind != VALUE_ATOM || value->text.length > ALGORITHM_MAX - sizeof("THREAD="))
        return false;
    snprintf(name, sizeof(name), "THREAD=%.*s", (int)value->text.length, value->text.data);
    return capability_set_names(account_capabilities(session_account(session)), slice_of(name));
}

static void start(struct run *run)
{
    struct thread_run *thread = (struct thread_run *)run;
    struct session *session = run->session;
    struct view *view = session_view(session);
    struct search_permit permit = offer_search_permit(&session->offer);
    const struct value *arguments = session_command(session)->arguments;
    const char *error = NULL;

    if (!is_algorithm(session, arguments)) {
        run_bad(session, "THREAD takes one of the server's algorithms, a charset and search keys");
        return;
    }
    thread->algorithm = arguments->text;
    if (!search_parse_charset_first(arguments->next, &permit, &session->current.queued->arena, &thread->search,
                                    &error)) {
        run_bad(session, error);
        return;
    }
    tell_arrivals(view, &session->output);
    (void)!run_submit(session, &thread_step, view->mailbox);
}

const struct run_ops thread_ops = {.size = sizeof(struct thread_run), .start = start, .clear = clear};
