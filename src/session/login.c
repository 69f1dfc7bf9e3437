/* LOGIN, AUTHENTICATE PLAIN and LOGIN, STARTTLS. Passwords pass through here and nowhere else: decoded octets are wiped
 * before the function returns. Only the upstream's own word is told to a client as a wrong password. RFC 3501
 * section 6.2, RFC 4616, RFC 4959, RFC 5530. */
#include <event2/buffer.h>
#include <string.h>

#include "base/append.h"
#include "base/secret.h"
#include "imap/sasl.h"
#include "session/run.h"

#define SECRET_MAX 8192

/* LOGIN or AUTHENTICATE under way. */
struct login_run {
    struct run run;
    struct login *login;               /* whose answer is awaited; NULL: none */
    const struct mechanism *mechanism; /* of AUTHENTICATE; NULL: LOGIN */
    bool has_user;                     /* AUTHENTICATE LOGIN: the user name has come */
    char user[SASL_USER_MAX];
    size_t user_length;
};

static void clear(struct run *run)
{
    struct login_run *own = (struct login_run *)run;

    if (own->login)
        login_cancel(own->login);
    secret_wipe(own->user, sizeof(own->user));
}

/* --- attaching */

/* "OK [CAPABILITY ...] Logged in" */
static void finish(struct session *session)
{
    struct evbuffer *code = evbuffer_new();

    if (code) {
        append_format(code, "CAPABILITY ");
        session_print_capabilities(session, code);
        append_bytes(code, "", 1);
    }
    if (code && !append_failed(code) && evbuffer_pullup(code, -1))
        run_finish(session, RESPONSE_OK, (const char *)evbuffer_pullup(code, -1), "Logged in");
    else
        output_fail(&session->output);
    if (code)
        evbuffer_free(code);
}

static void join(struct session *session, struct account *account)
{
    if (!membership_join(&session->membership, account)) {
        run_no(session, "LIMIT",
               "Too many clients are logged in to this account; close some first (sessions_per_account)");
        return;
    }
    offer_note(&session->offer, account_capabilities(account));
    if (!session->options.compress)
        offer_withdraw(&session->offer, SLICE("COMPRESS=DEFLATE"));
    session_set_phase(session, SESSION_LOGGED_IN);
    session_log(session, LOG_INFO, "logged in");
    finish(session);
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
    run_no(session, "AUTHENTICATIONFAILED", "The mail server says that the user name or password is wrong");
}

static void refused_by_server(struct login_run *run, struct slice challenge);

static void login_done(void *owner, const struct login_answer *answer)
{
    struct login_run *run = owner;
    struct session *session = run->run.session;
    char text[512];

    run->login = NULL;
    session_resume_login_clock(session);
    words_of(answer->text, text, sizeof(text));
    switch (answer->outcome) {
    case LOGIN_OK:
        join(session, answer->account);
        break;
    case LOGIN_REJECTED:
        refused_by_server(run, answer->challenge);
        break;
    case LOGIN_LIMIT:
        run_no(session, "LIMIT", text[0] ? text : "The mail server permits no more sessions; please try again later");
        break;
    case LOGIN_INUSE:
        run_no(session, "INUSE", text[0] ? text : "Another program uses this account; please try again later");
        break;
    case LOGIN_UNAVAILABLE:
        run_no(session, "UNAVAILABLE", text[0] ? text : "The mail server is not accepting logins right now");
        break;
    }
}

static bool is_clean(struct slice text)
{
    return !memchr(text.data, '\r', text.length) && !memchr(text.data, '\n', text.length) &&
           !memchr(text.data, '\0', text.length);
}

/* SIGHUP has given this listener another server, or none, since the client came. */
static void send_away(struct session *session)
{
    static const char reason[] = "The settings name another mail server now; please connect again";

    run_no(session, "UNAVAILABLE", reason);
    session_ask_to_end(session, SESSION_END_BYE, reason);
}

static void attach(struct login_run *run, struct slice authorization, struct slice authentication,
                   enum credential_kind kind, struct slice secret)
{
    struct session *session = run->run.session;
    struct login_credentials credentials = {.authorization_id = authorization,
                                            .authentication_id = authentication,
                                            .kind = kind,
                                            .secret = secret,
                                            .naming = session->options.naming};

    if (authentication.length == 0 || secret.length == 0 || !is_clean(authorization.data ? authorization : SLICE("")) ||
        !is_clean(authentication) || !is_clean(secret)) {
        run_no(session, "AUTHENTICATIONFAILED",
               "User name or password is empty, or has characters that IMAP cannot carry");
        return;
    }
    if (session->options.upstream->removed) {
        send_away(session);
        return;
    }
    run->login = login_begin(session->registry, session->options.upstream, &credentials, session->options.address,
                             login_done, run);
    if (run->login)
        session_stop_login_clock(session);
    else
        run_no(session, "UNAVAILABLE", "The user name is too long, or memory is short; please try again later");
}

/* May a password come over this connection? If not the command has been answered. */
static bool permits_passwords(struct session *session)
{
    if (session->options.secure || session->options.plaintext_login)
        return true;
    run_no(session, "PRIVACYREQUIRED", "Passwords are accepted over TLS only: use STARTTLS or the imaps port");
    return false;
}

