/* The list of an account's members, and messages to all of them. It owns none of them. */
#include "mux/members.h"

#include <utlist.h>

#define ALERT_AGAIN (3600 * USEC_SECOND) /* a server may repeat it at every login */

void members_join(struct members *members, struct account_member *member)
{
    DL_APPEND(members->first, member);
    members->count++;
}

void members_leave(struct members *members, struct account_member *member)
{
    DL_DELETE(members->first, member);
    members->count--;
}

unsigned members_idling(const struct members *members, const struct mailbox *mailbox)
{
    const struct account_member *member;
    unsigned count = 0;

    DL_FOREACH (members->first, member) {
        count += member->idling && member->view && member->view->mailbox == mailbox;
    }
    return count;
}

void members_end(struct members *members, const char *reason)
{
    struct account_member *member, *next;

    DL_FOREACH_SAFE (members->first, member, next) {
        member->end(member->owner, reason);
    }
}

/* FNV-1a; never 0. */
static uint64_t hash_of(struct slice text)
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    return hash | 1;
}

/* Notes it otherwise. */
static bool has_heard(struct alerts_heard *alerts, uint64_t words, usec now)
{
    for (size_t i = 0; i < ALERTS_KEPT; i++) {
        if (alerts->words[i] == words && now - alerts->at[i] < ALERT_AGAIN)
            return true;
    }
    alerts->words[alerts->next] = words;
    alerts->at[alerts->next] = now;
    alerts->next = (alerts->next + 1) % ALERTS_KEPT;
    return false;
}

void members_alert(struct members *members, struct slice text, usec now)
{
    struct account_member *member, *next;
    uint64_t words = hash_of(text);

    DL_FOREACH_SAFE (members->first, member, next) {
        if (!has_heard(&member->alerts, words, now))
            member->alert(member->owner, text);
    }
}

size_t members_retire(struct members *members, size_t most, const char *reason)
{
    struct account_member *member;
    size_t told = 0;

    DL_FOREACH (members->first, member) {
        if (told == most)
            break;
        if (member->retired)
            continue;
        member->retired = true;
        member->retire(member->owner, reason);
        told++;
    }
    return told;
}
