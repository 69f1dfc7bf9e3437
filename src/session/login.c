/* LOGIN, AUTHENTICATE PLAIN and LOGIN, STARTTLS. Passwords pass through here and nowhere else: what was decoded is
 * wiped before the function returns. Only the upstream's own word is told to a client as a wrong password. RFC 3501
 * section 6.2, RFC 4616, RFC 4959, RFC 5530. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "imap/sasl.h"
#include "session/state.h"

#define SECRET_MAX 8192

/* AUTHENTICATE under way. */
struct login_run {
    struct run run;
    const struct mechanism *mechanism;
    bool has_user; /* LOGIN: the user name has come */
    char user[SASL_USER_MAX];
    size_t user_length;
};

static void free_run(struct run *run)
{
    secret_wipe(run, sizeof(struct login_run));
    free(run);
}

/* --- attaching */

static void logged_in(struct session *session, struct account *account)
{
    const struct settings *settings = session_settings(session);

    if (!account_join(account, &session->member)) {
        session_no(session, "LIMIT",
                   "Too many clients are logged in to this account here, close some first (sessions_per_account)");
        return;
    }
    session->account = account;
    session_note_capabilities(session);
    session->phase = SESSION_LOGGED_IN;
    session->login_by = USEC_NEVER;
    command_reader_set_limit(session->reader, settings->client_line_max, false);
    session_log(session, LOG_INFO, "logged in");
    session_write(session, "%.*s OK [CAPABILITY ", (int)session->current->command.tag.length,
                  session->current->command.tag.data);
    session_print_capabilities(session, session->output);
    session_write(session, "] Logged in\r\n");
    session_quiet_end(session);
}

/* The server's words without its code, as text for a human. */
static void words_of(struct slice told, char *text, size_t size)
{
    const char *end = told.length > 0 && told.data[0] == '[' ? memchr(told.data, ']', told.length) : NULL;
    size_t from = end ? (size_t)(end - told.data) + 1 : 0, length = 0;

    while (from < told.length && told.data[from] == ' ')
        from++;
    for (; from < told.length && length + 1 < size; from++) {
        char shown = told.data[from];
        if ((unsigned char)shown < ' ')
            shown = '?';
        text[length++] = shown;
    }
    text[length] = '\0';
    if (text[0] == '[')
        text[0] = '(';
}

static void refuse(struct session *session)
{
    session_no(session, "AUTHENTICATIONFAILED", "User name or password is wrong, says the mail server");
}

static void refused_by_server(struct session *session, struct slice challenge);

static void login_done(void *owner, const struct login_answer *answer)
{
    struct session *session = owner;
    char text[512];

    session->login = NULL;
    session->login_by = session_now(session) + session->login_left;
    words_of(answer->text, text, sizeof(text));
    switch (answer->outcome) {
    case LOGIN_OK:
        logged_in(session, answer->account);
        break;
    case LOGIN_REJECTED:
        refused_by_server(session, answer->challenge);
        break;
    case LOGIN_LIMIT:
        session_no(session, "LIMIT", text[0] ? text : "The mail server permits no further session");
        break;
    case LOGIN_UNAVAILABLE:
        session_no(session, "UNAVAILABLE", text[0] ? text : "The mail server lets nobody in now");
        break;
    }
}

static bool is_clean(struct slice text)
{
    return !memchr(text.data, '\r', text.length) && !memchr(text.data, '\n', text.length) &&
           !memchr(text.data, '\0', text.length);
}

static void attach(struct session *session, struct slice authorization, struct slice authentication,
                   enum credential_kind kind, struct slice secret)
{
    struct login_credentials credentials = {
        .authorization_id = authorization, .authentication_id = authentication, .kind = kind, .secret = secret};

    if (authentication.length == 0 || secret.length == 0 || !is_clean(authorization.data ? authorization : SLICE("")) ||
        !is_clean(authentication) || !is_clean(secret)) {
        session_no(session, "AUTHENTICATIONFAILED",
                   "User name or password is empty, or has characters that IMAP cannot carry");
        return;
    }
    session->login = login_begin(session->registry, session->options.upstream, &credentials, session->options.address,
                                 login_done, session);
    if (!session->login) {
        session_no(session, "UNAVAILABLE", "The user name is too long, or memory is short; please try again later");
        return;
    }
    session->login_left = session->login_by - session_now(session);
    session->login_by = USEC_NEVER;
}

/* May a password come over this line? */
static bool permitted(struct session *session)
{
    if (session->options.secure || session->options.plaintext_login)
        return true;
    session_no(session, "PRIVACYREQUIRED", "Passwords are taken over TLS only: use STARTTLS, or the imaps port");
    return false;
}

void session_start_login(struct session *session)
{
    const struct value *arguments = session->current->command.arguments;
    struct slice user, password;

    if (value_count(arguments) != 2 || !value_astring(arguments, &user) || !value_astring(arguments->next, &password))
        session_bad(session, "LOGIN takes a user name and a password");
    else if (permitted(session))
        attach(session, SLICE(""), user, CREDENTIAL_PASSWORD, password);
}

/* --- AUTHENTICATE */

static void more(struct session *session, struct slice line);

static void ask(struct session *session, const char *prompt)
{
    session_write(session, "+ %s\r\n", prompt);
    intake_await_line(session, more);
}

