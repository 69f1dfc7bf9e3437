/* APPEND: the message has been spooled whole when its turn comes. Its outcome is unknown if the line breaks after it
 * was written: never sent twice. RFC 3501 section 6.3.11, RFC 4315 (APPENDUID). */
#include <stdio.h>

#include "imap/date.h"
#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "session/target.h"

struct append_run {
    struct run run;
    struct slice mailbox; /* canonical; in the command */
    char code[64];        /* "APPENDUID 1 2", or empty */
};

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    const struct append_run *append = (const struct append_run *)run;
    const struct upload *upload = &run->session->current.queued->upload;

    (void)mailbox;
    outgoing_text(out, "APPEND ");
    outgoing_astring(out, append->mailbox);
    for (const struct value *value = session_command(run->session)->arguments->next; value; value = value->next) {
        outgoing_text(out, " ");
        if (value->kind == VALUE_SPOOLED)
            outgoing_spool(out, upload->spool, upload->size);
        else
            outgoing_value(out, value);
    }
    return JOB_SEND;
}

static void finish(struct run *run)
{
    const struct append_run *append = (const struct append_run *)run;

    run_finish(run->session, RESPONSE_OK, append->code[0] ? append->code : NULL, "APPEND completed.");
}

static void note_code(struct append_run *append, const struct response *response)
{
    const struct value *validity = response ? response->code.arguments : NULL;
    uint64_t numbers[2];

    if (!response || response->code.name != RESPONSE_CODE_APPENDUID || value_count(validity) != 2 ||
        !value_number(validity, UINT32_MAX, &numbers[0]) || !value_number(validity->next, UINT32_MAX, &numbers[1]) ||
        numbers[0] == 0 || numbers[1] == 0)
        return;
    snprintf(append->code, sizeof(append->code), "APPENDUID %llu %llu", (unsigned long long)numbers[0],
             (unsigned long long)numbers[1]);
}

static void done(struct run *run, const struct job_result *result)
{
    struct append_run *append = (struct append_run *)run;

    if (result->status != JOB_OK) {
        run_result(run->session, result);
        return;
    }
    note_code(append, result->response);
    target_changed(run->session, append->mailbox, finish);
}

static const struct run_step append = {.goal = JOB_RUN, .policy = POLICY_APPEND, .build = build, .done = done};

static bool is_storable(const struct value *flag)
{
    return flag->kind == VALUE_ATOM && flags_valid_name(flag->text) && flags_system_bit(flag->text) != FLAG_RECENT;
}

/* Mailbox, flags in parentheses or none, date or none, message. */
static const char *fault(const struct session *session)
{
    const struct value *value = session_command(session)->arguments;
    const struct upload *upload = &session->current.queued->upload;
    const char *error = "APPEND takes a mailbox name, flags, a date and a message";
    struct slice name;

    if (!value || !value_astring(value, &name) || !mailbox_name_valid(name, &error))
        return error;
    value = value->next;
    if (value_is_list(value)) {
        for (const struct value *flag = value->first; flag; flag = flag->next) {
            if (!is_storable(flag))
                return "A message cannot be given this flag";
        }
        value = value->next;
    }
    if (value && value->kind == VALUE_QUOTED) {
        if (!date_time_valid(value->text))
            return "The date of a message is such as \"01-Feb-1994 12:00:00 +0100\"";
        value = value->next;
    }
    if (!value || value->kind != VALUE_SPOOLED || value->next || !upload->spool)
        return "APPEND ends with a message, as one literal";
    return upload->literal8 ? "literal8 is not supported" : NULL;
}

static void start(struct run *run)
{
    struct append_run *own = (struct append_run *)run;
    struct session *session = run->session;
    struct slice name;

    if (fault(session)) {
        run_bad(session, fault(session));
        return;
    }
    (void)value_astring(session_command(session)->arguments, &name);
    own->mailbox = mailbox_name_canonical(name);
    (void)!run_submit(session, &append, NULL);
}

const struct run_ops append_ops = {.size = sizeof(struct append_run), .start = start};
