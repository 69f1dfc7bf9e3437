/* What is written to the server: one command at a time, with its tag and its literals, IDLE, DONE and LOGOUT. Never a
 * second command before the first one's tagged answer (DONE and the command after it excepted), and no octet of a
 * literal before the server's + where it wants to say one. */
#include <assert.h>
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>

#include "mux/upstream_inside.h"

#define OUTPUT_HIGH_WATER ((size_t)256 * 1024)

struct evbuffer *upstream_output(struct upstream *upstream)
{
    return upstream->output;
}

static void spool_out(struct upstream *upstream)
{
    char bytes[16 * 1024];
    uint64_t offset, left;
    struct shared_spool *spool = outgoing_current_spool(upstream->sending, &offset, &left);
    size_t want = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
    size_t got = shared_spool_read(spool, offset, bytes, want);

    if (got == 0 || evbuffer_add(upstream->output, bytes, got) < 0) {
        upstream_fail(upstream, REFUSAL_NONE, SLICE("a spooled message could not be read"));
        return;
    }
    outgoing_spool_sent(upstream->sending, got);
}

void upstream_push(struct upstream *upstream)
{
    while (upstream_has_link(upstream) && upstream->sending &&
           evbuffer_get_length(upstream->output) < OUTPUT_HIGH_WATER) {
        enum outgoing_state state = outgoing_send(upstream->sending, upstream->output);
        if (outgoing_failed(upstream->sending)) {
            upstream_fail(upstream, REFUSAL_NONE, SLICE("out of memory"));
            return;
        }
        upstream->waits_for_plus = state == OUTGOING_WAITS;
        if (state == OUTGOING_WAITS && !upstream->in_flight) {
            upstream_fail(upstream, REFUSAL_NONE, SLICE("a command was answered in the middle of its literals"));
            return;
        }
        if (state == OUTGOING_WAITS)
            break;
        if (state == OUTGOING_SPOOLS) {
            spool_out(upstream);
            continue;
        }
        outgoing_free(upstream->sending);
        upstream->sending = NULL;
        if (!upstream->in_flight)
            upstream->owner.idle_over(upstream->owner.owner, false); /* its answer came first: free only now */
    }
    if (!upstream_has_link(upstream) || evbuffer_get_length(upstream->output) == 0)
        return; /* waking a link that has nothing to write would go round for ever */
    upstream->last_octet = task_now(&upstream->task);
    upstream_set_deadline(upstream);
    upstream->ground->link_ops->wake(upstream->link);
}

void upstream_writable(struct upstream *upstream)
{
    if (upstream->sending)
        upstream_push(upstream);
}

void upstream_write(struct upstream *upstream, const char *format, ...)
{
    va_list arguments;
    int written;

    va_start(arguments, format);
    written = evbuffer_add_vprintf(upstream->output, format, arguments);
    va_end(arguments);
    if (written < 0)
        upstream_fail(upstream, REFUSAL_NONE, SLICE("out of memory"));
}

static void count_command(struct upstream *upstream)
{
    upstream->commands++;
    upstream->ground->commands++;
}

static void make_tag(const struct upstream *upstream, char tag[UPSTREAM_TAG_SIZE])
{
    snprintf(tag, UPSTREAM_TAG_SIZE, "x%07x.%llu", (unsigned)(upstream->tag_secret & 0xfffffff),
             (unsigned long long)upstream->commands);
}

void upstream_write_command(struct upstream *upstream, struct outgoing *command)
{
    count_command(upstream);
    upstream->written = upstream->ground->commands;
    make_tag(upstream, upstream->tag);
    upstream->in_flight = true;
    upstream->sending = command;
    upstream_write(upstream, "%s ", upstream->tag);
    upstream_push(upstream);
}

static void write_done(struct upstream *upstream)
{
    upstream_set_state(upstream, UPSTREAM_READY);
    upstream_write(upstream, "DONE\r\n");
}

void upstream_send(struct upstream *upstream, struct outgoing *command, enum policy_patience patience)
{
    assert(!upstream_busy(upstream));
    upstream->patience = patience;
    if (upstream->state == UPSTREAM_ENTERING_IDLE) {
        upstream->held = command; /* DONE before the + hangs some servers */
        return;
    }
    if (upstream->state == UPSTREAM_IDLING)
        write_done(upstream);
    upstream_write_command(upstream, command);
}

void upstream_idle(struct upstream *upstream)
{
    assert(upstream->state == UPSTREAM_READY && !upstream_busy(upstream));
    count_command(upstream);
    make_tag(upstream, upstream->idle_tag);
    upstream->idle_answer_awaited = true;
    upstream_set_state(upstream, UPSTREAM_ENTERING_IDLE);
    upstream_write(upstream, "%s IDLE\r\n", upstream->idle_tag);
    upstream_push(upstream);
}

void upstream_end_idle(struct upstream *upstream)
{
    if (upstream->state == UPSTREAM_ENTERING_IDLE) {
        upstream->leave_idle = true;
        return;
    }
    if (upstream->state != UPSTREAM_IDLING)
        return;
    write_done(upstream);
    upstream_push(upstream);
}

void upstream_write_logout(struct upstream *upstream)
{
    bool idling = upstream->state == UPSTREAM_IDLING;

    count_command(upstream);
    make_tag(upstream, upstream->tag);
    upstream->in_flight = true;
    upstream_set_state(upstream, UPSTREAM_LOGGING_OUT);
    upstream_write(upstream, "%s%s LOGOUT\r\n", idling ? "DONE\r\n" : "", upstream->tag);
    upstream_push(upstream);
}
