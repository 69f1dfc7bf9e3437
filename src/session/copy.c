/* COPY, MOVE and their UID forms: one job, all or nothing, unless the set does not fit one command. By number nothing
 * is done if one of the messages is gone already. COPYUID shows the messages that the server left out. It is believed
 * only where it names messages that this very command asked for. MOVE is made of COPY, STORE and UID EXPUNGE of just
 * these where the server has none. RFC 3501 section 6.4.7, RFC 6851, RFC 4315 section 3, RFC 2180 section 4.4. */
#include <event2/buffer.h>
#include <stdio.h>

#include "base/append.h"
#include "imap/mailbox_name.h"
#include "session/parts.h"
#include "session/removal.h"
#include "session/renumber.h"
#include "session/target.h"
#include "session/tell.h"

struct copy_run {
    struct run run;
    bool move;
    bool emulated;
    bool begun;  /* a part of it has been answered */
    bool ghosts; /* refused at its turn: a message is gone */
    bool left;   /* the account goes on with the removal */
    struct slice target;
    struct seqset uids;       /* the messages of the client's set */
    struct parts parts;       /* still to be sent */
    struct seqset part;       /* in flight */
    struct seqset named;      /* of the part: copied, by COPYUID */
    struct seqset removal;    /* MOVE without the server's: the part's copied messages */
    uint64_t copied;          /* in all, by COPYUID; without it, the messages that still lived */
    uint64_t presumed;        /* of these, in parts without COPYUID */
    uint32_t validity;        /* 0: no COPYUID has come */
    struct evbuffer *sources; /* "1:3,5" of COPYUID, parts with commas between */
    struct evbuffer *targets;
};

static void clear(struct run *run)
{
    struct copy_run *copy = (struct copy_run *)run;

    seqset_clear(&copy->uids);
    parts_clear(&copy->parts);
    seqset_clear(&copy->part);
    seqset_clear(&copy->named);
    seqset_clear(&copy->removal);
    if (copy->sources)
        evbuffer_free(copy->sources);
    if (copy->targets)
        evbuffer_free(copy->targets);
}

/* --- the copying job */

static bool has_ghosts(const struct copy_run *copy, const struct uid_map *map, bool *ghosts)
{
    struct seqset living = {0};
    bool ok = uid_map_intersect(map, &copy->uids, &living);

    *ghosts = ok && seqset_size(&living) != seqset_size(&copy->uids);
    seqset_clear(&living);
    return ok;
}

static enum job_turn build_copy(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    struct copy_run *copy = (struct copy_run *)run;
    struct session *session = run->session;
    struct seqset part = {0};
    bool ok = true;

    if (copy->move && !run_note_ghosts(session))
        return JOB_REFUSE;
    if (!copy->begun && !session_command(session)->uid)
        ok = has_ghosts(copy, &mailbox->map, &copy->ghosts);
    if (!ok || copy->ghosts)
        return JOB_REFUSE;
    seqset_clear(&copy->part);
    seqset_clear(&copy->named);
    ok = parts_take(&copy->parts, session_settings(session)->upstream_command_max, &part) &&
         uid_map_intersect(&mailbox->map, &part, &copy->part);
    seqset_clear(&part);
    if (!ok)
        return JOB_REFUSE;
    if (copy->part.count == 0)
        return JOB_NOTHING;
    outgoing_text(out, copy->move && !copy->emulated ? "UID MOVE " : "UID COPY ");
    outgoing_set(out, &copy->part);
    outgoing_text(out, " ");
    outgoing_astring(out, copy->target);
    return JOB_SEND;
}

static bool add_list(struct evbuffer *list, const struct value *value)
{
    return (evbuffer_get_length(list) == 0 || append_bytes(list, ",", 1)) &&
           append_bytes(list, value->text.data, value->text.length);
}

