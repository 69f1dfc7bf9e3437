/* A command on its way up: text in one buffer, with stops in it where the server must be waited for or where octets
 * come from a spool. Everything a server reads of a command comes through here, so this is where a value is kept from
 * becoming syntax: no line end, quote or 8-bit octet leaves outside a literal. Must never write {n+} beyond what the
 * server announced: one without LITERAL+ takes the octets for commands. */
#include "imap/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/secret.h"
#include "base/spool.h"

#define QUOTED_MAX 1000

struct stop {
    size_t at;                  /* octets of text before it */
    bool waits;                 /* for the server's +; else for octets of the spool */
    struct shared_spool *spool; /* held */
    uint64_t offset, size;      /* in the spool */
};

struct outgoing {
    char *text;
    size_t length, capacity;
    struct stop *stops;
    size_t stop_count, stop_capacity;
    bool secret;
    bool failed;
    /* sending */
    bool ended; /* the final CRLF has been appended */
    size_t sent;
    size_t next_stop;
    uint64_t spool_sent; /* of the present spool */
};

struct outgoing *outgoing_new(void)
{
    return calloc(1, sizeof(struct outgoing));
}

void outgoing_free(struct outgoing *outgoing)
{
    if (!outgoing)
        return;
    if (outgoing->secret)
        secret_wipe(outgoing->text, outgoing->capacity);
    for (size_t i = 0; i < outgoing->stop_count; i++)
        shared_spool_release(outgoing->stops[i].spool);
    free(outgoing->text);
    free(outgoing->stops);
    free(outgoing);
}

void outgoing_set_secret(struct outgoing *outgoing)
{
    outgoing->secret = true;
}

/* ---- text and stops ---- */

/* Not realloc: it would leave a password in the memory that it gives back. */
static bool grow(struct outgoing *outgoing, size_t needed)
{
    size_t capacity = outgoing->capacity ? outgoing->capacity : 128;
    char *text;

    while (capacity < needed)
        capacity *= 2;
    text = malloc(capacity);
    if (!text)
        return false;
    if (outgoing->length)
        memcpy(text, outgoing->text, outgoing->length);
    if (outgoing->secret)
        secret_wipe(outgoing->text, outgoing->capacity);
    free(outgoing->text);
    outgoing->text = text;
    outgoing->capacity = capacity;
    return true;
}

static void put(struct outgoing *outgoing, struct slice text)
{
    if (outgoing->failed || text.length == 0)
        return;
    if (text.length > SIZE_MAX / 4 - outgoing->length ||
        (outgoing->length + text.length > outgoing->capacity && !grow(outgoing, outgoing->length + text.length))) {
        outgoing->failed = true;
        return;
    }
    memcpy(outgoing->text + outgoing->length, text.data, text.length);
    outgoing->length += text.length;
}

static void put_stop(struct outgoing *outgoing, struct stop stop)
{
    if (outgoing->failed)
        return;
    if (outgoing->stop_count == outgoing->stop_capacity) {
        size_t capacity = outgoing->stop_capacity ? outgoing->stop_capacity * 2 : 4;
        struct stop *grown = reallocarray(outgoing->stops, capacity, sizeof(*grown));
        if (!grown) {
            outgoing->failed = true;
            return;
        }
        outgoing->stops = grown;
        outgoing->stop_capacity = capacity;
    }
    stop.at = outgoing->length;
    if (stop.spool)
        shared_spool_hold(stop.spool);
    outgoing->stops[outgoing->stop_count++] = stop;
}

static void announce(struct outgoing *outgoing, uint64_t size, bool literal8)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%s{%llu}\r\n", literal8 ? "~" : "", (unsigned long long)size);

    put(outgoing, (struct slice){text, (size_t)length});
    put_stop(outgoing, (struct stop){.waits = true});
}

/* ---- atoms, quoted strings, literals ---- */

static bool has_octet(struct slice text, const char *octets)
{
    for (; *octets; octets++)
        if (text.length && memchr(text.data, *octets, text.length))
            return true;
    return false;
}

static bool has_nul(struct slice text)
{
    return text.length && memchr(text.data, '\0', text.length);
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] >= 0x7f)
            return false;
    return true;
}

static bool may_be_quoted(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return text.length <= QUOTED_MAX && !has_nul(text) && !has_octet(text, "\r\n\"\\");
}

static bool may_be_astring_atom(struct slice text)
{
    return text.length > 0 && is_printable(text) && !has_octet(text, " (){%*\"\\") &&
           !slice_equal_nocase(text, SLICE("NIL"));
}

/* ---- the verbs ---- */

void outgoing_text(struct outgoing *outgoing, const char *text)
{
    put(outgoing, slice_of(text));
}

void outgoing_number(struct outgoing *outgoing, uint64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

    put(outgoing, (struct slice){text, (size_t)length});
}

