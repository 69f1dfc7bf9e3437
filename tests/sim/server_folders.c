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
    for (const struct box *box = server->user->boxes; box; box = box->next) {
        if (box->gone || !(slice_equal(pattern, SLICE("*")) || slice_equal(pattern, slice_of(box->name))))
            continue;
        server_write(server, "* %s (\\HasNoChildren) \"/\" ", word);
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
    if (box && box == server->box)
        server_object(server, "DELETE of the selected mailbox", line);
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

void server_rename(struct server *server, struct cursor *cursor, struct slice line)
{
    struct slice name, new_name;
    struct box *box;

    if (!read_name(server, cursor, &name) || !cursor_take(cursor, ' ') || !read_name(server, cursor, &new_name))
        return;
    order_folder(server, ORDER_RENAME, name, new_name);
    box = box_find(server->user, name);
    if (box && box == server->box)
        server_object(server, "RENAME of the selected mailbox", line);
    if (!box || box_find(server->user, new_name)) {
        server_answer(server, "NO", NULL, "cannot be renamed");
        return;
    }
    if (strcmp(box->name, "INBOX") == 0)
        move_inbox(server, box, new_name);
    else
        box_rename(box, memory_text(&server->sim->memory, new_name));
    server_answer(server, "OK", NULL, "renamed");
}