/* Sources that this part asked for and that no COPYUID has named yet. */
static bool are_believable(const struct copy_run *copy, const struct seqset *sources)
{
    struct seqset_walk walk;
    uint32_t uid;

    seqset_walk_start(&walk, &copy->part);
    for (size_t i = 0; i < sources->count; i++) {
        for (uint64_t source = sources->ranges[i].low; source <= sources->ranges[i].high; source++) {
            do {
                if (!seqset_walk_next(&walk, &uid) || uid > source)
                    return false;
            } while (uid < source);
            if (seqset_contains(&copy->named, uid))
                return false;
        }
    }
    return true;
}

static bool note_copied(struct copy_run *copy, const struct seqset *sources, const struct value *lists)
{
    copy->copied += seqset_size(sources);
    for (size_t i = 0; i < sources->count; i++) {
        if (!seqset_add_range(&copy->named, sources->ranges[i].low, sources->ranges[i].high))
            return false;
    }
    return add_list(copy->sources, lists) && add_list(copy->targets, lists->next);
}

/* [COPYUID validity sources targets], in the tagged answer of COPY or an untagged one of MOVE. False: out of memory. */
static bool take_copyuid(struct copy_run *copy, const struct response *response)
{
    const struct value *validity = response->code.arguments;
    struct seqset sources = {0}, targets = {0};
    enum seqset_result from, to;
    uint64_t number;
    bool ok;

    if (response->code.name != RESPONSE_CODE_COPYUID || value_count(validity) != 3 ||
        !value_number(validity, UINT32_MAX, &number))
        return true;
    from = response_uid_set(validity->next, &sources);
    to = response_uid_set(validity->next->next, &targets);
    ok = from != SEQSET_TOO_BIG && to != SEQSET_TOO_BIG;
    if (from == SEQSET_OK && to == SEQSET_OK && seqset_size(&sources) == seqset_size(&targets) &&
        are_believable(copy, &sources)) {
        copy->validity = (uint32_t)number;
        ok = note_copied(copy, &sources, validity->next);
    }
    seqset_clear(&sources);
    seqset_clear(&targets);
    output_check(&copy->run.session->output, ok);
    return ok;
}

static void copy_untagged(struct run *run, const struct response *response)
{
    if (response->kind == RESPONSE_STATUS)
        (void)!take_copyuid((struct copy_run *)run, response);
}

/* --- the end */

static void copyuid_code(struct copy_run *copy, struct evbuffer *out)
{
    append_format(out, "COPYUID %u ", copy->validity);
    append_buffer(out, copy->sources);
    append_bytes(out, " ", 1);
    append_buffer(out, copy->targets);
}

/* How many of the messages asked for by number were not there to be copied. A server that tells COPYUID for one part
 * has copied nothing of a part for which it tells none. */
static uint64_t missing(const struct copy_run *copy)
{
    uint64_t asked = seqset_size(&copy->uids);
    uint64_t done = copy->validity ? copy->copied - copy->presumed : copy->copied;

    return session_command(copy->run.session)->uid || done > asked ? 0 : asked - done;
}

/* code: "COPYUID ...", or empty. */
static void finish_with(struct copy_run *copy, const char *code)
{
    struct session *session = copy->run.session;
    uint64_t asked = seqset_size(&copy->uids), lacking = missing(copy);
    char text[120];

    if (copy->move && copy->validity)
        output_format(&session->output, "* OK [%s] Moved\r\n", code);
    if (copy->move)
        run_tell_own(session, &copy->uids);
    if (lacking > 0) {
        snprintf(text, sizeof(text), "%llu of %llu messages were copied: the others no longer exist",
                 (unsigned long long)(asked - lacking), (unsigned long long)asked);
        run_no(session, "EXPUNGEISSUED", text);
    } else if (copy->validity && !copy->move) {
        run_finish(session, RESPONSE_OK, code, "COPY completed.");
    } else if (copy->move) {
        run_ok_removed(session);
    } else {
        run_ok(session, NULL);
    }
}

static void finish(struct run *run)
{
    struct copy_run *copy = (struct copy_run *)run;
    struct evbuffer *code = evbuffer_new();

    if (code && copy->validity)
        copyuid_code(copy, code);
    if (code && append_bytes(code, "", 1) && evbuffer_pullup(code, -1))
        finish_with(copy, (const char *)evbuffer_pullup(code, -1));
    else
        output_fail(&run->session->output);
    if (code)
        evbuffer_free(code);
}

