/* See intake.h. A command after which the meaning of the bytes may change (LOGIN, STARTTLS, COMPRESS, IDLE...) is run
 * before more is read: `blocked`. */
#include "session/intake.h"

#include <event2/buffer.h>
#include <string.h>

#include "imap/command_reader.h"

#define VALUES_PER_OCTET 64

static const struct refused no_room = {RESPONSE_NO, "UNAVAILABLE",
                                       "There is no space to store the message; please try again later"};
static const struct refused large_message = {RESPONSE_NO, "TOOBIG", "The message is larger than this server accepts"};
static const struct refused large_literal = {RESPONSE_BAD, NULL, "The literal is larger than a command may be"};
static const struct refused long_line = {RESPONSE_BAD, NULL, "The command line is too long"};

bool intake_init(struct intake *intake, const struct intake_ops *ops, void *owner, const struct ground *ground,
                 struct output *output, struct queue *queue)
{
    const struct settings *settings = ground->settings;
    uint64_t line_max = settings->client_line_max_before_login < settings->client_line_max
                            ? settings->client_line_max_before_login
                            : settings->client_line_max;

    *intake =
        (struct intake){.ops = ops, .owner = owner, .ground = ground, .output = output, .queue = queue, .upload = {0}};
    intake->reader = command_reader_new(line_max, true);
    return intake->reader != NULL;
}

void intake_clear(struct intake *intake)
{
    intake_drop_upload(intake);
    command_reader_free(intake->reader);
    intake->reader = NULL;
}

void intake_drop_upload(struct intake *intake)
{
    shared_spool_release(intake->upload.spool);
    intake->upload = (struct upload){0};
}

/* The upload goes with the command. */
static void enqueue(struct intake *intake, struct line line, const struct refused *refused)
{
    struct queued *queued = queued_new(line, intake->ground->settings->client_line_max * VALUES_PER_OCTET);

    if (!queued) {
        output_fail(intake->output);
        return;
    }
    queued->refused = intake->upload.failed ? &no_room : refused;
    queued->upload = intake->upload;
    intake->upload = (struct upload){0};
    queue_add(intake->queue, queued);
    intake->blocked = !refused && !queued->command.fault && intake->ops->runs_first(queued->command.name);
}

/* --- the line that a command waits for */

static void hand_over(struct intake *intake, struct slice line)
{
    bool open;

    intake->line_awaited = false;
    intake->blocked = true; /* the meaning of the next octets may depend on this line */
    open = intake->ops->line(intake->owner, line);
    intake->blocked = intake->blocked && open;
}

/* --- literals */

static bool ends_with_word(struct slice text, const char *word)
{
    size_t length = strlen(word);

    return text.length > length &&
           slice_equal_nocase((struct slice){text.data + text.length - length, length}, (struct slice){word, length}) &&
           strchr(" (", text.data[text.length - length - 1]);
}

/* So many arguments stand before the first message; 0: the command takes none. */
static size_t arguments_before(const struct command *command)
{
    return command->name == COMMAND_APPEND ? 1 : command->name == COMMAND_REPLACE ? 2 : 0;
}

/* Is the announced literal a message, or a part of one? It is unless arguments are still to come before it, or it is
 * an address in a CATENATE. */
static bool is_upload(struct intake *intake, struct line line, const struct command *command)
{
    struct arena arena;
    struct value *values = NULL;
    const char *error;
    size_t before = arguments_before(command);
    bool upload = false;

    if (before == 0 || !intake->logged_in || ends_with_word(line.bytes, "URL "))
        return false;
    line.unfinished = true;
    arena_init(&arena, (size_t)64 * 1024);
    if (value_parse(line, command->arguments_at, &arena, &values, &error) == VALUE_OK)
        upload = value_count(values) >= before;
    if (arena.out_of_memory)
        output_fail(intake->output);
    arena_clear(&arena);
    return upload;
}

static void say_go_on(struct intake *intake)
{
    intake->plus_owed = intake->output->line_open;
    if (!intake->plus_owed)
        output_format(intake->output, "+ OK\r\n");
}

/* A further one goes into the same spool. */
static void spool_literal(struct intake *intake, const struct command_input *input)
{
    struct upload *upload = &intake->upload;

    if (!upload->spool && !upload->failed)
        upload->spool = shared_spool_open(intake->ground->spooler);
    upload->failed |= upload->spool == NULL;
    upload->size += input->literal_size;
    command_reader_spool(intake->reader);
    if (input->synchronising)
        say_go_on(intake);
}

