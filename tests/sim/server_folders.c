/* LIST, LSUB, CREATE, DELETE, RENAME of the model server. RFC 3501 section 6.3. */
#include <string.h>

#include "sim/orders.h"
#include "sim/server.h"

static void write_name(struct server *server, const char *name)
{
    if (strchr(name, ' ') || strcmp(name, "NIL") == 0 || server_liberty(server, 50))
        server_write(server, "\"%s\"", name);
    else
        server_write(server, "%s", name);
}

void server_list(struct server *server, struct cursor *cursor, const char *word)
{
    struct slice reference, pattern;

    if (!cursor_string(cursor, &reference) || !cursor_take(cursor, ' ') || !cursor_string(cursor, &pattern))
        server_object(server, "a malformed LIST", slice_of(word));
    if (server->sim->plan.spellings && pattern.length == 0)
        server_write(server, "* %s (\\Noselect) \".\" \"\"\r\n", word);
    for (const struct box *box = server->user->boxes; box; box = box->next) {
        if (box->gone || !(slice_equal(pattern, SLICE("*")) || slice_equal(pattern, slice_of(box->name))))
            continue;
        server_write(server, "* %s (\\HasNoChildren) \"%s\" ", word,
                     server->sim->plan.spellings && !strchr(box->name, '/') ? "." : "/");
        write_name(server, box->name);
        server_write(server, "\r\n");
    }
    seat_news(server, NEWS_BEFORE_OK);
    server_answer(server, "OK", NULL, "listed");
}

static bool read_name(struct server *server, struct cursor *cursor, struct slice *name)
{
    if (cursor_string(cursor, name))
        return true;
    server_object(server, "a malformed mailbox name", SLICE(""));
    return false;
}

void server_create(struct server *server, struct cursor *cursor)
{
    struct slice name;

    if (!read_name(server, cursor, &name))
        return;
    order_folder(server, ORDER_CREATE, name, SLICE(""));
    if (box_find(server->user, name)) {
        server_answer(server, "NO", "ALREADYEXISTS", "there is one");
        return;
    }
    box_new(server->user, memory_text(&server->sim->memory, name));
    server_answer(server, "OK", NULL, "created");
}

void server_delete(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice name;
    struct box *box;

    if (!read_name(server, cursor, &name))
        return;
    order_folder(server, ORDER_DELETE, name, SLICE(""));
    box = box_find(server->user, name);
    if (box && server_watching(server->user, box))
        server_object(server, "DELETE of a selected mailbox", line);
    if (!box || slice_equal_nocase(name, SLICE("INBOX"))) {
        server_answer(server, "NO", "NONEXISTENT", "no such mailbox");
        return;
    }
    box_end(box);
    server_answer(server, "OK", NULL, "deleted");
}

static void move_inbox(struct server *server, struct box *inbox, struct slice name)
{
    struct box *box = box_new(server->user, memory_text(&server->sim->memory, name));

    for (size_t i = 0; i < inbox->all_count; i++) {
        if (inbox->all[i]->dead)
            continue;
        box_deliver(box, inbox->all[i]->identity, inbox->all[i]->flags);
        message_expunge(inbox->all[i]);
    }
}

/* What is below a name that no mailbox has. Returns: there is any. */
static bool rename_below(struct server *server, struct slice name, struct slice new_name, struct slice line)
{
    bool any = false;

    for (struct box *box = server->user->boxes; box; box = box->next) {
        struct slice has = slice_of(box->name);
        if (box->gone || has.length <= name.length || has.data[name.length] != '/' || !slice_starts_nocase(has, name))
            continue;
        if (server_watching(server->user, box))
            server_object(server, "RENAME of what is above the selected mailbox", line);
        box_rename(box, memory_format(&server->sim->memory, "%.*s%s", (int)new_name.length, new_name.data,
                                      box->name + name.length));
        any = true;
    }
    return any;
}

void server_rename(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice name, new_name;
    struct box *box;

    if (!read_name(server, cursor, &name) || !cursor_take(cursor, ' ') || !read_name(server, cursor, &new_name))
        return;
    order_folder(server, ORDER_RENAME, name, new_name);
    box = box_find(server->user, name);
    if (box && server_watching(server->user, box))
        server_object(server, "RENAME of a selected mailbox", line);
    if ((!box && !rename_below(server, name, new_name, line)) || (box && box_find(server->user, new_name))) {
        server_answer(server, "NO", NULL, "cannot be renamed");
        return;
    }
    if (!box) {
        server_answer(server, "OK", NULL, "renamed");
        return;
    }
    if (strcmp(box->name, "INBOX") == 0)
        move_inbox(server, box, new_name);
    else
        box_rename(box, memory_text(&server->sim->memory, new_name));
    server_answer(server, "OK", NULL, "renamed");
}
