"""The scripted server over TLS, and what a false one, or a man in the middle, does in its place.

A scenario changes its attributes between connections: `certificate`, `versions`, what it says before TLS. Whatever came
to it in plain text stands in `in_clear`, what went wrong in a handshake in `handshakes`; `assert_no_password` looks at
all that it has read.
"""
import re
import ssl

from mail_server import PASSWORD
from scripted_upstream import Gone, ScriptedUpstream

IN_CLEAR = "IMAP4rev1 STARTTLS LOGINDISABLED"


def _tag_after(tag, count):
    """The tag of the command `count` after this one, as whoever sees one can tell it."""
    secret, number = tag.split(".")
    return "%s.%d" % (secret, int(number) + count)


class TlsUpstream(ScriptedUpstream):
    def __init__(self, certificate, implicit=True, in_clear=IN_CLEAR, starttls="TAG OK begin\r\n", versions=None, before_tls=None,
                 **habits):
        """starttls: what answers STARTTLS, octets behind it included; versions: (least, most) of TLS, all without it;
        before_tls: called with (server, socket) where a handshake should begin, ends the connection if it returns True."""
        super().__init__(**habits)
        self.certificate, self.implicit, self.versions, self.before_tls = certificate, implicit, versions, before_tls
        self.capabilities_in_clear, self.starttls = in_clear, starttls
        self.secured = False
        self.said_in_clear = []  # lines before the answer to CAPABILITY, without TLS
        self.in_clear, self.handshakes = b"", []

    @property
    def capabilities(self):
        return self.capabilities_after if self.secured else self.capabilities_in_clear

    @capabilities.setter
    def capabilities(self, value):
        self.capabilities_after = value

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.cert, self.certificate.key)
        if self.versions:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = self.versions
        return context

    def secure(self, connection):
        if self.before_tls and self.before_tls(self, connection):
            raise Gone
        try:
            connection = self.context().wrap_socket(connection, server_side=True)
        except OSError as error:  # ssl.SSLError is one
            self.handshakes.append(str(error))
            raise Gone from error
        self.secured = True
        return connection

    def serve(self, connection):
        self.secured = False
        self.socket = connection
        try:
            super().serve(self.secure(connection) if self.implicit else connection)
        finally:
            self.socket.close()

    def read_more(self):
        before = len(self.buffer)
        super().read_more()
        if not self.secured:
            self.in_clear += self.buffer[before:]

    def do_capability(self, tag, rest):
        if not self.secured:
            for line in self.said_in_clear:
                line = re.sub(r"^TAG\+(\d)", lambda match: _tag_after(tag, int(match[1])), line)
                self.line(line)
        super().do_capability(tag, rest)

    def do_starttls(self, tag, rest):
        self.send(self.starttls.replace("TAG", tag).encode())
        if re.match(r"TAG OK", self.starttls):
            self.socket, self.buffer = self.secure(self.socket), b""

    def assert_no_password(self):
        assert PASSWORD.encode() not in self.in_clear, "a password in plain text"
        told = [text for text in self.commands if text.startswith(("LOGIN", "AUTHENTICATE"))]
        assert not told and not self.logins, "a password was sent"
