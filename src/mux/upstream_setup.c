/* From the greeting to a session that is logged in: STARTTLS, CAPABILITY, ID, LOGIN or AUTHENTICATE PLAIN, ENABLE, one
 * command after the other, each a row of the table below. A refusal on the way is classified (refusal.h) and ends the
 * connection, except refusals of ID and ENABLE. Never sends a password over plain text against the settings, nor under
 * LOGINDISABLED. RFC 3501 section 6.1 and 6.2, RFC 2971, RFC 4616, RFC 4959, RFC 5161. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/sasl.h"
#include "mux/upstream_inside.h"

enum setup_step {
    SETUP_CAPABILITY_IN_CLEAR, /* only where STARTTLS is to come */
    SETUP_STARTTLS,
    SETUP_CAPABILITY,
    SETUP_ID_BEFORE,
    SETUP_LOGIN,
    SETUP_CAPABILITY_AFTER,
    SETUP_ID_AFTER,
    SETUP_ENABLE,
    SETUP_COMPRESS, /* the last: what is sent before it is sent plainly, and no answer to it is awaited any more */
    SETUP_READY,
};

static void next_step(struct upstream *upstream);

/* --- conditions of the steps */

static bool wants_starttls(const struct upstream *upstream)
{
    return upstream->settings->tls == UPSTREAM_STARTTLS && !upstream->secured;
}

static bool wants_capability(const struct upstream *upstream)
{
    return !upstream->capabilities.known;
}

static bool wants_id_before(const struct upstream *upstream)
{
    return upstream->settings->id == UPSTREAM_ID_BEFORE;
}

static bool always(const struct upstream *upstream)
{
    (void)upstream;
    return true;
}

static bool wants_capability_after(const struct upstream *upstream)
{
    return !upstream->capabilities_told;
}

static bool wants_id_after(const struct upstream *upstream)
{
    return upstream->settings->id == UPSTREAM_ID_AFTER ||
           (upstream->settings->id == UPSTREAM_ID_AUTO && upstream->capabilities.has[CAPABILITY_ID]);
}

static bool wants_enable(const struct upstream *upstream)
{
    const bool *has = upstream->capabilities.has;
    return has[CAPABILITY_ENABLE] && (has[CAPABILITY_CONDSTORE] || has[CAPABILITY_QRESYNC]);
}

static bool wants_compression(const struct upstream *upstream)
{
    return upstream->settings->compress && upstream->capabilities.has[CAPABILITY_COMPRESS];
}

/* --- commands of the steps */

static void write_capability(struct upstream *upstream, struct outgoing *out)
{
    (void)upstream;
    outgoing_text(out, "CAPABILITY");
}

static void write_starttls(struct upstream *upstream, struct outgoing *out)
{
    (void)upstream;
    outgoing_text(out, "STARTTLS");
}

static void write_id(struct upstream *upstream, struct outgoing *out)
{
    outgoing_text(out, "ID (\"name\" \"imapmux\" \"version\" ");
    outgoing_string(out, slice_of(upstream->ground->version));
    outgoing_text(out, ")");
}

/* --- the credential */

#define RESPONSE_MAX ((size_t)8 * 1024) /* decoded */
#define ENCODED_MAX  (4 * ((RESPONSE_MAX + 2) / 3) + 1)

enum login_way { LOGIN_WAY_LOGIN, LOGIN_WAY_PLAIN, LOGIN_WAY_OAUTHBEARER, LOGIN_WAY_XOAUTH2 };

static enum login_way login_way(const struct upstream *upstream)
{
    const struct upstream_login *login = &upstream->login;
    const bool *has = upstream->capabilities.has;

    if (login->credential->kind == CREDENTIAL_TOKEN)
        return has[CAPABILITY_AUTH_OAUTHBEARER] ? LOGIN_WAY_OAUTHBEARER : LOGIN_WAY_XOAUTH2;
    if (login->authorization_id.length > 0 && !slice_equal(login->authorization_id, login->authentication_id))
        return LOGIN_WAY_PLAIN;
    return has[CAPABILITY_LOGINDISABLED] && has[CAPABILITY_AUTH_PLAIN] ? LOGIN_WAY_PLAIN : LOGIN_WAY_LOGIN;
}

