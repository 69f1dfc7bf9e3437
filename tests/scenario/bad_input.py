"""What a client may send wrong: it is told so in words, and nobody else notices."""
import time

from imap_client import Closed, Literal, PlusLiteral, make_message
from scenario import scenario

SMALL = {"client_line_max": "16K", "append_max": "1M"}


def survives(s):
    """Another client is still served."""
    client = s.client(name="other", select="INBOX", learn=True)
    assert client.fetch_identity(1) == "m1"
    client.logout()


@scenario()
def malformed_commands_get_bad_with_words(s):
    s.fill(3)
    client = s.client(select="INBOX")
    commands = [
        "FETCH", "FETCH 1", "FETCH 1 ()", "FETCH 1 (FLAGS", "FETCH 1 FLAGS)", "FETCH 1 NOSUCH", "FETCH a FLAGS",
        "FETCH 1: FLAGS", "FETCH 1,,2 FLAGS", "FETCH 1 BODY[", "FETCH 1 BODY[NOSUCH]", "FETCH 1 BODY[]<1>",
        "FETCH 99999999999 FLAGS", "FETCH -1 FLAGS", "STORE 1 FLAGS", "STORE 1 +FLAGS (\\Nosuch", "STORE 1 =FLAGS (\\Seen)",
        "STORE 1 +FLAGS (\\Recent)", "SEARCH", "SEARCH NOSUCH", "SEARCH SINCE yesterday", "SEARCH (ALL", "SEARCH OR ALL",
        "SEARCH KEYWORD", "SEARCH NOT", "COPY 1", "UID", "UID NOOP", "UID FETCH", "SELECT", "SELECT a b c", 'LIST ""',
        'LIST "" "*" RETURN', "STATUS INBOX", "STATUS INBOX MESSAGES", "STATUS INBOX (NOSUCH)", "APPEND INBOX",
        "CREATE", "RENAME a", "ENABLE", "NOSUCHCOMMAND", "NOOP now", 'SELECT "open', 'SELECT "a\\b"', "FETCH 1 FLAGS  ",
    ]
    for number, command in enumerate(commands):
        result = client.command(command)
        # Servers differ on what they forgive; nothing of this may succeed in an answer to FETCH or end the connection.
        assert result.status in ("BAD", "NO") or command.endswith("  "), "%r: %r" % (command, result)
        assert len(result.tagged.words) > 3, "no words: %r" % result.tagged
        if number % 5 == 4:
            client.ok("NOOP")  # many in a row send a client away
    assert client.fetch_identity(2) == "m2"
    assert not any(flags for flags in s.stored().values())


@scenario()
def many_malformed_commands_in_a_row_end_the_session(s):
    s.fill(1)
    client = s.client()
    try:
        for _ in range(60):
            client.expect("BAD", "NOSUCH")
        raise AssertionError("sixty malformed commands and still here")
    except Closed as closed:
        assert closed.bye
    survives(s)


@scenario()
def a_line_without_a_tag_or_a_command(s):
    s.fill(1)
    for line in (b"\r\n", b" \r\n", b"a\r\n", b"* NOOP\r\n", b"+ NOOP\r\n", b"(a) NOOP\r\n", b'"a" NOOP\r\n', b"\xff\xfe NOOP\r\n",
                 b"a NOOP\n", b"a  NOOP\r\n"):
        client = s.client(name="t", tracked=False)
        client.send_raw(line)
        client.send_raw(b"last NOOP\r\n")
        while True:
            response = client._next(10)
            if response.kind == "tagged" and response.tag == b"last":
                assert response.status == "OK", (line, response)
                break
        client.close_socket()
    survives(s)


@scenario(settings=SMALL)
def an_over_long_line_is_refused(s):
    s.fill(1)
    client = s.client(select="INBOX")
    # In pieces: it must be given up at the limit, not collected to its end.
    try:
        client.send_raw(b"x1 SEARCH SUBJECT \"")
        for _ in range(4000):
            client.socket.sendall(b"a" * 1000)
        client.socket.sendall(b"\"\r\n")
    except OSError:
        pass
    refused = _refusal(client, b"x1")
    assert refused, "a line of 4 MB was taken"
    survives(s)