void outgoing_set(struct outgoing *outgoing, const struct seqset *set)
{
    struct evbuffer *printed = evbuffer_new();
    size_t length;
    const unsigned char *data;

    if (!printed || !seqset_print(set, printed)) {
        outgoing->failed = true;
    } else if ((length = evbuffer_get_length(printed)) > 0) {
        data = evbuffer_pullup(printed, -1);
        if (data)
            put(outgoing, (struct slice){(const char *)data, length});
        else
            outgoing->failed = true;
    }
    if (printed)
        evbuffer_free(printed);
}

void outgoing_atom(struct outgoing *outgoing, struct slice atom)
{
    if (!is_printable(atom))
        outgoing->failed = true;
    put(outgoing, atom);
}

static void put_literal(struct outgoing *outgoing, struct slice text)
{
    if (has_nul(text))
        outgoing->failed = true;
    announce(outgoing, text.length, false);
    put(outgoing, text);
}

void outgoing_string(struct outgoing *outgoing, struct slice text)
{
    if (!may_be_quoted(text)) {
        put_literal(outgoing, text);
        return;
    }
    put(outgoing, SLICE("\""));
    put(outgoing, text);
    put(outgoing, SLICE("\""));
}

void outgoing_astring(struct outgoing *outgoing, struct slice text)
{
    if (may_be_astring_atom(text))
        put(outgoing, text);
    else
        outgoing_string(outgoing, text);
}

static void put_list(struct outgoing *outgoing, const struct value *list)
{
    put(outgoing, SLICE("("));
    for (const struct value *value = list->first; value; value = value->next) {
        if (value != list->first)
            put(outgoing, SLICE(" "));
        outgoing_value(outgoing, value);
    }
    put(outgoing, SLICE(")"));
}

void outgoing_value(struct outgoing *outgoing, const struct value *value)
{
    switch (value->kind) {
    case VALUE_ATOM:
        /* The lexer lets 8-bit octets into atoms; no grammar does. A string was meant. */
        if (is_printable(value->text))
            put(outgoing, value->text);
        else
            outgoing_string(outgoing, value->text);
        break;
    case VALUE_QUOTED:
    case VALUE_LITERAL:
        outgoing_string(outgoing, value->text);
        break;
    case VALUE_LIST:
        put_list(outgoing, value);
        break;
    case VALUE_LITERAL8:
    case VALUE_SPOOLED:
    case VALUE_DEEP: /* never in a client's line */
        outgoing->failed = true;
        break;
    }
}

void outgoing_spool(struct outgoing *outgoing, struct shared_spool *spool, uint64_t offset, uint64_t size,
                    bool literal8)
{
    announce(outgoing, size, literal8);
    if (size > 0)
        put_stop(outgoing, (struct stop){.spool = spool, .offset = offset, .size = size});
}

bool outgoing_failed(const struct outgoing *outgoing)
{
    return outgoing->failed;
}

static bool has_spool(const struct outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->stop_count; i++)
        if (outgoing->stops[i].spool)
            return true;
    return false;
}

bool outgoing_equal(const struct outgoing *one, const struct outgoing *other)
{
    return !one->failed && !other->failed && one->length == other->length && one->length > 0 &&
           memcmp(one->text, other->text, one->length) == 0 && !has_spool(one) && !has_spool(other);
}

size_t outgoing_length(const struct outgoing *outgoing)
{
    return outgoing->length;
}

/* ---- sending ---- */

static const struct stop *present_stop(const struct outgoing *outgoing)
{
    return outgoing->next_stop < outgoing->stop_count ? &outgoing->stops[outgoing->next_stop] : NULL;
}

enum outgoing_state outgoing_send(struct outgoing *outgoing, struct evbuffer *out)
{
    const struct stop *stop = present_stop(outgoing);
    size_t until;

    if (!outgoing->ended) {
        outgoing->ended = true;
        put(outgoing, SLICE("\r\n"));
    }
    until = stop ? stop->at : outgoing->length;
    if (!outgoing->failed && until > outgoing->sent) {
        if (evbuffer_add(out, outgoing->text + outgoing->sent, until - outgoing->sent) != 0)
            outgoing->failed = true;
        outgoing->sent = until;
    }
    if (!stop)
        return OUTGOING_DONE;
    return stop->waits ? OUTGOING_WAITS : OUTGOING_SPOOLS;
}

void outgoing_continue(struct outgoing *outgoing)
{
    const struct stop *stop = present_stop(outgoing);

    if (stop && stop->waits)
        outgoing->next_stop++;
}

struct shared_spool *outgoing_current_spool(const struct outgoing *outgoing, uint64_t *offset, uint64_t *left)
{
    const struct stop *stop = present_stop(outgoing);

    if (!stop || stop->waits)
        return NULL;
    *offset = stop->offset + outgoing->spool_sent;
    *left = stop->size - outgoing->spool_sent;
    return stop->spool;
}

void outgoing_spool_sent(struct outgoing *outgoing, uint64_t octets)
{
    const struct stop *stop = present_stop(outgoing);

    if (!stop || stop->waits)
        return;
    outgoing->spool_sent += octets;
    if (outgoing->spool_sent >= stop->size) {
        outgoing->spool_sent = 0;
        outgoing->next_stop++;
    }
}
