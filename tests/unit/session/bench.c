/* See bench.h. */
#include "unit/session/bench.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/fetch_items.h"
#include "imap/outgoing.h"
#include "mailbox/mailbox.h"

struct bench bench;

static void write_log(void *context, enum log_level level, const char *line)
{
    size_t used = strlen(bench.logged);

    (void)context;
    (void)level;
    snprintf(bench.logged + used, sizeof(bench.logged) - used, "%s\n", line);
}

static void wake(void *link)
{
    (void)link;
    bench.wakes++;
}

/* --- spools: memory, or none */

struct spool {
    char *bytes;
    size_t size;
};

static struct spool *spool_open(void *context)
{
    (void)context;
    return bench.spool_full ? NULL : calloc(1, sizeof(struct spool));
}

static bool spool_append(struct spool *spool, const void *bytes, size_t size)
{
    if (bench.spool_full)
        return false;
    spool->bytes = realloc(spool->bytes, spool->size + size + 1);
    memcpy(spool->bytes + spool->size, bytes, size);
    spool->size += size;
    return true;
}

static size_t spool_read(struct spool *spool, uint64_t offset, void *bytes, size_t size)
{
    size_t left = spool->size - (size_t)offset;

    memcpy(bytes, spool->bytes + offset, size < left ? size : left);
    return size < left ? size : left;
}

static uint64_t spool_size(const struct spool *spool)
{
    return spool->size;
}

static void spool_close(struct spool *spool)
{
    if (spool)
        free(spool->bytes);
    free(spool);
}

static const struct spool_ops spool_ops = {
    .open = spool_open, .append = spool_append, .read = spool_read, .size = spool_size, .close = spool_close};

/* --- opening */

static struct mailbox *make_inbox(void)
{
    static const struct mailbox_flags none = {.present = true};
    struct mailbox *mailbox = mailbox_new(SLICE("INBOX"));

    mailbox->uidvalidity = 7;
    mailbox->known = mailbox->map_in_step = mailbox->flags_in_step = true;
    for (uint32_t uid = 10; uid <= 30; uid += 10) {
        cr_assert(mailbox_append(mailbox, uid));
        cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, uid), &none));
    }
    return mailbox;
}

void bench_open(void)
{
    struct session_options options = {
        .upstream = &bench.upstream, .starttls = true, .plaintext_login = true, .peer = "peer", .wake = wake};

    bench = (struct bench){.now = 1000 * USEC_SECOND, .flags_in_step = true};
    settings_defaults(&bench.settings);
    bench.runqueue = runqueue_new();
    runqueue_set_now(bench.runqueue, bench.now);
    bench.log = (struct log){.level = LOG_DEBUG, .write = write_log};
    bench.spooler = (struct spooler){.ops = &spool_ops};
    bench.ground = (struct ground){.runqueue = bench.runqueue,
                                   .log = &bench.log,
                                   .settings = &bench.settings,
                                   .spooler = &bench.spooler,
                                   .version = "1.2"};
    bench.capabilities.known = true;
    bench.inbox = make_inbox();
    bench.other = mailbox_new(SLICE("other"));
    bench.in = evbuffer_new();
    bench.session = session_new((struct registry *)&bench, &options);
    cr_assert_not_null(bench.session);
    bench_expect_like("* OK [CAPABILITY IMAP4rev1");
}

void bench_close(void)
{
    if (bench.session)
        session_closed(bench.session);
    if (bench.member) /* its commands are to be carried out */
        bench.member->end(bench.member->owner, "the account has ended");
    bench_settle();
    cr_assert_null(bench.job, "a job is left behind");
    cr_assert_null(bench.member, "a member is left behind");
    mailbox_free(bench.inbox);
    mailbox_free(bench.other);
    evbuffer_free(bench.in);
    runqueue_free(bench.runqueue);
}

void bench_log_in(void)
{
    bench_say("a0 LOGIN user secret\r\n");
    bench_login(LOGIN_OK, "");
    bench_expect_like("a0 OK [CAPABILITY IMAP4rev1");
}

void bench_offer(enum capability capability)
{
    bench.capabilities.has[capability] = true;
    offer_note(&bench.session->offer, &bench.capabilities);
}

