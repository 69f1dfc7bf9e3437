/* A client's line becomes a command: tag, name from one table, arguments as values. Whether the arguments suit the
 * command is judged by its family; here a fault is only a form that no command allows. A fault never loses the tag: the
 * client must get its answer. */
#include "imap/command.h"

#include <string.h>

static const struct {
    const char *title;
    unsigned states;
    bool has_uid;
    bool numbers;
} commands[] = {
#define COMMAND_ROW(id, name, states, uid, numbers) [COMMAND_##id] = {(name), (states), (uid), (numbers)},
    COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};

const char *command_title(enum command_name name)
{
    return name < COMMAND_UNKNOWN ? commands[name].title : "?";
}

unsigned command_states(enum command_name name)
{
    return name < COMMAND_UNKNOWN ? commands[name].states : 0;
}

/* Is there an atom that may be a message number, or a set of some? Sizes and UIDs look the same. */
static bool has_number(const struct value *value)
{
    for (; value; value = value->next) {
        bool set = value->kind == VALUE_ATOM && value->text.length > 0 && strchr("0123456789*", value->text.data[0]);
        if (set || (value->kind == VALUE_LIST && has_number(value->first)))
            return true;
    }
    return false;
}

bool command_uses_numbers(const struct command *command)
{
    return command->name < COMMAND_UNKNOWN && !command->uid && commands[command->name].numbers;
}

bool command_may_use_numbers(const struct command *command)
{
    bool searches = command->name == COMMAND_SEARCH || command->name == COMMAND_SORT || command->name == COMMAND_THREAD;

    return command_uses_numbers(command) || (searches && has_number(command->arguments));
}

static enum command_name find_name(struct slice word)
{
    for (size_t i = 0; i < COMMAND_UNKNOWN; i++)
        if (slice_equal_nocase(word, slice_of(commands[i].title)))
            return (enum command_name)i;
    return COMMAND_UNKNOWN;
}

/* Takes the word at the front of *text, and the spaces after it. */
static struct slice take_word(struct slice *text)
{
    struct slice word = *text;
    size_t end = 0;

    if (word.length == 0)
        return word;
    while (end < text->length && text->data[end] != ' ')
        end++;
    word.length = end;
    while (end < text->length && text->data[end] == ' ')
        end++;
    *text = (struct slice){text->data + end, text->length - end};
    return word;
}

/* RFC 3501 "tag": ASTRING-CHARs but +. */
static bool is_tag(struct slice word)
{
    for (size_t i = 0; i < word.length; i++) {
        unsigned char c = (unsigned char)word.data[i];
        if (c <= 0x20 || c >= 0x7f || strchr("(){%*\"\\+", c))
            return false;
    }
    return word.length > 0;
}

/* Reads tag and name; returns the offset of the arguments. */
static size_t parse_head(struct slice text, struct command *command)
{
    struct slice left = text, word;

    *command = (struct command){.name = COMMAND_UNKNOWN};
    word = take_word(&left);
    if (!is_tag(word)) {
        command->fault = word.length == 0 ? "Missing tag" : "Invalid tag";
        command->arguments_at = text.length;
        return text.length;
    }
    command->tag = word;
    word = take_word(&left);
    if (slice_equal_nocase(word, SLICE("UID"))) {
        command->uid = true;
        word = take_word(&left);
    }
    command->name = find_name(word);
    if (command->uid && (command->name == COMMAND_UNKNOWN || !commands[command->name].has_uid))
        command->fault = "UID must be followed by FETCH, STORE, COPY, MOVE, REPLACE, SEARCH, SORT, THREAD or EXPUNGE";
    else if (word.length == 0)
        command->fault = "Missing command";
    else if (command->name == COMMAND_UNKNOWN)
        command->fault = "Unknown command";
    command->arguments_at = (size_t)(left.data - text.data);
    return command->arguments_at;
}

void command_parse(struct line line, struct arena *arena, struct command *command)
{
    size_t offset = parse_head(line.bytes, command);
    const char *error = NULL;

    line.strict = true;
    line.sections = command->name == COMMAND_FETCH;
    if (command->fault)
        return;
    switch (value_parse(line, offset, arena, &command->arguments, &error)) {
    case VALUE_OK:
        break;
    case VALUE_BAD:
        command->fault = error;
        break;
    case VALUE_TOO_BIG:
        command->fault = "Too many arguments, or nested too deeply";
        break;
    }
}

void command_parse_name(struct slice text, struct command *command)
{
    parse_head(text, command);
    command->fault = NULL;
}