/* Answers NO with a text: not all was done. */
static void finish_in_part(struct copy_run *copy, const struct job_result *result)
{
    struct session *session = copy->run.session;
    char text[120];

    if (result->status == JOB_REFUSED && copy->ghosts) {
        run_no(session, "EXPUNGEISSUED", "Some of the messages no longer exist; nothing was copied");
    } else if (copy->copied > 0 && result->status == JOB_NO) {
        snprintf(text, sizeof(text), "The mail server refused after %llu messages", (unsigned long long)copy->copied);
        run_no(session, NULL, text);
    } else {
        run_result(session, result);
    }
}

/* --- MOVE where the server has none */

static enum job_turn build_mark(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    return removal_build(REMOVAL_MARK, &((const struct copy_run *)run)->removal, mailbox, out);
}

static enum job_turn build_remove(struct run *run, struct mailbox *mailbox, struct outgoing *out)
{
    return removal_build(REMOVAL_EXPUNGE, &((const struct copy_run *)run)->removal, mailbox, out);
}

static void next(struct copy_run *copy);
static void marked(struct run *run, const struct job_result *result);
static void removed(struct run *run, const struct job_result *result);
static void copied(struct run *run, const struct job_result *result);

static const struct run_step copy_step = {
    .goal = JOB_RUN, .policy = POLICY_COPY, .build = build_copy, .untagged = copy_untagged, .done = copied};
static const struct run_step move_step = {.goal = JOB_RUN,
                                          .policy = POLICY_COPY,
                                          .read_write = true,
                                          .build = build_copy,
                                          .untagged = copy_untagged,
                                          .done = copied};
static const struct run_step mark_step = {
    .goal = JOB_RUN, .policy = POLICY_STORE_CHANGE, .read_write = true, .build = build_mark, .done = marked};
static const struct run_step remove_step = {
    .goal = JOB_RUN, .policy = POLICY_REMOVE, .read_write = true, .build = build_remove, .done = removed};

static void submit(struct copy_run *copy, const struct run_step *step)
{
    (void)!run_submit(copy->run.session, step, session_view(copy->run.session)->mailbox);
}

static void submit_copy(struct copy_run *copy)
{
    submit(copy, copy->move ? &move_step : &copy_step);
}

/* The messages are in the target already: whatever fails now, they are there twice, for a time at least. */
static void failed_to_remove(const struct copy_run *copy, const struct job_result *result)
{
    struct session *session = copy->run.session;

    if (result->status == JOB_LOST)
        run_result(session, result);
    else if (copy->left)
        run_no(session, "UNAVAILABLE",
               "The messages were copied; they are removed from this mailbox when the mail server can be reached");
    else
        run_no(session, NULL, "The messages were copied but could not be removed from this mailbox");
}

static void marked(struct run *run, const struct job_result *result)
{
    struct copy_run *copy = (struct copy_run *)run;

    if (result->status == JOB_OK && session_view(run->session))
        submit(copy, &remove_step);
    else
        failed_to_remove(copy, result);
}

/* How many of these live? Out of memory ends the session: whatever it would be told might be wrong. */
static uint64_t count_living(struct session *session, const struct seqset *uids)
{
    struct seqset living = {0};
    uint64_t count;

    output_check(&session->output, uid_map_intersect(&session_view(session)->mailbox->map, uids, &living));
    count = seqset_size(&living);
    seqset_clear(&living);
    return count;
}

/* Another client may have taken \Deleted away before the EXPUNGE. */
static void removed(struct run *run, const struct job_result *result)
{
    struct copy_run *copy = (struct copy_run *)run;
    struct session *session = run->session;

    if (result->status == JOB_OK && session_view(session) && count_living(session, &copy->removal) == 0) {
        seqset_clear(&copy->removal);
        next(copy);
    } else {
        failed_to_remove(copy, result);
    }
}

/* For a part without a credible COPYUID: the messages that have not vanished meanwhile, or for the server's own MOVE
 * all of its set. */