/* The message of AUTHENTICATE. False: too long. */
static bool print_response(const struct upstream *upstream, char message[RESPONSE_MAX], size_t *length)
{
    const struct upstream_login *login = &upstream->login;
    struct sasl_plain plain = {login->authorization_id, login->authentication_id,
                               secret_bytes(login->credential->secret)};

    switch (login_way(upstream)) {
    case LOGIN_WAY_LOGIN:
    case LOGIN_WAY_PLAIN:
        return sasl_plain_print(&plain, message, RESPONSE_MAX, length);
    case LOGIN_WAY_OAUTHBEARER:
        return sasl_oauthbearer_print(plain.authentication_id, plain.password, message, RESPONSE_MAX, length);
    case LOGIN_WAY_XOAUTH2:
        return sasl_xoauth2_print(plain.authentication_id, plain.password, message, RESPONSE_MAX, length);
    }
    abort();
}

/* The same in base64; the caller wipes it. */
static bool encode_response(const struct upstream *upstream, char encoded[ENCODED_MAX])
{
    char message[RESPONSE_MAX];
    size_t length = 0;
    bool ok = print_response(upstream, message, &length) &&
              base64_encode((struct slice){message, length}, encoded, ENCODED_MAX);

    secret_wipe(message, sizeof(message));
    return ok;
}

static void write_login(struct upstream *upstream, struct outgoing *out)
{
    static const char *const commands[] = {
        [LOGIN_WAY_LOGIN] = "LOGIN ",
        [LOGIN_WAY_PLAIN] = "AUTHENTICATE PLAIN",
        [LOGIN_WAY_OAUTHBEARER] = "AUTHENTICATE OAUTHBEARER",
        [LOGIN_WAY_XOAUTH2] = "AUTHENTICATE XOAUTH2",
    };
    char encoded[ENCODED_MAX];
    enum login_way way = login_way(upstream);

    if (upstream->owner.before_login)
        upstream->owner.before_login(upstream->owner.owner);
    outgoing_set_secret(out);
    upstream->sent_credential = true;
    upstream->capabilities_told = false; /* what was announced before the login is forgotten */
    outgoing_text(out, commands[way]);
    if (way == LOGIN_WAY_LOGIN) {
        outgoing_astring(out, upstream->login.authentication_id);
        outgoing_text(out, " ");
        outgoing_string(out, secret_bytes(upstream->login.credential->secret));
    } else if (upstream->capabilities.has[CAPABILITY_SASL_IR] && encode_response(upstream, encoded)) {
        outgoing_text(out, " ");
        outgoing_text(out, encoded);
        secret_wipe(encoded, sizeof(encoded));
        upstream->sent_response = true;
    }
}

static void write_enable(struct upstream *upstream, struct outgoing *out)
{
    outgoing_text(out, "ENABLE CONDSTORE");
    if (upstream->capabilities.has[CAPABILITY_QRESYNC])
        outgoing_text(out, " QRESYNC");
}

static void write_compress(struct upstream *upstream, struct outgoing *out)
{
    (void)upstream;
    outgoing_text(out, "COMPRESS DEFLATE");
}

static const struct {
    bool (*wanted)(const struct upstream *upstream);
    void (*write)(struct upstream *upstream, struct outgoing *out);
    bool must_succeed;
} steps[] = {
    [SETUP_CAPABILITY_IN_CLEAR] = {wants_starttls, write_capability, true},
    [SETUP_STARTTLS] = {wants_starttls, write_starttls, true},
    [SETUP_CAPABILITY] = {wants_capability, write_capability, true},
    [SETUP_ID_BEFORE] = {wants_id_before, write_id, false},
    [SETUP_LOGIN] = {always, write_login, true},
    [SETUP_CAPABILITY_AFTER] = {wants_capability_after, write_capability, true},
    [SETUP_ID_AFTER] = {wants_id_after, write_id, false},
    [SETUP_ENABLE] = {wants_enable, write_enable, false},
    [SETUP_COMPRESS] = {wants_compression, write_compress, false},
};