void bench_select(void)
{
    bench_say("a1 SELECT INBOX\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect_like("a1 OK [READ-WRITE] SELECT completed.");
}

void bench_select_with_modseqs(void)
{
    bench_offer(CAPABILITY_CONDSTORE);
    bench_offer(CAPABILITY_QRESYNC);
    bench.wants_modseq = bench.tells_vanished = true;
    bench.inbox->modseq = bench.inbox->modseq_selected = 50;
    for (uint32_t i = 0; i < bench.inbox->map.count; i++)
        uid_map_at(&bench.inbox->map, i)->modseq = 50;
    bench_say("e ENABLE QRESYNC\r\n");
    bench_expect("* ENABLED QRESYNC\r\ne OK ENABLE completed.\r\n");
    bench_say("s SELECT INBOX\r\n");
    bench_done(JOB_OK, NULL);
    bench_expect_like("* OK [HIGHESTMODSEQ 50] Highest\r\ns OK");
}

void bench_open_selected(void)
{
    bench_open();
    bench_log_in();
    bench_select();
}

/* --- the client */

void bench_settle(void)
{
    runqueue_step(bench.runqueue, bench.now);
}

/* As the link does: what was left is offered again while it is taken. */
void bench_say(const char *bytes)
{
    size_t before;

    evbuffer_add(bench.in, bytes, strlen(bytes));
    do {
        before = evbuffer_get_length(bench.in);
        session_receive(bench.session, bench.in);
        bench_settle();
    } while (evbuffer_get_length(bench.in) > 0 && evbuffer_get_length(bench.in) < before);
}

void bench_pass_time(usec time)
{
    usec until = bench.now + time;

    while (bench.now < until) {
        usec next = runqueue_next(bench.runqueue);
        bench.now = next > bench.now && next < until ? next : until;
        bench_settle();
    }
}

static const char *drain(struct evbuffer *from, char *to, size_t size)
{
    size_t length = evbuffer_get_length(from);

    cr_assert(length < size);
    evbuffer_remove(from, to, length);
    to[length] = '\0';
    return to;
}

const char *bench_heard(void)
{
    return drain(session_output(bench.session), bench.heard, sizeof(bench.heard));
}

void bench_expect(const char *heard)
{
    const char *has = bench_heard();

    cr_assert_str_eq(has, heard, "heard:\n%s\nexpected:\n%s", has, heard);
}

void bench_expect_like(const char *part)
{
    const char *has = bench_heard();

    cr_assert(strstr(has, part), "heard:\n%s\nexpected in it:\n%s", has, part);
}

size_t bench_take_lines(void)
{
    struct evbuffer *out = session_output(bench.session);
    size_t lines = 0;
    char *line;

    while ((line = evbuffer_readln(out, NULL, EVBUFFER_EOL_CRLF_STRICT))) {
        lines++;
        free(line);
    }
    return lines;
}

/* --- jobs */

enum job_turn bench_build(void)
{
    struct outgoing *outgoing = outgoing_new();
    struct evbuffer *out = evbuffer_new();
    enum outgoing_state state;
    enum job_turn turn;

    cr_assert_not_null(bench.job, "no job is under way");
    turn = bench.job->ops->build(bench.job, outgoing);
    while ((state = outgoing_send(outgoing, out)) != OUTGOING_DONE) {
        char bytes[256];
        uint64_t offset, left;
        struct shared_spool *spool;
        size_t size;
        if (state == OUTGOING_WAITS) {
            outgoing_continue(outgoing);
            continue;
        }
        spool = outgoing_current_spool(outgoing, &offset, &left);
        size = shared_spool_read(spool, offset, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes));
        evbuffer_add(out, bytes, size);
        outgoing_spool_sent(outgoing, size);
    }
    drain(out, bench.sent, sizeof(bench.sent));
    evbuffer_free(out);
    outgoing_free(outgoing);
    return turn;
}

void bench_expect_sent(const char *command)
{
    char expected[4096];

    snprintf(expected, sizeof(expected), "%s\r\n", command);
    cr_assert_eq(bench_build(), JOB_SEND);
    cr_assert_str_eq(bench.sent, expected);
}

