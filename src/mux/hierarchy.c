/* The two jobs. A mailbox that the server does not list, or about which it has no answer, counts as gone: its clients
 * come again, while a wrong guess would show them another mailbox's messages under their numbers. */
#include "mux/hierarchy.h"

#include <string.h>

/* --- separators */

static enum job_turn separator_build(struct job *job, struct outgoing *out)
{
    (void)job;
    outgoing_text(out, "LIST \"\" \"\"");
    return JOB_SEND;
}

static void separator_told(struct job *job, const struct response *response)
{
    struct hierarchy *hierarchy = job->owner;

    if (response->kind == RESPONSE_LIST)
        mailboxes_note_separator(hierarchy->mailboxes, response->arguments ? response->arguments->next : NULL);
}

static void separator_done(struct job *job, const struct job_result *result)
{
    (void)job;
    (void)result;
}

static const struct job_ops separator_ops = {
    .build = separator_build, .untagged = separator_told, .done = separator_done};

void hierarchy_learn(struct hierarchy *hierarchy, uint64_t last_command)
{
    struct job wanted = {
        .ops = &separator_ops, .owner = hierarchy, .title = "own", .goal = JOB_RUN, .policy = POLICY_LIST};

    (void)!jobs_add(hierarchy->jobs, &wanted, last_command);
}

/* --- mailboxes in doubt */

static struct slice asked(const struct hierarchy *hierarchy)
{
    return (struct slice){hierarchy->asked, hierarchy->asked_length};
}

static enum job_turn doubt_build(struct job *job, struct outgoing *out)
{
    struct hierarchy *hierarchy = job->owner;
    struct slice name = mailboxes_doubted(hierarchy->mailboxes);

    hierarchy->there = false;
    hierarchy->asked_length = name.length;
    if (name.length == 0)
        return JOB_NOTHING;
    memcpy(hierarchy->asked, name.data, name.length);
    outgoing_text(out, "LIST \"\" ");
    outgoing_astring(out, name);
    return JOB_SEND;
}

static bool has_wildcard(struct slice name)
{
    return memchr(name.data, '*', name.length) || memchr(name.data, '%', name.length);
}

/* An answer under another spelling is about the same mailbox, unless the name is a pattern. */
static void doubt_told(struct job *job, const struct response *response)
{
    struct hierarchy *hierarchy = job->owner;
    const struct value *attributes = response->arguments, *separator = attributes ? attributes->next : NULL;
    struct slice name;

    if (response->kind != RESPONSE_LIST || !value_is_list(attributes) || !separator || !separator->next ||
        !value_astring(separator->next, &name))
        return;
    mailboxes_note_separator(hierarchy->mailboxes, separator);
    if (has_wildcard(asked(hierarchy)) && !slice_equal(name, asked(hierarchy)))
        return;
    for (const struct value *attribute = attributes->first; attribute; attribute = attribute->next) {
        if (value_is_atom(attribute, "\\Noselect") || value_is_atom(attribute, "\\NonExistent"))
            return;
    }
    hierarchy->there = true;
}

static void doubt_done(struct job *job, const struct job_result *result)
{
    struct hierarchy *hierarchy = job->owner;

    hierarchy->asking = false;
    if (hierarchy->asked_length > 0 && result->status != JOB_DEAD)
        mailboxes_settle(hierarchy->mailboxes, asked(hierarchy), result->status == JOB_OK && hierarchy->there);
}

static const struct job_ops doubt_ops = {.build = doubt_build, .untagged = doubt_told, .done = doubt_done};

void hierarchy_ask(struct hierarchy *hierarchy, uint64_t last_command)
{
    struct job wanted = {
        .ops = &doubt_ops, .owner = hierarchy, .title = "own", .goal = JOB_RUN, .policy = POLICY_LIST, .urgent = true};
    struct slice name = mailboxes_doubted(hierarchy->mailboxes);

    if (name.length == 0 || hierarchy->asking)
        return;
    hierarchy->asking = jobs_add(hierarchy->jobs, &wanted, last_command) != NULL;
    if (!hierarchy->asking)
        mailboxes_settle(hierarchy->mailboxes, name, false);
}