/* Returns why this step must not be taken; NULL: it may. */
static const char *obstacle(const struct upstream *upstream, int step)
{
    const bool *has = upstream->capabilities.has;

    if (step == SETUP_STARTTLS && !has[CAPABILITY_STARTTLS])
        return "the server offers no STARTTLS but the settings require TLS; the password was not sent";
    if (step == SETUP_LOGIN && upstream->login.credential->kind == CREDENTIAL_TOKEN)
        return has[CAPABILITY_AUTH_OAUTHBEARER] || has[CAPABILITY_AUTH_XOAUTH2]
                   ? NULL
                   : "the server accepts no tokens (it offers neither OAUTHBEARER nor XOAUTH2)";
    if (step == SETUP_LOGIN && has[CAPABILITY_LOGINDISABLED] && !has[CAPABILITY_AUTH_PLAIN])
        return "the server permits no login on this connection (LOGINDISABLED); the password was not sent";
    return NULL;
}

static void take_step(struct upstream *upstream)
{
    const char *why_not = obstacle(upstream, upstream->step);
    struct outgoing *out;

    if (why_not) {
        upstream_fail(upstream, REFUSAL_UNKNOWN, slice_of(why_not));
        return;
    }
    out = outgoing_new();
    if (!out) {
        upstream_fail(upstream, REFUSAL_TEMPORARY, SLICE("out of memory"));
        return;
    }
    steps[upstream->step].write(upstream, out);
    upstream_set_state(upstream, upstream->step <= SETUP_STARTTLS ? UPSTREAM_SECURING : UPSTREAM_AUTHENTICATING);
    upstream_write_command(upstream, out);
}

static void next_step(struct upstream *upstream)
{
    while (upstream->step < SETUP_READY && !steps[upstream->step].wanted(upstream))
        upstream->step++;
    if (upstream->step < SETUP_READY) {
        take_step(upstream);
        return;
    }
    upstream->was_ready = true;
    upstream->give_up_at = USEC_NEVER;
    upstream_set_state(upstream, UPSTREAM_READY);
    upstream->owner.ready(upstream->owner.owner, upstream->login.credential);
    upstream_forget_credential(upstream);
}

/* Code and words of a refusal as one line. */
static struct slice refusal_line(const struct response *response, char *buffer, size_t size)
{
    int length =
        snprintf(buffer, size, "%s%.*s%s%.*s", response->code.atom.length ? "[" : "",
                 (int)(response->code.atom.length < 80 ? response->code.atom.length : 80),
                 response->code.atom.data ? response->code.atom.data : "", response->code.atom.length ? "] " : "",
                 (int)(response->text.length < 250 ? response->text.length : 250),
                 response->text.data ? response->text.data : "");
    return (struct slice){buffer, length > 0 ? (size_t)length : 0};
}

void upstream_setup_greeting(struct upstream *upstream, const struct response *response)
{
    char buffer[400];
    struct slice line = refusal_line(response, buffer, sizeof(buffer));

    if (response->kind != RESPONSE_STATUS) {
        upstream_fail(upstream, REFUSAL_UNKNOWN, SLICE("the server's greeting is not an IMAP greeting"));
    } else if (response->status == RESPONSE_PREAUTH) {
        upstream_fail(upstream, REFUSAL_UNKNOWN,
                      SLICE("the server greeted with PREAUTH although nobody has logged in; refused"));
    } else if (response->status != RESPONSE_OK) {
        upstream_fail(upstream, refusal_classify(REFUSAL_AT_GREETING, response->status, line, upstream->settings),
                      line);
    } else {
        if (response->code.name == RESPONSE_CODE_CAPABILITY && !wants_starttls(upstream))
            upstream_setup_untagged(upstream, response);
        upstream->step = wants_starttls(upstream) ? SETUP_CAPABILITY_IN_CLEAR : SETUP_CAPABILITY;
        next_step(upstream);
    }
}

static void start_tls(struct upstream *upstream)
{
    capability_set_clear(&upstream->capabilities);
    upstream->ground->link_ops->start_tls(upstream->link);
}

