/* The strict reader's responses. */
#include "abnf/abnf.h"

#include <string.h>
#include <strings.h>

#include "abnf/inside.h"

/* --- flags and sets */

static bool flag(struct reader *reader)
{
    bool system = maybe(reader, "\\");
    const char *name = reader->at;

    if (!atom(reader))
        return false;
    return !system || reader->at - name != 6 || strncasecmp(name, "Recent", 6) != 0 ||
           fault(reader, "another flag than \\Recent");
}

static bool permanent_flag(struct reader *reader)
{
    return maybe(reader, "\\*") || flag(reader);
}

/* "1:3,7"; *count: of UIDs */
static bool uid_set(struct reader *reader, uint64_t *count)
{
    *count = 0;
    do {
        uint64_t low, high;
        if (!number(reader, 1, NUMBER_MAX, &low))
            return false;
        high = low;
        if (maybe(reader, ":") && !number(reader, 1, NUMBER_MAX, &high))
            return false;
        *count += (high > low ? high - low : low - high) + 1;
    } while (maybe(reader, ","));
    return true;
}

/* --- status responses */

static bool capabilities(struct reader *reader)
{
    bool rev1 = false;

    while (maybe(reader, " ")) {
        rev1 = rev1 || comes(reader, "IMAP4rev1 ") || comes(reader, "IMAP4rev1]") || comes(reader, "IMAP4rev1\r");
        if (!atom(reader))
            return false;
    }
    return rev1 || fault(reader, "IMAP4rev1 among the capabilities");
}

static bool copy_uid(struct reader *reader)
{
    uint64_t sources, targets;

    return nz_number(reader) && space(reader) && uid_set(reader, &sources) && space(reader) &&
           uid_set(reader, &targets) && (sources == targets || fault(reader, "as many targets as sources"));
}

static bool append_uid(struct reader *reader)
{
    uint64_t count;

    return nz_number(reader) && space(reader) && uid_set(reader, &count);
}

static bool permanent_flags(struct reader *reader)
{
    return several(reader, permanent_flag, 0);
}

static bool bad_charset(struct reader *reader)
{
    return several(reader, astring, 1);
}

/* RFC 7162 "mod-sequence-value" */
static bool metadata_code(struct reader *reader)
{
    uint64_t value;

    return atom(reader) && (!maybe(reader, " ") || number(reader, 0, NUMBER64_MAX, &value));
}

static bool modseq(struct reader *reader)
{
    uint64_t value;

    return number(reader, 1, NUMBER64_MAX, &value);
}

static bool any_set(struct reader *reader)
{
    uint64_t count;

    return uid_set(reader, &count);
}

/* RFC 9585: ("tag" NIL NIL), each or NIL */
static bool in_progress(struct reader *reader)
{
    uint64_t value;

    if (!take(reader, "(") || !(maybe(reader, "NIL") || quoted(reader, NULL)) || !space(reader))
        return false;
    return (maybe(reader, "NIL") || number(reader, 0, NUMBER_MAX, &value)) && space(reader) &&
           (maybe(reader, "NIL") || number(reader, 1, NUMBER_MAX, &value)) && take(reader, ")");
}

static bool bad_url(struct reader *reader)
{
    return quoted(reader, NULL);
}

static bool code(struct reader *reader)
{
    static const struct {
        const char *name;
        rule *arguments;
    } codes[] = {{"PERMANENTFLAGS ", permanent_flags},
                 {"UIDNEXT ", nz_number},
                 {"UIDVALIDITY ", nz_number},
                 {"UNSEEN ", nz_number},
                 {"APPENDUID ", append_uid},
                 {"COPYUID ", copy_uid},
                 {"BADCHARSET ", bad_charset},
                 {"METADATA ", metadata_code},
                 {"MAILBOXID ", object_id},
                 {"BADURL ", bad_url},
                 {"INPROGRESS ", in_progress},
                 {"HIGHESTMODSEQ ", modseq},
                 {"MODIFIED ", any_set}};

    if (maybe(reader, "CAPABILITY"))
        return capabilities(reader);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (maybe(reader, codes[i].name))
            return codes[i].arguments(reader);
    return atom(reader);
}

static bool resp_text(struct reader *reader)
{
    if (maybe(reader, "[") && !(code(reader) && take(reader, "] ")))
        return false;
    return text_to_line_end(reader);
}

/* --- data */

static bool mailbox(struct reader *reader)
{
    if (comes(reader, "NIL ") || comes(reader, "NIL\r"))
        return fault(reader, "a mailbox other than NIL");
    return astring(reader);
}

static bool separator(struct reader *reader)
{
    size_t length = 0;

    return maybe(reader, "NIL") ||
           (quoted(reader, &length) && (length == 1 || fault(reader, "one octet in the quotes")));
}

static bool list_flag(struct reader *reader)
{
    return reader->any_values ? any_value(reader) : take(reader, "\\") && atom(reader);
}

