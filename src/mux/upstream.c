/* The protocol on the connection to the server: states, tags, one command in flight, IDLE and its DONE, time-outs, and
 * the end. The server's responses go to the owner parsed; nothing here knows mailboxes. It never dials while a link
 * exists. */
#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/upstream_inside.h"

/*
 *  DISCONNECTED --dial--> CONNECTING --connected--> GREETING --OK--> [SECURING -->] AUTHENTICATING --> READY
 *       ^                     |                        |                                |             |  ^
 *       |                     |                        |                                |        idle |  | DONE
 *       |                     v                        v                                v             v  |
 *       +----closed------- CLOSING <---------------- any failure, LOGGING_OUT <--logout--- ENTERING_IDLE -> IDLING
 */

#define LOGOUT_TIMEOUT (2 * USEC_SECOND)

static const char *const state_names[] = {
#define STATE_NAME(name) [UPSTREAM_##name] = #name,
    UPSTREAM_STATES(STATE_NAME)
#undef STATE_NAME
};

const char *upstream_state_name(enum upstream_state state)
{
    return state_names[state];
}

enum upstream_state upstream_state(const struct upstream *upstream)
{
    return upstream->state;
}

const struct capability_set *upstream_capabilities(const struct upstream *upstream)
{
    return &upstream->capabilities;
}

bool upstream_has_condstore(const struct upstream *upstream)
{
    return upstream->condstore || upstream->capabilities.has[CAPABILITY_CONDSTORE];
}

bool upstream_has_qresync(const struct upstream *upstream)
{
    return upstream->qresync;
}

bool upstream_logged_in(const struct upstream *upstream)
{
    return upstream->was_ready && upstream->state != UPSTREAM_DISCONNECTED;
}

uint64_t upstream_commands(const struct upstream *upstream)
{
    return upstream->commands;
}

uint64_t upstream_written(const struct upstream *upstream)
{
    return upstream->written;
}

usec upstream_heard_at(const struct upstream *upstream)
{
    return upstream->heard_at;
}

bool upstream_busy(const struct upstream *upstream)
{
    switch (upstream->state) {
    case UPSTREAM_READY:
        return upstream->in_flight || upstream->sending || upstream->idle_answer_awaited;
    case UPSTREAM_ENTERING_IDLE:
    case UPSTREAM_IDLING:
        return upstream->held || upstream->leave_idle;
    case UPSTREAM_DISCONNECTED:
    case UPSTREAM_CONNECTING:
    case UPSTREAM_GREETING:
    case UPSTREAM_SECURING:
    case UPSTREAM_AUTHENTICATING:
    case UPSTREAM_LOGGING_OUT:
    case UPSTREAM_CLOSING:
        return true;
    }
    abort();
}

#define FOLLOWS(state) (1U << UPSTREAM_##state)

/* From each state, those that may follow: the diagram above. */
static const unsigned edges[] = {
    [UPSTREAM_DISCONNECTED] = FOLLOWS(CONNECTING),
    [UPSTREAM_CONNECTING] = FOLLOWS(GREETING) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_GREETING] = FOLLOWS(SECURING) | FOLLOWS(AUTHENTICATING) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_SECURING] = FOLLOWS(AUTHENTICATING) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_AUTHENTICATING] = FOLLOWS(READY) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_READY] = FOLLOWS(ENTERING_IDLE) | FOLLOWS(LOGGING_OUT) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_ENTERING_IDLE] = FOLLOWS(IDLING) | FOLLOWS(READY) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_IDLING] = FOLLOWS(READY) | FOLLOWS(LOGGING_OUT) | FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_LOGGING_OUT] = FOLLOWS(CLOSING) | FOLLOWS(DISCONNECTED),
    [UPSTREAM_CLOSING] = FOLLOWS(DISCONNECTED),
};

void upstream_set_state(struct upstream *upstream, enum upstream_state state)
{
    if (upstream->state == state)
        return;
    assert(edges[upstream->state] & 1U << state);
    log_line(upstream->ground->log, LOG_DEBUG, "%s: upstream %s -> %s", upstream->name, state_names[upstream->state],
             state_names[state]);
    upstream->state = state;
}