static void take_plain(struct session *session, struct slice message)
{
    struct sasl_plain plain;

    if (sasl_plain_parse(message, &plain))
        attach(session, plain.authorization_id, plain.authentication_id, CREDENTIAL_PASSWORD, plain.password);
    else
        session_bad(session, "The PLAIN message is malformed");
}

static void take_login(struct session *session, struct slice message)
{
    struct login_run *run = (struct login_run *)session->run;

    if (run->has_user) {
        attach(session, SLICE(""), (struct slice){run->user, run->user_length}, CREDENTIAL_PASSWORD, message);
    } else if (message.length > sizeof(run->user)) {
        session_bad(session, "The user name is too long");
    } else {
        memcpy(run->user, message.data, message.length);
        run->user_length = message.length;
        run->has_user = true;
        ask(session, "UGFzc3dvcmQ6"); /* "Password:" */
    }
}

static void take_token(struct session *session, const struct sasl_token *token, bool well)
{
    if (well)
        attach(session, SLICE(""), (struct slice){token->user, token->user_length}, CREDENTIAL_TOKEN, token->token);
    else
        session_bad(session, "The message is malformed, or its token names no user");
}

static void take_xoauth2(struct session *session, struct slice message)
{
    struct sasl_token token;

    take_token(session, &token, sasl_xoauth2_parse(message, &token));
}

static void take_oauthbearer(struct session *session, struct slice message)
{
    struct sasl_token token;

    take_token(session, &token, sasl_oauthbearer_parse(message, &token));
}

static const struct mechanism {
    const char *name;
    const char *prompt; /* in base64, where the client sent no initial response */
    bool token;
    void (*take)(struct session *session, struct slice message);
    const char *refused_token; /* where the server had no words for it, or was not asked */
} mechanisms[] = {
    {.name = "PLAIN", .prompt = "", .take = take_plain},
    {.name = "LOGIN", .prompt = "VXNlcm5hbWU6" /* "Username:" */, .take = take_login},
    {.name = "XOAUTH2",
     .prompt = "",
     .token = true,
     .take = take_xoauth2,
     .refused_token = "{\"status\":\"401\",\"schemes\":\"bearer\"}"},
    {.name = "OAUTHBEARER",
     .prompt = "",
     .token = true,
     .take = take_oauthbearer,
     .refused_token = "{\"status\":\"invalid_token\"}"},
};

static const struct mechanism *find_mechanism(const struct session *session, const struct value *name)
{
    bool tokens = registry_offers_tokens(session->registry, session->options.upstream);

    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (value_is_atom(name, mechanisms[i].name) && (tokens || !mechanisms[i].token))
            return &mechanisms[i];
    }
    return NULL;
}

/* One response, in base64; "=" is the empty one (RFC 4959), "*" cancels. */
static void more(struct session *session, struct slice line)
{
    struct login_run *run = (struct login_run *)session->run;
    char decoded[SECRET_MAX];
    size_t length = 0;

    if (slice_equal(line, SLICE("*")))
        session_bad(session, "Authentication cancelled");
    else if (!slice_equal(line, SLICE("=")) && !base64_decode(line, decoded, sizeof(decoded), &length))
        session_bad(session, "That is not base64, or too long");
    else
        run->mechanism->take(session, (struct slice){decoded, length});
    secret_wipe(decoded, sizeof(decoded));
}

/* Whatever the client answers to the challenge, the NO follows. */
static void after_challenge(struct session *session, struct slice line)
{
    (void)line;
    refuse(session);
}

static void refused_by_server(struct session *session, struct slice challenge)
{
    struct login_run *run = (struct login_run *)session->run;
    char encoded[2048];

    session_log(session, LOG_INFO, "login refused: the mail server does not accept what proves who the user is");
    if (!run || !run->mechanism->token) {
        refuse(session);
        return;
    }
    if (challenge.length == 0 || !base64_encode(challenge, encoded, sizeof(encoded)))
        (void)!base64_encode(slice_of(run->mechanism->refused_token), encoded, sizeof(encoded));
    session_write(session, "+ %s\r\n", encoded);
    intake_await_line(session, after_challenge);
    intake_resume(session);
}

void session_start_authenticate(struct session *session)
{
    const struct value *arguments = session->current->command.arguments;
    const struct mechanism *mechanism;
    struct slice initial;
    struct login_run *run;

    if (!arguments || arguments->kind != VALUE_ATOM || value_count(arguments) > 2) {
        session_bad(session, "AUTHENTICATE takes a mechanism, and an initial response at most");
        return;
    }
    mechanism = find_mechanism(session, arguments);
    if (!mechanism) {
        session_no(session, "CANNOT", "This mechanism is not offered here: see CAPABILITY");
        return;
    }
    if (!permitted(session))
        return;
    run = calloc(1, sizeof(*run));
    if (!run) {
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
        return;
    }
    run->run.free = free_run;
    run->mechanism = mechanism;
    session->run = &run->run;
    if (!arguments->next)
        ask(session, mechanism->prompt);
    else if (value_astring(arguments->next, &initial))
        more(session, initial);
    else
        session_bad(session, "The initial response is malformed");
}

/* --- STARTTLS */

void session_start_starttls(struct session *session)
{
    if (session->current->command.arguments) {
        session_bad(session, "STARTTLS takes no arguments");
    } else if (session->options.secure) {
        session_bad(session, "The line is TLS already");
    } else if (!session->options.starttls) {
        session_bad(session, "STARTTLS is not possible here: there is no certificate");
    } else {
        session->wants |= SESSION_START_TLS;
        session_ok(session, "Begin TLS now");
    }
}
