/* APPEND: the message has been spooled whole when its turn comes. Its outcome is unknown if the line breaks after it
 * was written: never sent twice. RFC 3501 section 6.3.11, RFC 4315 (APPENDUID). */
#include <stdio.h>
#include <stdlib.h>

#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "session/state.h"

struct append_run {
    struct run run;
    struct slice mailbox; /* in the command */
    char code[64];        /* "APPENDUID 1 2", or empty */
};

static void free_append(struct run *run)
{
    free(run);
}

static enum job_turn build(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    const struct queued *queued = session->current;
    const struct append_run *append = (const struct append_run *)session->run;

    outgoing_text(out, "APPEND ");
    outgoing_astring(out, append->mailbox);
    for (const struct value *value = queued->command.arguments->next; value; value = value->next) {
        outgoing_text(out, " ");
        if (value->kind == VALUE_SPOOLED)
            outgoing_spool(out, queued->upload, queued->upload_size, false);
        else
            outgoing_value(out, value);
    }
    return JOB_SEND;
}

static void finish(struct session *session)
{
    const struct append_run *append = (const struct append_run *)session->run;
    char code[sizeof(append->code)];

    snprintf(code, sizeof(code), "%s", append->code);
    session_finish(session, RESPONSE_OK, code[0] ? code : NULL, "APPEND completed.");
}

static void note_code(struct append_run *append, const struct response *response)
{
    const struct value *validity = response ? response->code.arguments : NULL;
    uint64_t numbers[2];

    if (!response || response->code.name != RESPONSE_CODE_APPENDUID || value_count(validity) != 2 ||
        !value_number(validity, UINT32_MAX, &numbers[0]) || !value_number(validity->next, UINT32_MAX, &numbers[1]))
        return;
    snprintf(append->code, sizeof(append->code), "APPENDUID %llu %llu", (unsigned long long)numbers[0],
             (unsigned long long)numbers[1]);
}

static void done(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct append_run *append = (struct append_run *)session->run;

    session->job = NULL;
    if (result->status != JOB_OK) {
        session_finish_result(session, result);
        return;
    }
    note_code(append, result->response);
    target_changed(session, append->mailbox, finish);
}

static const struct job_ops append_ops = {.build = build, .done = done};

/* Mailbox, flags in parentheses or none, date or none, message. */
static const char *fault(const struct session *session)
{
    const struct value *value = session->current->command.arguments;
    const char *error = "APPEND takes a mailbox name, flags, a date and a message";
    struct slice name;

    if (!value || !value_astring(value, &name) || !mailbox_name_valid(name, &error))
        return error;
    value = value->next;
    if (value_is_list(value)) {
        for (const struct value *flag = value->first; flag; flag = flag->next) {
            if (flag->kind != VALUE_ATOM || !flags_valid_name(flag->text) ||
                flags_system_bit(flag->text) == FLAG_RECENT)
                return "That is no flag that a message can be given";
        }
        value = value->next;
    }
    if (value && value->kind == VALUE_QUOTED)
        value = value->next;
    if (!value || value->kind != VALUE_SPOOLED || value->next || !session->current->upload)
        return "APPEND ends with a message, as one literal";
    return session->current->upload_literal8 ? "literal8 is not offered here" : NULL;
}

void session_start_append(struct session *session)
{
    struct job wanted = {.ops = &append_ops, .goal = JOB_RUN, .policy = POLICY_APPEND};
    struct append_run *append;
    struct slice name;

    if (fault(session)) {
        session_bad(session, fault(session));
        return;
    }
    append = calloc(1, sizeof(*append));
    if (!append) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    append->run.free = free_append;
    (void)value_astring(session->current->command.arguments, &name);
    append->mailbox = mailbox_name_canonical(name);
    session->run = &append->run;
    (void)!session_submit(session, &wanted);
}