static bool extended_value(struct reader *reader)
{
    return comes(reader, "(") ? several(reader, extended_value, 1) : astring(reader);
}

static bool extended_item(struct reader *reader)
{
    uint64_t count;

    if (reader->any_values)
        return any_value(reader);
    if (!astring(reader) || !space(reader))
        return false;
    return comes(reader, "(") ? several(reader, extended_value, 0) : uid_set(reader, &count);
}

static bool list_data(struct reader *reader)
{
    if (!several(reader, list_flag, 0) || !space(reader) || !separator(reader) || !space(reader) || !mailbox(reader))
        return false;
    while (reader->any_values && maybe(reader, " "))
        if (!any_value(reader))
            return false;
    return !maybe(reader, " ") || several(reader, extended_item, 1);
}

static bool status_item(struct reader *reader)
{
    static const struct {
        const char *name;
        uint64_t least, most;
    } items[] = {{"MESSAGES ", 0, NUMBER_MAX},       {"RECENT ", 0, NUMBER_MAX},      {"UNSEEN ", 0, NUMBER_MAX},
                 {"UIDNEXT ", 1, NUMBER_MAX},        {"UIDVALIDITY ", 1, NUMBER_MAX}, {"SIZE ", 0, NUMBER64_MAX},
                 {"HIGHESTMODSEQ ", 0, NUMBER64_MAX}};
    uint64_t value;

    if (maybe(reader, "MAILBOXID "))
        return object_id(reader);
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (maybe(reader, items[i].name))
            return number(reader, items[i].least, items[i].most, &value);
    return fault(reader, "an item of STATUS");
}

static bool status_data(struct reader *reader)
{
    return mailbox(reader) && space(reader) &&
           (reader->any_values ? any_value(reader) : several(reader, status_item, 0));
}

static bool id_field(struct reader *reader)
{
    return string(reader) && space(reader) && nstring(reader);
}

static bool id_fields(struct reader *reader)
{
    return several(reader, id_field, 0);
}

static bool id_data(struct reader *reader)
{
    return nil_or(reader, id_fields);
}

static bool namespace(struct reader *reader)
{
    if (!take(reader, "(") || !string(reader) || !space(reader) || !separator(reader))
        return false;
    while (maybe(reader, " "))
        if (!string(reader) || !space(reader) || !several(reader, string, 1))
            return false;
    return take(reader, ")");
}

static bool namespaces(struct reader *reader)
{
    for (unsigned i = 0; i < 3; i++)
        if ((i > 0 && !space(reader)) || !adjacent_or_nil(reader, namespace))
            return false;
    return true;
}

static bool any_values(struct reader *reader)
{
    do {
        if (!any_value(reader))
            return false;
    } while (maybe(reader, " "));
    return true;
}

static bool flag_list(struct reader *reader)
{
    return several(reader, flag, 0);
}

/* *(SP element) */
static bool each(struct reader *reader, rule *element)
{
    while (maybe(reader, " "))
        if (!element(reader))
            return false;
    return true;
}

static bool astring_pair(struct reader *reader)
{
    return astring(reader) && space(reader) && astring(reader);
}

static bool acl(struct reader *reader)
{
    return mailbox(reader) && each(reader, astring_pair);
}

static bool mailbox_and_astring(struct reader *reader)
{
    return mailbox(reader) && space(reader) && astring(reader);
}

static bool listrights(struct reader *reader)
{
    return mailbox_and_astring(reader) && each(reader, astring);
}

static bool quotaroot(struct reader *reader)
{
    return mailbox(reader) && each(reader, astring);
}

static bool quota_resource(struct reader *reader)
{
    uint64_t value;

    return atom(reader) && space(reader) && number(reader, 0, NUMBER64_MAX, &value) && space(reader) &&
           number(reader, 0, NUMBER64_MAX, &value);
}

static bool quota(struct reader *reader)
{
    return astring(reader) && space(reader) && several(reader, quota_resource, 0);
}

static bool entry(struct reader *reader)
{
    return astring(reader) && space(reader) && nstring(reader);
}

static bool metadata(struct reader *reader)
{
    return mailbox(reader) && space(reader) && several(reader, entry, 0);
}

/* --- untagged */

static bool numbered(struct reader *reader)
{
    uint64_t value;

    if (!number(reader, 0, NUMBER_MAX, &value) || !space(reader))
        return false;
    if (maybe(reader, "EXISTS") || maybe(reader, "RECENT"))
        return true;
    if (value == 0)
        return fault(reader, "a message other than 0");
    return maybe(reader, "EXPUNGE") || (take(reader, "FETCH ") && several(reader, msg_att, 1));
}

static bool vanished(struct reader *reader)
{
    (void)maybe(reader, "(EARLIER) ");
    return any_set(reader);
}

/* RFC 9394 "ret-data-partial" */
static bool partial(struct reader *reader)
{
    bool from_end;

    if (!take(reader, "("))
        return false;
    from_end = maybe(reader, "-");
    if (!nz_number(reader) || !take(reader, from_end ? ":-" : ":") || !nz_number(reader) || !space(reader))
        return false;
    return (maybe(reader, "NIL") || any_set(reader)) && take(reader, ")");
}

