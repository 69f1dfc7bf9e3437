/* The parsers and printers when memory runs out at every request in turn: each ends with an error, or with what it ends
 * with when there is enough; never with something else. Nothing leaks.
 *
 * A case takes an input and records what it makes of it. */
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "base/append.h"
#include "base/secret.h"
#include "imap/capability.h"
#include "imap/command.h"
#include "imap/command_reader.h"
#include "imap/fetch_items.h"
#include "imap/flags.h"
#include "imap/outgoing.h"
#include "imap/response.h"
#include "imap/search.h"
#include "mailbox/keywords.h"
#include "unit/allocation/shortage.h"

#define RECORD_MAX 8192

struct record {
    char text[RECORD_MAX];
    size_t length;
};

static void note(struct record *record, const void *bytes, size_t size)
{
    if (size > RECORD_MAX - 1 - record->length)
        size = RECORD_MAX - 1 - record->length;
    if (size)
        memcpy(record->text + record->length, bytes, size);
    record->length += size;
    record->text[record->length] = '\0';
}

static void note_slice(struct record *record, struct slice text)
{
    note(record, text.data, text.length);
    note(record, "|", 1);
}

/* False: it is not whole. */
static bool note_buffer(struct record *record, struct evbuffer *buffer)
{
    char bytes[RECORD_MAX];
    ev_ssize_t size = evbuffer_copyout(buffer, bytes, sizeof(bytes));

    if (append_failed(buffer))
        return false;
    note(record, bytes, size > 0 ? (size_t)size : 0);
    note(record, "|", 1);
    return true;
}

/* The input for a reader, in pieces of seven octets. Made before the shortage. */
static struct evbuffer *make_input(const char *text)
{
    struct evbuffer *in = evbuffer_new();

    while (in && *text) {
        size_t size = strlen(text) < 7 ? strlen(text) : 7;
        evbuffer_add(in, text, size);
        text += size;
    }
    return in;
}

/* --- cases. True: done, and recorded; false: an error was told. */

static bool note_values(const struct value *first, struct record *record)
{
    struct evbuffer *out = evbuffer_new();
    bool ok = out && value_print_all(first, out) && note_buffer(record, out);

    if (out)
        evbuffer_free(out);
    return ok;
}

static bool read_commands(struct evbuffer *in, struct record *record, bool wipe)
{
    struct command_reader *reader = command_reader_new(1000, wipe);
    struct command_input input;
    struct command command;
    struct arena arena;
    bool ok = true;

    arena_init(&arena, (size_t)64 * 1024);
    while (reader && ok && (input = command_reader_next(reader, in)).event != COMMAND_MORE) {
        ok = input.event != COMMAND_NO_MEMORY;
        if (input.event == COMMAND_LITERAL && input.literal8)
            command_reader_spool(reader);
        else if (input.event == COMMAND_LITERAL)
            command_reader_accept(reader);
        else if (input.event == COMMAND_DATA)
            note(record, input.bytes.data, input.bytes.length);
        else if (ok)
            note_slice(record, input.line.bytes);
        if (input.event != COMMAND_READY)
            continue;
        command_parse(input.line, &arena, &command);
        ok = !arena.out_of_memory;
        note_slice(record, slice_of(command.fault ? command.fault : command_title(command.name)));
    }
    arena_clear(&arena);
    command_reader_free(reader);
    return reader && ok;
}

static bool read_secret_commands(struct evbuffer *in, struct record *record)
{
    return read_commands(in, record, true);
}

static bool read_plain_commands(struct evbuffer *in, struct record *record)
{
    return read_commands(in, record, false);
}

static bool note_response(const struct response *response, struct record *record)
{
    struct seqset found = {0};
    bool ok = response_take_found(response, &found) == RESPONSE_FOUND;

    note_slice(record, response->word);
    note_slice(record, response->text);
    for (size_t i = 0; i < found.count; i++)
        note(record, &found.ranges[i], sizeof(found.ranges[i]));
    seqset_clear(&found);
    for (const struct fetch_pair *pair = response->fetch.pairs; ok && pair; pair = pair->next) {
        note_slice(record, pair->name);
        ok = note_values(pair->value, record);
    }
    return ok && note_values(response->arguments, record);
}

