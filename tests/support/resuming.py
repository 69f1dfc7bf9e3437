"""What a client keeps of a mailbox over a lost connection, and takes up again by QRESYNC (RFC 7162 section 3.2.5)."""


def kept(client):
    """(UIDVALIDITY, mod-sequence, {uid: (identity, flags)}) of the messages that it knows; None: nothing that could be kept."""
    messages = {}
    for message in client.messages:
        if message.uid is None or message.identity is None:
            break
        messages[message.uid] = (message.identity, None if message.flags is None else frozenset(message.flags - {"\\Recent"}))
    if not client.qresync or not client.highestmodseq or "UIDVALIDITY" not in client.code_values:
        return None
    return int(client.code_values["UIDVALIDITY"]), client.highestmodseq, messages


def parameter(cache):
    validity, modseq, messages = cache
    known = " " + ",".join(map(str, sorted(messages))) if messages else ""
    return "(QRESYNC (%d %d%s))" % (validity, modseq, known)


def take_up(client, cache):
    """Behind the answer to SELECT: what was kept, and is not said to have gone, is known again. Returns it as `kept` has it."""
    left = {uid: value for uid, value in cache[2].items() if uid not in client.vanished_earlier}
    assert len(left) <= len(client.messages), "%s kept %s and counts %d messages" % (client.name, sorted(left), len(client.messages))
    for message, (uid, (identity, flags)) in zip(client.messages, sorted(left.items())):
        assert message.uid in (None, uid), "%s: UID %d is at the place of UID %d" % (client.name, message.uid, uid)
        message.uid, message.identity = uid, identity
        if message.flags is None and flags is not None:
            message.flags = set(flags)
        left[uid] = (identity, None if message.flags is None else frozenset(message.flags - {"\\Recent"}))
    return left


def resume(client, cache, mailbox="INBOX"):
    """Selects with it."""
    client.vanished_earlier = []
    client.ok("SELECT %s %s" % (mailbox, parameter(cache)))
    return take_up(client, cache)
