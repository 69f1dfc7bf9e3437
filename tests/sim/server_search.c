/* UID SEARCH of the model server: the keys that clients use, over what this session counts. RFC 3501 section 6.4.4,
 * RFC 4731. */
#include <string.h>

#include "sim/server.h"

static bool is_there(struct server *server, struct cursor *cursor, const struct seen *seen, bool *matches);

static bool read_flag_key(struct cursor *cursor, const struct seen *seen, bool *matches)
{
    static const struct {
        const char *name;
        unsigned flag;
        bool set;
    } keys[] = {{"UNANSWERED", ANSWERED, false}, {"UNDELETED", DELETED, false},
                {"UNFLAGGED", FLAGGED, false},   {"UNDRAFT", DRAFT, false},
                {"UNSEEN", SEEN, false},         {"ANSWERED", ANSWERED, true},
                {"DELETED", DELETED, true},      {"FLAGGED", FLAGGED, true},
                {"DRAFT", DRAFT, true},          {"SEEN", SEEN, true}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (cursor_word(cursor, keys[i].name)) {
            *matches = ((seen->message->flags & keys[i].flag) != 0) == keys[i].set;
            return true;
        }
    }
    return false;
}

static bool read_keyword(const struct server *server, struct cursor *cursor, const struct seen *seen, bool set,
                         bool *matches)
{
    struct slice word = cursor_atom(cursor);
    bool has = false;

    for (unsigned i = SYSTEM_FLAGS; i < FLAGS; i++)
        has |= slice_equal_nocase(word, slice_of(flag_name(server->user, i))) && (seen->message->flags & (1u << i));
    *matches = has == set;
    return true;
}

static bool read_numbers(struct server *server, struct cursor *cursor, const struct seen *seen, bool *matches)
{
    struct ranges ranges;
    uint32_t last = server->seen[server->seen_count - 1].message->uid;

    if (!cursor_set(cursor, &ranges))
        return false;
    *matches = ranges_contain_of(&ranges, seen->message->uid, last);
    return true;
}

static bool read_header(struct cursor *cursor, const struct seen *seen, bool *matches)
{
    struct slice field, value, header = {seen->message->identity->text, seen->message->identity->header};
    char line[100];

    if (!cursor_string(cursor, &field) || !cursor_take(cursor, ' ') || !cursor_string(cursor, &value))
        return false;
    snprintf(line, sizeof(line), "%.*s: %.*s\r\n", (int)field.length, field.data, (int)value.length, value.data);
    *matches = slice_contains_nocase(header, slice_of(line));
    return true;
}

static bool read_subject(struct cursor *cursor, const struct seen *seen, bool *matches)
{
    struct slice value, header = {seen->message->identity->text, seen->message->identity->header};

    if (!cursor_string(cursor, &value))
        return false;
    *matches = slice_contains_nocase(header, value);
    return true;
}

static bool read_list(struct server *server, struct cursor *cursor, const struct seen *seen, char end, bool *matches)
{
    bool one;

    *matches = true;
    do {
        if (!is_there(server, cursor, seen, &one))
            return false;
        *matches = *matches && one;
    } while (cursor_take(cursor, ' '));
    return end ? cursor_take(cursor, end) : cursor_ends(cursor);
}

static bool read_two(struct server *server, struct cursor *cursor, const struct seen *seen, bool *matches)
{
    bool one, two;

    if (!is_there(server, cursor, seen, &one) || !cursor_take(cursor, ' ') || !is_there(server, cursor, seen, &two))
        return false;
    *matches = one || two;
    return true;
}