/* Out of memory shows as garbage. */
static bool read_responses(struct evbuffer *in, struct record *record)
{
    struct response_reader *reader = response_reader_new(100000);
    struct response_input input;
    bool ok = reader != NULL;

    while (ok && (input = response_reader_next(reader, in)).event != RESPONSE_EVENT_MORE) {
        ok = input.event != RESPONSE_EVENT_GARBAGE;
        if (input.event == RESPONSE_EVENT_DATA)
            note(record, input.bytes.data, input.bytes.length);
        else if (ok)
            ok = note_response(input.response, record);
    }
    response_reader_free(reader);
    return ok;
}

static bool parse_values(struct evbuffer *in, struct arena *arena, struct value **values)
{
    size_t size = evbuffer_get_length(in);
    const char *error, *bytes = (const char *)evbuffer_pullup(in, -1);

    return bytes &&
           value_parse((struct line){.bytes = {bytes, size}, .sections = true}, 0, arena, values, &error) == VALUE_OK;
}

static bool put_set(void *context, struct slice written, struct seqset *uids)
{
    struct seqset set = {0};
    bool saved, ok = seqset_parse_saved(written, &set, &saved) == SEQSET_OK && seqset_resolve(&set, 90, uids);

    (void)context;
    seqset_clear(&set);
    return ok;
}

static bool put_recent(void *context, struct seqset *uids)
{
    (void)context;
    return seqset_add(uids, 3) && seqset_add(uids, 7);
}

static bool note_outgoing(struct outgoing *out, struct record *record)
{
    struct evbuffer *sent = evbuffer_new();
    bool ok = sent != NULL;

    while (ok && outgoing_send(out, sent) == OUTGOING_WAITS && !outgoing_failed(out))
        outgoing_continue(out);
    ok = ok && !outgoing_failed(out) && note_buffer(record, sent);
    if (sent)
        evbuffer_free(sent);
    return ok;
}

static bool permits_all(const void *context, struct slice name)
{
    (void)context;
    return name.length > 0;
}

static bool translate_search(struct evbuffer *in, struct record *record)
{
    const struct search_permit permit = {.key = permits_all, .option = permits_all};
    const struct search_translation translation = {.numbers = put_set, .uids = put_set, .recent = put_recent};
    struct outgoing *out = outgoing_new();
    struct value *values;
    struct search search;
    struct arena arena;
    const char *error;
    bool ok;

    arena_init(&arena, (size_t)64 * 1024);
    ok = out && parse_values(in, &arena, &values) && search_parse(values, &permit, &arena, &search, &error) &&
         search_print_upstream(&search, &translation, out) && note_outgoing(out, record);
    outgoing_free(out);
    arena_clear(&arena);
    return ok;
}

static bool translate_items(struct evbuffer *in, struct record *record)
{
    struct evbuffer *labels = evbuffer_new();
    struct outgoing *out = outgoing_new();
    struct fetch_item *items = NULL;
    struct value *values;
    struct arena arena;
    const char *error;
    bool ok;

    arena_init(&arena, (size_t)64 * 1024);
    ok = out && labels && parse_values(in, &arena, &values) && (items = fetch_items_parse(values, &arena, &error));
    for (const struct fetch_item *item = ok ? items : NULL; item; item = item->next) {
        fetch_item_print_upstream(item, true, out);
        ok = fetch_item_print_label(item, labels) && ok;
    }
    ok = ok && note_outgoing(out, record) && note_buffer(record, labels);
    if (labels)
        evbuffer_free(labels);
    outgoing_free(out);
    arena_clear(&arena);
    return ok;
}

static bool keep_capabilities(struct evbuffer *in, struct record *record)
{
    struct capability_set set = {0}, copy = {0};
    struct value *values;
    struct arena arena;
    bool ok;

    arena_init(&arena, (size_t)64 * 1024);
    ok = parse_values(in, &arena, &values) && capability_set_read(&set, values) && capability_set_copy(&set, &copy);
    if (ok)
        note_slice(record, slice_of(copy.text));
    capability_set_clear(&set);
    capability_set_clear(&copy);
    arena_clear(&arena);
    return ok;
}