bool upstream_has_link(const struct upstream *upstream)
{
    return upstream->link && upstream->state != UPSTREAM_CLOSING;
}

/* --- the end, from our side */

/* A reason goes into one line of the log and to clients, but a server's text in a literal may hold line ends. */
static void note_reason(struct upstream *upstream, struct slice words)
{
    size_t length = words.length < sizeof(upstream->reason) - 1 ? words.length : sizeof(upstream->reason) - 1;

    for (size_t i = 0; i < length; i++) {
        char shown = words.data[i];
        if ((unsigned char)shown < ' ' || shown == 0x7f)
            shown = '?';
        upstream->reason[i] = shown;
    }
    upstream->reason[length] = '\0';
}

/* Notes why, once, and closes. */
static void close_link(struct upstream *upstream, enum refusal refusal, struct slice words, bool flush)
{
    if (!upstream_has_link(upstream))
        return;
    if (upstream->reason[0] == '\0') {
        upstream->refusal = refusal;
        upstream->backoff = refusal_backoff(words);
        note_reason(upstream, words);
    }
    upstream_set_state(upstream, UPSTREAM_CLOSING);
    upstream->ground->link_ops->close(upstream->link, flush);
}

/* --- time-outs */

/* Does the server owe us something? Then its silence is measured; in IDLE it may be silent. */
static bool awaits_answer(const struct upstream *upstream)
{
    return upstream->in_flight || (upstream->idle_answer_awaited && upstream->state != UPSTREAM_IDLING);
}

/* The server may be silent until then. */
static usec silent_until(const struct upstream *upstream)
{
    const struct settings *settings = upstream->ground->settings;
    bool slow = upstream->in_flight && upstream->patience == PATIENCE_SLOW;

    return upstream->last_octet + (slow ? settings->slow_timeout : settings->response_timeout);
}

void upstream_set_deadline(struct upstream *upstream)
{
    usec at = upstream->give_up_at;

    if (awaits_answer(upstream) && silent_until(upstream) < at)
        at = silent_until(upstream);
    task_set_deadline(&upstream->task, at);
}

/* What was not done within connect_timeout. Each text sends the administrator to another place. */
static const char *late_words(enum upstream_state state)
{
    static const char *const words[] = {
        [UPSTREAM_CONNECTING] = "connecting to the server, with TLS, took too long",
        [UPSTREAM_GREETING] = "the server did not greet in time",
        [UPSTREAM_SECURING] = "the server did not finish STARTTLS in time",
        [UPSTREAM_AUTHENTICATING] = "the server did not answer the login in time",
    };
    bool known = (size_t)state < sizeof(words) / sizeof(words[0]) && words[state];
    return known ? words[state] : "the server was not ready in time";
}

static void not_ready_in_time(struct upstream *upstream)
{
    upstream->unreached |= upstream->state == UPSTREAM_GREETING;
    upstream->late = true;
    upstream_fail(upstream, REFUSAL_TEMPORARY, slice_of(late_words(upstream->state)));
}

/* The server may be at work on the command still, and its session lives for as long. So our end is closed first, and
 * the next connection comes when the server has closed its end, or after response_timeout. A command that was not
 * written to its end must stay so. */
static void give_up_waiting(struct upstream *upstream)
{
    bool whole = !upstream->sending;

    upstream->timed_out = true;
    close_link(upstream, REFUSAL_NONE, SLICE("the server has stopped answering"), whole);
}

static void on_deadline(struct task *task, usec now)
{
    struct upstream *upstream = (struct upstream *)task;

    if (!upstream_has_link(upstream))
        return;
    if (now >= upstream->give_up_at && upstream->state == UPSTREAM_LOGGING_OUT)
        upstream_fail(upstream, REFUSAL_NONE, SLICE("logged out; the server did not answer LOGOUT"));
    else if (now >= upstream->give_up_at)
        not_ready_in_time(upstream);
    else if (awaits_answer(upstream) && now >= silent_until(upstream))
        give_up_waiting(upstream);
    else
        upstream_set_deadline(upstream);
}