/* One key, judged for one message. False: malformed, or by number. */
static bool is_there(struct server *server, struct cursor *cursor, const struct seen *seen, bool *matches)
{
    uint64_t number;

    if (cursor_take(cursor, '('))
        return read_list(server, cursor, seen, ')', matches);
    if (cursor_word(cursor, "NOT ")) {
        if (!is_there(server, cursor, seen, matches))
            return false;
        *matches = !*matches;
        return true;
    }
    if (cursor_word(cursor, "OR "))
        return read_two(server, cursor, seen, matches);
    if (cursor_word(cursor, "ALL"))
        return *matches = true;
    if (cursor_word(cursor, "UID "))
        return read_numbers(server, cursor, seen, matches);
    if (cursor_word(cursor, "HEADER "))
        return read_header(cursor, seen, matches);
    if (cursor_word(cursor, "SUBJECT "))
        return read_subject(cursor, seen, matches);
    if (cursor_word(cursor, "UNKEYWORD "))
        return read_keyword(server, cursor, seen, false, matches);
    if (cursor_word(cursor, "KEYWORD "))
        return read_keyword(server, cursor, seen, true, matches);
    if (cursor_word(cursor, "RECENT")) {
        *matches = seen->recent;
        return true;
    }
    if (cursor_word(cursor, "LARGER ") && cursor_number(cursor, &number)) {
        *matches = seen->message->identity->size > number;
        return true;
    }
    return read_flag_key(cursor, seen, matches);
}

/* In any order, as RFC 3501 leaves it. */
static void shuffle(struct server *server, uint32_t *uids, unsigned count)
{
    if (!server_liberty(server, 30))
        return;
    for (unsigned i = count; i > 1; i--) {
        unsigned other = dice_below(&server->dice, i);
        uint32_t swap = uids[i - 1];
        uids[i - 1] = uids[other];
        uids[other] = swap;
    }
}

static void write_found(struct server *server, const uint32_t *uids, unsigned count, bool esearch)
{
    if (esearch) {
        server_write(server, "* ESEARCH (TAG \"%.*s\") UID%s", (int)server->tag.length, server->tag.data,
                     count ? " ALL " : "");
        for (unsigned i = 0; i < count; i++) {
            unsigned from = i;
            while (i + 1 < count && uids[i + 1] == uids[i] + 1)
                i++;
            server_write(server, i > from ? "%s%u:%u" : "%s%u", from ? "," : "", uids[from], uids[i]);
        }
    } else {
        server_write(server, "* SEARCH");
        for (unsigned i = 0; i < count; i++)
            server_write(server, " %u", uids[i]);
    }
    server_write(server, "\r\n");
}

void server_search(struct server *server, struct cursor *cursor, struct slice line)
{
    uint32_t *uids;
    unsigned count = 0;
    bool esearch = cursor_word(cursor, "RETURN (ALL) ");
    struct cursor keys;
    unsigned before = server->seen_count;
    bool omits = !server_liberty(server, server->sim->plan.liberties.dead_in_search);
    bool drops = server_liberty(server, server->sim->plan.liberties.drops_dead);

    if (esearch && !server_can(server, CAN_ESEARCH))
        server_object(server, "ESEARCH is not announced", line);
    (void)cursor_word(cursor, "CHARSET UTF-8 ");
    keys = *cursor;
    /* Lists of UIDs are of what is counted: who drops the dead from them is not in step with his own EXISTS. */
    omits = omits && !cursor_word(cursor, "ALL") && !cursor_word(cursor, "UID ");
    seat_news(server, NEWS_DURING);
    uids = memory_take(&server->sim->memory, sizeof(*uids) * (server->seen_count + 1));
    for (unsigned i = 0; i < server->seen_count; i++) {
        const struct seen *seen = &server->seen[i];
        struct cursor again = keys;
        bool matches = false;
        if (!read_list(server, &again, seen, '\0', &matches)) {
            server_object(server, "SEARCH keys that are malformed, or by number", line);
            return;
        }
        /* Who is told of an arrival in the same command finds the dead that he still counts, or the sums would agree
         * by chance. */
        if (seen->message->hidden)
            continue;
        if (matches && (!seen->message->dead || (!drops && (!omits || server->seen_count > before))))
            uids[count++] = seen->message->uid;
    }
    shuffle(server, uids, count);
    if (count > 1 && !esearch && server_liberty(server, server->sim->plan.liberties.in_parts)) {
        write_found(server, uids, count / 2, false);
        write_found(server, uids + count / 2, count - count / 2, false);
    } else if (count > 0 || esearch || server_liberty(server, 90)) {
        write_found(server, uids, count, esearch);
    }
    if (!omits)
        seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "found");
}