@scenario(settings=SMALL)
def an_over_long_line_before_login_is_refused(s):
    s.fill(1)
    client = s.connect()
    try:
        client.send_raw(b"x1 LOGIN u1 ")
        for _ in range(200):
            client.socket.sendall(b"a" * 1000)
        client.socket.sendall(b"\r\n")
    except OSError:
        pass
    assert _refusal(client, b"x1")
    survives(s)


@scenario(settings=SMALL)
def an_over_large_literal_is_refused_before_it_is_sent(s):
    s.fill(1)
    client = s.client(select="INBOX")
    for line in (b"x1 APPEND INBOX {5000000}\r\n", b"x1 APPEND INBOX {99999999999999999999}\r\n",
                 b"x1 SELECT {500000}\r\n", b"x1 SEARCH SUBJECT {4294967296}\r\n"):
        client = s.client(name="t")
        client.outstanding.append((b"x1", line))
        client.send_raw(line)
        response = client._next(10)
        while response.kind == "untagged" and response.status != "BYE":
            response = client._next(10)
        assert response.kind != "go-ahead", "asked for %r" % line
        assert response.status in ("NO", "BAD", "BYE"), response
        if line.startswith(b"x1 APPEND INBOX {5000000}"):
            assert response.status == "NO" and response.code[0] == "TOOBIG", response
        client.close_socket()
    survives(s)


@scenario(settings=SMALL)
def an_over_large_non_synchronising_literal_is_never_run_as_commands(s):
    s.fill(1)
    client = s.client(select="INBOX", tracked=False)
    client.send_raw(b"x1 APPEND INBOX {1500000+}\r\n")
    try:
        client.socket.sendall((b"x9 STORE 1 +FLAGS (\\Deleted)\r\n" * 60_000)[:1_500_000])
        client.socket.sendall(b"\r\n")
    except OSError:
        pass
    assert _refusal(client, b"x1")
    assert s.stored()["m1"] == set(), "octets of a literal were taken for commands"
    survives(s)


def _refusal(client, tag):
    """Whether the command was answered NO or BAD, or the client sent away; never anything else."""
    try:
        while True:
            response = client._next(15)
            if response.kind == "tagged":
                assert response.tag in (tag, b"*"), response
                return response.status in ("NO", "BAD")
            if response.status == "BYE":
                return True
            if response.status == "BAD":
                return True
    except Closed as closed:
        return True


@scenario()
def literals_before_login_are_small(s):
    s.fill(1)
    client = s.connect()
    client.outstanding.append((b"x1", b"LOGIN"))
    client.send_raw(b"x1 LOGIN {100000}\r\n")
    response = client._next(10)
    assert response.status in ("NO", "BAD", "BYE"), response
    survives(s)


@scenario()
def a_nul_is_refused(s):
    s.fill(1)
    client = s.client(select="INBOX", tracked=False)
    for line in (b'SELECT "IN\0BOX"', b"NOO\0P", b'SEARCH SUBJECT "a\0b"'):
        client.send_raw(b"x1 " + line + b"\r\n")
        response = client._next(10)
        assert response.status == "BAD", (line, response)
    client.send_raw(b"x2 SEARCH SUBJECT {3}\r\n")
    assert client._next(10).kind == "go-ahead"
    client.send_raw(b"a\0b\r\n")
    assert client._next(10).status in ("BAD", "NO")
    survives(s)


@scenario()
def line_ends_in_names_and_passwords_are_refused(s):
    """Injection by literal: nothing behind CR LF may become a command upstream."""
    s.fill(1)
    client = s.client()
    evil = b"x\r\nz9 STORE 1 +FLAGS (\\Deleted)"
    for command in ("SELECT", "CREATE", "DELETE", "SUBSCRIBE", "STATUS"):
        parts = [command + " ", Literal(evil)] + ([" (MESSAGES)"] if command == "STATUS" else [])
        assert client.command(*parts).status in ("NO", "BAD"), command
    before = s.connect()
    assert before.command("LOGIN ", Literal(b"u1\r\nz9 NOOP"), " secret").status in ("NO", "BAD")
    assert before.command("LOGIN u1 ", Literal(b"secret\r\nz9 NOOP")).status in ("NO", "BAD")
    assert not [text for text in s.relay.commands() if "Deleted" in text]
    survives(s)


