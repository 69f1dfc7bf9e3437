/* The table. Only what differs from the defaults stands here, and only with a source. The first word of each source
 * says how far it goes: "documented" by the maker; "reported" by users of other programs, in threads that anybody can
 * read; "measured" by us on the server itself; "chosen" where the fact is known and its figure is not. No figure is
 * invented to look like a fact. Words of refusals stand in src/mux/refusal.c, for all servers. */
#include "proxy/profiles.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OWN_SERVER                                                                                                     \
    {"server_login_budget", "0", "chosen: your own server has no provider who counts logins"},                         \
    {                                                                                                                  \
        "login_pace", "100", "chosen: 300 accounts are back within 3 s of a restart"                                   \
    }

const struct profile profiles[] = {
    {"gmail",
     "Gmail and Google Workspace",
     "imap.gmail.com",
     {{"max_sessions", "2",
       "documented: 15 connections are permitted; two are enough for one that rests and one that works"},
      {"lower_case_users", "yes",
       "reported for addresses (fone.tips/are-emails-case-sensitive, tried at Gmail, Outlook and Yahoo)"},
      {"tokens", "checked",
       "documented: XOAUTH2 is offered; the host is known to compare user and token (docs/settings.md, tokens)"}}},
    {"m365",
     "Microsoft 365 and Outlook.com",
     "outlook.office365.com outlook.office.com imap-mail.outlook.com",
     {{"max_sessions", "2", "reported: 20 connections were permitted for a mailbox; the figure is old"},
      {"lower_case_users", "yes", "documented: user principal names are the same in any case"},
      {"tokens", "checked", "documented: passwords are switched off, XOAUTH2 is the only way in"}}},
    {"exchange",
     "an Exchange server of your own",
     "",
     {{"max_sessions", "2", "reported: 16 connections are permitted by default"},
      {"lower_case_users", "yes", "documented: user names of Active Directory are the same in any case"}}},
    {"zoho",
     "Zoho Mail",
     "imap.zoho.com imappro.zoho.com imap.zoho.eu imappro.zoho.eu imap.zoho.in imappro.zoho.in",
     {{"login_interval", "1m",
       "chosen: the usage policy blocks IMAP for a time after unusual activity and names no figure"}}},
    {"yahoo",
     "Yahoo and AOL Mail",
     "imap.mail.yahoo.com imap.aol.com",
     {{"max_sessions", "2", "reported: 5 to 10 connections are permitted"},
      {"lower_case_users", "yes",
       "reported for addresses (fone.tips/are-emails-case-sensitive, tried at Gmail, Outlook and Yahoo)"},
      {"login_interval", "1m",
       "chosen: refusals with \"[LIMIT] Rate limit hit\" are reported (imapflow issue 75), their figure is not"}}},
    {"icloud",
     "iCloud Mail",
     "imap.mail.me.com",
     {{"max_sessions", "2", "reported: about 5 connections are permitted"},
      {"lower_case_users", "yes", "reported for addresses (debounce.com/blog/email-address-case-sensitive)"},
      {"hide", "ESEARCH BINARY",
       "reported: ESEARCH ignores RETURN, BINARY misses parts (horde/Imap_Client pull 17, nextcloud/mail pull 9454)"}}},
    {"mailbox.org",
     "mailbox.org",
     "imap.mailbox.org",
     {{"max_sessions", "2", "reported: 10 connections are permitted"},
      {"server_login_budget", "10",
       "chosen: reported once that logins are counted; strict hosters permit 20 a minute and address, this is half"}}},
    {"netease",
     "NetEase: 163.com, 126.com, yeah.net",
     "imap.163.com imap.126.com imap.yeah.net",
     {{"id", "after",
       "documented: SELECT without ID is refused as \"Unsafe Login\" (help.mail.163.com; himalaya issue 651)"}}},
    {"tencent",
     "Tencent: QQ Mail and its mail for companies",
     "imap.qq.com imap.exmail.qq.com",
     {{"login_interval", "2m",
       "reported once: 240 logins an hour brought refusals, 30 hardly any (NousResearch/hermes-agent pull 92753)"}}},
    {"dovecot", "a Dovecot of your own", "", {OWN_SERVER}},
    {"cyrus", "a Cyrus of your own", "", {OWN_SERVER}},
    {"courier",
     "a Courier of your own",
     "",
     {OWN_SERVER,
      {"idle_reissue", "15s",
       "measured: without gamin its IDLE tells of new mail once a minute, and at once when it is begun again"}}},
};
const size_t profile_count = sizeof(profiles) / sizeof(profiles[0]);

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; i < profile_count; i++)
        if (strcasecmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

/* Is the word one of those in the list? */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list) {
        size_t next = strcspn(list, " ");
        if (next == length && strncasecmp(list, word, length) == 0)
            return true;
        list += next + strspn(list + next, " ");
    }
    return false;
}

const struct profile *profile_of_host(const char *host)
{
    for (size_t i = 0; i < profile_count; i++)
        if (has_word(profiles[i].hosts, host))
            return &profiles[i];
    return NULL;
}

const struct profile_value *profile_value(const struct profile *profile, const char *name)
{
    for (const struct profile_value *value = profile ? profile->values : NULL; value && value->name; value++)
        if (strcmp(value->name, name) == 0)
            return value;
    return NULL;
}

const char *profile_names(char *buffer, size_t size)
{
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; i < profile_count && used < size; i++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "", profiles[i].name);
    return buffer;
}