static uint64_t presumably_copied(const struct copy_run *copy)
{
    return copy->move && !copy->emulated ? seqset_size(&copy->part) : count_living(copy->run.session, &copy->part);
}

static void copied(struct run *run, const struct job_result *result)
{
    struct copy_run *copy = (struct copy_run *)run;
    struct session *session = run->session;

    copy->begun = true;
    parts_done(&copy->parts);
    if (result->status != JOB_OK || !session_view(session)) {
        finish_in_part(copy, result);
        return;
    }
    if (result->response && !take_copyuid(copy, result->response))
        return;
    if (copy->named.count == 0) {
        uint64_t presumed = presumably_copied(copy);
        copy->copied += presumed;
        copy->presumed += presumed;
    }
    if (copy->emulated && !seqset_copy(copy->named.count > 0 ? &copy->named : &copy->part, &copy->removal))
        output_fail(&session->output);
    else if (copy->emulated)
        submit(copy, &mark_step);
    else
        next(copy);
}

static void next(struct copy_run *copy)
{
    if (copy->parts.left.count > 0)
        submit_copy(copy);
    else if (copy->copied > 0)
        target_changed(copy->run.session, copy->target, finish);
    else
        finish(&copy->run);
}

/* --- the beginning */

static const char *parse(struct copy_run *copy)
{
    const struct value *arguments = session_command(copy->run.session)->arguments;
    const char *error = "COPY and MOVE take a set of messages and a mailbox name";
    struct slice name;

    if (value_count(arguments) != 2 || arguments->kind != VALUE_ATOM || !value_astring(arguments->next, &name) ||
        !mailbox_name_valid(name, &error))
        return error;
    copy->target = mailbox_name_canonical(name);
    return NULL;
}

static void begin(struct copy_run *copy)
{
    struct session *session = copy->run.session;
    const struct command *command = session_command(session);
    struct view *view = session_view(session);
    enum renumber_result result;

    copy->emulated = copy->move && !session_can(session, CAPABILITY_MOVE);
    if (copy->emulated && !session_can(session, CAPABILITY_UIDPLUS)) {
        run_no(session, "CANNOT", "MOVE is not possible: the mail server cannot do it safely");
        return;
    }
    if (command->uid)
        tell_arrivals(view, &session->output);
    result = renumber_set(view, command->arguments->text, command->uid, &copy->uids);
    if (result == RENUMBER_NO_MEMORY || !seqset_copy(&copy->uids, &copy->parts.left))
        run_no_memory(session);
    else if (result != RENUMBER_OK)
        run_bad(session, renumber_fault(result));
    else if (copy->uids.count == 0)
        run_ok(session, NULL);
    else
        submit_copy(copy);
}

static void start(struct run *run)
{
    struct copy_run *copy = (struct copy_run *)run;
    struct session *session = run->session;
    const char *fault = parse(copy);

    copy->move = session_command(session)->name == COMMAND_MOVE;
    copy->sources = evbuffer_new();
    copy->targets = evbuffer_new();
    if (!copy->sources || !copy->targets)
        run_no_memory(session);
    else if (fault)
        run_bad(session, fault);
    else if (copy->move && session_view(session)->read_only)
        run_no(session, "READ-ONLY", "The mailbox is open read-only");
    else
        begin(copy);
}

/* A MOVE that is made of three commands is the account's to finish once its COPY has been sent. */
static bool leave(struct run *run, struct job *job)
{
    struct copy_run *copy = (struct copy_run *)run;
    const struct run_step *step = run->session->current.step;
    usec until = session_now(run->session) + SESSION_LEFT_TIME;

    if (!copy->emulated)
        return false;
    if (step == &mark_step || step == &remove_step)
        copy->left = removal_inherit(job, step == &mark_step ? REMOVAL_MARK : REMOVAL_EXPUNGE, &copy->removal, until);
    else if (step == &move_step)
        copy->left = removal_inherit(job, REMOVAL_COPY, copy->named.count > 0 ? &copy->named : &copy->part, until);
    return copy->left;
}

const struct run_ops copy_ops = {.size = sizeof(struct copy_run), .start = start, .leave = leave, .clear = clear};
