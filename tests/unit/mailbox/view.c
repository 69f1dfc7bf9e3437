/* Random histories: other writers, several views, and for each a client that knows only the lines that the view wrote.
 * After every step its numbers are the view's, and at the end all clients have the truth. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mailbox/view.h"

#define VIEWS 5
#define MOST  2000

static const struct mailbox_flags plain = {.present = true};

struct client {
    struct view *view;
    uint32_t uids[MOST];
    unsigned flags[MOST];
    uint32_t count;
};

struct history {
    struct mailbox *mailbox;
    struct random random;
    struct client *clients;
    size_t client_count;
    uint32_t next_uid;
};

static void changed(void *owner, enum view_change change)
{
    (void)owner;
    (void)change;
}

static void ended(void *owner, const char *reason)
{
    (void)owner;
    cr_assert_fail("a view ended: %s", reason);
}

static const struct view_ops ops = {.changed = changed, .ended = ended};

static unsigned system_of(const struct mailbox *mailbox, uint32_t uid)
{
    const struct message *message = uid_map_find(&mailbox->map, uid);
    return message ? message->system : 0;
}

static void deliver(struct history *history)
{
    uint32_t uid = history->next_uid;
    struct mailbox *mailbox = history->mailbox;
    uint32_t found;

    history->next_uid += 1 + (uint32_t)random_below(&history->random, 3);
    cr_assert_eq(mailbox_exists(mailbox, mailbox_upstream_exists(mailbox) + 1), MAILBOX_OK);
    cr_assert_eq(mailbox_fetch(mailbox, mailbox_upstream_exists(mailbox), uid, &plain, &found), MAILBOX_OK);
}

static struct message *any_message(struct history *history)
{
    struct uid_map *map = &history->mailbox->map;
    return map->count ? uid_map_at(map, (uint32_t)random_below(&history->random, map->count)) : NULL;
}

static void set_system(struct history *history, struct message *message, unsigned system)
{
    struct mailbox_flags flags = {.present = true, .flags = {.system = system}};
    cr_assert(mailbox_set_flags(history->mailbox, message, &flags));
}

static unsigned any_flag(struct history *history)
{
    return 1u << random_below(&history->random, 4);
}

/* What a client hears. */

static void hear_expunge(struct client *client, uint32_t number)
{
    cr_assert(number >= 1 && number <= client->count);
    client->count--;
    memmove(client->uids + number - 1, client->uids + number, (client->count - number + 1) * sizeof(uint32_t));
    memmove(client->flags + number - 1, client->flags + number, (client->count - number + 1) * sizeof(unsigned));
}

static void hear_exists(struct client *client, uint32_t exists)
{
    cr_assert_gt(exists, client->count);
    while (client->count < exists) { /* it fetches the new ones */
        uint32_t uid = view_uid(client->view, client->count + 1);
        client->uids[client->count] = uid;
        client->flags[client->count++] = system_of(client->view->mailbox, uid);
    }
}

static void hear_flags(struct client *client, const struct message *message)
{
    uint32_t number = view_number(client->view, message->uid);

    cr_assert_eq(client->uids[number - 1], message->uid);
    client->flags[number - 1] = message->system;
}

static void tell(struct client *client, bool expunges)
{
    struct view *view = client->view;
    const struct message *message;
    uint32_t uid = 0;

    while (expunges && view_has_ghosts(view))
        hear_expunge(client, view_end_ghost(view, view_first_ghost(view)));
    if (view_tell_arrivals(view))
        hear_exists(client, view_exists(view));
    while ((message = view_next_untold(view, uid))) {
        uid = message->uid;
        hear_flags(client, message);
    }
    view_all_flags_told(view);
}

/* STORE by number, .SILENT or not, perhaps with another writer in between. */
static void store(struct history *history, struct client *client)
{
    uint32_t number = 1 + (uint32_t)random_below(&history->random, client->count);
    uint32_t uid = view_uid(client->view, number);
    struct message *message = uid_map_find(&history->mailbox->map, uid);
    bool silent = random_below(&history->random, 2), add = random_below(&history->random, 2);
    unsigned flag = any_flag(history), want;
    bool untold;

    cr_assert_eq(uid, client->uids[number - 1]);
    if (!message) {
        cr_assert(view_is_ghost(client->view, uid));
        return;
    }
    untold = view_flags_untold(client->view, message);
    want = add ? message->system | flag : message->system & ~flag;
    set_system(history, message, want);
    if (random_below(&history->random, 10) == 0)
        set_system(history, message, message->system ^ 16u);
    if (silent && !untold && message->system == want)
        client->flags[number - 1] = want; /* what it takes for granted */
    else
        hear_flags(client, message);
    cr_assert(view_note_told(client->view, message));
    tell(client, false);
}

static void check(struct history *history)
{
    for (size_t i = 0; i < history->client_count; i++) {
        struct client *client = &history->clients[i];
        cr_assert_eq(view_exists(client->view), client->count);
        for (uint32_t n = 1; n <= client->count; n++) {
            cr_assert(view_counts(client->view, client->uids[n - 1]));
            cr_assert_eq(view_number(client->view, client->uids[n - 1]), n);
            cr_assert_eq(view_uid(client->view, n), client->uids[n - 1]);
        }
    }
}

static void step(struct history *history)
{
    struct client *client = &history->clients[random_below(&history->random, history->client_count)];
    struct message *message = any_message(history);
    uint64_t what = random_below(&history->random, 100);

    if (what < 15)
        deliver(history);
    else if (what < 25 && message)
        cr_assert(mailbox_gone(history->mailbox, message->uid));
    else if (what < 35 && message)
        set_system(history, message, message->system ^ any_flag(history));
    else if (what < 60 && client->count > 0)
        store(history, client);
    else
        tell(client, random_below(&history->random, 10) < 7);
}

