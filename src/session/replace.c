/* REPLACE and UID REPLACE: a message takes the place of another, which is removed by that. Sent as UID REPLACE, and
 * never twice. One that has gone is not replaced. RFC 8508. */
#include "imap/mailbox_name.h"
#include "session/renumber.h"
#include "session/target.h"
#include "session/uploads.h"

struct replace_run {
    struct run run;
    struct slice mailbox; /* canonical; in the command */
    struct uploads uploads;
    struct seqset old; /* one UID */
    char code[UPLOADS_UIDS_SIZE];
};

static void clear(struct run *run)
{
    seqset_clear(&((struct replace_run *)run)->old);
}

static enum job_turn build(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct replace_run *replace = (struct replace_run *)run;
    uint32_t uid = replace->old.ranges[0].low;

    if (!uid_map_find(&mailbox->map, uid) || !run_note_ghosts(run->session))
        return JOB_REFUSE;
    outgoing_text(out, "UID REPLACE ");
    outgoing_number(out, uid);
    outgoing_text(out, " ");
    outgoing_astring(out, replace->mailbox);
    uploads_print(run->session, &replace->uploads, out);
    return JOB_SEND;
}

/* The code may stand in an untagged OK before the tagged one. */
static void answered(struct run *run, const struct response *response)
{
    struct replace_run *replace = (struct replace_run *)run;

    if (response->kind == RESPONSE_STATUS && response->status == RESPONSE_OK)
        uploads_note_code(response, replace->code, sizeof(replace->code));
}

static void finish(struct run *run)
{
    run_ok_removed(run->session);
}

static void done(struct run *run, const struct job_result *result)
{
    struct replace_run *replace = (struct replace_run *)run;
    struct session *session = run->session;
    char room[UPLOADS_CODE_SIZE];
    const char *code = result->status == JOB_NO ? uploads_bad_address(&replace->uploads, result->response, room) : NULL;

    if (code) {
        run_no(session, code, "The mail server does not find this message");
    } else if (result->status == JOB_REFUSED) {
        run_no(session, "EXPUNGEISSUED", "The message no longer exists");
    } else if (result->status != JOB_OK) {
        run_result(session, result);
    } else {
        uploads_note_code(result->response, replace->code, sizeof(replace->code));
        if (replace->code[0])
            output_format(&session->output, "* OK [%s] Stored\r\n", replace->code);
        run_tell_own(session, &replace->old);
        target_changed(session, replace->mailbox, finish);
    }
}

static const struct run_step replace_step = {
    .goal = JOB_RUN, .policy = POLICY_APPEND, .read_write = true, .build = build, .untagged = answered, .done = done};

/* The fault of the arguments, or NULL. */
static const char *parse(struct replace_run *replace)
{
    const struct session *session = replace->run.session;
    const struct value *value = session_command(session)->arguments;
    const char *error = "REPLACE takes a message, a mailbox name and a new message";
    struct slice name;

    if (!value || value->kind != VALUE_ATOM || !value->next || !value_astring(value->next, &name) ||
        !mailbox_name_valid(name, &error))
        return error;
    replace->mailbox = mailbox_name_canonical(name);
    return uploads_fault(session, value->next->next, false);
}

static void begin(struct replace_run *replace)
{
    struct session *session = replace->run.session;
    const struct command *command = session_command(session);
    struct view *view = session_view(session);
    struct upload_refusal refusal;
    enum renumber_result result = renumber_set(view, command->arguments->text, command->uid, &replace->old);

    if (result == RENUMBER_NO_MEMORY)
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
    else if (seqset_size(&replace->old) > 1)
        run_bad(session, "REPLACE takes one message");
    else if (view->read_only)
        run_no(session, "READ-ONLY", "The mailbox is open read-only");
    else if (replace->old.count == 0)
        run_no(session, "EXPUNGEISSUED", "The message no longer exists");
    else if (!uploads_prepare(session, command->arguments->next->next, &replace->uploads, &refusal))
        run_no(session, refusal.code, refusal.text);
    else
        (void)!run_submit(session, &replace_step, view->mailbox);
}

static void start(struct run *run)
{
    struct replace_run *replace = (struct replace_run *)run;
    const char *fault = parse(replace);

    if (fault)
        run_bad(run->session, fault);
    else
        begin(replace);
}

const struct run_ops replace_ops = {.size = sizeof(struct replace_run), .start = start, .clear = clear};
