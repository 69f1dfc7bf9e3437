/* The server's responses as they arrive: tagged answers go to their command or to IDLE, + to the command that waits for
 * it, everything else to the owner. Stops reading where the meaning of the bytes changes (STARTTLS). Never takes a
 * literal's octets, or an answer to something else, for more than they are. */
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "mux/upstream_inside.h"

static bool tag_is(const char *tag, struct slice text)
{
    return slice_equal(slice_of(tag), text);
}

/* A line that cannot be read, or that nobody waits for. While the connection is being set up it may be a refusal. True:
 * it was one. */
static bool is_refusal(struct upstream *upstream, struct slice line)
{
    enum refusal refusal = REFUSAL_NONE;

    if (!upstream->was_ready)
        refusal = refusal_classify(REFUSAL_AT_LOGIN, RESPONSE_BYE, line, upstream->settings);
    if (refusal == REFUSAL_NONE || refusal == REFUSAL_CREDENTIALS)
        return false;
    upstream_fail(upstream, refusal, line);
    return true;
}

static void garbage(struct upstream *upstream, struct slice line, bool open_fetch, uint32_t fetch_number)
{
    if (!is_refusal(upstream, line) && upstream->owner.garbage)
        upstream->owner.garbage(upstream->owner.owner, line, open_fetch, fetch_number);
}

static void left_out(struct upstream *upstream, struct slice line)
{
    if (!is_refusal(upstream, line) && upstream->owner.left_out)
        upstream->owner.left_out(upstream->owner.owner, line);
}

static void unknown_tag(struct upstream *upstream, struct slice tag)
{
    char text[100];

    snprintf(text, sizeof(text), "an answer with the unknown tag %.*s", tag.length < 60 ? (int)tag.length : 60,
             tag.data);
    garbage(upstream, slice_of(text), false, 0);
}

bool upstream_is_in_idle(const struct upstream *upstream)
{
    return upstream->idle_answer_awaited;
}

/* The tagged answer of IDLE: after our DONE (then nothing else has changed), or not. */
static void idle_answered(struct upstream *upstream, const struct response *response)
{
    bool refused = upstream->state == UPSTREAM_ENTERING_IDLE && response->status != RESPONSE_OK;

    upstream->idle_answer_awaited = false;
    if (upstream->in_flight || upstream->state == UPSTREAM_LOGGING_OUT)
        return;
    upstream_set_state(upstream, UPSTREAM_READY);
    upstream->leave_idle = false;
    upstream->owner.idle_over(upstream->owner.owner, refused);
    if (upstream->held && upstream->state == UPSTREAM_READY) {
        struct outgoing *held = upstream->held;
        upstream->held = NULL;
        upstream_write_command(upstream, held);
    }
    if (upstream->logout_next)
        upstream_logout(upstream);
}

static void tagged(struct upstream *upstream, const struct response *response)
{
    if (upstream->idle_answer_awaited && tag_is(upstream->idle_tag, response->tag)) {
        idle_answered(upstream, response);
        return;
    }
    if (tag_is("DONE", response->tag)) /* our DONE crossed the server's own end of IDLE */
        return;
    if (!upstream->in_flight || !tag_is(upstream->tag, response->tag)) {
        unknown_tag(upstream, response->tag);
        return;
    }
    upstream->in_flight = false;
    /* Refused before a literal was wanted. One that has begun is sent to its end: the server counts its octets, and
     * would take what followed for them, and the rest of the message for commands. */
    if (upstream->sending && upstream->waits_for_plus) {
        outgoing_free(upstream->sending);
        upstream->sending = NULL;
    }
    if (response->code.name == RESPONSE_CODE_CAPABILITY)
        upstream_setup_untagged(upstream, response);
    if (upstream->state == UPSTREAM_LOGGING_OUT)
        upstream_drop(upstream, "logged out");
    else if (upstream->was_ready)
        upstream->owner.tagged(upstream->owner.owner, response);
    else
        upstream_setup_tagged(upstream, response);
}

static void enter_idle(struct upstream *upstream)
{
    upstream_set_state(upstream, UPSTREAM_IDLING);
    if (upstream->held) {
        struct outgoing *held = upstream->held;
        upstream->held = NULL;
        upstream_send(upstream, held, upstream->patience);
    } else if (upstream->leave_idle) {
        upstream_end_idle(upstream);
    }
    upstream->leave_idle = false;
    upstream_set_deadline(upstream);
}

static void continuation(struct upstream *upstream, const struct response *response)
{
    if (upstream->state == UPSTREAM_ENTERING_IDLE) {
        enter_idle(upstream);
    } else if (upstream->state == UPSTREAM_AUTHENTICATING && !upstream->sending) {
        upstream_setup_continue(upstream, response);
    } else if (upstream->sending) {
        outgoing_continue(upstream->sending);
        upstream_push(upstream);
    } else {
        garbage(upstream, SLICE("+ without a command that waits for it"), false, 0);
    }
}

