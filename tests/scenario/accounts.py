"""Who is who: an account is the user of a server (host and port), whatever the sections of the settings are called."""
import re
import subprocess

from binary import binary
from imap_client import Closed
from mail_server import free_port, wait_until
from scenario import scenario
from scripted_upstream import ScriptedUpstream


class Server(ScriptedUpstream):
    """Says which server it is in the subject of each message."""

    def __init__(self, name):
        super().__init__(fill=0)
        for number in range(3):
            self.mailboxes["INBOX"].add("%s%d" % (name, number + 1))


def first_server(_):
    return Server("first-")


def settings_of(s, sections, listeners):
    """sections: (name, url[, more lines]); listeners: (port, section)."""
    lines = ["[logging]", "log_level = debug", "[program]", "spool_directory = " + s.scratch, "[timeouts]", "login_wait = 5s"]
    for name, url, *more in sections:
        lines += ["[upstream %s]" % name, "url = " + url, *more]
    for number, (port, section) in enumerate(listeners):
        lines += ["[listener l%d]" % number, "url = imap://127.0.0.1:%d" % port, "upstream = " + section]
    path = s.directory + "/imapmux.conf"
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def url(port, host="localhost"):
    return "imap://%s:%d" % (host, port)


def begin(s, sections, listeners):
    s.mux_port = listeners[0][0]
    s.start_imapmux(["-c", settings_of(s, sections, listeners)])


def enter(s, port):
    client = s.connect(port=port, strict=True)
    client.login("u1", s.password("u1"))
    client.select("INBOX")
    client.learn()
    return client


@scenario(upstream=first_server, start=False)
def a_section_that_is_renamed_leaves_the_account_as_it_is(s):
    port = free_port()
    begin(s, [("old", url(s.upstream_port))], [(port, "old")])
    client = enter(s, port)
    settings_of(s, [("new", url(s.upstream_port, "LocalHost"))], [(port, "new")])
    s.reload()
    second = enter(s, port)
    assert client.fetch_identity(1) == second.fetch_identity(1) == "first-1"
    assert s.upstream.connections == s.upstream.logins == 1, (s.upstream.connections, s.upstream.logins)


@scenario(upstream=first_server, start=False)
def two_sections_of_one_server_share_its_accounts(s):
    one, two = free_port(), free_port()
    begin(s, [("one", url(s.upstream_port))], [(one, "one")])
    client = enter(s, one)
    settings_of(s, [("one", url(s.upstream_port)), ("two", url(s.upstream_port, "LOCALHOST."))], [(one, "one"), (two, "two")])
    s.reload("is the same server as [upstream one]")
    s.until_logged("read again")
    second = enter(s, two)
    assert s.upstream.connections == 1, s.upstream.connections
    settings_of(s, [("two", url(s.upstream_port))], [(two, "two")])
    s.reload()
    third = enter(s, two)
    assert client.fetch_identity(2) == second.fetch_identity(2) == third.fetch_identity(2) == "first-2"
    s.upstream.drop()
    assert client.fetch_identity(3) == third.fetch_identity(3) == "first-3"
    assert s.upstream.connections == 2, "one after the other"


@scenario(upstream=first_server, start=False)
def a_changed_url_mixes_no_two_servers(s):
    port = free_port()
    begin(s, [("main", url(s.upstream_port))], [(port, "main")])
    other = Server("second-")
    other.start()
    try:
        client = enter(s, port)
        waiting = s.connect(port=port, strict=True)
        settings_of(s, [("main", url(other.port))], [(port, "main")])
        s.reload()
        second = enter(s, port)
        assert [client.fetch_identity(number) for number in (1, 2)] == ["first-1", "first-2"]
        assert [second.fetch_identity(number) for number in (1, 2)] == ["second-1", "second-2"]
        assert waiting.command("LOGIN u1 " + s.password("u1")).code_name == "UNAVAILABLE"
        assert "another mail server" in waiting.wait_closed(5)
        s.upstream.drop()
        assert "another mail server" in client.wait_closed(5)
        again = enter(s, port)
        assert again.fetch_identity(3) == second.fetch_identity(3) == "second-3"
        assert s.upstream.connections == other.connections == 1, (s.upstream.connections, other.connections)
    finally:
        other.stop()


@scenario(upstream=first_server, start=False)
def two_servers_that_change_places_keep_their_clients(s):
    """The names of the sections are exchanged: each account stays at its server."""
    one, two = free_port(), free_port()
    other = Server("second-")
    other.start()
    try:
        begin(s, [("a", url(s.upstream_port)), ("b", url(other.port))], [(one, "a"), (two, "b")])
        client, second = enter(s, one), enter(s, two)
        settings_of(s, [("b", url(s.upstream_port)), ("a", url(other.port))], [(one, "a"), (two, "b")])
        s.reload()
        s.upstream.drop()
        other.drop()
        newer, newest = enter(s, one), enter(s, two)
        assert client.fetch_identity(1) == newest.fetch_identity(1) == "first-1"
        assert second.fetch_identity(1) == newer.fetch_identity(1) == "second-1"
        assert s.upstream.connections == other.connections == 2, (s.upstream.connections, other.connections)
    finally:
        other.stop()


@scenario(upstream=first_server, start=False)
def the_check_of_the_settings_warns_of_two_names_for_one_server(s):
    s.mux_port = free_port()
    path = settings_of(s, [("one", "imaps://Mail.example.com"), ("two", "imaps://mail.example.com:993", "default_domain = x.org"),
                           ("three", "imap://mail.example.com")], [(s.mux_port, "one"), (free_port(), "two"), (free_port(), "three")])
    done = subprocess.run(binary("dev") + ["-t", "-c", path], capture_output=True, text=True, env=s.environment(), check=False)
    assert done.returncode == 0 and "good: 3 upstreams" in done.stdout, done
    warnings = done.stderr.strip().split("\n")
    assert len(warnings) == 1, warnings
    assert re.match(r"warning: \S+imapmux.conf:10: \[upstream two\] is the same server as \[upstream one\]: ", warnings[0]), warnings
