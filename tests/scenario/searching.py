"""Searches of several clients at once: RETURN, what is answered to each in its own numbers, and nothing of what has gone."""
from imap_client import numbers_of
from mail_server import free_port
from scenario import MATRIX, scenario


def extended(result):
    """{item: its value as written} of the one ESEARCH line, with UID: True or False."""
    (response,) = result.of("ESEARCH")
    data = list(response.data)
    tag = data.pop(0)
    assert [bytes(tag[0]), bytes(tag[1])] == [b"TAG", response_tag(result)], response
    found = {"UID": bool(data) and bytes(data[0]) == b"UID"}
    data = data[1:] if found["UID"] else data
    found.update((bytes(name).decode(), value) for name, value in zip(data[::2], data[1::2]))
    return found


def response_tag(result):
    return result.tagged.tag


def all_of(result):
    found = extended(result)
    return numbers_of(found["ALL"]) if "ALL" in found else []


@scenario(variants=MATRIX)
def each_client_is_answered_in_its_own_numbers(s):
    s.fill(6)
    phone, desk = s.client(name="phone", select="INBOX", learn=True), s.client(name="desk", select="INBOX", learn=True)
    assert {"ESEARCH"} <= phone.capabilities()
    phone.ok("STORE 2,5 +FLAGS.SILENT (\\Flagged)")
    phone.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    phone.ok("EXPUNGE")
    # The desk still counts the first: it may not be told of it during SEARCH.
    assert all_of(desk.ok("SEARCH RETURN (ALL) FLAGGED")) == [2, 5]
    assert all_of(phone.ok("SEARCH RETURN () FLAGGED")) == [1, 4]
    found = extended(desk.ok("SEARCH RETURN (MIN MAX COUNT) ALL"))
    assert found == {"UID": False, "MIN": b"2", "MAX": b"6", "COUNT": b"5"}, found
    found = extended(phone.ok("SEARCH RETURN (COUNT MAX) UNFLAGGED"))
    assert found == {"UID": False, "MAX": b"5", "COUNT": b"3"}, found
    both = [extended(client.ok("UID SEARCH RETURN (ALL COUNT) FLAGGED")) for client in (phone, desk)]
    assert both[0] == both[1] and both[0]["UID"] and both[0]["COUNT"] == b"2", both
    found = extended(desk.ok("SEARCH RETURN (MIN MAX ALL COUNT) KEYWORD none"))
    assert found == {"UID": False, "COUNT": b"0"}, found
    assert desk.command("SEARCH RETURN (NOSUCH) ALL").status == "BAD"
    assert desk.command("SEARCH RETURN MIN ALL").status == "BAD"
    desk.noop()
    assert all_of(desk.ok("SEARCH RETURN () FLAGGED")) == [1, 4]


@scenario(start=False)
def where_it_is_hidden_return_is_no_key(s):
    s.fill(2)
    s.mux_port = free_port()
    s.start_imapmux(["-c", s.write_settings(upstream=["hide = ESEARCH"])])
    client = s.client(select="INBOX", learn=True)
    assert "ESEARCH" not in client.capabilities()
    assert client.command("SEARCH RETURN (MIN) ALL").status == "BAD"
    assert client.ok("SEARCH ALL").numbers() == [1, 2]