@scenario()
def words_that_are_strings_stay_strings(s):
    """A mailbox named NIL, quotes, backslashes and 8-bit subjects keep their kind on both ways."""
    client = s.client()
    for name in ('"NIL"', '"a b"', '"a\\"b"', '"per%cent"', '"(x)"', '"{5}"', '"&AOQ-"'):
        if client.command("CREATE " + name).ok:
            client.ok("SUBSCRIBE " + name)
            assert len(client.ok("LIST \"\" " + name).of("LIST")) >= 1, name
    listed = client.ok('LIST "" NIL').of("LIST")
    assert len(listed) == 1 and listed[0].data[2] == b"NIL", listed
    assert b'"NIL"' in listed[0].text or listed[0].line.literals, "printed as the atom NIL: %r" % listed[0].text
    message = b"Subject: NIL\r\nFrom: \"NIL\" <nil@nil>\r\nX-Id: nil\r\n\r\nbody\r\n"
    client.ok("APPEND NIL ", Literal(message))
    client.select("NIL")
    envelope = client.ok("FETCH 1 ENVELOPE").of("FETCH")[0].fetch_items()[b"ENVELOPE"]
    assert envelope[1] == b"NIL" and envelope[2][0][0] == b"NIL" and envelope[2][0][1] is None, envelope


@scenario(variants=("full", "bare"))
def literals_anywhere(s):
    s.fill(2)
    for kind in (Literal, PlusLiteral):
        client = s.client()
        assert client.ok("STATUS ", kind(b"INBOX"), " (MESSAGES)").of("STATUS")
        client.ok("SELECT ", kind(b"INBOX"))
        assert client.ok("SEARCH SUBJECT ", kind(b"about m2")).numbers() == [2]
        assert client.ok("SEARCH CHARSET UTF-8 OR SUBJECT ", kind("ä".encode()), " SUBJECT ", kind(b"m1")).numbers() == [1]
        assert client.ok('LIST ', kind(b""), " ", kind(b"*")).of("LIST")
        client.ok("CREATE ", kind(b"New-" + kind.__name__.encode()))
        client.ok("APPEND ", kind(b"New-" + kind.__name__.encode()), " (\\Seen) ", kind(make_message("appended")))
        assert list(s.stored("New-" + kind.__name__)) == ["appended"]
        assert client.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (", kind(b"X-Id"), ")]").of("FETCH")
        # A literal of no octets, and one that looks like commands.
        assert client.command("SELECT ", kind(b"")).status in ("NO", "BAD")
        client.ok("APPEND INBOX ", kind(b"X-Id: commands\r\n\r\nx1 NOOP\r\nx2 LOGOUT\r\n"))
    assert list(s.server.contents("u1").values())[2:] == [("commands", set())] * 2


@scenario(variants=("full", "bare"))
def pipelined_commands_are_answered_in_order(s):
    s.fill(5)
    client = s.client(select="INBOX", learn=True)
    results = client.pipeline(*["FETCH %d (FLAGS BODY.PEEK[])" % (1 + number % 5) for number in range(60)])
    assert all(result.ok and len(result.of("FETCH")) == 1 for result in results)
    results = client.pipeline("STORE 1 +FLAGS (\\Flagged)", "SEARCH FLAGGED", "STORE 1 -FLAGS (\\Flagged)", "SEARCH FLAGGED",
                              "NOSUCH", "STATUS INBOX (MESSAGES)", "NOOP")
    assert [result.status for result in results] == ["OK", "OK", "OK", "OK", "BAD", "OK", "OK"]
    assert results[1].numbers() == [1] and results[3].numbers() == []
    results = client.pipeline(*["NOOP"] * 500)
    assert all(result.ok for result in results)
    other = s.client(name="other")
    results = other.pipeline("SELECT INBOX", "FETCH 2 BODY.PEEK[]", "CLOSE", "SELECT Nowhere", "NOOP")
    assert [result.status for result in results] == ["OK", "OK", "OK", "NO", "OK"]


