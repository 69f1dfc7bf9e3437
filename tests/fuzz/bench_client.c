/* The clients of the bench. Everything that a client is told is read by the grammar and as a response, and the numbers
 * in it are followed as far as one can without knowing what the client asked: an EXPUNGE or FETCH names a message that
 * it has been told of.
 */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>

#include "abnf/abnf.h"
#include "fuzz/bench.h"
#include "fuzz/fuzz.h"
#include "imap/response.h"
#include "session/session.h"

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)

/* --- what it is told */

static void follow(struct client *client, const struct response *response)
{
    switch (response->kind) {
    case RESPONSE_EXISTS:
        client->selected = true;
        client->exists = response->number;
        break;
    case RESPONSE_VANISHED:
        client->vanishing = true;
        break;
    case RESPONSE_EXPUNGE:
        fuzz_require(client->selected && response->number > 0 && response->number <= client->exists,
                     "a client is told of the EXPUNGE of a message that it has");
        client->exists--;
        break;
    case RESPONSE_FETCH:
        fuzz_require(client->vanishing || (client->selected && response->number <= client->exists),
                     "a client is told of a message that it has");
        break;
    case RESPONSE_CONTINUE:
    case RESPONSE_STATUS:
    case RESPONSE_RECENT:
    case RESPONSE_ACL:
    case RESPONSE_CAPABILITY:
    case RESPONSE_ENABLED:
    case RESPONSE_ESEARCH:
    case RESPONSE_FLAGS:
    case RESPONSE_ID:
    case RESPONSE_LIST:
    case RESPONSE_LISTRIGHTS:
    case RESPONSE_LSUB:
    case RESPONSE_METADATA:
    case RESPONSE_MYRIGHTS:
    case RESPONSE_NAMESPACE:
    case RESPONSE_QUOTA:
    case RESPONSE_QUOTAROOT:
    case RESPONSE_SEARCH:
    case RESPONSE_SORT:
    case RESPONSE_THREAD:
    case RESPONSE_MAILBOX_STATUS:
    case RESPONSE_XLIST:
    case RESPONSE_OTHER:
        break;
    }
}

static void read_output(struct client *client, struct evbuffer *output)
{
    for (;;) {
        struct response_input input = response_reader_next(client->reader, output);
        switch (input.event) {
        case RESPONSE_EVENT_MORE:
            response_reader_settle(client->reader, output);
            return;
        case RESPONSE_EVENT_READY:
            follow(client, input.response);
            break;
        case RESPONSE_EVENT_DATA:
            break;
        case RESPONSE_EVENT_GARBAGE:
            fprintf(stderr, "fuzz: the client was told: %.*s\n", (int)input.bytes.length, input.bytes.data);
            fuzz_require(false, "a client is told responses, nothing else");
        }
    }
}

/* The servers of the bench know no grammar, so what is handed on from them may be any values, in sound tokens. */
static void check_grammar(struct client *client)
{
    for (;;) {
        struct slice told = {(const char *)evbuffer_pullup(client->told, -1), evbuffer_get_length(client->told)};
        struct abnf_answer answer =
            told.length > 0 ? abnf_response(told, true) : (struct abnf_answer){.result = ABNF_MORE};
        if (answer.result == ABNF_MORE)
            return;
        if (answer.result == ABNF_BAD)
            fprintf(stderr, "fuzz: octet %zu of what the client was told should be %s: %.*s\n", answer.at,
                    answer.wanted, (int)told.length, told.data);
        fuzz_require(answer.result == ABNF_GOOD, "a client is told what the grammar has");
        evbuffer_drain(client->told, answer.at);
    }
}

static void take_output(struct client *client)
{
    struct evbuffer *output = session_output(client->session);

    evbuffer_add(client->told, evbuffer_pullup(output, -1), evbuffer_get_length(output));
    evbuffer_add_buffer(client->out, output);
    check_grammar(client);
    read_output(client, client->out);
}

/* --- the link */

/* Called for looks only: everybody is looked at in every round. */
static void wake(void *link)
{
    struct client *client = link;

    fuzz_require(client->session != NULL || client->reader != NULL, "a link is not woken when it is gone");
}

static void connect_client(struct client *client)
{
    struct bench *bench = client->bench;
    unsigned number = (unsigned)(client - bench->clients);
    struct session_options options = {.upstream = &bench->upstreams[number / 3],
                                      .secure = number != 2,
                                      .starttls = true,
                                      .plaintext_login = number % 2 == 0,
                                      .compress = number != 1,
                                      .peer = "192.0.2.1",
                                      .wake = wake,
                                      .link = client};

    client->reader = fuzz_memory(response_reader_new(ANSWER_MAX));
    client->in = fuzz_memory(evbuffer_new());
    client->out = fuzz_memory(evbuffer_new());
    client->told = fuzz_memory(evbuffer_new());
    client->slow = client->selected = client->vanishing = false;
    client->session = fuzz_memory(session_new(bench->registry, &options));
}

void client_close(struct client *client)
{
    struct session *session = client->session;

    if (!session)
        return;
    client->session = NULL;
    evbuffer_free(client->in);
    evbuffer_free(client->out);
    evbuffer_free(client->told);
    session_closed(session);
    response_reader_free(client->reader);
    client->reader = NULL;
}

void client_say(struct client *client, struct slice bytes)
{
    if (!client->session)
        connect_client(client);
    evbuffer_add(client->in, bytes.data, bytes.length);
}

void client_eof(struct client *client)
{
    if (client->session)
        session_end_of_input(client->session);
}

static bool give_input(struct client *client)
{
    size_t before = evbuffer_get_length(client->in);

    if (before == 0 || (session_wants(client->session) & SESSION_PAUSE))
        return false;
    session_receive(client->session, client->in);
    return evbuffer_get_length(client->in) != before;
}

bool client_work(struct client *client)
{
    unsigned wants;

    if (!client->session)
        return false;
    wants = session_wants(client->session);
    if (wants & SESSION_ABORT) {
        client_close(client);
        return true;
    }
    if (!client->slow)
        take_output(client);
    if (wants & SESSION_CLOSE) {
        client_close(client);
        return true;
    }
    if (wants & SESSION_START_TLS) {
        evbuffer_drain(client->in, evbuffer_get_length(client->in));
        session_secured(client->session);
        return true;
    }
    if (wants & SESSION_COMPRESS) {
        take_output(client);
        session_compressed(client->session);
        return true;
    }
    return give_input(client);
}
