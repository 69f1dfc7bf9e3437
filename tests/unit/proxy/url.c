#include "proxy/url.h"

#include <criterion/criterion.h>
#include <string.h>

static void good(const char *text, bool listen, bool implicit_tls, const char *host, unsigned port)
{
    struct url url;
    const char *fault;

    cr_assert(url_parse(text, listen, &url, &fault), "%s: %s", text, fault);
    cr_assert_eq(url.implicit_tls, implicit_tls, "%s", text);
    cr_assert_str_eq(url.host, host);
    cr_assert_eq(url.port, port, "%s", text);
}

static void bad(const char *text, bool listen, const char *words)
{
    struct url url;
    const char *fault;

    cr_assert_not(url_parse(text, listen, &url, &fault), "%s", text);
    cr_assert(strstr(fault, words), "%s: %s", text, fault);
}

Test(url, hosts_and_ports)
{
    good("imap://mail.example.com", false, false, "mail.example.com", 143);
    good("IMAPS://mail.example.com/", false, true, "mail.example.com", 993);
    good("imaps://192.0.2.1:1993", false, true, "192.0.2.1", 1993);
    good("imap://[2001:db8::1]", false, false, "2001:db8::1", 143);
    good("imap://[::1]:10143", true, false, "::1", 10143);
    good("imap://*:143", true, false, "*", 143);
    good("imap://127.0.0.1:0", true, false, "127.0.0.1", 0);
}

Test(url, faults_have_words)
{
    bad("mail.example.com", false, "must begin with imap:// or imaps://");
    bad("http://mail.example.com", false, "must begin with");
    bad("imap://", false, "host is missing");
    bad("imap://:143", false, "host is missing");
    bad("imap://*", false, "not a host name");
    bad("imap://ma il", false, "not a host name");
    bad("imap://fry:secret@mail.example.com", false, "must not have a user");
    bad("imap://mail.example.com:", false, "port");
    bad("imap://mail.example.com:0", false, "port");
    bad("imap://mail.example.com:65536", false, "port");
    bad("imap://mail.example.com:12x", false, "port");
    bad("imap://mail.example.com:143/INBOX", false, "nothing may follow");
    bad("imap://[::1", false, "not closed");
    bad("imap://[nonsense]", false, "not an IPv6 address");
    bad("imap://2001:db8::1", false, "brackets");
}

Test(url, a_host_is_bounded)
{
    char text[600] = "imap://";

    memset(text + 7, 'a', 256);
    bad(text, false, "longer than 255");
    text[7 + 255] = '\0';
    good(text, false, false, text + 7, 143);
}
