"""The program's life: start, faults in its settings, reload, end."""
import os
import re
import signal
import subprocess
import time

from binary import ROOT, binary
from imap_client import Closed, make_message
from mail_server import free_port, wait_until
from scenario import scenario

SHIPPED = os.path.join(ROOT, "conf", "imapmux.conf")


def run(s, *arguments, status=None):
    """Runs imapmux to its end; returns what it wrote."""
    done = subprocess.run(binary("dev") + list(arguments), capture_output=True, text=True, timeout=20, env=s.environment(),
                          cwd=s.directory)
    text = done.stdout + done.stderr
    assert status is None or done.returncode == status, "ended with %d: %s" % (done.returncode, text)
    return text


def file_with(s, text):
    path = os.path.join(s.directory, "check.conf")
    with open(path, "w") as out:
        out.write(text)
    return path


def shipped(s):
    with open(SHIPPED) as file:
        return file.read()


@scenario()
def sigterm_takes_leave_of_everybody(s):
    s.deliver("m1", size=3_000_000)
    idler = s.client(name="idler", select="INBOX")
    idler.idle()
    resting = s.client(name="resting", select="INBOX")
    fresh = s.connect("fresh")
    inside = s.client(name="inside")
    inside.send_raw(b"x1 APPEND INBOX {1000}\r\nhalf")
    mark = s.relay.mark()
    begun = time.monotonic()
    s.process.send_signal(signal.SIGTERM)
    for client in (idler, resting, fresh):
        assert client.wait_closed(), "%s was closed without * BYE" % client.name
    s.relay.wait_for(">", r" LOGOUT$", mark, 5)
    s.stop_imapmux()
    assert time.monotonic() - begun < 5
    s.direct(select="INBOX").logout()


@scenario()
def sigterm_while_the_upstream_is_silent(s):
    client = s.client(select="INBOX")
    s.relay.stall("<", ">")
    client.begin("CREATE Work")
    time.sleep(0.2)
    s.stop_imapmux()


@scenario()
def sigterm_during_a_large_fetch(s):
    s.fill(20, size=500_000)
    client = s.client(select="INBOX", tracked=False)
    client.begin("FETCH 1:* BODY.PEEK[]")
    time.sleep(0.1)
    s.stop_imapmux()


@scenario(users=4, timeout=90)
def sigterm_lets_many_clients_go_and_the_successor_in(s):
    """Everybody hears BYE, every account logs out, and who starts next finds each session free."""
    clients = [s.client(user="u%d" % (1 + i % 4), name="c%d" % i, select="INBOX") for i in range(120)]
    for client in clients[::3]:
        client.idle()
    mark = s.relay.mark()
    s.stop_imapmux()
    for client in clients:
        assert client.wait_closed(), "%s was closed without * BYE" % client.name
    assert s.relay.commands(mark).count("LOGOUT") == 4, s.relay.commands(mark)
    mark = len(s.log_text())
    s.start_imapmux()
    for user in s.users:
        s.client(user=user, name="next of " + user, select="INBOX").noop()
    after = s.log_text()[mark:]
    assert after.count("logged in upstream") == 4 and "upstream connection ended" not in after, after


@scenario()
def a_command_in_progress_at_sigterm_is_answered_first(s):
    """And nothing of what is queued behind it is begun."""
    client = s.client(select="INBOX")
    resting = s.client(name="resting", select="INBOX")
    s.relay.stall("<")
    mark = s.relay.mark()
    tags = [client.begin("CREATE Work"), client.begin("CREATE Never")]
    s.relay.wait_for(">", r" CREATE", mark)
    s.process.send_signal(signal.SIGTERM)
    assert resting.wait_closed()
    s.relay.stall()
    assert client.finish(tags[0]).status == "OK"
    assert client.wait_closed()
    s.stop_imapmux()
    s.relay.wait_for(">", r" LOGOUT$", mark)
    assert s.relay.commands(mark)[-1] == "LOGOUT", s.relay.commands(mark)
    names = [response.data[2] for response in s.direct().ok('LIST "" *').of("LIST")]
    assert b"Work" in names and b"Never" not in names, names


@scenario()
def a_second_sigterm_ends_it_at_once(s):
    client = s.client(select="INBOX")
    s.relay.stall("<")
    client.begin("CREATE Work")
    s.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "ending 1 clients" in s.log_text(), "SIGTERM is not noticed")
    s.stop_imapmux(limit=2.5)
    assert "connections that had not ended in time were cut" in s.log_text()


@scenario()
def sigint_ends_it_too(s):
    client = s.client(select="INBOX")
    s.process.send_signal(signal.SIGINT)
    assert client.wait_closed()
    s.stop_imapmux()