/* BYE ends the connection; while it is being set up it is a refusal. */
static void said_bye(struct upstream *upstream, const struct response *response)
{
    char line[400];
    enum refusal refusal = REFUSAL_NONE;

    upstream->said_bye = true;
    if (upstream->state == UPSTREAM_LOGGING_OUT)
        return;
    snprintf(line, sizeof(line), "%s%.*s%s%.*s", response->code.atom.length ? "[" : "", (int)response->code.atom.length,
             response->code.atom.data ? response->code.atom.data : "", response->code.atom.length ? "] " : "",
             (int)(response->text.length < 300 ? response->text.length : 300),
             response->text.data ? response->text.data : "");
    if (!upstream->was_ready) {
        enum refusal_stage stage = upstream->sent_credential ? REFUSAL_AT_LOGIN : REFUSAL_AT_GREETING;
        refusal = refusal_classify(stage, RESPONSE_BYE, slice_of(line), upstream->settings);
    }
    upstream_fail(upstream, refusal, slice_of(line[0] ? line : "the server said BYE"));
}

static void untagged(struct upstream *upstream, const struct response *response)
{
    bool status = response->kind == RESPONSE_STATUS;

    if (upstream->state == UPSTREAM_GREETING) {
        upstream_setup_greeting(upstream, response);
        return;
    }
    if (response->kind == RESPONSE_CAPABILITY || response->kind == RESPONSE_ENABLED ||
        (status && response->code.name == RESPONSE_CODE_CAPABILITY))
        upstream_setup_untagged(upstream, response);
    if (status && response->status == RESPONSE_BAD)
        upstream->patience = PATIENCE_QUICK; /* it may be about the command: a tagged answer may never come */
    if (status && response->status == RESPONSE_BYE)
        said_bye(upstream, response);
    else if (upstream->owner.untagged)
        upstream->owner.untagged(upstream->owner.owner, response);
}

/* In plain text before STARTTLS: anybody on the way may have said it. */
static bool in_clear(const struct upstream *upstream)
{
    return upstream->settings->tls == UPSTREAM_STARTTLS && !upstream->secured;
}

/* The answers to our own commands, CAPABILITY (forgotten once TLS stands), the greeting and BYE, which can do
 * no more than a cut. No alert for the clients, nothing ENABLED, no state of a mailbox. */
static bool may_be_said_in_clear(const struct upstream *upstream, const struct response *response)
{
    if (response->kind == RESPONSE_STATUS)
        return response->tag.length > 0 || response->status == RESPONSE_BYE || upstream->state == UPSTREAM_GREETING;
    return response->kind == RESPONSE_CAPABILITY || response->kind == RESPONSE_CONTINUE ||
           (upstream->state == UPSTREAM_GREETING && response->kind != RESPONSE_FETCH);
}

static void take(struct upstream *upstream, const struct response *response)
{
    if (in_clear(upstream) && !may_be_said_in_clear(upstream, response))
        return;
    if (response->kind == RESPONSE_CONTINUE)
        continuation(upstream, response);
    else if (response->kind == RESPONSE_STATUS && response->tag.length > 0)
        tagged(upstream, response);
    else if (response->kind != RESPONSE_FETCH)
        untagged(upstream, response);
    else if (upstream->owner.fetch)
        upstream->owner.fetch(upstream->owner.owner, response);
}

static bool awaits_tls(const struct upstream *upstream)
{
    return upstream->state == UPSTREAM_SECURING && !upstream->in_flight;
}

/* Stops at STARTTLS: plain text that the server sent after its OK must not be read. Stops at COMPRESS, too. */
static bool may_read(const struct upstream *upstream)
{
    return upstream_has_link(upstream) && !awaits_tls(upstream) && !upstream->compressing;
}

/* A server that keeps to the protocol is silent until the handshake. */
static void refuse_injection(struct upstream *upstream)
{
    upstream_fail(upstream, REFUSAL_UNKNOWN,
                  SLICE("plain text followed the answer to STARTTLS: an attacker may have inserted it, or the server "
                        "is broken; it is discarded"));
}

/* A server that leaves a quote in ENVELOPE unescaped makes the literal after it stand inside quotes. What follows may
 * be a message, and a message must not speak as the server. */
static void refuse_ambiguity(struct upstream *upstream)
{
    upstream_fail(upstream, REFUSAL_NONE,
                  SLICE("a line that cannot be read announces a literal: what follows may be a message, or an answer"));
}

void upstream_receive(struct upstream *upstream, struct evbuffer *in)
{
    upstream->last_octet = upstream->heard_at = task_now(&upstream->task);
    while (may_read(upstream)) {
        struct response_input input = response_reader_next(upstream->reader, in);
        if (input.event == RESPONSE_EVENT_MORE)
            break;
        switch (input.event) {
        case RESPONSE_EVENT_READY:
            take(upstream, input.response);
            break;
        case RESPONSE_EVENT_DATA:
            if (!in_clear(upstream) && upstream->owner.fetch_data)
                upstream->owner.fetch_data(upstream->owner.owner, input.bytes);
            break;
        case RESPONSE_EVENT_GARBAGE:
            if (input.announces_literal)
                refuse_ambiguity(upstream);
            else if (input.spare)
                left_out(upstream, input.bytes);
            else
                garbage(upstream, input.bytes, input.open_fetch, input.fetch_number);
            break;
        case RESPONSE_EVENT_MORE:
            break;
        }
    }
    response_reader_settle(upstream->reader, in);
    if (awaits_tls(upstream) && evbuffer_get_length(in) > 0)
        refuse_injection(upstream);
    if (!may_read(upstream) && !upstream->compressing) /* compressed octets are the link's */
        evbuffer_drain(in, evbuffer_get_length(in));
    if (upstream_has_link(upstream))
        upstream_set_deadline(upstream);
}
