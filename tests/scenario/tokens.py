"""Bearer tokens at a server that takes the user from the token alone and ignores the name beside it: whoever names another
user never sees that user's mail, nor shows them their own."""
import base64
import re
import socket

from mail_server import free_port
from scenario import scenario
from scripted_upstream import FULL, Mailbox, ScriptedUpstream


class IgnoresNames(ScriptedUpstream):
    """Two users, whose mailboxes look the same from outside: UIDVALIDITY, UIDs and flags."""

    tokens = {"token-a": "anna", "token-a2": "anna", "token-b": "bob", "token-b2": "bob"}
    checks = False

    def __init__(self):
        super().__init__(capabilities=FULL + " AUTH=XOAUTH2 SASL-IR")
        self.boxes = {user: {"INBOX": Mailbox(), "Work": Mailbox()} for user in ("anna", "bob")}
        self.users = []
        for user, boxes in self.boxes.items():
            for name in boxes:
                for number in range(4):
                    boxes[name].add("%s-%s-%d" % (user, name, number))

    def enter(self, tag, user):
        self.mailboxes = self.boxes[user]
        self.users.append(user)
        self.line("* OK [ALERT] you are " + user)
        self.line(tag + " OK logged in")

    def do_authenticate(self, tag, rest):
        message = base64.b64decode(rest.split(" ")[2])
        name, token = re.match(rb"user=(.*)\x01auth=Bearer (.*)\x01\x01$", message).groups()
        user = self.tokens.get(token.decode())
        if user and (not self.checks or name.decode() == user):
            self.enter(tag, user)
        else:
            self.line(b"+ " + base64.b64encode(b'{"status":"400"}'))
            self.read_line()
            self.line(tag + " NO [AUTHENTICATIONFAILED] no")

    def do_login(self, tag, rest):
        _, user, password = rest.replace('"', "").split(" ")
        if password == "password-" + user:
            self.enter(tag, user)
        else:
            self.line(tag + " NO [AUTHENTICATIONFAILED] no")


class ChecksNames(IgnoresNames):
    checks = True


SETTINGS = {"reverify_interval": "0", "failure_delay": "50ms", "login_wait": "4s"}


def begin(s, settings):
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=settings.split("\n"))])


class Raw:
    """A client that keeps every octet; `ended` once the connection is closed."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.octets, self.ended, self.count = b"", False, 0
        self.read_until(rb"\r\n")

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError:
            self.ended = True

    def read_until(self, pattern):
        """The octets since the last call to the end of the match; what there is if the connection ends first."""
        while not self.ended and not re.search(pattern, self.octets):
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            self.ended = not more
            self.octets += more
        match = re.search(pattern, self.octets)
        end = match.end() if match else len(self.octets)
        seen, self.octets = self.octets[:end], self.octets[end:]
        return seen.decode()

    def command(self, text):
        """What is told until the tagged answer, and whether that is OK. A challenge is answered."""
        self.count += 1
        tag = "t%d" % self.count
        self.send(("%s %s\r\n" % (tag, text)).encode())
        seen = self.read_until(rb"(?m)^(%s |\+ ).*\r\n" % tag.encode())
        if "\n+ " in "\n" + seen:
            self.send(b"\r\n")
            seen += self.read_until(rb"(?m)^%s .*\r\n" % tag.encode())
        return seen, "\n%s OK" % tag in "\n" + seen


def enter(s, name, credential):
    """A client that is in; None: it is not let in."""
    client = Raw(s.mux_port)
    if credential.startswith("password"):
        _, good = client.command("LOGIN %s %s" % (name, credential))
    else:
        message = base64.b64encode(("user=%s\1auth=Bearer %s\1\1" % (name, credential)).encode()).decode()
        _, good = client.command("AUTHENTICATE XOAUTH2 " + message)
    return client if good else None


def look(client, of, mailbox="INBOX"):
    """Does it see its own mail? It never sees the other user's."""
    if client is None:
        return False
    seen, good = client.command("SELECT " + mailbox)
    more, well = client.command("UID FETCH 1:* (UID BODY.PEEK[])")
    other = "bob" if of == "anna" else "anna"
    assert other not in (seen + more), "%s's client sees %s's mail: %s" % (of, other, seen + more)
    return good and well and of + "-" in more


def play(s, first, second):
    """Anna's client names bob, in one of two orders with bob's own; reconnects, changes of hands, both mailboxes."""
    order = [("anna", first), ("bob", second)]
    for turn in range(2):
        clients = {}
        for of, credential in order:
            clients[of] = enter(s, "bob", credential)
            for who, client in clients.items():
                look(client, who)
        s.upstream.drop()
        for mailbox in ("Work", "INBOX"):
            for who, client in clients.items():
                look(client, who, mailbox)
        for of, credential in order:
            again = enter(s, "bob", credential)
            for who, client in [*clients.items(), (of, again)]:
                look(client, who)
        order.reverse()


def ignores_names(_):
    return IgnoresNames()


@scenario(upstream=ignores_names, start=False, settings=SETTINGS, timeout=120)
def a_token_that_names_another_user_meets_their_password(s):
    begin(s, "tokens = yes")
    play(s, "token-a", "password-bob")
    bob = enter(s, "bob", "password-bob")
    assert look(bob, "bob"), "the user's own password always gets in"


@scenario(upstream=ignores_names, start=False, settings=SETTINGS, timeout=120)
def a_token_that_names_another_user_meets_their_token(s):
    begin(s, "tokens = yes")
    play(s, "token-a", "token-b")


@scenario(upstream=ignores_names, start=False, settings=SETTINGS, timeout=120)
def a_token_that_names_another_user_is_told_by_no_second_connection(s):
    begin(s, "tokens = yes\nverify_connection = yes")
    play(s, "token-a", "password-bob")


@scenario(upstream=ignores_names, start=False, settings={**SETTINGS, "idle_delay": "10ms"}, timeout=60)
def who_is_in_idle_as_the_session_changes_hands_is_told_nothing_of_the_next_user(s):
    begin(s, "tokens = yes")
    anna = enter(s, "bob", "token-a")
    assert look(anna, "anna")
    anna.send(b"i1 IDLE\r\n")
    bob = enter(s, "bob", "password-bob")
    assert look(bob, "bob")
    rest = anna.read_until(rb"(?!)")
    assert "bob" not in rest and "log in again" in rest, rest


@scenario(upstream=ignores_names, start=False, settings=SETTINGS, timeout=60)
def a_renewed_token_takes_the_session_over(s):
    """The phone's old connection ends, and everything else of the same token is in."""
    begin(s, "tokens = yes")
    old = enter(s, "anna", "token-a")
    assert look(old, "anna")
    new = enter(s, "anna", "token-a2")
    assert look(new, "anna")
    assert "log in again" in old.read_until(rb"(?!)")
    more = enter(s, "anna", "token-a2")
    assert look(more, "anna") and look(new, "anna", "Work")
    assert s.upstream.users == ["anna"] * 2, s.upstream.users


@scenario(upstream=lambda _: ChecksNames(), start=False, settings=SETTINGS, timeout=60)
def where_the_server_checks_names_tokens_and_passwords_share_the_session(s):
    begin(s, "tokens = checked")
    clients = [enter(s, "bob", credential) for credential in ("token-b", "password-bob", "token-b2")]
    assert all(look(client, "bob") for client in clients)
    assert enter(s, "bob", "token-a") is None
    assert all(look(client, "bob", "Work") for client in clients)