@scenario()
def sighup_reads_settings_again_and_clients_stay(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    idler = s.client(name="idler", select="INBOX")
    idler.idle()
    s.settings["append_max"] = "2K"
    s.write_settings()
    s.reload()
    client.noop()
    assert client.fetch_identity(2) == "m2"
    client.outstanding.append((b"x1", b"APPEND"))
    client.send_raw(b"x1 APPEND INBOX {5000}\r\n")
    response = client._next(5)
    assert response.status == "NO" and response.code[0] == "TOOBIG", response
    s.deliver("m3")
    idler.idle_until(lambda: len(idler.messages) == 3)
    idler.done()
    assert s.relay.logins == 1


@scenario()
def sighup_with_a_broken_file_keeps_the_old_settings(s):
    client = s.client(select="INBOX")
    with open(os.path.join(s.directory, "imapmux.conf"), "a") as file:
        file.write("nosuchsetting = 1\n")
    s.reload("nosuchsetting")
    client.noop()
    s.client(name="another", select="INBOX").noop()


@scenario()
def flags_alone_are_enough(s):
    s.stop_imapmux()
    s.start_imapmux(["--upstream", "imap://127.0.0.1:%d" % s.upstream_port, "--listen", "imap://127.0.0.1:%d" % s.mux_port])
    s.client(select="INBOX").noop()


@scenario(start=False)
def two_listeners_and_two_upstreams(s):
    from dovecot import Dovecot
    directory = os.path.join(s.directory, "second")
    os.mkdir(directory)
    second = Dovecot(directory, ["u1"]).start()
    try:
        second.deliver("u1", make_message("of-the-second"))
        s.deliver("of-the-first")
        other_port = free_port()
        s.mux_port = free_port()
        path = s.write_settings(listener=["upstream = server", "", "[upstream second]", "url = imap://127.0.0.1:%d" % second.port,
                                          "[listener second]", "url = imap://127.0.0.1:%d" % other_port, "upstream = second"])
        s.start_imapmux(["-c", path])
        first, other = s.client(select="INBOX"), s.client(select="INBOX", port=other_port)
        assert first.fetch_identity(1) == "of-the-first" and other.fetch_identity(1) == "of-the-second"
        first.close_socket()
        other.close_socket()
        s.stop_imapmux()
    finally:
        second.stop()


@scenario(start=False)
def version_and_help(s):
    assert re.match(r"imapmux \d+\.\d+", run(s, "--version", status=0))
    text = run(s, "--help", status=0)
    for word in ("--upstream", "--listen", "--cert", "--key", "--log-level", "-t", "-c", "freshness", "linger"):
        assert word in text, word
    assert run(s, "--nosuch", status=2)
    assert run(s, "superfluous", status=2)


@scenario(start=False)
def the_shipped_settings_are_good(s):
    text = shipped(s)
    if "\n[upstream" not in text:
        text += "\n[upstream server]\nurl = imap://127.0.0.1\n[listener clients]\nurl = imap://127.0.0.1:20143\n"
    assert "good" in run(s, "-t", "-c", file_with(s, text), status=0)


@scenario(start=False)
def settings_are_explained(s):
    good = "[upstream a]\nurl = imap://127.0.0.1:1\nprofile = dovecot\n[listener b]\nurl = imap://127.0.0.1:20143\n"
    said = run(s, "--explain", "-c", file_with(s, good), status=0)
    assert re.search(r"^url = imap://127\.0\.0\.1:1 ; line 2 of .*check\.conf$", said, re.M), said
    assert "\nlogin_pace = 100 ; profile dovecot\n" in said and "\n#linger = 1m ; default\n" in said, said
    assert run(s, "--explain", "-c", file_with(s, said), status=0)
    said = run(s, "--explain", "-c", file_with(s, good.replace("dovecot", "dovecott")), status=1)
    assert "check.conf:3: profile = dovecott: " in said and " known are gmail, " in said, said
    assert "login_pace" not in said, said


@scenario(start=False)
def a_fault_in_the_last_line_is_named_with_its_line(s):
    text = shipped(s).rstrip("\n") + "\n"
    line = text.count("\n") + 1
    for fault, word in (("nosuchsetting = 1", "nosuchsetting"), ("[timeouts", "closed"), ("freshness", ""),
                        ("[nosuchsection]", "nosuchsection"), ("[listener]", "name"), ("[upstream a b c", "")):
        for end in ("\n", "", "\r\n", "\n# a comment behind it\n"):
            path = file_with(s, text + fault + end)
            said = run(s, "-t", "-c", path, status=1)
            assert re.search(r"check\.conf:%d: .*%s" % (line, word), said), "%r, line %d: %s" % (fault + end, line, said)


@scenario(start=False)
def every_kind_of_fault_in_settings(s):
    good = "[upstream a]\nurl = imap://127.0.0.1:1\n[listener b]\nurl = imap://127.0.0.1:20143\n"
    cases = [
        ("[timeouts]\nfreshness = soon\n", 2), ("[timeouts]\nfreshness = 1s\nlinger = 1s\nfreshness = 2s\n", 4),
        ("[timeouts]\nfreshness = -1s\n", 2), ("[timeouts]\nfreshness = 1 fortnight\n", 2), ("[timeouts]\nidle_reissue = 0\n", 2),
        ("[limits]\nappend_max = many\n", 2), ("[limits]\nquantum = 0\n", 2), ("[limits]\nquantum = 1.5\n", 2),
        ("[limits]\n\n\nappend_max = 99999999999999999999\n", 4), ("[timeouts]\nappend_max = 1M\n", 2),
        ("[logging]\nlog_level = loud\n", 2), ("freshness = 1s\n", 1), ("[timeouts]\n[limits]\n[timeouts]\n", 3),
        ("[timeouts]\nfreshness 1s\n", 2), ("[timeouts] behind\n", 1), ("[limits]\nquantum = 8\n\tquantum = 9\n", 3),
    ]
    for text, line in cases:
        said = run(s, "-t", "-c", file_with(s, text + good), status=1)
        assert "check.conf:%d:" % line in said, "%r, line %d: %s" % (text, line, said)
    for text, word in (("[upstream a]\nurl = http://x\n", "url"), ("[upstream a]\nurl = imap://127.0.0.1:99999\n", "url"),
                       (good + "[listener b]\nurl = imap://127.0.0.1:1\n", "already"), ("", "upstream"),
                       (good.replace("[listener b]", "[listener b]\nupstream = nosuch"), "nosuch"),
                       (good + "[listener c]\nurl = imaps://127.0.0.1:2\n", "cert"),
                       (good + "[listener c]\nurl = imap://127.0.0.1:2\ncert = /nonexistent\nkey = /nonexistent\n", "nonexistent")):
        said = run(s, "-t", "-c", file_with(s, text), status=1)
        assert word in said, "%r: %s" % (text, said)
    assert "good" in run(s, "-t", "-c", file_with(s, good), status=0)
    assert run(s, "-t", "-c", "/nonexistent/file", status=1)


@scenario()
def a_taken_port_is_said(s):
    text = run(s, "--upstream", "imap://127.0.0.1:1", "--listen", "imap://127.0.0.1:%d" % s.mux_port, status=1)
    assert str(s.mux_port) in text and "in use" in text, text


@scenario(start=False)
def settings_have_one_list(s):
    """The shipped file, --help and docs/settings.md name the same settings with the same defaults."""
    helped = dict(re.findall(r"^([a-z][a-z_]+) = (.*)$", run(s, "--help", status=0), re.M))
    assert len(helped) > 30, helped
    conf = dict(re.findall(r"^[#;]? ?([a-z][a-z_]+) = ?(.*)$", shipped(s), re.M))
    with open(os.path.join(ROOT, "docs", "settings.md")) as file:
        documented = file.read()
    site = {"url", "cert", "key", "tls_ca", "tls_name", "upstream"}
    for name, value in helped.items():
        assert name in conf, "conf/imapmux.conf lacks %s" % name
        assert name in site or conf[name].strip() == value.strip(), "%s: the file says %r, the program %r" % (
            name, conf[name], value)
        assert "`%s`" % name in documented or "| %s " % name in documented, "docs/settings.md lacks %s" % name
    for name in conf:
        assert name in helped, "conf/imapmux.conf has %s, which the program does not know" % name


@scenario(settings={"login_timeout": "1s"})
def a_client_that_does_not_log_in_is_sent_away(s):
    client = s.connect()
    assert client.wait_closed(5), "closed without * BYE"


@scenario(settings={"sessions_per_account": "3"})
def too_many_clients_of_an_account(s):
    clients = [s.client(select="INBOX") for _ in range(3)]
    result = s.connect().command("LOGIN u1 secret")
    assert result.status == "NO" and result.code_name in ("LIMIT", "UNAVAILABLE"), result
    clients[0].logout()
    deadline = time.monotonic() + 5
    while not s.connect().command("LOGIN u1 secret").ok:
        assert time.monotonic() < deadline


@scenario(settings={"sessions_per_address": "4"})
def too_many_clients_of_an_address(s):
    clients = [s.connect() for _ in range(4)]
    try:
        more = s.connect()
        assert more.greeting.status == "BYE", more.greeting
    except Closed as closed:
        assert closed.bye
    clients[0].close_socket()
    time.sleep(0.2)
    assert s.connect().command("LOGIN u1 secret").ok


@scenario(settings={"keepalive": "1s"})
def idle_clients_hear_that_the_line_lives(s):
    client = s.client(select="INBOX")
    client.idle()
    client.idle_until(lambda: any(response.status == "OK" for response in client.untagged), 5)
    client.done()


@scenario(settings={"idle_reissue": "1s"})
def idle_is_issued_again(s):
    reissued_every_second(s)


@scenario(start=False, settings={"idle_reissue": "9m"})
def idle_is_issued_again_as_its_server_wants(s):
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=["idle_reissue = 1s"])])
    reissued_every_second(s)


def reissued_every_second(s):
    client = s.client(select="INBOX")
    client.idle()
    time.sleep(3.5)
    idles = s.relay.commands().count("IDLE")
    assert 3 <= idles <= 5, idles
    s.deliver("m1")
    client.idle_until(lambda: len(client.messages) == 1)
    client.done()