static void start_login(struct run *run)
{
    struct session *session = run->session;
    const struct value *arguments = session_command(session)->arguments;
    struct slice user, password;

    if (value_count(arguments) != 2 || !value_astring(arguments, &user) || !value_astring(arguments->next, &password))
        run_bad(session, "LOGIN takes a user name and a password");
    else if (permits_passwords(session))
        attach((struct login_run *)run, SLICE(""), user, CREDENTIAL_PASSWORD, password);
}

const struct run_ops login_ops = {.size = sizeof(struct login_run), .start = start_login, .clear = clear};

/* --- AUTHENTICATE */

static bool take_response(struct run *run, struct slice line);

static void ask(struct session *session, const char *prompt)
{
    output_format(&session->output, "+ %s\r\n", prompt);
    run_await_line(session, take_response);
}

static void take_plain(struct login_run *run, struct slice message)
{
    struct sasl_plain plain;

    if (sasl_plain_parse(message, &plain))
        attach(run, plain.authorization_id, plain.authentication_id, CREDENTIAL_PASSWORD, plain.password);
    else
        run_bad(run->run.session, "The PLAIN response is malformed");
}

static void take_login(struct login_run *run, struct slice message)
{
    if (run->has_user) {
        attach(run, SLICE(""), (struct slice){run->user, run->user_length}, CREDENTIAL_PASSWORD, message);
    } else if (message.length > sizeof(run->user)) {
        run_bad(run->run.session, "The user name is too long");
    } else {
        memcpy(run->user, message.data, message.length);
        run->user_length = message.length;
        run->has_user = true;
        ask(run->run.session, "UGFzc3dvcmQ6"); /* "Password:" */
    }
}

static void take_token(struct login_run *run, const struct sasl_token *token, bool well)
{
    if (well)
        attach(run, SLICE(""), (struct slice){token->user, token->user_length}, CREDENTIAL_TOKEN, token->token);
    else
        run_bad(run->run.session, "The response is malformed, or its token names no user");
}

static void take_xoauth2(struct login_run *run, struct slice message)
{
    struct sasl_token token;

    take_token(run, &token, sasl_xoauth2_parse(message, &token));
}

static void take_oauthbearer(struct login_run *run, struct slice message)
{
    struct sasl_token token;

    take_token(run, &token, sasl_oauthbearer_parse(message, &token));
}

static const struct mechanism {
    const char *name;
    const char *prompt; /* in base64, where the client sent no initial response */
    bool token;
    void (*take)(struct login_run *run, struct slice message);
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
static bool take_response(struct run *run, struct slice line)
{
    struct login_run *own = (struct login_run *)run;
    char decoded[SECRET_MAX];
    size_t length = 0;

    if (slice_equal(line, SLICE("*")))
        run_bad(run->session, "Authentication cancelled");
    else if (!line.data || (!slice_equal(line, SLICE("=")) && !base64_decode(line, decoded, sizeof(decoded), &length)))
        run_bad(run->session, "The response is not base64, or is too long");
    else
        own->mechanism->take(own, (struct slice){decoded, length});
    secret_wipe(decoded, sizeof(decoded));
    return true;
}

/* The NO follows any answer of the client to the challenge. */
static bool take_after_challenge(struct run *run, struct slice line)
{
    (void)line;
    refuse(run->session);
    return true;
}

static void refused_by_server(struct login_run *run, struct slice challenge)
{
    struct session *session = run->run.session;
    char encoded[2048];

    session_log(session, LOG_INFO, "login refused: the mail server rejected the credentials");
    if (!run->mechanism || !run->mechanism->token) {
        refuse(session);
        return;
    }
    if (challenge.length == 0 || !base64_encode(challenge, encoded, sizeof(encoded)))
        (void)!base64_encode(slice_of(run->mechanism->refused_token), encoded, sizeof(encoded));
    output_format(&session->output, "+ %s\r\n", encoded);
    run_await_line(session, take_after_challenge);
}

static void start_authenticate(struct run *run)
{
    struct login_run *own = (struct login_run *)run;
    struct session *session = run->session;
    const struct value *arguments = session_command(session)->arguments;
    struct slice initial;

    if (!arguments || arguments->kind != VALUE_ATOM || value_count(arguments) > 2) {
        run_bad(session, "AUTHENTICATE takes a mechanism and optionally an initial response");
        return;
    }
    own->mechanism = find_mechanism(session, arguments);
    if (!own->mechanism)
        run_no(session, "CANNOT", "This mechanism is not supported: see CAPABILITY");
    else if (!permits_passwords(session))
        return;
    else if (!arguments->next)
        ask(session, own->mechanism->prompt);
    else if (value_astring(arguments->next, &initial))
        take_response(run, initial);
    else
        run_bad(session, "The initial response is malformed");
}

const struct run_ops authenticate_ops = {.size = sizeof(struct login_run), .start = start_authenticate, .clear = clear};

/* --- STARTTLS */

static void start_starttls(struct run *run)
{
    struct session *session = run->session;

    if (session->options.secure) {
        run_bad(session, "TLS is already active");
    } else if (!session->options.starttls) {
        run_bad(session, "STARTTLS is not possible: this server has no certificate");
    } else {
        intake_await(&session->intake, INTAKE_TLS);
        run_ok(session, "Begin TLS now");
    }
}

const struct run_ops starttls_ops = {.size = sizeof(struct run), .start = start_starttls};
