"""Clients that leave without a LOGOUT: an end of the line is noticed when it comes, and what was asked before is answered."""
import socket
import struct
import time

from imap_client import Closed
from scenario import scenario


def until(condition, limit=10):
    """Tries again until condition() holds; for what must come about by itself long before `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it has not come about within %g s" % limit
        time.sleep(0.05)


def last_words(client, commands):
    """Sends commands and then the end of the sending side, unless that has been done; returns all that is answered up to the end."""
    if commands:
        client.socket.sendall(commands)
        client.socket.shutdown(socket.SHUT_WR)
    client.socket.settimeout(20)
    answers = b"\r\n"
    while True:
        octets = client.socket.recv(65536)
        if not octets:
            return answers
        answers += octets


@scenario(settings={"sessions_per_account": "2"})
def those_who_close_in_idle_make_room(s):
    for _ in range(6):
        client = s.connect(tracked=False)
        until(lambda: client.command('LOGIN u1 "%s"' % s.password("u1")).ok)
        client.select("INBOX")
        client.idle()
        client.close_socket()


@scenario(settings={"sessions_per_address": "2"})
def those_who_close_before_their_password_make_room(s):
    def gets_in():
        try:
            client = s.connect(tracked=False)
        except (Closed, OSError):
            return False
        if client.greeting.status == "OK":
            client.begin("AUTHENTICATE PLAIN")
            assert client._next(5).kind == "go-ahead"
        client.close_socket()
        return client.greeting.status == "OK"
    for _ in range(6):
        until(gets_in)


@scenario(settings={"login_wait": "2m"})
def a_reset_is_noticed_while_a_login_waits(s):
    holder = s.direct()
    client = s.connect(tracked=False)
    client.begin('LOGIN u1 "%s"' % s.password("u1"))
    s.until_logged("too many sessions")
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close_socket()
    s.until_logged("reset by peer")
    assert "logged in" not in s.log_text()
    holder.logout()


@scenario(settings={"login_wait": "2m"})
def a_login_that_waits_is_answered_after_the_end(s):
    holder = s.direct()
    client = s.connect(tracked=False)
    client.socket.sendall(b"a LOGIN u1 %s\r\nb SELECT INBOX\r\n" % s.password("u1").encode())
    client.socket.shutdown(socket.SHUT_WR)
    s.until_logged("too many sessions")
    holder.logout()
    assert b"\r\nb OK " in last_words(client, b"")


@scenario()
def what_was_sent_before_the_end_is_answered(s):
    s.fill(3)
    word = s.password("u1").encode()
    answers = last_words(s.connect(tracked=False), b"a LOGIN u1 %s\r\nb SELECT INBOX\r\nc FETCH 1:3 BODY.PEEK[]\r\nd NOOP\r\n" % word)
    for tag in (b"a", b"b", b"c", b"d"):
        assert b"\r\n%s OK " % tag in answers, (tag, answers)
    assert answers.count(b"this is m") == 3, answers
    assert b"\r\na OK " in last_words(s.connect(tracked=False), b"a LOGIN u1 %s\r\n" % word)
    assert b"\r\na NO " in last_words(s.connect(tracked=False), b"a LOGIN u1 wrong\r\n")


@scenario()
def what_waits_for_more_ends_with_the_line(s):
    s.fill(1)
    for commands, good in ((b"x NOOP\r\ny IDLE\r\n", (b"x OK ", b"+ idling")), (b"x IDLE\r\nDONE\r\ny NOOP\r\n", (b"x OK ", b"y OK ")),
                           (b"x NOOP\r\ny NOO", (b"x OK ",)), (b"x APPEND INBOX {100+}\r\nabc", ())):
        answers = last_words(s.client(select="INBOX", tracked=False), commands)
        assert all(word in answers for word in good), (commands, answers)
        assert answers.count(b" OK ") == sum(b"OK" in word for word in good), (commands, answers)
    assert s.stored() == {"m1": set()}