@scenario()
def a_whole_session_in_one_packet(s):
    s.fill(2)
    client = s.connect()
    results = client.pipeline("LOGIN u1 secret", "SELECT INBOX", "FETCH 1:2 (UID BODY.PEEK[])", "LOGOUT")
    assert [result.status for result in results] == ["OK"] * 4 and len(results[2].of("FETCH")) == 2


@scenario(variants=("full", "no-idle"))
def done_and_the_next_command_in_one_packet(s):
    s.fill(2)
    client = s.client(select="INBOX", learn=True)
    for done in (b"DONE\r\n", b"done\r\n", b"Done\r\n"):
        client.idle()
        client.outstanding.append((b"x1", b"FETCH 2 BODY.PEEK[]"))
        client.send_raw(done + b"x1 FETCH 2 BODY.PEEK[]\r\n")
        assert client.finish(client.idle_tag).ok
        assert client.finish(b"x1").of("FETCH")
    # IDLE, DONE and more, all before the go-ahead.
    tag = client.new_tag()
    client.outstanding += [(tag, b"IDLE"), (b"x2", b"NOOP")]
    client.send_raw(tag + b" IDLE\r\nDONE\r\nx2 NOOP\r\n")
    assert client._next(10).kind == "go-ahead"
    assert client.finish(tag).ok and client.finish(b"x2").ok


@scenario()
def something_else_than_done_ends_idle_with_bad(s):
    s.fill(1)
    client = s.client(select="INBOX", tracked=False)
    client.idle()
    client.send_raw(b"x1 NOOP\r\n")
    response = client._next(10)
    assert response.status in ("BAD", "BYE"), response
    survives(s)


@scenario()
def idle_without_a_mailbox(s):
    client = s.client()
    client.idle()
    time.sleep(0.2)
    assert client.done().ok


@scenario()
def octets_one_at_a_time(s):
    s.fill(2)
    client = s.connect()
    for command in (b"a1 LOGIN u1 {6+}\r\nsecret\r\n", b"a2 SELECT INBOX\r\n", b"a3 FETCH 2 (BODY.PEEK[])\r\n"):
        client.outstanding.append((command[:2], command[3:]))
        for at in range(len(command)):
            client.socket.sendall(command[at:at + 1])
        assert client.finish(command[:2]).ok
    assert client.messages[1].identity == "m2"


@scenario(timeout=90)
def garbage_from_many_clients(s):
    """Seeded noise before and after login; nobody else notices, nothing reaches the server."""
    import random
    s.fill(2)
    stays = s.client(name="stays", select="INBOX", learn=True)
    choose = random.Random(s.seed)
    words = [b"a1", b" ", b"FETCH", b"1:*", b"(", b")", b'"', b"{3}", b"{3+}", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"BODY[", b"]",
             b"UID", b"SEARCH", b"\\", b"*", b"%", b"NIL", b"LOGIN", b"u1", b"IDLE", b"DONE", b"SELECT", b"INBOX", b"STORE", b"OR",
             b"NOT", b"<0.5>", b"4294967296", b"18446744073709551616", b"~{2}", b"APPEND"]
    for turn in range(40):
        client = s.client(name="noise", tracked=False) if turn % 2 else s.connect("noise", tracked=False)
        noise = b"".join(choose.choice(words) for _ in range(choose.randint(5, 80)))
        try:
            client.socket.sendall(noise.replace(b"STORE", b"FETCH"))
            client.socket.settimeout(0.05)
            client.socket.recv(65536)
        except OSError:
            pass
        client.close_socket()
        if turn % 10 == 9:
            stays.noop()
            assert stays.fetch_identity(2) == "m2"


@scenario()
def half_a_line_and_a_close(s):
    s.fill(1)
    for piece in (b" ", b"a1", b"a1 LOGIN u1", b"a1 LOGIN {3}\r\nu", b"a1 LOGIN {5+}\r\nu1", b"a1 AUTHENTICATE PLAIN\r\nAGFi", b"\r"):
        for logged_in in (False, True):
            client = s.client(name="t", tracked=False) if logged_in else s.connect("t", tracked=False)
            client.send_raw(piece)
            client.close_socket()
            survives(s)