/* A synchronising one is answered instead of +; the bytes of another one are read and dropped, up to a bound. */
static void refuse_literal(struct intake *intake, const struct command_input *input, const struct refused *refused)
{
    enqueue(intake, input->line, refused);
    command_reader_refuse(intake->reader);
    if (!input->synchronising && input->literal_size > intake->ground->settings->append_max * 2)
        intake->ops->too_large(intake->owner, "The literal is larger than anything this server accepts");
}

static void take_literal(struct intake *intake, const struct command_input *input)
{
    const struct settings *settings = intake->ground->settings;
    struct command command;
    uint64_t room = intake->logged_in ? settings->client_line_max : settings->literal_max_before_login;
    uint64_t used = command_reader_used(intake->reader);

    if (intake->line_awaited) {
        hand_over(intake, (struct slice){0});
        command_reader_refuse(intake->reader);
        return;
    }
    command_parse_name(input->line.bytes, &command);
    if (is_upload(intake, input->line, &command)) {
        if (input->literal_size > settings->append_max ||
            input->literal_size > settings->spool_max - intake->upload.size)
            refuse_literal(intake, input, &large_message);
        else
            spool_literal(intake, input);
        return;
    }
    if (input->literal_size > room || used + input->literal_size > settings->client_line_max) {
        refuse_literal(intake, input, &large_literal);
        return;
    }
    command_reader_accept(intake->reader);
    if (input->synchronising)
        say_go_on(intake);
}

static void take_upload_data(struct intake *intake, struct slice bytes)
{
    struct upload *upload = &intake->upload;

    if (upload->spool && !upload->failed && !shared_spool_append(upload->spool, bytes.data, bytes.length))
        upload->failed = true;
}

/* --- lines */

static void take_line(struct intake *intake, struct line line)
{
    if (intake->line_awaited)
        hand_over(intake, line.bytes);
    else if (line.bytes.length > 0) /* an empty line is nothing */
        enqueue(intake, line, NULL);
}

static void take_long_line(struct intake *intake, struct line line)
{
    if (intake->line_awaited)
        hand_over(intake, (struct slice){0});
    else
        enqueue(intake, line, &long_line);
}

static bool may_read(const struct intake *intake)
{
    return !intake->stopped && !intake->blocked && !intake->plus_owed && output_takes(intake->output) &&
           intake->queue->length < intake->ground->settings->queued_commands &&
           intake->queue->octets <= QUEUE_OCTETS_MAX;
}

/* False: more octets are needed, or nothing may be read now. */
static bool take_next(struct intake *intake, struct evbuffer *in)
{
    struct command_input input;

    if (!may_read(intake))
        return false;
    input = command_reader_next(intake->reader, in);
    switch (input.event) {
    case COMMAND_MORE:
        return false;
    case COMMAND_LITERAL:
        take_literal(intake, &input);
        break;
    case COMMAND_DATA:
        take_upload_data(intake, input.bytes);
        break;
    case COMMAND_READY:
        take_line(intake, input.line);
        break;
    case COMMAND_TOO_LONG:
        take_long_line(intake, input.line);
        break;
    case COMMAND_NO_MEMORY:
        output_fail(intake->output);
        break;
    case COMMAND_SKIPPED:
        break;
    }
    return true;
}

void intake_take(struct intake *intake, struct evbuffer *in)
{
    while (take_next(intake, in))
        ;
    intake->rest = evbuffer_get_length(in) > 0;
    if (may_read(intake))
        return;
    command_reader_settle(intake->reader, in); /* the last octets may hold a password, and nothing may follow them */
    intake->paused = true;
}

bool intake_awaits_rest(const struct intake *intake)
{
    return intake->rest || !command_reader_idle(intake->reader);
}

void intake_await_line(struct intake *intake)
{
    intake->line_awaited = true;
    intake->blocked = false;
}

void intake_resume(struct intake *intake, bool idle)
{
    if (intake->plus_owed && !intake->output->line_open) {
        intake->plus_owed = false;
        output_format(intake->output, "+ OK\r\n");
    }
    if (intake->blocked && idle && intake->awaits == INTAKE_NO_CHANGE)
        intake->blocked = false;
    if (intake->paused && may_read(intake)) {
        intake->paused = false;
        intake->ops->go_on(intake->owner);
    }
}

void intake_logged_in(struct intake *intake)
{
    intake->logged_in = true;
    command_reader_set_limit(intake->reader, intake->ground->settings->client_line_max, false);
}

void intake_await(struct intake *intake, enum intake_change change)
{
    intake->awaits = change;
}

void intake_changed(struct intake *intake)
{
    intake->awaits = INTAKE_NO_CHANGE;
    intake->blocked = false;
}

void intake_stop(struct intake *intake)
{
    intake->stopped = true;
}
