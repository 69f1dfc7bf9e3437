/* A session and an upstream that only note what their links do to them. Every function of session.h and upstream.h that
 * the links call stands here, so that the real ones are not linked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mux/upstream.h"
#include "net/upstream_link.h"
#include "session/session.h"
#include "unit/net/bench.h"

struct fake_session fake_session = {.take_most = SIZE_MAX};
struct fake_upstream fake_upstream;

/* ---- session ---- */

struct session *session_new(struct registry *registry, const struct session_options *options)
{
    (void)registry;
    fake_session.session = (struct session *)&fake_session;
    fake_session.taken = evbuffer_new();
    fake_session.output = evbuffer_new();
    fake_session.secure = options->secure;
    fake_session.starttls = options->starttls;
    fake_session.plaintext_login = options->plaintext_login;
    fake_session.compress = options->compress;
    fake_session.wake = options->wake;
    fake_session.link = options->link;
    fake_session.made++;
    evbuffer_add_printf(fake_session.output, "* OK hello\r\n");
    return fake_session.session;
}

void session_closed(struct session *session)
{
    (void)session;
    fake_session.closed++;
    fake_session.session = NULL;
    evbuffer_free(fake_session.taken);
    evbuffer_free(fake_session.output);
}

void session_receive(struct session *session, struct evbuffer *in)
{
    size_t room = fake_session.take_most - evbuffer_get_length(fake_session.taken);

    (void)session;
    evbuffer_remove_buffer(in, fake_session.taken, room);
}

bool session_awaits_rest(const struct session *session)
{
    (void)session;
    return fake_session.awaits_rest;
}

struct evbuffer *session_output(struct session *session)
{
    (void)session;
    return fake_session.output;
}

void session_end_of_input(struct session *session)
{
    (void)session;
    fake_session.ended_input++;
}

unsigned session_wants(const struct session *session)
{
    (void)session;
    return fake_session.wants;
}

bool session_is_logged_in(const struct session *session)
{
    (void)session;
    return false;
}

void session_secured(struct session *session)
{
    (void)session;
    fake_session.secured++;
    fake_session.wants &= ~(unsigned)SESSION_START_TLS;
}

void session_compressed(struct session *session)
{
    (void)session;
    fake_session.compressed++;
    fake_session.wants &= ~(unsigned)SESSION_COMPRESS;
}

void session_bye(struct session *session, const char *reason)
{
    (void)session;
    evbuffer_add_printf(fake_session.output, "* BYE %s\r\n", reason);
    fake_session.wants |= SESSION_CLOSE;
}

const char *session_account_name(const struct session *session)
{
    (void)session;
    return fake_session.logged_in ? "fry@main" : "-";
}

void fake_session_say(const char *text)
{
    evbuffer_add(fake_session.output, text, strlen(text));
    fake_session.wake(fake_session.link);
}

static bool holds(struct evbuffer *buffer, const char *text)
{
    size_t length = strlen(text);
    return evbuffer_get_length(buffer) == length &&
           (length == 0 || memcmp(evbuffer_pullup(buffer, -1), text, length) == 0);
}

bool fake_session_has(const char *text)
{
    return fake_session.session && holds(fake_session.taken, text);
}

/* ---- upstream ---- */

struct upstream *fake_upstream_reset(void)
{
    fake_upstream = (struct fake_upstream){.taken = evbuffer_new(), .output = evbuffer_new()};
    return (struct upstream *)&fake_upstream;
}

void fake_upstream_free(void)
{
    evbuffer_free(fake_upstream.taken);
    evbuffer_free(fake_upstream.output);
}

bool fake_upstream_has(const char *text)
{
    return holds(fake_upstream.taken, text);
}

bool upstream_busy(const struct upstream *upstream)
{
    (void)upstream;
    return fake_upstream.busy;
}

const struct link_ends *upstream_between(const struct upstream *upstream)
{
    (void)upstream;
    return fake_upstream.between.length > 0 ? &fake_upstream.between : NULL;
}

void upstream_stands_between(struct upstream *upstream, const struct link_ends *ends)
{
    (void)upstream;
    fake_upstream.ends = *ends;
}

struct slice upstream_user(const struct upstream *upstream)
{
    (void)upstream;
    return SLICE("u1");
}

void upstream_lacks_source(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.sourceless++;
}

void upstream_ends_unheard(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.unheard++;
}

void upstream_connected(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.connected++;
}

void upstream_compressed(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.compressed++;
}

void upstream_secured(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.secured++;
}

void upstream_receive(struct upstream *upstream, struct evbuffer *in)
{
    (void)upstream;
    if (fake_upstream.compress_after == 0) {
        evbuffer_add_buffer(fake_upstream.taken, in);
        return;
    }
    evbuffer_remove_buffer(in, fake_upstream.taken, fake_upstream.compress_after);
    fake_upstream.compress_after = 0;
    upstream_link_ops.compress(fake_upstream.link);
}

struct evbuffer *upstream_output(struct upstream *upstream)
{
    (void)upstream;
    return fake_upstream.output;
}

void upstream_writable(struct upstream *upstream)
{
    (void)upstream;
    fake_upstream.writable++;
}

void upstream_closed(struct upstream *upstream, const char *reason)
{
    (void)upstream;
    fake_upstream.closed++;
    snprintf(fake_upstream.reason, sizeof(fake_upstream.reason), "%s", reason);
}