/* RFC 4731 "search-return-data" */
static bool found(struct reader *reader)
{
    static const struct {
        const char *name;
        rule *value;
    } items[] = {
        {"MIN ", nz_number}, {"MAX ", nz_number}, {"ALL ", any_set}, {"COUNT ", plain_number}, {"PARTIAL ", partial}};

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        if (maybe(reader, items[i].name))
            return items[i].value(reader);
    return fault(reader, "an item of ESEARCH");
}

/* RFC 4466 "esearch-response"; the tag is always told. */
static bool esearch(struct reader *reader)
{
    if (!take(reader, " (TAG ") || !string(reader) || !take(reader, ")"))
        return false;
    (void)maybe(reader, " UID");
    return each(reader, found);
}

/* RFC 5256 "thread-list" */
static bool thread_list(struct reader *reader)
{
    unsigned branches = 0;

    if (!take(reader, "("))
        return false;
    for (bool more = !comes(reader, "("); more; more = maybe(reader, " ") && !comes(reader, "("))
        if (!nz_number(reader))
            return false;
    for (; comes(reader, "("); branches++)
        if (!thread_list(reader))
            return false;
    return (branches != 1 || fault(reader, "more than one branch")) && take(reader, ")");
}

static bool threads(struct reader *reader)
{
    if (!maybe(reader, " "))
        return true;
    do {
        if (!thread_list(reader))
            return false;
    } while (comes(reader, "("));
    return true;
}

static bool untagged(struct reader *reader)
{
    static const char *const statuses[] = {"OK ", "NO ", "BAD ", "BYE ", "PREAUTH "};
    static const struct {
        const char *name;
        rule *data;
        bool handed_on;
    } kinds[] = {{"FLAGS ", flag_list, false},
                 {"LIST ", list_data, false},
                 {"LSUB ", list_data, false},
                 {"XLIST ", list_data, false},
                 {"STATUS ", status_data, false},
                 {"ID ", id_data, false},
                 {"NAMESPACE ", namespaces, true},
                 {"VANISHED ", vanished, false},
                 {"ACL ", acl, false},
                 {"LISTRIGHTS ", listrights, false},
                 {"MYRIGHTS ", mailbox_and_astring, false},
                 {"QUOTA ", quota, false},
                 {"QUOTAROOT ", quotaroot, false},
                 {"METADATA ", metadata, false}};

    if (digit_comes(reader))
        return numbered(reader);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (maybe(reader, statuses[i]))
            return resp_text(reader);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (maybe(reader, kinds[i].name))
            return (kinds[i].handed_on && reader->any_values ? any_values : kinds[i].data)(reader);
    if (maybe(reader, "SEARCH") || maybe(reader, "SORT"))
        return each(reader, nz_number);
    if (maybe(reader, "THREAD"))
        return threads(reader);
    if (maybe(reader, "ESEARCH"))
        return esearch(reader);
    if (maybe(reader, "ENABLED"))
        return each(reader, atom);
    return maybe(reader, "CAPABILITY") ? capabilities(reader) : fault(reader, "a response");
}

static bool is_base64(const char *at, const char *end)
{
    static const char octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = (size_t)(end - at);

    for (unsigned pad = 0; pad < 2 && length > 0 && at[length - 1] == '='; pad++)
        length--;
    for (size_t i = 0; i < length; i++)
        if (!at[i] || !strchr(octets, at[i]))
            return false;
    return (end - at) % 4 == 0;
}

static bool continuation(struct reader *reader)
{
    const char *line_end = memmem(reader->at, (size_t)(reader->end - reader->at), "\r\n", 2);

    if (line_end && is_base64(reader->at, line_end)) {
        reader->at = line_end;
        return true;
    }
    return resp_text(reader);
}

static bool tagged(struct reader *reader)
{
    const char *begin = reader->at;

    if (!astring_atom(reader))
        return false;
    if (memchr(begin, '+', (size_t)(reader->at - begin)))
        return fault(reader, "a tag without +");
    return space(reader) && (maybe(reader, "OK ") || maybe(reader, "NO ") || take(reader, "BAD ")) && resp_text(reader);
}

struct abnf_answer abnf_response(struct slice octets, bool any_values_too)
{
    struct reader reader = {.begin = octets.data, .at = octets.data, .end = octets.data + octets.length};
    bool good;

    reader.any_values = any_values_too;
    good = maybe(&reader, "* ") ? untagged(&reader) : maybe(&reader, "+ ") ? continuation(&reader) : tagged(&reader);
    good = good && take(&reader, "\r\n");
    return (struct abnf_answer){.result = good          ? ABNF_GOOD
                                          : reader.more ? ABNF_MORE
                                                        : ABNF_BAD,
                                .at = (size_t)(reader.at - reader.begin),
                                .wanted = reader.wanted};
}