void upstream_setup_secured(struct upstream *upstream)
{
    upstream->secured = true;
    capability_set_clear(&upstream->capabilities);
    response_reader_reset(upstream->reader);
    upstream->step = SETUP_CAPABILITY;
    next_step(upstream);
}

void upstream_setup_compressed(struct upstream *upstream)
{
    upstream->compressing = false;
    upstream->step++;
    next_step(upstream);
}

static void refused(struct upstream *upstream, const struct response *response)
{
    char buffer[400];
    struct slice line = refusal_line(response, buffer, sizeof(buffer));
    enum refusal_stage stage = upstream->step == SETUP_LOGIN ? REFUSAL_AT_LOGIN : REFUSAL_AT_FIRST_COMMAND;
    enum refusal refusal = refusal_classify(stage, response->status, line, upstream->settings);

    if (refusal == REFUSAL_NONE && steps[upstream->step].must_succeed)
        refusal = REFUSAL_UNKNOWN;
    if (refusal != REFUSAL_NONE) {
        upstream_fail(upstream, refusal, line.length ? line : SLICE("the server gave no reason"));
        return;
    }
    upstream->step++;
    next_step(upstream);
}

void upstream_setup_tagged(struct upstream *upstream, const struct response *response)
{
    if (response->status != RESPONSE_OK) {
        refused(upstream, response);
        return;
    }
    if (upstream->step == SETUP_STARTTLS) {
        start_tls(upstream);
        return;
    }
    if (upstream->step == SETUP_COMPRESS) {
        upstream->compressing = true;
        upstream->ground->link_ops->compress(upstream->link);
        return;
    }
    upstream->step++;
    next_step(upstream);
}

/* The server tells why it refuses a token and waits for an answer before it says NO (RFC 7628 section 3.2.3). */
static void take_challenge(struct upstream *upstream, struct slice text)
{
    size_t length = 0;

    if (base64_decode(text, upstream->challenge, sizeof(upstream->challenge), &length))
        upstream->challenge_length = length;
    upstream_write(upstream, "%s\r\n", login_way(upstream) == LOGIN_WAY_OAUTHBEARER ? "AQ==" : "");
    upstream_push(upstream);
}

static void send_response(struct upstream *upstream)
{
    char encoded[ENCODED_MAX];

    if (!encode_response(upstream, encoded)) {
        upstream_fail(upstream, REFUSAL_UNKNOWN, SLICE("user name or password is too long"));
        return;
    }
    upstream->sent_response = true;
    upstream_write(upstream, "%s\r\n", encoded);
    secret_wipe(encoded, sizeof(encoded));
    upstream_push(upstream);
}

/* The server wants AUTHENTICATE's response on a line of its own, or an answer to its challenge. */
void upstream_setup_continue(struct upstream *upstream, const struct response *response)
{
    enum login_way way = upstream->step == SETUP_LOGIN ? login_way(upstream) : LOGIN_WAY_LOGIN;

    if (way != LOGIN_WAY_LOGIN && !upstream->sent_response)
        send_response(upstream);
    else if ((way == LOGIN_WAY_OAUTHBEARER || way == LOGIN_WAY_XOAUTH2) && upstream->challenge_length == 0)
        take_challenge(upstream, response->text);
    else
        upstream_fail(upstream, REFUSAL_UNKNOWN, SLICE("the server sent a + that no step of the login expects"));
}

static void note_enabled(struct upstream *upstream, const struct response *response)
{
    for (const struct value *value = response->arguments; value; value = value->next) {
        if (value_is_atom(value, "CONDSTORE"))
            upstream->condstore = true;
        if (value_is_atom(value, "QRESYNC"))
            upstream->condstore = upstream->qresync = true;
    }
}

void upstream_setup_untagged(struct upstream *upstream, const struct response *response)
{
    const struct value *list = response->kind == RESPONSE_STATUS ? response->code.arguments : response->arguments;

    if (response->kind == RESPONSE_ENABLED) {
        note_enabled(upstream, response);
        return;
    }
    if (capability_set_read(&upstream->capabilities, list) &&
        capability_set_hide(&upstream->capabilities, upstream->settings->hide) && upstream->sent_credential)
        upstream->capabilities_told = true;
}
