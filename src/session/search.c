/* SEARCH and UID SEARCH: what the view lacks is told first; the keys go up anew, every set of numbers as UIDs; what
 * comes back is shown as far as the view counts it and it lives. RFC 3501 section 6.4.4, RFC 5032 (WITHIN). */
#include <stdlib.h>

#include "imap/search.h"
#include "session/renumber.h"
#include "session/state.h"
#include "session/tell.h"

struct search_run {
    struct run run;
    struct search search;
    struct seqset found; /* UIDs */
};

static void free_search(struct run *run)
{
    struct search_run *search = (struct search_run *)run;

    seqset_clear(&search->found);
    free(search);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct search_run *search = (struct search_run *)session->run;
    struct search_translation translation = renumber_search(session->view);
    bool esearch = session_can(session, CAPABILITY_ESEARCH);

    seqset_clear(&search->found);
    outgoing_text(out, esearch ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
    return search_print_upstream(&search->search, &translation, out) ? JOB_SEND : JOB_REFUSE;
}

static void answered(struct job *job, const struct response *response)
{
    struct session *session = job->owner;

    if (!response_take_found(response, &((struct search_run *)session->run)->found))
        session_no_memory(session);
}

static void write_found(struct session *session, const struct search_run *search)
{
    struct seqset living = {0}, numbers = {0};
    struct seqset_walk walk;
    uint32_t number;
    bool ok = uid_map_intersect(&session->view->mailbox->map, &search->found, &living) &&
              renumber_back(session->view, &living, session->current->command.uid, &numbers);

    if (!ok)
        session_no_memory(session);
    session_write(session, "* SEARCH");
    seqset_walk_start(&walk, &numbers);
    while (seqset_walk_next(&walk, &number))
        session_write(session, " %u", number);
    session_write(session, "\r\n");
    seqset_clear(&living);
    seqset_clear(&numbers);
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    session->job = NULL;
    if (result->status == JOB_OK && session->view->mailbox) {
        tell_arrivals(session);
        write_found(session, (const struct search_run *)session->run);
        if (session->phase != SESSION_ENDING)
            session_ok(session, NULL);
        return;
    }
    session_finish_result(session, result);
}

static const struct job_ops search_ops = {.build = build, .untagged = answered, .done = done};

void session_start_search(struct session *session)
{
    const struct command *command = &session->current->command;
    struct job wanted = {
        .ops = &search_ops, .goal = JOB_RUN, .policy = POLICY_SEARCH, .mailbox = session->view->mailbox};
    bool within = session->offered[CAPABILITY_WITHIN];
    struct search_run *search = calloc(1, sizeof(*search));
    const char *error = "SEARCH takes search keys";

    if (!search) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    search->run.free = free_search;
    session->run = &search->run;
    if (!search_parse(command->arguments, within, &session->current->arena, &search->search, &error)) {
        session_bad(session, error);
        return;
    }
    tell_arrivals(session);
    (void)!session_submit(session, &wanted);
}