/* --- making and ending */

struct upstream *upstream_new(struct ground *ground, const struct upstream_settings *settings, const char *name,
                              const struct upstream_owner *owner)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));

    if (!upstream)
        return NULL;
    upstream->ground = ground;
    upstream->settings = settings;
    upstream->name = name;
    upstream->owner = *owner;
    upstream->give_up_at = USEC_NEVER;
    task_init(&upstream->task, ground->runqueue, on_deadline);
    upstream->reader = response_reader_new(ground->settings->upstream_answer_max);
    upstream->output = evbuffer_new();
    if (upstream->reader && upstream->output)
        return upstream;
    upstream_free(upstream);
    return NULL;
}

static void forget_commands(struct upstream *upstream)
{
    outgoing_free(upstream->sending);
    outgoing_free(upstream->held);
    upstream->sending = upstream->held = NULL;
    upstream->in_flight = upstream->idle_answer_awaited = upstream->leave_idle = upstream->logout_next = false;
}

void upstream_forget_credential(struct upstream *upstream)
{
    credential_clear(&upstream->credential);
    upstream->login.credential = NULL;
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    task_clear(&upstream->task);
    forget_commands(upstream);
    upstream_forget_credential(upstream);
    response_reader_free(upstream->reader);
    if (upstream->output)
        evbuffer_free(upstream->output);
    capability_set_clear(&upstream->capabilities);
    free(upstream);
}

void upstream_dial(struct upstream *upstream, const struct upstream_login *login)
{
    bool copied;

    assert(upstream->state == UPSTREAM_DISCONNECTED && !upstream->link);
    upstream_forget_credential(upstream);
    copied = credential_init(&upstream->credential, login->credential->kind, secret_bytes(login->credential->secret));
    upstream->login = *login;
    upstream->login.credential = &upstream->credential;
    upstream->login.between = NULL;
    upstream->refusal = REFUSAL_NONE;
    upstream->reason[0] = '\0';
    upstream->backoff = 0;
    upstream->left = upstream->said_bye = upstream->unheard = upstream->late = upstream->sourceless = false;
    upstream->unreached = true;
    upstream->between = login->between ? *login->between : (struct link_ends){0};
    upstream->ends = (struct link_ends){0};
    upstream->compressing = false;
    upstream->was_ready = upstream->secured = upstream->capabilities_told = upstream->timed_out = false;
    upstream->sent_credential = upstream->sent_response = false;
    upstream->challenge_length = 0;
    upstream->condstore = upstream->qresync = false;
    upstream->tag_secret = (uint32_t)random_next(&upstream->ground->tags);
    capability_set_clear(&upstream->capabilities);
    response_reader_reset(upstream->reader);
    evbuffer_drain(upstream->output, evbuffer_get_length(upstream->output));
    upstream->last_octet = task_now(&upstream->task);
    upstream->give_up_at = upstream->last_octet + upstream->ground->settings->connect_timeout;
    upstream_set_state(upstream, UPSTREAM_CONNECTING);
    if (copied)
        upstream->link = upstream->ground->link_ops->dial(upstream->ground->link_context, upstream, upstream->settings);
    if (!upstream->link) {
        upstream_set_state(upstream, UPSTREAM_CLOSING);
        upstream->refusal = REFUSAL_TEMPORARY;
        upstream_closed(upstream, "cannot open a connection");
        return;
    }
    upstream_set_deadline(upstream);
}

void upstream_connected(struct upstream *upstream)
{
    if (upstream->state != UPSTREAM_CONNECTING)
        return;
    upstream->last_octet = task_now(&upstream->task);
    upstream->unreached = false;
    upstream_set_state(upstream, UPSTREAM_GREETING);
}

void upstream_secured(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_SECURING)
        upstream_setup_secured(upstream);
}

void upstream_compressed(struct upstream *upstream)
{
    if (upstream->compressing && upstream->state == UPSTREAM_AUTHENTICATING)
        upstream_setup_compressed(upstream);
}

