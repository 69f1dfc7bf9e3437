/* COPY, MOVE and their UID forms: one job, all or nothing, unless the set does not fit one command. By number nothing
 * is done if one of the messages is gone already; what the server left out is found by COPYUID, which is believed only
 * where it names messages that this very command asked for. MOVE is made of COPY, STORE and UID EXPUNGE of just these
 * where the server has none. RFC 3501 section 6.4.7, RFC 6851, RFC 4315 section 3, RFC 2180 section 4.4. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/append.h"
#include "imap/mailbox_name.h"
#include "session/renumber.h"
#include "session/state.h"
#include "session/tell.h"

struct copy_run {
    struct run run;
    bool move;
    bool emulated;
    bool begun;  /* a part of it has been answered */
    bool ghosts; /* refused at its turn: a message is gone */
    struct slice target;
    struct seqset uids;       /* what the client means */
    struct parts parts;       /* still to be sent */
    struct seqset part;       /* in flight */
    struct seqset named;      /* of the part: copied, by COPYUID */
    struct seqset removal;    /* MOVE without the server's: what of the part has been copied */
    uint64_t copied;          /* in all: by COPYUID, where there is none what was still there */
    uint64_t presumed;        /* of these, in parts without COPYUID */
    uint32_t validity;        /* 0: no COPYUID has come */
    struct evbuffer *sources; /* "1:3,5" of COPYUID, parts with commas between */
    struct evbuffer *targets;
};

