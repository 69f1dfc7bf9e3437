"""The case that imapmux was made for."""
from scenario import MATRIX, scenario


@scenario(variants=MATRIX)
def push_service_and_desktop_share_one_mailbox(s):
    s.fill(5)
    push = s.client(name="push", select="INBOX", learn=True)
    push.idle()
    desktop = s.client(name="desktop", select="INBOX", learn=True)
    assert desktop.identities() == ["m1", "m2", "m3", "m4", "m5"], desktop.messages

    s.deliver("m6")
    push.idle_until(lambda: len(push.messages) == 6)
    # The service is told in IDLE and fetches in a session of its own, as such services do.
    fetcher = s.client(name="fetcher", select="INBOX")
    assert fetcher.fetch_identity(6) == "m6"
    fetcher.logout()

    desktop.noop()
    assert len(desktop.messages) == 6
    desktop.ok("STORE 3 +FLAGS (\\Deleted)")
    desktop.ok("EXPUNGE")
    assert desktop.identities() == ["m1", "m2", "m4", "m5", None], desktop.messages

    push.idle_until(lambda: len(push.messages) == 5)
    assert push.identities() == ["m1", "m2", "m4", "m5", None], push.messages
    push.done()
    for client in (push, desktop):
        assert client.fetch_identity(3) == "m4"
        assert client.fetch_identity(5) == "m6"
    assert list(s.stored()) == ["m1", "m2", "m4", "m5", "m6"]
    assert s.relay.logins == 1, s.relay.logins


@scenario(variants=MATRIX)
def every_idle_client_is_told_of_new_mail(s):
    clients = [s.client(select="INBOX") for _ in range(5)]
    for client in clients:
        client.idle()
    for number in range(1, 4):
        s.deliver("m%d" % number)
        for client in clients:
            client.idle_until(lambda: len(client.messages) == number)
    for client in clients:
        client.done()
        assert client.fetch_identity(2) == "m2"
    assert s.relay.open_now() == 1
