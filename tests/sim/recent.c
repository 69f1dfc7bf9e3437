/* \Recent as RFC 3501 section 2.3.2 has it: the first session that is told of a message has it. That nobody else has it
 * replica.c sees; here it is seen that somebody has. */
#include "sim/recent.h"

#include "sim/client.h"

static bool may_write_in(const struct client *client, const struct box *box)
{
    const struct replica *replica = &client->replica;

    return client->session && client->logged_in && !client->rubbish && replica->selected && replica->box == box &&
           !replica->read_only;
}

static bool knows_flags(const struct client *client, const struct message *message)
{
    unsigned number = replica_number(&client->replica, message);

    return number > 0 && client->replica.entries[number - 1].flags_known;
}

/* Somebody was there before it came, all who are there know its flags, and nobody who could have been told has left. */
static bool is_owed(const struct sim *sim, const struct box *box, const struct message *message)
{
    bool any = false;

    if (message->dead || message->recent || message->recent_lost || message->recent_view ||
        message->born_at <= box->left_at || message->born_at <= box->user->disturbed_at ||
        message->born_at <= box->user->refused_at || message->born_at <= box->user->given_up_at)
        return false;
    for (unsigned i = 0; i < sim->plan.clients; i++) {
        const struct client *client = &sim->clients[i];
        if (!may_write_in(client, box))
            continue;
        if (!knows_flags(client, message))
            return false;
        any |= client->replica.since < message->born_at;
    }
    return any;
}

/* One that has gone before it was named keeps those behind it nameless, until the server tells its end. */
static bool keeps_nameless(const struct message *message)
{
    return message->dead && message->named_at == 0 && message->gone_told_at == 0 && message->died_at > message->born_at;
}

static void judge_box(struct sim *sim, const struct box *box)
{
    bool nameless = false;

    for (size_t i = 0; i < box->all_count && !sim->failed && !nameless; i++) {
        nameless = keeps_nameless(box->all[i]);
        if (is_owed(sim, box, box->all[i]))
            sim_fail(sim, "\\Recent", "UID %u of %s of %s has been \\Recent for nobody", box->all[i]->uid, box->name,
                     box->user->name);
    }
}

void recent_judge(struct sim *sim)
{
    for (unsigned i = 0; i < sim->plan.users; i++) {
        for (const struct box *box = sim->users[i].boxes; box; box = box->next) {
            if (!box->gone && box->ailment == SOUND)
                judge_box(sim, box);
        }
    }
}
