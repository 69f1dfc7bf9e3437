/* The list of an account's members, and messages to all of them. It owns none of them. */
#include "mux/members.h"

#include <utlist.h>

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

void members_end(struct members *members, const char *reason)
{
    struct account_member *member, *next;

    DL_FOREACH_SAFE (members->first, member, next) {
        member->end(member->owner, reason);
    }
}

void members_alert(struct members *members, struct slice text)
{
    struct account_member *member, *next;

    DL_FOREACH_SAFE (members->first, member, next) {
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
