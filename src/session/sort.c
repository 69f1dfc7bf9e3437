/* SORT and UID SORT: the server sorts, its UIDs become the client's numbers in that order. What RETURN asks for is made
 * here. Otherwise as SEARCH. RFC 5256, RFC 5957, RFC 5267 section 3 (ESORT). */
#include "imap/sort.h"

#include "imap/search.h"
#include "session/found.h"
#include "session/renumber.h"
#include "session/run.h"
#include "session/tell.h"

struct sort_run {
    struct run run;
    struct search_return options;
    const struct value *criteria; /* of the command */
    struct search search;
    struct finding found;
};

static void clear(struct run *run)
{
    finding_clear(&((struct sort_run *)run)->found);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct sort_run *sort = (struct sort_run *)run;
    struct search_translation translation = renumber_search(run->session->membership.view);

    (void)mailbox;
    finding_ask_sorted(&sort->found, run->session, out);
    sort_print_upstream(sort->criteria, out);
    outgoing_text(out, " ");
    return search_print_upstream(&sort->search, &translation, out) ? JOB_SEND : JOB_REFUSE;
}

static void answered(struct run *run, const struct response *response)
{
    finding_take(&((struct sort_run *)run)->found, response, &run->session->output);
}

static void done(struct run *run, const struct job_result *result)
{
    const struct sort_run *sort = (const struct sort_run *)run;
    struct session *session = run->session;

    if (result->status == JOB_OK && session_view(session)) {
        found_answer(session, &sort->found, &sort->options);
        return;
    }
    if (result->status != JOB_BAD)
        found_save_nothing(session, &sort->options);
    run_result(session, result);
}

static const struct run_step sort_step = {
    .goal = JOB_RUN, .policy = POLICY_SEARCH, .build = build, .untagged = answered, .done = done};

static bool permits_key(const void *context, struct slice name)
{
    return offer_permits(context, WORD_SORT, name);
}

static bool parse(struct sort_run *sort, const char **error)
{
    struct session *session = sort->run.session;
    struct search_permit permit = offer_sort_permit(&session->offer);
    struct search_permit criteria = {.key = permits_key, .option = permit.option, .context = &session->offer};
    const struct value *arguments = session_command(session)->arguments;

    *error = "SORT takes sort keys, a charset and search keys";
    if (value_is_atom(arguments, "RETURN") && permit.option(permit.context, SLICE("ALL"))) {
        if (!search_return_parse(arguments->next, &permit, &sort->options, error))
            return false;
        arguments = arguments->next->next;
    }
    if (!sort_check(arguments, &criteria, error))
        return false;
    sort->criteria = arguments;
    return search_parse_charset_first(arguments->next, &permit, &session->current.queued->arena, &sort->search, error);
}

static void start(struct run *run)
{
    struct sort_run *sort = (struct sort_run *)run;
    struct session *session = run->session;
    struct view *view = session_view(session);
    struct search_return options;
    const char *error = NULL;

    if (!parse(sort, &error)) {
        run_bad(session, error);
        return;
    }
    tell_arrivals(view, &session->output);
    options = sort->options; /* the run may be gone then */
    if (!run_submit(session, &sort_step, view->mailbox))
        found_save_nothing(session, &options);
}

const struct run_ops sort_ops = {.size = sizeof(struct sort_run), .start = start, .clear = clear};