void upstream_fail(struct upstream *upstream, enum refusal refusal, struct slice words)
{
    close_link(upstream, refusal, words, false);
}

void upstream_drop(struct upstream *upstream, const char *reason)
{
    close_link(upstream, REFUSAL_NONE, slice_of(reason), false);
}

void upstream_drop_refused(struct upstream *upstream, enum refusal refusal, struct slice words)
{
    close_link(upstream, refusal, words, false);
}

static enum refusal refusal_of_loss(const struct upstream *upstream, enum upstream_state state)
{
    if (upstream->was_ready || upstream->refusal != REFUSAL_NONE || state == UPSTREAM_CLOSING)
        return upstream->refusal;
    return REFUSAL_TEMPORARY;
}

/* Says in which phase the connection broke, in words that help the administrator. */
static const char *loss_words(enum upstream_state state, const char *reason)
{
    if (state == UPSTREAM_GREETING && strcmp(reason, "closed by the server") == 0)
        return "closed by the server without a greeting; it may not permit another session";
    return reason;
}

/* Held back until IDLE has begun, or stopped before a literal for which no + has come: the server has no complete
 * command. */
static bool is_unsent(const struct upstream *upstream)
{
    return upstream->held || (upstream->sending && upstream->in_flight && upstream->waits_for_plus);
}

bool upstream_was_unsent(const struct upstream *upstream)
{
    return upstream->was_unsent;
}

bool upstream_has_timed_out(const struct upstream *upstream)
{
    return upstream->timed_out;
}

/* Not where a command was under way: it may have been the cause. */
static bool was_cut(const struct upstream *upstream, enum upstream_state state)
{
    return !upstream->left && !upstream->in_flight && (upstream->said_bye || state != UPSTREAM_CLOSING);
}

void upstream_closed(struct upstream *upstream, const char *reason)
{
    enum upstream_state state = upstream->state;
    struct upstream_end end = {.was_ready = upstream->was_ready,
                               .reached = !upstream->unreached,
                               .sourceless = upstream->sourceless,
                               .ends = upstream_ends(upstream),
                               .between = upstream_between(upstream),
                               .ghost = upstream_is_ghost(upstream),
                               .by_server = was_cut(upstream, state)};

    upstream->link = NULL;
    upstream->was_unsent = is_unsent(upstream);
    forget_commands(upstream);
    end.credential = upstream->sent_credential ? upstream->login.credential : NULL;
    end.challenge = (struct slice){upstream->challenge, upstream->challenge_length};
    end.refusal = refusal_of_loss(upstream, state);
    if (upstream->reason[0] == '\0')
        snprintf(upstream->reason, sizeof(upstream->reason), "%s", loss_words(state, reason));
    end.reason = upstream->reason;
    end.backoff = upstream->backoff;
    upstream->give_up_at = USEC_NEVER;
    task_set_deadline(&upstream->task, USEC_NEVER);
    upstream_set_state(upstream, UPSTREAM_DISCONNECTED);
    upstream->owner.closed(upstream->owner.owner, &end);
    upstream_forget_credential(upstream);
}

void upstream_logout(struct upstream *upstream)
{
    upstream->left = true;
    if (!upstream_has_link(upstream) || upstream->state == UPSTREAM_LOGGING_OUT)
        return;
    if (upstream->state == UPSTREAM_ENTERING_IDLE && !upstream->held) {
        upstream->logout_next = true;
        upstream_end_idle(upstream);
        return;
    }
    if (upstream->state != UPSTREAM_READY && upstream->state != UPSTREAM_IDLING) {
        close_link(upstream, REFUSAL_NONE, SLICE("closed"), false);
        return;
    }
    if (upstream->in_flight) {
        close_link(upstream, REFUSAL_NONE, SLICE("closed with a command in flight"), false);
        return;
    }
    upstream->give_up_at = task_now(&upstream->task) + LOGOUT_TIMEOUT;
    upstream_write_logout(upstream);
}