/* As the selection does: flags are in the truth before anybody hears of the answer. */
static void take_flags(uint32_t uid, const struct fetch_pair *pairs)
{
    struct message *message = uid_map_find(&bench.inbox->map, uid);
    struct mailbox_flags flags = {0};
    struct arena arena;

    arena_init(&arena, 10000);
    for (const struct fetch_pair *pair = pairs; pair; pair = pair->next) {
        if (fetch_pair_kind(pair) == FETCH_FLAGS)
            flags.present = flags_parse(pair->value, &arena, &flags.flags);
        if (fetch_pair_kind(pair) == FETCH_MODSEQ)
            flags.modseq = fetch_pair_modseq(pair);
    }
    if (message)
        cr_assert(mailbox_set_flags(bench.inbox, message, &flags));
    arena_clear(&arena);
}

/* Of a FETCH answer: the UID comes first in the tests. */
static void hand_on_fetch(const struct response *response)
{
    static uint32_t uid; /* of the answer that is open */
    struct job_fetch fetch = {.part = &response->fetch};
    uint64_t number;

    if (response->fetch.first) {
        cr_assert(value_number(response->fetch.pairs->value, UINT32_MAX, &number));
        uid = (uint32_t)number;
    }
    fetch.uid = uid;
    if (fetch_pairs_size(response->fetch.pairs) != 0 && uid_map_find(&bench.inbox->map, uid))
        uid_map_find(&bench.inbox->map, uid)->size = fetch_pairs_size(response->fetch.pairs);
    take_flags(uid, response->fetch.pairs);
    bench.job->ops->fetch(bench.job, &fetch);
}

void bench_answer(const char *bytes)
{
    struct response_reader *reader = response_reader_new(100000);
    struct evbuffer *in = evbuffer_new();
    struct response_input input;

    cr_assert_not_null(bench.job, "no job is under way");
    evbuffer_add(in, bytes, strlen(bytes));
    while ((input = response_reader_next(reader, in)).event != RESPONSE_EVENT_MORE) {
        cr_assert_neq(input.event, RESPONSE_EVENT_GARBAGE);
        if (input.event == RESPONSE_EVENT_DATA)
            bench.job->ops->fetch_data(bench.job, input.bytes);
        else if (input.response->kind == RESPONSE_FETCH)
            hand_on_fetch(input.response);
        else
            bench.job->ops->untagged(bench.job, input.response);
    }
    evbuffer_free(in);
    response_reader_free(reader);
}

void bench_break(void)
{
    bench.job->ops->fetch_broken(bench.job, false);
    bench_settle();
}

void bench_done(enum job_status status, const char *tagged)
{
    struct response_reader *reader = response_reader_new(10000);
    struct evbuffer *in = evbuffer_new();
    struct job_result result = {.status = status};
    struct job *job = bench.job;

    cr_assert_not_null(job, "no job is under way");
    if (tagged) {
        struct response_input input;
        evbuffer_add_printf(in, "%s\r\n", tagged);
        input = response_reader_next(reader, in);
        cr_assert_eq(input.event, RESPONSE_EVENT_READY);
        result.response = input.response;
    }
    bench.job = NULL; /* the next one may be submitted from within */
    job->ops->done(job, &result);
    bench_free_job(job);
    evbuffer_free(in);
    response_reader_free(reader);
    bench_settle();
}

/* --- INBOX */

void bench_deliver(uint32_t uid)
{
    static const struct mailbox_flags none = {.present = true};

    cr_assert(mailbox_append(bench.inbox, uid));
    cr_assert(mailbox_set_flags(bench.inbox, uid_map_find(&bench.inbox->map, uid), &none));
    bench_settle();
}

void bench_expunge(uint32_t uid)
{
    cr_assert(mailbox_gone(bench.inbox, uid));
    bench_settle();
}

void bench_flag(uint32_t uid, unsigned system)
{
    bench_flag_at(uid, system, 0);
}

void bench_flag_at(uint32_t uid, unsigned system, uint64_t modseq)
{
    struct mailbox_flags flags = {.present = true, .flags = {.system = system}, .modseq = modseq};

    cr_assert(mailbox_set_flags(bench.inbox, uid_map_find(&bench.inbox->map, uid), &flags));
    bench_settle();
}

/* --- an output alone */

static void do_nothing(struct task *task, usec now)
{
    (void)task;
    (void)now;
}

void bench_output(struct output *output, struct task *task)
{
    task_init(task, bench.runqueue, do_nothing);
    cr_assert(output_init(output, task));
}

const char *bench_text(struct output *output)
{
    return drain(output->bytes, bench.heard, sizeof(bench.heard));
}
