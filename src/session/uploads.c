/* See uploads.h. The literals stand in one spool, one behind the other, so they are written in the order in which they
 * came and in no other. */
#include "session/uploads.h"

#include <event2/buffer.h>
#include <stdio.h>

#include "base/append.h"
#include "imap/date.h"
#include "imap/flags.h"
#include "imap/mailbox_name.h"
#include "imap/message_url.h"

/* --- the grammar */

static bool is_storable(const struct value *flag)
{
    return flag->kind == VALUE_ATOM && flags_valid_name(flag->text) && flags_system_bit(flag->text) != FLAG_RECENT;
}

static bool is_message(const struct session *session, const struct value *value, const char **error)
{
    if (!value || value->kind != VALUE_SPOOLED || !session->current.queued->upload.spool)
        return false;
    if (!value->literal8 || offer_has(&session->offer, CAPABILITY_BINARY))
        return true;
    *error = "literal8 is not supported";
    return false;
}

/* "(TEXT {n} URL url ...)" */
static bool are_parts(const struct session *session, const struct value *list, const char **error)
{
    const struct value *part = list && value_is_list(list) ? list->first : NULL;
    struct slice url;

    *error = "CATENATE takes a list of TEXT with a literal and URL with an address";
    if (!part)
        return false;
    for (; part; part = part->next->next) {
        bool good = value_is_atom(part, "TEXT")  ? is_message(session, part->next, error)
                    : value_is_atom(part, "URL") ? value_astring(part->next, &url)
                                                 : false;
        if (!good)
            return false;
    }
    return true;
}

static bool is_catenate(const struct session *session, const struct value *value)
{
    return value_is_atom(value, "CATENATE") && offer_has(&session->offer, CAPABILITY_CATENATE);
}

/* Flags in parentheses or none, date or none, message. Returns what stands behind them; *error is NULL then. */
static const struct value *skip_message(const struct session *session, const struct value *value, const char **error)
{
    bool good;

    *error = "A message cannot be given this flag";
    for (const struct value *flag = value_is_list(value) ? value->first : NULL; flag; flag = flag->next) {
        if (!is_storable(flag))
            return NULL;
    }
    if (value_is_list(value))
        value = value->next;
    if (value && value->kind == VALUE_QUOTED) {
        *error = "The date of a message is such as \"01-Feb-1994 12:00:00 +0100\"";
        if (!date_time_valid(value->text))
            return NULL;
        value = value->next;
    }
    *error = "APPEND ends with a message, as one literal";
    if (value && is_catenate(session, value))
        good = are_parts(session, value = value->next, error);
    else
        good = is_message(session, value, error);
    if (!good)
        return NULL;
    *error = NULL;
    return value->next;
}

const char *uploads_fault(const struct session *session, const struct value *first, bool several)
{
    const char *error;

    do {
        first = skip_message(session, first, &error);
    } while (several && !error && first);
    return error || !first ? error : "APPEND ends with a message, as one literal";
}

/* --- addresses */

static bool refuse(struct upload_refusal *refusal, struct slice address)
{
    int shown = address.length < UPLOADS_CODE_SIZE - 20 ? (int)address.length : UPLOADS_CODE_SIZE - 20;

    for (int i = 0; i < shown; i++) { /* it was never read as an address: it may hold anything */
        if ((unsigned char)address.data[i] <= ' ' || (unsigned char)address.data[i] >= 0x7f || address.data[i] == '"' ||
            address.data[i] == '\\' || address.data[i] == ']')
            shown = i;
    }
    snprintf(refusal->room, sizeof(refusal->room), "BADURL \"%.*s\"", shown, address.data);
    refusal->code = refusal->room;
    refusal->text = "This is no address of a message of this account";
    return false;
}

static bool no_memory(struct upload_refusal *refusal)
{
    refusal->code = "UNAVAILABLE";
    refusal->text = "Out of memory; please try again later";
    return false;
}

/* The server's own name is known; by which names imapmux is reached is not. */
static bool is_this_account(const struct session *session, const struct message_url *url)
{
    return !url->absolute || (slice_equal_nocase(url->host, slice_of(session->options.upstream->host)) &&
                              (url->user.length == 0 || account_is_of(session_account(session), url->user)));
}

/* Addresses have names in UTF-8 (RFC 5092 section 5). */
static bool name_selected(const struct session *session, struct arena *arena, struct message_url *url)
{
    const struct view *view = session->membership.view;
    struct slice name;
    char *room;
    size_t length;

    if (!view || !view->mailbox)
        return false;
    name = slice_of(view->mailbox->name);
    room = arena_alloc(arena, MAILBOX_NAME_UTF8 * name.length + 1);
    if (!room || !mailbox_name_to_utf8(name, room, &length))
        return false;
    url->mailbox = (struct slice){room, length};
    url->validity = view->mailbox->uidvalidity;
    return true;
}

