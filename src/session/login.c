/* LOGIN, AUTHENTICATE PLAIN and LOGIN, STARTTLS. Passwords pass through here and nowhere else: what was decoded is
 * wiped before the function returns. Only the upstream's own word is told to a client as a wrong password. RFC 3501
 * section 6.2, RFC 4616, RFC 4959, RFC 5530. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "imap/sasl.h"
#include "mux/registry_inside.h"
#include "session/state.h"

#define SECRET_MAX 4096

/* AUTHENTICATE under way. */
struct login_run {
    struct run run;
    bool plain;    /* PLAIN, else LOGIN */
    bool has_user; /* LOGIN: the user name has come */
    char user[1024];
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
        session_no(session, "LIMIT", "Too many clients are logged in to this account here");
        return;
    }
    session->account = account;
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

static void login_done(void *owner, const struct login_answer *answer)
{
    struct session *session = owner;
    char text[512];

    session->login = NULL;
    words_of(answer->text, text, sizeof(text));
    switch (answer->outcome) {
    case LOGIN_OK:
        logged_in(session, answer->account);
        break;
    case LOGIN_REJECTED:
        session_log(session, LOG_INFO, "login refused: the mail server does not accept user name and password");
        session_no(session, "AUTHENTICATIONFAILED", "User name or password is wrong, says the mail server");
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
                   struct slice password)
{
    struct login_credentials credentials = {
        .authorization_id = authorization, .authentication_id = authentication, .password = password};

    if (authentication.length == 0 || password.length == 0 ||
        !is_clean(authorization.data ? authorization : SLICE("")) || !is_clean(authentication) || !is_clean(password)) {
        session_no(session, "AUTHENTICATIONFAILED",
                   "User name or password is empty, or has characters that IMAP cannot carry");
        return;
    }
    session->login = login_begin(session->registry, session->options.upstream, &credentials, session->options.peer,
                                 login_done, session);
    if (!session->login)
        session_no(session, "UNAVAILABLE", "Out of memory; please try again later");
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
        attach(session, SLICE(""), user, password);
}

/* --- AUTHENTICATE */

static void take_plain(struct session *session, struct slice message)
{
    struct sasl_plain plain;

    if (sasl_plain_parse(message, &plain))
        attach(session, plain.authorization_id, plain.authentication_id, plain.password);
    else
        session_bad(session, "The PLAIN message is malformed");
}

static void more(struct session *session, struct slice line);

static void ask(struct session *session, const char *prompt)
{
    session_write(session, "+ %s\r\n", prompt);
    intake_await_line(session, more);
}

static void take_login(struct session *session, struct login_run *run, struct slice message)
{
    if (run->has_user) {
        attach(session, SLICE(""), (struct slice){run->user, run->user_length}, message);
    } else if (message.length > sizeof(run->user)) {
        session_bad(session, "The user name is too long");
    } else {
        memcpy(run->user, message.data, message.length);
        run->user_length = message.length;
        run->has_user = true;
        ask(session, "UGFzc3dvcmQ6"); /* "Password:" */
    }
}

/* One response, in base64; "=" is the empty one (RFC 4959), "*" cancels. */
static void take_response(struct session *session, struct slice line)
{
    struct login_run *run = (struct login_run *)session->run;
    char decoded[SECRET_MAX];
    size_t length = 0;

    if (slice_equal(line, SLICE("*")))
        session_bad(session, "Authentication cancelled");
    else if (!slice_equal(line, SLICE("=")) && !base64_decode(line, decoded, sizeof(decoded), &length))
        session_bad(session, "That is not base64, or too long");
    else if (run->plain)
        take_plain(session, (struct slice){decoded, length});
    else
        take_login(session, run, (struct slice){decoded, length});
    secret_wipe(decoded, sizeof(decoded));
}

static void more(struct session *session, struct slice line)
{
    take_response(session, line);
}

void session_start_authenticate(struct session *session)
{
    const struct value *arguments = session->current->command.arguments;
    bool plain = value_is_atom(arguments, "PLAIN");
    struct slice initial;
    struct login_run *run;

    if (!arguments || arguments->kind != VALUE_ATOM || value_count(arguments) > 2) {
        session_bad(session, "AUTHENTICATE takes a mechanism, and an initial response at most");
        return;
    }
    if (!plain && !value_is_atom(arguments, "LOGIN")) {
        session_no(session, "CANNOT", "This mechanism is not offered here: PLAIN and LOGIN are");
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
    run->plain = plain;
    session->run = &run->run;
    if (!arguments->next)
        ask(session, plain ? "" : "VXNlcm5hbWU6"); /* "Username:" */
    else if (value_astring(arguments->next, &initial))
        take_response(session, initial);
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