static void free_copy(struct run *run)
{
    struct copy_run *copy = (struct copy_run *)run;

    seqset_clear(&copy->uids);
    seqset_clear(&copy->parts.left);
    seqset_clear(&copy->part);
    seqset_clear(&copy->named);
    seqset_clear(&copy->removal);
    if (copy->sources)
        evbuffer_free(copy->sources);
    if (copy->targets)
        evbuffer_free(copy->targets);
    free(copy);
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

static enum job_turn build_copy(struct job *job, struct outgoing *out)
{
    struct session *session = job->owner;
    struct copy_run *copy = (struct copy_run *)session->run;
    struct seqset part = {0};
    bool ok = true;

    if (!copy->begun && !session->current->command.uid)
        ok = has_ghosts(copy, &job->mailbox->map, &copy->ghosts);
    if (!ok || copy->ghosts)
        return JOB_REFUSE;
    seqset_clear(&copy->part);
    seqset_clear(&copy->named);
    ok = target_take_part(&copy->parts, session_settings(session)->upstream_command_max, &part) &&
         uid_map_intersect(&job->mailbox->map, &part, &copy->part);
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
static bool take_copyuid(struct session *session, const struct response *response)
{
    struct copy_run *copy = (struct copy_run *)session->run;
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
    if (!ok)
        session_no_memory(session);
    return ok;
}

static void copy_untagged(struct job *job, const struct response *response)
{
    struct session *session = job->owner;

    if (response->kind == RESPONSE_STATUS)
        (void)!take_copyuid(session, response);
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
static uint64_t missing(const struct session *session, const struct copy_run *copy)
{
    uint64_t asked = seqset_size(&copy->uids);
    uint64_t done = copy->validity ? copy->copied - copy->presumed : copy->copied;

    return session->current->command.uid || done > asked ? 0 : asked - done;
}

static void finish(struct session *session)
{
    struct copy_run *copy = (struct copy_run *)session->run;
    uint64_t asked = seqset_size(&copy->uids), lacking = missing(session, copy);
    struct evbuffer *code = evbuffer_new();
    char text[120];

    if (!code) {
        session_no_memory(session);
        return;
    }
    if (copy->validity)
        copyuid_code(copy, code);
    append_bytes(code, "", 1);
    if (copy->move && copy->validity)
        session_write(session, "* OK [%s] Moved\r\n", (const char *)evbuffer_pullup(code, -1));
    if (copy->move)
        tell_before_tag(session, &copy->uids);
    if (lacking > 0) {
        snprintf(text, sizeof(text), "%llu of %llu messages were copied: the others no longer exist",
                 (unsigned long long)(asked - lacking), (unsigned long long)asked);
        session_no(session, "EXPUNGEISSUED", text);
    } else if (copy->validity && !copy->move) {
        session_finish(session, RESPONSE_OK, (const char *)evbuffer_pullup(code, -1), "COPY completed.");
    } else {
        session_ok(session, NULL);
    }
    evbuffer_free(code);
}

/* Not all was done: said in words. */
static void finish_in_part(struct session *session, const struct job_result *result)
{
    struct copy_run *copy = (struct copy_run *)session->run;
    char text[120];

    if (result->status == JOB_REFUSED && copy->ghosts) {
        session_no(session, "EXPUNGEISSUED", "Some of the messages no longer exist; nothing was copied");
    } else if (copy->copied > 0 && result->status == JOB_NO) {
        snprintf(text, sizeof(text), "The mail server refused after %llu messages", (unsigned long long)copy->copied);
        session_no(session, NULL, text);
    } else {
        session_finish_result(session, result);
    }
}

/* --- MOVE where the server has none */

static enum job_turn build_mark(struct job *job, struct outgoing *out)
{
    struct copy_run *copy = (struct copy_run *)((struct session *)job->owner)->run;
    struct seqset living = {0};
    bool ok = uid_map_intersect(&job->mailbox->map, &copy->removal, &living);
    bool any = living.count > 0;

    if (ok && any) {
        outgoing_text(out, "UID STORE ");
        outgoing_set(out, &living);
        outgoing_text(out, " +FLAGS (\\Deleted)"); /* not .SILENT: the truth is to learn it */
    }
    seqset_clear(&living);
    return !ok ? JOB_REFUSE : any ? JOB_SEND : JOB_NOTHING;
}

static enum job_turn build_remove(struct job *job, struct outgoing *out)
{
    struct copy_run *copy = (struct copy_run *)((struct session *)job->owner)->run;
    struct seqset living = {0};
    bool ok = uid_map_intersect(&job->mailbox->map, &copy->removal, &living);
    bool any = living.count > 0;

    if (ok && any) {
        outgoing_text(out, "UID EXPUNGE ");
        outgoing_set(out, &living);
    }
    seqset_clear(&living);
    return !ok ? JOB_REFUSE : any ? JOB_SEND : JOB_NOTHING;
}

static void next(struct session *session);
static void marked(struct job *job, const struct job_result *result);
/* Another client may have taken \Deleted away before the EXPUNGE. */
static void removed(struct job *job, const struct job_result *result);
static void copied(struct job *job, const struct job_result *result);

static const struct job_ops copy_ops = {.build = build_copy, .untagged = copy_untagged, .done = copied};
static const struct job_ops mark_ops = {.build = build_mark, .done = marked};
static const struct job_ops remove_ops = {.build = build_remove, .done = removed};

static void submit(struct session *session, const struct job_ops *ops)
{
    const struct copy_run *copy = (const struct copy_run *)session->run;
    struct job wanted = {.ops = ops,
                         .goal = JOB_RUN,
                         .policy = ops == &mark_ops     ? POLICY_STORE_CHANGE
                                   : ops == &remove_ops ? POLICY_EXPUNGE
                                                        : POLICY_COPY,
                         .mailbox = session->view->mailbox,
                         .read_write = copy->move};

    (void)!session_submit(session, &wanted);
}

/* The messages are in the target already: whatever fails now, they are there twice. */
static void failed_to_remove(struct session *session, const struct job_result *result)
{
    if (result->status == JOB_LOST)
        session_finish_result(session, result);
    else
        session_no(session, NULL, "The messages were copied, but could not be removed here");
}

static void marked(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;

    session->job = NULL;
    if (result->status == JOB_OK && session->view->mailbox)
        submit(session, &remove_ops);
    else
        failed_to_remove(session, result);
}

/* How many of these live? Out of memory ends the session: whatever it would be told might be wrong. */
static uint64_t count_living(struct session *session, const struct seqset *uids)
{
    struct seqset living = {0};
    uint64_t count;

    if (!uid_map_intersect(&session->view->mailbox->map, uids, &living))
        session_no_memory(session);
    count = seqset_size(&living);
    seqset_clear(&living);
    return count;
}

/* Another client may have taken \Deleted away before the EXPUNGE. */
static void removed(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct copy_run *copy = (struct copy_run *)session->run;

    session->job = NULL;
    if (result->status == JOB_OK && session->view->mailbox && count_living(session, &copy->removal) == 0) {
        seqset_clear(&copy->removal);
        next(session);
    } else {
        failed_to_remove(session, result);
    }
}

/* Of a part without a COPYUID that can be believed: what has not vanished meanwhile, or for the server's own MOVE what
 * was asked for. */
static uint64_t presumably_copied(struct session *session, const struct copy_run *copy)
{
    return copy->move && !copy->emulated ? seqset_size(&copy->part) : count_living(session, &copy->part);
}

static void copied(struct job *job, const struct job_result *result)
{
    struct session *session = job->owner;
    struct copy_run *copy = (struct copy_run *)session->run;

    session->job = NULL;
    copy->begun = true;
    target_part_done(&copy->parts);
    if (result->status != JOB_OK || !session->view->mailbox) {
        finish_in_part(session, result);
        return;
    }
    if (result->response && !take_copyuid(session, result->response))
        return;
    if (copy->named.count == 0) {
        uint64_t presumed = presumably_copied(session, copy);
        copy->copied += presumed;
        copy->presumed += presumed;
    }
    if (copy->emulated && !seqset_copy(copy->named.count > 0 ? &copy->named : &copy->part, &copy->removal))
        session_no_memory(session);
    else if (copy->emulated)
        submit(session, &mark_ops);
    else
        next(session);
}

static void next(struct session *session)
{
    struct copy_run *copy = (struct copy_run *)session->run;

    if (copy->parts.left.count > 0)
        submit(session, &copy_ops);
    else if (copy->copied > 0)
        target_changed(session, copy->target, finish);
    else
        finish(session);
}

/* --- the beginning */

static const char *parse(struct session *session, struct copy_run *copy)
{
    const struct value *arguments = session->current->command.arguments;
    const char *error = "COPY and MOVE take a set of messages and a mailbox name";
    struct slice name;

    if (value_count(arguments) != 2 || arguments->kind != VALUE_ATOM || !value_astring(arguments->next, &name) ||
        !mailbox_name_valid(name, &error))
        return error;
    copy->target = mailbox_name_canonical(name);
    return NULL;
}

static void begin(struct session *session, struct copy_run *copy)
{
    const struct command *command = &session->current->command;
    enum renumber_result result;

    copy->emulated = copy->move && !session_can(session, CAPABILITY_MOVE);
    if (copy->emulated && !session_can(session, CAPABILITY_UIDPLUS)) {
        session_cannot(session, "MOVE is not possible: the mail server cannot do it safely",
                       session->offered[CAPABILITY_MOVE] ? CAPABILITY_MOVE : CAPABILITY_UIDPLUS);
        return;
    }
    if (command->uid)
        tell_arrivals(session);
    result = renumber_set(session->view, command->arguments->text, command->uid, &copy->uids);
    if (result == RENUMBER_NO_MEMORY || !seqset_copy(&copy->uids, &copy->parts.left))
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
    else if (result != RENUMBER_OK)
        session_bad(session, renumber_fault(result));
    else if (copy->uids.count == 0)
        session_ok(session, NULL);
    else
        submit(session, &copy_ops);
}

void session_start_copy(struct session *session)
{
    struct copy_run *copy = calloc(1, sizeof(*copy));
    const char *fault;

    if (copy) {
        copy->run.free = free_copy;
        copy->move = session->current->command.name == COMMAND_MOVE;
        copy->sources = evbuffer_new();
        copy->targets = evbuffer_new();
        session->run = &copy->run;
    }
    if (!copy || !copy->sources || !copy->targets) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    fault = parse(session, copy);
    if (fault)
        session_bad(session, fault);
    else if (copy->move && session->view->read_only)
        session_no(session, "READ-ONLY", "The mailbox is open read-only");
    else
        begin(session, copy);
}
