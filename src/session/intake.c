/* From a client's bytes to its queue of commands. Decides at each literal what becomes of it: into the line, into a
 * spool (APPEND's message, whole before anything goes upstream), or refused before memory is asked for. A command
 * behind which the meaning of the bytes may change (LOGIN, AUTHENTICATE, STARTTLS, IDLE) is run before more is read. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "session/state.h"

#define QUEUED_VALUES_PER_OCTET 64

void queued_free(struct queued *queued)
{
    if (!queued)
        return;
    if (queued->bytes)
        secret_wipe(queued->bytes, queued->length);
    free(queued->bytes);
    arena_wipe(&queued->arena);
    shared_spool_release(queued->upload);
    free(queued);
}

static void append_to_queue(struct session *session, struct queued *queued)
{
    struct queued **end = &session->queue;

    while (*end)
        end = &(*end)->next;
    *end = queued;
    session->queue_length++;
}

/* Behind these the next bytes are read only when they have been run: limits, security or meaning may be others then. */
static bool must_run_first(enum command_name name)
{
    return name == COMMAND_LOGIN || name == COMMAND_AUTHENTICATE || name == COMMAND_STARTTLS || name == COMMAND_IDLE ||
           name == COMMAND_LOGOUT;
}

static struct queued *new_queued(struct session *session, struct line line)
{
    struct queued *queued = calloc(1, sizeof(*queued));
    struct line own = line;

    if (!queued)
        return NULL;
    arena_init(&queued->arena, session_settings(session)->client_line_max * QUEUED_VALUES_PER_OCTET);
    queued->length = line.bytes.length;
    queued->bytes = slice_copy(line.bytes);
    if (!queued->bytes) {
        queued_free(queued);
        return NULL;
    }
    own.bytes.data = queued->bytes;
    command_parse(own, &queued->arena, &queued->command);
    if (queued->arena.out_of_memory) {
        queued_free(queued);
        return NULL;
    }
    return queued;
}

static void take_upload(struct session *session, struct queued *queued)
{
    queued->upload = session->upload;
    queued->upload_size = session->upload_size;
    queued->upload_literal8 = session->upload_literal8;
    if (session->upload_failed)
        queued->refused = "NO [UNAVAILABLE] There is no room here to keep the message until it is sent on";
    session->upload = NULL;
    session->upload_failed = false;
}

/* refused: NULL, or the answer that it gets at its turn. */
static void enqueue(struct session *session, struct line line, const char *refused)
{
    struct queued *queued = new_queued(session, line);

    if (!queued) {
        session_no_memory(session);
        return;
    }
    queued->refused = refused;
    take_upload(session, queued);
    append_to_queue(session, queued);
    session->blocked = !refused && !queued->command.fault && must_run_first(queued->command.name);
}

/* --- literals */

/* Is the announced literal APPEND's message? It is unless the mailbox's name is still to come. */
static bool is_upload(struct session *session, struct line line, const struct command *command)
{
    struct arena arena;
    struct value *values = NULL;
    const char *error;
    size_t offset;
    bool upload = false;

    if (command->name != COMMAND_APPEND || session->phase != SESSION_LOGGED_IN)
        return false;
    /* behind tag and name */
    offset = (size_t)(command->tag.data - line.bytes.data) + command->tag.length + 1 + strlen("APPEND");
    if (offset > line.bytes.length)
        return false;
    arena_init(&arena, (size_t)64 * 1024);
    if (value_parse(line, offset, &arena, &values, &error) == VALUE_OK)
        upload = values != NULL;
    if (arena.out_of_memory)
        session_no_memory(session);
    arena_clear(&arena);
    return upload;
}

static void say_go_on(struct session *session)
{
    session->plus_owed = session->line_open;
    if (!session->plus_owed)
        session_write(session, "+ OK\r\n");
}

static void spool_literal(struct session *session, const struct command_input *input)
{
    struct spooler *spooler = registry_ground(session->registry)->spooler;

    session->upload = shared_spool_open(spooler);
    session->upload_size = input->literal_size;
    session->upload_literal8 = input->literal8;
    session->upload_failed = session->upload == NULL;
    command_reader_spool(session->reader);
    if (input->synchronising)
        say_go_on(session);
}

