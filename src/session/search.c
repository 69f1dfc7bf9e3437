/* SEARCH and UID SEARCH: the view is told first of what it lacks; the keys are printed again, every set of numbers as
 * UIDs. A found message is shown if the view counts it and it lives. What RETURN asks for is made here from all that
 * was found. RFC 3501 section 6.4.4, RFC 5032 (WITHIN), RFC 4731, RFC 5182. */
#include "imap/search.h"

#include "session/finding.h"
#include "session/found.h"
#include "session/renumber.h"
#include "session/run.h"
#include "session/tell.h"

struct search_run {
    struct run run;
    struct search search;
    struct finding found;
};

static void clear(struct run *run)
{
    finding_clear(&((struct search_run *)run)->found);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct search_run *search = (struct search_run *)run;
    struct search_translation translation = renumber_search(run->session->membership.view);

    (void)mailbox;
    finding_ask(&search->found, run->session, out);
    return search_print_upstream(&search->search, &translation, out) ? JOB_SEND : JOB_REFUSE;
}

static void answered(struct run *run, const struct response *response)
{
    finding_take(&((struct search_run *)run)->found, response, &run->session->output);
}

static void done(struct run *run, const struct job_result *result)
{
    const struct search_run *search = (const struct search_run *)run;
    const struct search_return *options = &search->search.options;
    struct session *session = run->session;
    struct view *view = session_view(session);

    if (result->status != JOB_OK || !view) {
        if (result->status != JOB_BAD)
            found_save_nothing(session, options);
        run_result(session, result);
        return;
    }
    found_answer(session, &search->found, options);
}

static const struct run_step search_step = {
    .goal = JOB_RUN, .policy = POLICY_SEARCH, .build = build, .untagged = answered, .done = done};

static void start(struct run *run)
{
    struct search_run *search = (struct search_run *)run;
    struct session *session = run->session;
    struct view *view = session_view(session);
    struct search_permit permit = offer_search_permit(&session->offer);
    const char *error = "SEARCH takes search keys";
    struct search_return options;

    if (!search_parse(session_command(session)->arguments, &permit, &session->current.queued->arena, &search->search,
                      &error)) {
        run_bad(session, error);
        return;
    }
    tell_arrivals(view, &session->output);
    options = search->search.options; /* the run may be gone then */
    if (!run_submit(session, &search_step, view->mailbox))
        found_save_nothing(session, &options);
}

const struct run_ops search_ops = {.size = sizeof(struct search_run), .start = start, .clear = clear};