static bool resolve(struct session *session, const struct value *value, struct upload_address ***tail,
                    struct upload_refusal *refusal)
{
    struct arena *arena = &session->current.queued->arena;
    struct upload_address *address = arena_alloc(arena, sizeof(*address));
    struct message_url url;

    if (!address)
        return no_memory(refusal);
    if (!message_url_parse(value->text, arena, &url) || !is_this_account(session, &url) ||
        (!url.mailbox.data && !name_selected(session, arena, &url)))
        return arena->out_of_memory ? no_memory(refusal) : refuse(refusal, value->text);
    *address = (struct upload_address){.written = value->text, .sent = message_url_print(&url, arena)};
    **tail = address;
    *tail = &address->next;
    return address->sent.data ? true : no_memory(refusal);
}

/* The literals of one message, together. */
static bool permits_size(const struct session *session, uint64_t size, struct upload_refusal *refusal)
{
    if (size <= session_settings(session)->append_max)
        return true;
    refusal->code = "TOOBIG";
    refusal->text = "The message is larger than this server accepts";
    return false;
}

static bool prepare_parts(struct session *session, const struct value *part, struct upload_address ***tail,
                          struct upload_refusal *refusal)
{
    uint64_t size = 0;

    for (; part; part = part->next->next) {
        if (part->next->kind == VALUE_SPOOLED)
            size += part->next->size;
        else if (!resolve(session, part->next, tail, refusal))
            return false;
    }
    return permits_size(session, size, refusal);
}

bool uploads_prepare(struct session *session, const struct value *first, struct uploads *uploads,
                     struct upload_refusal *refusal)
{
    struct upload_address **tail = &uploads->addresses;

    *uploads = (struct uploads){.first = first};
    for (const struct value *value = first; value; value = value->next) {
        if (value_is_atom(value, "CATENATE") && !prepare_parts(session, value->next->first, &tail, refusal))
            return false;
    }
    return true;
}

/* --- on the way up */

struct printer {
    const struct upload *upload;
    const struct upload_address *address; /* the next one */
    uint64_t offset;                      /* of the next literal */
    struct outgoing *out;
};

static void print_literal(struct printer *printer, const struct value *value)
{
    outgoing_spool(printer->out, printer->upload->spool, printer->offset, value->size, value->literal8);
    printer->offset += value->size;
}

static void print_parts(struct printer *printer, const struct value *part)
{
    const char *space = "(";

    for (; part; part = part->next->next) {
        outgoing_text(printer->out, space);
        space = " ";
        if (part->next->kind == VALUE_SPOOLED) {
            outgoing_text(printer->out, "TEXT ");
            print_literal(printer, part->next);
        } else {
            outgoing_text(printer->out, "URL ");
            outgoing_string(printer->out, printer->address->sent);
            printer->address = printer->address->next;
        }
    }
    outgoing_text(printer->out, ")");
}

void uploads_print(const struct session *session, const struct uploads *uploads, struct outgoing *out)
{
    struct printer printer = {.upload = &session->current.queued->upload, .address = uploads->addresses, .out = out};

    for (const struct value *value = uploads->first; value; value = value->next) {
        outgoing_text(out, " ");
        if (value->kind == VALUE_SPOOLED) {
            print_literal(&printer, value);
        } else if (value_is_atom(value, "CATENATE")) {
            outgoing_text(out, "CATENATE ");
            value = value->next;
            print_parts(&printer, value->first);
        } else {
            outgoing_value(out, value);
        }
    }
}

const char *uploads_bad_address(const struct uploads *uploads, const struct response *response, char *room)
{
    const struct upload_address *named = uploads->addresses;
    struct slice told = {0};

    if (!named || !response || !slice_equal_nocase(response->code.atom, SLICE("BADURL")))
        return NULL;
    if (value_astring(response->code.arguments, &told)) {
        while (named && !slice_equal_nocase(named->sent, told))
            named = named->next;
    }
    if (!named) /* told in another spelling */
        named = uploads->addresses;
    snprintf(room, UPLOADS_CODE_SIZE, "BADURL \"%.*s\"", (int)named->written.length, named->written.data);
    return room;
}

void uploads_note_code(const struct response *response, char *code, size_t size)
{
    const struct value *validity = response ? response->code.arguments : NULL;
    struct evbuffer *text = evbuffer_new();
    struct seqset uids = {0};
    uint64_t number;

    if (text && response && response->code.name == RESPONSE_CODE_APPENDUID && value_count(validity) == 2 &&
        value_number(validity, UINT32_MAX, &number) && number > 0 &&
        response_uid_set(validity->next, &uids) == SEQSET_OK && uids.count > 0 &&
        append_format(text, "APPENDUID %llu ", (unsigned long long)number) && seqset_print(&uids, text) &&
        evbuffer_get_length(text) < size)
        code[evbuffer_remove(text, code, size - 1)] = '\0';
    seqset_clear(&uids);
    if (text)
        evbuffer_free(text);
}
