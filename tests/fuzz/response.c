/* What servers send, any bytes: the same responses come out however the bytes arrive, streamed literals are as long as
 * they were announced, and nothing of one line is held beyond the limit. */
#include "imap/response.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "imap/capability.h"
#include "imap/fetch_items.h"
#include "imap/seqset.h"

static const size_t answer_limits[] = {64 * 1024, 60, 300, 2000};

struct reading {
    struct response_reader *reader;
    bool open;
    uint64_t left; /* of the streamed literal */
};

static void *start(void *context)
{
    const size_t *answer_max = context;
    struct reading *reading = fuzz_memory(calloc(1, sizeof(*reading)));

    reading->reader = fuzz_memory(response_reader_new(*answer_max));
    return reading;
}

static void note_fetch(struct reading *reading, const struct fetch_answer *part, struct fuzz_record *record)
{
    fuzz_require(part->first != reading->open, "a part is the first one, or one is open");
    fuzz_require(reading->left == 0, "a part comes when the literal is through");
    reading->open = !part->complete;
    reading->left = part->complete ? 0 : part->stream_size;
    for (const struct fetch_pair *pair = part->pairs; pair; pair = pair->next) {
        fuzz_note(record, "item %d %lu %llu %d", (int)fetch_pair_kind(pair), (unsigned long)fetch_pair_uid(pair),
                  (unsigned long long)fetch_pair_modseq(pair), fetch_pair_looks_invented(pair));
        fuzz_note_bytes(record, pair->name);
        fuzz_note_values(record, pair->value);
    }
    if (!part->complete) {
        fuzz_note(record, "streams %llu %d", (unsigned long long)part->stream_size, part->stream_literal8);
        fuzz_note_bytes(record, part->stream_name);
    }
}

/* What the proxy does with arguments of any kind of answer. */
static void use_arguments(const struct value *arguments, struct fuzz_record *record)
{
    struct capability_set capabilities = {0};
    struct seqset set = {0};

    for (const struct value *value = arguments; value; value = value->next) {
        if (response_uid_set(value, &set) == SEQSET_OK)
            fuzz_note(record, "set of %llu", (unsigned long long)seqset_size(&set));
        seqset_clear(&set);
    }
    if (capability_set_read(&capabilities, arguments))
        fuzz_note(record, "capabilities %s", capabilities.text ? capabilities.text : "-");
    capability_set_clear(&capabilities);
}

static void note_response(struct reading *reading, const struct response *response, struct fuzz_record *record)
{
    fuzz_note(record, "response %d, number %lu", (int)response->kind, (unsigned long)response->number);
    fuzz_note_bytes(record, response->tag);
    fuzz_note_bytes(record, response->word);
    if (response->kind == RESPONSE_STATUS || response->kind == RESPONSE_CONTINUE) {
        fuzz_note(record, "status %d, code %d", (int)response->status, (int)response->code.name);
        fuzz_note_bytes(record, response->code.atom);
        fuzz_note_values(record, response->code.arguments);
        use_arguments(response->code.arguments, record);
        fuzz_note_bytes(record, response->text);
    } else if (response->kind == RESPONSE_FETCH) {
        note_fetch(reading, &response->fetch, record);
    } else {
        fuzz_note_values(record, response->arguments);
        use_arguments(response->arguments, record);
    }
}

static void take(void *reader, struct evbuffer *in, struct fuzz_record *record)
{
    struct reading *reading = reader;

    for (;;) {
        struct response_input input = response_reader_next(reading->reader, in);
        switch (input.event) {
        case RESPONSE_EVENT_MORE:
            response_reader_settle(reading->reader, in);
            return;
        case RESPONSE_EVENT_READY:
            note_response(reading, input.response, record);
            break;
        case RESPONSE_EVENT_DATA:
            fuzz_require(input.bytes.length <= reading->left, "no more data than announced");
            reading->left -= input.bytes.length;
            fuzz_note_data(record, input.bytes);
            break;
        case RESPONSE_EVENT_GARBAGE:
            fuzz_require(input.open_fetch == reading->open, "garbage tells of the open answer");
            reading->open = false;
            reading->left = 0;
            fuzz_note(record, "garbage");
            fuzz_note_bytes(record, input.bytes);
            break;
        }
    }
}

static void end(void *reader)
{
    struct reading *reading = reader;

    response_reader_free(reading->reader);
    free(reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    unsigned seed = fuzz_option(&input, 256);
    size_t answer_max = answer_limits[fuzz_option(&input, 4)];
    struct fuzz_feeder feeder = {.start = start, .take = take, .end = end, .context = &answer_max};

    fuzz_feed(&feeder, input, seed);
    return 0;
}