/* A synchronising one is answered instead of +; the bytes of another one are read and dropped, up to a bound. */
static void refuse_literal(struct session *session, const struct command_input *input, const char *answer)
{
    enqueue(session, input->line, answer);
    session->blocked = false;
    command_reader_refuse(session->reader);
    if (!input->synchronising && input->literal_size > session_settings(session)->append_max * 2)
        session_bye(session, "A literal is larger than anything that is taken here");
}

static void literal(struct session *session, const struct command_input *input)
{
    const struct settings *settings = session_settings(session);
    struct command command;
    bool logged_in = session->phase == SESSION_LOGGED_IN;
    uint64_t room = logged_in ? settings->client_line_max : settings->literal_max_before_login;
    uint64_t used = command_reader_used(session->reader);

    command_parse_name(input->line.bytes, &command);
    if (is_upload(session, input->line, &command)) {
        if (session->upload)
            refuse_literal(session, input, "BAD APPEND takes one message");
        else if (input->literal_size > settings->append_max)
            refuse_literal(session, input, "NO [TOOBIG] The message is larger than this server takes");
        else
            spool_literal(session, input);
        return;
    }
    if (input->literal_size > room || used + input->literal_size > settings->client_line_max) {
        refuse_literal(session, input, "BAD The literal is larger than a command may be here");
        return;
    }
    command_reader_accept(session->reader);
    if (input->synchronising)
        say_go_on(session);
}

static void upload_data(struct session *session, struct slice bytes)
{
    if (session->upload && !session->upload_failed && !shared_spool_append(session->upload, bytes.data, bytes.length))
        session->upload_failed = true;
}

/* --- lines */

static void whole_line(struct session *session, const struct command_input *input)
{
    void (*line)(struct session *, struct slice) = session->line;

    if (line) {
        session->line = NULL;
        session->blocked = true; /* what follows may depend on what comes of this line */
        line(session, input->line.bytes);
        session->blocked = session->blocked && session->current;
    } else if (input->line.bytes.length > 0) { /* an empty line is nothing */
        enqueue(session, input->line, NULL);
    }
}

static bool may_read(const struct session *session)
{
    return session->phase != SESSION_ENDING && !session->blocked && !session->plus_owed &&
           session->queue_length < session_settings(session)->queued_commands;
}

void intake_take(struct session *session, struct evbuffer *in)
{
    while (may_read(session)) {
        struct command_input input = command_reader_next(session->reader, in);
        switch (input.event) {
        case COMMAND_MORE:
            return;
        case COMMAND_LITERAL:
            literal(session, &input);
            break;
        case COMMAND_DATA:
            upload_data(session, input.bytes);
            break;
        case COMMAND_READY:
            whole_line(session, &input);
            break;
        case COMMAND_TOO_LONG:
            enqueue(session, input.line, "BAD The command line is too long");
            session->blocked = false;
            break;
        case COMMAND_NO_MEMORY:
            session_no_memory(session);
            break;
        case COMMAND_SKIPPED:
            break;
        }
    }
    command_reader_settle(session->reader, in); /* what was read last may hold a password, and nothing may follow it */
    if (session->phase != SESSION_ENDING)
        session->wants |= SESSION_PAUSE;
}

void intake_await_line(struct session *session, void (*line)(struct session *session, struct slice line))
{
    session->line = line;
    session->blocked = false;
    task_wake(&session->task);
}

/* Reading may go on: the link is told so, and offers what it has kept. */
void intake_resume(struct session *session)
{
    if (session->plus_owed && !session->line_open) {
        session->plus_owed = false;
        session_write(session, "+ OK\r\n");
    }
    if (session->blocked && !session->current && !session->queue && !(session->wants & SESSION_START_TLS))
        session->blocked = false;
    if ((session->wants & SESSION_PAUSE) && may_read(session)) {
        session->wants &= ~(unsigned)SESSION_PAUSE;
        session_wake_link(session);
    }
}