static void join(struct history *history, struct client *client)
{
    client->view = view_new(history->mailbox, false, &ops, NULL);
    cr_assert_not_null(client->view);
    client->count = 0;
    if (view_exists(client->view) > 0)
        hear_exists(client, view_exists(client->view));
}

static void run(uint64_t seed, int steps)
{
    struct history history = {.mailbox = mailbox_new(SLICE("INBOX")), .next_uid = 1};
    struct client *clients = calloc(VIEWS, sizeof(*clients));

    random_init(&history.random, seed);
    history.mailbox->known = history.mailbox->map_in_step = history.mailbox->flags_in_step = true;
    history.clients = clients;
    for (uint64_t i = random_below(&history.random, 9); i > 0; i--)
        deliver(&history);
    history.client_count = 1 + random_below(&history.random, VIEWS);
    for (size_t i = 0; i < history.client_count; i++)
        join(&history, &clients[i]);
    for (int i = 0; i < steps; i++) {
        step(&history);
        check(&history);
    }
    for (size_t i = 0; i < history.client_count; i++) {
        tell(&clients[i], true);
        cr_assert_eq(clients[i].count, history.mailbox->map.count);
        for (uint32_t n = 0; n < clients[i].count; n++) {
            cr_assert_eq(clients[i].uids[n], uid_map_at(&history.mailbox->map, n)->uid, "seed %lu", seed);
            cr_assert_eq(clients[i].flags[n], uid_map_at(&history.mailbox->map, n)->system, "seed %lu", seed);
        }
        view_free(clients[i].view);
    }
    mailbox_free(history.mailbox);
    free(clients);
}

Test(view, every_client_has_the_numbers_that_the_view_has_whatever_the_others_do)
{
    for (uint64_t seed = 1; seed <= 400; seed++)
        run(seed, 300);
}

/* --- single cases */

static struct mailbox *with_messages(uint32_t count)
{
    struct mailbox *mailbox = mailbox_new(SLICE("INBOX"));

    mailbox->known = mailbox->map_in_step = mailbox->flags_in_step = true;
    for (uint32_t uid = 1; uid <= count; uid++) {
        cr_assert(mailbox_append(mailbox, uid));
        cr_assert(mailbox_set_flags(mailbox, uid_map_find(&mailbox->map, uid), &plain));
    }
    return mailbox;
}

static bool ghosts_end_at_the_numbers_of_the_moment(uint32_t first, uint32_t second, uint32_t number_first,
                                                    uint32_t number_second)
{
    struct mailbox *mailbox = with_messages(5);
    struct view *view = view_new(mailbox, false, &ops, NULL);
    bool ok;

    mailbox_gone(mailbox, first);
    mailbox_gone(mailbox, second);
    ok = view_exists(view) == 5 && view_end_ghost(view, view_first_ghost(view)) == number_first &&
         view_end_ghost(view, view_first_ghost(view)) == number_second && view_exists(view) == 3;
    view_free(view);
    mailbox_free(mailbox);
    return ok;
}

Test(view, expunges_are_told_in_the_numbers_of_their_moment)
{
    cr_assert(ghosts_end_at_the_numbers_of_the_moment(2, 4, 2, 3));
    cr_assert(ghosts_end_at_the_numbers_of_the_moment(4, 2, 2, 3));
    cr_assert(ghosts_end_at_the_numbers_of_the_moment(1, 2, 1, 1));
}

Test(view, an_untold_arrival_that_dies_was_never_there)
{
    struct mailbox *mailbox = with_messages(2);
    struct view *view = view_new(mailbox, false, &ops, NULL);

    cr_assert(mailbox_append(mailbox, 3));
    cr_assert(mailbox_gone(mailbox, 3));
    cr_assert_not(view_has_ghosts(view));
    cr_assert_not(view_tell_arrivals(view));
    cr_assert_eq(view_exists(view), 2);
    view_free(view);
    mailbox_free(mailbox);
}

Test(view, an_empty_view_has_no_last_message)
{
    struct mailbox *mailbox = with_messages(0);
    struct view *view = view_new(mailbox, false, &ops, NULL);

    cr_assert_eq(view_exists(view), 0);
    cr_assert_eq(view_last_uid(view), 0);
    cr_assert_not(view_counts(view, 0));
    cr_assert_not(view_counts(view, 1));
    view_free(view);
    mailbox_free(mailbox);
}

Test(view, the_last_message_may_be_a_ghost)
{
    struct mailbox *mailbox = with_messages(3);
    struct view *view = view_new(mailbox, false, &ops, NULL);

    mailbox_gone(mailbox, 3);
    cr_assert_eq(view_last_uid(view), 3);
    cr_assert(view_is_ghost(view, 3));
    cr_assert(view_counts(view, 3));
    view_free(view);
    mailbox_free(mailbox);
}

Test(view, a_keyword_that_was_never_told_needs_a_flags_line)
{
    struct mailbox *mailbox = with_messages(1);
    struct view *view = view_new(mailbox, false, &ops, NULL);
    struct slice name = SLICE("$New");
    struct mailbox_flags flags = {.present = true, .flags = {.keywords = &name, .keyword_count = 1}};
    struct message *message = uid_map_find(&mailbox->map, 1);

    cr_assert_not(view_needs_flags_line(view, message));
    cr_assert(mailbox_set_flags(mailbox, message, &flags));
    cr_assert(view_needs_flags_line(view, message));
    view_flags_line_told(view);
    cr_assert_not(view_needs_flags_line(view, message));
    view_free(view);
    mailbox_free(mailbox);
}
