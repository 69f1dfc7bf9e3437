/* APPEND: its messages have been spooled whole when its turn comes. Its outcome is unknown if the line breaks after it
 * was written: never sent twice. RFC 3501 section 6.3.11, RFC 4315 (APPENDUID). */
#include "imap/mailbox_name.h"
#include "session/target.h"
#include "session/uploads.h"

struct append_run {
    struct run run;
    struct slice mailbox; /* canonical; in the command */
    struct uploads uploads;
    char code[UPLOADS_UIDS_SIZE]; /* "APPENDUID 1 2:3", or empty */
};

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    const struct append_run *append = (const struct append_run *)run;

    (void)mailbox;
    outgoing_text(out, "APPEND ");
    outgoing_astring(out, append->mailbox);
    uploads_print(run->session, &append->uploads, out);
    return JOB_SEND;
}

static void finish(struct run *run)
{
    const struct append_run *append = (const struct append_run *)run;

    run_finish(run->session, RESPONSE_OK, append->code[0] ? append->code : NULL, "APPEND completed.");
}

static void refused(const struct append_run *append, const struct job_result *result)
{
    char room[UPLOADS_CODE_SIZE];
    const char *code = result->status == JOB_NO ? uploads_bad_address(&append->uploads, result->response, room) : NULL;

    if (code)
        run_no(append->run.session, code, "The mail server does not find this message");
    else
        run_result(append->run.session, result);
}

static void done(struct run *run, const struct job_result *result)
{
    struct append_run *append = (struct append_run *)run;

    if (result->status != JOB_OK) {
        refused(append, result);
        return;
    }
    uploads_note_code(result->response, append->code, UPLOADS_UIDS_SIZE);
    target_changed(run->session, append->mailbox, finish);
}

static const struct run_step append = {.goal = JOB_RUN, .policy = POLICY_APPEND, .build = build, .done = done};

static const char *fault(const struct session *session)
{
    const struct value *value = session_command(session)->arguments;
    const char *error = "APPEND takes a mailbox name, flags, a date and a message";
    struct slice name;

    if (!value || !value_astring(value, &name) || !mailbox_name_valid(name, &error))
        return error;
    return uploads_fault(session, value->next, offer_has(&session->offer, CAPABILITY_MULTIAPPEND));
}

static void start(struct run *run)
{
    struct append_run *own = (struct append_run *)run;
    struct session *session = run->session;
    const struct value *arguments = session_command(session)->arguments;
    struct upload_refusal refusal;
    struct slice name;

    if (fault(session)) {
        run_bad(session, fault(session));
        return;
    }
    (void)value_astring(arguments, &name);
    own->mailbox = mailbox_name_canonical(name);
    if (uploads_prepare(session, arguments->next, &own->uploads, &refusal))
        (void)!run_submit(session, &append, NULL);
    else
        run_no(session, refusal.code, refusal.text);
}

const struct run_ops append_ops = {.size = sizeof(struct append_run), .start = start};