static bool keep_keywords(struct evbuffer *in, struct record *record)
{
    struct keywords *keywords = keywords_new();
    struct flag_list flags;
    struct value *values;
    struct arena arena;
    uint32_t set = 0;
    bool ok;

    arena_init(&arena, (size_t)64 * 1024);
    ok = keywords && parse_values(in, &arena, &values) && flags_parse(values, &arena, &flags) &&
         keywords_intern(keywords, flags.keywords, flags.keyword_count, &set) &&
         keywords_remove(keywords, set, flags.keywords, 1, &set);
    note(record, &set, sizeof(set));
    keywords_free(keywords);
    arena_clear(&arena);
    return ok;
}

static bool keep_secret(struct evbuffer *in, struct record *record)
{
    const char *bytes = (const char *)evbuffer_pullup(in, -1);
    struct secret *secret = bytes ? secret_new((struct slice){bytes, evbuffer_get_length(in)}) : NULL;

    if (secret)
        note_slice(record, secret_bytes(secret));
    secret_free(secret);
    return secret != NULL;
}

static const struct {
    const char *name, *input;
    bool (*run)(struct evbuffer *in, struct record *record);
} cases[] = {
    {"commands",
     "a LOGIN {5}\r\nalice \"pass word\"\r\nb UID FETCH 1:5,7 (FLAGS BODY.PEEK[HEADER.FIELDS (From \"To\")])\r\n"
     "c APPEND x ~{3}\r\nabc ~{2}\r\nde\r\nd NOOP\r\n",
     read_plain_commands},
    {"commands before login", "a LOGIN {5}\r\nalice {9}\r\npass word\r\nb AUTHENTICATE PLAIN AGEAYg==\r\n",
     read_secret_commands},
    {"responses",
     "* OK [CAPABILITY IMAP4rev1 IDLE] hello\r\n* 3 FETCH (UID 7 FLAGS (\\Seen a b) BODY[HEADER] {4}\r\nabcd "
     "ENVELOPE (NIL \"a\\\"b\" ((NIL NIL \"x\" \"y\")) NIL))\r\n* SEARCH 1 5 9 2\r\n"
     "* ESEARCH (TAG \"x1\") UID ALL 1:4,9,12:14\r\n* LIST () \"/\" {3}\r\na b\r\nx1 OK [COPYUID 3 1:4 5:8] done\r\n",
     read_responses},
    {"search",
     "RETURN (MIN ALL) OR (1:3,$,7 UNSEEN) NOT UID 4:* HEADER Subject {3}\r\na\"b NEW OLD RECENT KEYWORD x OLDER 5",
     translate_search},
    {"items", "(FLAGS UID RFC822.TEXT BODY[1.HEADER.FIELDS (From \"To\" Subject)]<3.70> BODY.PEEK[TEXT] ENVELOPE)",
     translate_items},
    {"capabilities", "IMAP4rev1 IDLE UIDPLUS CONDSTORE X-SOMETHING LITERAL+ MOVE QRESYNC ENABLE", keep_capabilities},
    {"keywords", "(\\Seen one two three four five six seven eight nine ten eleven)", keep_keywords},
    {"secret", "correct horse battery staple", keep_secret},
};

/* --- each with one request refused, until none is */

static bool run(size_t index, unsigned long refused, struct record *record)
{
    struct evbuffer *in = make_input(cases[index].input);
    bool done;

    record->length = 0;
    record->text[0] = '\0';
    shortage_begin(refused, 0, NULL, NULL);
    done = cases[index].run(in, record);
    shortage_end();
    evbuffer_free(in);
    return done;
}

static unsigned fail(size_t index, unsigned long refused, const char *what)
{
    printf("FAILED %s, request %lu: %s\n", cases[index].name, refused, what);
    fflush(stdout);
    shortage_show();
    return 1;
}

static unsigned sweep(size_t index, unsigned long *requests)
{
    static struct record expected, record;
    unsigned failures = 0;

    if (!run(index, 0, &expected))
        return fail(index, 0, "an error though there is memory");
    for (unsigned long refused = 1;; refused++) {
        long held = shortage_held();
        bool done = run(index, refused, &record);
        if (!shortage_struck())
            return failures;
        ++*requests;
        if (done && (record.length != expected.length || memcmp(record.text, expected.text, record.length) != 0))
            failures += fail(index, refused, "another result");
        if (shortage_held() != held)
            failures += fail(index, refused, "a leak");
    }
}

int main(void)
{
    unsigned long requests = 0;
    unsigned failures = 0;

    shortage_init();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        failures += sweep(i, &requests);
    printf("%lu requests refused, %u failures\n", requests, failures);
    return failures > 0;
}
