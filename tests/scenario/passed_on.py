"""Quota, rights and annotations, passed on to real servers: what one client changes another sees, as at the server itself."""
from imap_client import Literal, PlusLiteral
from runner import load
from scenario import of_variant, scenario

compare, play = (getattr(load("same_as_direct"), name) for name in ("compare", "play"))

PLUGINS = """
mail_plugins = $mail_plugins quota acl
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = $mail_plugins imap_quota imap_acl
  imap_metadata = yes
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=1M
  quota_vsizes = yes
  acl = vfile
  acl_anyone = allow
}
"""
QUOTA = [
    "GETQUOTAROOT INBOX", "getquotaroot inbox", "GETQUOTAROOT Work", "GETQUOTAROOT NoSuch", 'GETQUOTA "User quota"', "GETQUOTA NoSuch",
    'SETQUOTA "User quota" (STORAGE 9)', "GETQUOTA", "GETQUOTA (a)", 'SETQUOTA "User quota" (STORAGE)',
]
ACL = [
    "MYRIGHTS INBOX", "MYRIGHTS Work", "MYRIGHTS NoSuch", "GETACL Work", "SETACL Work anyone lr", "GETACL Work", "SETACL Work anyone +s",
    "GETACL Work", "SETACL Work anyone -l", "GETACL Work", "LISTRIGHTS Work anyone", 'SETACL Work "u2" ""', "DELETEACL Work anyone",
    "GETACL Work", "SETACL NoSuch anyone l", "SETACL Work anyone", "GETACL", "LISTRIGHTS Work", "SETACL Work anyone !",
]
METADATA = [
    'SETMETADATA INBOX (/private/comment "mine")', ("SETMETADATA INBOX (/shared/comment ", Literal(b'two\r\nlines "and" \\'), ")"),
    "GETMETADATA INBOX /private/comment", 'GETMETADATA INBOX ("/shared/comment" /private/comment)', "GETMETADATA INBOX /private/nothing",
    "GETMETADATA (MAXSIZE 4) INBOX (/private/comment /shared/comment)", "GETMETADATA (DEPTH infinity) INBOX (/private)",
    "GETMETADATA (DEPTH 1) INBOX (/shared)", 'SETMETADATA "" (/private/vendor/test/a "server")', 'GETMETADATA "" /private/vendor/test/a',
    "SETMETADATA INBOX (/private/comment NIL)", "GETMETADATA INBOX /private/comment", "GETMETADATA NoSuch /private/comment",
    "GETMETADATA INBOX /private/*", "SETMETADATA INBOX (/private/comment)", "GETMETADATA INBOX",
]


def offered(client, script):
    """The commands that the server has."""
    words = client.capabilities()
    kinds = {"QUOTA": "QUOTA", "RIGHTS": "ACL", "ACL": "ACL", "METADATA": "METADATA"}
    return [command for command in script
            if next((has for word, has in kinds.items() if word in (command if isinstance(command, str) else command[0]).split()[0].upper()), None)
            in words]


def both_ways(s, script):
    """What the script changes is the same whichever way it goes, so that the second run answers as the first."""
    client = s.direct(name="same", tracked=False)
    client.command("CREATE INBOX.Work" if s.variant == "courier" else "CREATE Work")
    script = offered(client, script)
    assert script, "the server has none of it"
    play(client, script)
    client.select("INBOX")
    direct = play(client, script)
    client.logout()
    s.start_imapmux()
    others = [s.client(select="INBOX") for _ in range(4)]
    client = s.client(name="same", select="INBOX")
    compare(s, script, direct, play(client, script))
    for other in others:
        other.noop()


@scenario(dovecot_extra=PLUGINS, start=False)
def quota_as_directly(s):
    both_ways(s, QUOTA)


@scenario(dovecot_extra=PLUGINS, start=False)
def rights_as_directly(s):
    both_ways(s, ACL)


@scenario(dovecot_extra=PLUGINS, start=False)
def annotations_as_directly(s):
    both_ways(s, METADATA)


@scenario(variants=("cyrus",), upstream=of_variant, start=False, timeout=90)
def at_cyrus_as_directly(s):
    """All but a * in the name of an entry, which Cyrus takes and RFC 5464 forbids."""
    both_ways(s, QUOTA + ACL + [command for command in METADATA if "*" not in command])


@scenario(variants=("courier",), upstream=of_variant, start=False, timeout=90)
def at_courier_as_directly(s):
    both_ways(s, [command.replace("Work", "INBOX.Work") for command in ACL if "anyone !" not in command])
    client = s.client()
    assert client.ok("GETQUOTAROOT INBOX").of("QUOTA")[0].data == [b"ROOT", []], "Courier leaves an empty list out"


@scenario(dovecot_extra=PLUGINS)
def what_one_sets_the_others_get(s):
    s.deliver("m1")
    clients = [s.client(select="INBOX", learn=True) for _ in range(3)]
    clients[0].ok("SETACL INBOX anyone l")
    clients[1].ok("SETMETADATA INBOX (/shared/comment ", PlusLiteral(b"by\r\nthe second"), ")")
    for client in clients:
        acl = client.ok("GETACL INBOX").of("ACL")[0].data
        assert b"anyone" in acl, acl
        told = client.ok("GETMETADATA INBOX /shared/comment").of("METADATA")[0].data
        assert told == [b"INBOX", [b"/shared/comment", b"by\r\nthe second"]], told
        client.noop()
        assert client.fetch_identity(1) == "m1"
    s.deliver("m2")
    for client in clients:
        client.noop()
        client.learn()
        assert client.identities() == ["m1", "m2"]
        root = client.ok("GETQUOTAROOT INBOX").of("QUOTAROOT")[0].data
        assert root == [b"INBOX", b"User quota"], root


@scenario(dovecot_extra=PLUGINS, settings={"login_wait": "20s"})
def a_lost_connection_shows_nothing_twice(s):
    client = s.client(select="INBOX")
    for _ in range(5):
        s.relay.cut()
        result = client.ok("GETQUOTAROOT INBOX")
        assert len(result.of("QUOTAROOT")) == 1 and len(result.of("QUOTA")) == 1, result


@scenario(dovecot_extra=PLUGINS)
def what_does_not_fit_is_over_quota(s):
    client = s.client(select="INBOX")
    result = client.command("APPEND INBOX ", Literal(b"Subject: large\r\n\r\n" + b"x" * 2_000_000))
    assert result.status == "NO" and result.code_name == "OVERQUOTA", result


@scenario()
def where_the_server_has_none_they_are_refused(s):
    client = s.client()
    for command in ("GETQUOTA a", "GETACL INBOX", "GETMETADATA INBOX /private/comment"):
        assert client.command(command).status == "BAD", command
